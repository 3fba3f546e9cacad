"""The namespace controller: a namespace that is being deleted is emptied first, then it goes.

Source: kube-controller-manager 1.36, pkg/controller/namespace/deletion.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from svclab.kube.meta import moment, timestamp
from svclab.kube.reconcile import Change, Delete, Result, Update, with_status
from svclab.kube.resources import by_kind
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_FINALIZER = "kubernetes"
_GRACE = timedelta(seconds=5)  # namespaceDeletionGracePeriod: what is deleted with it may still be asked for


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """The namespace itself, and that of anything that goes or comes while it is terminating."""
    if change.kind == "Namespace":
        yield change.key
    elif change.key[0]:
        namespace = snapshot.get("Namespace", "", change.key[0])
        if namespace is not None and namespace["metadata"].get("deletionTimestamp"):
            yield ("", change.key[0])


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """Delete what is in it; once nothing is left, take the finalizer off."""
    result = Result()
    namespace = snapshot.get("Namespace", *key)
    if namespace is None or not (deleted := moment(namespace["metadata"].get("deletionTimestamp"))):
        return result
    if now < deleted + _GRACE:
        return result.again(deleted + _GRACE)
    content = [
        found
        for kind in sorted(snapshot.kinds())
        for found in snapshot.list(kind, namespace["metadata"]["name"])
    ]
    for found in content:
        if not found["metadata"].get("deletionTimestamp"):
            result.add(Delete(found["kind"], key_of(found), found["metadata"]["uid"]))
    remaining = [found for found in content if _stays(found)]
    if remaining:
        conditions = _conditions(namespace, remaining, now)
        status = {**namespace.get("status", {}), "phase": "Terminating", "conditions": conditions}
        if status != namespace.get("status"):
            result.add(Update(with_status(namespace, status)))
    elif _FINALIZER in (namespace["spec"].get("finalizers") or ()):
        kept = [name for name in namespace["spec"]["finalizers"] if name != _FINALIZER]
        spec = {key: value for key, value in namespace["spec"].items() if key != "finalizers"}
        result.add(Update({**namespace, "spec": spec | ({"finalizers": kept} if kept else {})}))
    return result


def _stays(manifest: Manifest) -> bool:
    """Whether an object outlasts its deletion: a pod that a kubelet must stop, anything with finalizers."""
    if manifest["metadata"].get("finalizers"):
        return True
    running = manifest["kind"] == "Pod" and manifest["spec"].get("nodeName")
    return bool(running) and manifest["status"].get("phase") not in ("Succeeded", "Failed")


def _conditions(namespace: Manifest, remaining: list[Manifest], now: datetime) -> list[dict[str, Any]]:
    counts: dict[str, int] = {}
    finalizers: dict[str, int] = {}
    for found in remaining:
        resource = by_kind(found["kind"])
        plural = (
            resource.qualified
            if resource is not None and resource.group
            else (f"{resource.plural}." if resource is not None else found["kind"])
        )
        counts[plural] = counts.get(plural, 0) + 1
        for finalizer in found["metadata"].get("finalizers") or ():
            finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
    some = ", ".join(f"{plural} has {n} resource instances" for plural, n in sorted(counts.items()))
    held = ", ".join(f"{name} in {n} resource instances" for name, n in sorted(finalizers.items()))
    rows = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        ("NamespaceContentRemaining", "True", "SomeResourcesRemain", f"Some resources are remaining: {some}"),
        (
            ("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", _held(held))
            if held
            else (
                "NamespaceFinalizersRemaining",
                "False",
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished",
            )
        ),
    ]
    before = {c["type"]: c for c in namespace.get("status", {}).get("conditions") or ()}
    return [_condition(before.get(row[0]), row, now) for row in rows]


def _held(held: str) -> str:
    return f"Some content in the namespace has finalizers remaining: {held}"


def _condition(
    before: dict[str, Any] | None, row: tuple[str, str, str, str], now: datetime
) -> dict[str, Any]:
    kind, status, reason, message = row
    since = (
        before["lastTransitionTime"] if before is not None and before["status"] == status else timestamp(now)
    )
    return {"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}
