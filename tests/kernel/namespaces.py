"""A Fabric laid out in the kernel: every host a network namespace, every link a veth pair or a bridge.

What the engine believes about addresses, routes and rules is what the kernel gets; nothing else is set up.
"""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from svclab.linux.fabric import Fabric
from svclab.linux.host import Host
from svclab.linux.iptables.save import print_save
from svclab.linux.skb import address_text

NETNS = Path("/var/run/netns")
SYSCTLS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.icmp_ratelimit": 0,
    "net.ipv4.icmp_msgs_per_sec": 1_000_000,
}


class SetupError(RuntimeError):
    """A command of iproute2 or iptables failed; the message is what it printed."""


def run(*command: str, stdin: str | None = None) -> str:
    """Run a command; its output. Raises SetupError."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Namespaces:
    """The namespaces of one fabric; a context manager that removes them again."""

    def __init__(
        self, fabric: Fabric, nftables: dict[str, str] | None = None, restore: str = "iptables-restore"
    ) -> None:
        """`nftables`: per host the text of a table to load beside the iptables rules."""
        self.fabric = fabric
        self.nftables = nftables or {}
        self.restore = restore
        self.names = {host: f"svclab{os.getpid()}-{i}" for i, host in enumerate([*fabric.hosts, "switches"])}

    def __enter__(self) -> "Namespaces":
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.names.values():
            if (NETNS / name).exists():
                subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def path(self, host: str) -> str:
        """The file that stands for a host's namespace."""
        return str(NETNS / self.names[self.fabric.aliases.get(host, host)])

    def _build(self) -> None:
        run("ip", "-batch", "-", stdin="\n".join(f"netns add {name}" for name in self.names.values()))
        run("ip", "-batch", "-", stdin="\n".join(self._links()))
        run("ip", "-n", self.names["switches"], "-batch", "-", stdin="\n".join(self._bridges()))
        for host in self.fabric.hosts.values():
            self._configure(host)

    # -- links -----------------------------------------------------------------------------------------------

    def _links(self) -> Iterable[str]:
        for number, link in enumerate(self.fabric.links):
            if len(link.ends) == 2:
                yield _veth(*((name, self.names[host]) for host, name in link.ends))
                continue
            for port, (host, interface) in enumerate(link.ends):
                yield _veth((f"p{number}-{port}", self.names["switches"]), (interface, self.names[host]))

    def _bridges(self) -> Iterable[str]:
        for number, link in enumerate(self.fabric.links):
            if len(link.ends) == 2:
                continue
            yield f"link add br{number} type bridge mcast_snooping 0"  # which would itself send
            yield f"link set br{number} up"
            for port in range(len(link.ends)):
                yield f"link set p{number}-{port} master br{number}"
                yield f"link set p{number}-{port} up"

    # -- hosts -----------------------------------------------------------------------------------------------

    def _configure(self, host: Host) -> None:
        name = self.names[host.name]
        run("ip", "-n", name, "-batch", "-", stdin="\n".join(_addresses(host)))
        run("ip", "-n", name, "-batch", "-", stdin="\n".join(_routes(host)))
        settings: dict[str, int | str] = {**SYSCTLS, "net.ipv4.tcp_syn_retries": 2}
        settings["net.ipv4.ping_group_range"] = "0 2147483647"
        if not host.forwards:
            settings["net.ipv4.ip_forward"] = 0
        if host.route_localnet:
            settings["net.ipv4.conf.all.route_localnet"] = 1
        self.inside(host.name, "sysctl", "-q", "-w", *(f"{key}={value}" for key, value in settings.items()))
        # At the same priority what came last is asked first: the CNI plugin's rule comes with the first pod.
        if host.name in self.nftables:
            self.inside(host.name, "nft", "-f", "-", stdin=self.nftables[host.name])
        if host.tables:
            text = print_save(host.tables, [t for t in host.tables if t != "mangle"])
            self.inside(host.name, self.restore, stdin=text)

    def inside(self, host: str, *command: str, stdin: str | None = None) -> str:
        """Run a command in a host's namespace."""
        return run("ip", "netns", "exec", self.names[host], *command, stdin=stdin)

    def hand_to(self, destination: str, via: str) -> None:
        """Make the router hand packets for an address to this one from now on."""
        run("ip", "-n", self.names["router"], "route", "replace", f"{destination}/32", "via", via)


def _veth(one: tuple[str, str], other: tuple[str, str]) -> str:
    """A veth pair between two interfaces, each (name, namespace)."""
    return f"link add {one[0]} netns {one[1]} type veth peer name {other[0]} netns {other[1]}"


def _addresses(host: Host) -> Iterable[str]:
    yield "link set lo up"
    for interface in host.routing.interfaces.values():
        if interface.name == "lo":
            continue
        if interface.name == "kube-ipvs0":
            yield "link add kube-ipvs0 type dummy"
        for own in interface.addresses:
            text = address_text(4, own.address)
            peer = f" peer {address_text(4, own.peer)}" if own.peer is not None else ""
            length = "" if own.peer is not None else f"/{own.length}"
            yield f"addr add {text}{peer}{length} dev {interface.name}"
        yield f"link set {interface.name} up"


def _routes(host: Host) -> Iterable[str]:
    for route in host.routing.routes:
        prefix = "default" if route.prefix.mask == 0 else route.prefix.text()
        if route.blackhole:
            yield f"route add blackhole {prefix}"
        elif route.among:
            hops = " ".join(f"nexthop via {address_text(4, hop)}" for hop in route.among)
            yield f"route replace {prefix} {hops}"
        else:
            via = f" via {address_text(4, route.via)}" if route.via is not None else ""
            onlink = " onlink" if via else ""
            source = f" src {address_text(4, route.source)}" if route.source is not None else ""
            yield f"route replace {prefix}{via} dev {route.interface}{onlink}{source}"
