"""Writes on their way into a cluster: what etcd and the API server's generic store do with them, in memory.

A Batch starts from a Snapshot, takes writes, and is at every moment what the cluster will look like.
`store` writes it to the database in one transaction; the seeds are made with batches that never see one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from svclab.cluster import errors
from svclab.cluster.quota import Quota
from svclab.kube import names
from svclab.kube.meta import timestamp
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

Verb = Literal["ADDED", "MODIFIED", "DELETED"]
Changed = tuple[str, str, str]  # (kind, namespace, name)
_NAME_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One write in the cluster's log. `previous` is None for ADDED, and where the log no longer knows."""

    rv: int
    type: Verb
    object: Manifest
    previous: Manifest | None = None


class Batch:
    """An ordered set of writes at the virtual time `now`, each with the next resourceVersion."""

    def __init__(
        self, snapshot: Snapshot, now: datetime, random_seed: str, quota: Quota | None = None
    ) -> None:
        self.snapshot = snapshot
        self.now = now
        self.entries: list[LogEntry] = []
        self._random_seed = random_seed
        self._quota = quota

    @property
    def version(self) -> int:
        """The resourceVersion of the latest write."""
        return self.snapshot.resource_version

    def dice(self, purpose: str) -> Dice:
        """Draws that depend on the cluster's seed, on the version and on what they are for."""
        return Dice(f"{self._random_seed}/{self.version}/{purpose}")

    def create(self, manifest: Manifest) -> Manifest:
        """Store a new object; fills in name (from generateName), uid, creationTimestamp and resourceVersion.

        Refused (409, or 403 over quota) as the API server would. The manifest must not be changed by the caller afterwards.
        """
        metadata = dict(manifest["metadata"])
        kind, namespace = manifest["kind"], metadata.get("namespace", "")
        if not metadata.get("name"):
            metadata = {"name": self._generated_name(kind, namespace, metadata["generateName"]), **metadata}
        if self.snapshot.get(kind, namespace, metadata["name"]) is not None:
            raise errors.already_exists(kind, metadata["name"])
        if self._quota is not None:
            self._quota.admit(self.snapshot, {**manifest, "metadata": metadata})
        metadata.setdefault("uid", names.uid(self.dice(f"uid/{kind}/{namespace}/{metadata['name']}")))
        metadata.setdefault("creationTimestamp", timestamp(self.now))
        return self._put("ADDED", {**manifest, "metadata": metadata}, None)

    def update(self, manifest: Manifest) -> Manifest:
        """Replace an object. An update that changes nothing writes nothing.

        A resourceVersion or uid in the manifest must be the stored one, else 409; 404 without an object.
        An object that is being deleted goes away when this takes its last finalizer.
        """
        kind, (namespace, name) = manifest["kind"], key_of(manifest)
        current = self._current(kind, namespace, name)
        metadata, stored = manifest["metadata"], current["metadata"]
        if metadata.get("resourceVersion", stored["resourceVersion"]) != stored["resourceVersion"]:
            raise errors.conflict(kind, name)
        self._check_uid(current, metadata.get("uid"))
        metadata = {**metadata, "uid": stored["uid"], "resourceVersion": stored["resourceVersion"]}
        manifest = {**manifest, "metadata": metadata}
        if manifest == current:
            return current
        if _is_finished(manifest):
            return self._drop(manifest, current)
        return self._put("MODIFIED", manifest, current)

    def remove(self, kind: str, namespace: str, name: str, uid: str | None = None) -> Manifest:
        """Take an object out at once, finalizers or not; returns its last state."""
        current = self._current(kind, namespace, name)
        self._check_uid(current, uid)
        return self._drop(current, current)

    def delete(self, kind: str, namespace: str, name: str, *, grace_seconds: int | None = None) -> Manifest:
        """Delete as the API server does for a controller: gracefully for pods, marked while finalizers remain."""
        current = self._current(kind, namespace, name)
        grace = _grace(current, grace_seconds)
        if grace == 0 and not _finalizers(current):
            return self._drop(current, current)
        return self.update(_marked(current, self.now, grace))

    def _current(self, kind: str, namespace: str, name: str) -> Manifest:
        current = self.snapshot.get(kind, namespace, name)
        if current is None:
            raise errors.not_found(kind, name)
        return current

    @staticmethod
    def _check_uid(current: Manifest, uid: str | None) -> None:
        stored = current["metadata"]["uid"]
        if uid and uid != stored:
            raise errors.other_uid(current["kind"], current["metadata"]["name"], uid, stored)

    def _generated_name(self, kind: str, namespace: str, prefix: str) -> str:
        dice = self.dice(f"name/{kind}/{namespace}/{prefix}")
        for _ in range(_NAME_ATTEMPTS):
            name = names.generated(prefix, dice)
            if self.snapshot.get(kind, namespace, name) is None:
                return name
        raise errors.already_exists(kind, name)

    def _put(self, verb: Verb, manifest: Manifest, previous: Manifest | None) -> Manifest:
        version = self.version + 1
        written = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": str(version)}}
        self.snapshot = self.snapshot.with_(written, version)
        self.entries.append(LogEntry(version, verb, written, previous))
        return written

    def _drop(self, manifest: Manifest, previous: Manifest) -> Manifest:
        version = self.version + 1
        last = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": str(version)}}
        self.snapshot = self.snapshot.without(manifest["kind"], key_of(manifest), version)
        self.entries.append(LogEntry(version, "DELETED", last, previous))
        return last

    def changed(self) -> dict[Changed, Manifest | None]:
        """The final state of every object that was written; None for one that is gone."""
        found: dict[Changed, Manifest | None] = {}
        for entry in self.entries:
            key: Key = key_of(entry.object)
            found[(entry.object["kind"], *key)] = None if entry.type == "DELETED" else entry.object
        return found


def _finalizers(manifest: Manifest) -> list[Any]:
    finalizers = list(manifest["metadata"].get("finalizers") or [])
    if manifest["kind"] == "Namespace":
        finalizers += manifest.get("spec", {}).get("finalizers") or []
    return finalizers


def _is_finished(manifest: Manifest) -> bool:
    metadata = manifest["metadata"]
    return (
        bool(metadata.get("deletionTimestamp"))
        and not metadata.get("deletionGracePeriodSeconds")
        and not _finalizers(manifest)
    )


def _grace(manifest: Manifest, asked: int | None) -> int:
    """The seconds that a deletion leaves: none but for a pod that a kubelet may still be running."""
    if manifest["kind"] != "Pod":
        return 0
    if not manifest["spec"].get("nodeName") or manifest.get("status", {}).get("phase") in (
        "Succeeded",
        "Failed",
    ):
        return 0
    grace = manifest["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked
    already = manifest["metadata"].get("deletionGracePeriodSeconds")
    return grace if already is None else min(grace, already)


def _marked(manifest: Manifest, now: datetime, grace: int) -> Manifest:
    metadata = dict(manifest["metadata"])
    if metadata.get("deletionTimestamp") and metadata.get("deletionGracePeriodSeconds") == grace:
        return manifest
    metadata["deletionTimestamp"] = timestamp(now + timedelta(seconds=grace))
    metadata["deletionGracePeriodSeconds"] = grace
    if metadata.get("generation"):
        metadata["generation"] += 1
    marked = {**manifest, "metadata": metadata}
    if manifest["kind"] == "Namespace":
        marked["status"] = {**manifest.get("status", {}), "phase": "Terminating"}
    return marked
