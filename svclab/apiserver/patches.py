"""PATCH: JSON patch, merge patch, strategic merge patch and server-side apply, on objects and on their
scale."""

from typing import Any

from svclab.apiserver import bodies, openapi, yaml_body
from svclab.apiserver.messages import ApiRequest, ApiResponse
from svclab.apiserver.negotiation import answer, answer_format, patch_type
from svclab.apiserver.options import WriteOptions, write_options
from svclab.apiserver.patching import patched, reader
from svclab.apiserver.reads import in_format
from svclab.apiserver.routing import Target
from svclab.apiserver.writes import create_in, update_in, without_version
from svclab.cluster.batch import Batch
from svclab.cluster.store import ClusterHandle
from svclab.kube.admission import match_request
from svclab.kube.admission_warnings import warnings_of
from svclab.kube.apply import ApplyConflict, server_side_apply
from svclab.kube.decoding_json import go_kind
from svclab.kube.resources import Resource
from svclab.kube.status import bad_request, conflict_because, failure, internal, not_found
from svclab.kube.typed import typed_errors
from svclab.kube.unstructured import from_unstructured

Manifest = dict[str, Any]

APPLY = "application/apply-patch+yaml"


def patch(cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
    """PATCH of an object; an apply may create it."""
    format_, resource, media_type = answer_format(request), target.resource, patch_type(request)
    bodies.check_size(request)
    options = write_options(request, "PatchOptions", applies=media_type == APPLY)
    with cluster.writing() as batch:
        old = batch.snapshot.get(resource.kind, target.namespace, target.name)
        if media_type == APPLY:
            made, old = _apply(batch, request, target, old, options, warnings)
        else:
            if old is None:
                raise not_found(resource, target.name)
            change = reader(media_type, request.body, resource.kind)
            new, strict = patched(resource, old, change, options.validation)
            warnings += strict
            match_request(resource, new, target.namespace, target.name)
            made = update_in(batch, resource, new, old, options)
    told = [*warnings, *warnings_of(made, old)]
    status = 201 if old is None else 200
    return answer(format_, status, in_format(cluster, request, resource, made, format_), told)


def _apply(
    batch: Batch,
    request: ApiRequest,
    target: Target,
    old: Manifest | None,
    options: WriteOptions,
    warnings: list[str],
) -> tuple[Manifest, Manifest | None]:
    """Server-side apply: (the object, what was there before)."""
    resource = target.resource
    document = _document(request)
    applied = _configuration(document.value, resource)
    try:
        merged = server_side_apply(old, applied, options.manager, batch.now, force=options.force)
    except ApplyConflict as conflict:
        raise failure(409, "Conflict", conflict.message, {"causes": conflict.causes}) from None
    decoded = from_unstructured(merged, openapi.schemas(), resource.api_version, resource.kind)
    if isinstance(decoded, str):
        why = f"unable to convert unstructured object to {_group_version_kind(merged)}: {decoded}"
        raise internal(f"failed to convert to unversioned ({_described(applied)}): {why}")
    warnings += _repeated_keys(document, options.validation)
    made = decoded.manifest
    if old is None and (uid := made["metadata"].get("uid")):
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        details = {"group": resource.group, "kind": resource.plural}
        raise conflict_because(resource.qualified, target.name, why, details)
    match_request(resource, made, target.namespace, target.name)
    # Who manages what has just been written down: nothing is credited on top of it.
    quiet = WriteOptions(options.dry_run, options.validation, "", options.force)
    if old is None:
        return create_in(batch, resource, without_version(made), quiet), None
    return update_in(batch, resource, made, old, quiet), old


def _document(request: ApiRequest) -> yaml_body.Document:
    try:
        return yaml_body.load(request.body)
    except yaml_body.YamlError as error:
        raise bad_request(f"error decoding YAML: error converting YAML to JSON: {error}") from None


def _repeated_keys(document: yaml_body.Document, validation: str) -> list[str]:
    """Keys that stand twice, which only a strict reading minds. Raises Refusal (400)."""
    if not document.duplicates or validation == "Ignore":
        return []
    why = "\n  ".join(("yaml: unmarshal errors:", *document.duplicates))
    why = f"error converting YAML to JSON: {why}"
    if validation == "Strict":
        raise bad_request(f"error strict decoding YAML: {why}")
    return [why]


def _configuration(applied: Any, resource: Resource) -> Manifest:
    """The configuration, if it keeps to the schema; apply answers 500 where others answer 400."""
    applied = {} if applied is None else applied
    if not isinstance(applied, dict):
        why = f"json: cannot unmarshal {go_kind(applied)} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding YAML: error unmarshaling JSON: while decoding JSON: {why}")
    if (applied.get("apiVersion"), applied.get("kind")) != (resource.api_version, resource.kind):
        raise bad_request(f"invalid object type: {_group_version_kind(applied)}")
    metadata = applied.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    go_type = openapi.schemas().of_kind(resource.api_version, resource.kind)
    if go_type is not None and (why := typed_errors(applied, go_type)):
        raise internal(f"failed to create typed patch object ({_described(applied)}): {why}")
    return {**applied, "metadata": metadata or {}}


def _described(applied: Manifest) -> str:
    """Namespace, name and type of a configuration, as it says them itself."""
    metadata = applied.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '')}; {_group_version_kind(applied)}"


def _group_version_kind(applied: Manifest) -> str:
    api_version, kind = applied.get("apiVersion"), applied.get("kind")
    api_version = api_version if isinstance(api_version, str) and api_version.count("/") < 2 else ""
    group, _, version = api_version.rpartition("/")
    return f"{group}/{version}, Kind={kind if isinstance(kind, str) else ''}"
