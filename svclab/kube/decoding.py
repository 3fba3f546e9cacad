"""From a request's text to an object: what the API server's decoder accepts, converts, drops and refuses.

Types come from OpenAPI (openapi_types); errors are in the words of Go's decoder and of the API machinery.
Source: apimachinery pkg/runtime/serializer/json, apiserver endpoints/handlers, sigs.k8s.io/json.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from svclab.kube import quantity
from svclab.kube.decoding_json import Decimal, JsonError, Repeated, go_kind
from svclab.kube.decoding_json import parse as parse_json
from svclab.kube.gotime import time_problem
from svclab.kube.openapi_types import GoType, Schemas
from svclab.kube.resources import RESOURCES, Resource
from svclab.kube.status import Refusal, bad_request

Manifest = dict[str, Any]

_SCHEME = 'scheme "pkg/api/legacyscheme/scheme.go:30"'
_META_TYPE = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)
# Older versions that the server still reads, although it no longer serves them.
_READABLE = {
    "apps/v1beta1": {"Deployment", "StatefulSet", "ControllerRevision"},
    "apps/v1beta2": {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ControllerRevision"},
    "extensions/v1beta1": {"Deployment", "DaemonSet", "ReplicaSet", "Ingress", "NetworkPolicy"},
    "networking.k8s.io/v1beta1": {"Ingress", "IngressClass"},
    "discovery.k8s.io/v1beta1": {"EndpointSlice"},
    "events.k8s.io/v1beta1": {"Event"},
    "policy/v1beta1": {"PodDisruptionBudget", "Eviction"},
    "coordination.k8s.io/v1beta1": {"Lease"},
    "autoscaling/v2beta1": {"HorizontalPodAutoscaler"},
    "autoscaling/v2beta2": {"HorizontalPodAutoscaler"},
    "batch/v1beta1": {"CronJob"},
    "v1": {"List", "Status", "DeleteOptions", "Binding", "PodTemplate"},
    "policy/v1": {"Eviction"},
    "autoscaling/v1": {"Scale"},
}
_INTERNAL_PACKAGES = {"": "core", "events.k8s.io": "core"}
_MOST_STRICT_ERRORS = 100  # sigs.k8s.io/json keeps no more
_RANGES = {"int32": 2**31, "int64": 2**63}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded object and what strict validation has against it (unknown and duplicate fields)."""

    manifest: Manifest
    strict_errors: tuple[str, ...] = ()


def json_value(body: bytes, resource: Resource) -> Any:
    """The JSON value of a request body. Raises Refusal in the decoder's words."""
    try:
        return parse_json(body)
    except JsonError as error:
        raise unrecognized(
            body, resource.kind, f"couldn't get version/kind; json parse error: {error}"
        ) from None


def unrecognized(body: bytes, kind: str, why: str) -> Refusal:
    """400: the body is not even an object of some kind; quotes its first 30 bytes."""
    summary = _summary(body)
    return bad_request(f"the object provided is unrecognized (must be of type {kind}): {why} ({summary})")


def _summary(body: bytes, limit: int = 30) -> str:
    if not body:
        return "<empty>"
    start = body[:limit].decode("utf-8", "replace") if body[:1] == b"{" else body[:limit].hex()
    return start + (" ..." if len(body) > limit else "")


def decode(value: Any, resource: Resource, schemas: Schemas, body: bytes = b"") -> Decoded:
    """The object in a parsed body that was sent to `resource`: typed, without unknown fields and empty
    values.

    `body` is quoted in some errors. Raises Refusal (400).
    """
    named = version_and_kind(value, resource)
    if isinstance(named, str):
        raise unrecognized(body, resource.kind, named)
    api_version, kind = named
    decoded = typed(value, api_version, kind, resource, schemas)
    if isinstance(decoded, str):
        version = api_version.rpartition("/")[2]
        why = f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {decoded}'
        raise bad_request(why)
    if api_version != resource.api_version:
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    return decoded


def typed(value: Any, api_version: str, kind: str, resource: Resource, schemas: Schemas) -> Decoded | str:
    """The object of a value that calls itself `kind`, as `resource` keeps it; or why it cannot be one."""
    if not _is_registered(api_version, kind):
        return f'no kind "{kind}" is registered for version "{api_version}" in {_SCHEME}'
    go_type = schemas.of_kind(api_version, kind)
    if kind == resource.kind and go_type is None:
        go_type = schemas.of_kind(resource.api_version, kind)
    decoded = convert(value or {}, go_type)
    if isinstance(decoded, str):
        return decoded
    if kind != resource.kind:
        version = api_version.rpartition("/")[2]
        return f"converting ({version}.{kind}) to ({internal_type(resource)}): unknown conversion"
    return Decoded({**decoded.manifest, "apiVersion": api_version, "kind": kind}, decoded.strict_errors)


def internal_type(resource: Resource) -> str:
    """What the server calls a kind's own type: core.Service."""
    package = _INTERNAL_PACKAGES.get(resource.group, resource.group.partition(".")[0])
    return f"{package}.{resource.kind}"


def strict_refusal(manifest: Mapping[str, Any], errors: tuple[str, ...], resource: Resource) -> Refusal:
    """400 under fieldValidation=Strict: unknown and duplicate fields, all of them."""
    version = manifest["apiVersion"].rpartition("/")[2]
    words = ", ".join(errors)
    return bad_request(
        f'{manifest["kind"]} in version "{version}" cannot be handled as a {resource.kind}: '
        f"strict decoding error: {words}"
    )


def version_and_kind(value: Any, resource: Resource) -> tuple[str, str] | str:
    """What a value says it is, or else what `resource` holds; or why it cannot be told."""
    parse_error = "couldn't get version/kind; json parse error: json: cannot unmarshal"
    if value is None:
        value = {}
    if not isinstance(value, dict):
        return f"{parse_error} {go_kind(value)} into Go value of type {_META_TYPE}"
    found = {"apiversion": "", "kind": ""}
    for key, given in value.items():
        if key.lower() in found and given is not None:
            if not isinstance(given, str):
                field = "apiVersion" if key.lower() == "apiversion" else "kind"
                return f"{parse_error} {go_kind(given)} into Go struct field .{field} of type string"
            found[key.lower()] = given
    if found["apiversion"].count("/") > 1:
        return f"unexpected GroupVersion string: {found['apiversion']}"
    return found["apiversion"] or resource.api_version, found["kind"] or resource.kind


def _is_registered(api_version: str, kind: str) -> bool:
    kinds = (kind, kind.removesuffix("List"))
    served = any(r.kind in kinds and r.api_version == api_version for r in RESOURCES)
    return served or kind in _READABLE.get(api_version, ())


def convert(value: Any, go_type: GoType | None, walk: "Walk | None" = None) -> Decoded | str:
    """A JSON value as a Go type holds and writes it, or the words of the first type error.

    Without a type (None) the value is taken as it is. `walk` is another converter than JSON's.
    """
    if go_type is None:
        return Decoded(dict(value))
    return (walk or Walk()).result(value, go_type)


class _Absent:
    """Marks a field that Go would not write."""


_ABSENT = _Absent()


class Walk:
    """One pass over a value; keeps the first type error and all strict ones, like Go's decoder."""

    def __init__(self) -> None:
        self.error: str | None = None
        self.strict: list[str] = []
        self._fields: list[str] = []
        self._struct = ""
        self._over = False

    def result(self, value: Any, go_type: GoType) -> Decoded | str:
        """What a whole document becomes, or the words of the first error."""
        manifest = self.convert(value, go_type, "")
        once = dict.fromkeys(self.strict)
        return self.error or Decoded(manifest or {}, tuple(once)[:_MOST_STRICT_ERRORS])

    def convert(self, value: Any, go_type: GoType, path: str) -> Any:
        """The converted value; None where it does not fit, after noting the error."""
        if value is None or self._over:
            return None
        match go_type.shape:
            case "struct":
                return self._convert_struct(value, go_type, path)
            case "map":
                return self._convert_map(value, go_type, path)
            case "list":
                return self._convert_list(value, go_type, path)
            case _:
                return self.convert_leaf(value, go_type)

    def _convert_struct(self, value: Any, go_type: GoType, path: str) -> Any:
        if not isinstance(value, dict):
            return self.mismatch(value, go_type)
        struct = self._struct
        result: Manifest = {}
        for key, inner in value.items():
            inner_path = f"{path}.{key}" if path else key
            if (field := go_type.fields.get(key)) is None:
                self.strict.append(f'unknown field "{inner_path}"')
                continue
            self._struct = go_type.short
            self._fields.append(key)
            converted = self.convert(inner, field.type, inner_path)
            self._fields.pop()
            if converted is not None and (field.keeps_zero or not _is_zero(converted, field.type)):
                result[key] = converted
        self._note_duplicates(value, path)
        self._struct = struct
        _add_always_there(result, go_type)
        return result

    def _note_duplicates(self, value: dict[str, Any], path: str) -> None:
        if isinstance(value, Repeated):
            for key in value.keys_again:
                self.strict.append(f'duplicate field "{path}.{key}"' if path else f'duplicate field "{key}"')

    def _convert_map(self, value: Any, go_type: GoType, path: str) -> Any:
        if not isinstance(value, dict):
            return self.mismatch(value, go_type)
        assert go_type.element is not None
        result = {}
        for key, inner in value.items():
            converted = self.convert(inner, go_type.element, f"{path}.{key}")
            result[key] = _zero(go_type.element) if converted is None else converted
        self._note_duplicates(value, path)
        return result

    def _convert_list(self, value: Any, go_type: GoType, path: str) -> Any:
        if not isinstance(value, list):
            return self.mismatch(value, go_type)
        assert go_type.element is not None
        result = []
        for index, inner in enumerate(value):
            converted = self.convert(inner, go_type.element, f"{path}[{index}]")
            result.append(_zero(go_type.element) if converted is None else converted)
        return result

    def convert_leaf(self, value: Any, go_type: GoType) -> Any:
        """What no walk goes into. An error of a type that reads itself ends the whole walk."""
        if go_type.shape in ("int-or-string", "quantity", "time"):
            before, self.error = self.error, None
            found = self._read_itself(value, go_type.shape)
            self._over = self._over or self.error is not None
            self.error = self.error or before
            return found
        match go_type.shape:
            case "any":
                return value
            case "string":
                return value if isinstance(value, str) else self._unfit(value, go_type.name)
            case "bool":
                return value if isinstance(value, bool) else self._unfit(value, "bool")
            case "int32" | "int64":
                return self._integer(value, go_type.shape)
            case "float64":
                return value if _is_number(value) else self._unfit(value, "float64")
            case _:
                return self._base64(value)

    def _read_itself(self, value: Any, shape: str) -> Any:
        match shape:
            case "quantity":
                return self._quantity(value)
            case "time":
                return self._time(value)
        return value if isinstance(value, str) else self._integer(value, "int32")

    def _integer(self, value: Any, shape: str) -> int | None:
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and -_RANGES[shape] <= value < _RANGES[shape]
        ):
            return value
        if _is_number(value):
            return self._unfit(value, shape, f"number {value.text if isinstance(value, Decimal) else value}")
        return self._unfit(value, shape)

    def _quantity(self, value: Any) -> str | None:
        if isinstance(value, Decimal):
            value = value.text
        if isinstance(value, bool | dict | list):
            value = "?"
        try:
            return quantity.canonical(value)
        except quantity.QuantityError as error:
            return self.note(str(error))

    def _time(self, value: Any) -> str | None:
        if not isinstance(value, str):
            return self._unfit(value, "string")
        if why := time_problem(value):
            return self.note(why)
        return value

    def _base64(self, value: Any) -> str | None:
        if not isinstance(value, str):
            return self._unfit(value, "[]uint8")
        text = value.replace("\n", "").replace("\r", "")
        try:
            return base64.b64encode(base64.b64decode(text, validate=True)).decode()
        except binascii.Error:
            return self.note(f"illegal base64 data at input byte {_bad_base64_byte(text)}")

    def mismatch(self, value: Any, go_type: GoType) -> None:
        """Note that a value is not what the type is made of."""
        self._unfit(value, go_type.name)

    def _unfit(self, value: Any, go_name: str, what: str | None = None) -> None:
        where = f"struct field {self._struct}.{'.'.join(self._fields)}" if self._fields else "value"
        return self.note(f"json: cannot unmarshal {what or go_kind(value)} into Go {where} of type {go_name}")

    def note(self, error: str) -> None:
        """Keep an error, if it is the first."""
        self.error = self.error or error


def _add_always_there(result: Manifest, go_type: GoType) -> None:
    """What Go writes without being given it: structs held by value, required words and numbers as zeros."""
    for name, field in go_type.fields.items():
        if not field.always_there or name in result:
            continue
        if field.type.shape == "struct":
            empty: Manifest = {}
            _add_always_there(empty, field.type)
            result[name] = empty
        else:
            result[name] = _zero(field.type)


def _is_zero(value: Any, go_type: GoType) -> bool:
    if go_type.shape in ("struct", "any", "int-or-string", "quantity", "float64"):
        return False
    return value in ("", 0, False) if not isinstance(value, dict | list) else not value


def _zero(go_type: GoType) -> Any:
    zeros = {"struct": {}, "map": {}, "list": [], "bool": False, "int32": 0, "int64": 0, "quantity": "0"}
    return zeros.get(go_type.shape, "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bad_base64_byte(text: str) -> int:
    alphabet = re.compile(r"[A-Za-z0-9+/]*")
    found = alphabet.match(text)
    good = found.end() if found else 0
    return good if good < len(text) or len(text) % 4 == 0 else len(text)
