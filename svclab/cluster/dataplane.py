"""Sending requests into a cluster, and the traces that they leave.

    record = send(cluster, Request("pod/default/debug", "http://backend-service"))

Each request is one transaction: its trace, and what nodes remember of it (connections, affinity). Its seed
is the cluster's and its number, so the same requests in the same cluster draw the same.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeVar

from django.db import transaction

from svclab.cluster import memory, models, news, worlds
from svclab.cluster.clock import real_now
from svclab.cluster.store import QUOTA, ClusterHandle
from svclab.kube.request import Request, Sent, perform
from svclab.kube.world import World
from svclab.linux.dice import Dice
from svclab.linux.state import HostState

BACKGROUND = "background"  # the origin of what client programs of pods send
_MOST_WORDS = 80  # characters of an answer in a summary
Found = TypeVar("Found")
_LONGEST_PROBE = 200  # connections in one probe of the grader


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """A stored trace. `id` counts the cluster's requests from 1; `sent` is there only where it was just
    sent.
    """

    id: int
    virtual_time: datetime
    origin: str
    trace: dict[str, Any]
    sent: Sent | None = field(default=None, compare=False, repr=False)


def send(cluster: ClusterHandle, request: Request, origin: str = "") -> TraceRecord:
    """Make a request now, store its trace, tell everybody.

    Raises svclab.kube.request.BadTarget, and KeyError for an unknown source or via.
    """
    with memory.lock(cluster.id):
        while True:
            record, revision, world = _sent(cluster, request, origin)
            if _store(cluster, record, revision, world):
                return record
            worlds.forget(cluster.id)  # another process has written meanwhile: the request is made anew


def _sent(cluster: ClusterHandle, request: Request, origin: str) -> tuple[TraceRecord, int, World]:
    """The request as it runs in the cluster of this moment, not yet stored; that moment's revision and World.

    Outside of any transaction: packets take their time, and the database has other learners to serve.
    """
    state = cluster.state()
    now, number = state.now(real_now()), state.trace_count + 1
    world = worlds.world_of(cluster.id, state, now)
    try:
        sent = perform(world, request, _dice(state.settings.random_seed, number), now)
    except BaseException:
        worlds.forget(cluster.id)  # packets of the look-up may have left their marks
        raise
    record = TraceRecord(number, now, origin, {**sent.trace.as_json(), "id": number}, sent)
    return record, state.revision, world


def _dice(random_seed: str, number: int) -> Dice:
    """The draws of a request. A trace shows its seed, which therefore tells nothing of the cluster's."""
    return Dice(blake2b(f"{random_seed}/request/{number}".encode(), digest_size=16).hexdigest())


def probe(
    cluster: ClusterHandle, source: str, target: str, *, via: str | None = None, times: int = 1
) -> list[dict[str, Any]]:
    """Traces of requests that leave no mark: a grader asks, and the learner's cluster is as before."""
    state = cluster.state()
    seed = f"{state.settings.random_seed}/probe/{state.snapshot.resource_version}"
    with memory.lock(cluster.id):
        now = state.now(real_now())
        world = worlds.world_of(cluster.id, state, now)
        return probed(world, seed, now, Request(source, target, via=via), times)


def probed(world: World, seed: str, now: datetime, request: Request, times: int) -> list[dict[str, Any]]:
    """Traces of a request that is made so many times, each in the World as it is now and stays."""
    before = {name: host.state.copy() for name, host in world.fabric.hosts.items()}
    found = []
    try:
        for number in range(min(times, _LONGEST_PROBE)):
            for name, host in world.fabric.hosts.items():
                host.state = before[name].copy()
            found.append(perform(world, request, Dice(f"{seed}/{number}"), now).trace.as_json())
    finally:
        for name, host in world.fabric.hosts.items():
            host.state = before[name]
    return found


def world(cluster: ClusterHandle) -> World:
    """The cluster's World of this moment, for reading: what iptables-save or conntrack -L would show."""
    state = cluster.state()
    with memory.lock(cluster.id):
        return worlds.world_of(cluster.id, state, state.now(real_now()))


def change_memory(cluster: ClusterHandle, host: str, change: Callable[[HostState], Found]) -> Found:
    """Let `change` alter what a host remembers, as `conntrack -D` does, and store it; gives what it gives."""
    with memory.lock(cluster.id):
        try:
            with cluster.touching() as (row, state):
                now = state.now(real_now())
                world = worlds.world_of(cluster.id, state, now)
                found = change(world.fabric.host(host).state)
                row.memory_changes += 1
                worlds.changed(cluster.id, world, (row.trace_count, row.memory_changes), now, host)
        except BaseException:
            worlds.forget(cluster.id)  # it may have been changed, and was not stored
            raise
    return found


# ---- what was recorded ----


def newest(cluster: ClusterHandle) -> int:
    """The number of the latest request; 0 before the first."""
    return cluster.state().trace_count


def trace(cluster: ClusterHandle, number: int) -> TraceRecord | None:
    """One stored trace; None when it is no longer there."""
    return next(iter(_records(models.TraceRecord.objects.filter(cluster_id=cluster.id, number=number))), None)


def traces(cluster: ClusterHandle, since: int = 0) -> list[TraceRecord]:
    """The stored traces with a number over `since`, oldest first."""
    found = models.TraceRecord.objects.filter(cluster_id=cluster.id, number__gt=since)
    return _records(found.order_by("number"))


def summaries(cluster: ClusterHandle, most: int) -> list[dict[str, Any]]:
    """id, source, target, code, verdict, endpoint and background of the latest requests, oldest first."""
    found = models.TraceRecord.objects.filter(cluster_id=cluster.id).order_by("-number")[:most]
    return [json.loads(text) for text in reversed(found.values_list("summary", flat=True))]


def answers(cluster: ClusterHandle) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """When each stored request was made, oldest first, and its summary.

    Beside what a list shows, that has `words`, the first of its answer, and `source_seen` by the server.
    """
    found = models.TraceRecord.objects.filter(cluster_id=cluster.id).order_by("number")
    for at, text in found.values_list("virtual_time", "summary"):
        yield at, json.loads(text)


def forget_traces(cluster: ClusterHandle) -> None:
    """Drop all stored traces; numbers go on counting."""
    models.TraceRecord.objects.filter(cluster_id=cluster.id).delete()


def _records(rows: Any) -> list[TraceRecord]:
    return [TraceRecord(row.number, row.virtual_time, row.origin, json.loads(row.trace)) for row in rows]


def _store(cluster: ClusterHandle, record: TraceRecord, revision: int, world: World) -> bool:
    """Write the trace and what hosts remember; False, and nothing, if the cluster is no longer at
    `revision`.
    """
    outcome, number = record.trace["outcome"], record.id
    summary = {"id": number, "source": record.trace["source"], "target": record.trace["target"]}
    summary |= {name: outcome[name] for name in ("code", "verdict", "endpoint", "source_seen")}
    summary["words"] = (outcome["words"] or "")[:_MOST_WORDS]
    summary["background"] = record.origin == BACKGROUND
    row = models.TraceRecord(
        cluster_id=cluster.id,
        number=number,
        virtual_time=record.virtual_time,
        origin=record.origin[:64],
        events=len(record.trace["steps"]),
        summary=json.dumps(summary),
        trace=json.dumps(record.trace, separators=(",", ":")),
    )
    with cluster.touching() as (cluster_row, state):
        if state.revision != revision:
            return False
        row.save(force_insert=True)
        passed = {step["host"] for step in record.trace["steps"]}
        past = (number, state.memory_changes)
        worlds.sent(cluster.id, world, past, record.virtual_time, passed)
        cluster_row.trace_count = number
        _drop_oldest(cluster, record.origin == BACKGROUND)
        transaction.on_commit(lambda: news.trace_recorded(cluster.id, number, record.origin))
    return True


def _drop_oldest(cluster: ClusterHandle, background: bool) -> None:
    """Keep as many of the latest traces as the quota of trace events allows, and the latest in any case.

    What runs in the background has a quota of its own, and pushes out nothing of the learner's.
    """
    traces = models.TraceRecord.objects.filter(cluster_id=cluster.id)
    kept = traces.filter(origin=BACKGROUND) if background else traces.exclude(origin=BACKGROUND)
    most = QUOTA.background_events if background else QUOTA.trace_events
    events = 0
    for place, (number, count) in enumerate(kept.order_by("-number").values_list("number", "events")):
        events += count
        if events > most and place > 0:
            kept.filter(number__lte=number).delete()
            return
