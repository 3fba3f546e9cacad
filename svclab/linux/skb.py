"""A packet while one host handles it: header numbers, and what the kernel keeps beside them (mark,
connection).

Named after the kernel's socket buffer. Addresses are plain integers here, because every rule compares them;
`packet_of` turns a `Wire` back into the frozen Packet of the trace.
Source: Linux 6.18 struct sk_buff, struct nf_conn.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any
from typing import Protocol as Interface

from svclab.linux.packet import Address, FiveTuple, Kind, Packet, Protocol

if TYPE_CHECKING:
    from svclab.linux.conntrack import Entry
    from svclab.linux.nat import Replies

Key = tuple[Protocol, int, int, int, int]  # protocol, source, source port, destination, destination port
Wire = tuple[int, Key, Kind, Key | None, int]  # IP version, header, kind, what an ICMP error is about, TTL


class Chance(Interface):
    """What draws: a Dice, or an explorer of all branches."""

    def happens(self, threshold: int) -> tuple[bool, float]: ...
    def one_of(self, count: int) -> int: ...
    def port(self, low: int, high: int, replies: "Replies", now: float) -> int: ...
    def integer(self, below: int) -> int: ...


class Skb:
    """See the module. `reply`: it travels against the direction of its connection's first packet."""

    __slots__ = (
        "about", "balanced", "chance",
        "destination", "destination_port", "dnat", "entry", "host", "in_interface", "kind",
        "mark", "note", "now", "out_interface", "protocol", "reply", "snat", "source", "source_port", "state",
        "ttl", "version",
    )  # fmt: skip

    def __init__(self, wire: Wire, host: Any, now: float, chance: Chance) -> None:
        self.version, key, self.kind, self.about, self.ttl = wire
        self.protocol, self.source, self.source_port, self.destination, self.destination_port = key
        self.host = host
        self.now = now
        self.chance = chance
        self.in_interface = self.out_interface = ""
        self.mark = 0
        self.entry: Entry | None = None
        self.reply = self.dnat = self.snat = False
        self.state = "UNTRACKED"
        self.note: Any = None
        self.balanced = False  # ipvs has seen it

    @property
    def key(self) -> Key:
        """The header as a tuple."""
        return (self.protocol, self.source, self.source_port, self.destination, self.destination_port)

    @property
    def wire(self) -> Wire:
        """What travels over a link."""
        return (
            self.version,
            (self.protocol, self.source, self.source_port, self.destination, self.destination_port),
            self.kind,
            self.about,
            self.ttl,
        )


def reversed_key(key: Key) -> Key:
    """The header of an answer."""
    protocol, source, source_port, destination, destination_port = key
    return (protocol, destination, destination_port, source, source_port)


@lru_cache(maxsize=65536)
def address_of(version: int, number: int) -> Address:
    """The address object of a number."""
    return IPv4Address(number) if version == 4 else IPv6Address(number)


@lru_cache(maxsize=65536)
def address_text(version: int, number: int) -> str:
    """The address as text."""
    return str(address_of(version, number))


def five_tuple(version: int, key: Key) -> FiveTuple:
    """The trace's form of a header."""
    protocol, source, source_port, destination, destination_port = key
    return FiveTuple(
        protocol, address_of(version, source), source_port, address_of(version, destination), destination_port
    )


def packet_of(wire: Wire) -> Packet:
    """The trace's form of a packet."""
    version, key, kind, about, ttl = wire
    return Packet(five_tuple(version, key), kind, five_tuple(version, about) if about else None, ttl)


def key_of(tuple_: FiveTuple) -> Key:
    """The engine's form of a header."""
    source, destination = int(tuple_.source), int(tuple_.destination)
    return (tuple_.protocol, source, tuple_.source_port, destination, tuple_.destination_port)


def wire_of(packet: Packet) -> Wire:
    """The engine's form of a packet."""
    about = key_of(packet.about) if packet.about else None
    return (packet.tuple.source.version, key_of(packet.tuple), packet.kind, about, packet.ttl)
