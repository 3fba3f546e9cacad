"""A Corefile with a mistake: CoreDNS processes that run go on, those that start with it crash, until it is
mended.
"""

import pytest

from svclab.cluster.lifecycle import new_cluster
from svclab.terminal.session import Session

WHY = "/etc/coredns/Corefile:7 - Error during parsing: Unknown directive 'kubernets'"
PODS = "kubectl -n kube-system get pods -l k8s-app=kube-dns --no-headers -o custom-columns=R:.status.{}"
READY = PODS.format("containerStatuses[0].ready")
WAITING = PODS.format("containerStatuses[0].state.waiting.reason")


@pytest.fixture
def db_with_threads(transactional_db):
    """A database that the shell's threads see too."""


@pytest.fixture
def typed(db_with_threads):
    session = Session(new_cluster("learner"), hurried=True)

    def run(line: str) -> str:
        parts: list[str] = []
        session.run(line, parts.append)
        return "".join(parts)

    return run


def replaced(old: str, new: str) -> str:
    return (
        f"kubectl -n kube-system get cm coredns -o yaml | sed 's/{old} cluster.local/{new} cluster.local/'"
        " | kubectl replace -f -"
    )


def test_a_mistake_in_the_corefile_crashes_the_pods_that_start_with_it_until_it_is_mended(typed):
    typed(replaced("kubernetes", "kubernets"))
    log = typed("kubectl -n kube-system logs deploy/coredns --tail=1")
    running = typed(READY).split()
    typed("kubectl -n kube-system rollout restart deploy coredns; sleep 25")
    states = sorted(typed(WAITING).split())
    crashed = typed("kubectl -n kube-system logs -l k8s-app=kube-dns --tail=1")
    typed(f"{replaced('kubernets', 'kubernetes')}; sleep 300")

    assert "[ERROR] plugin/reload: Corefile changed but reload failed: " in log
    assert log.endswith(f"{WHY}\n")
    assert running == ["true", "true"]
    assert states == ["<none>", "CrashLoopBackOff", "CrashLoopBackOff"]
    assert crashed.splitlines().count(WHY) == 2
    assert typed(READY).split() == ["true", "true"]
