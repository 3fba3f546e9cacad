"""Field numbers of the Kubernetes messages that kubectl sends in protobuf, and the types behind them.

One line per field: number, name, type. Types: string, int, bool, bytes, quantity, time, int-or-string,
another message; `[]T` repeats, `map:T` has string keys, `inline:T` is lifted into its parent (a Go struct
embedded there). Facts of generated.proto in kubernetes/api and kubernetes/apimachinery, release 1.36
(Apache-2.0).
"""

_TABLES = """
ObjectMeta: 1 name string, 2 generateName string, 3 namespace string, 5 uid string,
    6 resourceVersion string, 7 generation int, 8 creationTimestamp time, 11 labels map:string,
    12 annotations map:string, 13 ownerReferences []OwnerReference, 14 finalizers []string
OwnerReference: 1 kind string, 3 name string, 4 uid string, 5 apiVersion string, 6 controller bool,
    7 blockOwnerDeletion bool
LabelSelector: 1 matchLabels map:string, 2 matchExpressions []LabelSelectorRequirement
LabelSelectorRequirement: 1 key string, 2 operator string, 3 values []string
Namespace: 1 metadata ObjectMeta, 2 spec NamespaceSpec
NamespaceSpec: 1 finalizers []string
Service: 1 metadata ObjectMeta, 2 spec ServiceSpec
ServiceSpec: 1 ports []ServicePort, 2 selector map:string, 3 clusterIP string, 4 type string,
    5 externalIPs []string, 7 sessionAffinity string, 8 loadBalancerIP string,
    9 loadBalancerSourceRanges []string, 10 externalName string, 11 externalTrafficPolicy string,
    12 healthCheckNodePort int, 13 publishNotReadyAddresses bool,
    14 sessionAffinityConfig SessionAffinityConfig, 17 ipFamilyPolicy string, 18 clusterIPs []string,
    19 ipFamilies []string, 20 allocateLoadBalancerNodePorts bool, 21 loadBalancerClass string,
    22 internalTrafficPolicy string, 23 trafficDistribution string
ServicePort: 1 name string, 2 protocol string, 3 port int, 4 targetPort int-or-string, 5 nodePort int,
    6 appProtocol string
SessionAffinityConfig: 1 clientIP ClientIPConfig
ClientIPConfig: 1 timeoutSeconds int
ConfigMap: 1 metadata ObjectMeta, 2 data map:string, 3 binaryData map:bytes, 4 immutable bool
Secret: 1 metadata ObjectMeta, 2 data map:bytes, 3 type string, 4 stringData map:string,
    5 immutable bool
ServiceAccount: 1 metadata ObjectMeta, 4 automountServiceAccountToken bool
Deployment: 1 metadata ObjectMeta, 2 spec DeploymentSpec
DeploymentSpec: 1 replicas int, 2 selector LabelSelector, 3 template PodTemplateSpec,
    4 strategy DeploymentStrategy, 5 minReadySeconds int, 6 revisionHistoryLimit int, 7 paused bool,
    9 progressDeadlineSeconds int
DeploymentStrategy: 1 type string, 2 rollingUpdate RollingUpdateDeployment
RollingUpdateDeployment: 1 maxUnavailable int-or-string, 2 maxSurge int-or-string
PodTemplateSpec: 1 metadata ObjectMeta, 2 spec PodSpec
Pod: 1 metadata ObjectMeta, 2 spec PodSpec
PodSpec: 1 volumes []Volume, 2 containers []Container, 3 restartPolicy string,
    4 terminationGracePeriodSeconds int, 5 activeDeadlineSeconds int, 6 dnsPolicy string,
    7 nodeSelector map:string, 8 serviceAccountName string, 10 nodeName string, 11 hostNetwork bool,
    12 hostPID bool, 13 hostIPC bool, 14 securityContext PodSecurityContext,
    15 imagePullSecrets []LocalObjectReference, 16 hostname string, 17 subdomain string,
    18 affinity Affinity, 19 schedulerName string, 20 initContainers []Container,
    21 automountServiceAccountToken bool, 22 tolerations []Toleration, 23 hostAliases []HostAlias,
    24 priorityClassName string, 25 priority int, 26 dnsConfig PodDNSConfig, 27 shareProcessNamespace bool,
    30 enableServiceLinks bool, 34 ephemeralContainers []EphemeralContainer
LocalObjectReference: 1 name string
PodSecurityContext: 2 runAsUser int, 3 runAsNonRoot bool, 4 supplementalGroups []int, 5 fsGroup int,
    6 runAsGroup int, 7 sysctls []Sysctl, 10 seccompProfile SeccompProfile
Sysctl: 1 name string, 2 value string
SeccompProfile: 1 type string, 2 localhostProfile string
Toleration: 1 key string, 2 operator string, 3 value string, 4 effect string, 5 tolerationSeconds int
HostAlias: 1 ip string, 2 hostnames []string
PodDNSConfig: 1 nameservers []string, 2 searches []string, 3 options []PodDNSConfigOption
PodDNSConfigOption: 1 name string, 2 value string
Affinity: 1 nodeAffinity NodeAffinity, 2 podAffinity PodAffinity, 3 podAntiAffinity PodAffinity
NodeAffinity: 1 requiredDuringSchedulingIgnoredDuringExecution NodeSelector,
    2 preferredDuringSchedulingIgnoredDuringExecution []PreferredSchedulingTerm
NodeSelector: 1 nodeSelectorTerms []NodeSelectorTerm
NodeSelectorTerm: 1 matchExpressions []LabelSelectorRequirement, 2 matchFields []LabelSelectorRequirement
PreferredSchedulingTerm: 1 weight int, 2 preference NodeSelectorTerm
PodAffinity: 1 requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm,
    2 preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm
WeightedPodAffinityTerm: 1 weight int, 2 podAffinityTerm PodAffinityTerm
PodAffinityTerm: 1 labelSelector LabelSelector, 2 namespaces []string, 3 topologyKey string
Volume: 1 name string, 2 - inline:VolumeSource
VolumeSource: 1 hostPath HostPathVolumeSource, 2 emptyDir EmptyDirVolumeSource,
    6 secret SecretVolumeSource, 10 persistentVolumeClaim PersistentVolumeClaimVolumeSource,
    19 configMap ConfigMapVolumeSource
HostPathVolumeSource: 1 path string, 2 type string
EmptyDirVolumeSource: 1 medium string, 2 sizeLimit quantity
SecretVolumeSource: 1 secretName string, 2 items []KeyToPath, 3 defaultMode int, 4 optional bool
ConfigMapVolumeSource: 1 - inline:LocalObjectReference, 2 items []KeyToPath, 3 defaultMode int,
    4 optional bool
PersistentVolumeClaimVolumeSource: 1 claimName string, 2 readOnly bool
KeyToPath: 1 key string, 2 path string, 3 mode int
Container: 1 name string, 2 image string, 3 command []string, 4 args []string, 5 workingDir string,
    6 ports []ContainerPort, 7 env []EnvVar, 8 resources ResourceRequirements, 9 volumeMounts []VolumeMount,
    10 livenessProbe Probe, 11 readinessProbe Probe, 13 terminationMessagePath string,
    14 imagePullPolicy string, 15 securityContext SecurityContext, 16 stdin bool, 17 stdinOnce bool,
    18 tty bool, 19 envFrom []EnvFromSource, 20 terminationMessagePolicy string, 22 startupProbe Probe
EphemeralContainer: 1 - inline:Container, 2 targetContainerName string
VolumeMount: 1 name string, 2 readOnly bool, 3 mountPath string, 4 subPath string
SecurityContext: 1 capabilities Capabilities, 2 privileged bool, 4 runAsUser int, 5 runAsNonRoot bool,
    6 readOnlyRootFilesystem bool, 7 allowPrivilegeEscalation bool, 8 runAsGroup int,
    11 seccompProfile SeccompProfile
Capabilities: 1 add []string, 2 drop []string
Probe: 1 - inline:ProbeHandler, 2 initialDelaySeconds int, 3 timeoutSeconds int, 4 periodSeconds int,
    5 successThreshold int, 6 failureThreshold int, 7 terminationGracePeriodSeconds int
ProbeHandler: 1 exec ExecAction, 2 httpGet HTTPGetAction, 3 tcpSocket TCPSocketAction
ExecAction: 1 command []string
HTTPGetAction: 1 path string, 2 port int-or-string, 3 host string, 4 scheme string,
    5 httpHeaders []HTTPHeader
HTTPHeader: 1 name string, 2 value string
TCPSocketAction: 1 port int-or-string, 2 host string
EnvFromSource: 1 prefix string, 2 configMapRef EnvSourceReference, 3 secretRef EnvSourceReference
EnvSourceReference: 1 - inline:LocalObjectReference, 2 optional bool
ContainerPort: 1 name string, 2 hostPort int, 3 containerPort int, 4 protocol string, 5 hostIP string
EnvVar: 1 name string, 2 value string, 3 valueFrom EnvVarSource
EnvVarSource: 1 fieldRef ObjectFieldSelector, 2 resourceFieldRef ResourceFieldSelector,
    3 configMapKeyRef KeySelector, 4 secretKeyRef KeySelector
ObjectFieldSelector: 1 apiVersion string, 2 fieldPath string
ResourceFieldSelector: 1 containerName string, 2 resource string, 3 divisor quantity
KeySelector: 1 - inline:LocalObjectReference, 2 key string, 3 optional bool
ResourceRequirements: 1 limits map:quantity, 2 requests map:quantity
Ingress: 1 metadata ObjectMeta, 2 spec IngressSpec
IngressSpec: 1 defaultBackend IngressBackend, 2 tls []IngressTLS, 3 rules []IngressRule,
    4 ingressClassName string
IngressTLS: 1 hosts []string, 2 secretName string
IngressRule: 1 host string, 2 - inline:IngressRuleValue
IngressRuleValue: 1 http HTTPIngressRuleValue
HTTPIngressRuleValue: 1 paths []HTTPIngressPath
HTTPIngressPath: 1 path string, 2 backend IngressBackend, 3 pathType string
IngressBackend: 3 resource TypedLocalObjectReference, 4 service IngressServiceBackend
TypedLocalObjectReference: 1 apiGroup string, 2 kind string, 3 name string
IngressServiceBackend: 1 name string, 2 port ServiceBackendPort
ServiceBackendPort: 1 name string, 2 number int
SelfSubjectAccessReview: 1 metadata ObjectMeta, 2 spec SelfSubjectAccessReviewSpec
SelfSubjectAccessReviewSpec: 1 resourceAttributes ResourceAttributes,
    2 nonResourceAttributes NonResourceAttributes
ResourceAttributes: 1 namespace string, 2 verb string, 3 group string, 4 version string,
    5 resource string, 6 subresource string, 7 name string
NonResourceAttributes: 1 path string, 2 verb string
SelfSubjectRulesReview: 1 metadata ObjectMeta, 2 spec SelfSubjectRulesReviewSpec
SelfSubjectRulesReviewSpec: 1 namespace string
SelfSubjectReview: 1 metadata ObjectMeta
Named: 1 metadata ObjectMeta
DeleteOptions: 1 gracePeriodSeconds int, 2 preconditions Preconditions, 3 orphanDependents bool,
    4 propagationPolicy string, 5 dryRun []string
Preconditions: 1 uid string, 2 resourceVersion string
Eviction: 1 metadata ObjectMeta, 2 deleteOptions DeleteOptions
"""

# Kinds that are only refused: their names are enough.
_REFUSED = (
    "Job", "CronJob", "ResourceQuota", "HorizontalPodAutoscaler", "TokenRequest", "Role", "RoleBinding",
    "ClusterRole", "ClusterRoleBinding", "PodDisruptionBudget", "PriorityClass",
)  # fmt: skip


def _parsed(tables: str) -> dict[str, dict[int, tuple[str, str]]]:
    messages: dict[str, dict[int, tuple[str, str]]] = {}
    for line in tables.replace(",\n    ", ", ").strip().splitlines():
        name, _, fields = line.partition(": ")
        rows = (field.split(" ") for field in fields.split(", "))
        messages[name] = {int(number): (field, type_) for number, field, type_ in rows}
    return messages


MESSAGES = _parsed(_TABLES)
KINDS = {**{name: name for name in MESSAGES}, **dict.fromkeys(_REFUSED, "Named")}
