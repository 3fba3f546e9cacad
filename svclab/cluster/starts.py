"""Containers that start, and the Services that each of them found: its environment keeps these for good."""

import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from svclab.cluster import models
from svclab.cluster.batch import LogEntry
from svclab.cluster.recent import Recent
from svclab.kube.snapshot import Manifest, Snapshot

_known: Recent[tuple[UUID, str, str, int], list[Manifest]] = Recent(1024)  # what is noted is never changed
STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


def started(entries: Iterable[LogEntry]) -> Iterator[tuple[Manifest, Manifest]]:
    """(pod, container) of each container that has begun a run in these writes."""
    for entry in entries:
        if entry.object["kind"] == "Pod" and entry.type == "MODIFIED":
            before = {name: run_of(found) for name, found in statuses(entry.previous or {}).items()}
            now = statuses(entry.object)
            for container in containers(entry.object):
                run = run_of(now.get(container["name"], {}))
                if run is not None and run != before.get(container["name"]):
                    yield entry.object, container


def containers(pod: Manifest) -> list[Manifest]:
    """The pod's containers, those that initialise it first."""
    return [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]


def statuses(pod: Manifest) -> dict[str, dict[str, Any]]:
    """The statuses of the pod's containers, by their names."""
    status = pod.get("status", {})
    return {found["name"]: found for part in STATUSES for found in status.get(part) or ()}


def run_of(container_status: dict[str, Any]) -> int | None:
    """Which run of the container goes on, counted from 0; None while it does not run."""
    return container_status.get("restartCount") if "running" in container_status.get("state", {}) else None


def note(cluster_id: UUID, entries: Iterable[LogEntry], snapshot: Snapshot) -> None:
    """Write down what the containers that have started in these writes find. Within their transaction.

    What nobody can ask for any more is forgotten: runs before the previous one, and of pods that are gone.
    """
    rows, runs = [], models.ContainerRun.objects.filter(cluster_id=cluster_id)
    for pod, container in started(entries):
        there = [_seen(service) for service in snapshot.list("Service", pod["metadata"]["namespace"])]
        name, uid = container["name"], pod["metadata"]["uid"]
        run = run_of(statuses(pod)[name])
        assert run is not None
        key = {"pod_uid": uid, "container": name}
        rows.append(models.ContainerRun(cluster_id=cluster_id, run=run, services=json.dumps(there), **key))
        if run > 1:
            runs.filter(run__lt=run - 1, **key).delete()
    if rows:
        pods = [pod["metadata"]["uid"] for pod in snapshot.list("Pod")]
        runs.exclude(pod_uid__in=pods).delete()
        models.ContainerRun.objects.bulk_create(rows, ignore_conflicts=True)


def _seen(service: Manifest) -> Manifest:
    metadata, spec = service["metadata"], service["spec"]
    return {
        "metadata": {name: metadata[name] for name in ("namespace", "name")},
        "spec": {name: spec[name] for name in ("clusterIP", "ports") if name in spec},
    }


def services(cluster_id: UUID, pod: Manifest, container: str) -> list[Manifest] | None:
    """The Services of its namespace that the container's present run has found; None if none is noted."""
    run = statuses(pod).get(container, {}).get("restartCount", 0)
    key = (cluster_id, pod["metadata"].get("uid", ""), container, run)
    found = _known.get(key)
    if found is None:
        text = noted(cluster_id, pod, container, run).values_list("services", flat=True).first()
        if text is not None:
            found = json.loads(text)
            _known.put(key, found)
    return found


def noted(cluster_id: UUID, pod: Manifest, container: str, run: int) -> QuerySet[models.ContainerRun]:
    """The row of a run of a container, if it is noted."""
    return models.ContainerRun.objects.filter(
        cluster_id=cluster_id, pod_uid=pod["metadata"].get("uid", ""), container=container, run=run
    )
