"""Virtual servers and ipsets, printed as `ipvsadm -Ln` and `ipset save` print them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from types import MappingProxyType

from svclab.linux.trace import Origin

Real = tuple[str, int]  # a real server's address and port
Counts = tuple[int, int]  # its active and inactive connections
Connections = Mapping[tuple[str, str, int], Mapping[Real, Counts]]  # by protocol, address and port asked
PROTOCOL_ORDER = {"TCP": 6, "UDP": 17, "SCTP": 132}


@dataclass(frozen=True, slots=True)
class RealServer:
    """One endpoint behind a virtual server. Weight 0 takes no new connections; kube-proxy gives 1."""

    address: str
    port: int
    weight: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """An address and port that the kernel balances over real servers, by NAT ("Masq").

    `persistent_seconds` is None without session affinity. `scheduler` "rr": each in turn, per virtual
    server and node.
    """

    address: str
    port: int
    protocol: str
    persistent_seconds: int | None
    real_servers: tuple[RealServer, ...]
    origin: Origin
    scheduler: str = "rr"

    @property
    def key(self) -> tuple[str, str, int]:
        """Protocol, address and port."""
        return self.protocol, self.address, self.port

    @property
    def serving(self) -> tuple[RealServer, ...]:
        """Those that take new connections."""
        return tuple(server for server in self.real_servers if server.weight)

    def lines(self, counts: Mapping[Real, Counts] = MappingProxyType({})) -> list[str]:
        """As `ipvsadm -Ln` prints it, with each real server's connections.

        A real server whose endpoint has gone stays with weight 0 until its TCP connections have ended;
        those of other protocols go at once.
        """
        flags = "" if self.persistent_seconds is None else f" persistent {self.persistent_seconds}"
        head = f"{self.protocol:<4} {_at(self.address, self.port)} {self.scheduler}{flags}"
        known = {(server.address, server.port): server.weight for server in self.real_servers}
        leaving = dict.fromkeys(counts.keys() - known.keys() if self.protocol == "TCP" else (), 0)
        servers = sorted(
            (known | leaving).items(), key=lambda item: (int(ip_address(item[0][0])), item[0][1])
        )
        return [
            head,
            *(_real_line(real, weight, counts.get(real, (0, 0))) for real, weight in servers),
        ]


@dataclass(frozen=True, slots=True)
class IpSet:
    """A set of addresses or ports that iptables rules look things up in.

    `kind` is ipset's type, e.g. "hash:ip,port". `entries` are written as ipset writes them
    ("10.96.0.1,tcp:443"). `comment` is what kube-proxy puts into the rules that use the set.
    """

    name: str
    kind: str
    comment: str
    entries: dict[str, Origin]

    def lines(self, version: int) -> list[str]:
        """As `ipset save` prints it; entries in order (the kernel's own order is that of a hash table)."""
        added = [f"add {self.name} {entry}" for entry in self._members()]
        return [f"create {self.name} {self.kind} {self._header(version)}", *added]

    def listing(self, version: int, references: int) -> str:
        """As `ipset list` prints it, with the number of rules that look things up in it."""
        revision, empty_bytes = _KINDS[self.kind]
        size = empty_bytes + (0 if self.kind == "bitmap:port" else _ENTRY_BYTES * len(self.entries))
        members = "".join(f"{entry}\n" for entry in self._members())
        return (
            f"Name: {self.name}\nType: {self.kind}\nRevision: {revision}\nHeader: {self._header(version)}\n"
            f"Size in memory: {size}\nReferences: {references}\nNumber of entries: {len(self.entries)}\n"
            f"Members:\n{members}"
        )

    def _members(self) -> list[str]:
        """The entries as ipset prints them: a range of one address is that address."""
        return [entry.removesuffix("/128" if "::" in entry else "/32") for entry in sorted(self.entries)]

    def _header(self, version: int) -> str:
        if self.kind == "bitmap:port":
            return "range 0-65535"
        family = "inet6" if version == 6 else "inet"
        start = int(sha256(self.name.encode()).hexdigest()[:8], 16)  # the kernel draws it
        return f"family {family} hashsize 1024 maxelem 65536 bucketsize 12 initval 0x{start:08x}"


# By type of set: the revision, and bytes in memory of an empty one; then bytes of each entry.
_KINDS = {"hash:ip": (6, 200), "hash:ip,port": (7, 216), "hash:ip,port,ip": (6, 208),
          "hash:ip,port,net": (8, 480), "bitmap:port": (3, 8264)}  # fmt: skip
_ENTRY_BYTES = 48


def ipvsadm_text(servers: Iterable[VirtualServer], connections: Connections = MappingProxyType({})) -> str:
    """What `ipvsadm -Ln` prints for these virtual servers, on a node with these connections."""
    ordered = sorted(servers, key=lambda s: (PROTOCOL_ORDER[s.protocol], int(ip_address(s.address)), s.port))
    lines = [
        "IP Virtual Server version 1.2.1 (size=4096)",
        "Prot LocalAddress:Port Scheduler Flags",
        "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
    ]
    return (
        "\n".join(
            [*lines, *(line for server in ordered for line in server.lines(connections.get(server.key, {})))]
        )
        + "\n"
    )


def _real_line(real: Real, weight: int, counts: Counts) -> str:
    active, inactive = counts
    return f"  -> {_at(*real):<28} Masq    {weight:<6} {active:<10} {inactive}"


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
