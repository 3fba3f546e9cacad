"""Edits of the Corefile as a learner makes them: a mistake crashes the pods that start with it, and the
plugin log shows queries.
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


def test_with_the_log_plugin_the_pods_tell_every_query_that_reaches_them(typed):
    typed(
        "kubectl run debug --image=nicolaka/netshoot -- sleep infinity"
        "; kubectl wait --for=condition=ready pod/debug"
    )
    typed("kubectl exec debug -- nslookup kubernetes; sleep 2")
    typed(
        "kubectl -n kube-system get cm coredns -o yaml | sed 's/^\\( *\\)errors$/\\1errors\\n\\1log/'"
        " | kubectl replace -f -; sleep 2"
    )
    typed("kubectl exec debug -- nslookup kubernetes; kubectl exec debug -- nslookup nosuch")

    log = typed("kubectl -n kube-system logs -l k8s-app=kube-dns --tail=-1")

    lines = [line for line in log.splitlines() if " IN " in line]
    questions = sorted(
        (line.split('"')[1].rsplit(" ", 2)[0], line.split('"')[2].split()[0]) for line in lines
    )
    assert questions == sorted(
        [
            ("A IN kubernetes.default.svc.cluster.local. udp 54", "NOERROR"),
            ("AAAA IN kubernetes.default.svc.cluster.local. udp 54", "NOERROR"),
            ("A IN nosuch.default.svc.cluster.local. udp 50", "NXDOMAIN"),
            ("A IN nosuch.svc.cluster.local. udp 42", "NXDOMAIN"),
            ("A IN nosuch.cluster.local. udp 38", "NXDOMAIN"),
            ("A IN nosuch. udp 24", "NXDOMAIN"),
        ]
    )
    assert all(line.startswith("[INFO] 10.244.") and line.endswith("s") for line in lines)
