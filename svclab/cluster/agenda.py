"""Who has to look at what, and when: the work queues and timers of all controllers of one cluster.

An Agenda is derived: from the objects alone it can be made again at any time (all controllers look at
everything once), so it may be lost with its process.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType

from svclab.kube.controllers import (
    daemonset,
    deployment,
    endpoints,
    endpointslice,
    gc,
    kubelet,
    kubeproxy,
    loadbalancer,
    mirroring,
    namespace,
    nodelease,
    nodelifecycle,
    replicaset,
    scheduler,
    serviceaccount,
    statefulset,
)
from svclab.kube.reconcile import Change
from svclab.kube.snapshot import Key, Snapshot, key_of

CONTROLLERS: Mapping[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        serviceaccount,
        deployment,
        replicaset,
        statefulset,
        daemonset,
        scheduler,
        kubelet,
        endpoints,
        endpointslice,
        mirroring,
        loadbalancer,
        nodelifecycle,
        namespace,
        gc,
        kubeproxy,
        nodelease,
    )
}

_OVERSEERS = frozenset({"deployment", "replicaset", "statefulset", "daemonset", "endpoints", "endpointslice"})


@dataclass(frozen=True, slots=True, order=True)
class Task:
    """One controller's look at one key, due at a virtual time; equal times go first come, first served."""

    at: datetime
    number: int
    controller: str
    key: Key


class Agenda:
    """Tasks in the order in which they are due; a key waits at most once for each controller."""

    def __init__(self, version: int) -> None:
        self.version = version  # the resourceVersion up to which changes have been followed
        self.mode = ""  # kube-proxy's, up to whose latest switch the nodes have been put down
        self._heap: list[Task] = []
        self._waiting: dict[tuple[str, Key], Task] = {}
        self._held: dict[tuple[str, Key], datetime] = {}
        self._count = 0

    @classmethod
    def for_everything(cls, snapshot: Snapshot, now: datetime) -> "Agenda":
        """An agenda on which every object is new."""
        agenda = cls(snapshot.resource_version)
        for manifest in snapshot:
            agenda.follow(Change(manifest["kind"], key_of(manifest), manifest, None), snapshot, now)
        return agenda

    def follow(
        self, change: Change, snapshot: Snapshot, now: datetime, *, lag: timedelta = timedelta(0)
    ) -> None:
        """Put down everybody whom a change concerns: for `now`, or `lag` later those who look at many
        pods.
        """
        for name, controller in CONTROLLERS.items():
            at = now + lag if name in _OVERSEERS else now
            for key in controller.affected(change, snapshot):
                self.put(name, key, at)

    def put(self, controller: str, key: Key, at: datetime) -> None:
        """Have a controller look at a key at `at`, unless it will do so earlier anyway, or is held back."""
        at = max(at, self._held.get((controller, key), at))
        waiting = self._waiting.get((controller, key))
        if waiting is not None and waiting.at <= at:
            return
        self._count += 1
        task = Task(at, self._count, controller, key)
        self._waiting[(controller, key)] = task
        heapq.heappush(self._heap, task)

    def hold(self, controller: str, key: Key, until: datetime) -> None:
        """Back off: whatever happens, the controller does not look at this key before `until`, but then."""
        self._held[(controller, key)] = until
        self._waiting.pop((controller, key), None)
        self.put(controller, key, until)

    def next_due(self) -> datetime | None:
        """When the next task is due; None when there is none."""
        self._tidy()
        return self._heap[0].at if self._heap else None

    def take(self, until: datetime) -> Task | None:
        """The next task that is due at `until` or before."""
        self._tidy()
        if not self._heap or self._heap[0].at > until:
            return None
        task = heapq.heappop(self._heap)
        del self._waiting[(task.controller, task.key)]
        self._held.pop((task.controller, task.key), None)
        return task

    def _tidy(self) -> None:
        """Tasks that an earlier one has replaced are dropped when they come up."""
        while (
            self._heap
            and self._waiting.get((self._heap[0].controller, self._heap[0].key)) is not self._heap[0]
        ):
            heapq.heappop(self._heap)
