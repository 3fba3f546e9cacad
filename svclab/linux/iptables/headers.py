"""What every match answers, and the header part of a rule (-s -d -i -o -p), which is compared before all
others.

Source: iptables 1.8.9, Linux 6.18 net/ipv4/netfilter/ip_tables.c (ip_packet_match).
"""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import ClassVar

from svclab.linux.packet import Protocol
from svclab.linux.skb import Skb, address_text
from svclab.linux.trace import Origin


class RuleError(ValueError):
    """The rule cannot be read; the message says which word and why."""


def quoted(text: str) -> str:
    """`text` as iptables-save writes a string: quoted unless it is of letters, digits, `_` and `-` only."""
    if text and all(c.isascii() and (c.isalnum() or c in "_-") for c in text):
        return text
    return '"' + "".join("\\" + c if c in "\"\\'" else c for c in text) + '"'


def bang(negated: bool) -> str:
    """The `! ` before a negated option."""
    return "! " if negated else ""


class Match:
    """What all matches answer.

    `stateful`: it leaves a note, without which its answer cannot be explained afterwards. `volatile`: it asks
    or changes what the host remembers, so that the same packet may get another answer the next time.
    """

    __slots__ = ()
    extension: ClassVar[str] = ""
    stateful: ClassVar[bool] = False
    volatile: ClassVar[bool] = False

    def text(self) -> str:
        """The save spelling, `-m` included."""
        raise NotImplementedError

    def holds(self, skb: Skb) -> bool:
        """Whether the packet fits."""
        raise NotImplementedError

    def fact(self, skb: Skb) -> str:
        """What is so about the packet, as far as this match looks at it."""
        raise NotImplementedError

    def why_not(self, skb: Skb) -> str:
        """Why the packet does not fit."""
        raise NotImplementedError

    def origin(self, skb: Skb) -> Origin | None:
        """What made that which a fitting packet was found in, where it is not what made the rule."""
        return None


@dataclass(frozen=True, slots=True)
class Prefix:
    """An address range as numbers: `network` and `mask` of the family's width."""

    version: int
    network: int
    mask: int

    @classmethod
    def parse(cls, text: str) -> "Prefix":
        """From `A`, `A/len` or `A/mask`; host bits are cut off as iptables does. Raises RuleError."""
        try:
            if "/" not in text:
                address = ip_address(text)
                bits = address.max_prefixlen
                return cls(address.version, int(address), (1 << bits) - 1)
            network = ip_network(text, strict=False)
        except ValueError as error:
            raise RuleError(f"'{text}' is not an address or range") from error
        return cls(network.version, int(network.network_address), int(network.netmask))

    def text(self) -> str:
        """`A/len`, also for single addresses, as iptables-save prints it."""
        return f"{address_text(self.version, self.network)}/{self.mask.bit_count()}"

    def words(self) -> str:
        """Without the `/32` of a single address."""
        single = self.mask.bit_count() == (32 if self.version == 4 else 128)
        return address_text(self.version, self.network) if single else self.text()

    @property
    def is_single(self) -> bool:
        """Whether it is one address."""
        return self.mask.bit_count() == (32 if self.version == 4 else 128)


def _place(prefix: Prefix) -> tuple[str, str]:
    """The verbs for fitting and not fitting: one address `is`, a range is `in`."""
    return ("is", "is not") if prefix.is_single else ("is in", "is not in")


@dataclass(frozen=True, slots=True)
class SourceMatch(Match):
    """`-s PREFIX`."""

    prefix: Prefix
    negated: bool = False

    def text(self) -> str:
        return f"{bang(self.negated)}-s {self.prefix.text()}"

    def holds(self, skb: Skb) -> bool:
        return ((skb.source & self.prefix.mask) == self.prefix.network) != self.negated

    def fact(self, skb: Skb) -> str:
        verb = _place(self.prefix)[1 if self.negated else 0]
        address = address_text(skb.version, skb.source)
        if self.prefix.is_single and not self.negated:
            return f"source is {address}"
        return f"source {address} {verb} {self.prefix.words()}"

    def why_not(self, skb: Skb) -> str:
        verb = _place(self.prefix)[0 if self.negated else 1]
        return f"source {address_text(skb.version, skb.source)} {verb} {self.prefix.words()}"


@dataclass(frozen=True, slots=True)
class DestinationMatch(Match):
    """`-d PREFIX`."""

    prefix: Prefix
    negated: bool = False

    def text(self) -> str:
        return f"{bang(self.negated)}-d {self.prefix.text()}"

    def holds(self, skb: Skb) -> bool:
        return ((skb.destination & self.prefix.mask) == self.prefix.network) != self.negated

    def fact(self, skb: Skb) -> str:
        verb = _place(self.prefix)[1 if self.negated else 0]
        address = address_text(skb.version, skb.destination)
        if self.prefix.is_single and not self.negated:
            return f"destination is {address}"
        return f"destination {address} {verb} {self.prefix.words()}"

    def why_not(self, skb: Skb) -> str:
        verb = _place(self.prefix)[0 if self.negated else 1]
        return f"destination {address_text(skb.version, skb.destination)} {verb} {self.prefix.words()}"


def _interface_fits(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("+") else name == pattern


@dataclass(frozen=True, slots=True)
class InInterfaceMatch(Match):
    """`-i NAME`; a trailing `+` stands for any rest. A packet made on the host has no input interface."""

    pattern: str
    negated: bool = False

    def text(self) -> str:
        return f"{bang(self.negated)}-i {self.pattern}"

    def holds(self, skb: Skb) -> bool:
        return _interface_fits(self.pattern, skb.in_interface) != self.negated

    def fact(self, skb: Skb) -> str:
        return f"came in by {skb.in_interface}" if skb.in_interface else "made on this host"

    def why_not(self, skb: Skb) -> str:
        if self.negated:
            return f"it came in by {skb.in_interface}"
        where = f"it came in by {skb.in_interface}" if skb.in_interface else "it was made on this host"
        return f"{where}, not by {self.pattern}"


@dataclass(frozen=True, slots=True)
class OutInterfaceMatch(Match):
    """`-o NAME`, as `-i`."""

    pattern: str
    negated: bool = False

    def text(self) -> str:
        return f"{bang(self.negated)}-o {self.pattern}"

    def holds(self, skb: Skb) -> bool:
        return _interface_fits(self.pattern, skb.out_interface) != self.negated

    def fact(self, skb: Skb) -> str:
        return f"leaves by {skb.out_interface}"

    def why_not(self, skb: Skb) -> str:
        if self.negated:
            return f"it leaves by {skb.out_interface}"
        return f"it leaves by {skb.out_interface or 'no interface'}, not by {self.pattern}"


@dataclass(frozen=True, slots=True)
class ProtocolMatch(Match):
    """`-p PROTOCOL`."""

    protocol: Protocol
    negated: bool = False

    def text(self) -> str:
        return f"{bang(self.negated)}-p {self.protocol.value.lower()}"

    def holds(self, skb: Skb) -> bool:
        return (skb.protocol is self.protocol) != self.negated

    def fact(self, skb: Skb) -> str:
        return f"protocol is {skb.protocol.value}"

    def why_not(self, skb: Skb) -> str:
        if self.negated:
            return f"protocol is {self.protocol.value}"
        return f"protocol {skb.protocol.value} is not {self.protocol.value}"


HEADER_ORDER = (SourceMatch, DestinationMatch, InInterfaceMatch, OutInterfaceMatch, ProtocolMatch)
