"""What lies below an object: status, scale, binding, eviction, finalize, ephemeralcontainers, log.

exec, attach and portforward are streams: `streams.py` serves them over WebSocket; plain requests are told
so here.
"""

from copy import deepcopy
from typing import Any

from svclab.apiserver import bodies, logs
from svclab.apiserver.messages import ApiRequest, ApiResponse
from svclab.apiserver.negotiation import answer, answer_format, patch_type
from svclab.apiserver.options import WriteOptions, write_options
from svclab.apiserver.patches import APPLY
from svclab.apiserver.patching import patched, reader
from svclab.apiserver.reads import find, in_format, shown
from svclab.apiserver.routing import Target
from svclab.apiserver.writes import check_identity, check_version, delete_in
from svclab.cluster.batch import Batch
from svclab.cluster.store import ClusterHandle
from svclab.kube.admission import match_request
from svclab.kube.apply import track_update
from svclab.kube.controllers.scheduler import bound
from svclab.kube.defaults import apply_defaults
from svclab.kube.deletion import DeleteOptions
from svclab.kube.reconcile import with_metadata
from svclab.kube.resources import Resource
from svclab.kube.selectors import format_object
from svclab.kube.status import (
    bad_request,
    conflict_because,
    internal,
    invalid_object,
    method_not_allowed,
    not_found,
    not_supported,
    required,
    success,
)
from svclab.kube.validation_meta import non_negative
from svclab.kube.validation_pod_update import validate_ephemeral_containers
from svclab.kube.validation_status import validate_finalizers_update, validate_status_update

Manifest = dict[str, Any]

_SCALE = Resource("autoscaling", "v1", "", "Scale", True)
_BINDING = Resource("", "v1", "bindings", "Binding", True)
_EVICTION = Resource("policy", "v1", "evictions", "Eviction", True)
_PODS = Resource("", "v1", "pods", "Pod", True)
_METHOD_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
STREAMS = frozenset({"exec", "attach", "portforward"})


def handler(request: ApiRequest, target: Target) -> Any:
    """Who answers a request to a subresource. Raises Refusal (405)."""
    sub = target.subresource
    assert sub is not None
    if _METHOD_VERBS.get(request.method) not in sub.verbs:
        raise method_not_allowed()
    if sub.name in STREAMS:
        return _stream_by_plain_request
    found = {
        "status": _status,
        "scale": _scale,
        "binding": bind,
        "eviction": _evict,
        "finalize": _finalize,
        "ephemeralcontainers": _ephemeral_containers,
        "log": logs.answer,
    }.get(sub.name)
    if found is None:
        raise method_not_allowed()
    return found


def _stream_by_plain_request(
    cluster: ClusterHandle, request: ApiRequest, target: Target, _: list[str]
) -> ApiResponse:
    """A client whose WebSocket was refused asks again like this, and shows the reason that it gets here."""
    pod = find(cluster, target)
    if target.subresource is not None and target.subresource.name != "portforward":
        container = logs.container_of(pod, request.parameter("container"))
        logs.check_assigned(pod)
        logs.check_running(pod, container)
    message = (
        "Upgrade request required: this server speaks WebSocket (kubectl 1.30 and later, port-forward "
        "1.31 and later), not SPDY"
    )
    raise bad_request(message)


def _stored(batch: Batch, target: Target) -> Manifest:
    old = batch.snapshot.get(target.resource.kind, target.namespace, target.name)
    if old is None:
        raise not_found(target.resource, target.name)
    return old


def _changed(
    request: ApiRequest,
    target: Target,
    old: Manifest,
    options: WriteOptions,
    warnings: list[str],
    shape: Resource | None = None,
) -> Manifest:
    """The document that a PUT or PATCH of a subresource leaves, decoded: the object, or what `shape` says.

    Raises Refusal.
    """
    resource = target.resource
    shape = shape or resource
    if request.method == "PATCH":
        media_type = patch_type(request)
        change = reader("" if media_type == APPLY else media_type, request.body, shape.kind)
        new, strict = patched(shape, old, change, options.validation)
    else:
        new, strict = bodies.read_object(request, shape, options.validation)
    warnings += strict
    match_request(resource, new, target.namespace, target.name)
    if shape is resource:
        check_identity(resource, new, old)
    return new


def _status(cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
    format_, resource = answer_format(request), target.resource
    if request.method == "GET":
        return answer(format_, 200, shown(resource, find(cluster, target)), warnings)
    options = _options(request)
    with cluster.writing() as batch:
        old = _stored(batch, target)
        new = _changed(request, target, old, options, warnings)
        told = {**old, "metadata": _told(new, old), "status": dict(new.get("status", {}))}
        if qos := old.get("status", {}).get("qosClass"):
            told["status"].setdefault("qosClass", qos)
        made = apply_defaults(deepcopy(told))
        if errors := validate_status_update(made, old):
            raise invalid_object(resource.kind, resource.group, target.name, errors)
        made = track_update(old, made, options.manager, batch.now, subresource="status")
        made = made if options.dry_run else batch.update(made)
    return answer(format_, 200, in_format(cluster, request, resource, made, format_), warnings)


def _told(new: Manifest, old: Manifest) -> Manifest:
    """The metadata that a write to a status leaves: labels and the like may change with it."""
    metadata = dict(old["metadata"])
    for name in ("annotations", "finalizers", "labels"):
        if name == "labels" and old["kind"] == "Deployment":
            continue  # its strategy keeps them
        metadata.pop(name, None)
        if new["metadata"].get(name):
            metadata[name] = new["metadata"][name]
    return metadata


def _options(request: ApiRequest) -> WriteOptions:
    """Of a PUT or PATCH. Raises Refusal (422)."""
    kind = "PatchOptions" if request.method == "PATCH" else "UpdateOptions"
    return write_options(request, kind, applies=_is_apply(request))


def _is_apply(request: ApiRequest) -> bool:
    return request.method == "PATCH" and request.headers.get("content-type", "").startswith(APPLY)


def scale_of(manifest: Manifest) -> Manifest:
    """The Scale of a workload: how many are wanted, how many there are, and which pods count."""
    metadata = manifest["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = manifest["spec"].get("replicas", 0)
    status: Manifest = {"replicas": manifest.get("status", {}).get("replicas", 0)}
    if manifest["spec"].get("selector"):
        status["selector"] = format_object(manifest["spec"]["selector"])
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def _scale(cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
    format_, resource = answer_format(request), target.resource
    if request.method == "GET":
        return answer(format_, 200, scale_of(find(cluster, target)), warnings)
    options = _options(request)
    with cluster.writing() as batch:
        old = _stored(batch, target)
        scale = _changed(request, target, scale_of(old), options, warnings, _SCALE)
        replicas = scale.get("spec", {}).get("replicas", 0)
        if errors := non_negative("spec.replicas", replicas):
            raise invalid_object("Scale", "autoscaling", target.name, errors)
        _check_scaled(scale, old, resource)
        check_version(resource, scale, old)
        made = track_update(old, _scaled(old, replicas), options.manager, batch.now, subresource="scale")
        made = made if options.dry_run else batch.update(made)
    return answer(format_, 200, scale_of(made), warnings)


def _check_scaled(scale: Manifest, old: Manifest, resource: Resource) -> None:
    """A Scale that names a uid means that very workload. Raises Refusal (409)."""
    asked, stored = scale["metadata"].get("uid", ""), old["metadata"]["uid"]
    if asked and asked != stored:
        kind = f"{resource.plural}/scale"
        why = f"Precondition failed: UID in precondition: {asked}, UID in object meta: {stored}"
        details = {"group": resource.group, "kind": kind}
        raise conflict_because(f"{kind}.{resource.group}", old["metadata"]["name"], why, details)


def _scaled(old: Manifest, replicas: int) -> Manifest:
    if old["spec"].get("replicas") == replicas:
        return old
    metadata = {**old["metadata"], "generation": old["metadata"].get("generation", 0) + 1}
    return {**old, "metadata": metadata, "spec": {**old["spec"], "replicas": replicas}}


def bind(cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
    """A scheduler's decision: the pod belongs to this node from now on.

    It comes to the pod's own path, or to `bindings` with the pod's name inside.
    """
    format_ = answer_format(request)
    options = write_options(request, "CreateOptions")
    binding, strict = bodies.read_object(request, _BINDING, options.validation)
    warnings += strict
    match_request(_BINDING, binding, target.namespace)
    name = binding["metadata"].get("name", "")
    if target.name and name != target.name:
        raise bad_request("name in URL does not match name in Binding object")
    node = _bound_node(binding.get("target", {}))
    with cluster.writing() as batch:
        pod = batch.snapshot.get("Pod", target.namespace, name)
        if pod is None:
            raise not_found(_PODS, name)
        if why := _unbindable(pod):
            raise conflict_because("pods/binding", name, why, {"kind": "pods/binding"})
        made = bound(pod, node, batch.snapshot.get("Node", "", node), batch.now)
        if annotations := binding["metadata"].get("annotations"):
            kept = made["metadata"].get("annotations") or {}
            made = with_metadata(made, annotations={**kept, **annotations})
        if not options.dry_run:
            batch.update(made)
    return answer(format_, 201, success(code=201), warnings)


def _unbindable(pod: Manifest) -> str:
    """Why a pod takes no node, in the words of the pods' storage (setPodNodeAndMetadata); "" if it does."""
    name = pod["metadata"]["name"]
    if "deletionTimestamp" in pod["metadata"]:
        return f"pod {name} is being deleted, cannot be assigned to a host"
    if node := pod["spec"].get("nodeName"):
        return f'pod {name} is already assigned to node "{node}"'
    if pod["spec"].get("schedulingGates"):
        return f"pod {name} has non-empty .spec.schedulingGates"
    return ""


def _bound_node(target: Manifest) -> str:
    """The node that a binding names. Raises Refusal (500)."""
    kind, name = target.get("kind", ""), target.get("name", "")
    errors = [] if kind in ("", "Node") else [not_supported("target.kind", kind, ("Node", "<empty>"))]
    errors += [] if name else [required("target.name")]
    if errors:
        told = ", ".join(f"{error.field}: {error.message}" for error in errors)
        raise internal(told if len(errors) == 1 else f"[{told}]")
    return name


def _evict(cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
    """Deletion with manners; without disruption budgets it is always allowed."""
    format_ = answer_format(request)
    options = write_options(request, "CreateOptions")
    eviction, strict = bodies.read_object(request, _EVICTION, options.validation)
    warnings += strict
    match_request(target.resource, eviction, target.namespace)
    if eviction["metadata"].get("name", "") != target.name:
        raise bad_request("name in URL does not match name in Eviction object")
    asked = eviction.get("deleteOptions", {})
    if options.dry_run:
        asked = {**asked, "dryRun": ["All"]}
    deletion = DeleteOptions.read(asked)
    with cluster.writing() as batch:
        delete_in(batch, target.resource, _stored(batch, target), deletion)
    return answer(format_, 201, success(code=201), warnings)


def _finalize(
    cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]
) -> ApiResponse:
    """A namespace's own finalizers may change here alone; when the last goes, so does the namespace."""
    format_, resource = answer_format(request), target.resource
    options = _options(request)
    given, strict = bodies.read_object(request, resource, options.validation)
    warnings += strict
    match_request(resource, given, "", target.name)
    with cluster.writing() as batch:
        old = _stored(batch, target)
        check_identity(resource, given, old)
        made = {**old, "spec": given.get("spec", {})}
        if errors := validate_finalizers_update(made, old):
            raise invalid_object(resource.kind, resource.group, target.name, errors)
        made = made if options.dry_run else batch.update(made)
    return answer(format_, 200, shown(resource, made), warnings)


def _ephemeral_containers(
    cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]
) -> ApiResponse:
    """`kubectl debug`: containers may be added to a running pod here, and nothing else changed."""
    format_, resource = answer_format(request), target.resource
    if request.method == "GET":
        return answer(format_, 200, shown(resource, find(cluster, target)), warnings)
    options = _options(request)
    with cluster.writing() as batch:
        old = _stored(batch, target)
        new = _changed(request, target, old, options, warnings)
        added = new.get("spec", {}).get("ephemeralContainers", [])
        made = apply_defaults(deepcopy({**old, "spec": {**old["spec"], "ephemeralContainers": added}}))
        if errors := validate_ephemeral_containers(made, old):
            raise invalid_object("Pod", "", target.name, errors)
        made = made if options.dry_run else batch.update(made)
    return answer(format_, 200, shown(resource, made), warnings)
