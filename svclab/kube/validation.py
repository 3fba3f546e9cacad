"""Is this object allowed? Every kind's rules behind two functions: for a new object and for a changed one.

The server collects all errors of an object before it refuses it; so do we. On an update it looks at labels
and annotations several times over and reports each time, which clients see as repeated causes.
"""

from collections.abc import Callable
from typing import Any

from svclab.kube import validation_core as core
from svclab.kube import validation_ingress as ingress
from svclab.kube import validation_network as network
from svclab.kube import validation_workload as workload
from svclab.kube.status import FieldError, invalid
from svclab.kube.validation_meta import object_meta, object_meta_update, subdomain_name
from svclab.kube.validation_pod import validate_pod_spec
from svclab.kube.validation_pod_update import validate_pod_update
from svclab.kube.validation_service import validate_service, validate_service_update

Manifest = dict[str, Any]
Check = Callable[[Manifest], list[FieldError]]
Comparison = Callable[[Manifest, Manifest], list[FieldError]]


def validate(manifest: Manifest) -> list[FieldError]:
    """Everything wrong with a new object that has its defaults; [] when it may be stored."""
    return _CHECKS[manifest["kind"]](manifest)


def validate_update(new: Manifest, old: Manifest) -> list[FieldError]:
    """Everything wrong with replacing `old` by `new`, in the order of the real server."""
    errors = object_meta_update(new["metadata"], old["metadata"])
    kind = new["kind"]
    if kind not in _WITHOUT_SECOND_LOOK:
        errors += object_meta_update(new["metadata"], old["metadata"])
    compare, check = _UPDATES[kind]
    if kind in _SELECTOR_LAST:
        return errors + check(new) + workload.selector_kept(new, old)
    if kind in _COMPARED_LAST:
        return errors + check(new) + compare(new, old)
    return errors + compare(new, old) + check(new)


def _pod(pod: Manifest) -> list[FieldError]:
    return [
        *object_meta(pod["metadata"], subdomain_name, namespaced=True),
        *validate_pod_spec(pod["spec"]),
    ]


def _nothing(*_: Manifest) -> list[FieldError]:
    return []


def _address_type_kept(new: Manifest, old: Manifest) -> list[FieldError]:
    if new.get("addressType") == old.get("addressType"):
        return []
    return [invalid("addressType", new.get("addressType", ""), "field is immutable")]


def _controller_kept(new: Manifest, old: Manifest) -> list[FieldError]:
    controller = new.get("spec", {}).get("controller", "")
    if controller == old.get("spec", {}).get("controller", ""):
        return []
    return [invalid("spec.controller", controller, "field is immutable")]


def _spec(check: Check) -> Check:
    return lambda manifest: check(manifest.get("spec", {}))


_CHECKS: dict[str, Check] = {
    "ConfigMap": core.validate_config_map,
    "DaemonSet": workload.validate_daemon_set,
    "Deployment": workload.validate_deployment,
    "Endpoints": network.validate_endpoints,
    "EndpointSlice": network.validate_endpoint_slice,
    "Event": core.validate_event,
    "Ingress": ingress.validate_ingress,
    "IngressClass": ingress.validate_ingress_class,
    "Lease": core.validate_lease,
    "Namespace": core.validate_namespace,
    "NetworkPolicy": network.validate_network_policy,
    "Node": core.validate_node,
    "Pod": _pod,
    "ReplicaSet": workload.validate_replica_set,
    "Secret": core.validate_secret,
    "Service": validate_service,
    "ServiceAccount": core.validate_service_account,
    "StatefulSet": workload.validate_stateful_set,
}

# Kind -> (what must stay, what is checked anew).
_UPDATES: dict[str, tuple[Comparison, Check]] = {
    "ConfigMap": (core.config_map_kept, core.validate_config_map),
    "DaemonSet": (workload.selector_kept, _spec(workload.daemon_set_spec)),
    "Deployment": (_nothing, _spec(workload.deployment_spec)),
    "Endpoints": (_nothing, network.validate_endpoints),
    "EndpointSlice": (_address_type_kept, network.validate_endpoint_slice),
    "Event": (_nothing, _nothing),
    "Ingress": (_nothing, ingress.validate_ingress),
    "IngressClass": (_controller_kept, ingress.validate_ingress_class),
    "Lease": (_nothing, core.validate_lease),
    "Namespace": (_nothing, _nothing),
    "NetworkPolicy": (_nothing, _spec(network.network_policy_spec)),
    "Node": (core.node_kept, _spec(core.node_spec)),
    "Pod": (validate_pod_update, _pod),
    "ReplicaSet": (_nothing, _spec(workload.replica_set_spec)),
    "Secret": (core.secret_kept, core.validate_secret),
    "Service": (validate_service_update, validate_service),
    "ServiceAccount": (_nothing, core.validate_service_account),
    "StatefulSet": (workload.stateful_set_kept, workload.validate_stateful_set),
}
_SELECTOR_LAST = ("Deployment", "ReplicaSet")
_COMPARED_LAST = ("Pod",)
_WITHOUT_SECOND_LOOK = ("EndpointSlice", "StatefulSet")
