"""The service account controller: every active namespace has a ServiceAccount named default."""

from collections.abc import Iterable
from datetime import datetime

from svclab.kube.reconcile import Change, Create, Result
from svclab.kube.snapshot import Key, Snapshot
from svclab.linux.dice import Dice


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """The namespace that is new, or whose ServiceAccount has gone."""
    if change.kind == "Namespace":
        yield change.key
    elif change.kind == "ServiceAccount" and change.new is None:
        yield ("", change.key[0])


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """Create it where it is missing."""
    result = Result()
    namespace = snapshot.get("Namespace", *key)
    if namespace is None or namespace["metadata"].get("deletionTimestamp"):
        return result
    if snapshot.get("ServiceAccount", key[1], "default") is None:
        metadata = {"name": "default", "namespace": key[1]}
        result.add(Create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}))
    return result
