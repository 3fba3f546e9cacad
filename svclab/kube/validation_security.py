"""Security contexts of pods and of containers.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (validatePodSpecSecurityContext,
ValidateSecurityContext); privileged containers are allowed, as by a kubeadm cluster.
"""

import re
from typing import Any

from svclab.kube.status import FieldError, duplicate, invalid, not_supported, required, too_long
from svclab.kube.validation_volume import descending_path

Manifest = dict[str, Any]

_MAX_ID = 2**31 - 1
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_PROC_MOUNTS = ("Default", "Unmasked")
_PATH_BYTES = 4095
_SYSCTL_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = rf"({_SYSCTL_SEGMENT}[\./])*{_SYSCTL_SEGMENT}"
_MAX_SYSCTL = 253
# The fields of the server's own type, in its order.
_CONTEXT_FIELDS = (
    "Capabilities", "Privileged", "SELinuxOptions", "WindowsOptions", "RunAsUser", "RunAsGroup",
    "RunAsNonRoot", "ReadOnlyRootFilesystem", "AllowPrivilegeEscalation", "ProcMount", "SeccompProfile",
    "AppArmorProfile",
)  # fmt: skip
_JSON_NAMES = {"SELinuxOptions": "seLinuxOptions"}


def validate_pod_security(field: str, spec: Manifest) -> list[FieldError]:
    """A pod's securityContext."""
    context = spec.get("securityContext", {})
    errors: list[FieldError] = []
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        errors += _id(f"{field}.{name}", context.get(name))
    for index, group in enumerate(context.get("supplementalGroups", ())):
        errors += _id(f"{field}.supplementalGroups[{index}]", group)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(f"{field}.shareProcessNamespace", True, why))
    errors += _sysctls(f"{field}.sysctls", context.get("sysctls", []), spec)
    errors += _word(f"{field}.fsGroupChangePolicy", context, ("Always", "OnRootMismatch"))
    errors += _seccomp(f"{field}.seccompProfile", context.get("seccompProfile"))
    errors += _app_armor(f"{field}.appArmorProfile", context.get("appArmorProfile"))
    errors += _word(f"{field}.supplementalGroupsPolicy", context, ("Merge", "Strict"))
    return errors + _word(f"{field}.seLinuxChangePolicy", context, ("MountOption", "Recursive"))


def _word(field: str, context: Manifest, allowed: tuple[str, ...]) -> list[FieldError]:
    word = context.get(field.rpartition(".")[2])
    return [] if word is None or word in allowed else [not_supported(field, word, allowed)]


def _id(field: str, number: int | None) -> list[FieldError]:
    if number is None or 0 <= number <= _MAX_ID:
        return []
    return [invalid(field, number, f"must be between 0 and {_MAX_ID}, inclusive")]


def _sysctls(field: str, sysctls: list[Manifest], spec: Manifest) -> list[FieldError]:
    errors, names = [], set[str]()
    for index, sysctl in enumerate(sysctls):
        inner, name = f"{field}[{index}].name", sysctl.get("name", "")
        if not name:
            errors.append(required(inner))
        elif len(name) > _MAX_SYSCTL or not re.fullmatch(_SYSCTL, name):
            why = f"must have at most {_MAX_SYSCTL} characters and match regex ^{_SYSCTL}$"
            errors.append(invalid(inner, name, why))
        elif name in names:
            errors.append(duplicate(inner, name))
        names.add(name)
        if spec.get("hostNetwork") and name.startswith(("net.", "net/")):
            errors.append(invalid(inner, name, "may not be specified when 'hostNetwork' is true"))
    return errors


def _seccomp(field: str, profile: Manifest | None) -> list[FieldError]:
    if profile is None:
        return []
    type_, local = profile.get("type", ""), profile.get("localhostProfile")
    errors: list[FieldError] = []
    if not type_:
        errors.append(required(f"{field}.type", "type is required when seccompProfile is set"))
    elif type_ not in _PROFILES:
        errors.append(not_supported(f"{field}.type", type_, _PROFILES))
    if type_ == "Localhost":
        if local is None:
            why = "must be set when seccomp type is Localhost"
            return [*errors, required(f"{field}.localhostProfile", why)]
        return errors + descending_path(f"{field}.localhostProfile", local)
    if local is not None:
        shown = {"Type": type_, "LocalhostProfile": local}
        why = "can only be set when seccomp type is Localhost"
        errors.append(invalid(f"{field}.localhostProfile", shown, why))
    return errors


def _app_armor(field: str, profile: Manifest | None) -> list[FieldError]:
    if profile is None:
        return []
    type_, local, inner = (
        profile.get("type", ""),
        profile.get("localhostProfile"),
        f"{field}.localhostProfile",
    )
    if type_ == "Localhost":
        return _app_armor_path(inner, local)
    if type_ in _PROFILES:
        why = "can only be set when AppArmor type is Localhost"
        return [] if local is None else [invalid(inner, local, why)]
    if not type_:
        return [required(f"{field}.type", "type is required when appArmorProfile is set")]
    return [not_supported(f"{field}.type", type_, _PROFILES)]


def _app_armor_path(field: str, path: str | None) -> list[FieldError]:
    if path is None:
        return [required(field, "must be set when AppArmor type is Localhost")]
    errors: list[FieldError] = []
    if path != path.strip():
        errors.append(invalid(field, path, "must not be padded with whitespace"))
    elif not path:
        errors.append(required(field, "must be set when AppArmor type is Localhost"))
    return [*errors, too_long(field, _PATH_BYTES)] if len(path.encode()) > _PATH_BYTES else errors


def validate_container_security(field: str, context: Manifest | None, host_users: bool) -> list[FieldError]:
    """A container's securityContext; `host_users`: the pod shares the node's user ids."""
    if context is None:
        return []
    errors = _id(f"{field}.runAsUser", context.get("runAsUser"))
    errors += _id(f"{field}.runAsGroup", context.get("runAsGroup"))
    errors += _word(f"{field}.procMount", context, _PROC_MOUNTS)
    if context.get("procMount") == "Unmasked" and host_users:
        why = "`hostUsers` must be false to use `Unmasked`"
        errors.append(invalid(f"{field}.procMount", "Unmasked", why))
    errors += _seccomp(f"{field}.seccompProfile", context.get("seccompProfile"))
    errors += _escalation(field, context)
    return errors + _app_armor(f"{field}.appArmorProfile", context.get("appArmorProfile"))


def _escalation(field: str, context: Manifest) -> list[FieldError]:
    if context.get("allowPrivilegeEscalation") is not False:
        return []
    errors: list[FieldError] = []
    if context.get("privileged"):
        why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        errors.append(invalid(field, _go_context(context), why))
    for capability in context.get("capabilities", {}).get("add", ()):
        if capability == "CAP_SYS_ADMIN":
            why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid(field, _go_context(context), why))
    return errors


def _go_context(context: Manifest) -> Manifest:
    """The server's own type, as it prints it."""
    shown = {name: _go_struct(context.get(_JSON_NAMES.get(name, name[0].lower() + name[1:])))
             for name in _CONTEXT_FIELDS}  # fmt: skip
    if shown["Capabilities"] is not None:
        shown["Capabilities"] = {name: shown["Capabilities"].get(name) for name in ("Add", "Drop")}
    return shown


def _go_struct(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key[0].upper() + key[1:]: inner for key, inner in value.items()}
