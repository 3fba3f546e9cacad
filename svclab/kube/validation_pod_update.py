"""What of a pod may still change: images, deadlines, tolerations, and nothing else.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (ValidatePodUpdate).
"""

from copy import deepcopy
from typing import Any

from svclab.kube.admission_pod import qos_class
from svclab.kube.status import FieldError, forbidden_field, invalid, required

Manifest = dict[str, Any]

_ALLOWED = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def validate_pod_update(new: Manifest, old: Manifest) -> list[FieldError]:
    """Everything wrong with changing a pod; one sentence covers all that may not change."""
    before, after = old["spec"], new["spec"]
    errors: list[FieldError] = []
    for name in ("containers", "initContainers"):
        if len(before.get(name, ())) != len(after.get(name, ())):
            why = "pod updates may not add or remove containers"
            return [*errors, forbidden_field(f"spec.{name}", why)]
        errors += _images(f"spec.{name}", after.get(name, ()))
    deadline = _deadline(before.get("activeDeadlineSeconds"), after.get("activeDeadlineSeconds"))
    if deadline and after.get("activeDeadlineSeconds") is not None:
        return errors + deadline
    errors += deadline
    if not _only_added(before.get("tolerations", []), after.get("tolerations", [])):
        why = "existing toleration can not be modified except its tolerationSeconds"
        errors.append(forbidden_field("spec.tolerations", why))
    if qos_class(before) != qos_class(after):
        errors.append(invalid("metadata", old["status"].get("qosClass", ""), "Pod QoS is immutable"))
    if _fixed(before) != _fixed(after):
        errors.append(forbidden_field("spec", f"{_ALLOWED}\n"))
    return errors


def _images(field: str, containers: list[Manifest]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, container in enumerate(containers):
        image = container.get("image", "")
        if not image:
            errors.append(required(f"{field}[{index}].image"))
        if image != image.strip():
            why = "must not have leading or trailing whitespace"
            errors.append(invalid(f"{field}[{index}].image", image, why))
    return errors


def _only_added(before: list[Manifest], after: list[Manifest]) -> bool:
    def shape(toleration: Manifest) -> Manifest:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}

    kept = [shape(toleration) for toleration in after]
    return all(shape(toleration) in kept for toleration in before)


def _deadline(before: int | None, after: int | None) -> list[FieldError]:
    field = "spec.activeDeadlineSeconds"
    if after is None:
        why = "must not update from a positive integer to nil value"
        return [] if before is None else [invalid(field, None, why)]
    if not 0 <= after < 2**31:
        return [invalid(field, after, f"must be between 0 and {2**31 - 1}, inclusive")]
    if before is not None and before < after:
        return [invalid(field, after, "must be less than or equal to previous value")]
    return []


def _fixed(spec: Manifest) -> Manifest:
    """A pod's spec without what may change."""
    fixed = deepcopy(spec)
    for container in (*fixed.get("containers", ()), *fixed.get("initContainers", ())):
        container.pop("image", None)
    for name in ("activeDeadlineSeconds", "tolerations"):
        fixed.pop(name, None)
    return fixed
