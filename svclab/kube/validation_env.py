"""The environment of containers: variables, and where their values come from.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (ValidateEnv, ValidateEnvFrom).
"""

import re
from typing import Any

from svclab.kube import quantity
from svclab.kube.selectors import key_problems
from svclab.kube.status import FieldError, invalid, not_supported, required
from svclab.kube.validation_meta import config_key, generated_prefix, label_name, subdomain_name, wrong

Manifest = dict[str, Any]

_ENV_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
VOLUME_FIELDS = (
    "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
)  # fmt: skip
_POD_FIELDS = frozenset({
    *_ENV_FIELDS, *VOLUME_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase",
})  # fmt: skip
_RESOURCES = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory",
)  # fmt: skip
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_BYTE_DIVISORS = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_NAME_RULE = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)


def validate_env(field: str, variables: list[Manifest]) -> list[FieldError]:
    """A container's env."""
    errors = []
    for index, variable in enumerate(variables):
        inner, name = f"{field}[{index}]", variable.get("name", "")
        errors += _variable_name(f"{inner}.name", name) if name else [required(f"{inner}.name")]
        if "valueFrom" in variable:
            errors += _value_from(f"{inner}.valueFrom", variable)
    return errors


def _variable_name(field: str, name: str) -> list[FieldError]:
    return [] if re.fullmatch(r"[ -<>-~]+", name) else [invalid(field, name, _NAME_RULE)]


def _value_from(field: str, variable: Manifest) -> list[FieldError]:
    source = variable["valueFrom"]
    errors: list[FieldError] = []
    if "fieldRef" in source:
        errors += validate_field_ref(f"{field}.fieldRef", source["fieldRef"], _ENV_FIELDS)
    if "resourceFieldRef" in source:
        errors += validate_resource_ref(f"{field}.resourceFieldRef", source["resourceFieldRef"])
    for name in ("configMapKeyRef", "secretKeyRef"):
        if name in source:
            errors += _key_ref(f"{field}.{name}", source[name])
    if "fileKeyRef" in source:
        errors += _file_key_ref(f"{field}.fileKeyRef", source["fileKeyRef"])
    if not source:
        known = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.append(invalid(field, "", f"must specify one of: {known}"))
    elif variable.get("value"):
        errors.append(invalid(field, "", "may not be specified when `value` is not empty"))
    elif len(source) > 1:
        errors.append(invalid(field, "", "may not have more than one field specified at a time"))
    return errors


def _key_ref(field: str, reference: Manifest) -> list[FieldError]:
    name, key = reference.get("name", ""), reference.get("key", "")
    errors = wrong(f"{field}.name", name, subdomain_name(name))
    if not key:
        return [*errors, required(f"{field}.key")]
    return errors + wrong(f"{field}.key", key, config_key(key))


def _file_key_ref(field: str, reference: Manifest) -> list[FieldError]:
    key, volume = reference.get("key", ""), reference.get("volumeName", "")
    path = reference.get("path", "")
    errors = _variable_name(f"{field}.key", key) if key else [required(f"{field}.key")]
    errors += (
        wrong(f"{field}.volumeName", volume, label_name(volume))
        if volume
        else [required(f"{field}.volumeName")]
    )
    if not path:
        errors.append(required(f"{field}.path"))
    elif ".." in path.split("/"):
        errors.append(invalid(f"{field}.path", path, "must not contain '..'"))
    return errors


def validate_field_ref(field: str, reference: Manifest, allowed: tuple[str, ...]) -> list[FieldError]:
    """A reference to one of the pod's own fields."""
    version, path = reference.get("apiVersion", ""), reference.get("fieldPath", "")
    if not version:
        return [required(f"{field}.apiVersion")]
    if not path:
        return [required(f"{field}.fieldPath")]
    subscripted = re.fullmatch(r"(.+?)\['(.*)'\]", path, re.DOTALL)
    if problem := _unconvertible(version, path, subscripted[1] if subscripted else None):
        return [invalid(f"{field}.fieldPath", path, f"error converting fieldPath: {problem}")]
    if subscripted:
        key = subscripted[2].lower() if subscripted[1] == "metadata.annotations" else subscripted[2]
        return wrong(field, key, key_problems(key))
    path = "spec.nodeName" if path == "spec.host" else path
    return [] if path in allowed else [not_supported(f"{field}.fieldPath", path, allowed)]


def _unconvertible(version: str, path: str, subscripted: str | None) -> str | None:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscripted is not None:
        maps = ("metadata.annotations", "metadata.labels")
        return None if subscripted in maps else f"field label does not support subscript: {path}"
    return None if path in _POD_FIELDS or path == "spec.host" else f"field label not supported: {path}"


def validate_resource_ref(
    field: str, reference: Manifest, *, needs_container: bool = False
) -> list[FieldError]:
    """A reference to what a container asks for or is held to."""
    resource = reference.get("resource", "")
    errors: list[FieldError] = []
    if needs_container and not reference.get("containerName"):
        errors.append(required(f"{field}.containerName"))
    elif not resource:
        errors.append(required(f"{field}.resource"))
    elif resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES):
        errors.append(not_supported(f"{field}.resource", resource, _RESOURCES))
    return errors + _divisor(f"{field}.divisor", resource, reference.get("divisor", "0"))


def _divisor(field: str, resource: str, divisor: str) -> list[FieldError]:
    if quantity.parse(divisor).amount == 0:
        return []
    given = quantity.canonical(divisor)
    if resource.endswith(".cpu"):
        why = "only divisor's values 1m and 1 are supported with the cpu resource"
        return [] if given in ("1m", "1") else [invalid(field, resource, why)]
    kinds = {".memory": "memory", ".ephemeral-storage": "local ephemeral storage"}
    kind = next((word for end, word in kinds.items() if resource.endswith(end)), None)
    if resource.startswith(_HUGE_PAGES):
        kind = "hugepages"
    if kind is None or given in _BYTE_DIVISORS:
        return []
    why = f"only divisor's values {', '.join(_BYTE_DIVISORS)} are supported with the {kind} resource"
    return [invalid(field, resource, why)]


def validate_env_from(field: str, sources: list[Manifest]) -> list[FieldError]:
    """A container's envFrom; what each source must name is said of the whole list."""
    errors = []
    for index, source in enumerate(sources):
        inner = f"{field}[{index}]"
        if prefix := source.get("prefix"):
            errors += _variable_name(f"{inner}.prefix", prefix)
        given = [name for name in ("configMapRef", "secretRef") if name in source]
        for name in given:
            errors += _whole(f"{inner}.{name}.name", source[name].get("name", ""))
        if not given:
            errors.append(invalid(field, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(given) > 1:
            errors.append(invalid(field, "", "may not have more than one field specified at a time"))
    return errors


def _whole(field: str, name: str) -> list[FieldError]:
    if not name:
        return [required(field)]
    return wrong(field, name, generated_prefix(subdomain_name)(name))
