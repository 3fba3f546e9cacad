"""Containers whose process is a client program: who runs it, what it has printed, and how it ended.

A program is really run, by the runner that the composition has handed in (shells are above this package), and
by one server process: the one that holds the lease of the container's run. If that process is killed, its
lease ends, and whoever looks at the cluster next runs the program again, from its start; its log goes on.

A program waits for the cluster's time in `Program.wait`, and goes on only when somebody looks: in a cluster
that nobody looks at nothing runs, and what would have happened meanwhile is left out.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from django.db import connections

from svclab.cluster import memory, models, news, starts
from svclab.cluster.clock import real_now
from svclab.cluster.memory import State
from svclab.cluster.recent import Recent
from svclab.cluster.store import ClusterHandle
from svclab.kube.controllers.kubelet import status, workload
from svclab.kube.meta import moment
from svclab.kube.snapshot import Manifest, Snapshot, key_of

MOST_LOG = 64 * 1024  # characters
AT_ONCE = 8  # of one cluster; one more waits, and its log says so
_IN_THIS_PROCESS = 200  # likewise, of all clusters
_LEASE = timedelta(seconds=10)
_RENEW_SECONDS = 3.0
_UNATTENDED_SECONDS = 600.0  # then a program that nobody looks at is given up until somebody does
_STORE_SECONDS = 1.0
_SHORT_SECONDS = 1.0  # a wait that may keep its thread's database connection

Key = tuple[str, str, int]  # a pod's uid, a container's name, and which run of it
Runner = Callable[["Program"], object]
_runner: Runner | None = None
_me = uuid4().hex
_guard = threading.Lock()


@dataclass(slots=True, eq=False)
class _Waiter:
    until: datetime
    awake: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True, eq=False)
class Program:
    """One run of a client program in this process. `stopped`: its pod is gone, or it is no longer ours."""

    cluster: ClusterHandle
    pod: Manifest
    container: Manifest
    argv: list[str]
    key: Key
    text: str  # what it has printed so far, as it is stored
    stopped: bool = False
    _waiters: list[_Waiter] = field(default_factory=list)
    _line: str = ""  # printed, and not yet ended by a newline
    _stamp: datetime | None = None
    _stored: str = ""
    _stored_at: float = field(default_factory=monotonic)

    def now(self) -> datetime:
        """The cluster's virtual time, asked of memory."""
        return self._state().now(real_now())

    def is_paused(self) -> bool:
        """Whether the cluster's clock stands."""
        return self._state().clock.paused

    def pace(self) -> float:
        """Virtual seconds a second."""
        return self._state().clock.rate

    def _state(self) -> State:
        return memory.get(self.cluster.id) or self.cluster.state()

    def write(self, text: str) -> None:
        """Keep what it prints, line by line, as a container runtime does: each with its time."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._keep(line)
        self._line = self._line[:MOST_LOG]
        if monotonic() - self._stored_at > _STORE_SECONDS:
            self._store()  # it may go on for a while before it waits

    def _keep(self, line: str) -> None:
        now = self.now()
        if self._stamp is not None and now <= self._stamp:
            now = self._stamp + timedelta(microseconds=1)
        self._stamp = now
        text = f"{self.text}{now.isoformat(timespec='microseconds')} {line}\n"
        if len(text) > MOST_LOG:
            text = text[text.index("\n", len(text) - MOST_LOG - 1) + 1 :]
        self.text = text

    def wait(self, until: datetime) -> None:
        """Return when somebody looks at the cluster at its time `until` or later, or when it is stopped."""
        waiter = _Waiter(until)
        self._store()
        with _guard:
            if self.stopped:
                return
            self._waiters.append(waiter)
        news.changed(self.cluster.id, self._state().snapshot.resource_version)  # who sleeps, reckon anew
        if waiter.awake.wait(_SHORT_SECONDS):
            return
        connections.close_all()  # this thread's
        while not waiter.awake.wait(_UNATTENDED_SECONDS / 10):
            if _unattended_seconds(self.cluster.id) > _UNATTENDED_SECONDS:
                self.stop()

    def wake(self, now: datetime | None) -> None:
        """Let those go on that wait until `now`; None: all."""
        due = [waiter for waiter in self._waiters if now is None or waiter.until <= now]
        for waiter in due:
            self._waiters.remove(waiter)
            waiter.awake.set()

    def stop(self) -> None:
        """It is to end without a word."""
        with _guard:
            self.stopped = True
            _programs_of(self.cluster.id).pop(self.key, None)
            self.wake(None)

    def next_due(self) -> datetime | None:
        """The virtual time until which it waits; None while it does not."""
        return min((waiter.until for waiter in self._waiters), default=None)

    def _store(self) -> bool:
        """Write down what it has printed. False if it is not this process's any more."""
        if self.text is self._stored:
            return True
        self._stored, self._stored_at = self.text, monotonic()
        return _written(self.cluster, self.key, text=self.text)

    def ended(self, exit_code: int) -> None:
        """The program has ended: the kubelet sees its exit code. Nobody sees that of one that was stopped."""
        if self._line:
            self._keep(self._line)
        try:
            if self._store() and not self.stopped:
                _tell_kubelet(self.cluster, self.pod, self.key, exit_code)
        finally:
            self.stop()
            _written(self.cluster, self.key, holder="", held_until=None)


@dataclass(slots=True)
class _There:
    """What this process knows of a cluster's programs. Times are of `monotonic`."""

    programs: dict[Key, Program] = field(default_factory=dict)
    tried: frozenset[Key] = frozenset()  # all that ran at the last look at leases
    again_at: float = 0.0  # when leases are to be looked at next
    looked_at: float = field(default_factory=monotonic)


_there: dict[UUID, _There] = {}
_running: Recent[UUID, tuple[Snapshot, dict[Key, tuple[Manifest, Manifest, list[str]]]]] = Recent(256)


def run_with(runner: Runner | None) -> None:
    """Have `runner(program)` called for each client program that this process is to run; it returns at once,
    and later calls the program's `ended`.
    """
    global _runner
    _runner = runner


def forget() -> None:
    """As after a kill of the process: its programs are gone, and another has another name."""
    global _me
    _me = uuid4().hex
    for there in list(_there.values()):
        for program in list(there.programs.values()):
            program.stop()
    _there.clear()


def look(cluster: ClusterHandle, now: datetime) -> None:
    """Somebody looks at the cluster at its time `now`: what waits for that time goes on, what runs nowhere
    is begun, and what has no container any more is stopped. To be called behind the cluster's lock.
    """
    state, runner = memory.get(cluster.id) or cluster.state(), _runner
    running = _client_programs(cluster.id, state.snapshot)
    if runner is None or not (running or cluster.id in _there):
        return
    with _guard:
        there = _there.setdefault(cluster.id, _There())
        there.looked_at = monotonic()
        programs = list(there.programs.values())
        is_time = monotonic() >= there.again_at or bool(running.keys() - there.tried)
        if is_time:
            there.tried, there.again_at = frozenset(running), monotonic() + _RENEW_SECONDS
    for program in programs:
        if program.key not in running or (
            is_time and not _written(cluster, program.key, held_until=real_now() + _LEASE)
        ):
            program.stop()
    if is_time:
        for key, found in running.items():
            if key not in there.programs:
                program = _taken(cluster, key, *found)
                if program is not None and _is_noted(there, program):
                    runner(program)
    with _guard:
        for program in there.programs.values():
            program.wake(now)
        if not running and not there.programs:
            _there.pop(cluster.id, None)


def next_due(cluster_id: UUID, state: State, real: datetime) -> datetime | None:
    """The virtual time from which on `look` has something to do; None for never. Asks memory alone."""
    if _runner is None or not (running := _client_programs(cluster_id, state.snapshot)):
        return None
    now = state.now(real)
    with _guard:
        there = _there.get(cluster_id)
        if there is None or running.keys() - there.tried:
            return now
        waits = [due for program in there.programs.values() if (due := program.next_due()) is not None]
        left = max(there.again_at - monotonic(), 0) * state.clock.rate
        return min([now + timedelta(seconds=left), *waits])


def _unattended_seconds(cluster_id: UUID) -> float:
    there = _there.get(cluster_id)
    return monotonic() - there.looked_at if there is not None else _UNATTENDED_SECONDS + 1


def _programs_of(cluster_id: UUID) -> dict[Key, Program]:
    there = _there.get(cluster_id)
    return there.programs if there is not None else {}


def _client_programs(cluster_id: UUID, snapshot: Snapshot) -> dict[Key, tuple[Manifest, Manifest, list[str]]]:
    """Pod, container and command of each container that runs a client program."""
    known = _running.get(cluster_id)
    if known is None or known[0] is not snapshot:
        known = snapshot, {key: found for key, *found in _running_clients(snapshot)}
        _running.put(cluster_id, known)
    return known[1]


def _running_clients(snapshot: Snapshot) -> Iterator[tuple[Key, Manifest, Manifest, list[str]]]:
    for pod in snapshot.list("Pod"):
        found = starts.statuses(pod)
        for container in starts.containers(pod):
            run = starts.run_of(found.get(container["name"], {}))
            if run is not None and (argv := workload.client_program(container)) is not None:
                yield (pod["metadata"]["uid"], container["name"], run), pod, container, argv


# ---- leases ----


def _written(cluster: ClusterHandle, key: Key, **columns: Any) -> bool:
    """Change the row of a run that this process has the lease of; False if it has not."""
    uid, container, run = key
    rows = models.ContainerRun.objects.filter(
        cluster_id=cluster.id, pod_uid=uid, container=container, run=run, holder=_me
    )
    with memory.transaction():
        return bool(rows.update(**columns))


def _taken(
    cluster: ClusterHandle, key: Key, pod: Manifest, container: Manifest, argv: list[str]
) -> Program | None:
    """The program, if this process may run it; None if another one does, or too many run already."""
    now = real_now()
    here = sum(len(there.programs) for there in list(_there.values()))
    if here >= _IN_THIS_PROCESS or _held(cluster, now) >= AT_ONCE:
        return None
    uid, name, run = key
    with memory.transaction():
        row, _ = models.ContainerRun.objects.get_or_create(
            cluster_id=cluster.id, pod_uid=uid, container=name, run=run
        )
        if row.holder not in ("", _me) and row.held_until is not None and row.held_until > now:
            return None
        free = models.ContainerRun.objects.filter(pk=row.pk, holder=row.holder, held_until=row.held_until)
        if not free.update(holder=_me, held_until=now + _LEASE):
            return None
    return Program(cluster, pod, container, argv, key, row.text, _stored=row.text)


def _is_noted(there: _There, program: Program) -> bool:
    """Whether it could be put down among the cluster's programs, which may have been forgotten meanwhile."""
    with _guard:
        there.programs[program.key] = program
        return _there.get(program.cluster.id) is there


def _held(cluster: ClusterHandle, now: datetime) -> int:
    held = models.ContainerRun.objects.filter(cluster_id=cluster.id, held_until__gt=now)
    return held.exclude(holder="").count()


# ---- what is left of a program ----


def _tell_kubelet(cluster: ClusterHandle, pod: Manifest, key: Key, exit_code: int) -> None:
    """Let the kubelet see the end of a container's run, if that goes on."""
    uid, container, run = key
    with cluster.writing() as batch:
        now = batch.snapshot.get("Pod", *key_of(pod))
        if (
            now is None
            or now["metadata"]["uid"] != uid
            or starts.run_of(starts.statuses(now)[container]) != run
        ):
            return
        statuses = {
            part: [
                status.terminated(each, exit_code, batch.now) if each["name"] == container else each
                for each in now["status"].get(part) or ()
            ]
            for part in starts.STATUSES
            if part in now["status"]
        }
        batch.update({**now, "status": {**now["status"], **statuses}})


def printed(cluster: ClusterHandle, pod: Manifest, container: str, run: int) -> list[tuple[datetime, str]]:
    """The lines that a run of a container's program has printed, with their virtual times: the latest, up to
    64 KiB. Of one that has to wait it is a line of ours, which says so.
    """
    row = starts.noted(cluster.id, pod, container, run).first()
    if row is not None and row.text:
        lines = (line.partition(" ") for line in row.text.split("\n") if line)
        return [(at, text) for stamp, _, text in lines if (at := moment(stamp)) is not None]
    found = starts.statuses(pod).get(container, {})
    begun = moment(found.get("state", {}).get("running", {}).get("startedAt"))
    if begun is not None and (row is None or not row.holder) and _held(cluster, real_now()) >= AT_ONCE:
        words = (
            f"svclab: {AT_ONCE} client programs of pods run in this cluster, the most there may be at once"
        )
        return [(begun, f"{words}; this one begins when another ends")]
    return []
