"""What a container may say: names, ports, environment, mounts, resources, probes.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (validateContainerCommon and what it calls).
"""

import re
from typing import Any

from svclab.kube import quantity
from svclab.kube.selectors import key_problems
from svclab.kube.status import FieldError, duplicate, forbidden_field, invalid, not_supported, required
from svclab.kube.validation_meta import (
    choice,
    config_key,
    label_name,
    non_negative,
    port_name,
    port_number,
    port_or_name,
    wrong,
)

Manifest = dict[str, Any]
Volumes = dict[str, Manifest]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
_ENV_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_POD_FIELDS = frozenset({
    *_ENV_FIELDS, "metadata.annotations", "metadata.labels", "spec.hostname", "spec.restartPolicy",
    "spec.schedulerName", "status.phase", "status.nominatedNodeName", "spec.hostNetwork",
})  # fmt: skip
_STANDARD_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")


def validate_container(field: str, container: Manifest, volumes: Volumes) -> list[FieldError]:
    """What holds for containers of every sort."""
    name, image = container.get("name", ""), container.get("image", "")
    errors = wrong(f"{field}.name", name, label_name(name)) if name else [required(f"{field}.name")]
    if image != image.strip():
        errors.append(invalid(f"{field}.image", image, "must not have leading or trailing whitespace"))
    elif not image:
        errors.append(required(f"{field}.image"))
    errors += choice(
        f"{field}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGE_POLICIES
    )
    errors += _ports(f"{field}.ports", container.get("ports", ()))
    for index, variable in enumerate(container.get("env", ())):
        errors += _variable(f"{field}.env[{index}]", variable)
    for index, source in enumerate(container.get("envFrom", ())):
        errors += _env_from(f"{field}.envFrom[{index}]", source)
    errors += _mounts(f"{field}.volumeMounts", container.get("volumeMounts", ()), volumes)
    errors += choice(f"{field}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    errors += _resources(f"{field}.resources", container.get("resources", {}))
    return errors


def _ports(field: str, ports: list[Manifest]) -> list[FieldError]:
    errors, names = [], set[str]()
    for index, port in enumerate(ports):
        inner, name, number = f"{field}[{index}]", port.get("name", ""), port.get("containerPort", 0)
        if name and (problems := port_name(name)):
            errors += wrong(f"{inner}.name", name, problems)
        elif name and name in names:
            errors.append(duplicate(f"{inner}.name", name))
        elif name:
            names.add(name)
        errors += (
            port_number(f"{inner}.containerPort", number) if number else [required(f"{inner}.containerPort")]
        )
        if port.get("hostPort"):
            errors += port_number(f"{inner}.hostPort", port["hostPort"])
        errors += choice(f"{inner}.protocol", port.get("protocol"), _PROTOCOLS)
    return errors


def _variable(field: str, variable: Manifest) -> list[FieldError]:
    name = variable.get("name", "")
    errors: list[FieldError] = []
    if not name:
        errors.append(required(f"{field}.name"))
    elif not re.fullmatch(r"[ -<>-~]+", name):
        why = (
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        )
        errors.append(invalid(f"{field}.name", name, why))
    if "valueFrom" in variable:
        errors += _value_from(f"{field}.valueFrom", variable)
    return errors


def _value_from(field: str, variable: Manifest) -> list[FieldError]:
    source = variable["valueFrom"]
    given = [name for name in _SOURCES if name in source]
    errors: list[FieldError] = []
    if "fieldRef" in source:
        errors += _field_ref(f"{field}.fieldRef", source["fieldRef"])
    for name in ("configMapKeyRef", "secretKeyRef"):
        if name in source:
            key = source[name].get("key", "")
            errors += (
                wrong(f"{field}.{name}.key", key, config_key(key))
                if key
                else [required(f"{field}.{name}.key")]
            )
    if not given and "fileKeyRef" not in source:
        known = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.append(invalid(field, "", f"must specify one of: {known}"))
    if given and variable.get("value"):
        errors.append(invalid(field, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        errors.append(invalid(field, "", "may not have more than one field specified at a time"))
    return errors


def _field_ref(field: str, reference: Manifest) -> list[FieldError]:
    path = reference.get("fieldPath", "")
    if not path:
        return [required(f"{field}.fieldPath")]
    name = path.partition("[")[0]
    if name not in _POD_FIELDS:
        why = f"error converting fieldPath: field label not supported: {path}"
        return [invalid(f"{field}.fieldPath", path, why)]
    subscripted = re.fullmatch(r"metadata\.(labels|annotations)\['(.*)'\]", path)
    if subscripted:
        return wrong(field, subscripted[2], key_problems(subscripted[2].lower()))
    return [] if path in _ENV_FIELDS else [not_supported(f"{field}.fieldPath", path, _ENV_FIELDS)]


def _env_from(field: str, source: Manifest) -> list[FieldError]:
    given = [name for name in ("configMapRef", "secretRef") if name in source]
    errors = [required(f"{field}.{name}.name") for name in given if not source[name].get("name")]
    if not given:
        errors.append(invalid(field, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif len(given) > 1:
        errors.append(invalid(field, "", "may not have more than one field specified at a time"))
    return errors


def _mounts(field: str, mounts: list[Manifest], volumes: Volumes) -> list[FieldError]:
    errors, paths = [], set[str]()
    for index, mount in enumerate(mounts):
        inner, name, path = f"{field}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            errors.append(required(f"{inner}.name"))
        if name not in volumes:
            errors.append(FieldError("NotFound", f"{inner}.name", name))
        if not path:
            errors.append(required(f"{inner}.mountPath"))
        if path in paths:
            errors.append(invalid(f"{inner}.mountPath", path, "must be unique"))
        paths.add(path)
    return errors


def _resources(field: str, resources: Manifest) -> list[FieldError]:
    errors = []
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    for name, amount in limits.items():
        errors += _resource_name(f"{field}.limits[{name}]", name)
        errors += _amount(f"{field}.limits[{name}]", amount)
    for name, amount in requests.items():
        errors += _resource_name(f"{field}.requests[{name}]", name)
        errors += _amount(f"{field}.requests[{name}]", amount)
        errors += _within_limit(field, name, amount, limits.get(name))
    return errors


def _within_limit(field: str, name: str, amount: str, limit: str | None) -> list[FieldError]:
    overcommits = "/" not in name and not name.startswith("hugepages-")
    if limit is None:
        why = "Limit must be set for non overcommitable resources"
        return [] if overcommits else [required(f"{field}.limits", why)]
    asked, allowed = quantity.parse(amount).amount, quantity.parse(limit).amount
    if asked != allowed and not overcommits:
        return [invalid(f"{field}.requests", amount, f"must be equal to {name} limit of {limit}")]
    if asked > allowed:
        return [
            invalid(f"{field}.requests", amount, f"must be less than or equal to {name} limit of {limit}")
        ]
    return []


def _resource_name(field: str, name: str) -> list[FieldError]:
    if problems := key_problems(name):
        return wrong(field, name, problems)
    if "/" in name or name in _STANDARD_RESOURCES or name.startswith("hugepages-"):
        return []
    words = (
        "must be a standard resource type or fully qualified",
        "must be a standard resource for containers",
    )
    return [invalid(field, name, word) for word in words]


def _amount(field: str, amount: str) -> list[FieldError]:
    if quantity.parse(amount).amount >= 0:
        return []
    return [invalid(field, amount, "must be greater than or equal to 0")]


def validate_probes(field: str, container: Manifest) -> list[FieldError]:
    """Lifecycle hooks and the three probes."""
    errors = []
    for name, hook in container.get("lifecycle", {}).items():
        if isinstance(hook, dict):
            errors += _handler(f"{field}.lifecycle.{name}", hook)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(name)) is not None:
            errors += _probe(f"{field}.{name}", probe, must_succeed_once=name != "readinessProbe")
    return errors


def _probe(field: str, probe: Manifest, *, must_succeed_once: bool) -> list[FieldError]:
    errors = _handler(field, probe)
    for name in (
        "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
    ):  # fmt: skip
        errors += non_negative(f"{field}.{name}", probe.get(name))
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        errors.append(invalid(f"{field}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    if must_succeed_once and probe.get("successThreshold") != 1:
        errors.append(invalid(f"{field}.successThreshold", probe.get("successThreshold"), "must be 1"))
    elif not must_succeed_once and grace is not None:
        why = "must not be set for readinessProbes"
        errors.append(invalid(f"{field}.terminationGracePeriodSeconds", grace, why))
    return errors


def _handler(field: str, handler: Manifest) -> list[FieldError]:
    given = [name for name in _HANDLERS if name in handler]
    if not given:
        return [required(field, "must specify a handler type")]
    errors = _handler_fields(f"{field}.{given[0]}", given[0], handler[given[0]])
    for name in given[1:]:
        errors.append(forbidden_field(f"{field}.{name}", "may not specify more than 1 handler type"))
    return errors


def _handler_fields(field: str, name: str, action: Manifest) -> list[FieldError]:
    if name == "exec":
        return [] if action.get("command") else [required(f"{field}.command")]
    if name == "httpGet":
        return [
            *port_or_name(f"{field}.port", action.get("port", 0)),
            *choice(f"{field}.scheme", action.get("scheme"), ("HTTP", "HTTPS")),
        ]
    if name == "tcpSocket":
        return port_or_name(f"{field}.port", action.get("port", 0))
    return port_number(f"{field}.port", action.get("port", 0)) if name == "grpc" else []
