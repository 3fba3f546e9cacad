"""What the page asks of the cluster: blocking functions, run in a pool of threads beside the event loop."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, TypeVar
from uuid import UUID

from channels.db import DatabaseSyncToAsync

from svclab.apiserver.requestlog import LogLine
from svclab.cluster import access, dataplane, lifecycle, settle
from svclab.cluster.clock import Clock as ClusterClock
from svclab.cluster.clock import real_now
from svclab.cluster.dataplane import TraceRecord
from svclab.cluster.errors import Expired, NoSuchCluster
from svclab.cluster.store import ClusterHandle
from svclab.kube.request import BadTarget, Request
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.lab import manifests, protocol
from svclab.lab.objects import DRAWN, reference, trimmed
from svclab.lab.protocol import (
    Api,
    Applied,
    Clock,
    Message,
    Objects,
    Peeked,
    Progress,
    State,
    TraceCame,
    TraceFull,
    Traces,
)
from svclab.lessons.catalogue import lessons
from svclab.lessons.grader import grade
from svclab.linux.packet import Protocol

__all__ = ["NoSuchCluster"]
T = TypeVar("T")
# For what mostly computes. Few threads, or the event loop, which echoes keystrokes, would be one among many
# that ask for the interpreter's lock when fifty pages open together.
READERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="look")
POOL = ThreadPoolExecutor(max_workers=16, thread_name_prefix="lab")

_RECENT = 200  # traces whose summaries a new page gets
_SAMPLE = timedelta(seconds=2)  # of real time, between two whole traces of background traffic
_WHOLE = 8  # of many new traces at once, so many are sent whole; the rest the page asks for if it needs them


class Refused(Exception):
    """The learner's world says no; the text is for the learner."""


async def run(function: Callable[..., T], *args: Any) -> T:
    """Run a function that blocks or reads the database in the pool."""
    return await DatabaseSyncToAsync(function, thread_sensitive=False, executor=POOL)(*args)


async def read(function: Callable[..., T], *args: Any) -> T:
    """Run a function that looks at a cluster and computes, a few of them at a time."""
    return await DatabaseSyncToAsync(function, thread_sensitive=False, executor=READERS)(*args)


# ---- looking ----


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a room has told its pages: resourceVersion, trace number, the seed, clock and mode.

    `settled` is when something last happened by itself, be it only that a node wrote its rules.
    """

    rv: int
    trace: int
    life: str
    clock: ClusterClock
    mode: str
    settled: datetime
    sampled: datetime  # real time of the last whole trace of background traffic


@dataclass(frozen=True, slots=True)
class Found:
    """News since Seen, and how long nothing will happen by itself."""

    seen: Seen
    sleep_seconds: float
    messages: list[Message] = field(default_factory=list)


def cluster_of(learner: str) -> ClusterHandle | None:
    """The learner's cluster, if she has one."""
    return access.cluster_of(learner)


def look(cluster_id: UUID, before: Seen | None) -> Found:
    """Let time pass in the cluster, then gather what happened since `before`."""
    cluster, real = ClusterHandle(cluster_id), real_now()
    settle.advance(cluster, real)
    state = cluster.state()
    newest = dataplane.newest(cluster)
    is_sample = before is None or before.sampled + _SAMPLE <= real
    now = Seen(
        state.snapshot.resource_version,
        newest,
        state.settings.random_seed,
        state.clock,
        state.settings.proxy_mode,
        state.settled_at,
        real if before is None or (is_sample and newest > before.trace) else before.sampled,
    )
    found = Found(now, _sleep(cluster, state.clock))
    if before is None:
        return found
    if before.life != now.life:
        found.messages.append(whole_state(cluster, fresh=True))
        return found
    if before.rv != now.rv:
        found.messages.append(_changes(cluster, before.rv))
    if (before.clock, before.mode) != (now.clock, now.mode):
        found.messages.append(clock_message(cluster))
    found.messages.extend(_traces(cluster, before.trace, is_sample=is_sample))
    return found


def _sleep(cluster: ClusterHandle, clock: ClusterClock) -> float:
    due = settle.next_due(cluster)
    if due is None or clock.paused:
        return float("inf")
    return max(0.02, (due - clock.at(real_now())).total_seconds() / clock.rate)


def _changes(cluster: ClusterHandle, since: int) -> Message:
    """What changed after a version, each object as it is now; everything when the log is too short."""
    try:
        entries = cluster.events_since(since)
    except Expired:
        return whole_state(cluster)
    snapshot = cluster.snapshot()
    touched: dict[tuple[str, str, str], Manifest] = {}
    for entry in entries:
        metadata = entry.object["metadata"]
        if entry.object["kind"] in DRAWN:
            touched[entry.object["kind"], metadata.get("namespace", ""), metadata["name"]] = entry.object
    current = {key: snapshot.get(*key) for key in touched}
    return Objects(
        changed=[trimmed(manifest) for manifest in current.values() if manifest is not None],
        deleted=[reference(touched[key]) for key, manifest in current.items() if manifest is None],
        rv=snapshot.resource_version,
    )


def _traces(cluster: ClusterHandle, since: int, *, is_sample: bool = True) -> list[Message]:
    """The traces after `since`; of background traffic the latest whole if `is_sample`, the rest in short."""
    records = dataplane.traces(cluster, since)
    own = [record for record in records if record.origin != dataplane.BACKGROUND]
    background = [record for record in records if record.origin == dataplane.BACKGROUND]
    whole = own[:_WHOLE] + (background[-1:] if is_sample else [])
    rest = own[_WHOLE:] + (background[:-1] if is_sample else background)
    came = [TraceCame(record.trace, record.origin, _request_of(record.origin)) for record in whole]
    return [*came, Traces([summary(record) for record in rest])] if rest else [*came]


def summary(record: TraceRecord) -> dict[str, Any]:
    """What a list of requests shows of a trace."""
    trace, outcome = record.trace, record.trace["outcome"]
    short = {name: trace[name] for name in ("id", "source", "target")}
    short |= {name: outcome[name] for name in ("code", "verdict", "endpoint")}
    return short | {"background": record.origin == dataplane.BACKGROUND}


def _request_of(origin: str) -> str:
    return origin.rpartition("/")[2] if origin.startswith("page/") else ""


def whole_state(cluster: ClusterHandle, *, fresh: bool = False) -> State:
    """Everything a page draws."""
    state = cluster.state()
    return State(
        objects=drawn(state.snapshot),
        rv=state.snapshot.resource_version,
        clock=_clock_body(cluster),
        mode=state.settings.proxy_mode,
        flavour=state.settings.flavour,
        life=life_of(cluster),
        traces=dataplane.summaries(cluster, _RECENT),
        fresh=fresh,
    )


def drawn(snapshot: Snapshot) -> list[Manifest]:
    """The objects that the stage shows, trimmed."""
    return [trimmed(manifest) for kind in sorted(DRAWN) for manifest in snapshot.list(kind)]


def life_of(cluster: ClusterHandle) -> str:
    """A name for the cluster between two resets; it tells nothing of the seed."""
    return blake2b(cluster.settings().random_seed.encode(), digest_size=8).hexdigest()


def _clock_body(cluster: ClusterHandle) -> dict[str, Any]:
    clock = cluster.clock()
    return {"now": cluster.now().isoformat(), "paused": clock.paused, "rate": clock.rate}


def clock_message(cluster: ClusterHandle) -> Clock:
    """The cluster's time and pace."""
    return Clock(**_clock_body(cluster), mode=cluster.settings().proxy_mode)


def greet(cluster_id: UUID, hello: protocol.Hello) -> list[Message]:
    """What a page needs at first: for a returning one only what it missed, where the log still has it."""
    cluster = ClusterHandle(cluster_id)
    settle.advance(cluster, real_now())
    if hello.life == life_of(cluster) and hello.rv <= cluster.snapshot().resource_version:
        return [_changes(cluster, hello.rv), clock_message(cluster), *_traces(cluster, hello.trace)]
    return [whole_state(cluster)]


# ---- doing ----


def send(cluster: ClusterHandle, message: protocol.Send, session: str) -> None:
    """One request of the page; the trace is announced to everybody."""
    _send(cluster, message, f"page/{session}/{message.request}")


def send_many(cluster: ClusterHandle, message: protocol.SendMany) -> None:
    """Several requests, one after another."""
    for _ in range(message.count):
        _send(cluster, message, "many")


def _send(cluster: ClusterHandle, message: protocol.Send | protocol.SendMany, origin: str) -> None:
    settle.advance(cluster, real_now())
    try:
        port = getattr(message, "port", None)
        request = Request(message.source, message.target, port, Protocol(message.protocol))
        dataplane.send(cluster, request, origin=origin)
    except BadTarget as error:
        raise Refused(f"{error}.") from error
    except KeyError as error:
        raise Refused(f"{message.source} is not there (any more), so it can send nothing.") from error


def peek(cluster: ClusterHandle, message: protocol.Peek) -> Peeked:
    """A request that leaves no mark."""
    try:
        return Peeked(dataplane.probe(cluster, message.source, message.target)[0])
    except (BadTarget, KeyError) as error:
        raise Refused("There is nobody to ask, or nothing to be asked.") from error


def set_clock(cluster: ClusterHandle, message: protocol.SetClock) -> None:
    """Pause, resume, change pace or step."""
    changes: dict[str, Callable[[ClusterClock, Any], ClusterClock]] = {
        "pause": ClusterClock.pause,
        "resume": ClusterClock.resume,
        "rate": lambda clock, real: clock.resume(real).with_rate(message.value, real),
        "step": lambda clock, real: clock.step(message.value, real),
    }
    try:
        cluster.set_clock(changes[message.action])
    except ValueError as error:
        raise Refused(f"{error}.") from error


def set_mode(cluster: ClusterHandle, message: protocol.SetMode) -> None:
    """Switch kube-proxy's mode."""
    cluster.configure(proxy_mode=message.mode)


def reset(cluster: ClusterHandle) -> None:
    """A fresh cluster under the same id."""
    lifecycle.reset(cluster.id)


def apply(cluster: ClusterHandle, name: str, text: str) -> Applied:
    """kubectl apply of every document of a text."""
    return Applied(name, manifests.apply(cluster, text))


def delete(cluster: ClusterHandle, message: protocol.Delete) -> None:
    """kubectl delete of one object."""
    refusal = manifests.delete(cluster, message.kind, message.namespace, message.name)
    if refusal:
        raise Refused(f"{refusal}.")


def trace(cluster: ClusterHandle, number: int) -> TraceFull:
    """A recorded trace. Raises Refused when it is no longer stored."""
    record = dataplane.trace(cluster, number)
    if record is None:
        raise Refused("This trace is no longer stored; the oldest go first.")
    return TraceFull(record.trace)


def flows(cluster: ClusterHandle, numbers: list[Any]) -> list[dict[str, Any]]:
    """The traces that a command caused, for its brace: id, DNS questions, and what else by protocol."""
    found = []
    for number in numbers[: protocol.MAX_REQUESTS]:
        record = dataplane.trace(cluster, number)
        if record is not None:
            questions = sum(step["kind"] == "query" for step in record.trace["steps"])
            sent = Counter(flow["protocol"] for flow in record.trace["flows"] if flow["purpose"] == "request")
            code = record.trace["outcome"]["code"]
            found.append({"id": record.id, "dns": questions, "sent": sent, "code": code})
    return found


def progress(cluster: ClusterHandle, learner: str, lesson: str) -> Progress:
    """The lamps of a lesson, looked at now."""
    lamps = grade(cluster, learner, lessons()[lesson])
    return Progress(lesson, [lamp.as_json() for lamp in lamps])


def api_entry(time: str, line: LogLine) -> Api:
    """A line of the page's API log, at the cluster's time of day."""
    command = line.command or line.agent.partition(" ")[0]
    return Api(
        [{"time": time, "verb": line.method, "path": line.path, "status": line.status, "command": command}]
    )
