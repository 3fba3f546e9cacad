"""Objects out of request bodies, whatever form they come in: JSON, YAML or protobuf."""

from typing import Any

from svclab.apiserver import openapi, protobuf, yaml_body
from svclab.apiserver.messages import JSON_TYPE, ApiRequest
from svclab.apiserver.negotiation import YAML_TYPE, body_type
from svclab.kube.decoding import Decoded, decode, json_value, strict_refusal, unrecognized
from svclab.kube.resources import Resource
from svclab.kube.status import failure

Manifest = dict[str, Any]

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
    strict: tuple[str, ...] = ()
    if media_type == JSON_TYPE:
        value = json_value(request.body, resource)
    elif media_type == YAML_TYPE:
        value, strict = _yaml_value(request.body, resource)
    else:
        value = protobuf.read(request.body, resource)
    return checked(decode(value, resource, openapi.schemas(), request.body), resource, validation, strict)


def checked(
    decoded: Decoded, resource: Resource, validation: str, strict: tuple[str, ...] = ()
) -> tuple[Manifest, list[str]]:
    """A decoded object after strict validation: refused, warned of, or taken. Raises Refusal (400)."""
    errors = (*strict, *decoded.strict_errors)
    if errors and validation == "Strict":
        raise strict_refusal(decoded.manifest, errors, resource)
    return decoded.manifest, list(errors) if validation == "Warn" else []


def _yaml_value(body: bytes, resource: Resource) -> tuple[Any, tuple[str, ...]]:
    try:
        document = yaml_body.load(body)
    except yaml_body.YamlError as error:
        raise unrecognized(body, resource.kind, str(error)) from None
    if not document.duplicates:
        return document.value, ()
    return document.value, ("\n  ".join(("yaml: unmarshal errors:", *document.duplicates)),)


def read_options(request: ApiRequest) -> Manifest:
    """DeleteOptions from a DELETE's body and query; {} without any. Raises Refusal."""
    options: Manifest = {}
    check_size(request)
    if request.body:
        kind = Resource("", "v1", "", "DeleteOptions", False)
        media_type = body_type(request)
        if media_type == JSON_TYPE:
            value = json_value(request.body, kind)
        elif media_type == YAML_TYPE:
            value, _ = _yaml_value(request.body, kind)
        else:
            value = protobuf.read(request.body, kind)
        if isinstance(value, dict):
            given = value.get("apiVersion")
            value = {**value, "apiVersion": "v1" if given in (None, "meta.k8s.io/v1") else given}
        options = decode(value, kind, openapi.schemas(), request.body).manifest
    if (policy := request.parameter("propagationPolicy")) and "propagationPolicy" not in options:
        options["propagationPolicy"] = policy
    grace = request.parameter("gracePeriodSeconds")
    if grace.lstrip("-").isdigit() and "gracePeriodSeconds" not in options:
        options["gracePeriodSeconds"] = int(grace)
    return options
