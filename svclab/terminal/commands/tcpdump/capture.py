"""The packets that passed a host's interfaces, read off the steps of recorded traces."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from svclab.dns.message import Message, Question, Rcode, Record
from svclab.dns.wire import encode, encode_question

_GAP = timedelta(microseconds=37)  # between two steps of a trace, for want of a real clock
_REPLY_BYTES = 79  # of an answer over TCP, whose content a trace does not keep
DATAGRAM_BYTES = 45
_SOA = "ns.dns.cluster.local. hostmaster.cluster.local. 1767571200 7200 1800 86400 5"


@dataclass(frozen=True, slots=True)
class Captured:
    """One packet at one interface. `direction` is "In" or "Out"; `payload` what it carries above TCP or UDP.

    `stream` names the bytes that one end sends in a connection, `opposite` those of the other end, whatever
    becomes of their addresses on the way. `about` is the packet that an ICMP error speaks of: protocol,
    source, its port, destination, its port.
    """

    time: datetime
    interface: str
    direction: str
    protocol: str
    source: str
    sport: int
    destination: str
    dport: int
    kind: str
    payload: bytes = b""
    ttl: int = 64
    about: tuple[str, str, int, str, int] | None = None
    sequence: int = 0
    acknowledged: int = 0
    stamp: int = 0
    echoed: int = 0
    options: bool = True
    hardware: tuple[str, str] | None = None  # from, to: where a file has them


def packets(trace: dict[str, Any], start: datetime, host: str) -> Iterator[Captured]:
    """What an observer with tcpdump on `host` sees of one trace, in order."""
    interface = "eth0"
    said = _Said(trace)
    for place, step in enumerate(trace["steps"]):
        kind = step["kind"]
        if kind == "route" and step["host"] == host:
            interface = "lo" if step["local"] else step["interface"] or "eth0"
        if kind != "hop" or step.get("packet") is None:
            continue
        time = start + _GAP * place
        found = {**_ends(step["packet"]), **_contents(trace, step, said, place)}
        if step["host"] == host:
            yield Captured(time, step["interface"], "In", **found)
        if step["source"] == host:
            yield Captured(time - _GAP, interface if interface != "lo" else "eth0", "Out", **found)


def _ends(packet: dict[str, Any]) -> dict[str, Any]:
    about = packet.get("about")
    keys = ("protocol", "src", "sport", "dst", "dport")
    return {
        "protocol": packet["protocol"], "source": packet["src"], "sport": packet["sport"],
        "destination": packet["dst"], "dport": packet["dport"], "kind": packet["kind"],
        "ttl": packet.get("ttl", 64), "about": tuple(about[key] for key in keys) if about else None,
    }  # fmt: skip


def _contents(trace: dict[str, Any], step: dict[str, Any], said: "_Said", place: int) -> dict[str, Any]:
    """What a packet carries, and for TCP where in its stream that stands."""
    packet, flow = step["packet"], step["flow"]
    if packet["protocol"] == "UDP":
        return {"payload": said.message(flow, place, packet) or bytes(DATAGRAM_BYTES)}
    if packet["protocol"] != "TCP":
        return {}
    own, other = (_first(f"{trace['seed']}/{flow}/{side}") for side in (step["reply"], not step["reply"]))
    kind, begins = packet["kind"], packet["kind"] in ("SYN", "SYN-ACK")
    payload = b""
    if kind == "DATA":
        payload = bytes(_REPLY_BYTES) if step["reply"] else _request(trace["target"])
    return {
        "payload": payload,
        "sequence": (own + (not begins)) % 2**32,
        "acknowledged": 0 if kind == "SYN" else (other + 1) % 2**32,
        "stamp": own, "echoed": 0 if kind == "SYN" else other,
        "options": kind != "RST",
    }  # fmt: skip


def _request(target: str) -> bytes:
    """The request that a client sends: HTTP's in words where the target is a URL of it."""
    parts = urlsplit(target if "://" in target else "")
    if parts.scheme != "http":
        return bytes(_REPLY_BYTES)
    path = parts.path or "/"
    return f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n\r\n".encode()


def _first(stream: str) -> int:
    """The number that an end of a connection begins to count its bytes with."""
    return int(sha256(stream.encode()).hexdigest()[:8], 16)


class _Said:
    """The DNS questions of a trace, each before its packets, and the answers, each after its own."""

    def __init__(self, trace: dict[str, Any]) -> None:
        self.seed = trace["seed"]
        self.steps = [
            (place, step) for place, step in enumerate(trace["steps"]) if step["kind"] in ("query", "answer")
        ]

    def message(self, flow: int, place: int, packet: dict[str, Any]) -> bytes:
        """What a packet to or from port 53 carries; nothing where that is not known."""
        if packet["dport"] == 53:
            found = [each for at, each in self.steps if at < place and self._is(each, flow, "query")]
            return self._question(found[-1]) if found else b""
        if packet["sport"] == 53:
            found = [each for at, each in self.steps if at > place and self._is(each, flow, "answer")]
            return self._answer(found[0]) if found else b""
        return b""

    def _is(self, step: dict[str, Any], flow: int, kind: str) -> bool:
        return step["kind"] == kind and step["flow"] == flow

    def _number(self, step: dict[str, Any]) -> int:
        """The same for a question and its answer."""
        return _first(f"{self.seed}/{step['flow']}/{step['name']}/{step['type']}") % 65536

    def _question(self, step: dict[str, Any]) -> bytes:
        return encode_question(Question(_rooted(step["name"]), step["type"]), self._number(step))

    def _answer(self, step: dict[str, Any]) -> bytes:
        """CoreDNS answers from the cluster with authority, and writes each name out."""
        own = step["authoritative"]
        records = tuple(Record(*each) for each in step["records"])
        empty = own and not records and step["rcode"] in ("NOERROR", "NXDOMAIN")
        authority = (Record("cluster.local.", 30, "SOA", _SOA),) if empty else ()
        question = Question(_rooted(step["name"]), step["type"])
        rcode = Rcode(step["rcode"]) if step["rcode"] in set(Rcode) else Rcode.SERVFAIL
        message = Message(question, rcode, aa=own, ra=not own, answer=records, authority=authority)
        try:
            return encode(message, self._number(step))
        except ValueError:
            return b""


def _rooted(name: str) -> str:
    return name.rstrip(".") + "."
