"""What an nftables rule looks at: `ip daddr . meta l4proto . th dport` and the like, as functions of a
packet.

Source: nft(8) 1.0.6.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from svclab.linux.iptables.headers import RuleError
from svclab.linux.packet import Protocol
from svclab.linux.skb import Skb, address_text

Value = Any  # an address or port as int, a Protocol, a word


@dataclass(frozen=True, slots=True)
class Selector:
    """One thing about a packet: its words in a rule, how it reads in a sentence, and how to get it."""

    text: str
    words: str
    get: Callable[[Skb], Value]
    kind: str  # "address", "port", "protocol", "mark", "word"

    def read(self, text: str, version: int) -> Value:
        """A value of this selector from its text in a rule. Raises RuleError."""
        try:
            match self.kind:
                case "address":
                    return int(ip_address(text))
                case "port" | "mark":
                    return int(text, 0)
                case "protocol":
                    return Protocol(text.upper())
                case _:
                    return text.strip('"')
        except ValueError as error:
            raise RuleError(f"'{text}' cannot be compared with {self.text}") from error

    def say(self, value: Value, version: int) -> str:
        """A value as nft writes it."""
        if self.kind == "address":
            return address_text(version, value)
        if self.kind == "protocol":
            return value.value.lower()
        return f"{value:#x}" if self.kind == "mark" else str(value)


def _status(skb: Skb) -> str:
    return ",".join(name for name, is_set in (("dnat", skb.dnat), ("snat", skb.snat)) if is_set)


SELECTORS: dict[str, Selector] = {
    each.text: each
    for each in (
        Selector("ip saddr", "source", lambda skb: skb.source, "address"),
        Selector("ip daddr", "destination", lambda skb: skb.destination, "address"),
        Selector("ip6 saddr", "source", lambda skb: skb.source, "address"),
        Selector("ip6 daddr", "destination", lambda skb: skb.destination, "address"),
        Selector("meta l4proto", "protocol", lambda skb: skb.protocol, "protocol"),
        Selector("ip protocol", "protocol", lambda skb: skb.protocol, "protocol"),
        Selector("th dport", "destination port", lambda skb: skb.destination_port, "port"),
        Selector("th sport", "source port", lambda skb: skb.source_port, "port"),
        Selector("meta mark", "mark", lambda skb: skb.mark, "mark"),
        Selector("ct state", "connection state", lambda skb: skb.state.lower(), "word"),
        Selector("ct status", "connection status", _status, "word"),
        Selector(
            "fib saddr type",
            "type of the source",
            lambda skb: skb.host.address_type(skb.source).lower(),
            "word",
        ),
        Selector(
            "fib daddr type",
            "type of the destination",
            lambda skb: skb.host.address_type(skb.destination).lower(),
            "word",
        ),
        Selector("iifname", "input interface", lambda skb: skb.in_interface, "word"),
        Selector("oifname", "output interface", lambda skb: skb.out_interface, "word"),
    )
}


@dataclass(frozen=True, slots=True)
class Ranges:
    """Addresses, prefixes and ranges in braces, as pairs of ends."""

    text: str
    ends: tuple[tuple[int, int], ...]

    @classmethod
    def read(cls, text: str) -> "Ranges":
        """From `A`, `A/len`, `A-B`, or several of them in braces. Raises RuleError."""
        parts = [part.strip() for part in text.strip("{} ").split(",") if part.strip()]
        return cls(text, tuple(_ends(part) for part in parts))

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and any(low <= number <= high for low, high in self.ends)


def _ends(text: str) -> tuple[int, int]:
    try:
        if "/" in text:
            network = ip_network(text, strict=False)
            return int(network.network_address), int(network.broadcast_address)
        low, dash, high = text.partition("-")
        if text.replace("-", "").isdigit():
            return int(low), int(high if dash else low)
        return int(ip_address(low)), int(ip_address(high if dash else low))
    except ValueError as error:
        raise RuleError(f"'{text}' is not an address or range") from error
