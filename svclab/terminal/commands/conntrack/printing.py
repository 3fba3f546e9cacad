"""Connections as conntrack prints them. Source: conntrack-tools 1.4.7, libnetfilter_conntrack 1.0.9."""

from hashlib import sha256

from svclab.linux.conntrack import Entry
from svclab.linux.packet import Protocol
from svclab.linux.skb import Key, address_text

_NUMBERS = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.ICMP: 1, Protocol.SCTP: 132}


def line_of(entry: Entry, now: float, output: list[str]) -> str:
    """A line of the table; `output` are the words of -o."""
    return f"{flow_text(entry, now, output)} mark=0 use=1{_id(entry, output)}"


def event_line(kind: str, entry: Entry, now: float, output: list[str], *, by_hand: bool = False) -> str:
    """A line of `conntrack -E`: kind is NEW, UPDATE or DESTROY."""
    time = f"[{now:.6f}]\t" if "timestamp" in output else ""
    who = f" [USERSPACE] portid={_number(entry, 'port')}" if by_hand else ""
    return f"{time}{f'[{kind}]':>9} {flow_text(entry, now, output)}{_id(entry, output)}{who}"


def flow_text(entry: Entry, now: float, output: list[str]) -> str:
    """Protocol, seconds left (none for one that is over), state and both headers."""
    protocol = entry.original[0]
    family = "ipv4     2 " if "extended" in output else ""
    state = f"{entry.state} " if entry.state and protocol is not Protocol.UDP else ""
    left = f"{int(entry.expires - now)} " if entry.expires > now else ""
    unreplied = "" if entry.seen_reply else " [UNREPLIED]"
    reply = _tuple(entry.reply).replace("type=8", "type=0")
    assured = " [ASSURED]" if entry.assured else ""
    head = f"{family}{protocol.value.lower():<8} {_NUMBERS[protocol]} {left}{state}"
    return f"{head}{_tuple(entry.original)}{unreplied} {reply}{assured}"


def _tuple(key: Key) -> str:
    protocol, source, sport, destination, dport = key
    text = f"src={address_text(4, source)} dst={address_text(4, destination)}"
    if protocol is Protocol.ICMP:
        return f"{text} type=8 code=0 id={sport}"
    return f"{text} sport={sport} dport={dport}"


def _id(entry: Entry, output: list[str]) -> str:
    return f" id={_number(entry, 'id')}" if "id" in output else ""


def _number(entry: Entry, what: str) -> int:
    """A number that the kernel would draw: the same for an entry as long as it lives."""
    return int(sha256(f"{what} {entry.original} {entry.created}".encode()).hexdigest()[:8], 16)
