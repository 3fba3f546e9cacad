"""One command line as it runs: cancellation, its limits, and the traces that it caused.

Limits (per command line): 60 s of real time, 200,000 steps of the shell, 64 programs at
once, 1 MiB of output within one second.
"""

from collections.abc import Callable, Iterator, MutableSequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from time import monotonic, sleep
from typing import Any

from svclab.terminal.streams import BrokenPipe

TIME_LIMIT_SECONDS = 60.0
STEP_LIMIT = 200_000
PROGRAM_LIMIT = 64
OUTPUT_LIMIT_BYTES = 1024 * 1024  # within any one second
_POLL_SECONDS = 0.02


class Stopped(Exception):
    """The command line must end now: `status` for `$?`, `message` for the learner ("" for Ctrl-C)."""

    def __init__(self, message: str, status: int = 130) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(slots=True)
class Tally:
    """What is counted over all programs of one command line."""

    steps: int = 0
    programs: int = 0  # that run at the same time, in pipes
    window_start: float = 0.0
    window_bytes: int = 0
    lock: Lock = field(default_factory=Lock)


def a_moment(_: datetime | None) -> None:
    """Wait in real time, whatever for."""
    sleep(_POLL_SECONDS)


@dataclass(slots=True)
class Process:
    """What the programs of one command line share.

    `idle(until)` is how they wait for the cluster's time `until` (None: for something else), by default a
    moment of real time; `pace(requests)` is told of all that they do, and may make them wait.
    """

    is_cancelled: Callable[[], bool] = bool
    time_limit_seconds: float = TIME_LIMIT_SECONDS
    reader_is_gone: Callable[[], bool] = bool
    idle: Callable[[datetime | None], object] = a_moment
    pace: Callable[[int], object] = bool
    step_limit: float = STEP_LIMIT
    started: float = field(default_factory=monotonic)
    flows: MutableSequence[Any] = field(default_factory=list)  # ids of the traces caused, in order
    at_end: ExitStack = field(default_factory=ExitStack)  # closed when the command line has ended
    tally: Tally = field(default_factory=Tally)

    def check(self) -> None:
        """Raises Stopped when the command was cancelled or has run for too long, BrokenPipe when nobody
        reads its output any more (a real kernel would say so at the next write only).
        """
        if self.reader_is_gone():
            raise BrokenPipe
        self._end_if_over()
        self.pace(0)

    def _end_if_over(self) -> None:
        if self.is_cancelled():
            raise Stopped("")
        if monotonic() - self.started > self.time_limit_seconds:
            raise Stopped(
                f"svclab: stopped after {self.time_limit_seconds:.0f} s, the limit of one command here", 124
            )

    def step(self) -> None:
        """Count one step of the shell. Raises Stopped when it is cancelled, late, or runs away."""
        self.tally.steps += 1
        if self.tally.steps > self.step_limit:
            raise Stopped(f"svclab: stopped after {STEP_LIMIT:,} steps: is this loop meant to end?", 124)
        self._end_if_over()
        self.pace(0)

    @contextmanager
    def programs(self, count: int) -> Iterator[None]:
        """Within it, `count` programs more run at the same time. Raises Stopped for too many."""
        with self.tally.lock:
            if self.tally.programs + count > PROGRAM_LIMIT:
                raise Stopped(f"svclab: stopped: more than {PROGRAM_LIMIT} programs at once", 124)
            self.tally.programs += count
        try:
            yield
        finally:
            with self.tally.lock:
                self.tally.programs -= count

    def count_output(self, text: str) -> None:
        """Count what reaches the screen. Raises Stopped beyond 1 MiB within a second."""
        tally = self.tally
        with tally.lock:
            now = monotonic()
            if now - tally.window_start > 1:
                tally.window_start, tally.window_bytes = now, 0
            tally.window_bytes += len(text.encode(errors="replace"))
            if tally.window_bytes > OUTPUT_LIMIT_BYTES:
                tally.window_bytes = 0  # so that the shell can say why it stops
                raise Stopped(
                    "svclab: stopped: more than 1 MiB of output in one second (the limit here)", 124
                )

    def wait(self, done: Callable[[], bool], until: datetime | None = None) -> None:
        """Wait until `done`, which will be at the cluster's time `until` if that is known. Raises Stopped as
        `check`.
        """
        while not done():
            self.check()
            self.idle(until)

    def in_background(self, is_cancelled: Callable[[], bool], seconds: float) -> "Process":
        """That of a job beside this one, which may go on for at least so many seconds."""
        return replace(
            self,
            is_cancelled=is_cancelled,
            time_limit_seconds=max(seconds, self.time_limit_seconds),
            reader_is_gone=bool,
            started=monotonic(),
            flows=[],
            at_end=ExitStack(),
            tally=Tally(),
        )

    def wait_for_person(self, done: Callable[[], bool]) -> None:
        """As `wait`, but the time does not count: somebody is thinking or typing. Raises Stopped on
        Ctrl-C.
        """
        began = monotonic()
        try:
            while not done():
                if self.is_cancelled():
                    raise Stopped("")
                sleep(_POLL_SECONDS)
        finally:
            self.started += monotonic() - began
