"""A learner's hands for tests: apply manifests as the API server admits them, let virtual time pass."""

from datetime import UTC, datetime

import yaml

from svclab.cluster import lifecycle
from svclab.cluster.clock import Clock
from svclab.kube.admission import prepare_create, prepare_update
from svclab.kube.resources import by_kind

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def paused_cluster(owner="alice", **options):
    """A fresh cluster whose clock only moves when a test says so: every run of a test draws the same."""
    cluster = lifecycle.new_cluster(owner, random_seed=options.pop("random_seed", owner), at=START, **options)
    cluster.set_clock(lambda clock, real: Clock(START, real, paused=True))
    return cluster


def apply(cluster, text):
    """Create or replace each document; gives what was stored."""
    cluster.advance()
    stored = []
    for given in yaml.safe_load_all(text):
        resource = by_kind(given["kind"])
        if resource.namespaced:
            given["metadata"].setdefault("namespace", "default")
        with cluster.writing() as batch:
            key = (given["metadata"].get("namespace", ""), given["metadata"]["name"])
            old = batch.snapshot.get(resource.kind, *key)
            dice = batch.dice(f"apply/{key}")
            if old is None:
                stored.append(batch.create(prepare_create(resource, given, batch.snapshot, batch.now, dice)))
            else:
                new = prepare_update(resource, given, old, batch.snapshot, batch.now, dice)
                stored.append(batch.update(new))
    cluster.advance()
    return stored


def delete(cluster, kind, name, namespace="default", grace_seconds=None):
    """Delete as kubectl does."""
    cluster.advance()
    with cluster.writing() as batch:
        batch.delete(
            kind, "" if kind in ("Namespace", "Node") else namespace, name, grace_seconds=grace_seconds
        )
    cluster.advance()


def wait(cluster, seconds):
    """Let virtual time pass, all at once: what happens must not depend on how often anybody looks."""
    cluster.set_clock(lambda clock, real: clock.step(seconds, real))
    cluster.advance()


def change(cluster, kind, name, change, namespace="default"):
    """Change a stored object's manifest by a function, as `kubectl edit` does."""
    with cluster.writing() as batch:
        old = batch.snapshot.get(kind, "" if kind in ("Namespace", "Node") else namespace, name)
        new = prepare_update(
            by_kind(kind), change(old), old, batch.snapshot, batch.now, batch.dice(f"change/{name}")
        )
        batch.update(new)
    cluster.advance()


def pods(cluster, namespace="default", **labels):
    """The pods with these labels."""
    return [
        pod
        for pod in cluster.snapshot().list("Pod", namespace)
        if labels.items() <= (pod["metadata"].get("labels") or {}).items()
    ]


def endpoints(cluster, service, namespace="default"):
    """address -> conditions of a Service's slices."""
    return {
        endpoint["addresses"][0]: endpoint["conditions"]
        for slice_ in cluster.snapshot().list("EndpointSlice", namespace)
        if slice_["metadata"]["labels"].get("kubernetes.io/service-name") == service
        for endpoint in slice_["endpoints"] or ()
    }


def events(cluster, reason=None, namespace="default"):
    """(reason, about, message) of events, in the order in which they were first told."""
    found = [e for e in cluster.snapshot().list("Event", namespace) if reason in (None, e["reason"])]
    found.sort(key=lambda e: int(e["metadata"]["name"].rpartition(".")[2], 16))
    return [(e["reason"], e["involvedObject"]["name"], e["message"]) for e in found]


BACKEND = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend}
spec:
  replicas: 3
  selector: {matchLabels: {app: backend}}
  template:
    metadata: {labels: {app: backend}}
    spec:
      containers:
      - name: backend
        image: nginx:1.25
        ports: [{containerPort: 80}]
        readinessProbe:
          httpGet: {path: /, port: 80}
          initialDelaySeconds: 5
          periodSeconds: 10
---
apiVersion: v1
kind: Service
metadata: {name: backend}
spec:
  selector: {app: backend}
  ports: [{port: 80}]
"""
