"""The connection table of one host: which packets belong together, and which NAT they share.

Only the first packet of a connection is asked about NAT; the entry repeats it for the rest and undoes it for
answers. Source: Linux 6.18 net/netfilter/nf_conntrack_{core,proto_*}.c, nf_nat_core.c; timeouts are the
kernel's defaults in seconds.
"""

from svclab.linux.packet import Kind, Protocol
from svclab.linux.skb import Key, Skb, reversed_key

TCP_TIMEOUTS = {
    "SYN_SENT": 120.0, "SYN_RECV": 60.0, "ESTABLISHED": 432000.0, "FIN_WAIT": 120.0, "CLOSE_WAIT": 60.0,
    "LAST_ACK": 30.0, "TIME_WAIT": 120.0, "CLOSE": 10.0,
}  # fmt: skip
SCTP_TIMEOUTS = {
    "CLOSED": 10.0,
    "COOKIE_WAIT": 3.0,
    "COOKIE_ECHOED": 3.0,
    "ESTABLISHED": 210.0,
    "SHUTDOWN": 3.0,
}
OVER = ("TIME_WAIT", "CLOSE", "LAST_ACK")  # states of TCP from which a SYN opens a new connection
CREATED = "created"  # the note about a connection's first packet
UDP_UNREPLIED, UDP_STREAM, UDP_STREAM_AFTER = 30.0, 120.0, 2.0
ICMP_TIMEOUT = 30.0


class Entry:
    """One connection. `original` is the first packet's header as it came, `reply` that of an answer as it
    will come.
    """

    __slots__ = (
        "assured", "created", "dnat", "expires", "ipvs", "nat_destination_done", "nat_source_done",
        "original", "reply", "seen_reply", "snat", "state", "text",
    )  # fmt: skip

    def __init__(self, original: Key, now: float) -> None:
        self.original = original
        self.reply = reversed_key(original)
        self.state = ""
        self.created = now
        self.expires = now
        self.seen_reply = self.assured = False
        self.dnat = self.snat = self.ipvs = False
        self.nat_destination_done = self.nat_source_done = False
        self.text: tuple[tuple[object, ...], str] | None = None  # (how it stood, in JSON), for who stores it

    def copy(self) -> "Entry":
        """An independent copy."""
        twin = Entry(self.original, self.created)
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin

    def twin(self, original: Key, reply: Key, created: float, expires: float) -> "Entry":
        """The entry of another connection that has gone just as this one."""
        twin = Entry.__new__(Entry)
        twin.original, twin.reply, twin.created, twin.expires = original, reply, created, expires
        twin.state, twin.seen_reply, twin.assured = self.state, self.seen_reply, self.assured
        twin.dnat, twin.snat, twin.ipvs = self.dnat, self.snat, False
        twin.nat_destination_done, twin.nat_source_done = self.nat_destination_done, self.nat_source_done
        twin.text = None
        return twin


class Conntrack:
    """Confirmed connections by both headers.

    `refused` is the connection of the packet that this host last answered with an ICMP error. Its first
    packet never gets as far as the table, but the error belongs to it and its NAT is undone in the error.
    `changed` are the first packets' headers of what was entered or went on since the table was last stored.
    """

    __slots__ = ("changed", "entries", "refused")

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}
        self.changed: dict[Key, None] = {}
        self.refused: Entry | None = None

    def find(self, key: Key, now: float) -> Entry | None:
        """The living entry that this header belongs to, in either direction."""
        entry = self.entries.get(key)
        if entry is not None and entry.expires < now:
            self.remove(entry)
            return None
        return entry

    def remove(self, entry: Entry) -> None:
        """Forget a connection."""
        entries, original, reply = self.entries, entry.original, entry.reply
        if entries.get(original) is entry:
            del entries[original]
        if entries.get(reply) is entry:
            del entries[reply]

    def expire(self, now: float) -> None:
        """Forget all connections whose time is over."""
        for entry in [e for e in self.entries.values() if e.expires < now]:
            self.remove(entry)

    def all(self) -> list[Entry]:
        """Every connection once, oldest first."""
        return [e for key, e in self.entries.items() if key == e.original]

    def track(self, skb: Skb) -> str:
        """Find or make the packet's connection: sets its entry, direction and state. Returns a note for the
        trace.
        """
        if skb.kind.is_error:
            return self._track_error(skb)
        key = skb.key
        entry = self.find(key, skb.now)
        if entry is not None and _reopens(skb, entry, key):
            self.remove(entry)
            entry = None
        if entry is None:
            if not _may_begin(skb):
                skb.state = "INVALID"
                return "belongs to no connection"
            skb.entry, skb.reply, skb.state = Entry(key, skb.now), False, "NEW"
            _advance(skb.entry, skb)
            return CREATED
        reply = key == entry.reply and key != entry.original
        if not reply and _goes_on_unanswered(skb, entry):
            skb.state = "INVALID"
            return "goes on with a connection whose answer did not pass here"
        skb.entry, skb.reply = entry, reply
        skb.dnat, skb.snat = entry.dnat, entry.snat
        if skb.reply:
            entry.seen_reply = True
        skb.state = "ESTABLISHED" if entry.seen_reply else "NEW"
        self.changed[entry.original] = None
        _advance(entry, skb)
        return "found"

    def _track_error(self, skb: Skb) -> str:
        """An ICMP error belongs to the connection of the packet that it is about, against that packet's
        direction.
        """
        answer = reversed_key(skb.about) if skb.about else None
        entry = self.find(answer, skb.now) if answer else None
        if entry is None and self.refused and self.refused.reply == answer and not skb.in_interface:
            entry = self.refused
        if entry is None:
            skb.state = "INVALID"
            return "about a connection that is not known here"
        skb.entry, skb.state = entry, "RELATED"
        skb.reply = answer == entry.reply and answer != entry.original
        skb.dnat, skb.snat = entry.dnat, entry.snat
        return "about a known connection"

    def confirm(self, skb: Skb) -> bool:
        """Enter a new connection into the table, once its first packet has passed. Whether it was entered
        now.
        """
        entry = skb.entry
        if entry is None or skb.state == "RELATED" or self.entries.get(entry.original) is entry:
            return False
        self.put(entry)
        return True

    def put(self, entry: Entry) -> None:
        """Enter a connection, whatever was there."""
        entries, original = self.entries, entry.original
        entries[original] = entries[entry.reply] = entry
        self.changed[original] = None

    def over_for(self, entry: Entry, now: float) -> tuple[Entry, ...] | None:
        """Connections that are over, whose place one takes that began with a socket's first packet; None
        where a living one is in its way.
        """
        find = self.entries.get
        known, other = find(entry.original), find(entry.reply)
        if known is not None and known.expires >= now and not _is_over(known, entry.original):
            return None
        if other is None or other is known:
            return () if known is None else (known,)
        if other.expires >= now:
            return None
        return (other,) if known is None else (known, other)

    def rename(self, entry: Entry, original: Key, reply: Key) -> None:
        """Give an entry equal headers in place of its own; it becomes the latest."""
        self.remove(entry)
        self.changed.pop(entry.original, None)
        entry.original, entry.reply = original, reply
        self.put(entry)

    def close(self, key: Key, now: float) -> None:
        """The TCP connection of this header has been closed by both ends."""
        entry = self.entries.get(key)
        if entry is not None and entry.state == "ESTABLISHED":
            self.changed[entry.original] = None
            entry.state = "TIME_WAIT"
            entry.expires = now + TCP_TIMEOUTS["TIME_WAIT"]

    def is_used(self, reply: Key, now: float) -> bool:
        """Whether another connection already gets its answers under this header."""
        return self.find(reply, now) is not None

    def copy(self) -> "Conntrack":
        """An independent copy."""
        twin = Conntrack()
        for entry in self.all():
            twin.put(entry.copy())
        twin.changed = dict(self.changed)
        return twin


def _reopens(skb: Skb, entry: Entry, key: Key) -> bool:
    """A SYN under the ports of a connection that is over starts a new one."""
    return skb.kind is Kind.SYN and _is_over(entry, key)


def _is_over(entry: Entry, key: Key) -> bool:
    """Whether this header's own connection has ended."""
    return key == entry.original and entry.state in OVER


def _goes_on_unanswered(skb: Skb, entry: Entry) -> bool:
    """The client's second packet where its first was seen, but the answer took another way."""
    return (
        entry.state in ("SYN_SENT", "COOKIE_WAIT")
        and not entry.seen_reply
        and skb.kind in (Kind.ACK, Kind.DATA)
    )


def _may_begin(skb: Skb) -> bool:
    """Whether this packet may open a connection in the table. TCP is picked up in the middle too."""
    match skb.protocol:
        case Protocol.TCP:
            return skb.kind in (Kind.SYN, Kind.ACK, Kind.DATA)
        case Protocol.SCTP:
            return skb.kind is Kind.INIT
        case Protocol.ICMP:
            return skb.kind is Kind.ECHO_REQUEST
        case _:
            return True


def _advance(entry: Entry, skb: Skb) -> None:
    """The protocol's state and the time to live after this packet."""
    now = skb.now
    match skb.protocol:
        case Protocol.TCP:
            entry.state = _tcp_state(entry, skb)
            entry.expires = now + TCP_TIMEOUTS[entry.state]
            entry.assured = entry.assured or entry.state == "ESTABLISHED"
        case Protocol.SCTP:
            entry.state = _sctp_state(entry, skb)
            entry.expires = now + SCTP_TIMEOUTS[entry.state]
            entry.assured = entry.assured or entry.state == "ESTABLISHED"
        case Protocol.UDP:
            is_stream = entry.seen_reply and now - entry.created > UDP_STREAM_AFTER
            entry.assured = entry.assured or is_stream
            entry.expires = now + (UDP_STREAM if is_stream else UDP_UNREPLIED)
        case Protocol.ICMP:
            entry.expires = now + ICMP_TIMEOUT


def _tcp_state(entry: Entry, skb: Skb) -> str:
    match skb.kind:
        case Kind.SYN:
            return entry.state or "SYN_SENT"
        case Kind.SYN_ACK:
            return "SYN_RECV"
        case Kind.RST:
            return "CLOSE"
        case Kind.FIN:
            return "TIME_WAIT" if entry.state in ("FIN_WAIT", "CLOSE_WAIT", "LAST_ACK") else "FIN_WAIT"
        case _:
            return entry.state if entry.state in ("FIN_WAIT", "TIME_WAIT", "CLOSE") else "ESTABLISHED"


def _sctp_state(entry: Entry, skb: Skb) -> str:
    match skb.kind:
        case Kind.INIT | Kind.INIT_ACK:
            return "COOKIE_WAIT"
        case Kind.ABORT:
            return "CLOSED"
        case _:
            return "ESTABLISHED"
