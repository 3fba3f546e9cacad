"""What a DELETE does to an object: gone at once, or marked and left to kubelet, garbage collector,
finalizers.

Source: apiserver registry/generic/registry/store.go and registry/rest/delete.go, pod strategy, 1.36.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from svclab.kube.meta import timestamp
from svclab.kube.resources import Resource
from svclab.kube.status import (
    FieldError,
    conflict_because,
    forbidden,
    invalid,
    invalid_object,
    not_supported,
)

Manifest = dict[str, Any]

_PROTECTED_NAMESPACES = ("default", "kube-system", "kube-public")
_POLICIES = ("Foreground", "Background", "Orphan", "nil")
_FINALIZER_OF = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a client may ask for: seconds of grace, fate of dependents, which very object it means, and
    whether it only tries."""

    grace_seconds: int | None = None
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False
    dependents_go: bool = False  # asked for in the old way, by orphanDependents=false

    @classmethod
    def read(cls, options: Manifest) -> "DeleteOptions":
        """From the body or the query of a DELETE. Raises Refusal (422)."""
        if errors := _option_errors(options):
            raise invalid_object("DeleteOptions", "meta.k8s.io", "", errors)
        policy = options.get("propagationPolicy", "")
        grace = options.get("gracePeriodSeconds")
        orphan = options.get("orphanDependents")
        if orphan is not None and not policy:
            policy = "Orphan" if orphan else "Background"
        conditions = options.get("preconditions", {})
        uid, version = conditions.get("uid", ""), conditions.get("resourceVersion", "")
        dry_run = bool(options.get("dryRun"))
        return cls(grace, policy, uid, version, dry_run=dry_run, dependents_go=orphan is False)


def _option_errors(options: Manifest) -> list[FieldError]:
    errors, policy = [], options.get("propagationPolicy")
    if policy is not None and options.get("orphanDependents") is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(invalid("propagationPolicy", policy, why))
    if policy is not None and policy not in _POLICIES[:3]:
        errors.append(not_supported("propagationPolicy", policy, _POLICIES))
    if set(options.get("dryRun", ())) - {"All"}:
        errors.append(not_supported("dryRun", options["dryRun"], ("All",)))
    return errors


def after_delete(
    resource: Resource, manifest: Manifest, options: DeleteOptions, now: datetime
) -> Manifest | None:
    """The object as a DELETE leaves it: None when it is gone, else marked with its deletionTimestamp.

    Deleting again may only shorten a pod's grace. Raises Refusal (403, 409).
    """
    name = manifest["metadata"]["name"]
    if resource.kind == "Namespace" and name in _PROTECTED_NAMESPACES:
        raise forbidden(resource, name, "this namespace may not be deleted")
    _check_preconditions(resource, manifest, options)
    grace = _grace(manifest, options.grace_seconds)
    finalizers = _finalizers(manifest, options.propagation)
    holders = finalizers + _namespace_finalizers(manifest)
    if grace == 0 and not holders:
        return None
    return _marked(manifest, finalizers, grace, now)


def _check_preconditions(resource: Resource, manifest: Manifest, options: DeleteOptions) -> None:
    metadata = manifest["metadata"]
    checks = (
        ("UID", options.uid, metadata.get("uid", ""), "deleted and then recreated"),
        ("ResourceVersion", options.resource_version, metadata.get("resourceVersion", ""), "modified"),
    )
    what = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = {"group": resource.group, "kind": resource.kind}
    for word, asked, stored, fate in checks:
        if not asked or asked == stored:
            continue
        if resource.kind == "Namespace":  # whose storage looks for itself
            why = f"Precondition failed: {word} in precondition: {asked}, {word} in object meta: {stored}"
            raise conflict_because(resource.plural, metadata["name"], why, {"kind": resource.plural})
        why = (
            f"the {word} in the precondition ({asked}) does not match the {word} in record ({stored}). "
            f"The object might have been {fate}"
        )
        raise conflict_because(what, metadata["name"], why, details)


def _grace(manifest: Manifest, asked: int | None) -> int:
    """Seconds until the kubelet must be done; only a pod that runs somewhere needs any."""
    if manifest["kind"] != "Pod":
        return 0
    spec, metadata = manifest["spec"], manifest["metadata"]
    if not spec.get("nodeName") or manifest.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    grace = spec.get("terminationGracePeriodSeconds", 30) if asked is None else asked
    grace = 1 if grace < 0 else grace
    return min(grace, metadata.get("deletionGracePeriodSeconds", grace))


def _finalizers(manifest: Manifest, propagation: str) -> list[str]:
    """The object's finalizers, with those by which the garbage collector is asked to see to dependents."""
    kept = [f for f in manifest["metadata"].get("finalizers", ()) if f not in _FINALIZER_OF.values()]
    wanted = _FINALIZER_OF.get(propagation)
    if wanted is None and not propagation:
        kept = list(manifest["metadata"].get("finalizers", ()))
    return [*kept, wanted] if wanted else kept


def _namespace_finalizers(manifest: Manifest) -> list[str]:
    return manifest.get("spec", {}).get("finalizers", []) if manifest["kind"] == "Namespace" else []


def _marked(manifest: Manifest, finalizers: list[str], grace: int, now: datetime) -> Manifest:
    metadata = dict(manifest["metadata"])
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    already = metadata.get("deletionTimestamp")
    if not already or metadata.get("deletionGracePeriodSeconds", 0) > grace:
        metadata["deletionTimestamp"] = timestamp(now + timedelta(seconds=grace))
        metadata["deletionGracePeriodSeconds"] = grace
        if "generation" in metadata:
            metadata["generation"] += 1
    marked = {**manifest, "metadata": metadata}
    if manifest["kind"] == "Namespace":
        marked["status"] = {**manifest.get("status", {}), "phase": "Terminating"}
    return marked
