"""The matches that a rule can have: does this packet fit, and if not, why not, in words.

Each class knows its iptables-save spelling (`text`), its test (`holds`) and its sentences (`fact`,
`why_not`). The first five stand for the header part of a rule (-s -d -i -o -p), which the kernel compares
before all others. Source: iptables 1.8.9 extensions, Linux 6.18 net/netfilter/xt_*.c.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from svclab.linux.iptables.headers import Match, bang, quoted
from svclab.linux.packet import Protocol
from svclab.linux.skb import Skb, address_text
from svclab.linux.trace import Origin


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports `low` to `high`, both included."""

    low: int
    high: int
    negated: bool = False

    def text(self) -> str:
        """`80` or `1000:2000`."""
        return str(self.low) if self.low == self.high else f"{self.low}:{self.high}"

    def words(self) -> str:
        """`80` or `1000 to 2000`."""
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"

    def excludes(self, port: int) -> bool:
        """Whether the port does not fit."""
        if self.low == self.high:
            return (port == self.low) == self.negated
        return (self.low <= port <= self.high) == self.negated


def _port_miss(side: str, port: int, wanted: PortRange) -> str:
    verb = "is" if wanted.negated else "is not"
    between = "" if wanted.low == wanted.high else " in"
    return f"{side} port {port} {verb}{between} {wanted.words()}"


@dataclass(frozen=True, slots=True)
class PortMatch(Match):
    """`-m tcp|udp|sctp [--sport] [--dport] [--tcp-flags MASK COMP]`."""

    protocol: Protocol
    sport: PortRange | None = None
    dport: PortRange | None = None
    flags: tuple[str, str, bool] | None = None  # mask, comp, negated

    def text(self) -> str:
        parts = [f"-m {self.protocol.value.lower()}"]
        for option, ports in (("--sport", self.sport), ("--dport", self.dport)):
            if ports:
                parts.append(f"{bang(ports.negated)}{option} {ports.text()}")
        if self.flags:
            parts.append(f"{bang(self.flags[2])}--tcp-flags {self.flags[0]} {self.flags[1]}")
        return " ".join(parts)

    def holds(self, skb: Skb) -> bool:
        if skb.protocol is not self.protocol:
            return False
        ports = self.dport
        if ports and ports.excludes(skb.destination_port):
            return False
        ports = self.sport
        if ports and ports.excludes(skb.source_port):
            return False
        return self.flags is None or self._flags_hold(skb)

    def _flags_hold(self, skb: Skb) -> bool:
        assert self.flags
        mask, comp, negated = self.flags
        looked_at = TCP_FLAGS if mask == "ALL" else frozenset(mask.split(","))
        wanted = TCP_FLAGS if comp == "ALL" else frozenset(comp.split(",")) - {"NONE"}
        return (FLAGS_OF_KIND.get(skb.kind.value, frozenset()) & looked_at == wanted) != negated

    def fact(self, skb: Skb) -> str:
        parts = []
        if self.dport:
            parts.append(f"destination port is {skb.destination_port}")
        if self.sport:
            parts.append(f"source port is {skb.source_port}")
        return " and ".join(parts)

    def why_not(self, skb: Skb) -> str:
        if skb.protocol is not self.protocol:
            return f"protocol {skb.protocol.value} is not {self.protocol.value}"
        ports = self.dport
        if ports and ports.excludes(skb.destination_port):
            return _port_miss("destination", skb.destination_port, ports)
        ports = self.sport
        if ports and ports.excludes(skb.source_port):
            return _port_miss("source", skb.source_port, ports)
        return f"the flags of a {skb.kind.value} do not fit"


TCP_FLAGS = frozenset({"SYN", "ACK", "FIN", "RST", "URG", "PSH"})
FLAGS_OF_KIND: dict[str, frozenset[str]] = {
    "SYN": frozenset({"SYN"}),
    "SYN-ACK": frozenset({"SYN", "ACK"}),
    "ACK": frozenset({"ACK"}),
    "DATA": frozenset({"ACK", "PSH"}),
    "FIN": frozenset({"FIN", "ACK"}),
    "RST": frozenset({"RST", "ACK"}),
}


@dataclass(frozen=True, slots=True)
class MultiportMatch(Match):
    """`-m multiport --dports|--sports|--ports LIST`."""

    side: str  # "dports", "sports", "ports"
    ranges: tuple[PortRange, ...]
    negated: bool = False

    def text(self) -> str:
        ports = ",".join(r.text() for r in self.ranges)
        return f"-m multiport {bang(self.negated)}--{self.side} {ports}"

    def holds(self, skb: Skb) -> bool:
        looked_at = {
            "dports": (skb.destination_port,),
            "sports": (skb.source_port,),
            "ports": (skb.source_port, skb.destination_port),
        }[self.side]
        return any(not r.excludes(p) for r in self.ranges for p in looked_at) != self.negated

    def fact(self, skb: Skb) -> str:
        port = skb.source_port if self.side == "sports" else skb.destination_port
        return f"port {port} is {'not ' if self.negated else ''}in the list"

    def why_not(self, skb: Skb) -> str:
        port = skb.source_port if self.side == "sports" else skb.destination_port
        listed = ", ".join(r.words() for r in self.ranges)
        return f"port {port} is {'' if self.negated else 'not '}one of {listed}"


@dataclass(frozen=True, slots=True)
class CommentMatch(Match):
    """`-m comment --comment TEXT`: always fits."""

    comment: str

    def text(self) -> str:
        return f"-m comment --comment {quoted(self.comment)}"

    def holds(self, skb: Skb) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class MarkMatch(Match):
    """`-m mark --mark VALUE/MASK`."""

    value: int
    mask: int = 0xFFFFFFFF
    negated: bool = False

    def text(self) -> str:
        mask = "" if self.mask == 0xFFFFFFFF else f"/{self.mask:#x}"
        return f"-m mark {bang(self.negated)}--mark {self.value:#x}{mask}"

    def holds(self, skb: Skb) -> bool:
        return ((skb.mark & self.mask) == self.value) != self.negated

    def fact(self, skb: Skb) -> str:
        return f"the mark is {skb.mark:#x}"

    def why_not(self, skb: Skb) -> str:
        if self.negated:
            return f"the mark {skb.mark:#x} has {self.value:#x}"
        return f"the mark {skb.mark:#x} has no {self.value:#x}"


@dataclass(frozen=True, slots=True)
class StatisticMatch(Match):
    """`-m statistic --mode random --probability P`; P is kept as the kernel does, in units of 2**-31."""

    threshold: int
    negated: bool = False
    stateful: ClassVar[bool] = True

    @property
    def probability(self) -> float:
        """The chance that it fits."""
        return self.threshold / (1 << 31)

    def text(self) -> str:
        return f"-m statistic --mode random {bang(self.negated)}--probability {self.probability:.11f}"

    def holds(self, skb: Skb) -> bool:
        happened, skb.note = skb.chance.happens(self.threshold)
        return happened != self.negated

    def fact(self, skb: Skb) -> str:
        return f"drew {skb.note:.2f}, which is below {self.probability:.2f}"

    def why_not(self, skb: Skb) -> str:
        return f"drew {skb.note:.2f}, which is not below {self.probability:.2f}"


@dataclass(frozen=True, slots=True)
class RecentMatch(Match):
    """`-m recent`: is the address on a list, for how long; or put it there. Keeps session affinity.

    A list belongs to a host, holds 100 addresses and forgets the one not refreshed for longest (xt_recent).
    """

    action: str  # "set", "rcheck", "update", "remove"
    name: str = "DEFAULT"
    seconds: int = 0
    reap: bool = False
    hitcount: int = 0
    mask: int = 0xFFFFFFFF
    version: int = 4
    by_source: bool = True
    negated: bool = False
    stateful: ClassVar[bool] = True
    volatile: ClassVar[bool] = True

    def text(self) -> str:
        parts = [f"-m recent {bang(self.negated)}--{self.action}"]
        if self.seconds:
            parts.append(f"--seconds {self.seconds}")
        if self.reap:
            parts.append("--reap")
        if self.hitcount:
            parts.append(f"--hitcount {self.hitcount}")
        side = "--rsource" if self.by_source else "--rdest"
        parts.append(f"--name {self.name} --mask {address_text(self.version, self.mask)} {side}")
        return " ".join(parts)

    def holds(self, skb: Skb) -> bool:
        address = (skb.source if self.by_source else skb.destination) & self.mask
        lists = skb.host.state.recent
        if self.action == "set":
            lists.remember(self.name, address, skb.now)
            return not self.negated
        if self.action == "remove":
            return lists.remove(self.name, address) != self.negated
        seen, skb.note = lists.check(
            self.name, address, skb.now, self.seconds, self.reap, self.hitcount, self.action == "update"
        )
        return seen != self.negated

    def fact(self, skb: Skb) -> str:
        address = address_text(skb.version, skb.source if self.by_source else skb.destination)
        if self.action == "set":
            return f"{address} is remembered in {self.name}"
        if skb.note is None:
            return f"{address} is not in {self.name}"
        return f"{address} was put into {self.name} {skb.note:.0f} s ago"

    def why_not(self, skb: Skb) -> str:
        address = address_text(skb.version, skb.source if self.by_source else skb.destination)
        if skb.note is None:
            return f"{address} is not in {self.name}"
        if not self.seconds or skb.note <= self.seconds:
            return f"{address} is in {self.name}"
        return f"{address} was put into {self.name} {skb.note:.0f} s ago, longer than {self.seconds} s"


ADDRESS_TYPES = (
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
)


@dataclass(frozen=True, slots=True)
class AddrtypeMatch(Match):
    """`-m addrtype [--src-type T] [--dst-type T]`: what this host's routing makes of an address."""

    src_types: tuple[str, ...] = ()
    dst_types: tuple[str, ...] = ()
    src_negated: bool = False
    dst_negated: bool = False

    def text(self) -> str:
        parts = ["-m addrtype"]
        if self.src_types:
            parts.append(f"{bang(self.src_negated)}--src-type {','.join(self.src_types)}")
        if self.dst_types:
            parts.append(f"{bang(self.dst_negated)}--dst-type {','.join(self.dst_types)}")
        return " ".join(parts)

    def holds(self, skb: Skb) -> bool:
        kind = skb.host.address_type
        if self.src_types and (kind(skb.source) in self.src_types) == self.src_negated:
            return False
        return not self.dst_types or (kind(skb.destination) in self.dst_types) != self.dst_negated

    def fact(self, skb: Skb) -> str:
        parts = []
        if self.src_types:
            parts.append(_of_type(skb, skb.source, self.src_types, not self.src_negated))
        if self.dst_types:
            parts.append(_of_type(skb, skb.destination, self.dst_types, not self.dst_negated))
        return " and ".join(parts)

    def why_not(self, skb: Skb) -> str:
        kind = skb.host.address_type
        if self.src_types and (kind(skb.source) in self.src_types) == self.src_negated:
            return _of_type(skb, skb.source, self.src_types, self.src_negated)
        return _of_type(skb, skb.destination, self.dst_types, self.dst_negated)


def _of_type(skb: Skb, address: int, types: tuple[str, ...], positive: bool) -> str:
    verb = "is" if positive else "is not"
    what = "an address of this host" if types == ("LOCAL",) else f"of type {','.join(types)}"
    return f"{address_text(skb.version, address)} {verb} {what}"


CT_STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")


@dataclass(frozen=True, slots=True)
class ConntrackMatch(Match):
    """`-m conntrack --ctstate LIST` (or the older `-m state --state LIST`)."""

    states: tuple[str, ...]
    negated: bool = False
    module: str = "conntrack"
    wanted: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        object.__setattr__(self, "wanted", frozenset(self.states))

    def text(self) -> str:
        option = "--ctstate" if self.module == "conntrack" else "--state"
        return f"-m {self.module} {bang(self.negated)}{option} {','.join(self.states)}"

    def holds(self, skb: Skb) -> bool:
        wanted = self.wanted
        found = skb.state in wanted or (skb.dnat and "DNAT" in wanted) or (skb.snat and "SNAT" in wanted)
        return found != self.negated

    def fact(self, skb: Skb) -> str:
        return f"connection state is {skb.state}"

    def why_not(self, skb: Skb) -> str:
        if not self.negated:
            return f"connection state {skb.state} is not {' or '.join(self.states)}"
        extra = " after DNAT" if skb.dnat and skb.state not in self.wanted else ""
        return f"connection state is {skb.state}{extra}"


@dataclass(frozen=True, slots=True)
class NfacctMatch(Match):
    """`-m nfacct --nfacct-name NAME`: counts and always fits."""

    name: str

    def text(self) -> str:
        return f"-m nfacct --nfacct-name  {self.name}"

    def holds(self, skb: Skb) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class IcmpTypeMatch(Match):
    """`-m icmp --icmp-type TYPE[/CODE]`."""

    type: int
    negated: bool = False

    def text(self) -> str:
        return f"-m icmp {bang(self.negated)}--icmp-type {self.type}"

    def holds(self, skb: Skb) -> bool:
        return (ICMP_TYPES.get(skb.kind.value) == self.type) != self.negated

    def fact(self, skb: Skb) -> str:
        return f"it is an ICMP {skb.kind.value}"

    def why_not(self, skb: Skb) -> str:
        return f"ICMP {skb.kind.value} is {'' if self.negated else 'not '}type {self.type}"


ICMP_TYPES = {
    "ECHO-REPLY": 0,
    "PORT-UNREACHABLE": 3,
    "HOST-UNREACHABLE": 3,
    "ADMIN-PROHIBITED": 3,
    "ECHO-REQUEST": 8,
}


@dataclass(frozen=True, slots=True)
class SetMatch(Match):
    """`-m set --match-set NAME src,dst,...`: is the packet's tuple in an ipset of this host (ipvs mode)."""

    name: str
    directions: tuple[str, ...]
    negated: bool = False
    volatile: ClassVar[bool] = True

    def text(self) -> str:
        return f"-m set {bang(self.negated)}--match-set {self.name} {','.join(self.directions)}"

    def holds(self, skb: Skb) -> bool:
        return skb.host.in_ipset(self.name, skb, self.directions) != self.negated

    def fact(self, skb: Skb) -> str:
        return self._said(skb, not self.negated)

    def origin(self, skb: Skb) -> Origin | None:
        found = skb.host.ipsets.get(self.name)
        return found.origin(skb, self.directions) if found and not self.negated else None

    def why_not(self, skb: Skb) -> str:
        return self._said(skb, self.negated)

    def _said(self, skb: Skb, inside: bool) -> str:
        found = skb.host.ipsets.get(self.name)
        what = found.entry_of(skb, self.directions) if found else "it"
        return f"{what} is {'' if inside else 'not '}in the set {self.name}"
