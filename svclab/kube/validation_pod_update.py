"""What of a pod may still change: images, deadlines, tolerations, and nothing else.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (ValidatePodUpdate).
"""

from copy import deepcopy
from typing import Any

from svclab.kube.status import NIL, FieldError, forbidden_field, go_quote, invalid, required
from svclab.kube.validation_pod import validate_pod
from svclab.kube.validation_scheduling import validate_tolerations

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
    errors += _tolerations(before.get("tolerations", []), after.get("tolerations", []))
    errors += _gates(before.get("schedulingGates", []), after.get("schedulingGates", []))
    if _fixed(before) != _fixed(after):
        errors.append(forbidden_field("spec", f"{_ALLOWED}\n"))
    return errors


def validate_ephemeral_containers(new: Manifest, old: Manifest) -> list[FieldError]:
    """Everything wrong with a pod that gets containers to debug it; those that it has stay as they are."""
    errors, field = validate_pod(new), "spec.ephemeralContainers"
    after = {container["name"]: container for container in new["spec"].get("ephemeralContainers", ())
             if container.get("name")}  # fmt: skip
    for container in old["spec"].get("ephemeralContainers", ()):
        name = go_quote(container["name"])
        if container["name"] not in after:
            errors.append(
                forbidden_field(field, f"existing ephemeral containers {name} may not be removed\n")
            )
        elif after[container["name"]] != container:
            errors.append(
                forbidden_field(field, f"existing ephemeral containers {name} may not be changed\n")
            )
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


def _tolerations(before: list[Manifest], after: list[Manifest]) -> list[FieldError]:
    """Tolerations may be added; those that are there keep all but their seconds."""

    def shape(toleration: Manifest) -> Manifest:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}

    kept = [shape(toleration) for toleration in after]
    if all(shape(toleration) in kept for toleration in before):
        return validate_tolerations("spec.tolerations", after)
    why = "existing toleration can not be modified except its tolerationSeconds"
    return [forbidden_field("spec.tolerations", why)]


def _gates(before: list[Manifest], after: list[Manifest]) -> list[FieldError]:
    """Scheduling gates may only go."""
    return [
        forbidden_field(
            f"spec.schedulingGates[{index}].name",
            f"only deletion is allowed, but found new scheduling gate '{gate.get('name', '')}'",
        )
        for index, gate in enumerate(after)
        if gate.get("name") not in [known.get("name") for known in before]
    ]


def _deadline(before: int | None, after: int | None) -> list[FieldError]:
    field = "spec.activeDeadlineSeconds"
    if after is None:
        why = "must not update from a positive integer to nil value"
        return [] if before is None else [invalid(field, NIL, why)]
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
    for name in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        fixed.pop(name, None)
    return fixed
