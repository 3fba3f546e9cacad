"""What a container may say: names, ports, mounts, resources, restarts; its other parts have modules of their
own.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (validateContainerCommon and what it calls).
"""

from typing import Any

from svclab.kube import quantity
from svclab.kube.selectors import key_problems
from svclab.kube.status import FieldError, duplicate, forbidden_field, invalid, not_supported, required
from svclab.kube.validation_env import validate_env, validate_env_from
from svclab.kube.validation_meta import choice, label_name, port_name, port_number, wrong
from svclab.kube.validation_security import validate_container_security
from svclab.kube.validation_volume import Volumes, validate_devices, validate_mounts

Manifest = dict[str, Any]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_CONTAINER_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_STANDARD_TEXT = """
    requests.cpu requests.memory requests.ephemeral-storage limits.cpu limits.memory limits.ephemeral-storage
    pods resourcequotas services replicationcontrollers secrets configmaps persistentvolumeclaims storage
    requests.storage services.nodeports services.loadbalancers
"""
_STANDARD_RESOURCES = frozenset((*_CONTAINER_RESOURCES, *_STANDARD_TEXT.split()))
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_MOST_RESTART_RULES = 20


def validate_container(field: str, container: Manifest, volumes: Volumes, pod: Manifest) -> list[FieldError]:
    """What holds for containers of every sort, in pods and in templates; `pod` is the spec around it."""
    name, image = container.get("name", ""), container.get("image", "")
    errors = wrong(f"{field}.name", name, label_name(name)) if name else [required(f"{field}.name")]
    if not image:
        errors.append(required(f"{field}.image"))
    errors += choice(
        f"{field}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGE_POLICIES
    )
    errors += _ports(f"{field}.ports", container.get("ports", []))
    errors += validate_env(f"{field}.env", container.get("env", []))
    errors += validate_env_from(f"{field}.envFrom", container.get("envFrom", []))
    errors += validate_mounts(f"{field}.volumeMounts", container, volumes)
    errors += validate_devices(f"{field}.volumeDevices", container, volumes)
    errors += choice(f"{field}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    errors += validate_resources(f"{field}.resources", container.get("resources", {}))
    errors += _resize_policy(f"{field}.resizePolicy", container.get("resizePolicy", []), pod)
    host_users = pod.get("hostUsers", True)
    return errors + validate_container_security(
        f"{field}.securityContext", container.get("securityContext"), host_users
    )


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


def host_ports_twice(field: str, containers: list[Manifest]) -> list[FieldError]:
    """Ports of the node that two containers, or one twice, would listen on."""
    errors, seen = [], set[str]()
    for index, container in enumerate(containers):
        for number, port in enumerate(container.get("ports", ())):
            if not port.get("hostPort"):
                continue
            shown = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if shown in seen:
                errors.append(duplicate(f"{field}[{index}].ports[{number}].hostPort", shown))
            seen.add(shown)
    return errors


def validate_resources(field: str, resources: Manifest) -> list[FieldError]:
    """Requests and limits of a container or of a whole pod."""
    errors: list[FieldError] = []
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    for name, amount in limits.items():
        errors += _resource(f"{field}.limits[{name}]", name, amount)
    for name, amount in requests.items():
        errors += _resource(f"{field}.requests[{name}]", name, amount)
        errors += _within_limit(field, name, amount, limits.get(name))
    named = {*limits, *requests}
    if any(name.startswith("hugepages-") for name in named) and not {"cpu", "memory"} & named:
        errors.append(forbidden_field(field, "HugePages require cpu or memory"))
    return errors


def _within_limit(field: str, name: str, amount: str, limit: str | None) -> list[FieldError]:
    overcommits = _is_native(name) and not name.startswith("hugepages-")
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


def _is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def _resource(field: str, name: str, amount: str) -> list[FieldError]:
    errors = wrong(field, name, key_problems(name))
    if "/" not in name and not name.startswith("hugepages-"):
        if not errors and name not in _STANDARD_RESOURCES:
            errors.append(invalid(field, name, "must be a standard resource type or fully qualified"))
        if name not in _CONTAINER_RESOURCES:
            errors.append(invalid(field, name, "must be a standard resource for containers"))
    elif not _is_native(name) and (name.startswith("requests.") or key_problems(f"requests.{name}")):
        errors.append(invalid(field, name, "doesn't follow extended resource name standard"))
    return errors + _amount(field, name, amount) + _whole_pages(field, name, amount)


def _amount(field: str, name: str, amount: str) -> list[FieldError]:
    number = quantity.parse(amount).amount
    errors = [] if number >= 0 else [invalid(field, amount, "must be greater than or equal to 0")]
    if not _is_native(name) and (number * 1000) % 1000:
        errors.append(invalid(field, amount, "must be an integer"))
    return errors


def _whole_pages(field: str, name: str, amount: str) -> list[FieldError]:
    if not name.startswith("hugepages-") or _is_multiple(amount, name.removeprefix("hugepages-")):
        return []
    return [invalid(field, amount, f"{amount} is not positive integer multiple of {name}")]


def _is_multiple(amount: str, size: str) -> bool:
    try:
        page = quantity.parse(size).amount
    except ValueError:
        return False
    return page > 0 and not page % 1 and not quantity.parse(amount).amount % page


def _resize_policy(field: str, policies: list[Manifest], pod: Manifest) -> list[FieldError]:
    errors, seen = [], set[str]()
    for index, policy in enumerate(policies):
        name, restart = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if name in seen:
            errors.append(duplicate(f"{field}[{index}]", name))
        seen.add(name)
        errors += choice(field, name, ("cpu", "memory"))
        errors += choice(field, restart, ("NotRequired", "RestartContainer"))
        if pod.get("restartPolicy") == "Never" and restart != "NotRequired":
            why = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            errors.append(invalid(field, restart, why))
    return errors


def validate_restarts(field: str, container: Manifest) -> list[FieldError]:
    """A container's own restart policy and its rules."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules", [])
    errors: list[FieldError] = []
    if policy is None:
        if not rules:
            return []
        why = "must specify restartPolicy when restart rules are used"
        errors.append(required(f"{field}.restartPolicy", why))
    elif policy not in _RESTART_POLICIES:
        errors.append(not_supported(f"{field}.restartPolicy", policy, _RESTART_POLICIES))
    if len(rules) > _MOST_RESTART_RULES:
        why = f"may not be more than {_MOST_RESTART_RULES} bytes"
        errors.append(FieldError("TooLong", f"{field}.restartPolicyRules", detail=why))
    for index, rule in enumerate(rules):
        errors += _restart_rule(f"{field}.restartPolicyRules[{index}]", rule)
    return errors


def _restart_rule(field: str, rule: Manifest) -> list[FieldError]:
    action, codes = rule.get("action", ""), rule.get("exitCodes")
    errors = [] if action == "Restart" else [not_supported(f"{field}.action", action, ("Restart",))]
    if codes is None:
        return [*errors, required(f"{field}.exitCodes", "must be specified")]
    operator = codes.get("operator", "")
    if operator not in ("In", "NotIn"):
        errors.append(not_supported(f"{field}.exitCodes.operator", operator, ("In", "NotIn")))
    return errors
