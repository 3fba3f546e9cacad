"""Time passes when somebody looks: whatever controllers owe since the last look is done now, in its order.

`advance` plays the cluster's virtual time forward, event by event: each task runs at the virtual time at
which it is due, so what happens does not depend on when anybody looks. There is no background worker; any
process may advance any cluster, behind the cluster's row lock.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import OperationalError

from svclab.cluster import memory, programs, starts
from svclab.cluster.agenda import CONTROLLERS, Agenda, Task
from svclab.cluster.batch import Batch, LogEntry
from svclab.cluster.clock import real_now
from svclab.cluster.memory import Settings, State
from svclab.cluster.recent import Recent
from svclab.cluster.recorder import record
from svclab.cluster.store import ClusterHandle
from svclab.kube.meta import moment
from svclab.kube.reconcile import Change, Create, Delete, Event, MarkStale, Program, Reserve, Result, Update
from svclab.kube.snapshot import Key, Manifest, key_of
from svclab.kube.status import Refusal
from svclab.kube.webserver import web_response

log = logging.getLogger(__name__)
_MOST_TASKS = 20_000  # in one look; what is left waits for the next
_RETRY = timedelta(seconds=16)  # after a refused write
_AFTER_A_CRASH = timedelta(minutes=5)
_WITHOUT_CLOUD = ("loadbalancer",)
_EVENT_TTL = timedelta(hours=1)
_BURST = timedelta(seconds=0.1)  # in which news from kubelets are gathered
_SKEW = timedelta(seconds=2)  # that clocks of two server processes may differ by

_agendas: Recent[UUID, Agenda] = Recent(256)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the controllers' behaviour depends on beside the objects."""

    random_seed: str
    flavour: str = "cloud"
    strict: bool = False
    mode: str = "iptables"  # kube-proxy's

    @classmethod
    def of(cls, settings: Settings) -> "Circumstances":
        """Those of a stored cluster."""
        return cls(settings.random_seed, settings.flavour, settings.runtime == "strict", settings.proxy_mode)

    @property
    def absent(self) -> tuple[str, ...]:
        """Controllers that do not run: nobody hands out load balancers on bare metal."""
        return () if self.flavour == "cloud" else _WITHOUT_CLOUD


def advance(cluster: ClusterHandle, now: datetime | None = None) -> None:
    """Bring the cluster to its virtual time at the real time `now` (default: this moment).

    Takes the cluster's lock only when something is due. While nothing can be written (a full disk), nothing
    happens by itself, and reads go on.
    """
    try:
        _advance(cluster, now or real_now())
    except OperationalError as error:
        log.warning("cluster %s stands still: %s", cluster.id, error)


def _advance(cluster: ClusterHandle, real: datetime) -> None:
    until = _go_on(cluster, real).now(real)
    with memory.lock(cluster.id):
        _play_what_is_due(cluster, until)
        programs.look(cluster, until)


def _play_what_is_due(cluster: ClusterHandle, until: datetime) -> None:
    agenda = _agenda(cluster)
    due = agenda.next_due()
    if due is None or due > until:
        return
    try:
        with cluster.writing(at=until) as batch:
            _catch_up(agenda, batch, cluster.state().settled_at)
            play(batch, agenda, until, Circumstances.of(cluster.settings()))
            starts.note(cluster.id, batch.entries, batch.snapshot)
    except BaseException:
        _agendas.forget(cluster.id)
        raise


def _go_on(cluster: ClusterHandle, real: datetime) -> State:
    """After the machine's clock was set back, virtual time goes on from where it was, not an hour later."""
    state = cluster.state()
    if not _is_behind(state, real):
        return state
    settled_at = state.settled_at
    cluster.set_clock(lambda clock, _: replace(clock, virtual=settled_at, real=real))
    return cluster.state()


def _is_behind(state: State, real: datetime) -> bool:
    is_behind = real < state.clock.real - _SKEW or state.clock.at(real) < state.settled_at - _SKEW
    return is_behind and not state.clock.paused


def next_due(cluster: ClusterHandle) -> datetime | None:
    """The virtual time at which something will happen by itself; None when nothing is under way."""
    with memory.lock(cluster.id):
        due = _agenda(cluster).next_due()
    found = (due, programs.next_due(cluster.id, cluster.state(), real_now()))
    return min((each for each in found if each is not None), default=None)


def is_quiet(cluster_id: UUID, state: State, real: datetime) -> bool:
    """Whether `advance` would find nothing to do at this State; False also where that cannot be told at once.

    Never waits and asks no database.
    """
    lock = memory.lock(cluster_id)
    if _is_behind(state, real) or not lock.acquire(blocking=False):
        return False
    try:
        agenda = _agendas.get(cluster_id)
        if agenda is None or (agenda.version, agenda.mode) != _reached(state):
            return False
        due = agenda.next_due()
    finally:
        lock.release()
    now, of_programs = state.now(real), programs.next_due(cluster_id, state, real)
    return all(each is None or each > now for each in (due, of_programs))


def grow(batch: Batch, until: datetime) -> None:
    """Run a seed's controllers until `until`, starting at the batch's time."""
    start = batch.now
    play(batch, Agenda.for_everything(batch.snapshot, start), until, Circumstances("seed"))


def forget_agendas() -> None:
    """As after a restart of the process."""
    _agendas.clear()


# ---- agendas ----


def _agenda(cluster: ClusterHandle) -> Agenda:
    """This process's agenda of a cluster, with all changes followed up to the cluster's version.

    What changed is followed as of the time of the last transaction, not of the look that finds it.
    """
    state = cluster.state()
    agenda, snapshot = _agendas.get(cluster.id), state.snapshot
    if agenda is None or not state.compacted <= agenda.version <= snapshot.resource_version:
        agenda = Agenda.for_everything(snapshot, state.settled_at)
        _agendas.put(cluster.id, agenda)
    elif agenda.version < snapshot.resource_version:
        for entry in cluster.events_since(agenda.version):
            agenda.follow(change_of(entry), snapshot, state.settled_at)
        agenda.version = snapshot.resource_version
    if agenda.mode != state.settings.proxy_mode:
        for node in snapshot.list("Node"):
            agenda.put("kubeproxy", key_of(node), state.settled_at)
        agenda.mode = state.settings.proxy_mode
    return agenda


def _reached(state: State) -> tuple[int, str]:
    """What an agenda has followed that has nothing to catch up with: the version, and kube-proxy's mode."""
    return state.snapshot.resource_version, state.settings.proxy_mode


def _catch_up(agenda: Agenda, batch: Batch, since: datetime) -> None:
    """Follow what another process wrote between our look and our lock."""
    if agenda.version != batch.version:
        for manifest in batch.snapshot:
            agenda.follow(Change(manifest["kind"], key_of(manifest), manifest, None), batch.snapshot, since)
        agenda.version = batch.version


def change_of(entry: LogEntry) -> Change:
    """A line of the log as controllers see it."""
    new = None if entry.type == "DELETED" else entry.object
    old = entry.previous if entry.type != "DELETED" else entry.previous or entry.object
    return Change(entry.object["kind"], key_of(entry.object), new, old)


# ---- playing ----


def play(batch: Batch, agenda: Agenda, until: datetime, circumstances: Circumstances) -> None:
    """Run every task that is due at `until` or before, each at its own time, and the tasks that they
    cause.
    """
    for _ in range(_MOST_TASKS):
        task = agenda.take(until)
        if task is None:
            break
        if task.controller in circumstances.absent:
            continue
        batch.now = task.at
        try:
            result = _reconcile(batch, task, circumstances)
        except Exception:
            # As a controller manager does: one controller's mistake about one object must not stop the
            # others.
            log.exception("%s cannot reconcile %s", task.controller, task.key)
            agenda.hold(task.controller, task.key, batch.now + _AFTER_A_CRASH)
            continue
        if result.again_at is not None:
            agenda.put(task.controller, task.key, max(result.again_at, batch.now))
        _apply(batch, agenda, task, result, circumstances.mode)
    batch.now = until
    _forget_old_events(batch, until)
    agenda.version = batch.version


def _reconcile(batch: Batch, task: Task, circumstances: Circumstances) -> Result:
    reconcile = CONTROLLERS[task.controller].reconcile
    if task.controller == "kubelet":
        reconcile = partial(
            reconcile, hosts=batch.hosts, strict=circumstances.strict, http_status=_http_status(batch)
        )
    elif task.controller == "kubeproxy":
        reconcile = partial(
            reconcile, hosts=batch.hosts, digest=batch.rules_digest(), mode=circumstances.mode
        )
    dice = batch.dice(f"{task.controller}/{'/'.join(task.key)}")
    return reconcile(batch.snapshot, task.key, batch.now, dice)


def _lag(task: Task) -> timedelta:
    """News from kubelets reach the controllers in bursts; what a client does, they see at once."""
    return _BURST if task.controller == "kubelet" else timedelta(0)


def _http_status(batch: Batch) -> Callable[[Manifest, int, str], int]:
    """What probes find: the status with which a pod's web server answers."""

    def status(pod: Manifest, port: int, path: str) -> int:
        host = f"pod/{'/'.join(key_of(pod))}"
        return web_response(batch.snapshot, host, path, port=port, now=batch.now).status

    return status


def _apply(batch: Batch, agenda: Agenda, task: Task, result: Result, mode: str) -> None:
    """Write what a controller wants. After a refused write it only notes how things stand, and backs off."""
    refused = False
    for write in result.writes:
        if refused and not isinstance(write, Update):
            continue
        before = len(batch.entries)
        try:
            _write(batch, write, mode)
        except Refusal as refusal:
            _complain(batch, write, refusal)
            refused = True
        for entry in batch.entries[before:]:
            agenda.follow(change_of(entry), batch.snapshot, batch.now, lag=_lag(task))
    if refused:
        agenda.hold(task.controller, task.key, batch.now + _RETRY)


def _write(batch: Batch, write: object, mode: str) -> None:
    match write:
        case Create(manifest):
            batch.create(manifest)
        case Update(manifest):
            batch.update(_with_generation(batch, manifest))
        case Delete(kind, (namespace, name), uid, grace_seconds):
            if batch.snapshot.get(kind, namespace, name) is not None:
                batch.delete(kind, namespace, name, grace_seconds=grace_seconds, uid=uid)
        case Event():
            record(batch, write)
        case Program(node):
            batch.program(node, mode)
        case MarkStale(node):
            batch.mark_stale(node)
        case Reserve(node, address):
            batch.reserve(node, address)


def _with_generation(batch: Batch, manifest: dict) -> dict:
    """metadata.generation counts what is wanted: everything but metadata and status."""
    current = batch.snapshot.get(manifest["kind"], *key_of(manifest))
    metadata = manifest["metadata"]
    if current is None or "generation" not in metadata:
        return manifest
    wanted = {k: v for k, v in manifest.items() if k not in ("metadata", "status")}
    if all(current.get(name) == value for name, value in wanted.items()):
        return manifest
    if manifest["kind"] == "Pod":  # binding is no new wish
        return manifest
    return {**manifest, "metadata": {**metadata, "generation": metadata["generation"] + 1}}


def _complain(batch: Batch, write: object, refusal: Refusal) -> None:
    """A controller whose pod is refused says so about the pod's owner."""
    if not isinstance(write, Create):
        return
    for owner in write.manifest["metadata"].get("ownerReferences") or ():
        key: Key = (write.manifest["metadata"].get("namespace", ""), owner["name"])
        found = batch.snapshot.get(owner["kind"], *key)
        if found is not None:
            component = f"{owner['kind'].lower()}-controller"
            record(
                batch,
                Event(found, "FailedCreate", f"Error creating: {refusal.message}", component, "Warning"),
            )


def _forget_old_events(batch: Batch, now: datetime) -> None:
    """Events live for an hour, and the oldest go first when there are too many."""
    found: Mapping[Key, dict] = batch.snapshot.of_kind("Event")
    if not found or not batch.entries:
        return
    ages = sorted((_last_seen(event) or now, key) for key, event in found.items())
    surplus = len(ages) - batch.most_events
    for place, (seen, (namespace, name)) in enumerate(ages):
        if place >= surplus and seen > now - _EVENT_TTL:
            return
        batch.remove("Event", namespace, name)


def _last_seen(event: dict) -> datetime | None:
    return moment(
        event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    )
