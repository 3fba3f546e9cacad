"""A cluster without a database for tests of controllers: manifests in, virtual time, objects out."""

from datetime import UTC, datetime, timedelta

import yaml

from svclab.cluster import seeds, settle
from svclab.cluster.agenda import Agenda
from svclab.cluster.batch import Batch
from svclab.kube.admission import prepare_create, prepare_update
from svclab.kube.resources import by_kind
from svclab.kube.snapshot import Snapshot

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Simulation:
    """The standard cluster, running; `strict` and `flavour` as a learner may set them."""

    def __init__(self, *, strict=False, flavour="cloud", seed="test"):
        manifests = seeds.seed("standard", flavour, settle.grow).planted(START)
        for version, manifest in enumerate(manifests, 1):
            manifest["metadata"]["resourceVersion"] = str(version)
        self.now = START
        self.batch = Batch(Snapshot.of(manifests, len(manifests)), START, seed)
        for node in ("control-plane", "node1", "node2"):
            self.batch.program(node)
        self.agenda = Agenda.for_everything(self.batch.snapshot, START)
        self.circumstances = settle.Circumstances(seed, flavour, strict)
        self.wait(0)

    @property
    def snapshot(self):
        return self.batch.snapshot

    def wait(self, seconds):
        """Let virtual time pass."""
        self._follow(self.agenda.version)
        self.now += timedelta(seconds=seconds)
        settle.play(self.batch, self.agenda, self.now, self.circumstances)

    def _follow(self, version):
        for entry in self.batch.entries:
            if entry.rv > version:
                self.agenda.follow(settle.change_of(entry), self.batch.snapshot, self.now)

    def apply(self, text):
        """Create each document as the API server would."""
        for given in yaml.safe_load_all(text):
            resource = by_kind(given["kind"])
            if resource.namespaced:
                given["metadata"].setdefault("namespace", "default")
            self.batch.now = self.now
            dice = self.batch.dice(f"apply/{given['metadata']['name']}")
            self.batch.create(prepare_create(resource, given, self.batch.snapshot, self.now, dice))
        self.wait(0)
        return self

    def change(self, kind, name, change, namespace="default"):
        """Change a stored object as `kubectl edit` does."""
        old = self.get(kind, name, namespace)
        self.batch.now = self.now
        dice = self.batch.dice(f"change/{name}")
        self.batch.update(prepare_update(by_kind(kind), change(old), old, self.snapshot, self.now, dice))
        self.wait(0)

    def set_status(self, kind, name, namespace="default", **status):
        """Write into an object's status, as the component that owns it does."""
        old = self.get(kind, name, namespace)
        self.batch.now = self.now
        self.batch.update({**old, "status": {**old.get("status", {}), **status}})
        self.wait(0)

    def delete(self, kind, name, namespace="default", grace_seconds=None):
        """Delete as kubectl does."""
        self.batch.now = self.now
        where = "" if kind in ("Namespace", "Node") else namespace
        self.batch.delete(kind, where, name, grace_seconds=grace_seconds)
        self.wait(0)

    def get(self, kind, name, namespace="default"):
        return self.snapshot.get(kind, "" if kind in ("Namespace", "Node") else namespace, name)

    def list(self, kind, namespace="default", **labels):
        """Objects with these labels, by name."""
        return [
            found
            for found in self.snapshot.list(kind, namespace)
            if labels.items() <= (found["metadata"].get("labels") or {}).items()
        ]

    def events(self, name=None, namespace="default"):
        """(reason, message, count) of the events about an object, in the order of their first telling."""
        found = [e for e in self.list("Event", namespace) if name in (None, e["involvedObject"]["name"])]
        found.sort(key=lambda e: int(e["metadata"]["name"].rpartition(".")[2], 16))
        return [(e["reason"], e["message"], e.get("count", 1)) for e in found]

    def slices(self, service, namespace="default"):
        """The EndpointSlices of a Service."""
        return self.list("EndpointSlice", namespace, **{"kubernetes.io/service-name": service})


def pod_yaml(name, spec, **labels):
    """A Pod with this spec (YAML in flow style) and these labels."""
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {labels or {}}}}\nspec: {spec}\n"


def container(pod):
    """The status of a pod's only container."""
    (status,) = pod["status"]["containerStatuses"]
    return status
