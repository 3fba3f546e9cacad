"""What happened to one request: an ordered list of steps, recorded first and shown afterwards.

A step is a named shape; its JSON form (`Step.as_json`) is what the page, the transcript, the checks and the
`engine trace` command read. Every step says which flow it belongs to, on which host it happened, and the
packet as it was *after* the step. Hosts are named `node/NAME`, `pod/NAMESPACE/NAME`, `client/NAME`, `router`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from operator import attrgetter
from typing import Any, ClassVar, Protocol

from svclab.linux.packet import FiveTuple, Packet


class Outcome(StrEnum):
    """Every way in which a request can end. The list is closed; curriculum and checks name these codes.

    What curl 7.88 prints: the body for OK; "Couldn't connect to server" at once, exit 7, for REJECTED, RESET
    and UNREACHABLE; a time-out, exit 28, for DROPPED, UNROUTED and ASYMMETRIC; "Could not resolve host", exit
    6, at once for NXDOMAIN, NODATA and SERVFAIL, and for DNS-TIMEOUT after all of the resolver's time-outs.
    DENIED is for what sends datagrams: "sendto: Operation not permitted".
    """

    OK = "OK"  # answered
    REJECTED = "REJECTED"  # a filter rule answered with ICMP port unreachable: no endpoints
    RESET = "RESET"  # reached a host on which nothing listens on that port
    DROPPED = "DROPPED"  # a rule discarded it silently
    UNROUTED = "UNROUTED"  # no rule wanted it and the route leads nowhere that answers
    UNREACHABLE = "UNREACHABLE"  # no route at all: the sending program is told at once
    ASYMMETRIC = "ASYMMETRIC"  # answered, but the answer takes a path on which nobody undoes the NAT
    DENIED = "DENIED"  # the sending host's own OUTPUT chain refused the system call (EPERM)
    NXDOMAIN = "NXDOMAIN"  # the name does not exist
    NODATA = "NODATA"  # the name exists, but has no address
    SERVFAIL = "SERVFAIL"  # the name server failed
    DNS_TIMEOUT = "DNS-TIMEOUT"  # no name server answered


class Verdict(StrEnum):
    """What a client program can tell apart."""

    ANSWERED = "answered"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    ERROR = "error"  # the call failed at once, or the name did not resolve


_ATOMS = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """`value` in JSON's types: addresses as text, tuples of a flow as "A:P > B:P" parts, enums as their
    value.
    """
    found = type(value)
    if found in _ATOMS:
        return value
    shape = _SHAPES.get(found)
    if shape is None:
        shape = _SHAPES[found] = _shape_of(found)
    return shape(value)


def _shape_of(found: type) -> Callable[[Any], Any]:
    """How values of a type become JSON; looked up once a type."""
    if issubclass(found, StrEnum):
        return attrgetter("_value_")
    if issubclass(found, tuple | list):
        return lambda value: [plain(item) for item in value]
    if issubclass(found, dict):
        return lambda value: {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(found):
        return _all_fields
    return lambda value: value


def _tuple(value: FiveTuple) -> dict[str, Any]:
    return {
        "protocol": value.protocol._value_,
        "src": str(value.source),
        "sport": value.source_port,
        "dst": str(value.destination),
        "dport": value.destination_port,
    }


def _packet(value: Packet) -> dict[str, Any]:
    shape = {**_tuple(value.tuple), "kind": value.kind._value_, "ttl": value.ttl}
    return shape | ({"about": _tuple(value.about)} if value.about else {})


@cache
def _names(found: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(found))


def _all_fields(value: Any) -> dict[str, Any]:
    return {name: plain(getattr(value, name)) for name in _names(type(value))}


_SHAPES: dict[type, Callable[[Any], Any]] = {
    IPv4Address: str, IPv6Address: str, FiveTuple: _tuple, Packet: _packet,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Origin:
    """The object and field that produced a rule: kind, "namespace/name", and the path inside it."""

    kind: str
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class Step:
    """What all steps have: the flow's number, the host, and the packet after the step, if any."""

    kind: ClassVar[str] = ""
    flow: int
    host: str
    packet: Packet | None

    def as_json(self) -> dict[str, Any]:
        """This step as the page gets it: `kind` and every field."""
        return {"kind": self.kind, **_all_fields(self)}


@dataclass(frozen=True, slots=True)
class Lookup(Step):
    """A program asks its resolver for a name; `candidates` are the full names it will try, in order."""

    kind: ClassVar[str] = "lookup"
    typed: str
    candidates: tuple[str, ...]
    resolver: str  # "glibc", "musl", "nslookup", "hosts"


@dataclass(frozen=True, slots=True)
class Query(Step):
    """One question leaves for the name server. `rung` is the candidate's place in the search list."""

    kind: ClassVar[str] = "query"
    name: str
    type: str
    server: str
    rung: int


@dataclass(frozen=True, slots=True)
class Answer(Step):
    """What the name server said. Records are (name, ttl, type, data)."""

    kind: ClassVar[str] = "answer"
    name: str
    type: str
    rcode: str
    records: tuple[tuple[str, int, str, str], ...]
    authoritative: bool
    rung: int


@dataclass(frozen=True, slots=True)
class Resolved(Step):
    """The look-up's end: an address, or the outcome code of its failure."""

    kind: ClassVar[str] = "resolved"
    typed: str
    address: str | None
    code: Outcome
    queries: int


@dataclass(frozen=True, slots=True)
class Emit(Step):
    """A host's socket or kernel sends a packet. `reply` tells answers from requests."""

    kind: ClassVar[str] = "emit"
    reply: bool


@dataclass(frozen=True, slots=True)
class Hop(Step):
    """The packet crossed a link from `source` and is now at `host`, having come in by `interface`."""

    kind: ClassVar[str] = "hop"
    source: str
    interface: str
    reply: bool


@dataclass(frozen=True, slots=True)
class Rule(Step):
    """The packet was compared with one rule: a hit, or a miss with the reason in words.

    `number` counts from 1 within the chain. `path` is the chain path from the hook down to this chain.
    `draw` and `probability` are there for a statistic match. `policy` steps (number 0) are a chain's end.
    """

    kind: ClassVar[str] = "rule"
    hook: str
    table: str
    chain: str
    path: tuple[str, ...]
    number: int
    text: str
    matched: bool
    why: str
    target: str | None
    draw: float | None = None
    probability: float | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Skipped(Step):
    """`count` rules from number `first` on that an index proved unable to match; the kernel compares each."""

    kind: ClassVar[str] = "skipped"
    hook: str
    table: str
    chain: str
    first: int
    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Mark(Step):
    """The packet's mark (metadata of this host only) changed."""

    kind: ClassVar[str] = "mark"
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Nat(Step):
    """A header was rewritten. `action`: DNAT, SNAT, MASQUERADE by a rule; un-DNAT, un-SNAT, or DNAT/SNAT
    again `by` conntrack."""

    kind: ClassVar[str] = "nat"
    action: str
    before: Packet
    by: str  # "rule" or "conntrack"


@dataclass(frozen=True, slots=True)
class Conntrack(Step):
    """What the host's connection table said: state NEW, ESTABLISHED, RELATED or INVALID, and the entry."""

    kind: ClassVar[str] = "conntrack"
    state: str
    original: FiveTuple
    reply_tuple: FiveTuple
    note: str  # "created", "confirmed", "found", "skips the nat table", ...


@dataclass(frozen=True, slots=True)
class Route(Step):
    """The routing decision: `local` (for this host), or out by `interface` towards `next_hop`."""

    kind: ClassVar[str] = "route"
    local: bool
    interface: str
    next_hop: str
    why: str


@dataclass(frozen=True, slots=True)
class Deliver(Step):
    """The packet reached a socket; `listener` names the program (nginx, coredns) or the waiting client."""

    kind: ClassVar[str] = "deliver"
    listener: str
    reply: bool


@dataclass(frozen=True, slots=True)
class Death(Step):
    """The packet ends here without having been delivered: code, where, and why in one sentence."""

    kind: ClassVar[str] = "death"
    code: Outcome
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class End(Step):
    """The request's end as the client program sees it: code, verdict, who answered, its words."""

    kind: ClassVar[str] = "end"
    code: Outcome
    verdict: Verdict
    endpoint: str | None
    source_seen: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Flow:
    """One connection or exchange within a trace: its number, protocol, purpose ("dns", "request") and a
    label.
    """

    number: int
    protocol: str
    purpose: str
    label: str


class Told(Protocol):
    """Several steps that are put into words only when somebody asks: an exchange."""

    @property
    def steps(self) -> tuple[Step, ...]: ...

    def as_json(self) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Trace:
    """One request from the first look-up to its end. The seed makes it repeatable, byte for byte.

    Its steps are those of its `parts`, one after another.
    """

    seed: str
    source: str
    target: str
    mode: str
    flows: tuple[Flow, ...]
    parts: tuple[Step | Told, ...]

    def __post_init__(self) -> None:
        if not self.parts or not isinstance(self.parts[-1], End):
            raise ValueError("a trace ends with an End step")

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step in order."""
        return steps_in(self.parts)

    @property
    def end(self) -> End:
        """The last step."""
        last = self.parts[-1]
        assert isinstance(last, End)
        return last

    def as_json(self) -> dict[str, Any]:
        """The whole trace in JSON's types."""
        steps = [step for part in self.parts for step in _json_of(part)]
        for i, step in enumerate(steps):
            step["i"] = i
        return {
            "seed": self.seed,
            "source": self.source,
            "target": self.target,
            "mode": self.mode,
            "flows": [plain(flow) for flow in self.flows],
            "steps": steps,
            "outcome": self.end.as_json(),
        }


def steps_in(parts: Iterable[Step | Told]) -> tuple[Step, ...]:
    """Every step of some parts of a trace, in order."""
    return tuple(step for part in parts for step in ((part,) if isinstance(part, Step) else part.steps))


def _json_of(part: Step | Told) -> list[dict[str, Any]]:
    return [part.as_json()] if isinstance(part, Step) else part.as_json()


def json_of(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Steps in JSON's types. A packet stays the same over many of them: its shape is made once."""
    shapes: dict[int, dict[str, Any]] = {}
    found = []
    for step in steps:
        told: dict[str, Any] = {"kind": step.kind}
        for name in _names(type(step)):
            value = getattr(step, name)
            if type(value) is Packet:
                shape = shapes.get(id(value))
                if shape is None:
                    shape = shapes[id(value)] = _packet(value)
                value = shape
            elif type(value) not in _ATOMS:
                value = plain(value)
            told[name] = value
        found.append(told)
    return found
