"""How fields merge: the patch extensions of the API's types, needed by strategic merge and server-side apply.

Only fields that differ from the rule stand here. The rule: objects and maps merge key by key, lists are
replaced whole. Source: the x-kubernetes-* extensions of the OpenAPI documents of Kubernetes 1.36.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldType:
    """How one field merges.

    `type` names the type below (of a list: of its items). `merge_key` identifies list items in a strategic
    merge patch, `map_keys` in server-side apply (none: the list is atomic there). `is_set` marks lists of
    primitives that merge as sets, `atomic` objects that server-side apply owns whole, `retain_keys` objects
    whose patch lists the keys that may stay.
    """

    type: str = ""
    merge_key: str = ""
    map_keys: tuple[str, ...] = ()
    is_set: bool = False
    atomic: bool = False
    retain_keys: bool = False


PLAIN = FieldType()
_ATOMIC = FieldType(atomic=True)
_SET = FieldType(is_set=True)


def _is(type_name: str, **more: Any) -> FieldType:
    return FieldType(type_name, **more)


def _list(type_name: str, merge_key: str, *more_keys: str, retain_keys: bool = False) -> FieldType:
    return FieldType(type_name, merge_key, (merge_key, *more_keys), retain_keys=retain_keys)


_META = {"metadata": _is("ObjectMeta")}
_CONDITIONS = {"conditions": _list("Condition", "type")}
_TEMPLATED = {"selector": _ATOMIC, "template": _is("PodTemplateSpec")}
_CONTAINER = {
    "env": _list("EnvVar", "name"),
    "ports": _list("ContainerPort", "containerPort", "protocol"),
    "resources": _is("ResourceRequirements"),
    "volumeDevices": _list("VolumeDevice", "devicePath"),
    "volumeMounts": _list("VolumeMount", "mountPath"),
}
_WITH_SECRET = {"secretRef": _ATOMIC}


def _object(spec: str = "", status: str = "") -> dict[str, FieldType]:
    fields = dict(_META)
    if spec:
        fields["spec"] = _is(spec)
    if status:
        fields["status"] = _is(status)
    return fields


TYPES: Mapping[str, Mapping[str, FieldType]] = {
    # objects, by kind
    "Namespace": _object(status="Conditions"),
    "Node": _object("NodeSpec", "NodeStatus"),
    "Pod": _object("PodSpec", "PodStatus"),
    "Service": _object("ServiceSpec", "Conditions"),
    "ServiceAccount": {**_META, "secrets": _list("ObjectReference", "name")},
    "Event": {**_META, "involvedObject": _ATOMIC, "related": _ATOMIC},
    "Deployment": _object("DeploymentSpec", "Conditions"),
    "ReplicaSet": _object("TemplatedSpec", "Conditions"),
    "StatefulSet": _object("TemplatedSpec", "Conditions"),
    "DaemonSet": _object("TemplatedSpec", "Conditions"),
    "Ingress": _object("IngressSpec"),
    "NetworkPolicy": _object("NetworkPolicySpec"),
    # what they are made of
    "ObjectMeta": {"finalizers": _SET, "ownerReferences": _list("OwnerReference", "uid")},
    "Conditions": _CONDITIONS,
    "ServiceSpec": {"ports": _list("ServicePort", "port", "protocol"), "selector": _ATOMIC},
    "DeploymentSpec": {**_TEMPLATED, "strategy": _is("DeploymentStrategy", retain_keys=True)},
    "TemplatedSpec": _TEMPLATED,
    "PodTemplateSpec": _object("PodSpec"),
    "PodSpec": {
        "affinity": _is("Affinity"),
        "containers": _list("Container", "name"),
        "ephemeralContainers": _list("Container", "name"),
        "hostAliases": _list("HostAlias", "ip"),
        "imagePullSecrets": _list("LocalObjectReference", "name"),
        "initContainers": _list("Container", "name"),
        "nodeSelector": _ATOMIC,
        "resourceClaims": _list("PodResourceClaim", "name", retain_keys=True),
        "resources": _is("ResourceRequirements"),
        "schedulingGates": _list("PodSchedulingGate", "name"),
        "topologySpreadConstraints": _list("TopologySpreadConstraint", "topologyKey", "whenUnsatisfiable"),
        "volumes": _list("Volume", "name", retain_keys=True),
    },
    "PodStatus": {
        **_CONDITIONS,
        "hostIPs": FieldType("HostIP", "ip"),
        "podIPs": _list("PodIP", "ip"),
        "resourceClaimStatuses": _list("PodResourceClaimStatus", "name", retain_keys=True),
        "resources": _is("ResourceRequirements"),
    },
    "Container": _CONTAINER,
    "EnvVar": {"valueFrom": _is("EnvVarSource")},
    "EnvVarSource": dict.fromkeys(
        ("configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"), _ATOMIC
    ),
    "ResourceRequirements": {"claims": FieldType("ResourceClaim", map_keys=("name",))},
    "TopologySpreadConstraint": {"labelSelector": _ATOMIC},
    "Affinity": {"nodeAffinity": _is("NodeAffinity")},
    "NodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _ATOMIC},
    "Volume": {
        **dict.fromkeys(
            ("cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"), _is("SecretVolume")
        ),
        "csi": _is("CSIVolumeSource"),
        "ephemeral": _is("EphemeralVolumeSource"),
    },
    "SecretVolume": _WITH_SECRET,
    "CSIVolumeSource": {"nodePublishSecretRef": _ATOMIC},
    "EphemeralVolumeSource": {"volumeClaimTemplate": _is("PersistentVolumeClaimTemplate")},
    "PersistentVolumeClaimTemplate": _object("PersistentVolumeClaimSpec"),
    "PersistentVolumeClaimSpec": {"dataSource": _ATOMIC, "selector": _ATOMIC},
    "NodeSpec": {"podCIDRs": _SET},
    "NodeStatus": {**_CONDITIONS, "addresses": _list("NodeAddress", "type")},
    "IngressSpec": {"defaultBackend": _is("IngressBackend")},
    "IngressBackend": {"resource": _ATOMIC, "service": _is("IngressServiceBackend")},
    "IngressServiceBackend": {"port": _ATOMIC},
    "NetworkPolicySpec": {"podSelector": _ATOMIC},
}

# Values that the API fills in for a map key which an item leaves out.
KEY_DEFAULTS: Mapping[str, Any] = {"protocol": "TCP"}


def field_type(type_name: str, field: str) -> FieldType:
    """How a field of a type merges; PLAIN when nothing special is known of it."""
    known = TYPES.get(type_name)
    if known is None:
        return _META["metadata"] if field == "metadata" else PLAIN
    return known.get(field, PLAIN)
