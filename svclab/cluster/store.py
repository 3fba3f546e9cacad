"""The only place that writes a cluster: optimistic concurrency, one transaction per write, news after commit.

    cluster = open_cluster(cluster_id)
    pod = cluster.create({...complete manifest...})
    with cluster.writing() as batch:      # several writes, all or none
        batch.update(...); batch.delete(...)

A write that is refused raises `svclab.kube.status.Refusal`. Reads come from this process's memory at a known
revision; another process's writes are noticed by the cluster's `revision` and replayed from the log.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from svclab.cluster import hosts, memory, models, news, rows
from svclab.cluster.batch import Batch, LogEntry
from svclab.cluster.clock import Clock, real_now
from svclab.cluster.errors import Expired, NoSuchCluster, taken
from svclab.cluster.memory import LOG_LENGTH, Settings, State
from svclab.cluster.quota import Quota
from svclab.kube.nodememory import NodeMemory
from svclab.kube.snapshot import Manifest, Snapshot, key_of
from svclab.kube.status import Refusal
from svclab.linux.dice import Dice

QUOTA = Quota()
_LONG_MANIFEST = 4096  # characters; 500 shorter ones cannot reach the quota of bytes
_REVISION = f'SELECT revision FROM "{models.Cluster._meta.db_table}" WHERE id = %s'  # noqa: S608 (our own name)
_COLUMNS = (
    "revision", "compacted_version", "clock_virtual", "clock_real", "clock_rate", "clock_paused",
    "settled_at", "trace_count", "memory_changes", "owner", "seed", "random_seed", "flavour", "runtime",
    "proxy_mode",
)  # fmt: skip


def open_cluster(cluster_id: UUID | str) -> "ClusterHandle":
    """The handle of a cluster. Raises NoSuchCluster, also for text that is no UUID."""
    try:
        handle = ClusterHandle(UUID(str(cluster_id)))
    except ValueError as error:
        raise NoSuchCluster(str(cluster_id)) from error
    handle.state()
    return handle


class ClusterHandle:
    """One cluster, as any number of threads and processes may hold it; it keeps nothing but the id."""

    __slots__ = ("id",)

    def __init__(self, cluster_id: UUID) -> None:
        self.id = cluster_id

    # ---- reading ----

    def state(self) -> State:
        """Everything as of now: one small query when nothing changed since the last look."""
        revision = _revision(self.id)
        if revision is None:
            memory.forget(self.id)
            raise NoSuchCluster(str(self.id))
        state = memory.get(self.id)
        if state is None or state.revision != revision:
            state = _read(self.id, state)
            memory.put(self.id, state)
        return state

    def snapshot(self) -> Snapshot:
        """All objects as of now."""
        return self.state().snapshot

    def now(self) -> datetime:
        """The cluster's virtual time."""
        return self.state().now(real_now())

    def clock(self) -> Clock:
        """The cluster's clock as it is set."""
        return self.state().clock

    def settings(self) -> Settings:
        """The cluster's switches."""
        return self.state().settings

    def dice(self, purpose: str) -> Dice:
        """Draws that depend on the cluster, its resourceVersion and what they are for."""
        state = self.state()
        return Dice(f"{state.settings.random_seed}/{state.snapshot.resource_version}/{purpose}")

    def events_since(self, version: int) -> list[LogEntry]:
        """The writes after a resourceVersion, in order. Raises Expired when the log no longer reaches
        back.
        """
        state = self.state()
        if version < state.compacted:
            raise Expired(version, state.compacted)
        if version >= state.snapshot.resource_version:
            return []
        first = state.log[0].rv if state.log else state.snapshot.resource_version + 1
        if version < first - 1:
            state = replace(
                state, log=_linked(rows.load_log(self.id, state.compacted, first - 1)) + state.log
            )
            memory.put(self.id, state)
            first = state.log[0].rv
        return list(state.log[version - first + 1 :])

    def advance(self) -> None:
        """Let time pass up to now: `settle.advance`."""
        from svclab.cluster.settle import advance  # noqa: PLC0415 (settle writes through this module)

        advance(self)

    # ---- writing ----

    @contextmanager
    def writing(self, *, quota: Quota | None = QUOTA, at: datetime | None = None) -> Iterator[Batch]:
        """A transaction on the cluster, behind its row lock. What raises inside it, writes nothing.

        `at` is the virtual time that the writes bear; by default now.
        """
        with self._transaction() as (row, state):
            now = max(at or state.now(real_now()), state.settled_at)
            batch = Batch(state.snapshot, now, state.settings.random_seed, quota, state.hosts)
            yield batch
            if batch.entries or batch.hosts != state.hosts:
                self._store(row, state, batch)

    def create(self, manifest: Manifest) -> Manifest:
        """Store a complete new object; name from generateName, uid and creationTimestamp are filled in."""
        with self.writing() as batch:
            return batch.create(manifest)

    def update(self, manifest: Manifest, *, subresource: str | None = None) -> Manifest:
        """Replace an object, or with `subresource="status"` its status alone."""
        with self.writing() as batch:
            if subresource == "status":
                current = batch.snapshot.get(manifest["kind"], *key_of(manifest))
                if current is not None:
                    metadata = {**current["metadata"], **_version_of(manifest)}
                    manifest = {**current, "metadata": metadata, "status": manifest.get("status", {})}
            return batch.update(manifest)

    def delete(self, kind: str, namespace: str, name: str, *, uid: str | None = None) -> Manifest:
        """Take an object out at once; returns its last state."""
        with self.writing() as batch:
            return batch.remove(kind, namespace, name, uid)

    def set_clock(self, change: Callable[[Clock, datetime], Clock]) -> Clock:
        """Change the clock: `change(clock, real time)` gives the new one, e.g. `Clock.pause`."""
        with self._transaction() as (row, state):
            clock = change(state.clock, real_now())
            row.clock_virtual, row.clock_real = clock.virtual, clock.real
            row.clock_rate, row.clock_paused = clock.rate, clock.paused
            self._save(row, replace(state, clock=clock))
        return clock

    def configure(self, **switches: str) -> Settings:
        """Set `flavour`, `runtime` or `proxy_mode`. Raises ValueError for another name or value.

        Nodes follow a switch of kube-proxy's mode with their next sync.
        """
        for name, value in switches.items():
            choices = models.Cluster._meta.get_field(name).choices if name in _SWITCHES else None
            if not choices or value not in dict(choices):
                raise ValueError(f"{name}={value}: no such switch of a cluster")
        if "proxy_mode" in switches:
            self.advance()  # what the old mode still owes comes first
        with self._transaction() as (row, state):
            for name, value in switches.items():
                setattr(row, name, value)
            settings, nodes = replace(state.settings, **switches), state.hosts
            if settings.proxy_mode != state.settings.proxy_mode:
                now = state.now(real_now())
                nodes = {node: replace(each, stale_since=now) for node, each in nodes.items()}
                hosts.write(self.id, state.hosts, nodes)
            self._save(row, replace(state, settings=settings, hosts=nodes))
        return settings

    @contextmanager
    def touching(self) -> Iterator[tuple[models.Cluster, State]]:
        """A transaction for what is not an API object (host states, traces), behind the cluster's row lock.

        Raises the revision; whoever uses it announces what happened.
        """
        with self._transaction() as (row, state):
            yield row, state
            counts = {"trace_count": row.trace_count, "memory_changes": row.memory_changes}
            self._save(row, replace(state, **counts), announce=False)

    # ---- within ----

    @contextmanager
    def _transaction(self) -> Iterator[tuple[models.Cluster, State]]:
        with memory.lock(self.id), memory.transaction():
            row = models.Cluster.objects.select_for_update().filter(id=self.id).first()
            if row is None:
                raise NoSuchCluster(str(self.id))
            state = memory.get(self.id)
            if state is None or state.revision != row.revision:
                state = _read(self.id, state)
            yield row, state

    def _store(self, row: models.Cluster, state: State, batch: Batch) -> None:
        hosts.write(self.id, state.hosts, batch.hosts)
        try:
            longest = rows.write(self.id, batch)
        except IntegrityError as error:
            raise _taken(batch) from error
        if longest > _LONG_MANIFEST:
            QUOTA.admit_bytes(batch.entries[-1].object, rows.stored_bytes(self.id))
        row.resource_version, row.settled_at = batch.version, batch.now
        if batch.version - row.compacted_version > LOG_LENGTH * 3 // 2:
            row.compacted_version = batch.version - LOG_LENGTH
            rows.compact(self.id, row.compacted_version)
        log = (*state.log, *batch.entries)[-LOG_LENGTH:]
        written = replace(
            state,
            compacted=row.compacted_version,
            settled_at=row.settled_at,
            snapshot=batch.snapshot,
            hosts=batch.hosts,
            log=log,
        )
        self._save(row, written)

    def _save(self, row: models.Cluster, state: State, *, announce: bool = True) -> None:
        row.revision += 1
        row.seen_at = real_now()
        row.save()
        written, version = replace(state, revision=row.revision), row.resource_version
        transaction.on_commit(lambda: memory.put(self.id, written))
        if announce:
            transaction.on_commit(lambda: news.changed(self.id, version))


_SWITCHES = ("flavour", "runtime", "proxy_mode")


def _read(cluster_id: UUID, known: State | None) -> State:
    """The cluster's State from the database: by replaying the log on what is known, or from all its rows.

    Without a transaction, which would make readers wait for writers: if a write comes in between, it reads
    again.
    """
    while True:
        values = models.Cluster.objects.filter(id=cluster_id).values(*_COLUMNS, "resource_version").first()
        if values is None:
            raise NoSuchCluster(str(cluster_id))
        found = _objects(cluster_id, known, values["resource_version"], values["compacted_version"])
        memories = hosts.load(cluster_id, known.hosts if known is not None else {})
        if found is not None and _revision(cluster_id) == values["revision"]:
            return _state(values, *found, memories)


def _state(
    values: dict[str, Any], snapshot: Snapshot, log: tuple[LogEntry, ...], memories: dict[str, NodeMemory]
) -> State:
    return State(
        revision=values["revision"],
        compacted=values["compacted_version"],
        clock=Clock(
            values["clock_virtual"], values["clock_real"], values["clock_rate"], values["clock_paused"]
        ),
        settled_at=values["settled_at"],
        trace_count=values["trace_count"],
        memory_changes=values["memory_changes"],
        settings=Settings(**{name: values[name] for name in Settings.__slots__}),
        snapshot=snapshot,
        hosts=memories,
        log=log,
    )


def _objects(
    cluster_id: UUID, known: State | None, version: int, compacted: int
) -> tuple[Snapshot, tuple[LogEntry, ...]] | None:
    """The objects at a version, and the log that led there; None if it was compacted while it was read."""
    if known is None or not compacted <= known.snapshot.resource_version <= version:
        return Snapshot.of(rows.load(cluster_id), version), ()
    snapshot, entries = known.snapshot, []
    if version == snapshot.resource_version:
        return snapshot, known.log
    for entry in rows.load_log(cluster_id, snapshot.resource_version, version):
        kind, key = entry.object["kind"], key_of(entry.object)
        entries.append(replace(entry, previous=snapshot.get(kind, *key)))
        gone = entry.type == "DELETED"
        snapshot = snapshot.without(kind, key, entry.rv) if gone else snapshot.with_(entry.object, entry.rv)
    is_whole = len(entries) == version - known.snapshot.resource_version
    return (snapshot, (*known.log, *entries)[-LOG_LENGTH:]) if is_whole else None


def _revision(cluster_id: UUID) -> int | None:
    """The stored revision of a cluster: one integer, the cheapest question there is; None without a
    cluster.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REVISION, [_adapted(cluster_id)])
        found = cursor.fetchone()
    return found[0] if found is not None else None


def _linked(entries: list[LogEntry]) -> tuple[LogEntry, ...]:
    """Entries with their previous states, as far as earlier ones of them tell."""
    last: dict[tuple[str, str, str], Manifest] = {}
    linked = []
    for entry in entries:
        key = (entry.object["kind"], *key_of(entry.object))
        linked.append(replace(entry, previous=None if entry.type == "ADDED" else last.get(key)))
        last[key] = entry.object
    return tuple(linked)


def _adapted(cluster_id: UUID) -> str | UUID:
    return cluster_id if connection.features.has_native_uuid_field else cluster_id.hex


def _version_of(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    return {name: metadata[name] for name in ("resourceVersion", "uid") if name in metadata}


def _taken(batch: Batch) -> Refusal:
    """Which write asked for what another process's has taken: a Service's address or port, or else a name."""
    written = [entry.object for entry in batch.entries]
    blamed = next((manifest for manifest in written if manifest["kind"] == "Service"), written[-1])
    return taken(blamed["kind"], blamed["metadata"]["name"])
