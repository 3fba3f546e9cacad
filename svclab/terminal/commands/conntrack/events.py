"""`conntrack -E`: the events of a host's connection table while it runs, from the traces that are recorded.

A trace tells what each packet found; between two looks at the table, connections that are no longer in it
were deleted or their time was over.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from svclab.cluster import dataplane
from svclab.linux.conntrack import CREATED, TCP_TIMEOUTS, Conntrack, Entry
from svclab.linux.dice import Dice
from svclab.linux.packet import Kind, Protocol
from svclab.linux.skb import Key, Skb
from svclab.terminal.commands.conntrack.asked import NAME, Asked
from svclab.terminal.commands.conntrack.printing import event_line
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.registry import Context
from svclab.terminal.process import Stopped

_CLOSING = ("FIN_WAIT", "LAST_ACK")  # of which a trace has no packets: it ends with the answer
_ASKED = {"NEW": "NEW", "UPDATE": "UPDATES", "DESTROY": "DESTROY"}

Event = tuple[str, Entry, float, bool]  # kind, connection, time in seconds, whether somebody deleted it


def watch(context: Context, asked: Asked) -> int:
    """Print events until Ctrl-C or the terminal's time limit."""
    count = 0
    try:
        for kind, entry, now, by_hand in _live(context):
            if _ASKED[kind] in asked.events and asked.chooses(entry):
                count += 1
                context.print(event_line(kind, entry, now, asked.output, by_hand=by_hand))
    except Stopped:
        _say_count(context, count)
        raise
    return 0


def _say_count(context: Context, count: int) -> None:
    context.stderr.write(f"{NAME}: {count} flow events have been shown.\n")


def _live(context: Context) -> Iterator[Event]:
    """Every event at this host from now on."""
    cluster, host = context.cluster, context.location.host
    past, watched = _begun(context)
    seen = past[0]
    while True:
        past = _past(context)
        records = dataplane.traces(cluster, seen)
        live = host_of(context).state.conntrack  # not older than they are
        for record in records:
            seen = record.id
            yield from watched.trace(record.trace, record.virtual_time.timestamp(), host, live)
        yield from watched.compared(live, context.now().timestamp())
        context.process.wait(
            lambda before=past: _past(context) != before or watched.is_late(context.now().timestamp())
        )


def _begun(context: Context) -> tuple[tuple[int, int, int], "Watched"]:
    """A table, and the past that it is of: nobody has sent anything while it was read."""
    while True:
        past = _past(context)
        watched = Watched(host_of(context).state.conntrack)
        if _past(context) == past:
            return past, watched


def _past(context: Context) -> tuple[int, int, int]:
    """What has another value after each request and each change of the table."""
    state = context.cluster.state()
    return state.trace_count, state.memory_changes, state.snapshot.resource_version


class Watched:
    """A host's connection table as the events so far leave it."""

    def __init__(self, table: Conntrack) -> None:
        self._table = table.copy()

    def is_late(self, now: float) -> bool:
        """Whether a connection's time is over and nobody was told."""
        return any(entry.expires < now for entry in self._table.all())

    def trace(self, trace: dict[str, Any], now: float, host: str, live: Conntrack) -> Iterator[Event]:
        """The events of one request's packets; `live` is the table after it."""
        for step in trace["steps"]:
            if step["kind"] == "conntrack" and step["host"] == host:
                yield from self._passed(step["packet"], now, live)
        yield from self._closed(live, now)

    def compared(self, live: Conntrack, now: float) -> Iterator[Event]:
        """What has gone from the table."""
        for entry in self._table.all():
            known = live.entries.get(entry.original)
            is_gone = known is None or known.created != entry.created
            if is_gone or entry.expires < now:
                self._table.remove(entry)
                yield "DESTROY", entry, now, entry.expires >= now

    def _passed(self, packet: dict[str, Any], now: float, live: Conntrack) -> Iterator[Event]:
        kind = Kind(packet["kind"])
        if kind.is_error:
            return
        skb = Skb((4, _key(packet), kind, None, packet["ttl"]), None, now, Dice(""))
        known = self._table.find(skb.key, now)
        before = (known.state, known.seen_reply, known.assured) if known is not None else None
        note = self._table.track(skb)
        entry = skb.entry
        if entry is None:
            return
        if note == CREATED:
            confirmed = live.entries.get(entry.original)
            if confirmed is not None:  # else its first packet went no further
                if known is not None:
                    yield "DESTROY", known, now, False
                entry.created, entry.reply = confirmed.created, confirmed.reply
                entry.dnat, entry.snat = confirmed.dnat, confirmed.snat
                self._table.put(entry)
                yield "NEW", entry.copy(), now, False
        elif (entry.state, entry.seen_reply, entry.assured) != before:
            yield "UPDATE", entry.copy(), now, False

    def _closed(self, live: Conntrack, now: float) -> Iterator[Event]:
        """TCP connections that both ends have closed since."""
        for entry in self._table.all():
            known = live.entries.get(entry.original)
            if known is None or known.state == entry.state or known.created != entry.created:
                continue
            for state in (*_CLOSING, "TIME_WAIT") if known.state == "TIME_WAIT" else (known.state,):
                entry.state, entry.expires = state, now + TCP_TIMEOUTS.get(state, known.expires - now)
                yield "UPDATE", entry.copy(), now, False


def _key(packet: dict[str, Any]) -> Key:
    source, destination = (int(ip_address(packet[name])) for name in ("src", "dst"))
    return (Protocol(packet["protocol"]), source, packet["sport"], destination, packet["dport"])
