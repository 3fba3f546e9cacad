"""Runs the client programs of containers, and so their logs and packets are real.

    kubectl run load --image=busybox -- /bin/sh -c "while true; do wget -qO- http://web; sleep 1; done"

A program has a thread, which mostly waits for the cluster's clock. It goes on for as long as its container
runs, so it is held to a pace: for all programs of a cluster 10 requests and a twentieth of a processor a
second of real time, for those of a server process five times as much.
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic, thread_time
from uuid import UUID
from weakref import WeakValueDictionary

from svclab.cluster import dataplane
from svclab.cluster.errors import NoSuchCluster
from svclab.cluster.programs import Program
from svclab.kube import podenv
from svclab.terminal.places import Location
from svclab.terminal.process import Process
from svclab.terminal.session import Session, Wires
from svclab.terminal.shell.jobs import Jobs
from svclab.terminal.streams import Input
from svclab.terminal.turns import Work, in_thread

REQUESTS_A_SECOND = 10
_PROCESSOR = 0.05
_OF_A_PROCESS = 5  # times what one cluster has
_IN_HAND_SECONDS = 10  # of what was not used, so much may be used at once
_REST = 0.5  # seconds at least for which a program that is too fast stands still
_POLL = timedelta(seconds=1)  # of virtual time, between two looks at what has no time of its own
_FLOWS = 16
_WIRES = Wires(send=lambda cluster, request, _: dataplane.send(cluster, request, dataplane.BACKGROUND))


def run(program: Program) -> Work:
    """Run a container's program in a thread, and tell how it ended."""

    def work() -> None:
        code, jobs = 1, Jobs()
        try:
            session = _session(program)
            jobs = session.jobs
            code = session.execute(
                _argv(program, session), program.write, stdin=Input(), process=_process(program)
            )
        except (KeyError, NoSuchCluster):
            pass  # the pod was deleted as it started: nobody asks how that ended
        finally:
            jobs.end_all()
            program.ended(code)
            for job in jobs.running:
                job.finished.wait()

    return in_thread(work)


def _argv(program: Program, session: Session) -> list[str]:
    """The command with its `$(NAME)`s replaced, as the kubelet does it before any shell sees them."""
    environment = session.places[-1].state.environment()
    return [podenv.expand(word, environment) for word in program.argv]


def _session(program: Program) -> Session:
    metadata, container = program.pod["metadata"], program.container
    place = Location("pod", metadata["namespace"], metadata["name"], container["name"], container["image"])
    shell = program.argv[0].rpartition("/")[2]
    return Session(program.cluster, location=place, shell=shell, wires=_WIRES)


def _process(program: Program) -> Process:
    return Process(
        is_cancelled=lambda: program.stopped,
        time_limit_seconds=float("inf"),
        step_limit=float("inf"),
        idle=lambda until: program.wait(until or program.now() + _POLL),
        pace=Pace(program).keep,
        flows=deque(maxlen=_FLOWS),
    )


@dataclass(slots=True)
class Allowance:
    """Something that comes at a rate, and that may be saved up for a while."""

    per_second: float
    left: float = 0.0
    at: float = 0.0

    def take(self, amount: float) -> float:
        """Use some; gives the seconds to wait if there was not enough."""
        now = monotonic()
        saved = self.left + (now - self.at) * self.per_second
        self.left = min(saved, self.per_second * _IN_HAND_SECONDS) - amount
        self.at = now
        return max(-self.left / self.per_second, 0.0)


class Allowances:
    """Requests, and seconds of a processor."""

    def __init__(self, share: float = 1) -> None:
        self._requests = Allowance(REQUESTS_A_SECOND * share)
        self._processor = Allowance(_PROCESSOR * share)
        self._guard = threading.Lock()

    def take(self, requests: int, processor: float) -> float:
        """Use some of both; gives the seconds to wait."""
        with self._guard:
            return max(self._requests.take(requests), self._processor.take(processor))


_everybody = Allowances(_OF_A_PROCESS)
_clusters: WeakValueDictionary[UUID, Allowances] = WeakValueDictionary()


@dataclass(slots=True)
class Pace:
    """What holds one program back."""

    program: Program
    allowances: Allowances = field(init=False)
    _thread: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        cluster_id = self.program.cluster.id
        self.allowances = _clusters.get(cluster_id) or _clusters.setdefault(cluster_id, Allowances())

    def keep(self, requests: int) -> None:
        """Stand still if the program is too fast, and while the cluster's clock does."""
        spent = thread_time()
        used, self._thread.spent = spent - getattr(self._thread, "spent", spent), spent
        seconds = max(each.take(requests, used) for each in (self.allowances, _everybody))
        if seconds > 0 or self.program.is_paused():
            rest = max(seconds, _REST) * self.program.pace()
            self.program.wait(self.program.now() + timedelta(seconds=rest))
