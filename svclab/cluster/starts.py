"""Containers that start, and the Services that each of them found: its environment keeps these for good."""

import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from svclab.cluster import models
from svclab.cluster.batch import LogEntry
from svclab.kube.snapshot import Manifest, Snapshot


def started(entries: Iterable[LogEntry]) -> Iterator[tuple[Manifest, Manifest]]:
    """(pod, container) of each container that has begun a run in these writes."""
    for entry in entries:
        if entry.object["kind"] == "Pod" and entry.type == "MODIFIED":
            before = {name: run_of(found) for name, found in statuses(entry.previous or {}).items()}
            now = statuses(entry.object)
            for container in entry.object["spec"]["containers"]:
                run = run_of(now.get(container["name"], {}))
                if run is not None and run != before.get(container["name"]):
                    yield entry.object, container


def statuses(pod: Manifest) -> dict[str, dict[str, Any]]:
    """The pod's container statuses, by the containers' names."""
    return {found["name"]: found for found in pod.get("status", {}).get("containerStatuses") or ()}


def run_of(container_status: dict[str, Any]) -> int | None:
    """Which run of the container goes on, counted from 0; None while it does not run."""
    return container_status.get("restartCount") if "running" in container_status.get("state", {}) else None


def note(cluster_id: UUID, entries: Iterable[LogEntry], snapshot: Snapshot) -> None:
    """Write down what the containers that have started in these writes find. Within their transaction."""
    found = []
    for pod, container in started(entries):
        there = [_seen(service) for service in snapshot.list("Service", pod["metadata"]["namespace"])]
        if there:
            name = container["name"]
            uid, run = pod["metadata"]["uid"], run_of(statuses(pod)[name])
            row = {"pod_uid": uid, "container": name, "run": run, "services": json.dumps(there)}
            found.append(models.ContainerStart(cluster_id=cluster_id, **row))
    if not found:
        return
    pods = [pod["metadata"]["uid"] for pod in snapshot.list("Pod")]
    models.ContainerStart.objects.filter(cluster_id=cluster_id).exclude(pod_uid__in=pods).delete()
    models.ContainerStart.objects.bulk_create(found, ignore_conflicts=True)


def _seen(service: Manifest) -> Manifest:
    metadata, spec = service["metadata"], service["spec"]
    return {
        "metadata": {name: metadata[name] for name in ("namespace", "name")},
        "spec": {name: spec[name] for name in ("clusterIP", "ports") if name in spec},
    }


def services(cluster_id: UUID, pod: Manifest, container: str) -> list[Manifest] | None:
    """The Services of its namespace that the container's present run has found; None if none is noted."""
    found = models.ContainerStart.objects.filter(
        cluster_id=cluster_id,
        pod_uid=pod["metadata"].get("uid", ""),
        container=container,
        run=statuses(pod).get(container, {}).get("restartCount", 0),
    )
    text = found.values_list("services", flat=True).first()
    return None if text is None else json.loads(text)
