"""Sets of addresses and ports that iptables rules look packets up in. Source: ipset(8), Linux
6.18 xt_set.c.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from svclab.linux.packet import Protocol
from svclab.linux.skb import Skb, address_text
from svclab.linux.trace import Origin


@dataclass(frozen=True)
class IpSet:
    """One set. `kind` is ipset's type (`hash:ip,port`, `hash:ip,port,net`, `bitmap:port`, ...); entries as it
    writes them, such as `10.96.0.1,tcp:443`. `origins`: the objects that made them, in their order.
    """

    name: str
    kind: str
    entries: tuple[str, ...]
    origins: tuple[Origin, ...] = ()

    @cached_property
    def _parts(self) -> tuple[str, ...]:
        return tuple(self.kind.partition(":")[2].split(","))

    @cached_property
    def _members(self) -> frozenset[tuple[Any, ...]]:
        return frozenset(tuple(self._values(entry)) for entry in self.entries if "net" not in self._parts)

    @cached_property
    def _networks(self) -> tuple[tuple[tuple[Any, ...], Any], ...]:
        """For sets that end in a network: what must be equal, and the network."""
        found = []
        for entry in self.entries if "net" in self._parts else ():
            *fixed, network = self._values(entry)
            found.append((tuple(fixed), network))
        return tuple(found)

    @cached_property
    def _made_by(self) -> dict[tuple[Any, ...], Origin]:
        """What made each entry, by its values."""
        pairs = zip(self.entries, self.origins, strict=False)
        return {tuple(self._values(entry)): origin for entry, origin in pairs}

    def _values(self, entry: str) -> Iterable[Any]:
        for kind, text in zip(self._parts, entry.split(","), strict=True):
            if kind == "ip":
                yield int(ip_address(text))
            elif kind == "net":
                yield ip_network(text)
            elif ":" in text:
                protocol, _, port = text.partition(":")
                yield (Protocol(protocol.upper()), int(port))
            else:
                yield int(text)

    def has(self, skb: Skb, directions: tuple[str, ...]) -> bool:
        """Whether the packet's values, picked by `directions` (src or dst for each part), are in the set."""
        values = self._picked(skb, directions)
        if "net" not in self._parts:
            return values in self._members
        return any(self._within(skb, values, known) for known in self._networks)

    def origin(self, skb: Skb, directions: tuple[str, ...]) -> Origin | None:
        """What made the entry in which the packet is found; None if that is not known."""
        values = self._picked(skb, directions)
        if "net" not in self._parts:
            return self._made_by.get(values)
        made_by = self._made_by.items()
        return next((by for key, by in made_by if self._within(skb, values, (key[:-1], key[-1]))), None)

    def entry_of(self, skb: Skb, directions: tuple[str, ...]) -> str:
        """The packet's values as ipset would write an entry for them."""
        words = []
        for value in self._picked(skb, directions):
            match value:
                case (Protocol() as protocol, port):
                    words.append(f"{protocol.value.lower()}:{port}")
                case _ if self.kind.startswith("bitmap"):
                    words.append(f"port {value}")
                case _:
                    words.append(address_text(skb.version, value))
        return ",".join(words)

    def _picked(self, skb: Skb, directions: tuple[str, ...]) -> tuple[Any, ...]:
        values: list[Any] = []
        for kind, direction in zip(self._parts, directions, strict=False):
            source = direction == "src"
            if kind == "port":
                port = skb.source_port if source else skb.destination_port
                values.append(port if self.kind.startswith("bitmap") else (skb.protocol, port))
            else:
                values.append(skb.source if source else skb.destination)
        return tuple(values)

    @staticmethod
    def _within(skb: Skb, values: tuple[Any, ...], known: tuple[tuple[Any, ...], Any]) -> bool:
        """For a set that ends in a network: are the first values equal, and is the last inside it?"""
        fixed, network = known
        address = IPv6Address(values[-1]) if skb.version == 6 else IPv4Address(values[-1])
        return values[:-1] == fixed and address in network
