"""Objects out of request bodies, whatever form they come in: JSON, YAML or protobuf."""

from typing import Any

from svclab.apiserver import openapi, protobuf, yaml_body
from svclab.apiserver.messages import JSON_TYPE, ApiRequest
from svclab.apiserver.negotiation import YAML_TYPE, body_type
from svclab.apiserver.options import delete_options
from svclab.kube.decoding import (
    Decoded,
    decode,
    json_value,
    strict_refusal,
    typed,
    unrecognized,
    version_and_kind,
)
from svclab.kube.decoding_json import JsonError, parse
from svclab.kube.deletion import DeleteOptions
from svclab.kube.resources import Resource
from svclab.kube.status import failure, internal

Manifest = dict[str, Any]

_OPTIONS = Resource("", "v1", "", "DeleteOptions", False)
LIMIT_BYTES = 3 * 1024 * 1024


def check_size(request: ApiRequest) -> None:
    """Raises Refusal (413) for a body that is too large."""
    if len(request.body) > LIMIT_BYTES:
        message = f"Request entity too large: limit is {LIMIT_BYTES}"
        raise failure(413, "RequestEntityTooLarge", message)


def read_object(request: ApiRequest, resource: Resource, validation: str) -> tuple[Manifest, list[str]]:
    """The object in a body that was sent to `resource`, and warnings of fieldValidation=Warn.

    Raises Refusal: 400 in the decoder's words, 413, 415.
    """
    media_type = body_type(request)
    check_size(request)
    if media_type == YAML_TYPE:
        return _read_yaml(request.body, resource, validation)
    if media_type == JSON_TYPE:
        value = json_value(request.body, resource)
    else:
        value = protobuf.read(request.body, resource)
    return checked(decode(value, resource, openapi.schemas(), request.body), resource, validation)


def checked(
    decoded: Decoded, resource: Resource, validation: str, strict: tuple[str, ...] = ()
) -> tuple[Manifest, list[str]]:
    """A decoded object after strict validation: refused, warned of, or taken. Raises Refusal (400)."""
    errors = (*strict, *decoded.strict_errors)
    if errors and validation == "Strict":
        raise strict_refusal(decoded.manifest, errors, resource)
    return decoded.manifest, list(errors) if validation == "Warn" else []


def _read_yaml(body: bytes, resource: Resource, validation: str) -> tuple[Manifest, list[str]]:
    try:
        document = next(yaml_body.read_all(body), yaml_body.Document(None, [], 1))
    except yaml_body.YamlError as error:
        raise unrecognized(body, resource.kind, str(error)) from None
    strict = ()
    if document.duplicates:
        strict = ("\n  ".join(("yaml: unmarshal errors:", *document.duplicates)),)
    decoded = decode(document.value, resource, openapi.schemas(), body)
    taken = checked(decoded, resource, validation, strict)
    if document.unknown_tag is not None:
        raise unrecognized(body, resource.kind, str(document.unknown_tag))
    return taken


def read_options(request: ApiRequest) -> DeleteOptions:
    """DeleteOptions from a DELETE's body or else its query.

    Raises Refusal: 400, 413, 415, 422, and 500 for a body that cannot be decoded.
    """
    check_size(request)
    if not request.body:
        return DeleteOptions.read(delete_options(request))
    media_type = body_type(request)
    if media_type == JSON_TYPE:
        value = _json_options(request.body)
    elif media_type == YAML_TYPE:
        value = _yaml_options(request.body)
    else:
        value = protobuf.read(request.body, _OPTIONS)
    named = version_and_kind(value, _OPTIONS)
    if isinstance(named, str):
        raise internal(named)
    version = "v1" if named[1] == _OPTIONS.kind else named[0]
    decoded = typed(value, version, named[1], _OPTIONS, openapi.schemas())
    if isinstance(decoded, str):
        raise internal(decoded)
    return DeleteOptions.read(decoded.manifest)


def _json_options(body: bytes) -> Any:
    try:
        return parse(body)
    except JsonError as error:
        raise internal(f"couldn't get version/kind; json parse error: {error}") from None


def _yaml_options(body: bytes) -> Any:
    try:
        return yaml_body.load(body).value
    except yaml_body.YamlError as error:
        raise internal(str(error)) from None
