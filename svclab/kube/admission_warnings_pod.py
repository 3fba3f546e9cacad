"""Warnings about pods and pod templates: what is deprecated, given twice, or does nothing.

Source: k8s.io/kubernetes pkg/api/pod/warnings.go and pkg/api/node/util.go of 1.36.
"""

from collections.abc import Iterator
from typing import Any

from svclab.kube import quantity
from svclab.kube.admission_warnings_address import address_warnings
from svclab.kube.admission_warnings_volume import overlap_warnings
from svclab.kube.selectors import value_problems

Manifest = dict[str, Any]

_OLD_NODE_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region":
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone":
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type":
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods":
        "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}  # fmt: skip
_OLD_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod":
        'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls":
        'non-functional in v1.11+; use the "sysctls" field instead',
}  # fmt: skip
# Volume source -> (how the warning spells it, what is wrong with it).
_OLD_VOLUMES = {
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "gitRepo": ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "flocker": ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "quobyte": ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_OF = "container.seccomp.security.alpha.kubernetes.io/"
_NO_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_APP_ARMOR_OF = "container.apparmor.security.beta.kubernetes.io/"
_NO_APP_ARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead'
_NO_SELECTOR = "a null labelSelector results in matching no pod"


def pod_warnings(field: str, pod: Manifest) -> list[str]:
    """Warnings about a pod ("" before its fields) or a template ("spec.template.")."""
    spec, annotations = pod.get("spec", {}), pod.get("metadata", {}).get("annotations", {})
    secrets, inner = spec.get("imagePullSecrets", []), f"{field}spec"
    return [
        *_scheduling(inner, spec),
        *_annotations(f"{field}metadata.annotations", annotations),
        *_volumes(f"{inner}.volumes", spec.get("volumes", [])),
        *overlap_warnings(spec.get("volumes", [])),
        *_twice(f"{inner}.hostAliases", spec.get("hostAliases", []), "ip"),
        *_twice(f"{inner}.imagePullSecrets", secrets, "name"),
        *_unnamed(f"{inner}.imagePullSecrets", secrets),
        *_fractions(f"{inner}.overhead", spec.get("overhead", {})),
        *_old_seccomp(f"{field}metadata.annotations", annotations, spec),
        *_in_containers(field, annotations, spec),
        *_ports(inner, spec),
        *_port_names(inner, spec),
        *_grace(inner, spec),
        *_pod_affinity(f"{inner}.affinity", spec.get("affinity", {})),
        *_addresses(inner, spec),
    ]


def _containers(field: str, spec: Manifest) -> Iterator[tuple[str, Manifest]]:
    for name in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(name, ())):
            yield f"{field}.{name}[{index}]", container


def _scheduling(field: str, spec: Manifest) -> Iterator[str]:
    for key in spec.get("nodeSelector", {}):
        if key in _OLD_NODE_LABELS:
            yield f"{field}.nodeSelector[{key}]: {_OLD_NODE_LABELS[key]}"
    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    inner = f"{field}.affinity.nodeAffinity"
    for index, term in enumerate(affinity.get(_REQUIRED, {}).get("nodeSelectorTerms", ())):
        yield from _node_term(f"{inner}.{_REQUIRED}.nodeSelectorTerms[{index}]", term, values=False)
    for index, weighted in enumerate(affinity.get(_PREFERRED, ())):
        preference = f"{inner}.{_PREFERRED}[{index}].preference"
        yield from _node_term(preference, weighted.get("preference", {}), values=True)
    for index, constraint in enumerate(spec.get("topologySpreadConstraints", ())):
        place, key = f"{field}.topologySpreadConstraints[{index}]", constraint.get("topologyKey", "")
        if key in _OLD_NODE_LABELS:
            yield f"{place}.topologyKey: {key} is {_OLD_NODE_LABELS[key]}"
        if "labelSelector" not in constraint:
            yield f"{place}.labelSelector: {_NO_SELECTOR}"


def _node_term(field: str, term: Manifest, *, values: bool) -> Iterator[str]:
    for index, expression in enumerate(term.get("matchExpressions", ())):
        inner, key = f"{field}.matchExpressions[{index}]", expression.get("key", "")
        if key in _OLD_NODE_LABELS:
            yield f"{inner}.key: {key} is {_OLD_NODE_LABELS[key]}"
        for number, value in enumerate(expression.get("values", ()) if values else ()):
            for problem in value_problems(value):
                yield f"{inner}.values[{number}]: {value} is invalid, {problem}"


def _annotations(field: str, annotations: Manifest) -> Iterator[str]:
    for key, why in _OLD_ANNOTATIONS.items():
        if key in annotations:
            yield f"{field}[{key}]: {why}"


def _volumes(field: str, volumes: list[Manifest]) -> Iterator[str]:
    for index, volume in enumerate(volumes):
        for source, (spelt, why) in _OLD_VOLUMES.items():
            if source in volume:
                yield f"{field}[{index}].{spelt}: {why}"


def _twice(field: str, entries: list[Manifest], name: str) -> Iterator[str]:
    seen = set[str]()
    for index, entry in enumerate(entries):
        word = entry.get(name, "")
        if word in seen:
            yield f'{field}[{index}].{name}: duplicate {name} "{word}"'
        seen.add(word)


def _unnamed(field: str, secrets: list[Manifest]) -> Iterator[str]:
    for index, secret in enumerate(secrets):
        if not secret.get("name"):
            yield f'{field}[{index}].name: invalid empty name ""'


def _old_seccomp(field: str, annotations: Manifest, spec: Manifest) -> Iterator[str]:
    if _SECCOMP in annotations and "seccompProfile" not in spec.get("securityContext", {}):
        yield f"{field}[{_SECCOMP}]: {_NO_SECCOMP}"


def _in_containers(field: str, annotations: Manifest, spec: Manifest) -> Iterator[str]:
    for inner, container in _containers(f"{field}spec", spec):
        yield from _old_profiles(field, annotations, spec, container)
        for resource in ("memory", "ephemeral-storage"):
            for kind in ("limits", "requests"):
                amounts = container.get("resources", {}).get(kind, {})
                yield from _fraction(f"{inner}.resources.{kind}", amounts, resource)
        yield from _variables(f"{inner}.env", container.get("env", []))


def _old_profiles(field: str, annotations: Manifest, spec: Manifest, container: Manifest) -> Iterator[str]:
    """A container's profiles that annotations name. AppArmor's is told of in templates alone."""
    context, name = container.get("securityContext", {}), container.get("name", "")
    if f"{_SECCOMP_OF}{name}" in annotations and "seccompProfile" not in context:
        yield f"{field}metadata.annotations[{_SECCOMP_OF}{name}]: {_NO_SECCOMP}"
    confined = "appArmorProfile" in {*spec.get("securityContext", {}), *context}
    if field and f"{_APP_ARMOR_OF}{name}" in annotations and not confined:
        yield f"{field}metadata.annotations[{_APP_ARMOR_OF}{name}]: {_NO_APP_ARMOR}"


def _fractions(field: str, amounts: Manifest) -> Iterator[str]:
    for resource in ("memory", "ephemeral-storage"):
        yield from _fraction(field, amounts, resource)


def _fraction(field: str, amounts: Manifest, resource: str) -> Iterator[str]:
    amount = amounts.get(resource)
    if amount is not None and quantity.parse(amount).amount.denominator != 1:
        yield f'{field}[{resource}]: fractional byte value "{amount}" is invalid, must be an integer'


def _variables(field: str, variables: list[Manifest]) -> Iterator[str]:
    seen = set[str]()
    for index, variable in enumerate(variables):
        name, value = variable["name"], variable.get("value", "")
        builds_on_it = f"$({name})" in value and value != f"$({name})" and "valueFrom" not in variable
        if name in seen and not builds_on_it:
            why = f'hides previous definition of "{name}", which may be dropped when using apply'
            yield f"{field}[{index}]: {why}"
        seen.add(name)


def _ports(field: str, spec: Manifest) -> Iterator[str]:
    seen: dict[tuple[int, str], list[tuple[str, Manifest]]] = {}
    for inner, container in _containers(field, spec):
        for index, port in enumerate(container.get("ports", ())):
            place = f"{inner}.ports[{index}]"
            if port.get("hostIP") and not port.get("hostPort"):
                yield f"{place}: hostIP set without hostPort: {_go_port(port)}"
            key = (port.get("containerPort", 0), port.get("protocol", "TCP"))
            for where, other in seen.get(key, ()):
                if how := _clash(port, other):
                    yield f"{place}: {how} port definition with {where}"
            seen.setdefault(key, []).append((place, port))


def _port_names(field: str, spec: Manifest) -> Iterator[str]:
    """Of containers and sidecars."""
    seen: dict[str, str] = {}
    for inner, container in _containers(field, spec):
        if ".initContainers[" in inner and container.get("restartPolicy") != "Always":
            continue
        for index, port in enumerate(container.get("ports", ())):
            place, name = f"{inner}.ports[{index}]", port.get("name")
            if not name:
                continue
            if name not in seen:
                seen[name] = place
                continue
            first = seen[name]
            effect = f"services and probes that select ports by name will use {first}"
            yield f'{place}: duplicate port name "{name}" with {first}, {effect}'


def _clash(port: Manifest, other: Manifest) -> str | None:
    ours, theirs = port.get("hostPort", 0), other.get("hostPort", 0)
    own, foreign = port.get("hostIP", ""), other.get("hostIP", "")
    if (ours, own) == (theirs, foreign):
        return "duplicate"
    if not ours or not theirs:
        return "overlapping"
    return "dangerously ambiguous" if ours == theirs and bool(own) != bool(foreign) else None


def _go_port(port: Manifest) -> str:
    """The server's own type, as Go prints it."""
    return (
        f"{{Name:{port.get('name', '')} HostPort:{port.get('hostPort', 0)} "
        f"ContainerPort:{port.get('containerPort', 0)} Protocol:{port.get('protocol', '')} "
        f"HostIP:{port.get('hostIP', '')}}}"
    )


def _grace(field: str, spec: Manifest) -> Iterator[str]:
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        why = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{field}.terminationGracePeriodSeconds: {why}"


def _pod_affinity(field: str, affinity: Manifest) -> Iterator[str]:
    for name in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(name, {})
        for index, term in enumerate(terms.get(_REQUIRED, ())):
            if "labelSelector" not in term:
                yield f"{field}.{name}.{_REQUIRED}[{index}].labelSelector: {_NO_SELECTOR}"
        for index, weighted in enumerate(terms.get(_PREFERRED, ())):
            if "labelSelector" not in weighted.get("podAffinityTerm", {}):
                inner = f"{field}.{name}.{_PREFERRED}[{index}].podAffinityTerm"
                yield f"{inner}.labelSelector: {_NO_SELECTOR}"


def _addresses(field: str, spec: Manifest) -> Iterator[str]:
    for index, server in enumerate(spec.get("dnsConfig", {}).get("nameservers", ())):
        yield from address_warnings(f"{field}.dnsConfig.nameservers[{index}]", server)
    for index, alias in enumerate(spec.get("hostAliases", ())):
        yield from address_warnings(f"{field}.hostAliases[{index}].ip", alias.get("ip", ""))
