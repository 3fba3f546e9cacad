"""nft, ipvsadm, ipset: what kube-proxy keeps on a node in its other two modes. Source: nftables 1.0.6,
ipvsadm
1.31, ipset 7.17.
"""

from svclab.kube.node_rules import ipvs_connections
from svclab.kube.nodememory import NodeMemory
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.ipvs import IpvsRuleset, compile_ipvs
from svclab.kube.proxy.nftables import compile_nftables
from svclab.kube.snapshot import Manifest
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.registry import Context, Usage, command

_HEADING = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
"""


def _programmed(context: Context) -> tuple[list[Manifest], list[Manifest], ProxyConfig] | None:
    """The Services and slices that this node's kube-proxy has synced; None away from a node."""
    if context.location.kind != "node":
        return None
    state = context.cluster.state()
    node = state.snapshot.get("Node", "", context.location.name)
    memory = state.hosts.get(context.location.name, NodeMemory())
    services = [manifest for manifest in memory.manifests if manifest["kind"] == "Service"]
    slices = [manifest for manifest in memory.manifests if manifest["kind"] == "EndpointSlice"]
    return services, slices, ProxyConfig.for_node(node)


def _mode(context: Context) -> str:
    """The mode in which this node's kube-proxy wrote its rules; "" away from a node."""
    if context.location.kind != "node":
        return ""
    return context.cluster.state().hosts.get(context.location.name, NodeMemory()).mode


@command("nft", places={"node", "netshoot"})
def nft(context: Context, argv: list[str]) -> int:
    """Lists tables and rule sets: `nft list tables`, `nft list table ip kube-proxy`, `nft list ruleset`."""
    words = [word for word in argv if not word.startswith("-")]
    if words[:1] != ["list"]:
        raise Usage("svclab lets you read the rules: nft list ruleset, nft list table ip kube-proxy", 1)
    found = _programmed(context)
    nftables = _mode(context) == "nftables" and found is not None
    match words[1:]:
        case ["tables"] if found is not None:
            for name in (
                ["table ip kube-proxy"]
                if nftables
                else ["table ip mangle", "table ip nat", "table ip filter"]
            ):
                context.print(name)
        case ["ruleset"] | ["table", "ip", "kube-proxy"] if nftables and found is not None:
            context.stdout.write(str(compile_nftables(*found)))
        case ["ruleset"] if found is not None:
            for table in ("mangle", "nat", "filter"):
                context.print(f"# Warning: table ip {table} is managed by iptables-nft, do not touch!")
            context.print("# kube-proxy runs in another mode here; iptables-save prints these rules.")
        case ["ruleset"] | ["tables"]:
            return 0
        case ["chain", "ip", "kube-proxy", name] if nftables and found is not None:
            return _chain(context, str(compile_nftables(*found)), name)
        case _:
            line = " ".join(words)
            return _missing(context, line, words[-1])
    return 0


def _missing(context: Context, line: str, word: str) -> int:
    """nft's complaint about a name, marked in the line."""
    marks = " " * line.rfind(word) + "^" * len(word)
    return context.fail(f"Error: No such file or directory\n{line}\n{marks}")


def _chain(context: Context, text: str, name: str) -> int:
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip() == f"chain {name} {{"), None)
    if start is None:
        line = f"list chain ip kube-proxy {name}"
        return _missing(context, line, name)
    end = next(i for i in range(start, len(lines)) if lines[i].strip() == "}")
    context.print("\n".join([lines[0], *lines[start : end + 1], "}"]))
    return 0


def _ipvs(context: Context) -> IpvsRuleset | None:
    found = _programmed(context)
    return compile_ipvs(*found) if found is not None and _mode(context) == "ipvs" else None


@command("ipvsadm", places={"node", "netshoot"})
def ipvsadm(context: Context, argv: list[str]) -> int:
    """Lists virtual servers (-Ln); only the heading where kube-proxy does not run in ipvs mode."""
    if not any("L" in word or "l" in word for word in argv) and argv:
        raise Usage("svclab lets you read the table: ipvsadm -Ln", 2)
    rules = _ipvs(context)
    if rules is None:
        context.stdout.write(_HEADING)
        return 0
    now = context.cluster.now().timestamp()
    known = ipvs_connections(host_of(context).state, rules.config.ip_version, now)
    context.stdout.write(rules.ipvsadm_text(known))
    return 0


@command("ipset", places={"node", "netshoot"})
def ipset(context: Context, argv: list[str]) -> int:
    """Prints the sets of ipvs mode (`save`, `list`), or their names (`list -n`)."""
    rules = _ipvs(context)
    if rules is None:
        return 0
    if {"-n", "-name"} & set(argv):
        for name in rules.ipsets:
            context.print(name)
    else:
        context.stdout.write(rules.ipset_text())
    return 0
