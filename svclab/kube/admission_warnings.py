"""Warnings that go out with a write: legal, but probably not what was meant.

Source: k8s.io/kubernetes pkg/api/service/warnings.go and the registries' strategies, 1.36.
"""

import base64
from collections.abc import Callable
from typing import Any

from svclab.kube.admission_warnings_address import address_warnings
from svclab.kube.admission_warnings_pod import pod_warnings
from svclab.kube.allocation import is_headless
from svclab.kube.validation_meta import label_name

Manifest = dict[str, Any]

# Said to whoever touches these kinds, whatever is done with them.
DEPRECATED_KINDS = {
    "Endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    "ComponentStatus": "v1 ComponentStatus is deprecated in v1.19+",
}
_IN_POD_NAMES = (
    "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; "
    "a DNS label is recommended"
)
_IS_HOSTNAME = (
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
    "a DNS label is recommended"
)
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_CLASS = "kubernetes.io/ingress.class"
_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"


def warnings_of(manifest: Manifest, old: Manifest | None = None) -> list[str]:
    """What the server says about an object that it has accepted."""
    warn = _WARNINGS.get(manifest["kind"])
    return warn(manifest, old) if warn is not None else []


def _service(service: Manifest, _: Manifest | None) -> list[str]:
    spec, warnings = service["spec"], []
    if _HINTS in service["metadata"].get("annotations", {}):
        warnings.append(f"annotation {_HINTS} is deprecated, please use {_MODE} instead")
    headless, outside = is_headless(spec), spec.get("externalIPs", [])
    if headless:
        warnings += _ignored_when_headless(spec)
    for index, address in enumerate(outside):
        warnings += address_warnings(f"spec.externalIPs[{index}]", address)
    if outside and not headless and spec.get("type") != "ExternalName":
        warnings.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    warnings += address_warnings("spec.loadBalancerIP", spec.get("loadBalancerIP", ""))
    return warnings + _ignored_for_type(spec)


def _ignored_when_headless(spec: Manifest) -> list[str]:
    warnings = []
    if spec.get("loadBalancerIP"):
        warnings.append("spec.loadBalancerIP is ignored for headless services")
    if spec.get("externalIPs"):
        warnings.append("spec.externalIPs is ignored for headless services")
    if spec.get("sessionAffinity") != "None":
        warnings.append("spec.SessionAffinity is ignored for headless services")
    return warnings


def _ignored_for_type(spec: Manifest) -> list[str]:
    warnings = []
    if spec.get("type") == "ExternalName" and spec.get("externalIPs"):
        warnings.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if spec.get("type") != "ExternalName" and spec.get("externalName"):
        warnings.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        warnings.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return warnings


def _endpoint_slice(slice_: Manifest, _: Manifest | None) -> list[str]:
    if slice_.get("addressType") == "FQDN":
        return ["spec.addressType: FQDN endpoints are deprecated"]
    return []


def _ingress(ingress: Manifest, old: Manifest | None) -> list[str]:
    annotated = _CLASS in ingress["metadata"].get("annotations", {})
    if old is not None or not annotated or "ingressClassName" in ingress.get("spec", {}):
        return []
    return [f"annotation \"{_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"]


def _pod(pod: Manifest, old: Manifest | None) -> list[str]:
    """A pod is only warned of when it is made."""
    if old is not None:
        return []
    return _name_warnings(pod, _IS_HOSTNAME) + pod_warnings("", pod)


def _workload(workload: Manifest, old: Manifest | None) -> list[str]:
    warnings = []
    if old is None and workload["kind"] in ("Deployment", "ReplicaSet"):
        warnings = _name_warnings(workload, _IN_POD_NAMES)
    if old is None or old["metadata"].get("generation") != workload["metadata"].get("generation"):
        warnings += pod_warnings("spec.template.", workload["spec"]["template"])
    if workload["kind"] == "StatefulSet" and workload["spec"].get("revisionHistoryLimit", 0) < 0:
        why = "a negative value retains all historical revisions; a value >= 0 is recommended"
        warnings.append(f"spec.revisionHistoryLimit: {why}")
    return warnings


def _name_warnings(manifest: Manifest, words: str) -> list[str]:
    problems = label_name(manifest["metadata"]["name"])
    return [f"{words}: [{' '.join(problems)}]"] if problems else []


def _secret(secret: Manifest, _: Manifest | None) -> list[str]:
    """A certificate that is none; whether a key fits its certificate is not looked at here."""
    if secret.get("type") != "kubernetes.io/tls":
        return []
    for key, what in (("tls.crt", "certificate"), ("tls.key", "key")):
        if b"-----BEGIN " not in base64.b64decode(secret.get("data", {}).get(key, "")):
            return [f"tls: failed to find any PEM data in {what} input"]
    return []


def _service_account(account: Manifest, _: Manifest | None) -> list[str]:
    if _MOUNTABLE not in account["metadata"].get("annotations", {}):
        return []
    why = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{_MOUNTABLE}]: {why}"]


_WARNINGS: dict[str, Callable[[Manifest, Manifest | None], list[str]]] = {
    "DaemonSet": _workload,
    "Deployment": _workload,
    "EndpointSlice": _endpoint_slice,
    "Ingress": _ingress,
    "Pod": _pod,
    "ReplicaSet": _workload,
    "Secret": _secret,
    "Service": _service,
    "ServiceAccount": _service_account,
    "StatefulSet": _workload,
}
