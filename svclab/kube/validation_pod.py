"""What a pod and a pod template may say.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (ValidatePodSpec, ValidatePodCreate).
"""

import re
from typing import Any

from svclab.kube.selectors import key_problems
from svclab.kube.status import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid,
    not_supported,
    required,
    too_long,
)
from svclab.kube.validation_addresses import ip
from svclab.kube.validation_container import (
    host_ports_twice,
    validate_container,
    validate_resources,
    validate_restarts,
)
from svclab.kube.validation_meta import (
    Rule,
    annotations,
    choice,
    label_name,
    labels,
    object_meta,
    subdomain_name,
    wrong,
)
from svclab.kube.validation_probes import validate_probes
from svclab.kube.validation_scheduling import (
    validate_affinity,
    validate_gates,
    validate_spread_constraints,
    validate_tolerations,
)
from svclab.kube.validation_security import validate_pod_security
from svclab.kube.validation_volume import Volumes, validate_volumes

Manifest = dict[str, Any]

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
_MAX_NAMESERVERS, _MAX_SEARCHES, _MAX_SEARCH_CHARACTERS, _MAX_HOSTNAME = 3, 32, 2048, 64
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_UNDERSCORED = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*"
_UNDERSCORED_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{_UNDERSCORED}')"
)


def validate_pod(pod: Manifest) -> list[FieldError]:
    """Everything wrong with a pod."""
    spec, metadata = pod["spec"], pod["metadata"]
    errors = object_meta(metadata, subdomain_name, namespaced=True)
    errors += _deletion_cost("metadata.annotations", metadata.get("annotations", {}))
    errors += validate_pod_spec(spec, pod_name=metadata.get("name", ""), is_pod=True)
    for name in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(name, ())):
            errors += _image_padding(f"spec.{name}[{index}]", container)
    return errors


def validate_new_pod(pod: Manifest) -> list[FieldError]:
    """What a pod may not say at its birth, beside all that it never may."""
    errors, spec = validate_pod(pod), pod["spec"]
    if spec.get("ephemeralContainers"):
        errors.append(forbidden_field("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        why = "cannot be set until all schedulingGates have been cleared"
        errors.append(forbidden_field("spec.nodeName", why))
    return errors


def _image_padding(field: str, container: Manifest) -> list[FieldError]:
    image = container.get("image", "")
    if image == image.strip():
        return []
    return [invalid(f"{field}.image", image, "must not have leading or trailing whitespace")]


def _deletion_cost(field: str, annotations: Manifest) -> list[FieldError]:
    cost = annotations.get(_DELETION_COST)
    if cost is None or (re.fullmatch(r"-?(0|[1-9]\d*)", cost) and -(2**31) <= int(cost) < 2**31):
        return []
    return [invalid(f"{field}[{_DELETION_COST}]", cost, "must be a 32bit integer")]


def validate_template(field: str, template: Manifest, spec: Manifest) -> list[FieldError]:
    """Everything wrong with a pod template; `spec` is the pods', with what their owner adds."""
    metadata = template.get("metadata", {})
    errors = labels(f"{field}.labels", metadata.get("labels"))
    errors += annotations(f"{field}.annotations", metadata.get("annotations"))
    errors += _deletion_cost(f"{field}.annotations", metadata.get("annotations", {}))
    errors += validate_pod_spec(spec, f"{field}.spec")
    if spec.get("ephemeralContainers"):
        why = "ephemeral containers not allowed in pod template"
        errors.append(forbidden_field(f"{field}.spec.ephemeralContainers", why))
    return errors


def validate_pod_spec(
    spec: Manifest, field: str = "spec", pod_name: str = "", *, is_pod: bool = False
) -> list[FieldError]:
    """Everything wrong with a pod's spec that has its defaults."""
    volumes, errors = validate_volumes(f"{field}.volumes", spec.get("volumes", []), pod_name)
    errors += _containers(f"{field}.containers", spec, volumes)
    errors += _init_containers(f"{field}.initContainers", spec, volumes)
    errors += _ephemeral_containers(f"{field}.ephemeralContainers", spec, volumes)
    errors += validate_resources(f"{field}.resources", spec.get("resources", {}))
    errors += _host_network(f"{field}.containers", spec, is_pod=is_pod)
    errors += choice(f"{field}.restartPolicy", spec.get("restartPolicy"), _RESTART_POLICIES)
    errors += choice(f"{field}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    errors += labels(f"{field}.nodeSelector", spec.get("nodeSelector"))
    errors += validate_pod_security(f"{field}.securityContext", spec)
    errors += validate_affinity(f"{field}.affinity", spec.get("affinity", {}))
    errors += _dns_config(f"{field}.dnsConfig", spec)
    for index, gate in enumerate(spec.get("readinessGates", ())):
        word = gate.get("conditionType", "")
        errors += wrong(f"{field}.readinessGates[{index}].conditionType", word, key_problems(word))
    gates = [gate.get("name", "") for gate in spec.get("schedulingGates", ())]
    errors += validate_gates(f"{field}.schedulingGates", gates)
    errors += validate_spread_constraints(
        f"{field}.topologySpreadConstraints", spec.get("topologySpreadConstraints", [])
    )
    errors += _host_users(field, spec)
    return errors + _words(field, spec) + _file_volumes(field, spec)


def _containers(field: str, spec: Manifest, volumes: Volumes) -> list[FieldError]:
    containers = spec.get("containers", [])
    if not containers:
        return [required(field)]
    errors, names = [], set[str]()
    for index, container in enumerate(containers):
        inner, name = f"{field}[{index}]", container.get("name", "")
        errors += validate_container(inner, container, volumes, spec)
        if name in names:
            errors.append(duplicate(f"{inner}.name", name))
        names.add(name)
        errors += _probes(inner, container, spec)
        errors += validate_restarts(inner, container)
    return errors + host_ports_twice(field, containers)


def _probes(field: str, container: Manifest, spec: Manifest) -> list[FieldError]:
    grace, os = spec.get("terminationGracePeriodSeconds"), spec.get("os")
    return validate_probes(field, container, grace, None if os is None else os.get("name", ""))


def _init_containers(field: str, spec: Manifest, volumes: Volumes) -> list[FieldError]:
    errors: list[FieldError] = []
    names = {container.get("name") for container in spec.get("containers", ())}
    for index, container in enumerate(spec.get("initContainers", ())):
        inner, name = f"{field}[{index}]", container.get("name", "")
        errors += validate_container(inner, container, volumes, spec)
        errors += validate_restarts(inner, container)
        if name in names:
            errors.append(duplicate(f"{inner}.name", name))
        names |= {name} - {""}
        errors += host_ports_twice(field, [container])
        if container.get("restartPolicy") == "Always":
            errors += _probes(inner, container, spec)
            continue
        for probe in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if probe in container:
                why = "may not be set for init containers without restartPolicy=Always"
                errors.append(forbidden_field(f"{inner}.{probe}", why))
    return errors


def _ephemeral_containers(field: str, spec: Manifest, volumes: Volumes) -> list[FieldError]:
    errors: list[FieldError] = []
    others = {c.get("name") for kind in ("containers", "initContainers") for c in spec.get(kind, ())}
    names = set(others)
    for index, container in enumerate(spec.get("ephemeralContainers", ())):
        inner, name = f"{field}[{index}]", container.get("name", "")
        errors += validate_container(inner, container, volumes, spec) + _image_padding(inner, container)
        if name in names:
            errors.append(duplicate(f"{inner}.name", name))
        names.add(name)
        if (target := container.get("targetContainerName")) and target not in others:
            errors.append(FieldError("NotFound", f"{inner}.targetContainerName", target))
        errors += _not_for_debugging(inner, container)
    return errors


def _not_for_debugging(field: str, container: Manifest) -> list[FieldError]:
    why = "cannot be set for an Ephemeral Container"
    names = (
        "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe",
        "readinessProbe", "startupProbe", "lifecycle",
    )  # fmt: skip
    errors = [forbidden_field(f"{field}.{name}", why) for name in names if container.get(name)]
    for index, mount in enumerate(container.get("volumeMounts", ())):
        errors += [
            forbidden_field(f"{field}.volumeMounts[{index}].{name}", why)
            for name in ("subPath", "subPathExpr")
            if mount.get(name)
        ]
    return errors


def _host_network(field: str, spec: Manifest, *, is_pod: bool) -> list[FieldError]:
    if not spec.get("hostNetwork"):
        return []
    why = "must match `containerPort` when `hostNetwork` is true"
    return [
        invalid(f"{field}[{index}].ports[{number}].hostPort", port.get("hostPort", 0), why)
        for index, container in enumerate(spec.get("containers", ()))
        for number, port in enumerate(container.get("ports", ()))
        if (is_pod or port.get("hostPort")) and port.get("hostPort", 0) != port.get("containerPort", 0)
    ]


def _dns_config(field: str, spec: Manifest) -> list[FieldError]:
    config, none = spec.get("dnsConfig"), spec.get("dnsPolicy") == "None"
    if none and config is None:
        return [required(field, "must provide `dnsConfig` when `dnsPolicy` is None")]
    servers, searches = (config or {}).get("nameservers", []), (config or {}).get("searches", [])
    if none and not servers:
        why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        return [required(f"{field}.nameservers", why)]
    errors: list[FieldError] = []
    if len(servers) > _MAX_NAMESERVERS:
        why = f"must not have more than {_MAX_NAMESERVERS} nameservers"
        errors.append(invalid(f"{field}.nameservers", servers, why))
    for index, server in enumerate(servers):
        errors += ip(f"{field}.nameservers[{index}]", server)
    errors += _searches(f"{field}.searches", searches)
    for index, option in enumerate((config or {}).get("options", ())):
        if not option.get("name"):
            errors.append(required(f"{field}.options[{index}]", "must not be empty"))
    return errors


def _searches(field: str, searches: list[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(searches) > _MAX_SEARCHES:
        errors.append(invalid(field, searches, f"must not have more than {_MAX_SEARCHES} search paths"))
    if len(" ".join(searches)) > _MAX_SEARCH_CHARACTERS:
        limit = f"{_MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list"
        errors.append(invalid(field, searches, f"must not have more than {limit}"))
    for index, search in enumerate(searches):
        word = search.removesuffix(".")
        if search != ".":
            errors += wrong(f"{field}[{index}]", word, _search_problems(word))
    return errors


def _search_problems(word: str) -> list[str]:
    problems = ["must be no more than 253 characters"] if len(word) > 253 else []
    return problems if re.fullmatch(_UNDERSCORED, word) else [*problems, _UNDERSCORED_RULE]


def _host_users(field: str, spec: Manifest) -> list[FieldError]:
    if spec.get("hostUsers", True):
        return []
    names = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
    return [
        forbidden_field(f"{field}.{shown}", "when `hostUsers` is false")
        for name, shown in names
        if spec.get(name)
    ]


def _words(field: str, spec: Manifest) -> list[FieldError]:
    """The single words of a spec and what stands between them, in the server's order."""
    errors = _hostname_override(f"{field}.hostnameOverride", spec)
    for name in ("serviceAccountName", "nodeName"):
        errors += _named(f"{field}.{name}", spec.get(name), subdomain_name)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline < 2**31:
        why = f"must be between 1 and {2**31 - 1}, inclusive"
        errors.append(invalid(f"{field}.activeDeadlineSeconds", deadline, why))
    for name in ("hostname", "subdomain"):
        errors += _named(f"{field}.{name}", spec.get(name), label_name)
    errors += validate_tolerations(f"{field}.tolerations", spec.get("tolerations", []))
    for index, alias in enumerate(spec.get("hostAliases", ())):
        errors += _host_alias(f"{field}.hostAliases[{index}]", alias)
    errors += _named(f"{field}.priorityClassName", spec.get("priorityClassName"), subdomain_name)
    if (runtime := spec.get("runtimeClassName")) is not None:
        errors += wrong(f"{field}.runtimeClassName", runtime, subdomain_name(runtime))
    if (preemption := spec.get("preemptionPolicy")) is not None:
        errors += choice(f"{field}.preemptionPolicy", preemption, _PREEMPTION_POLICIES)
    return errors + _os(f"{field}.os", spec.get("os"))


def _named(field: str, word: str | None, rule: Rule) -> list[FieldError]:
    return wrong(field, word, rule(word)) if word else []


def _os(field: str, os: Manifest | None) -> list[FieldError]:
    if os is None:
        return []
    name = os.get("name", "")
    if not name:
        return [required(f"{field}.name")]
    return [] if name in ("linux", "windows") else [not_supported(field, name, ("linux", "windows"))]


def _hostname_override(field: str, spec: Manifest) -> list[FieldError]:
    name = spec.get("hostnameOverride")
    if name is None:
        return []
    errors = [
        forbidden_field(field, f"may not be specified when {other} is true")
        for other in ("setHostnameAsFQDN", "hostNetwork")
        if spec.get(other)
    ]
    if len(name) > _MAX_HOSTNAME:
        errors.append(too_long(field, _MAX_HOSTNAME))
    return errors + wrong(field, name, subdomain_name(name))


def _host_alias(field: str, alias: Manifest) -> list[FieldError]:
    errors = ip(f"{field}.ip", alias.get("ip", ""))
    for index, name in enumerate(alias.get("hostnames", ())):
        errors += wrong(f"{field}.hostnames[{index}]", name, subdomain_name(name))
    return errors


def _file_volumes(field: str, spec: Manifest) -> list[FieldError]:
    """Variables that are read from a file need it in an emptyDir."""
    volumes = {volume.get("name", ""): volume for volume in spec.get("volumes", ())}
    return [
        error
        for kind in ("initContainers", "containers", "ephemeralContainers")
        for index, container in enumerate(spec.get(kind, ()))
        for number, variable in enumerate(container.get("env", ()))
        for error in _file_volume(f"{field}.{kind}[{index}].env[{number}].valueFrom", variable, volumes)
    ]


def _file_volume(field: str, variable: Manifest, volumes: Volumes) -> list[FieldError]:
    reference = variable.get("valueFrom", {}).get("fileKeyRef")
    if reference is None:
        return []
    name, inner = reference.get("volumeName", ""), f"{field}.fileKeyRef.volumeName"
    if name not in volumes:
        return [FieldError("NotFound", inner, name)]
    if "emptyDir" in volumes[name]:
        return []
    return [invalid(inner, name, "referenced volume must be of type emptyDir")]
