"""Objects as kubectl's typed clients hold them: fields in the order of Go's types, and a creationTimestamp.

Most commands print documents as the server sent them; `create`, `events`, `rollout history` and `auth whoami`
decode them first, which shows in `-o json` and `-o yaml`.
Source: k8s.io/api, the types of these kinds.
"""

import re
from typing import Any

Manifest = dict[str, Any]

# Each type's fields in order; `field:Type` names the type of what the field holds, alone, in a list or a map.
_SOURCE = """
Meta: name generateName namespace selfLink uid resourceVersion generation creationTimestamp
    deletionTimestamp deletionGracePeriodSeconds labels annotations ownerReferences:Owner finalizers
    managedFields
Owner: apiVersion kind name uid controller blockOwnerDeletion
PodTemplate: metadata:Meta spec:PodSpec
PodSpec: volumes:Volume initContainers:Container containers:Container ephemeralContainers:Container
    restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy nodeSelector
    serviceAccountName serviceAccount automountServiceAccountToken nodeName hostNetwork hostPID hostIPC
    shareProcessNamespace securityContext imagePullSecrets hostname subdomain affinity schedulerName
    tolerations:Toleration hostAliases priorityClassName priority dnsConfig readinessGates
    runtimeClassName enableServiceLinks preemptionPolicy
Container: name image command args workingDir ports:ContainerPort envFrom env:Env resources:Resources
    resizePolicy restartPolicy volumeMounts volumeDevices livenessProbe:Probe readinessProbe:Probe
    startupProbe:Probe lifecycle terminationMessagePath terminationMessagePolicy imagePullPolicy
    securityContext stdin stdinOnce tty
ContainerPort: name hostPort containerPort protocol hostIP
Env: name value valueFrom
Resources: limits requests claims
Probe: exec httpGet:HttpGet tcpSocket grpc initialDelaySeconds timeoutSeconds periodSeconds
    successThreshold failureThreshold terminationGracePeriodSeconds
HttpGet: path port host scheme httpHeaders
Toleration: key operator value effect tolerationSeconds
Volume: name hostPath emptyDir secret configMap
ServicePort: name protocol appProtocol port targetPort nodePort
ServiceSpec: ports:ServicePort selector clusterIP clusterIPs type externalIPs sessionAffinity
    loadBalancerIP loadBalancerSourceRanges externalName externalTrafficPolicy healthCheckNodePort
    publishNotReadyAddresses sessionAffinityConfig ipFamilies ipFamilyPolicy
    allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy trafficDistribution
WorkloadSpec: replicas selector template:PodTemplate strategy:Strategy minReadySeconds
    revisionHistoryLimit paused progressDeadlineSeconds
Strategy: type rollingUpdate:RollingUpdate
RollingUpdate: maxUnavailable maxSurge
WorkloadStatus: observedGeneration replicas fullyLabeledReplicas updatedReplicas readyReplicas
    availableReplicas unavailableReplicas terminatingReplicas conditions:Condition collisionCount
Condition: type status lastUpdateTime lastTransitionTime reason message
Reference: kind namespace name uid apiVersion resourceVersion fieldPath
User: username uid groups extra
Review: userInfo:User
EventList: kind apiVersion metadata items:Event
Event: kind apiVersion metadata:Meta involvedObject:Reference reason message source firstTimestamp
    lastTimestamp count type eventTime series action related:Reference reportingComponent
    reportingInstance
Deployment: kind apiVersion metadata:Meta spec:WorkloadSpec status:WorkloadStatus
ReplicaSetStatus: replicas fullyLabeledReplicas readyReplicas availableReplicas terminatingReplicas
    observedGeneration conditions:Condition
IngressSpec: ingressClassName defaultBackend:Backend tls:IngressTls rules:IngressRule
IngressTls: hosts secretName
IngressRule: host http:HttpRule
HttpRule: paths:HttpPath
HttpPath: path pathType backend:Backend
Backend: service:BackendService resource
BackendService: name port
Ingress: kind apiVersion metadata:Meta spec:IngressSpec status
ReplicaSet: kind apiVersion metadata:Meta spec:WorkloadSpec status:ReplicaSetStatus
Service: kind apiVersion metadata:Meta spec:ServiceSpec status
ConfigMap: kind apiVersion metadata:Meta immutable data binaryData
Secret: kind apiVersion metadata:Meta immutable data stringData type
Pod: kind apiVersion metadata:Meta spec:PodSpec status
HorizontalPodAutoscaler: kind apiVersion metadata:Meta spec status
Namespace: kind apiVersion metadata:Meta spec status
ServiceAccount: kind apiVersion metadata:Meta secrets imagePullSecrets automountServiceAccountToken
SelfSubjectReview: kind apiVersion metadata:Meta status:Review
"""
_TYPES = {
    name: fields
    for name, _, fields in (line.partition(": ") for line in re.split(r"\n(?=\w)", _SOURCE.strip()))
}


def as_typed(manifest: Manifest) -> Manifest:
    """An object of a kind above in Go's order; another one as it is."""
    return _ordered(manifest, manifest.get("kind", ""))


def _ordered(value: Any, type_name: str) -> Any:
    if isinstance(value, list):
        return [_ordered(item, type_name) for item in value]
    if not isinstance(value, dict) or type_name not in _TYPES:
        return value
    if type_name == "Meta":
        value = {"creationTimestamp": None, **value}
    fields = dict(_split(field) for field in _TYPES[type_name].split())
    known = {name: _ordered(value[name], held) for name, held in fields.items() if name in value}
    return known | {name: child for name, child in value.items() if name not in fields}


def _split(field: str) -> tuple[str, str]:
    name, _, held = field.partition(":")
    return name, held
