"""Every message between a page and its consumer, typed, both directions. Others are refused.

JSON objects with a `type`; "term.open" is the class TermOpen. Every message of the server carries a growing
`seq`. Sizes: a message of the page at most 64 KiB, at most 50 of them a second.
"""

import json
import re
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

MAX_BYTES = 64 * 1024
MAX_PER_SECOND = 50
MAX_TERMINALS = 8
MAX_REQUESTS = 100  # of one send.many


class BadMessage(ValueError):
    """A message that says nothing we know; the text is for the page."""


@dataclass(frozen=True, slots=True)
class Message:
    """What all messages have: a type."""

    type: ClassVar[str] = ""


# ---- from the page ----


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """The first message. After a lost connection: the last `seq` seen, and the cluster's life,
    resourceVersion and trace that the page knows; it then gets what it missed, from whichever process."""

    type: ClassVar[str] = "hello"
    last_seq: int = 0
    session: str = ""
    life: str = ""
    rv: int = 0
    trace: int = 0


@dataclass(frozen=True, slots=True)
class Send(Message):
    """One request from a host to a name, URL or address; `request` comes back with its trace."""

    type: ClassVar[str] = "send"
    source: str
    target: str
    port: int | None = None
    protocol: str = "TCP"
    request: str = ""


@dataclass(frozen=True, slots=True)
class SendMany(Message):
    """Up to a hundred requests of the same kind, one after another."""

    type: ClassVar[str] = "send.many"
    source: str
    target: str
    count: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Peek(Message):
    """What would happen to a request now. It leaves no mark in the cluster and is not recorded."""

    type: ClassVar[str] = "peek"
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class SetClock(Message):
    """The cluster's clock: pause, resume, rate (1 or 10), step (seconds)."""

    type: ClassVar[str] = "clock"
    action: str
    value: float = 1.0


@dataclass(frozen=True, slots=True)
class SetMode(Message):
    """How kube-proxy works: iptables, nftables or ipvs."""

    type: ClassVar[str] = "mode"
    mode: str


@dataclass(frozen=True, slots=True)
class Reset(Message):
    """A fresh cluster in place of this one."""

    type: ClassVar[str] = "reset"


@dataclass(frozen=True, slots=True)
class Apply(Message):
    """`kubectl apply` of a text with one or more documents."""

    type: ClassVar[str] = "apply"
    yaml: str
    name: str = "manifest.yaml"


@dataclass(frozen=True, slots=True)
class Delete(Message):
    """Delete one object, as `kubectl delete` does."""

    type: ClassVar[str] = "delete"
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class TraceGet(Message):
    """A recorded trace, whole."""

    type: ClassVar[str] = "trace.get"
    id: int


@dataclass(frozen=True, slots=True)
class LessonOpen(Message):
    """The page shows this lesson: its checks are to be told whenever something happens."""

    type: ClassVar[str] = "lesson.open"
    lesson: str


@dataclass(frozen=True, slots=True)
class TermOpen(Message):
    """A terminal; the page names it."""

    type: ClassVar[str] = "term.open"
    session: str
    rows: int = 24
    cols: int = 80


@dataclass(frozen=True, slots=True)
class TermInput(Message):
    """Keys."""

    type: ClassVar[str] = "term.input"
    session: str
    data: str


@dataclass(frozen=True, slots=True)
class TermResize(Message):
    """The terminal's new size."""

    type: ClassVar[str] = "term.resize"
    session: str
    rows: int
    cols: int


@dataclass(frozen=True, slots=True)
class TermRun(Message):
    """A whole command line, as if typed at an empty prompt; `id` comes back with term.done."""

    type: ClassVar[str] = "term.run"
    session: str
    line: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class TermEdited(Message):
    """The text that term.edit opened, as it was saved; null: closed without saving."""

    type: ClassVar[str] = "term.edited"
    session: str
    id: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class TermClose(Message):
    """The terminal is gone."""

    type: ClassVar[str] = "term.close"
    session: str


# ---- to the page ----


@dataclass(frozen=True, slots=True)
class Welcome(Message):
    """The connection's name, for a later hello."""

    type: ClassVar[str] = "welcome"
    session: str


@dataclass(frozen=True, slots=True)
class State(Message):
    """The whole cluster. `fresh`: it is another one than before, nothing old may stay on the page."""

    type: ClassVar[str] = "state"
    objects: list[dict[str, Any]]
    rv: int
    clock: dict[str, Any]
    mode: str
    flavour: str
    life: str
    traces: list[dict[str, Any]] = field(default_factory=list)
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Objects(Message):
    """What changed since the last `rv`."""

    type: ClassVar[str] = "objects"
    changed: list[dict[str, Any]]
    deleted: list[dict[str, Any]]
    rv: int


@dataclass(frozen=True, slots=True)
class Clock(Message):
    """The cluster's time now and its pace, and the proxy mode."""

    type: ClassVar[str] = "clock"
    now: str
    paused: bool
    rate: float
    mode: str


@dataclass(frozen=True, slots=True)
class TraceCame(Message):
    """A request was sent, by this page (`request`) or by anything else (`origin`)."""

    type: ClassVar[str] = "trace"
    trace: dict[str, Any]
    origin: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class Traces(Message):
    """Many requests at once: only what a list shows of each."""

    type: ClassVar[str] = "traces"
    traces: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class TraceFull(Message):
    """The answer to trace.get."""

    type: ClassVar[str] = "trace.full"
    trace: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Peeked(Message):
    """The answer to peek."""

    type: ClassVar[str] = "peeked"
    trace: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Api(Message):
    """Requests that the Kubernetes API answered: time, verb, path, status, command."""

    type: ClassVar[str] = "api"
    entries: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Applied(Message):
    """One result a document: `message` or `error`, and the line it is about where that is known."""

    type: ClassVar[str] = "applied"
    name: str
    results: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Error(Message):
    """Something was refused; nothing changed. `about` is the refused message's type."""

    type: ClassVar[str] = "error"
    message: str
    about: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class TermOpened(Message):
    """The shell is there."""

    type: ClassVar[str] = "term.opened"
    session: str


@dataclass(frozen=True, slots=True)
class TermOutput(Message):
    """What the screen shows next."""

    type: ClassVar[str] = "term.output"
    session: str
    data: str


@dataclass(frozen=True, slots=True)
class TermDone(Message):
    """A command line has ended, with the traces it caused; `location` is where the next one would run:
    laptop, pod/NS/NAME or node/NAME. `command` is the number that stood in the output where it began.
    """

    type: ClassVar[str] = "term.done"
    session: str
    status: int
    flows: list[dict[str, Any]]
    id: str = ""
    line: str = ""
    location: str = "laptop"
    command: int = 0


@dataclass(frozen=True, slots=True)
class TermClosed(Message):
    """The shell has ended."""

    type: ClassVar[str] = "term.closed"
    session: str
    reason: str


@dataclass(frozen=True, slots=True)
class TermEdit(Message):
    """`vi FILE` or `kubectl edit`: the page is to open this text, and to answer with term.edited."""

    type: ClassVar[str] = "term.edit"
    session: str
    id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress(Message):
    """A lesson's checks were evaluated again."""

    type: ClassVar[str] = "progress"
    lesson: str
    lamps: list[dict[str, Any]]


FROM_PAGE: dict[str, type[Message]] = {
    cls.type: cls
    for cls in (
        Hello, Send, SendMany, Peek, SetClock, SetMode, Reset, Apply, Delete, TraceGet, LessonOpen,
        TermOpen, TermInput, TermResize, TermRun, TermEdited, TermClose,
    )
}  # fmt: skip
TO_PAGE: dict[str, type[Message]] = {
    cls.type: cls
    for cls in (
        Welcome, State, Objects, Clock, TraceCame, Traces, TraceFull, Peeked, Api, Applied, Error,
        TermOpened, TermOutput, TermDone, TermClosed, TermEdit, Progress,
    )
}  # fmt: skip

_RANGES: dict[tuple[type[Message], str], tuple[float, float]] = {
    (Send, "port"): (1, 65535),
    (SendMany, "count"): (1, MAX_REQUESTS),
    (SetClock, "value"): (0, 3600),
    (TermOpen, "rows"): (1, 500),
    (TermOpen, "cols"): (1, 1000),
    (TermResize, "rows"): (1, 500),
    (TermResize, "cols"): (1, 1000),
}
_CHOICES: dict[tuple[type[Message], str], tuple[str, ...]] = {
    (Send, "protocol"): ("TCP", "UDP", "SCTP"),
    (SendMany, "protocol"): ("TCP", "UDP", "SCTP"),
    (SetClock, "action"): ("pause", "resume", "rate", "step"),
    (SetMode, "mode"): ("iptables", "nftables", "ipvs"),
}
_HOST = re.compile(r"client/[a-z]+|node/[a-z0-9.-]{1,253}|pod/[a-z0-9-]{1,63}/[a-z0-9.-]{1,253}")
_TARGET = re.compile(r"[\x21-\x7e]{1,500}")
_TERMINAL = re.compile(r"[A-Za-z0-9_-]{1,40}")
_PATTERNS: dict[tuple[type[Message], str], tuple[re.Pattern[str], str]] = {
    (Send, "source"): (_HOST, "client/NAME, node/NAME or pod/NAMESPACE/NAME"),
    (SendMany, "source"): (_HOST, "client/NAME, node/NAME or pod/NAMESPACE/NAME"),
    (Peek, "source"): (_HOST, "client/NAME, node/NAME or pod/NAMESPACE/NAME"),
    (Peek, "target"): (_TARGET, "a name, URL or address"),
    (Send, "target"): (_TARGET, "a name, URL or address"),
    (SendMany, "target"): (_TARGET, "a name, URL or address"),
    (TermOpen, "session"): (_TERMINAL, "1 to 40 letters and digits"),
}


def parse(text: str) -> Message:
    """The message of the page in this text. Raises BadMessage with words for the page."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage("not JSON") from error
    if not isinstance(raw, dict):
        raise BadMessage("not a JSON object")
    kind = raw.pop("type", None)
    cls = FROM_PAGE.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise BadMessage(f"unknown message type {str(kind)[:60]!r}")
    known = {item.name: item for item in fields(cls)}
    if extra := sorted(set(raw) - set(known)):
        raise BadMessage(f"{kind}: unknown field {extra[0][:60]!r}")
    if missing := [name for name, item in known.items() if name not in raw and _required(item)]:
        raise BadMessage(f"{kind}: {missing[0]} is missing")
    hints = _hints(cls)
    return cls(**{name: _checked(cls, name, hints[name], value) for name, value in raw.items()})


@cache
def _hints(cls: type[Message]) -> dict[str, Any]:
    """The types of a message's fields; working them out takes longer than all else of a keystroke."""
    return get_type_hints(cls)


def _required(item: Any) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _checked(cls: type[Message], name: str, wanted: Any, value: Any) -> Any:
    where = f"{cls.type}: {name}"
    types = get_args(wanted) if get_origin(wanted) is UnionType else (wanted,)
    if value is None and NoneType in types:
        return None
    if isinstance(value, bool) or not isinstance(value, tuple(_accepted(types))):
        raise BadMessage(f"{where} must be {' or '.join(t.__name__ for t in types if t is not NoneType)}")
    if isinstance(value, int | float):
        low, high = _RANGES.get((cls, name), (0, 2**53))
        if not low <= value <= high:  # also false for NaN
            raise BadMessage(f"{where} must be from {low:g} to {high:g}")
        return value
    if any(0xD800 <= ord(letter) < 0xE000 for letter in value):
        raise BadMessage(f"{where} is not valid Unicode")
    choices = _CHOICES.get((cls, name))
    if choices and value not in choices:
        raise BadMessage(f"{where} must be one of {', '.join(choices)}")
    pattern = _PATTERNS.get((cls, name))
    if pattern and not pattern[0].fullmatch(value):
        raise BadMessage(f"{where} must be {pattern[1]}")
    return value


def _accepted(types: tuple[Any, ...]) -> list[type]:
    accepted = [t for t in types if t is not NoneType]
    return [*accepted, int] if float in accepted else accepted


def encode(message: Message, seq: int) -> str:
    """The text of a message to the page, as compact as JSON can be."""
    body = {"type": message.type, "seq": seq} | {
        item.name: getattr(message, item.name) for item in fields(message)
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
