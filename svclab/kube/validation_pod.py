"""What a pod's spec may say. Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (ValidatePodSpec)."""

from typing import Any

from svclab.kube.selectors import key_problems, value_problem
from svclab.kube.status import FieldError, duplicate, forbidden_field, invalid, not_supported, required
from svclab.kube.validation_addresses import ip
from svclab.kube.validation_container import Volumes, validate_container, validate_probes
from svclab.kube.validation_meta import choice, label_name, labels, subdomain_name, wrong

Manifest = dict[str, Any]

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_VOLUME_SOURCES_TEXT = """
    awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI emptyDir ephemeral fc
    flexVolume flocker gcePersistentDisk gitRepo glusterfs hostPath image iscsi nfs persistentVolumeClaim
    photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume
"""
_VOLUME_SOURCES = frozenset(_VOLUME_SOURCES_TEXT.split())
_MAX_NAMESERVERS, _MAX_SEARCHES = 3, 32


def validate_pod_spec(spec: Manifest, field: str = "spec") -> list[FieldError]:
    """Everything wrong with a pod's spec that has its defaults."""
    volumes, errors = _volumes(f"{field}.volumes", spec.get("volumes", ()))
    containers = spec.get("containers", ())
    if not containers:
        errors.append(required(f"{field}.containers"))
    errors += _containers(f"{field}.containers", containers, volumes)
    errors += _init_containers(field, spec, volumes)
    errors += choice(f"{field}.restartPolicy", spec.get("restartPolicy"), _RESTART_POLICIES)
    errors += choice(f"{field}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    errors += labels(f"{field}.nodeSelector", spec.get("nodeSelector"))
    errors += _host_ports(field, spec)
    errors += _dns_config(field, spec)
    errors += _words(field, spec)
    errors += _seconds(field, spec)
    for index, toleration in enumerate(spec.get("tolerations", ())):
        errors += _toleration(f"{field}.tolerations[{index}]", toleration)
    for index, alias in enumerate(spec.get("hostAliases", ())):
        errors += _host_alias(f"{field}.hostAliases[{index}]", alias)
    return errors


def _volumes(field: str, volumes: list[Manifest]) -> tuple[Volumes, list[FieldError]]:
    found: Volumes = {}
    errors: list[FieldError] = []
    for index, volume in enumerate(volumes):
        inner, name = f"{field}[{index}]", volume.get("name", "")
        sources = [source for source in volume if source in _VOLUME_SOURCES]
        errors += [
            forbidden_field(f"{inner}.{source}", "may not specify more than 1 volume type")
            for source in sources[1:]
        ]
        if not sources:
            errors.append(required(inner, "must specify a volume type"))
        errors += _volume_source(inner, volume)
        if not name:
            errors.append(required(f"{inner}.name"))
        else:
            errors += wrong(f"{inner}.name", name, label_name(name))
        if name in found:
            errors.append(duplicate(f"{inner}.name", name))
        found[name] = volume
    return found, errors


def _volume_source(field: str, volume: Manifest) -> list[FieldError]:
    needs = (("configMap", "name"), ("secret", "secretName"), ("hostPath", "path"),
             ("persistentVolumeClaim", "claimName"))  # fmt: skip
    return [
        required(f"{field}.{source}.{name}")
        for source, name in needs
        if source in volume and not volume[source].get(name)
    ]


def _containers(field: str, containers: list[Manifest], volumes: Volumes) -> list[FieldError]:
    errors, names = [], set[str]()
    for index, container in enumerate(containers):
        inner, name = f"{field}[{index}]", container.get("name", "")
        errors += validate_container(inner, container, volumes)
        if name in names:
            errors.append(duplicate(f"{inner}.name", name))
        elif name:
            names.add(name)
        errors += validate_probes(inner, container)
    return errors


def _init_containers(field: str, spec: Manifest, volumes: Volumes) -> list[FieldError]:
    errors: list[FieldError] = []
    names = {container.get("name") for container in spec.get("containers", ())}
    for index, container in enumerate(spec.get("initContainers", ())):
        inner, name = f"{field}.initContainers[{index}]", container.get("name", "")
        errors += validate_container(inner, container, volumes)
        if name in names:
            errors.append(duplicate(f"{inner}.name", name))
        names.add(name)
        if container.get("restartPolicy") == "Always":
            errors += validate_probes(inner, container)
            continue
        for probe in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if probe in container:
                why = "may not be set for init containers without restartPolicy=Always"
                errors.append(forbidden_field(f"{inner}.{probe}", why))
    return errors


def _host_ports(field: str, spec: Manifest) -> list[FieldError]:
    errors, seen = [], set[tuple[str, str, int]]()
    for index, container in enumerate(spec.get("containers", ())):
        for number, port in enumerate(container.get("ports", ())):
            if not port.get("hostPort"):
                continue
            inner = f"{field}.containers[{index}].ports[{number}]"
            key = (port.get("protocol", ""), port.get("hostIP", ""), port["hostPort"])
            if spec.get("hostNetwork") and port["hostPort"] != port.get("containerPort"):
                why = "must match `hostPort` when `hostNetwork` is true"
                errors.append(invalid(f"{inner}.containerPort", port.get("containerPort", 0), why))
            if key in seen:
                errors.append(duplicate(f"{inner}.hostPort", f"{key[0]}/{key[1]}/{key[2]}"))
            seen.add(key)
    return errors


def _dns_config(field: str, spec: Manifest) -> list[FieldError]:
    config, inner = spec.get("dnsConfig"), f"{field}.dnsConfig"
    none = spec.get("dnsPolicy") == "None"
    if config is None:
        why = "must provide `dnsConfig` when `dnsPolicy` is None"
        return [required(inner, why)] if none else []
    errors: list[FieldError] = []
    servers, searches = config.get("nameservers", ()), config.get("searches", ())
    if none and not servers:
        why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        errors.append(required(f"{inner}.nameservers", why))
    if len(servers) > _MAX_NAMESERVERS:
        why = f"must not have more than {_MAX_NAMESERVERS} nameservers"
        errors.append(invalid(f"{inner}.nameservers", list(servers), why))
    for index, server in enumerate(servers):
        errors += ip(f"{inner}.nameservers[{index}]", server)
    if len(searches) > _MAX_SEARCHES:
        why = f"must not have more than {_MAX_SEARCHES} search paths"
        errors.append(invalid(f"{inner}.searches", list(searches), why))
    for index, search in enumerate(searches):
        word = search.removesuffix(".") or search
        if search != ".":
            errors += wrong(f"{inner}.searches[{index}]", search, subdomain_name(word))
    for index, option in enumerate(config.get("options", ())):
        if not option.get("name"):
            errors.append(required(f"{inner}.options[{index}]", "must not be empty"))
    return errors


def _words(field: str, spec: Manifest) -> list[FieldError]:
    rules = (("serviceAccountName", subdomain_name), ("nodeName", subdomain_name), ("hostname", label_name),
             ("subdomain", label_name), ("priorityClassName", subdomain_name))  # fmt: skip
    errors = []
    for name, rule in rules:
        if word := spec.get(name):
            errors += wrong(f"{field}.{name}", word, rule(word))
    return errors


def _seconds(field: str, spec: Manifest) -> list[FieldError]:
    errors = []
    deadline, grace = spec.get("activeDeadlineSeconds"), spec.get("terminationGracePeriodSeconds")
    if deadline is not None and not 1 <= deadline < 2**31:
        why = f"must be between 1 and {2**31 - 1}, inclusive"
        errors.append(invalid(f"{field}.activeDeadlineSeconds", deadline, why))
    if grace is not None and grace < 0:
        why = "must be greater than or equal to 0"
        errors.append(invalid(f"{field}.terminationGracePeriodSeconds", grace, why))
    return errors


def _toleration(field: str, toleration: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    key, operator = toleration.get("key", ""), toleration.get("operator", "")
    if key:
        errors += wrong(f"{field}.key", key, key_problems(key))
    elif operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        errors.append(invalid(f"{field}.operator", operator, why))
    effect = toleration.get("effect", "")
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        errors.append(invalid(f"{field}.effect", effect, why))
    errors += _toleration_operator(field, toleration)
    if effect and effect not in _TAINT_EFFECTS:
        errors.append(not_supported(f"{field}.effect", effect, _TAINT_EFFECTS))
    return errors


def _toleration_operator(field: str, toleration: Manifest) -> list[FieldError]:
    operator, value = toleration.get("operator", ""), toleration.get("value", "")
    if operator in ("", "Equal"):
        problem = value_problem(value)
        return [invalid(f"{field}.operator", value, problem)] if problem else []
    if operator == "Exists":
        why = "value must be empty when `operator` is 'Exists'"
        return [invalid(f"{field}.operator", _go_toleration(toleration), why)] if value else []
    return [not_supported(f"{field}.operator", operator, ("Equal", "Exists"))]


def _go_toleration(toleration: Manifest) -> Manifest:
    """The server's own type, as it prints it."""
    names = {"Key": "key", "Operator": "operator", "Value": "value", "Effect": "effect"}
    words = {go: toleration.get(name, "") for go, name in names.items()}
    return {**words, "TolerationSeconds": toleration.get("tolerationSeconds")}


def _host_alias(field: str, alias: Manifest) -> list[FieldError]:
    errors = ip(f"{field}.ip", alias.get("ip", ""))
    for index, name in enumerate(alias.get("hostnames", ())):
        errors += wrong(f"{field}.hostnames[{index}]", name, subdomain_name(name))
    return errors


def validate_taint(field: str, taint: Manifest) -> list[FieldError]:
    """A node's taint."""
    key, value, effect = taint.get("key", ""), taint.get("value", ""), taint.get("effect", "")
    errors = wrong(f"{field}.key", key, key_problems(key))
    if problem := value_problem(value):
        errors.append(invalid(f"{field}.value", value, problem))
    if not effect:
        return [*errors, required(f"{field}.effect")]
    if effect not in _TAINT_EFFECTS:
        errors.append(not_supported(f"{field}.effect", effect, _TAINT_EFFECTS))
    return errors
