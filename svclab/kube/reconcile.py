"""What a controller gives back: the writes it wants, and when it wants to be asked again.

Every controller is `reconcile(snapshot, key, now, dice, ...) -> Result`: level-triggered, so that it may be
asked at any moment, any number of times; when the world is as it should be it writes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from svclab.kube.meta import timestamp
from svclab.kube.snapshot import Key, Manifest


@dataclass(frozen=True, slots=True)
class Create:
    """A new, complete object."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Update:
    """An object replaced; its generation rises when more than metadata and status differ."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Delete:
    """A deletion as a client asks for it: graceful for pods, waiting for finalizers."""

    kind: str
    key: Key
    uid: str
    grace_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell about an object: `kubectl describe` shows it, repetitions only raise its count.

    `host` is the node that a kubelet speaks from, `field_path` the container it is about. `action` marks the
    newer kind of event (events.k8s.io), which the scheduler writes.
    """

    involved: Manifest
    reason: str
    message: str
    component: str
    type: Literal["Normal", "Warning"] = "Normal"
    host: str = ""
    field_path: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """kube-proxy on a node has written its rules from the Services and EndpointSlices as they are now."""

    node: str


@dataclass(frozen=True, slots=True)
class MarkStale:
    """kube-proxy on a node has seen a change that its rules do not show yet."""

    node: str


@dataclass(frozen=True, slots=True)
class Reserve:
    """The CNI plugin of a node has given out this address; the next one it gives will be after it."""

    node: str
    address: str


Write = Create | Update | Delete | Event | Program | MarkStale | Reserve


@dataclass(slots=True)
class Result:
    """Writes in the order in which they are to happen; `again_at` is a virtual time, None for "when it
    changes".
    """

    writes: list[Write] = field(default_factory=list)
    again_at: datetime | None = None

    def add(self, *writes: Write) -> "Result":
        """Append writes."""
        self.writes.extend(writes)
        return self

    def again(self, at: datetime | None) -> "Result":
        """Ask again at `at` at the latest."""
        if at is not None and (self.again_at is None or at < self.again_at):
            self.again_at = at
        return self


@dataclass(frozen=True, slots=True)
class Change:
    """One write that a controller may have to follow: the object now (None: gone) and before (None: new)."""

    kind: str
    key: Key
    new: Manifest | None
    old: Manifest | None

    @property
    def either(self) -> Manifest:
        """The object as it is, or as it last was."""
        found = self.new if self.new is not None else self.old
        if found is None:
            raise ValueError("a change is of something")
        return found


def controller_key(change: Change, kind: str) -> Iterable[Key]:
    """The key of the changed object's controller, if that is of this kind."""
    for manifest in (change.new, change.old):
        for owner in (manifest or {}).get("metadata", {}).get("ownerReferences") or ():
            if owner.get("controller") and owner["kind"] == kind:
                yield (change.key[0], owner["name"])


def owner_reference(owner: Manifest, *, block: bool = True) -> dict[str, Any]:
    """The reference that makes `owner` the controller of a new object."""
    metadata = owner["metadata"]
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
    return reference | {"blockOwnerDeletion": True} if block else reference


def with_condition(
    conditions: list[dict[str, Any]], kind: str, status: str, reason: str, message: str, now: datetime
) -> list[dict[str, Any]]:
    """Conditions with one set. As apps controllers do it: unchanged status and reason leave it as it is, a
    new
    one goes to the end, and lastTransitionTime moves only with the status."""
    current = next((c for c in conditions if c["type"] == kind), None)
    if current is not None and (current["status"], current["reason"]) == (status, reason):
        return conditions
    moved = current is None or current["status"] != status
    return [c for c in conditions if c["type"] != kind] + [
        {
            "type": kind,
            "status": status,
            "lastUpdateTime": timestamp(now),
            "lastTransitionTime": timestamp(now) if moved else current["lastTransitionTime"],
            "reason": reason,
            "message": message,
        }
    ]


def with_status(manifest: Manifest, status: dict[str, Any]) -> Manifest:
    """The object with this status."""
    return {**manifest, "status": status}


def with_metadata(manifest: Manifest, **changed: Any) -> Manifest:
    """The object with some metadata fields replaced; None takes a field out."""
    metadata = {**manifest["metadata"], **changed}
    return {**manifest, "metadata": {k: v for k, v in metadata.items() if v is not None}}
