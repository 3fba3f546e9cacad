"""POST, PUT and DELETE: each one transaction, in which admission sees the very state that the write will
change."""

from typing import Any

from svclab.apiserver import bodies
from svclab.apiserver.messages import ApiRequest, ApiResponse
from svclab.apiserver.negotiation import answer, answer_format
from svclab.apiserver.options import (
    WriteOptions,
    list_options,
    version_number,
    write_options,
)
from svclab.apiserver.reads import in_format, selection, shown
from svclab.apiserver.routing import Target
from svclab.cluster.batch import Batch
from svclab.cluster.store import ClusterHandle
from svclab.kube.admission import match_request, prepare_create, prepare_update
from svclab.kube.admission_warnings import warnings_of
from svclab.kube.deletion import DeleteOptions, after_delete
from svclab.kube.resources import Resource
from svclab.kube.snapshot import key_of
from svclab.kube.status import already_exists, conflict, conflict_because, not_found, not_kept, success

Manifest = dict[str, Any]

# A PUT may create these; other kinds must be there.
_CREATE_ON_UPDATE = frozenset({"Service", "Endpoints", "Event", "Lease"})
# A DELETE of these answers the object, of others a Status.
_ANSWERS_OBJECT = frozenset({"Service", "Pod", "ServiceAccount"})
_STORAGE_FOLDERS = {
    "Service": "services/specs", "Endpoints": "services/endpoints", "Node": "minions", "Ingress": "ingress",
}  # fmt: skip


def create(cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
    """POST to a collection."""
    format_, resource = answer_format(request), target.resource
    if not resource.stored:
        raise not_kept(resource)
    options = write_options(request, "CreateOptions")
    given, strict = bodies.read_object(request, resource, options.validation)
    warnings += strict
    match_request(resource, given, target.namespace)
    with cluster.writing() as batch:
        made = create_in(batch, resource, given, options)
    told = [*warnings, *warnings_of(made)]
    return answer(format_, 201, in_format(cluster, request, resource, made, format_), told)


def create_in(batch: Batch, resource: Resource, given: Manifest, options: WriteOptions) -> Manifest:
    """Admit and store a decoded object; a dry run stores nothing. Raises Refusal."""
    dice = batch.dice(f"create/{resource.kind}/{given['metadata'].get('namespace', '')}")
    made = prepare_create(resource, given, batch.snapshot, batch.now, dice, options.manager)
    namespace, name = key_of(made)
    there = batch.snapshot.get(resource.kind, namespace, name)
    if there is not None:
        raise already_exists(resource, name, ending="deletionTimestamp" in there["metadata"])
    return made if options.dry_run else batch.create(made)


def without_version(given: Manifest) -> Manifest:
    """An object that an update creates; there is no version that it could refer to."""
    metadata = {key: value for key, value in given["metadata"].items() if key != "resourceVersion"}
    return {**given, "metadata": metadata}


def update(cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
    """PUT of an object."""
    format_, resource = answer_format(request), target.resource
    options = write_options(request, "UpdateOptions")
    given, strict = bodies.read_object(request, resource, options.validation)
    warnings += strict
    match_request(resource, given, target.namespace, target.name)
    with cluster.writing() as batch:
        old = batch.snapshot.get(resource.kind, target.namespace, target.name)
        if old is None:
            if uid := given["metadata"].get("uid"):
                nothing = {"namespace": target.namespace, "name": target.name, "uid": ""}
                raise _other_uid(resource, {"metadata": nothing}, uid)
            if resource.kind not in _CREATE_ON_UPDATE:
                raise not_found(resource, target.name)
            made = create_in(batch, resource, without_version(given), options)
        else:
            made = update_in(batch, resource, given, old, options)
    told = [*warnings, *warnings_of(made, old)]
    status = 201 if old is None else 200
    return answer(format_, status, in_format(cluster, request, resource, made, format_), told)


def update_in(
    batch: Batch, resource: Resource, given: Manifest, old: Manifest, options: WriteOptions
) -> Manifest:
    """Admit and store what replaces `old`; a dry run stores nothing. Raises Refusal."""
    check_identity(resource, given, old)
    dice = batch.dice(f"update/{resource.kind}/{'/'.join(key_of(old))}")
    new = prepare_update(resource, given, old, batch.snapshot, batch.now, dice, options.manager)
    return new if options.dry_run else batch.update(new)


def check_identity(resource: Resource, given: Manifest, old: Manifest) -> None:
    """A resourceVersion and uid that the client names must be the stored ones. Raises Refusal (409, 500)."""
    if (uid := given["metadata"].get("uid")) and uid != old["metadata"]["uid"]:
        raise _other_uid(resource, old, uid)
    check_version(resource, given, old)


def check_version(resource: Resource, given: Manifest, old: Manifest) -> None:
    """A resourceVersion that the client names must be the stored one. Raises Refusal (409, 500)."""
    stored = old["metadata"]
    version = version_number(given["metadata"].get("resourceVersion", ""), watch=True)
    if version and version != int(stored["resourceVersion"]):
        raise conflict(resource, stored["name"])


def _other_uid(resource: Resource, old: Manifest, uid: str) -> Exception:
    folder = _STORAGE_FOLDERS.get(resource.kind, resource.plural)
    path = "/".join(part for part in ("/registry", folder, *key_of(old)) if part)
    why = (
        f"StorageError: invalid object, Code: 4, Key: {path}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
    )
    details = {"group": resource.group, "kind": resource.plural}
    return conflict_because(resource.qualified, old["metadata"]["name"], why, details)


def delete(cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
    """DELETE of an object: the object as it is now, or a Status when it is gone and its kind says so."""
    format_, resource = answer_format(request), target.resource
    options = bodies.read_options(request)
    with cluster.writing() as batch:
        old = batch.snapshot.get(resource.kind, target.namespace, target.name)
        if old is None:
            raise not_found(resource, target.name)
        last, gone = delete_in(batch, resource, old, options)
    if gone and resource.kind not in _ANSWERS_OBJECT:
        details = {"name": target.name, "group": resource.group, "kind": resource.plural}
        return answer(format_, 200, success({**details, "uid": last["metadata"]["uid"]}), warnings)
    code = 202 if options.dependents_go and not gone else 200
    return answer(format_, code, in_format(cluster, request, resource, last, format_), warnings)


def delete_in(
    batch: Batch, resource: Resource, old: Manifest, options: DeleteOptions
) -> tuple[Manifest, bool]:
    """Delete or mark an object; (its last state, whether it is gone). Raises Refusal (403, 409)."""
    left = after_delete(resource, old, options, batch.now)
    if left is None:
        return (old if options.dry_run else batch.remove(resource.kind, *key_of(old))), True
    return (left if options.dry_run else batch.update(left)), False


def delete_collection(
    cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]
) -> ApiResponse:
    """DELETE of a collection: everything selected, answered as the list of what was there."""
    format_, resource = answer_format(request), target.resource
    chosen = selection(target, list_options(request))
    options = bodies.read_options(request)
    with cluster.writing() as batch:
        found = [manifest for manifest in batch.snapshot.list(resource.kind) if chosen(manifest)]
        last = [delete_in(batch, resource, manifest, options)[0] for manifest in found]
        version = batch.version
    kind = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
    items = [{k: v for k, v in shown(resource, m).items() if k not in kind} for m in last]
    document = {**kind, "metadata": {"resourceVersion": str(version)}, "items": items}
    return answer(format_, 200, document, warnings)
