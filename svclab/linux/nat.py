"""Network address translation on one host: setting it up for a connection, repeating and undoing it.

Source: Linux 6.18 net/netfilter/nf_nat_core.c, nf_nat_masquerade.c.
"""

from dataclasses import dataclass
from typing import Any

from svclab.linux.conntrack import Conntrack, Entry
from svclab.linux.dice import PORT_TRIES
from svclab.linux.iptables.targets import Dnat, Masquerade, NatTarget, Redirect
from svclab.linux.packet import Protocol
from svclab.linux.skb import Key, Skb, reversed_key


@dataclass(frozen=True, slots=True)
class Replies:
    """Under which headers a host would get replies to a port: `head` is all but that port."""

    host: Any
    head: tuple[Protocol, int, int, int]

    def are_used(self, port: int, now: float) -> bool:
        """Whether a living connection gets its replies on this port."""
        known = self.host.state.conntrack.entries.get((*self.head, port))
        return known is not None and known.expires >= now


def set_up(skb: Skb, target: NatTarget | None, table: Conntrack, own_address: int | None) -> None:
    """Decide the translation of a new connection at this hook, once per side.

    `target` None: no rule wanted it, so the addresses stay; only a clash of ports is resolved. `own_address`
    is what MASQUERADE and REDIRECT put in. Source side for SNAT and MASQUERADE, else destination.
    """
    entry = skb.entry
    assert entry
    if isinstance(target, Dnat | Redirect):
        entry.nat_destination_done = True
        _alter(entry, _with_destination(skb, reversed_key(entry.reply), target, own_address))
        entry.dnat = skb.dnat = reversed_key(entry.reply)[3:] != entry.original[3:]
        return
    if target is None:
        return
    entry.nat_source_done = True
    _alter(entry, _with_source(skb, reversed_key(entry.reply), target, table, own_address))
    entry.snat = skb.snat = reversed_key(entry.reply)[1:3] != entry.original[1:3]


def leave_source(skb: Skb, table: Conntrack) -> None:
    """No rule asked for a source: keep it, unless another connection has the same answers; then change the
    port.
    """
    entry = skb.entry
    assert entry
    entry.nat_source_done = True
    if table.is_used(entry.reply, skb.now):
        now_at = reversed_key(entry.reply)
        _alter(entry, _free_port(skb, now_at, table, (1024, 65535)))
        entry.snat = skb.snat = reversed_key(entry.reply) != now_at


def _alter(entry: Entry, going_out_as: Key) -> None:
    entry.reply = reversed_key(going_out_as)


def _within(skb: Skb, ends: tuple[int, int]) -> int:
    """One of a range of addresses or ports; a single one needs no draw."""
    low, high = ends
    return low if low == high else low + skb.chance.integer(high - low + 1)


def _with_destination(skb: Skb, key: Key, target: NatTarget, own_address: int | None) -> Key:
    protocol, source, source_port, destination, port = key
    if target.addresses:
        destination = _within(skb, target.addresses)
    elif isinstance(target, Redirect) and own_address is not None:
        destination = own_address
    if target.ports:
        port = _within(skb, target.ports)
    return (protocol, source, source_port, destination, port)


def _with_source(skb: Skb, key: Key, target: NatTarget, table: Conntrack, own_address: int | None) -> Key:
    protocol, source, port, destination, destination_port = key
    if isinstance(target, Masquerade):
        source = source if own_address is None else own_address
    elif target.addresses:
        source = _within(skb, target.addresses)
    changed = (protocol, source, port, destination, destination_port)
    if target.random or target.fully:
        return _random_port(skb, changed, table, target.ports or _port_range(port))
    if target.ports and not target.ports[0] <= port <= target.ports[1]:
        return _free_port(skb, changed, table, target.ports)
    if table.is_used(reversed_key(changed), skb.now):
        return _free_port(skb, changed, table, _port_range(port))
    return changed


def _port_range(port: int) -> tuple[int, int]:
    """Privileged ports stay privileged."""
    if port < 512:
        return 1, 511
    return (600, 1023) if port < 1024 else (1024, 65535)


def _random_port(skb: Skb, key: Key, table: Conntrack, ends: tuple[int, int]) -> Key:
    """The header with a port that is drawn because the rule says so."""
    protocol, source, _, destination, destination_port = key
    replies = Replies(skb.host, (protocol, destination, destination_port, source))
    port = skb.chance.port(*ends, replies, skb.now)
    table.find((*replies.head, int(port)), skb.now)  # what is over gives way
    return _with_source_port(key, port)


def _free_port(skb: Skb, key: Key, table: Conntrack, ends: tuple[int, int]) -> Key:
    """The header with a port that is drawn because its own is taken."""
    for _ in range(PORT_TRIES):
        key = _with_source_port(key, ends[0] + skb.chance.integer(ends[1] - ends[0] + 1))
        if not table.is_used(reversed_key(key), skb.now):
            break
    return key


def _with_source_port(key: Key, port: int) -> Key:
    protocol, source, _, destination, destination_port = key
    return (protocol, source, port, destination, destination_port)


def apply(skb: Skb, source_side: bool) -> str | None:
    """Rewrite one side of the packet as its connection says; the action's name, None if nothing changed."""
    entry = skb.entry
    if entry is None or not (entry.dnat or entry.snat):
        return None
    is_snat = source_side != skb.reply  # answers have the sides exchanged
    if not (entry.snat if is_snat else entry.dnat):
        return None
    # what the packet would be if it had just been answered from the other end
    other = reversed_key(entry.original if skb.reply else entry.reply)
    if skb.state == "RELATED":
        return _apply_to_error(skb, source_side, other, is_snat)
    if source_side:
        changed = (skb.source, skb.source_port) != other[1:3]
        skb.source, skb.source_port = other[1], other[2]
    else:
        changed = (skb.destination, skb.destination_port) != other[3:5]
        skb.destination, skb.destination_port = other[3], other[4]
    if not changed:
        return None
    return f"{'un-' if skb.reply else ''}{'SNAT' if is_snat else 'DNAT'}"


def _apply_to_error(skb: Skb, source_side: bool, other: Key, is_snat: bool) -> str | None:
    """For an ICMP error: the outer address, and in what it carries the opposite side."""
    assert skb.about
    protocol, source, source_port, destination, destination_port = skb.about
    if source_side:
        skb.source = other[1]
        skb.about = (protocol, source, source_port, other[1], other[2])
    else:
        skb.destination = other[3]
        skb.about = (protocol, other[3], other[4], destination, destination_port)
    return f"{'un-' if skb.reply else ''}{'SNAT' if is_snat else 'DNAT'}"
