"""Writes on their way into a cluster: what etcd and the API server's generic store do with them, in memory.

A Batch starts from a Snapshot, takes writes, and is at every moment what the cluster will look like.
`store` writes it to the database in one transaction; the seeds are made with batches that never see one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from svclab.cluster import errors
from svclab.cluster.quota import Quota
from svclab.kube import names
from svclab.kube.deletion import DeleteOptions, after_delete
from svclab.kube.meta import timestamp
from svclab.kube.nodememory import NodeMemory
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

    most_events = Quota().events

    def __init__(
        self,
        snapshot: Snapshot,
        now: datetime,
        random_seed: str,
        quota: Quota | None = None,
        hosts: Mapping[str, NodeMemory] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.now = now
        self.entries: list[LogEntry] = []
        self.hosts: dict[str, NodeMemory] = dict(hosts or {})
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

        Refused (409, or 403 over quota) as the API server would. The manifest must not be changed by the
        caller afterwards.
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

    def delete(
        self, kind: str, namespace: str, name: str, *, grace_seconds: int | None = None, uid: str = ""
    ) -> Manifest:
        """Delete as the API server does for a client: gracefully for pods, marked while finalizers remain."""
        current = self._current(kind, namespace, name)
        options = DeleteOptions(grace_seconds, uid=uid)
        marked = after_delete(errors.resource_of(kind), current, options, self.now)
        return self._drop(current, current) if marked is None else self.update(marked)

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

    # ---- what nodes remember ----

    def rules_digest(self) -> str:
        """Stands for all Services and EndpointSlices as they are: it changes with any of them."""
        return rules_digest(self.snapshot)

    def program(self, node: str, mode: str = "iptables") -> None:
        """The node's kube-proxy has written rules for the Services and slices as they are now, in this
        mode.
        """
        memory = self.hosts.get(node, NodeMemory())
        manifests = (*self.snapshot.list("Service"), *self.snapshot.list("EndpointSlice"))
        digest = self.rules_digest()
        self.hosts[node] = replace(memory, digest=digest, manifests=manifests, stale_since=None, mode=mode)

    def mark_stale(self, node: str) -> None:
        """The node's kube-proxy knows of a change that its rules do not show."""
        self.hosts[node] = replace(self.hosts.get(node, NodeMemory()), stale_since=self.now)

    def reserve(self, node: str, address: str) -> None:
        """The node's CNI plugin has given this address out."""
        self.hosts[node] = replace(self.hosts.get(node, NodeMemory()), last_address=address)

    def changed(self) -> dict[Changed, Manifest | None]:
        """The final state of every object that was written; None for one that is gone."""
        found: dict[Changed, Manifest | None] = {}
        for entry in self.entries:
            key: Key = key_of(entry.object)
            found[(entry.object["kind"], *key)] = None if entry.type == "DELETED" else entry.object
        return found


def rules_digest(snapshot: Snapshot) -> str:
    """A hash of the identities and versions of all Services and EndpointSlices."""
    digest = hashlib.sha256()
    for kind in ("Service", "EndpointSlice"):
        for manifest in snapshot.list(kind):
            metadata = manifest["metadata"]
            digest.update(f"{metadata['uid']}/{metadata['resourceVersion']} ".encode())
    return digest.hexdigest()


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
