"""`python manage.py engine ...`: the truth engine for scripts and for people, without a database."""

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from svclab.cluster.enginedns import dns_text
from svclab.cluster.enginetrace import VERDICTS, trace_text
from svclab.cluster.importing import BadFile, read_cluster, read_text
from svclab.kube.node_rules import kernel_tables
from svclab.kube.proxied import MODES as TRACED
from svclab.kube.proxy.config import ProxyConfig, service_ranges
from svclab.kube.proxy.iptables import compile_rules
from svclab.kube.proxy.ipvs import IpvsRuleset, compile_ipvs
from svclab.kube.proxy.nftables import compile_nftables
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.linux.iptables.save import print_save

MODES = ("iptables", "nftables", "ipvs")
FILE_HELP = "a recording, a Kubernetes List, or YAML as kubectl prints it; - for standard input"


class Command(BaseCommand):
    """Subcommands read a cluster's objects from a file and print what the real components would."""

    help = "What kube-proxy, CoreDNS and the kernel would do with the objects in a file"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="subcommand", required=True)
        rules = commands.add_parser("rules", help="kube-proxy's rules on one node")
        rules.add_argument("file", help=FILE_HELP)
        rules.add_argument("--node", required=True, help="whose rules")
        rules.add_argument("--mode", choices=MODES, default="iptables", help="kube-proxy's mode")

        dns = commands.add_parser("dns", help="CoreDNS's answers to questions on standard input")
        dns.add_argument("file", help=FILE_HELP.partition(";")[0])
        dns.add_argument("--pod", help="NAMESPACE/NAME: take the names as typed there")
        trace = commands.add_parser(
            "trace",
            help="all ends of the requests in a JSON list on standard input",
            epilog=VERDICTS,
            formatter_class=RawDescriptionHelpFormatter,
        )
        trace.add_argument("file", help=FILE_HELP.partition(";")[0])
        trace.add_argument("--mode", choices=tuple(TRACED), default="iptables", help="kube-proxy's mode")
        trace.add_argument("--events", action="store_true", help="add the whole trace of one run")
        trace.add_argument("--seed", default="svclab", help="decides the draws of that run")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one subcommand. A bad file is one line on standard error and exit code 2."""
        try:
            snapshot = read_cluster(options["file"])
            match options["subcommand"]:
                case "rules":
                    self.stdout.write(rules_text(snapshot, options["node"], options["mode"]), ending="")
                case "dns":
                    text = dns_text(snapshot, options["pod"], asked(options["file"]))
                    self.stdout.write(text, ending="")
                case "trace":
                    text = trace_text(
                        snapshot,
                        asked(options["file"]),
                        events=options["events"],
                        seed=options["seed"],
                        mode=options["mode"],
                    )
                    self.stdout.write(text, ending="")
        except BadFile as error:
            self.stderr.write(f"engine: {error}")
            raise SystemExit(2) from None


def asked(file: str) -> str:
    """The questions or requests on standard input. Raises BadFile if the objects were read from there."""
    if file == "-":
        raise BadFile("standard input can hold the objects or the list, not both: name a file of objects")
    return read_text("-")


def rules_text(snapshot: Snapshot, node_name: str, mode: str) -> str:
    """What iptables-save (filter and nat) or nft would print on a node. Raises BadFile if there is no such
    node.
    """
    ranges = service_ranges(snapshot.list("ServiceCIDR"))
    config = ProxyConfig.for_node(node(snapshot, node_name), service_cidr=ranges)
    services, slices = snapshot.list("Service"), snapshot.list("EndpointSlice")
    if mode == "nftables":
        return str(compile_nftables(services, slices, config))
    if mode == "ipvs":
        return ipvs_text(compile_ipvs(services, slices, config))
    return print_save(kernel_tables(compile_rules(services, slices, config)), ("filter", "nat"))


def ipvs_text(ruleset: IpvsRuleset) -> str:
    """What ipvsadm, ipset and iptables-save (filter and nat) would print, each under its command's name."""
    tables = print_save(kernel_tables(ruleset), ("filter", "nat"))
    return (
        "# by kube-proxy's documented design: no real node in this mode was recorded\n"
        f"# ipvsadm -Ln\n{ruleset.ipvsadm_text()}"
        f"# ipset save\n{ruleset.ipset_text()}"
        f"# iptables-save\n{tables}"
    )


def node(snapshot: Snapshot, name: str) -> Manifest:
    """The Node object. Raises BadFile, naming those that there are."""
    found = snapshot.get("Node", "", name)
    if found is None:
        names = ", ".join(manifest["metadata"]["name"] for manifest in snapshot.list("Node"))
        raise BadFile(f"there is no node {name}" + (f" (there are: {names})" if names else ""))
    return found
