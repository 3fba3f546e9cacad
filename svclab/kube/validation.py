"""Is this object allowed? Every kind's rules behind two functions: for a new object and for a changed one.

The server collects all errors of an object before it refuses it; so do we. On an update the machinery looks
at the metadata first, whatever the kind, and most kinds look again, some twice: clients see the same cause
several times. Sources: apiserver pkg/registry/rest (BeforeUpdate), the strategies in pkg/registry of 1.36.
"""

from collections.abc import Callable
from typing import Any

from svclab.kube import validation_core as core
from svclab.kube import validation_ingress as ingress
from svclab.kube import validation_network as network
from svclab.kube import validation_service as service
from svclab.kube import validation_workload as workload
from svclab.kube.status import FieldError, invalid
from svclab.kube.validation_meta import (
    any_object_meta,
    any_object_meta_update,
    object_meta_update,
    path_segment_name,
)
from svclab.kube.validation_pod import validate_new_pod, validate_pod
from svclab.kube.validation_pod_update import validate_pod_update

Manifest = dict[str, Any]
Check = Callable[[Manifest], list[FieldError]]
Comparison = Callable[[Manifest, Manifest], list[FieldError]]


def validate(manifest: Manifest) -> list[FieldError]:
    """Everything wrong with a new object that has its defaults; [] when it may be stored."""
    return _CHECKS[manifest["kind"]](manifest)


def validate_update(new: Manifest, old: Manifest) -> list[FieldError]:
    """Everything wrong with replacing `old` by `new`, in the order of the real server."""
    return [*any_update(new, old), *(error for look in _UPDATES[new["kind"]] for error in look(new, old))]


def any_update(new: Manifest, old: Manifest) -> list[FieldError]:
    """What an update of any kind, or of any kind's status, is checked for first."""
    namespaced = "namespace" in old["metadata"]
    return [
        *any_object_meta(new["metadata"], path_segment_name, namespaced=namespaced),
        *any_object_meta_update(new["metadata"], old["metadata"]),
    ]


def _new(check: Check) -> Comparison:
    return lambda new, _: check(new)


def _spec(check: Check) -> Comparison:
    return lambda new, _: check(new.get("spec", {}))


def _meta(new: Manifest, old: Manifest) -> list[FieldError]:
    return object_meta_update(new["metadata"], old["metadata"])


def _address_type_kept(new: Manifest, old: Manifest) -> list[FieldError]:
    if new.get("addressType") == old.get("addressType"):
        return []
    return [invalid("addressType", new.get("addressType", ""), "field is immutable")]


def _controller_kept(new: Manifest, old: Manifest) -> list[FieldError]:
    controller = new.get("spec", {}).get("controller", "")
    if controller == old.get("spec", {}).get("controller", ""):
        return []
    return [invalid("spec.controller", controller, "field is immutable")]


_CHECKS: dict[str, Check] = {
    "ConfigMap": core.validate_config_map,
    "DaemonSet": workload.validate_daemon_set,
    "Deployment": workload.validate_deployment,
    "Endpoints": network.validate_endpoints,
    "EndpointSlice": network.validate_endpoint_slice,
    "Event": core.validate_event,
    "Ingress": ingress.validate_new_ingress,
    "IngressClass": ingress.validate_ingress_class,
    "Lease": core.validate_lease,
    "Namespace": core.validate_namespace,
    "NetworkPolicy": network.validate_network_policy,
    "Node": core.validate_node,
    "Pod": validate_new_pod,
    "ReplicaSet": workload.validate_replica_set,
    "Secret": core.validate_secret,
    "Service": service.validate_service,
    "ServiceAccount": core.validate_service_account,
    "StatefulSet": workload.validate_stateful_set,
}

# Kind -> what its strategy looks at when it changes, in order.
_UPDATES: dict[str, tuple[Comparison, ...]] = {
    "ConfigMap": (_meta, core.config_map_kept, _new(core.validate_config_map)),
    "DaemonSet": (
        _new(workload.validate_daemon_set), _meta, _spec(workload.daemon_set_spec), workload.selector_kept,
    ),
    "Deployment": (_meta, _spec(workload.deployment_spec), workload.selector_kept),
    "Endpoints": (_meta, _new(network.validate_endpoints)),
    "EndpointSlice": (_new(network.validate_endpoint_slice), _address_type_kept),
    "Event": (),
    "Ingress": (_meta, _new(ingress.validate_ingress)),
    "IngressClass": (_meta, _controller_kept, _new(ingress.validate_ingress_class)),
    "Lease": (_meta, _spec(core.lease_spec)),
    "Namespace": (_new(core.validate_namespace), _meta),
    "NetworkPolicy": (
        _new(network.validate_network_policy), _meta, _spec(network.network_policy_spec),
    ),
    "Node": (_new(core.validate_node), _meta, core.node_kept, _spec(core.node_taints)),
    "Pod": (_meta, _new(validate_pod), validate_pod_update),
    "ReplicaSet": (
        _new(workload.validate_replica_set), _meta, _spec(workload.replica_set_spec), workload.selector_kept,
    ),
    "Secret": (_meta, core.secret_kept, _new(core.validate_secret)),
    "Service": (_meta, service.service_kept, _new(service.service_fields)),
    "ServiceAccount": (_meta, _new(core.validate_service_account)),
    "StatefulSet": (_meta, workload.stateful_set_change, workload.stateful_set_kept),
}  # fmt: skip
