"""From a decoded object to one that may be stored: defaults, admission plugins, allocation, validation, in
that order.

Source: apiserver registry/rest and registry/generic (BeforeCreate, BeforeUpdate), the default admission
plugins of 1.36 without ServiceAccount. Pure: the caller writes what comes back, in one transaction with the
snapshot read.
"""

from base64 import b64encode
from copy import deepcopy
from datetime import datetime
from typing import Any

from svclab.kube import names
from svclab.kube.admission_pod import admit_pod, qos_class
from svclab.kube.admission_service import hide_internal_policy, prepare_service
from svclab.kube.allocation import AllocationError
from svclab.kube.apply import track_update
from svclab.kube.defaults import TEMPLATE_GENERATION, apply_defaults
from svclab.kube.meta import timestamp
from svclab.kube.resources import Resource, by_kind
from svclab.kube.snapshot import Snapshot
from svclab.kube.status import FieldError, bad_request, forbidden, internal, invalid_object, not_found
from svclab.kube.validation import validate, validate_update
from svclab.linux.dice import Dice

Manifest = dict[str, Any]

# Kinds whose metadata.generation counts changes of what is wanted.
_WITH_GENERATION = frozenset({
    "Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "EndpointSlice", "Ingress", "IngressClass",
    "NetworkPolicy",
})  # fmt: skip
# What a fresh object's status says; a client's own is not taken over.
_FRESH_STATUS: dict[str, Manifest] = {
    "Deployment": {},
    "ReplicaSet": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "DaemonSet": {
        "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0,
    },
    "Service": {"loadBalancer": {}},
    "Ingress": {"loadBalancer": {}},
    "Pod": {"phase": "Pending"},
    "Namespace": {"phase": "Active"},
}  # fmt: skip
_NOT_READY_TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
_KEPT_METADATA = (
    "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
)  # fmt: skip


def prepare_create(
    resource: Resource, given: Manifest, snapshot: Snapshot, now: datetime, dice: Dice, manager: str = ""
) -> Manifest:
    """A new object, complete but for its resourceVersion.

    `given` is decoded and has its request's namespace. `manager`, if named, is credited in managedFields.
    Raises Refusal: namespace missing or terminating, not allowed (403), or everything wrong with it (422).
    """
    new = deepcopy(given)
    metadata = _fresh_metadata(new, now, dice)
    if resource.kind in _FRESH_STATUS:
        new["status"] = deepcopy(_FRESH_STATUS[resource.kind])
    _convert_secret(new)
    apply_defaults(new)
    if manager:
        new = _credited(None, new, manager, now)
        metadata = new["metadata"]
    check_namespace(resource, metadata, snapshot)
    if resource.kind == "Pod":
        admit_pod(new)
    elif resource.kind == "Node":
        _taint_new_node(new)
    elif resource.kind == "Namespace":
        new.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    _allocate(resource, new, None, snapshot, dice)
    if resource.kind == "Pod":
        new["status"]["qosClass"] = qos_class(new["spec"])
    if resource.kind in _WITH_GENERATION:
        metadata["generation"] = 1
    _refuse(resource, new, validate(new))
    if resource.kind == "Service":
        hide_internal_policy(new)
    _check_no_version(given.get("metadata", {}).get("resourceVersion", ""))
    return new


def _check_no_version(version: str) -> None:
    """Only what is stored has a resourceVersion; a text that is none is passed over. Raises Refusal (500)."""
    if version.isdecimal() and int(version):
        raise internal("resourceVersion should not be set on objects to be created")


def _fresh_metadata(new: Manifest, now: datetime, dice: Dice) -> Manifest:
    metadata = new.setdefault("metadata", {})
    for name in (
        "resourceVersion",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
    ):
        metadata.pop(name, None)
    if metadata.get("generateName") and not metadata.get("name"):
        metadata["name"] = names.generated(metadata["generateName"], dice)
    metadata["uid"] = names.uid(dice)
    metadata["creationTimestamp"] = timestamp(now)
    return metadata


def _convert_secret(new: Manifest) -> None:
    """stringData is for writing only: it lands in data."""
    if new["kind"] == "Secret" and (texts := new.pop("stringData", None)):
        data = new.setdefault("data", {})
        for key, text in texts.items():
            data[key] = b64encode(text.encode()).decode()


def check_namespace(resource: Resource, metadata: Manifest, snapshot: Snapshot) -> None:
    """The namespace of a new object must be there and stay. Raises Refusal (404, 403)."""
    if not resource.namespaced:
        return
    name = metadata.get("namespace", "")
    namespace = snapshot.get("Namespace", "", name)
    kind = by_kind("Namespace")
    assert kind is not None
    if namespace is None:
        raise not_found(kind, name)
    if namespace["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {name} because it is being terminated"
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        raise forbidden(resource, metadata.get("name", ""), why, [cause])


def _taint_new_node(node: Manifest) -> None:
    """A node is not ready until its kubelet says so."""
    taints = node.setdefault("spec", {}).setdefault("taints", [])
    if not any(taint.get("key") == _NOT_READY_TAINT["key"] for taint in taints):
        taints.append(dict(_NOT_READY_TAINT))


def _credited(old: Manifest | None, new: Manifest, manager: str, now: datetime) -> Manifest:
    """The object with managedFields; status is written by others, through its own path."""
    before = None if old is None else {key: value for key, value in old.items() if key != "status"}
    after = {key: value for key, value in new.items() if key != "status"}
    tracked = track_update(before, after, manager, now)
    return {**tracked, "status": new["status"]} if "status" in new else tracked


def _allocate(
    resource: Resource, new: Manifest, old: Manifest | None, snapshot: Snapshot, dice: Dice
) -> None:
    if resource.kind != "Service":
        return
    try:
        prepare_service(new, old, snapshot, dice)
    except AllocationError as error:
        _refuse(resource, new, error.errors)


def _refuse(resource: Resource, manifest: Manifest, errors: list[FieldError]) -> None:
    if errors:
        name = manifest["metadata"].get("name", "")
        raise invalid_object(resource.kind, resource.group, name, errors)


def prepare_update(
    resource: Resource,
    given: Manifest,
    old: Manifest,
    snapshot: Snapshot,
    now: datetime,
    dice: Dice,
    manager: str = "",
) -> Manifest:
    """What replaces a stored object when a client sends `given`: status, identity and allocations kept.

    The caller has compared resourceVersions. Raises Refusal with everything that is wrong.
    """
    new = deepcopy(given)
    if resource.subresource("status") is not None:
        new.pop("status", None)
        if "status" in old:
            new["status"] = deepcopy(old["status"])
    _keep_metadata(new, old)
    if resource.kind == "Namespace":
        new["spec"] = deepcopy(old.get("spec", {}))
    if resource.kind == "Service":
        new.setdefault("spec", {})
    _convert_secret(new)
    apply_defaults(new)
    if resource.kind == "DaemonSet":
        _count_template(new, old)
    if resource.kind == "Pod":
        _keep_admitted(new, old)
    if manager:
        new = _credited(old, new, manager, now)
    _allocate(resource, new, old, snapshot, dice)
    _refuse(resource, new, validate_update(new, old))
    if resource.kind == "Service":
        hide_internal_policy(new)
    if resource.kind in _WITH_GENERATION and _wish(new) != _wish(old):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
    return new


def _keep_metadata(new: Manifest, old: Manifest) -> None:
    metadata = new.setdefault("metadata", {})
    for name in _KEPT_METADATA:
        metadata.pop(name, None)
        if name in old["metadata"]:
            metadata[name] = old["metadata"][name]
    metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
    metadata.pop("selfLink", None)
    if "managedFields" not in metadata and "managedFields" in old["metadata"]:
        metadata["managedFields"] = deepcopy(old["metadata"]["managedFields"])


def _count_template(new: Manifest, old: Manifest) -> None:
    """How often a DaemonSet's template has changed is the server's to say."""
    count = int((old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, 1))
    changed = new["spec"].get("template") != old["spec"].get("template")
    new["metadata"]["annotations"][TEMPLATE_GENERATION] = str(count + changed)


def _keep_admitted(new: Manifest, old: Manifest) -> None:
    """What admission put into a pod may be left out by a client that sends the pod again."""
    for name in ("tolerations", "priority", "preemptionPolicy", "nodeName"):
        if name in old["spec"]:
            new["spec"].setdefault(name, deepcopy(old["spec"][name]))


def _wish(manifest: Manifest) -> Manifest:
    """All but metadata and status: what a change of raises the generation."""
    return {key: value for key, value in manifest.items() if key not in ("metadata", "status")}


def match_request(resource: Resource, manifest: Manifest, namespace: str, name: str = "") -> None:
    """Object and URL must agree on namespace and (for an update) name; a namespace left out is filled in.

    Raises Refusal (400).
    """
    metadata = manifest.setdefault("metadata", {})
    if not resource.namespaced:
        metadata.pop("namespace", None)
    elif metadata.setdefault("namespace", namespace) != namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if not name:
        return
    given = metadata.get("name", "")
    if not given:
        why = "was undeterminable: name must be provided"
        raise bad_request(f"the name of the object ({name} based on URL) {why}")
    if given != name:
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
