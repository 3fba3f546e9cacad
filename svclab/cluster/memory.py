"""What this process remembers of clusters, so that a read touches one integer in the database.

Nothing here is the truth: a State is good while the cluster's `revision` in the database is its own, and
whoever finds another revision reads what changed. Dropping all of it at any moment loses only time.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from weakref import WeakValueDictionary

from django.db import connection
from django.db.transaction import atomic

from svclab.cluster.batch import LogEntry
from svclab.cluster.clock import Clock
from svclab.cluster.recent import Recent
from svclab.kube.nodememory import NodeMemory
from svclab.kube.snapshot import Snapshot

LOG_LENGTH = 1000
_CLUSTERS = 256


@dataclass(frozen=True, slots=True)
class Settings:
    """The switches of a cluster, and what its draws are counted off."""

    owner: str
    seed: str
    random_seed: str
    flavour: str
    runtime: str
    proxy_mode: str


@dataclass(frozen=True, slots=True)
class State:
    """A cluster at one revision. `log` ends at the snapshot's version and may begin anywhere."""

    revision: int
    compacted: int
    clock: Clock
    settled_at: datetime  # virtual time of the last transaction on objects
    settings: Settings
    snapshot: Snapshot
    hosts: Mapping[str, NodeMemory]  # by node
    trace_count: int  # requests that were ever sent
    memory_changes: int  # times that somebody changed by hand what a host remembers
    log: tuple[LogEntry, ...] = ()

    def now(self, real: datetime) -> datetime:
        """Virtual time at a real time; never before what has happened, whatever the machine's clock says."""
        return max(self.clock.at(real), self.settled_at)


_states: Recent[UUID, State] = Recent(_CLUSTERS)
_locks: WeakValueDictionary[UUID, threading.RLock] = (
    WeakValueDictionary()
)  # while somebody holds or wants one
_guard = threading.Lock()
_turn = threading.RLock()


def lock(cluster_id: UUID) -> threading.RLock:
    """The lock that orders this process's writers of one cluster, before they queue in the database."""
    with _guard:
        found = _locks.get(cluster_id)
        if found is None:
            _locks[cluster_id] = found = threading.RLock()
        return found


@contextmanager
def transaction() -> Iterator[None]:
    """A transaction that writes. SQLite takes one writer at a time and lets the others try again and again;
    here they come in turn, and nobody waits ten times as long as the rest.
    """
    with _turn if connection.vendor == "sqlite" else nullcontext(), atomic():
        yield


def get(cluster_id: UUID) -> State | None:
    """The State last remembered."""
    return _states.get(cluster_id)


def put(cluster_id: UUID, state: State) -> None:
    """Remember a State; the clusters not looked at for longest are forgotten."""
    _states.put(cluster_id, state)


def forget(cluster_id: UUID) -> None:
    """Remember nothing of a cluster: the next look reads the database."""
    _states.forget(cluster_id)


def forget_all() -> None:
    """As after a restart of the process."""
    _states.clear()
