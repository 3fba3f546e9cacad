"""What the API server fills in when a manifest leaves it out, kind by kind.

Source: k8s.io/kubernetes pkg/apis/*/v1/defaults.go of 1.36, checked against the recorded objects.
Every function changes the (already decoded, private) manifest in place.
"""

from collections.abc import Callable
from typing import Any

from svclab.kube.defaults_pod import default_pod, default_pod_spec, default_template

Manifest = dict[str, Any]

_AFFINITY_TIMEOUT_SECONDS = 10800


def apply_defaults(manifest: Manifest) -> Manifest:
    """The same manifest with its kind's defaults."""
    if (fill := _DEFAULTS.get(manifest["kind"])) is not None:
        fill(manifest)
    return manifest


def _service(service: Manifest) -> None:
    spec = service.setdefault("spec", {})
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("type", "ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client_ip = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client_ip.setdefault("timeoutSeconds", _AFFINITY_TIMEOUT_SECONDS)
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port", 0)
    if is_externally_accessible(spec):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    for ingress in service.get("status", {}).get("loadBalancer", {}).get("ingress", ()):
        if ingress.get("ip"):
            ingress.setdefault("ipMode", "VIP")


def is_externally_accessible(spec: Manifest) -> bool:
    """Whether a Service can be reached from outside: then it has an externalTrafficPolicy."""
    type_ = spec.get("type")
    return type_ in ("NodePort", "LoadBalancer") or (type_ == "ClusterIP" and bool(spec.get("externalIPs")))


def _endpoints(endpoints: Manifest) -> None:
    for subset in endpoints.get("subsets", ()):
        for port in subset.get("ports", ()):
            port.setdefault("protocol", "TCP")


def _endpoint_slice(slice_: Manifest) -> None:
    for name in ("endpoints", "ports"):  # what Go writes even when there is nothing in it
        slice_[name] = slice_.get(name) or None
    for port in slice_["ports"] or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _namespace(namespace: Manifest) -> None:
    name = namespace["metadata"].get("name")
    if name:
        namespace["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
    namespace.setdefault("status", {}).setdefault("phase", "Active")


def _node(node: Manifest) -> None:
    status, spec = node.setdefault("status", {}), node.setdefault("spec", {})
    if networks := spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else []):
        spec.update({"podCIDR": networks[0], "podCIDRs": networks})
    if "capacity" in status:
        status.setdefault("allocatable", dict(status["capacity"]))


def _secret(secret: Manifest) -> None:
    secret.setdefault("type", "Opaque")


TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def _deployment(deployment: Manifest) -> None:
    spec = deployment.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    default_template(spec)


def _replica_set(replica_set: Manifest) -> None:
    spec = replica_set.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    default_template(spec)


def _daemon_set(daemon_set: Manifest) -> None:
    spec = daemon_set.setdefault("spec", {})
    # A field until apps/v1; the server still tells it, as an annotation.
    daemon_set["metadata"].setdefault("annotations", {}).setdefault(TEMPLATE_GENERATION, "1")
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    default_template(spec)


def _stateful_set(stateful_set: Manifest) -> None:
    spec = stateful_set.setdefault("spec", {})
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if "type" not in strategy:  # whoever names the type is asked for no more
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and "rollingUpdate" in strategy:
        strategy["rollingUpdate"].setdefault("partition", 0)
    strategy.get("rollingUpdate", {}).pop("maxUnavailable", None)  # behind a feature gate that is off
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    default_template(spec)
    for claim in spec.get("volumeClaimTemplates", ()):
        claim.update({"apiVersion": "v1", "kind": "PersistentVolumeClaim"})
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {}).setdefault("phase", "Pending")


def _network_policy(policy: Manifest) -> None:
    spec = policy.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")


def _ingress(ingress: Manifest) -> None:
    ingress.setdefault("status", {}).setdefault("loadBalancer", {})


def _ingress_class(ingress_class: Manifest) -> None:
    if parameters := ingress_class.get("spec", {}).get("parameters"):
        parameters.setdefault("scope", "Cluster")


def _event(event: Manifest) -> None:
    for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
        event.setdefault(name, None)
    event.setdefault("source", {})
    event.setdefault("reportingComponent", "")
    event.setdefault("reportingInstance", "")


_DEFAULTS: dict[str, Callable[[Manifest], None]] = {
    "Service": _service,
    "Endpoints": _endpoints,
    "EndpointSlice": _endpoint_slice,
    "Namespace": _namespace,
    "Node": _node,
    "Secret": _secret,
    "Pod": default_pod,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "DaemonSet": _daemon_set,
    "StatefulSet": _stateful_set,
    "NetworkPolicy": _network_policy,
    "Ingress": _ingress,
    "IngressClass": _ingress_class,
    "Event": _event,
}
__all__ = ["TEMPLATE_GENERATION", "apply_defaults", "default_pod_spec", "is_externally_accessible"]
