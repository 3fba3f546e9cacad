"""The bodies of JSON patches, merge patches and strategic merge patches: read, applied, and the outcome
decoded again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from svclab.apiserver import openapi
from svclab.kube.decoding import Decoded, typed, version_and_kind
from svclab.kube.decoding_json import JsonError, go_kind, once, repeated_fields
from svclab.kube.decoding_json import parse as parse_json
from svclab.kube.patch import (
    ListOfLists,
    PatchError,
    PatchFormatError,
    json_patch,
    merge_patch,
    strategic_merge,
)
from svclab.kube.resources import Resource
from svclab.kube.status import Refusal, bad_request, failure, internal, invalid, invalid_object, unprocessable
from svclab.kube.unstructured import from_unstructured, go_map

Manifest = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
_MAX_OPERATIONS = 10_000
_OPERATION_WORDS = ("op", "path", "from")


@dataclass(frozen=True, slots=True)
class Change:
    """A patch that has been read: what it does, and what strict validation has against its own text.

    `shown` is the patch where an outcome that is no object quotes it; without it the outcome is quoted.
    """

    apply: Callable[[Manifest], Any]
    strict: tuple[str, ...] = ()
    shown: str | None = None


def reader(media_type: str, body: bytes, kind: str) -> Change:
    """A patch body. Raises Refusal (400, 413)."""
    if media_type == STRATEGIC:
        value = _parsed(body, "")
        if value is not None and not isinstance(value, dict):
            raise bad_request(_undecodable(value, "map[string]interface {}"))
        patch = once(value or {})
        strict = tuple(repeated_fields(value))
        return Change(lambda old: _strategically_patched(kind, old, patch), strict, go_map(patch))
    value = _parsed(body, "error decoding patch: ")
    if media_type == JSON_PATCH:
        strict = _operations(value)
        return Change(lambda old: _json_patched(old, once(value) or []), strict)
    if value is None:
        raise bad_request("Invalid JSON Patch")
    if not isinstance(value, dict):
        raise bad_request("error decoding patch: " + _undecodable(value, "map[string]interface {}"))
    return Change(lambda old: merge_patch(old, once(value)), tuple(repeated_fields(value)))


def patched(resource: Resource, old: Manifest, change: Change, validation: str) -> tuple[Manifest, list[str]]:
    """An object after a patch, decoded again, and the warnings of that. Raises Refusal (400, 422, 500)."""
    document = change.apply({"apiVersion": resource.api_version, "kind": resource.kind, **old})
    decoded = _decoded(document, resource, change)
    quoted = change.shown if change.shown is not None else _text(document)
    if isinstance(decoded, str):
        raise unfit(quoted, decoded)
    strict = [*change.strict, *decoded.strict_errors]
    if strict and validation == "Strict":
        raise unfit(quoted, f"strict decoding error: {', '.join(strict)}")
    made = {**decoded.manifest, "apiVersion": resource.api_version, "kind": resource.kind}
    return made, strict if validation == "Warn" else []


def unfit(quoted: str, why: str) -> Refusal:
    """422 without a name or kind: the server quotes the whole patched object."""
    return invalid_object("", "", "", [invalid("patch", quoted, why)])


def _decoded(document: Any, resource: Resource, change: Change) -> Decoded | str:
    schemas = openapi.schemas()
    if change.shown is not None:
        return from_unstructured(document, schemas, resource.api_version, resource.kind)
    named = version_and_kind(document, resource)
    return named if isinstance(named, str) else typed(document, *named, resource, schemas)


def _text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _parsed(body: bytes, prefix: str) -> Any:
    try:
        return parse_json(body)
    except JsonError as error:
        raise bad_request(f"{prefix}{error}") from None


def _undecodable(value: Any, wanted: str) -> str:
    return f"json: cannot unmarshal {go_kind(value)} into Go value of type {wanted}"


def _operations(value: Any) -> tuple[str, ...]:
    """What strict validation has against the operations of a JSON patch. Raises Refusal."""
    if value is not None and not isinstance(value, list):
        raise bad_request("error decoding patch: " + _undecodable(value, "[]handlers.jsonPatchOp"))
    strict = []
    for index, operation in enumerate(value or ()):
        if operation is not None and not isinstance(operation, dict):
            raise bad_request("error decoding patch: " + _undecodable(operation, "handlers.jsonPatchOp"))
        strict += _operation(operation or {}, index)
    if len(value or ()) > _MAX_OPERATIONS:
        message = f"The allowed maximum operations in a JSON patch is {_MAX_OPERATIONS}, got {len(value)}"
        raise failure(413, "RequestEntityTooLarge", message)
    return tuple(strict)


def _operation(operation: Manifest, index: int) -> list[str]:
    for key in _OPERATION_WORDS:
        given = operation.get(key)
        if given is not None and not isinstance(given, str):
            where = f"Go struct field jsonPatchOp.{key} of type string"
            why = f"json: cannot unmarshal {go_kind(given)} into {where}"
            raise bad_request(f"error decoding patch: {why}")
    known = (*_OPERATION_WORDS, "value")
    strict = [f'unknown field "[{index}].{key}"' for key in operation if key not in known]
    return [f"json patch {error}" for error in (*strict, *repeated_fields(operation, f"[{index}]"))]


def _json_patched(old: Manifest, operations: list[Manifest]) -> Any:
    try:
        return json_patch(old, operations)
    except (PatchError, AttributeError, TypeError):
        raise unprocessable() from None


def _strategically_patched(kind: str, old: Manifest, value: Manifest) -> Manifest:
    try:
        return strategic_merge(kind, old, value)
    except PatchFormatError as error:
        raise bad_request(str(error)) from None
    except ListOfLists:
        raise unprocessable() from None
    except PatchError as error:
        raise internal(str(error)) from None
