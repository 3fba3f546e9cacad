"""Sets of addresses and ports that iptables rules look packets up in. Source: ipset(8), Linux
6.18 xt_set.c.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from svclab.linux.packet import Protocol
from svclab.linux.skb import Skb
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
        for entry, origin in zip(self.entries, self.origins, strict=False):
            known = tuple(self._values(entry))
            found = known == values
            if "net" in self._parts:
                found = self._within(skb, values, (known[:-1], known[-1]))
            if found:
                return origin
        return None

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
