"""Defaults of pods and of pod templates, which get all but what only a real pod has.

Source: k8s.io/kubernetes pkg/apis/core/v1/defaults.go of 1.36.
"""

from typing import Any

Manifest = dict[str, Any]

_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_FILE_MODE = 0o644
_VOLUMES: dict[str, Manifest] = {
    "secret": {"defaultMode": _FILE_MODE},
    "configMap": {"defaultMode": _FILE_MODE},
    "downwardAPI": {"defaultMode": _FILE_MODE},
    "projected": {"defaultMode": _FILE_MODE},
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
    "azureDisk": {"cachingMode": "ReadWrite", "kind": "Shared", "fsType": "ext4", "readOnly": False},
}


def default_pod(pod: Manifest) -> None:
    """A pod's defaults: those of its spec, requests from limits, service links, phase Pending."""
    spec = pod.setdefault("spec", {})
    default_pod_spec(spec)
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        _requests_from_limits(container["resources"])
    spec.setdefault("enableServiceLinks", True)
    if spec.get("hostNetwork"):
        _host_ports(spec)
    pod.setdefault("status", {}).setdefault("phase", "Pending")


def default_template(workload_spec: Manifest) -> None:
    """The defaults of a workload's spec.template."""
    template = workload_spec.setdefault("template", {})
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))


def default_pod_spec(spec: Manifest) -> None:
    """The defaults that pods and templates share."""
    for container in spec.get("initContainers", ()):
        _container(container)
    for container in spec.get("containers", ()):
        _container(container)
    for container in spec.get("ephemeralContainers", ()):
        _container(container)
    for volume in spec.get("volumes", ()):
        _volume(volume)
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")


def _container(container: Manifest) -> None:
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", ()):
        source = variable.get("valueFrom", {})
        _field_source(source)
        if "fileKeyRef" in source:
            source["fileKeyRef"].setdefault("optional", False)
    container.setdefault("resources", {})
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _probe(container[name])
    for hook in container.get("lifecycle", {}).values():
        _http_get(hook)
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("imagePullPolicy", pull_policy(container.get("image", "")))


def _field_source(source: Manifest) -> None:
    """What names a field of the pod, in a variable or in a file."""
    if field := source.get("fieldRef"):
        field.setdefault("apiVersion", "v1")
    if resource := source.get("resourceFieldRef"):
        resource.setdefault("divisor", "0")


def pull_policy(image: str) -> str:
    """`Always` for the tag latest, spoken or not; `IfNotPresent` for another tag or a digest."""
    name, digest, _ = image.partition("@")
    if digest:
        return "IfNotPresent"
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _probe(probe: Manifest) -> None:
    for name, value in _PROBE.items():
        probe.setdefault(name, value)
    _http_get(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _http_get(handler: Manifest) -> None:
    if "httpGet" in handler:
        handler["httpGet"].setdefault("path", "/")
        handler["httpGet"].setdefault("scheme", "HTTP")


def _requests_from_limits(resources: Manifest) -> None:
    if limits := resources.get("limits"):
        requests = resources.setdefault("requests", {})
        for name, limit in limits.items():
            requests.setdefault(name, limit)


def _host_ports(spec: Manifest) -> None:
    """On the node's network a container's port is the node's."""
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        for port in container.get("ports", ()):
            if not port.get("hostPort"):
                port["hostPort"] = port.get("containerPort", 0)


def _volume(volume: Manifest) -> None:
    if not set(volume) - {"name"}:
        volume["emptyDir"] = {}
    for name, defaults in _VOLUMES.items():
        for key, value in defaults.items() if name in volume else ():
            volume[name].setdefault(key, value)
    if image := volume.get("image"):
        image.setdefault("pullPolicy", pull_policy(image.get("reference", "")))
    if claim := volume.get("ephemeral", {}).get("volumeClaimTemplate"):
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    for projection in (volume, *volume.get("projected", {}).get("sources", ())):
        for item in projection.get("downwardAPI", {}).get("items", ()):
            _field_source(item)
        if token := projection.get("serviceAccountToken"):
            token.setdefault("expirationSeconds", 3600)
        if certificate := projection.get("podCertificate"):
            certificate.setdefault("maxExpirationSeconds", 86400)
