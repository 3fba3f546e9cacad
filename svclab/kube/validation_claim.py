"""What a template of a persistent volume claim may say, in a StatefulSet and in a pod's ephemeral volume.

Source: k8s.io/kubernetes pkg/apis/core/validation, ValidatePersistentVolumeClaimSpec.
"""

from typing import Any

from svclab.kube import quantity
from svclab.kube.status import FieldError, forbidden_field, invalid, not_supported, required
from svclab.kube.validation_meta import annotations, choice, label_selector, labels, subdomain_name, wrong

Manifest = dict[str, Any]

_ALONE = "ReadWriteOncePod"
_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", _ALONE)


def claim_template(field: str, template: Manifest) -> list[FieldError]:
    """Everything wrong with an ephemeral volume's template; of its metadata two maps count."""
    metadata = template.get("metadata", {})
    return [
        *annotations(f"{field}.metadata.annotations", metadata.get("annotations")),
        *labels(f"{field}.metadata.labels", metadata.get("labels")),
        *claim_spec(f"{field}.spec", template.get("spec", {})),
    ]


def claim_spec(field: str, spec: Manifest) -> list[FieldError]:
    """Everything wrong with what a claim asks for."""
    errors = []
    if not spec.get("accessModes"):
        errors.append(required(f"{field}.accessModes", "at least 1 access mode is required"))
    errors += label_selector(f"{field}.selector", spec.get("selector"))
    errors += _access_modes(f"{field}.accessModes", spec.get("accessModes", ()))
    errors += _storage(f"{field}.resources[storage]", spec.get("resources", {}).get("requests", {}))
    errors += _class_name(f"{field}.storageClassName", spec.get("storageClassName", ""))
    errors += choice(f"{field}.volumeMode", spec.get("volumeMode"), ("Block", "Filesystem"), needed=False)
    return errors + _class_name(
        f"{field}.volumeAttributesClassName", spec.get("volumeAttributesClassName", "")
    )


def _access_modes(field: str, modes: list[str]) -> list[FieldError]:
    errors = [not_supported(field, mode, _MODES) for mode in modes if mode not in _MODES]
    if _ALONE in modes and any(mode in _MODES and mode != _ALONE for mode in modes):
        errors.append(forbidden_field(field, f"may not use {_ALONE} with other access modes"))
    return errors


def _storage(field: str, requests: Manifest) -> list[FieldError]:
    amount = requests.get("storage")
    if amount is None:
        return [required(field)]
    return [] if quantity.parse(amount).amount > 0 else [invalid(field, amount, "must be greater than zero")]


def _class_name(field: str, name: str) -> list[FieldError]:
    return wrong(field, name, subdomain_name(name)) if name else []
