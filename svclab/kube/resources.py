"""The registry of API resources: what `kubectl api-resources` lists, and which of them our clusters keep.

Source: discovery of Kubernetes 1.36. A resource with `stored` False is known by name only: its lists are
empty and it cannot be created. Kinds are unique here but for Event and HorizontalPodAutoscaler, served twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_STATUS_VERBS = ("get", "patch", "update")
_PROXY_VERBS = ("create", "delete", "get", "patch", "update")


@dataclass(frozen=True, slots=True)
class Subresource:
    """A path below an object (`pods/log`); `group` and `version` name the kind's own when they differ."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One row of discovery: `services` of group "" version v1, kind Service."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    stored: bool = False

    @property
    def singular(self) -> str:
        """The name in the singular; the API uses the kind in lower case."""
        return self.kind.lower()

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`: what stands in an object's apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`services`, `deployments.apps`: the name in error messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of this name, or None."""
        return next((sub for sub in self.subresources if sub.name == name), None)

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, the object or its subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        inner = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return root + inner + "".join(f"/{part}" for part in (self.plural, name, subresource) if part)


def _status(kind: str) -> Subresource:
    return Subresource("status", kind, _STATUS_VERBS)


def _proxy(kind: str) -> Subresource:
    return Subresource("proxy", f"{kind}ProxyOptions", _PROXY_VERBS)


_SCALE = Subresource("scale", "Scale", _STATUS_VERBS, "autoscaling", "v1")
_POD_SUBRESOURCES = (
    Subresource("attach", "PodAttachOptions", ("create", "get")),
    Subresource("binding", "Binding", ("create",)),
    Subresource("ephemeralcontainers", "Pod", _STATUS_VERBS),
    Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
    Subresource("exec", "PodExecOptions", ("create", "get")),
    Subresource("log", "Pod", ("get",)),
    Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
    _proxy("Pod"),
    Subresource("resize", "Pod", _STATUS_VERBS),
    _status("Pod"),
)
_NAMESPACE_VERBS = tuple(verb for verb in ALL_VERBS if verb != "deletecollection")
_TOKEN = Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1")
_CREATE = ("create",)
_ALL = ("all",)
_EXTENSIONS = ("api-extensions",)

# What a learner's cluster keeps.
_STORED: dict[str, tuple[Resource, ...]] = {
    "": (
        Resource("", "v1", "configmaps", "ConfigMap", True, ("cm",)),
        Resource("", "v1", "endpoints", "Endpoints", True, ("ep",)),
        Resource("", "v1", "events", "Event", True, ("ev",)),
        Resource("", "v1", "namespaces", "Namespace", False, ("ns",), (), _NAMESPACE_VERBS,
                 (Subresource("finalize", "Namespace", ("update",)), _status("Namespace"))),
        Resource("", "v1", "nodes", "Node", False, ("no",), (), ALL_VERBS, (_proxy("Node"), _status("Node"))),
        Resource("", "v1", "pods", "Pod", True, ("po",), _ALL, ALL_VERBS, _POD_SUBRESOURCES),
        Resource("", "v1", "secrets", "Secret", True),
        Resource("", "v1", "serviceaccounts", "ServiceAccount", True, ("sa",), (), ALL_VERBS, (_TOKEN,)),
        Resource("", "v1", "services", "Service", True, ("svc",), _ALL, ALL_VERBS,
                 (_proxy("Service"), _status("Service"))),
    ),
    "apps": (
        Resource("apps", "v1", "daemonsets", "DaemonSet", True, ("ds",), _ALL, ALL_VERBS,
                 (_status("DaemonSet"),)),
        Resource("apps", "v1", "deployments", "Deployment", True, ("deploy",), _ALL, ALL_VERBS,
                 (_SCALE, _status("Deployment"))),
        Resource("apps", "v1", "replicasets", "ReplicaSet", True, ("rs",), _ALL, ALL_VERBS,
                 (_SCALE, _status("ReplicaSet"))),
        Resource("apps", "v1", "statefulsets", "StatefulSet", True, ("sts",), _ALL, ALL_VERBS,
                 (_SCALE, _status("StatefulSet"))),
    ),
    "coordination.k8s.io": (Resource("coordination.k8s.io", "v1", "leases", "Lease", True),),
    "discovery.k8s.io": (Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True),),
    "networking.k8s.io": (
        Resource("networking.k8s.io", "v1", "ingressclasses", "IngressClass", False),
        Resource("networking.k8s.io", "v1", "ingresses", "Ingress", True, ("ing",), (), ALL_VERBS,
                 (_status("Ingress"),)),
        Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True, ("netpol",)),
    ),
}  # fmt: skip

# What discovery names besides: group/version, then "plural Kind N|C short,names category|- subresources".
_NAMED_ONLY = """
v1
  limitranges LimitRange N limits
  persistentvolumeclaims PersistentVolumeClaim N pvc - status
  persistentvolumes PersistentVolume C pv - status
  podtemplates PodTemplate N
  replicationcontrollers ReplicationController N rc all scale,status
  resourcequotas ResourceQuota N quota - status
apiregistration.k8s.io/v1
  apiservices APIService C - api-extensions status
apps/v1
  controllerrevisions ControllerRevision N
autoscaling/v2
  horizontalpodautoscalers HorizontalPodAutoscaler N hpa all status
autoscaling/v1
  horizontalpodautoscalers HorizontalPodAutoscaler N hpa all status
batch/v1
  cronjobs CronJob N cj all status
  jobs Job N - all status
certificates.k8s.io/v1
  certificatesigningrequests CertificateSigningRequest C csr - approval,status
networking.k8s.io/v1
  ipaddresses IPAddress C ip
  servicecidrs ServiceCIDR C - - status
policy/v1
  poddisruptionbudgets PodDisruptionBudget N pdb - status
rbac.authorization.k8s.io/v1
  clusterrolebindings ClusterRoleBinding C
  clusterroles ClusterRole C
  rolebindings RoleBinding N
  roles Role N
storage.k8s.io/v1
  csidrivers CSIDriver C
  csinodes CSINode C
  csistoragecapacities CSIStorageCapacity N
  storageclasses StorageClass C sc
  volumeattachments VolumeAttachment C - - status
  volumeattributesclasses VolumeAttributesClass C vac
admissionregistration.k8s.io/v1
  mutatingadmissionpolicies MutatingAdmissionPolicy C - api-extensions
  mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding C - api-extensions
  mutatingwebhookconfigurations MutatingWebhookConfiguration C - api-extensions
  validatingadmissionpolicies ValidatingAdmissionPolicy C - api-extensions status
  validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding C - api-extensions
  validatingwebhookconfigurations ValidatingWebhookConfiguration C - api-extensions
apiextensions.k8s.io/v1
  customresourcedefinitions CustomResourceDefinition C crd,crds api-extensions status
scheduling.k8s.io/v1
  priorityclasses PriorityClass C pc
node.k8s.io/v1
  runtimeclasses RuntimeClass C
resource.k8s.io/v1
  deviceclasses DeviceClass C
  resourceclaims ResourceClaim N - - status
  resourceclaimtemplates ResourceClaimTemplate N
  resourceslices ResourceSlice C
flowcontrol.apiserver.k8s.io/v1
  flowschemas FlowSchema C - - status
  prioritylevelconfigurations PriorityLevelConfiguration C - - status
"""

# Questions answered on the spot, and the events of the newer group: the same objects as v1 events.
_VIRTUAL = (
    Resource("", "v1", "bindings", "Binding", True, verbs=_CREATE),
    Resource("", "v1", "componentstatuses", "ComponentStatus", False, ("cs",), verbs=("get", "list")),
    Resource("events.k8s.io", "v1", "events", "Event", True, ("ev",)),
    Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", False, verbs=_CREATE),
    Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", False, verbs=_CREATE),
    *(
        Resource("authorization.k8s.io", "v1", f"{kind.lower()}s", kind, kind.startswith("Local"),
                 verbs=_CREATE)
        for kind in ("LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview",
                     "SubjectAccessReview")
    ),
)  # fmt: skip

# The order in which the real server lists its groups.
GROUP_ORDER = (
    "", "apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io",
    "autoscaling", "batch", "certificates.k8s.io", "networking.k8s.io", "policy", "rbac.authorization.k8s.io",
    "storage.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io", "scheduling.k8s.io",
    "coordination.k8s.io", "node.k8s.io", "discovery.k8s.io", "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
)  # fmt: skip


def _named_only(table: str) -> Iterable[Resource]:
    group = version = ""
    for line in table.splitlines():
        if line and not line.startswith(" "):
            group, _, version = line.rpartition("/")
        elif line:
            yield _named_resource(group, version, line.split())


def _named_resource(group: str, version: str, cells: list[str]) -> Resource:
    plural, kind, scope, short, category, subs = (cells + ["-"] * 3)[:6]
    return Resource(
        group, version, plural, kind, scope == "N",
        () if short == "-" else tuple(short.split(",")),
        () if category == "-" else (category,),
        subresources=() if subs == "-" else tuple(
            _SCALE if sub == "scale" else Subresource(sub, kind, _STATUS_VERBS) for sub in subs.split(",")
        ),
    )  # fmt: skip


def _in_order(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    found = list(resources)
    versions = [(r.group, r.version) for r in found]
    return tuple(
        sorted(
            found, key=lambda r: (GROUP_ORDER.index(r.group), versions.index((r.group, r.version)), r.plural)
        )
    )


RESOURCES: tuple[Resource, ...] = _in_order(
    [
        *(replace(r, stored=True) for group in _STORED.values() for r in group),
        *_VIRTUAL,
        *_named_only(_NAMED_ONLY),
    ]
)
STORED_KINDS: tuple[str, ...] = tuple(resource.kind for resource in RESOURCES if resource.stored)
_BY_KIND = MappingProxyType({r.kind: r for r in sorted(RESOURCES, key=lambda r: r.stored)})
_BY_PATH = MappingProxyType({(r.group, r.version, r.plural): r for r in RESOURCES})


def by_kind(kind: str, api_version: str | None = None) -> Resource | None:
    """The resource of a kind (of one apiVersion, if given), the stored one first; None if there is none."""
    if api_version is None:
        return _BY_KIND.get(kind)
    return next((r for r in RESOURCES if r.kind == kind and r.api_version == api_version), None)


def by_plural(group: str, version: str, plural: str) -> Resource | None:
    """The resource behind a URL, or None."""
    return _BY_PATH.get((group, version, plural))


@cache
def group_versions() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each group with its versions, the preferred one first, in the real server's order."""
    versions: dict[str, list[str]] = {}
    for resource in RESOURCES:
        known = versions.setdefault(resource.group, [])
        if resource.version not in known:
            known.append(resource.version)
    return tuple((group, tuple(found)) for group, found in versions.items())


def find(name: str) -> Resource | None:
    """What a learner may call it: `svc`, `services`, `Service`, `deployments.apps`, `deployment.v1.apps`."""
    word, _, qualifier = name.lower().partition(".")
    for resource in RESOURCES:
        qualifiers = ("", resource.group, f"{resource.version}.{resource.group}".rstrip("."))
        names = (resource.plural, resource.singular, *resource.short_names)
        if word in names and qualifier in qualifiers:
            return resource
    return None
