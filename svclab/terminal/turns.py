"""The threads in which commands run: few compute at once, and a thread that is done waits for the next.

Fifty learners who press Enter in the same moment would have fifty threads ask for the interpreter's lock, and
the event loop, which echoes keystrokes, would be one among them. So commands begin in turn: a command counts
as computing for its first moments only, after that it mostly waits for the cluster's clock or for a person.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Condition, Event, Lock, Thread
from time import monotonic

from django.db import connections

AT_ONCE = 2
_TURN_SECONDS = 0.05
_LONGEST_WAIT = 0.25
_MAX_IDLE = 8
_IDLE_SECONDS = 30.0

_begun: dict[object, float] = {}  # commands that run, and since when
_changed = Condition()


@contextmanager
def turn() -> Iterator[None]:
    """Within it a command runs. It waits for those that begin just now, but never long."""
    name = object()
    until = monotonic() + _LONGEST_WAIT
    with _changed:
        while _computing() >= AT_ONCE and monotonic() < until:
            _changed.wait(_TURN_SECONDS / 2)
        _begun[name] = monotonic()
    try:
        yield
    finally:
        with _changed:
            del _begun[name]
            _changed.notify()


def _computing() -> int:
    now = monotonic()
    return sum(now - since < _TURN_SECONDS for since in _begun.values())


class Work:
    """Something that runs in a thread; `join` waits for its end."""

    def __init__(self, target: Callable[[], None]) -> None:
        self.target = target
        self._done = Event()

    def run(self) -> None:
        try:
            self.target()
        finally:
            self._done.set()

    def join(self) -> None:
        """Wait until it has ended."""
        self._done.wait()


class _Worker:
    """A thread that does one thing after another, and keeps its database connection meanwhile."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[Work] = SimpleQueue()
        Thread(target=self._live, daemon=True, name="command").start()

    def _live(self) -> None:
        try:
            while (work := self._next()) is not None:
                work.run()
                _close_old_connections()
                with _idling:
                    if len(_idle) >= _MAX_IDLE:
                        return
                    _idle.append(self)
        finally:
            connections.close_all()

    def _next(self) -> Work | None:
        """What to do; None when nothing came for long."""
        while True:
            try:
                return self.queue.get(timeout=_IDLE_SECONDS)
            except Empty:
                with _idling:
                    if self in _idle:
                        _idle.remove(self)
                        return None  # otherwise somebody has just taken it, and the work is on its way


def _close_old_connections() -> None:
    """Give back what is too old or has failed, without asking the database anything (Django's own asks)."""
    for connection in connections.all(initialized_only=True):
        is_old = connection.close_at is not None and monotonic() >= connection.close_at
        if is_old or connection.errors_occurred:
            connection.close()


_idle: list[_Worker] = []
_idling = Lock()


def in_thread(target: Callable[[], None]) -> Work:
    """Run `target` in a thread, at once."""
    work = Work(target)
    with _idling:
        worker = _idle.pop() if _idle else None
    (worker or _Worker()).queue.put(work)
    return work
