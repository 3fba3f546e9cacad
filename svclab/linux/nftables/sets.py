"""Named sets and maps of an nftables table, static ones and those that packets fill. Source: nft(8) 1.0.6."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from svclab.linux.drawn import DrawnPort
from svclab.linux.packet import Protocol
from svclab.linux.skb import Skb
from svclab.linux.trace import Origin

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """One element as text: the parts of its key, and in a map the verdict it leads to."""

    key: tuple[str, ...]
    verdict: str = ""
    origin: Origin | None = None


@dataclass(frozen=True)
class NamedSet:
    """A set, or a map whose elements have verdicts. `timeout_seconds`: packets add to it, for so long.

    `types` are nft's type names of the key's parts.
    """

    name: str
    types: tuple[str, ...]
    elements: tuple[Element, ...] = ()
    timeout_seconds: float | None = None

    @cached_property
    def by_key(self) -> dict[Key, Element]:
        """The static elements by key."""
        return {self.read(element.key): element for element in self.elements}

    def read(self, parts: Iterable[str]) -> Key:
        """A key from its parts' texts."""
        return tuple(_part(kind, text) for kind, text in zip(self.types, parts, strict=True))

    @cached_property
    def _ports(self) -> frozenset[int]:
        """The ports in the keys of the static elements."""
        places = [i for i, kind in enumerate(self.types) if kind == "inet_service"]
        return frozenset(key[i] for key in self.by_key for i in places)

    def find(self, key: Key) -> Element | None:
        """The static element of this key."""
        for part in key:
            if type(part) is DrawnPort:
                part.looked_for(self._ports)
        return self.by_key.get(key)

    def has(self, key: Key, skb: Skb) -> bool:
        """Whether the key is in the set, or was put in by an earlier packet and has not run out."""
        if self.timeout_seconds is None:
            return self.find(key) is not None
        expiry = skb.host.state.sets.get(self.name, {}).get(key)
        return expiry is not None and expiry > skb.now

    def update(self, key: Key, skb: Skb) -> None:
        """Put the key in, or start its time again."""
        elements = skb.host.state.sets.setdefault(self.name, {})
        elements[key] = skb.now + (self.timeout_seconds or 0)


def _part(kind: str, text: str) -> Any:
    match kind:
        case "ipv4_addr" | "ipv6_addr":
            return int(ip_address(text))
        case "inet_proto":
            return Protocol(text.upper())
        case "inet_service":
            return int(text)
        case _:
            return text
