"""The Go types behind the API, read from OpenAPI v3 documents: what a field holds and how Go calls it.

OpenAPI does not tell a pointer from a value, nor name string types; the two tables here add those facts.
Source: k8s.io/api types of 1.36.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Optional scalars that Go holds by pointer: a zero stays a zero. "Struct.field" where the name is ambiguous.
_POINTERS_TEXT = """
    allocateLoadBalancerNodePorts allowPrivilegeEscalation automountServiceAccountToken blockOwnerDeletion
    controller enableServiceLinks hostUsers immutable optional privileged readOnlyRootFilesystem
    runAsNonRoot setHostnameAsFQDN shareProcessNamespace started EndpointConditions.ready
    EndpointConditions.serving EndpointConditions.terminating activeDeadlineSeconds defaultMode
    deletionGracePeriodSeconds endPort expirationSeconds fsGroup leaseDurationSeconds leaseTransitions
    mode partition priority progressDeadlineSeconds revisionHistoryLimit runAsGroup runAsUser
    terminationGracePeriodSeconds tolerationSeconds ClientIPConfig.timeoutSeconds DeploymentSpec.replicas
    ReplicaSetSpec.replicas StatefulSetSpec.replicas EndpointPort.port NetworkPolicyPort.port
    Preconditions.uid DeleteOptions.gracePeriodSeconds DeleteOptions.orphanDependents
    DeleteOptions.propagationPolicy appProtocol holderIdentity ingressClassName ipFamilyPolicy
    internalTrafficPolicy loadBalancerClass pathType preemptionPolicy runtimeClassName storageClassName
    trafficDistribution volumeMode Endpoint.hostname Endpoint.nodeName Endpoint.zone
    EndpointAddress.nodeName GRPCAction.service NetworkPolicyPort.protocol procMount localhostProfile
    recursiveReadOnly fsGroupChangePolicy supplementalGroupsPolicy seLinuxChangePolicy nodeAffinityPolicy
    nodeTaintsPolicy minDomains hostnameOverride hostProcess gmsaCredentialSpec gmsaCredentialSpecName
    runAsUserName stopSignal HostPathVolumeSource.type EphemeralContainer.restartPolicy
    Container.restartPolicy PodDNSConfigOption.value apiGroup resourceClaimName resourceClaimTemplateName
    TypedObjectReference.namespace IngressClassParametersReference.namespace
    IngressClassParametersReference.scope preferredHolder LeaseSpec.strategy
    volumeAttributesClassName PortStatus.error IngressPortStatus.error LoadBalancerIngress.ipMode
    collisionCount terminatingReplicas
"""
_POINTERS = frozenset(_POINTERS_TEXT.split())
# Optional scalars that Go writes although they are zero.
_WRITTEN = frozenset({"StatefulSetOrdinals.start", "StatefulSetSpec.serviceName",
                      "StatefulSetStatus.availableReplicas"})  # fmt: skip
# In discovery.k8s.io these are pointers too, while the core type of the same name holds values.
_DISCOVERY_POINTERS = frozenset({"name", "protocol", "port"})

# Fields whose Go type is a named string.
_STRING_TYPES = {
    "protocol": "v1.Protocol",
    "imagePullPolicy": "v1.PullPolicy",
    "dnsPolicy": "v1.DNSPolicy",
    "sessionAffinity": "v1.ServiceAffinity",
    "externalTrafficPolicy": "v1.ServiceExternalTrafficPolicy",
    "internalTrafficPolicy": "v1.ServiceInternalTrafficPolicy",
    "ipFamilies": "v1.IPFamily",
    "ipFamilyPolicy": "v1.IPFamilyPolicy",
    "scheme": "v1.URIScheme",
    "addressType": "v1.AddressType",
    "pathType": "v1.PathType",
    "policyTypes": "v1.PolicyType",
    "uid": "types.UID",
    "effect": "v1.TaintEffect",
    "terminationMessagePolicy": "v1.TerminationMessagePolicy",
    "preemptionPolicy": "v1.PreemptionPolicy",
    "mountPropagation": "v1.MountPropagationMode",
    "medium": "v1.StorageMedium",
    "podManagementPolicy": "v1.PodManagementPolicyType",
    "whenUnsatisfiable": "v1.UnsatisfiableConstraintAction",
    "ServiceSpec.type": "v1.ServiceType",
    "DeploymentStrategy.type": "v1.DeploymentStrategyType",
    "DaemonSetUpdateStrategy.type": "v1.DaemonSetUpdateStrategyType",
    "StatefulSetUpdateStrategy.type": "v1.StatefulSetUpdateStrategyType",
    "PodSpec.restartPolicy": "v1.RestartPolicy",
    "Container.restartPolicy": "v1.ContainerRestartPolicy",
    "Secret.type": "v1.SecretType",
    "Toleration.operator": "v1.TolerationOperator",
    "LabelSelectorRequirement.operator": "v1.LabelSelectorOperator",
    "NodeSelectorRequirement.operator": "v1.NodeSelectorOperator",
    "NamespaceSpec.finalizers": "v1.FinalizerName",
    "NamespaceStatus.phase": "v1.NamespacePhase",
    "PodStatus.phase": "v1.PodPhase",
    "procMount": "v1.ProcMountType",
    "recursiveReadOnly": "v1.RecursiveReadOnlyMode",
    "fsGroupChangePolicy": "v1.PodFSGroupChangePolicy",
    "supplementalGroupsPolicy": "v1.SupplementalGroupsPolicy",
    "seLinuxChangePolicy": "v1.PodSELinuxChangePolicy",
    "nodeAffinityPolicy": "v1.NodeInclusionPolicy",
    "nodeTaintsPolicy": "v1.NodeInclusionPolicy",
    "accessModes": "v1.PersistentVolumeAccessMode",
    "volumeMode": "v1.PersistentVolumeMode",
    "resourceName": "v1.ResourceName",
    "qosClass": "v1.PodQOSClass",
    "stopSignal": "v1.Signal",
    "conditionType": "v1.PodConditionType",
    "volumesInUse": "v1.UniqueVolumeName",
    "propagationPolicy": "v1.DeletionPropagation",
    "ImageVolumeSource.pullPolicy": "v1.PullPolicy",
    "AppArmorProfile.type": "v1.AppArmorProfileType",
    "SeccompProfile.type": "v1.SeccompProfileType",
    "PodOS.name": "v1.OSName",
    "HostPathVolumeSource.type": "v1.HostPathType",
    "ContainerResizePolicy.restartPolicy": "v1.ResourceResizeRestartPolicy",
    "EphemeralContainer.restartPolicy": "v1.ContainerRestartPolicy",
    "ContainerRestartRule.action": "v1.ContainerRestartRuleAction",
    "whenDeleted": "v1.PersistentVolumeClaimRetentionPolicyType",
    "whenScaled": "v1.PersistentVolumeClaimRetentionPolicyType",
    "ManagedFieldsEntry.operation": "v1.ManagedFieldsOperationType",
    "LoadBalancerIngress.ipMode": "v1.LoadBalancerIPMode",
    "LeaseSpec.strategy": "v1.CoordinatedLeaseStrategy",
    "PersistentVolumeClaimStatus.phase": "v1.PersistentVolumeClaimPhase",
    "NodeStatus.phase": "v1.NodePhase",
    "NodeAddress.type": "v1.NodeAddressType",
    "AttachedVolume.name": "v1.UniqueVolumeName",
    "Condition.status": "v1.ConditionStatus",
    **{
        f"{owner}Condition.{name}": f"v1.{type_}"
        for owner in ("Namespace", "Node", "Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
        for name, type_ in (("type", f"{owner}ConditionType"), ("status", "ConditionStatus"))
    },
    "Capabilities.add": "v1.Capability",
    "Capabilities.drop": "v1.Capability",
}
_MAP_TYPES = {"limits": "v1.ResourceList", "requests": "v1.ResourceList", "capacity": "v1.ResourceList",
              "allocatable": "v1.ResourceList"}  # fmt: skip
_PLAIN_SCALARS = ("string", "int32", "int64", "bool")
_LEAVES = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ("quantity", "resource.Quantity"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": ("time", "v1.Time"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": ("time", "v1.MicroTime"),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("int-or-string", "intstr.IntOrString"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": ("any", "v1.FieldsV1"),
}


@dataclass(slots=True)
class GoType:
    """A type: shape is struct, map, list, string, int32, int64, bool, float64, bytes, quantity, time, ...
    or any."""

    shape: str
    name: str
    fields: dict[str, "GoField"] = field(default_factory=dict)
    element: "GoType | None" = None

    @property
    def short(self) -> str:
        """The name without its package."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class GoField:
    """A field of a struct: whether a zero is kept, and whether Go writes it even when it was not given."""

    type: GoType
    keeps_zero: bool
    always_there: bool


class Schemas:
    """The types of OpenAPI v3 documents, by kind; built from parsed documents, read-only."""

    def __init__(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._kinds: dict[tuple[str, str], str] = {}
        self._types: dict[str, GoType] = {}
        for document in documents.values():
            self._read(document["components"]["schemas"])

    def _read(self, schemas: Mapping[str, Mapping[str, Any]]) -> None:
        self._schemas.update(schemas)
        for name, schema in schemas.items():
            for known in schema.get("x-kubernetes-group-version-kind", ()):
                prefix = f"{known['group']}/" if known["group"] else ""
                self._kinds[f"{prefix}{known['version']}", known["kind"]] = name

    def of_kind(self, api_version: str, kind: str) -> GoType | None:
        """The type of a kind, or None when no document describes it."""
        name = self._kinds.get((api_version, kind))
        return self._named(name) if name else None

    def _named(self, name: str) -> GoType:
        found = self._types.get(name)
        if found is None:
            found = self._types[name] = self._new(name)
            self._fill(found, self._schemas[name], is_discovery=".discovery." in name)
        return found

    @staticmethod
    def _new(name: str) -> GoType:
        if name in _LEAVES:
            return GoType(*_LEAVES[name])
        package, _, last = name.rpartition(".")
        return GoType("struct", f"{package.rpartition('.')[2]}.{last}")

    def _fill(self, struct: GoType, schema: Mapping[str, Any], is_discovery: bool) -> None:
        required = set(schema.get("required", ()))
        for name, inner in schema.get("properties", {}).items():
            type_ = self._of(inner, f"{struct.short}.{name}", name)
            pointer = name in _POINTERS or f"{struct.short}.{name}" in _POINTERS
            if is_discovery and struct.short == "EndpointPort":
                pointer = pointer or name in _DISCOVERY_POINTERS
            is_value = type_.shape == "struct" and inner.get("default") == {}
            written = name in required or f"{struct.short}.{name}" in _WRITTEN
            is_scalar = written and not pointer and type_.shape in _PLAIN_SCALARS
            struct.fields[name] = GoField(type_, pointer or name in required, is_value or is_scalar)

    def _of(self, schema: Mapping[str, Any], qualified: str, name: str) -> GoType:
        if reference := schema.get("$ref") or next((s["$ref"] for s in schema.get("allOf", ())), None):
            return self._named(reference.rpartition("/")[2])
        if "additionalProperties" in schema:
            element = self._of(schema["additionalProperties"], qualified, name)
            return GoType("map", _MAP_TYPES.get(name, f"map[string]{element.name}"), element=element)
        if schema.get("type") == "array":
            element = self._of(schema["items"], qualified, name)
            return GoType("list", f"[]{element.name}", element=element)
        return _scalar(schema, qualified, name)


def _scalar(schema: Mapping[str, Any], qualified: str, name: str) -> GoType:
    match schema.get("type"), schema.get("format"):
        case "string", "byte":
            return GoType("bytes", "[]uint8")
        case "string", _:
            return GoType("string", _STRING_TYPES.get(qualified) or _STRING_TYPES.get(name) or "string")
        case "integer", form:
            return GoType(form or "int64", form or "int64")
        case "boolean", _:
            return GoType("bool", "bool")
        case "number", _:
            return GoType("float64", "float64")
    return GoType("any", "interface {}")
