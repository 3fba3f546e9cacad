"""Serves all watches of a process: one task per cluster waits for news, lets time pass, and feeds every
watch.

What one write changes is looked up once for all watches of a cluster and encoded once; a thousand watchers
cost little more than one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import close_old_connections

from svclab.apiserver.logs import LogFollow
from svclab.apiserver.watch import Watch
from svclab.cluster import news, settle
from svclab.cluster.clock import real_now
from svclab.cluster.errors import NoSuchCluster
from svclab.cluster.store import ClusterHandle

WATCHES_PER_CLUSTER = 20
_LONGEST_SLEEP_SECONDS = 5.0
_MOST_QUEUED_EVENTS = 10_000
_THREADS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="kubernetes-api")


async def in_thread(work: Callable[[], Any]) -> Any:
    """Run blocking work (anything that touches the database) in a thread of the API's own."""

    def run() -> Any:
        close_old_connections()
        return work()

    return await asyncio.get_running_loop().run_in_executor(_THREADS, run)


@dataclass(eq=False)
class Subscriber:
    """One open watch and what it has still to send; None ends it."""

    watch: Watch | LogFollow
    queue: asyncio.Queue[list[bytes] | None] = field(
        default_factory=lambda: asyncio.Queue(_MOST_QUEUED_EVENTS)
    )

    def offer(self, events: list[bytes]) -> None:
        """Queue events; who reads too slowly to be told is told nothing more, and starts again."""
        try:
            if events:
                self.queue.put_nowait(events)
            if self.watch.ended:
                self.queue.put_nowait(None)
        except asyncio.QueueFull:
            self.watch.ended = True
            self.queue = asyncio.Queue()
            self.queue.put_nowait(None)


class _Pump:
    """The task of one cluster: runs while anybody watches it."""

    def __init__(self, cluster: ClusterHandle) -> None:
        self.cluster = cluster
        self.subscribers: set[Subscriber] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        stop = news.listen(self.cluster.id, lambda _: loop.call_soon_threadsafe(self._wake.set))
        other_processes = asyncio.create_task(news.hear_others(self.cluster.id, self._wake.set))
        try:
            while self.subscribers:
                self._wake.clear()
                sleep = await self._round()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), sleep)
        finally:
            stop()
            other_processes.cancel()

    async def _round(self) -> float:
        """Let time pass and feed everybody; seconds until something is due."""
        subscribers = list(self.subscribers)
        try:
            batches, sleep = await in_thread(lambda: _look(self.cluster, subscribers))
        except NoSuchCluster:
            for subscriber in subscribers:
                subscriber.watch.ended = True
            batches, sleep = [[] for _ in subscribers], 0.0
        for subscriber, events in zip(subscribers, batches, strict=True):
            subscriber.offer(events)
            if subscriber.watch.ended:
                self.subscribers.discard(subscriber)
        return sleep


def _look(cluster: ClusterHandle, subscribers: list[Subscriber]) -> tuple[list[list[bytes]], float]:
    settle.advance(cluster)
    return [subscriber.watch.news() for subscriber in subscribers], _until_due(cluster)


def _until_due(cluster: ClusterHandle) -> float:
    due = settle.next_due(cluster)
    real = None if due is None else cluster.clock().real_time_of(due)
    if real is None:
        return _LONGEST_SLEEP_SECONDS
    return min(max((real - real_now()).total_seconds(), 0.0), _LONGEST_SLEEP_SECONDS)


_pumps: dict[Any, _Pump] = {}


def has_room(cluster: ClusterHandle) -> bool:
    """Whether one more watch of this cluster may be opened here."""
    pump = _pumps.get(cluster.id)
    return pump is None or len(pump.subscribers) < WATCHES_PER_CLUSTER


@contextlib.asynccontextmanager
async def subscribed(watch: Watch | LogFollow) -> AsyncIterator[Subscriber]:
    """Have a watch fed; its Subscriber's queue is to be read."""
    pump = _pumps.get(watch.cluster.id)
    if pump is None:
        pump = _pumps[watch.cluster.id] = _Pump(watch.cluster)
    subscriber = Subscriber(watch)
    pump.subscribers.add(subscriber)
    pump.start()
    try:
        yield subscriber
    finally:
        pump.subscribers.discard(subscriber)
        if not pump.subscribers:
            _pumps.pop(watch.cluster.id, None)
            pump.wake()
