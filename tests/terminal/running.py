"""A cluster whose client programs are run, ten times as fast as time, until the test is over."""

from collections.abc import Iterator
from contextlib import contextmanager

from svclab.cluster import programs
from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import ClusterHandle
from svclab.terminal.programs import run


@contextmanager
def cluster_that_runs_programs() -> Iterator[ClusterHandle]:
    """The cluster; all that runs in it has ended afterwards."""
    works = []
    programs.run_with(lambda program: works.append(run(program)))
    found = new_cluster("learner", seed="hello", random_seed="programs")
    found.set_clock(lambda clock, real: clock.with_rate(10, real))
    yield found
    programs.run_with(None)
    programs.forget()
    for work in works:
        work.join()
