"""What of a pod may still change: images, deadlines, tolerations, and nothing else.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (ValidatePodUpdate).
"""

from copy import deepcopy
from typing import Any

from svclab.kube.status import FieldError, forbidden_field, invalid

Manifest = dict[str, Any]

_ALLOWED = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def validate_pod_update(new: Manifest, old: Manifest) -> list[FieldError]:
    """Everything wrong with changing a pod; one sentence covers all that may not change."""
    before, after = old["spec"], new["spec"]
    for name in ("containers", "initContainers"):
        if len(before.get(name, ())) != len(after.get(name, ())):
            return [forbidden_field(f"spec.{name}", "pod updates may not add or remove containers")]
    errors: list[FieldError] = []
    if not _only_added(before.get("tolerations", []), after.get("tolerations", [])):
        why = "existing toleration can not be modified except its tolerationSeconds"
        errors.append(forbidden_field("spec.tolerations", why))
    errors += _deadline(before.get("activeDeadlineSeconds"), after.get("activeDeadlineSeconds"))
    if _fixed(before) != _fixed(after):
        errors.append(forbidden_field("spec", f"{_ALLOWED}\n"))
    return errors


def _only_added(before: list[Manifest], after: list[Manifest]) -> bool:
    def shape(toleration: Manifest) -> Manifest:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}

    kept = [shape(toleration) for toleration in after]
    return all(shape(toleration) in kept for toleration in before)


def _deadline(before: int | None, after: int | None) -> list[FieldError]:
    if before is not None and (after is None or after > before):
        why = "must be less than or equal to previous value"
        return [invalid("spec.activeDeadlineSeconds", after, why)]
    return []


def _fixed(spec: Manifest) -> Manifest:
    """A pod's spec without what may change."""
    fixed = deepcopy(spec)
    for container in (*fixed.get("containers", ()), *fixed.get("initContainers", ())):
        container.pop("image", None)
    for name in ("activeDeadlineSeconds", "tolerations"):
        fixed.pop(name, None)
    return fixed
