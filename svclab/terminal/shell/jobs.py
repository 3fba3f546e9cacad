"""Commands in the background: started with `&`, listed by `jobs`, ended by `kill` or with the session."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from svclab.terminal.turns import in_thread

MAX_JOBS = 4
BACKGROUND_LIMIT_SECONDS = 600.0


class TooManyJobs(Exception):
    """The session has as many background commands as it may have."""


@dataclass(slots=True)
class Job:
    """One background command. `cancelled` ends it; `finished` is set when it has ended."""

    number: int
    pid: int
    text: str
    cancelled: Event = field(default_factory=Event)
    finished: Event = field(default_factory=Event)
    status: int = 0
    announced: bool = False


@dataclass(slots=True)
class Jobs:
    """The background commands of one session."""

    running: list[Job] = field(default_factory=list)
    _next_pid: int = 4200

    def start(self, text: str, body: Callable[[Job], int], announce: Callable[[Job], object]) -> Job:
        """Run `body` in the background, after `announce`. Raises TooManyJobs."""
        if sum(not job.finished.is_set() for job in self.running) >= MAX_JOBS:
            raise TooManyJobs
        self._next_pid += 7
        number = max((job.number for job in self.running), default=0) + 1
        job = Job(number, self._next_pid, text)
        self.running.append(job)
        announce(job)

        def run() -> None:
            try:
                job.status = body(job)
            finally:
                job.finished.set()

        in_thread(run)
        return job

    def find(self, text: str) -> Job | None:
        """The job that `%1`, `%%`, `%+` or a process id names; "" names the latest."""
        jobs = self.running
        if text in ("", "%", "%%", "%+"):
            return jobs[-1] if jobs else None
        number = text.removeprefix("%")
        if not number.isdigit():
            return next((job for job in jobs if job.text.startswith(number)), None)
        key = (lambda job: job.number) if text.startswith("%") else (lambda job: job.pid)
        return next((job for job in jobs if key(job) == int(number)), None)

    def listed(self) -> list[str]:
        """A line for each job, as `jobs` prints it; those that have ended are forgotten."""
        lines = [self._line(job) for job in self.running]
        self.running = [job for job in self.running if not job.finished.is_set()]
        return lines

    def news(self) -> list[str]:
        """A line for each job that ended since the last call, as bash prints it before a prompt."""
        ended = [job for job in self.running if job.finished.is_set()]
        lines = [self._line(job) for job in ended]
        self.running = [job for job in self.running if job not in ended]
        return lines

    def _line(self, job: Job) -> str:
        """`+` marks the job that `fg` means, `-` the one before it."""
        place = self.running[::-1].index(job)
        mark = "+-"[place] if place < 2 else " "
        if job.finished.is_set():
            return f"[{job.number}]{mark}  {_ending(job):<24}{job.text}"
        return f"[{job.number}]{mark}  {'Running':<24}{job.text} &"

    def end_all(self) -> None:
        """End every job: the session closes."""
        for job in self.running:
            job.cancelled.set()


def _ending(job: Job) -> str:
    if job.cancelled.is_set():
        return "Terminated"
    return "Done" if job.status == 0 else f"Exit {job.status}"
