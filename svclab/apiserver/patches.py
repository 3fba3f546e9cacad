"""PATCH: JSON patch, merge patch, strategic merge patch and server-side apply, on objects and on their
scale."""

import json
from collections.abc import Callable
from typing import Any

from svclab.apiserver import bodies, openapi, yaml_body
from svclab.apiserver.messages import ApiRequest, ApiResponse
from svclab.apiserver.negotiation import answer, answer_format, patch_type
from svclab.apiserver.options import WriteOptions, write_options
from svclab.apiserver.reads import in_format
from svclab.apiserver.routing import Target
from svclab.apiserver.writes import create_in, update_in
from svclab.cluster.batch import Batch
from svclab.cluster.store import ClusterHandle
from svclab.kube.admission import match_request
from svclab.kube.admission_warnings import warnings_of
from svclab.kube.apply import ApplyConflict, server_side_apply
from svclab.kube.decoding import convert, go_kind
from svclab.kube.decoding_json import JsonError
from svclab.kube.decoding_json import parse as parse_json
from svclab.kube.patch import PatchError, json_patch, merge_patch, strategic_merge
from svclab.kube.resources import Resource
from svclab.kube.status import (
    Refusal,
    bad_request,
    failure,
    internal,
    invalid,
    invalid_object,
    not_found,
    unprocessable,
)

Manifest = dict[str, Any]
Patch = Callable[[Manifest], Manifest]

APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_MAX_OPERATIONS = 10_000


def patch(cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
    """PATCH of an object; an apply may create it."""
    format_, resource, media_type = answer_format(request), target.resource, patch_type(request)
    bodies.check_size(request)
    options = write_options(request, "PatchOptions", applies=media_type == APPLY)
    with cluster.writing() as batch:
        old = batch.snapshot.get(resource.kind, target.namespace, target.name)
        if media_type == APPLY:
            made, old = _apply(batch, request, target, old, options)
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


def patched(
    resource: Resource, old: Manifest, change: Patch, validation: str, api: tuple[str, str] | None = None
) -> tuple[Manifest, list[str]]:
    """An object after a patch, decoded again, and the warnings of that. Raises Refusal (422).

    `api` is (apiVersion, kind) when the patched document is not the resource's own (a Scale).
    """
    api_version, kind = api or (resource.api_version, resource.kind)
    document = {"apiVersion": api_version, "kind": kind, **change(old)}
    document.update(apiVersion=api_version, kind=kind)
    decoded = convert(document, openapi.schemas().of_kind(api_version, kind))
    if isinstance(decoded, str):
        raise _unfit(document, decoded)
    if decoded.strict_errors and validation == "Strict":
        raise _unfit(document, f"strict decoding error: {', '.join(decoded.strict_errors)}")
    told = list(decoded.strict_errors) if validation == "Warn" else []
    return {**decoded.manifest, "apiVersion": api_version, "kind": kind}, told


def _unfit(document: Manifest, why: str) -> Refusal:
    """422 without a name or kind: the server quotes the whole patched object."""
    quoted = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return invalid_object("", "", "", [invalid("patch", quoted, why)])


def reader(media_type: str, body: bytes, kind: str) -> Patch:
    """A patch body as a function from object to object. Raises Refusal (400)."""
    try:
        value = parse_json(body)
    except JsonError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if media_type == _JSON_PATCH:
        if not isinstance(value, list) or not all(isinstance(operation, dict) for operation in value):
            wanted = "[]handlers.jsonPatchOp" if not isinstance(value, list) else "handlers.jsonPatchOp"
            raise _undecodable(value if not isinstance(value, list) else _first_bad(value), wanted)
        if len(value) > _MAX_OPERATIONS:
            message = f"The allowed maximum operations in a JSON patch is {_MAX_OPERATIONS}, got {len(value)}"
            raise failure(413, "RequestEntityTooLarge", message)
        return lambda old: _json_patched(old, value)
    if not isinstance(value, dict):
        raise _undecodable(value, "map[string]interface {}")
    if media_type == _STRATEGIC:
        return lambda old: _strategically_patched(kind, old, value)
    return lambda old: merge_patch(old, value)


def _first_bad(operations: list[Any]) -> Any:
    return next(operation for operation in operations if not isinstance(operation, dict))


def _undecodable(value: Any, wanted: str) -> Refusal:
    return bad_request(
        f"error decoding patch: json: cannot unmarshal {go_kind(value)} into Go value of type {wanted}"
    )


def _json_patched(old: Manifest, operations: list[Manifest]) -> Manifest:
    try:
        result = json_patch(old, operations)
    except (PatchError, AttributeError, TypeError):
        raise unprocessable() from None
    if not isinstance(result, dict):
        raise unprocessable()
    return result


def _strategically_patched(kind: str, old: Manifest, value: Manifest) -> Manifest:
    try:
        return strategic_merge(kind, old, value)
    except PatchError as error:
        raise internal(str(error)) from None
    except (AttributeError, TypeError, KeyError):
        # The patch has another shape than the object: a word where a map belongs, a list of words among maps.
        raise bad_request("strategic merge patch format is not supported") from None


def _apply(
    batch: Batch, request: ApiRequest, target: Target, old: Manifest | None, options: WriteOptions
) -> tuple[Manifest, Manifest | None]:
    """Server-side apply: (the object, what was there before)."""
    resource = target.resource
    applied = _configuration(request, target)
    try:
        merged = server_side_apply(old, applied, options.manager, batch.now, force=options.force)
    except ApplyConflict as conflict:
        raise failure(409, "Conflict", conflict.message, {"causes": conflict.causes}) from None
    match_request(resource, merged, target.namespace, target.name)
    # Who manages what has just been written down: nothing is credited on top of it.
    quiet = WriteOptions(options.dry_run, options.validation, "", options.force)
    decoded = convert(merged, openapi.schemas().of_kind(resource.api_version, resource.kind))
    if isinstance(decoded, str):
        raise _unfit(merged, decoded)
    if old is None:
        return create_in(batch, resource, decoded.manifest, quiet), None
    return update_in(batch, resource, decoded.manifest, old, quiet), old


def _configuration(request: ApiRequest, target: Target) -> Manifest:
    try:
        applied = yaml_body.load(request.body).value
    except yaml_body.YamlError as error:
        raise bad_request(f"error decoding YAML: {error}") from None
    resource = target.resource
    if not isinstance(applied, dict):
        why = f"cannot unmarshal {go_kind(applied)} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding YAML: json: {why}")
    given = (applied.get("apiVersion"), applied.get("kind"))
    if given != (resource.api_version, resource.kind):
        wanted = f"{resource.api_version}/{resource.kind}"
        raise bad_request(f"incorrect GVK in apply patch: want {wanted}, got {given[0]}/{given[1]}")
    metadata = applied.setdefault("metadata", {})
    if isinstance(metadata, dict) and metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    return _typed(applied, target)


def _typed(applied: Manifest, target: Target) -> Manifest:
    """The configuration, if it keeps to the schema; apply answers 500 where others answer 400."""
    resource = target.resource
    decoded = convert(applied, openapi.schemas().of_kind(resource.api_version, resource.kind))
    group = f"{resource.group}/{resource.version}" if resource.group else f"/{resource.version}"
    where = f"({target.namespace}/{target.name}; {group}, Kind={resource.kind})"
    if isinstance(decoded, str):
        raise internal(f"failed to create typed patch object {where}: {decoded}")
    if decoded.strict_errors:
        words = [_undeclared(error) for error in decoded.strict_errors]
        why = words[0] if len(words) == 1 else "errors:\n" + "\n".join(f"  {word}" for word in words)
        raise internal(f"failed to create typed patch object {where}: {why}")
    match_request(resource, applied, target.namespace, target.name)
    return applied


def _undeclared(error: str) -> str:
    """`unknown field "spec.prots"` in the words of structured-merge-diff."""
    return f".{error.partition(chr(34))[2].rstrip(chr(34))}: field not declared in schema"
