"""Containers whose process is a client program: what it prints, and how it ends, only a run can tell.

`settle` says here that such a container has started; the runner that the composition has handed in (shells
are above this package) runs the program, and says here what it printed and how it ended. The run belongs to
the process that played the start: if that is killed, the kubelet ends the container after ten minutes.
"""

from collections.abc import Callable, Iterable

from svclab.cluster import models, starts
from svclab.cluster.batch import LogEntry
from svclab.cluster.store import ClusterHandle
from svclab.kube.controllers.kubelet import status, workload
from svclab.kube.snapshot import Manifest, key_of

MOST_LOG_BYTES = 64 * 1024
Runner = Callable[[ClusterHandle, Manifest, Manifest, list[str]], None]
_runner: Runner | None = None


def run_with(runner: Runner | None) -> None:
    """Have `runner(cluster, pod, container, argv)` called for each client program that starts; it returns at
    once and calls `ended` later.
    """
    global _runner
    _runner = runner


def begin(cluster: ClusterHandle, entries: Iterable[LogEntry]) -> None:
    """Run the client programs of the containers that have started in these writes."""
    if _runner is None:
        return
    for pod, container in starts.started(entries):
        argv = workload.client_program(container)
        if argv is not None:
            _runner(cluster, pod, container, argv)


def ended(cluster: ClusterHandle, pod: Manifest, container: str, exit_code: int, printed: str) -> None:
    """The program has ended: keep what it printed, and let the kubelet see its exit code."""
    run = starts.statuses(pod)[container]["restartCount"]
    models.ContainerLog.objects.update_or_create(
        cluster_id=cluster.id,
        pod_uid=pod["metadata"]["uid"],
        container=container,
        run=run,
        defaults={"text": printed[-MOST_LOG_BYTES:]},
    )
    _forget_what_nobody_can_ask_for(cluster, pod, container, run)
    with cluster.writing() as batch:
        now = batch.snapshot.get("Pod", *key_of(pod))
        if now is None or now["metadata"]["uid"] != pod["metadata"]["uid"]:
            return
        found = starts.statuses(now)[container]
        if starts.run_of(found) != run:
            return
        statuses = [
            status.terminated(each, exit_code, batch.now) if each["name"] == container else each
            for each in now["status"]["containerStatuses"]
        ]
        batch.update({**now, "status": {**now["status"], "containerStatuses": statuses}})


def _forget_what_nobody_can_ask_for(cluster: ClusterHandle, pod: Manifest, container: str, run: int) -> None:
    """Logs before the previous run's, and of pods that are gone."""
    logs = models.ContainerLog.objects.filter(cluster_id=cluster.id)
    logs.filter(pod_uid=pod["metadata"]["uid"], container=container, run__lt=run - 1).delete()
    there = [each["metadata"]["uid"] for each in cluster.snapshot().list("Pod")]
    logs.exclude(pod_uid__in=there).delete()


def printed(cluster: ClusterHandle, pod: Manifest, container: str, run: int) -> str:
    """What a run of a container's program has printed; "" while it runs, or where nobody knows."""
    found = models.ContainerLog.objects.filter(
        cluster_id=cluster.id, pod_uid=pod["metadata"]["uid"], container=container, run=run
    )
    return found.values_list("text", flat=True).first() or ""
