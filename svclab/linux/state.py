"""What a host remembers between packets: connections, affinity lists, dynamic sets. And as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from svclab.linux.conntrack import Conntrack, Entry
from svclab.linux.packet import Protocol
from svclab.linux.recent import RecentLists
from svclab.linux.skb import Key, address_text

Element = tuple[Any, ...]
FLAGS = ("seen_reply", "assured", "dnat", "snat", "ipvs", "nat_destination_done", "nat_source_done")


@dataclass(slots=True)
class HostState:
    """See the module. Times are seconds since 1970."""

    conntrack: Conntrack = field(default_factory=Conntrack)
    recent: RecentLists = field(default_factory=RecentLists)
    sets: dict[str, dict[Element, float]] = field(default_factory=dict)  # nftables: element -> expiry
    turns: dict[str, int] = field(default_factory=dict)  # ipvs: virtual server -> whose turn it is
    zeroed: dict[str, int] = field(default_factory=dict)  # counters: "table chain rule" -> see `zero`

    def copy(self) -> "HostState":
        """An independent copy."""
        sets = {name: dict(elements) for name, elements in self.sets.items()}
        return HostState(self.conntrack.copy(), self.recent.copy(), sets, dict(self.turns), dict(self.zeroed))

    def zero(self, words: Sequence[str], number: int) -> None:
        """Count from zero what comes after request `number`: of a table, or of its chain, or of a rule of
        that.
        """
        name = " ".join(words)
        for within in [each for each in self.zeroed if each.startswith(f"{name} ")]:
            del self.zeroed[within]
        self.zeroed[name] = number

    def zero_point(self, table: str, chain: str, rule: str) -> int:
        """The number of the last request that a rule's counters leave out; 0 if none."""
        names = (table, f"{table} {chain}", f"{table} {chain} {rule}")
        return max(self.zeroed.get(name, 0) for name in names)

    def as_text(self, now: float, version: int = 4) -> str:
        """Everything that still counts at `now`, in JSON; "" for nothing."""
        self.conntrack.expire(now)
        return self._text(self.conntrack.all(), now, version)

    def latest_text(self, now: float, version: int = 4) -> str:
        """The same, but of connections only those that have changed since the whole was last stored."""
        entries = self.conntrack.entries
        latest = (entries.get(key) for key in self.conntrack.changed)
        return self._text([entry for entry in latest if entry and entry.expires >= now], now, version)

    def _text(self, entries: list[Entry], now: float, version: int) -> str:
        sets = {
            name: [[list(element), expiry] for element, expiry in elements.items() if expiry > now]
            for name, elements in self.sets.items()
        }
        rest = {
            "recent": {
                name: [[address_text(version, address), list(stamps)] for address, stamps in entries.items()]
                for name, entries in self.recent.lists.items()
            },
            "sets": {name: elements for name, elements in sets.items() if elements},
            "turns": dict(self.turns),
            "zeroed": dict(self.zeroed),
        }
        connections = ",".join([_entry_text(entry, version) for entry in entries])
        if not connections and not any(rest.values()):
            return ""
        return f'{{"conntrack":[{connections}],{json.dumps(rest)[1:]}'

    @classmethod
    def from_json(cls, document: dict[str, Any], now: float) -> "HostState":
        """What `as_text` gave, without what has expired since."""
        state = cls()
        state.take_in(document, now)
        state.conntrack.changed.clear()
        return state

    def take_in(self, document: dict[str, Any], now: float) -> None:
        """What `latest_text` gave after that: its connections besides, all else instead."""
        for item in document.get("conntrack", ()):
            entry = _entry_of(item)
            known = self.conntrack.entries.get(entry.original)
            if known is not None:
                self.conntrack.remove(known)
            if entry.expires >= now:
                self.conntrack.put(entry)
        self.recent = RecentLists()
        for name, entries in document.get("recent", {}).items():
            self.recent.restore(name, [(int(ip_address(a)), tuple(stamps)) for a, stamps in entries])
        self.sets = {
            name: {tuple(element): expiry for element, expiry in elements if expiry > now}
            for name, elements in document.get("sets", {}).items()
        }
        self.turns = dict(document.get("turns", {}))
        self.zeroed = dict(document.get("zeroed", {}))


def _key_json(key: Key, version: int) -> list[Any]:
    protocol, source, source_port, destination, port = key
    return [
        protocol.value,
        address_text(version, source),
        source_port,
        address_text(version, destination),
        port,
    ]


def _key_of(item: list[Any]) -> Key:
    protocol, source, source_port, destination, port = item
    return (Protocol(protocol), int(ip_address(source)), source_port, int(ip_address(destination)), port)


def _entry_text(entry: Entry, version: int) -> str:
    """An entry in JSON, made anew only when it has changed: there may be thousands."""
    now = (
        entry.expires, entry.state, entry.reply, entry.seen_reply, entry.assured, entry.dnat, entry.snat,
        entry.ipvs, entry.nat_destination_done, entry.nat_source_done,
    )  # fmt: skip
    known = entry.text
    if known is not None and known[0] == now:
        return known[1]
    text = json.dumps(_entry_json(entry, version), separators=(",", ":"))
    entry.text = (now, text)
    return text


def _entry_json(entry: Entry, version: int) -> dict[str, Any]:
    return {
        "original": _key_json(entry.original, version),
        "reply": _key_json(entry.reply, version),
        "state": entry.state,
        "created": entry.created,
        "expires": entry.expires,
        "flags": [flag for flag in FLAGS if getattr(entry, flag)],
    }


def _entry_of(item: dict[str, Any]) -> Entry:
    entry = Entry(_key_of(item["original"]), item["created"])
    entry.reply = _key_of(item["reply"])
    entry.state, entry.expires = item["state"], item["expires"]
    for flag in FLAGS:
        setattr(entry, flag, flag in item["flags"])
    return entry
