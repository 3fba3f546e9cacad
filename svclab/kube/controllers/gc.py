"""The garbage collector: objects whose owners are gone go too, or are set free.

Keys are ("", uid of an owner). Source: kube-controller-manager 1.36, pkg/controller/garbagecollector.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from svclab.kube.reconcile import Change, Delete, Result, Update, with_metadata
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_FOREGROUND = "foregroundDeletion"
_ORPHAN = "orphan"


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """An owner that is being deleted or is gone, and the owners of whatever changed."""
    metadata = change.either["metadata"]
    if change.kind == "Event":
        return
    if change.new is None or metadata.get("deletionTimestamp"):
        yield ("", metadata["uid"])
    for owner in metadata.get("ownerReferences") or ():
        yield ("", owner["uid"])


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """What one owner's state means for its dependents, and they for it."""
    result = Result()
    uid = key[1]
    owner = next((found for found in _objects(snapshot) if found["metadata"]["uid"] == uid), None)
    dependents = [found for found in _objects(snapshot) if any(o["uid"] == uid for o in _owners(found))]
    if owner is None:
        for dependent in dependents:
            _without_owner(snapshot, dependent, uid, result)
        return result
    if not owner["metadata"].get("deletionTimestamp"):
        return result
    finalizers = owner["metadata"].get("finalizers") or []
    if _ORPHAN in finalizers:
        for dependent in dependents:
            kept = [o for o in _owners(dependent) if o["uid"] != uid]
            result.add(Update(with_metadata(dependent, ownerReferences=kept or None)))
        _drop_finalizer(owner, _ORPHAN, result)
    elif _FOREGROUND in finalizers:
        _foreground(owner, dependents, result)
    return result


def _objects(snapshot: Snapshot) -> Iterator[Manifest]:
    for kind in snapshot.kinds():
        if kind != "Event":
            yield from snapshot.of_kind(kind).values()


def _owners(manifest: Manifest) -> list[Manifest]:
    return manifest["metadata"].get("ownerReferences") or []


def _without_owner(snapshot: Snapshot, dependent: Manifest, uid: str, result: Result) -> None:
    """Delete it when all its owners are gone; else forget the one that is."""
    present = {found["metadata"]["uid"] for found in _objects(snapshot)}
    left = [owner for owner in _owners(dependent) if owner["uid"] in present]
    if left:
        kept = [owner for owner in _owners(dependent) if owner["uid"] != uid]
        result.add(Update(with_metadata(dependent, ownerReferences=kept)))
    elif not dependent["metadata"].get("deletionTimestamp"):
        result.add(Delete(dependent["kind"], key_of(dependent), dependent["metadata"]["uid"]))


def _foreground(owner: Manifest, dependents: list[Manifest], result: Result) -> None:
    """Dependents first; the owner goes when none that blocks it is left."""
    uid = owner["metadata"]["uid"]
    for dependent in dependents:
        if not dependent["metadata"].get("deletionTimestamp"):
            result.add(Delete(dependent["kind"], key_of(dependent), dependent["metadata"]["uid"]))
    blocking = [
        d for d in dependents if any(o["uid"] == uid and o.get("blockOwnerDeletion") for o in _owners(d))
    ]
    if not blocking:
        _drop_finalizer(owner, _FOREGROUND, result)


def _drop_finalizer(owner: Manifest, finalizer: str, result: Result) -> None:
    kept = [name for name in owner["metadata"]["finalizers"] if name != finalizer]
    result.add(Update(with_metadata(owner, finalizers=kept or None)))
