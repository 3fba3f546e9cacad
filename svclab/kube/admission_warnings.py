"""Warnings that go out with a write: legal, but probably not what was meant.

Source: k8s.io/kubernetes pkg/api/{pod,service}/warnings.go and the registries' strategies, 1.36.
"""

from typing import Any

from svclab.kube.admission_service import service_warnings
from svclab.kube.validation_meta import label_name

Manifest = dict[str, Any]

ENDPOINTS_WARNING = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
_IN_POD_NAMES = (
    "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; "
    "a DNS label is recommended"
)
_IS_HOSTNAME = (
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
    "a DNS label is recommended"
)


def warnings_of(manifest: Manifest, old: Manifest | None = None) -> list[str]:
    """What the server says about an object that it has accepted."""
    kind = manifest["kind"]
    if kind == "Service":
        return service_warnings(manifest)
    if kind == "EndpointSlice" and manifest.get("addressType") == "FQDN":
        return ["spec.addressType: FQDN endpoints are deprecated"]
    if kind == "Pod":
        name = [] if old else _name_warnings(manifest, _IS_HOSTNAME)
        return name + _pod_spec(manifest["spec"], "spec")
    if kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"):
        name = [] if old or kind == "DaemonSet" else _name_warnings(manifest, _IN_POD_NAMES)
        return name + _pod_spec(manifest["spec"]["template"]["spec"], "spec.template.spec")
    if kind == "Ingress" and "kubernetes.io/ingress.class" in manifest["metadata"].get("annotations", {}):
        return [
            'annotation "kubernetes.io/ingress.class" is deprecated, please use '
            "'spec.ingressClassName' instead"
        ]
    return []


def _name_warnings(manifest: Manifest, words: str) -> list[str]:
    problems = label_name(manifest["metadata"]["name"])
    return [f"{words}: [{' '.join(problems)}]"] if problems else []


def _pod_spec(spec: Manifest, field: str) -> list[str]:
    warnings = []
    for index, container in enumerate(spec.get("containers", ())):
        warnings += _twice_in_env(container, f"{field}.containers[{index}]")
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        why = "must be >= 0; negative values are invalid and will be treated as 1"
        warnings.append(f"{field}.terminationGracePeriodSeconds: {why}")
    return warnings + _ports_twice(spec, field)


def _twice_in_env(container: Manifest, field: str) -> list[str]:
    warnings, seen = [], set[str]()
    for index, variable in enumerate(container.get("env", ())):
        name = variable["name"]
        if name in seen:
            why = f'hides previous definition of "{name}", which may be dropped when using apply'
            warnings.append(f"{field}.env[{index}]: {why}")
        seen.add(name)
    return warnings


def _ports_twice(spec: Manifest, field: str) -> list[str]:
    warnings, seen = [], dict[tuple[int, str], str]()
    for index, container in enumerate(spec.get("containers", ())):
        for number, port in enumerate(container.get("ports", ())):
            key = (port["containerPort"], port.get("protocol", "TCP"))
            where = f"{field}.containers[{index}].ports[{number}]"
            if key in seen:
                warnings.append(f"{where}: duplicate port definition with {seen[key]}")
            seen.setdefault(key, where)
    return warnings
