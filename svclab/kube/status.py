"""What the API server says when it refuses: metav1.Status in the real words, and the exception that carries
it.

Sources: apimachinery pkg/api/errors and pkg/util/validation/field, checked against recorded answers of
1.36.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from svclab.kube.resources import Resource

# Type of a field error -> (how the message begins, the cause's reason).
_FIELD_ERRORS = {
    "Required": ("Required value", "FieldValueRequired"),
    "Invalid": ("Invalid value", "FieldValueInvalid"),
    "NotSupported": ("Unsupported value", "FieldValueNotSupported"),
    "Duplicate": ("Duplicate value", "FieldValueDuplicate"),
    "Forbidden": ("Forbidden", "FieldValueForbidden"),
    "NotFound": ("Not found", "FieldValueNotFound"),
    "TooLong": ("Too long", "FieldValueTooLong"),
    "TooMany": ("Too many", "FieldValueTooMany"),
    "TypeInvalid": ("Invalid value", "FieldValueTypeInvalid"),
    "Internal": ("Internal error", "InternalError"),
}
_WITHOUT_VALUE = {"Required", "Forbidden", "TooLong", "Internal"}
NIL = "null"  # how a field error shows a pointer to nothing: in quotes


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field of an object; `type` is a key of the table above."""

    type: str
    field: str
    value: Any = None
    detail: str = ""

    @property
    def message(self) -> str:
        """`Invalid value: 0: must be between 1 and 65535, inclusive`."""
        words = _FIELD_ERRORS[self.type][0]
        if self.type not in _WITHOUT_VALUE:
            words += f": {go_value(self.value)}"
        return f"{words}: {self.detail}" if self.detail else words

    @property
    def cause(self) -> dict[str, str]:
        """The entry in a Status' details.causes."""
        return {"reason": _FIELD_ERRORS[self.type][1], "message": self.message, "field": self.field}

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def required(field: str, detail: str = "") -> FieldError:
    """The field must be given."""
    return FieldError("Required", field, detail=detail)


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """The value is not allowed."""
    return FieldError("Invalid", field, value, detail)


def forbidden_field(field: str, detail: str) -> FieldError:
    """The field may not be set here."""
    return FieldError("Forbidden", field, detail=detail)


def duplicate(field: str, value: Any) -> FieldError:
    """The value stands here for the second time."""
    return FieldError("Duplicate", field, value)


def not_supported(field: str, value: Any, supported: Iterable[str]) -> FieldError:
    """The value is not one of a closed list, named in the given order."""
    return FieldError(
        "NotSupported", field, value, "supported values: " + ", ".join(go_quote(word) for word in supported)
    )


def too_long(field: str, limit: int) -> FieldError:
    """More bytes than fit."""
    return FieldError("TooLong", field, detail=f"may not be more than {limit} bytes")


_GO_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f",
    "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip
# What Go's JSON writes for characters that mean something in HTML or JavaScript.
_JSON_ESCAPES = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def go_quote(text: str) -> str:
    """A string as Go's %q prints it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_go_character, text))}"'


def _go_character(character: str) -> str:
    if character in _GO_ESCAPES or character.isprintable():
        return _GO_ESCAPES.get(character, character)
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def go_value(value: Any) -> str:
    """A value as a field error prints it: strings quoted, numbers bare, the rest as Go's compact JSON."""
    if isinstance(value, str):
        return go_quote(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(_JSON_ESCAPES)


class Refusal(Exception):
    """The API server says no; `status` is the whole metav1.Status that the client receives."""

    def __init__(self, status: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status["message"])
        self.status = status
        self.headers = headers or {}
        self.warnings: list[str] = []

    @property
    def code(self) -> int:
        """The HTTP status code."""
        return self.status["code"]

    @property
    def reason(self) -> str:
        """`NotFound`, `Invalid`, ...; empty when the server gives none."""
        return self.status.get("reason", "")

    @property
    def message(self) -> str:
        """The sentence that kubectl prints."""
        return self.status["message"]


def failure(code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> Refusal:
    """A refusal with this code, reason ("" for none), message and details (None leaves them out)."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    status["message"] = message
    if reason:
        status["reason"] = reason
    if details is not None:
        status["details"] = {key: value for key, value in details.items() if value}
    status["code"] = code
    return Refusal(status)


def success(details: dict[str, Any] | None = None, code: int = 0) -> dict[str, Any]:
    """The Status of a request that worked, e.g. of a delete; only what was created says its code."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details:
        status["details"] = {key: value for key, value in details.items() if value}
    return {**status, "code": code} if code else status


def _named(resource: Resource, name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "group": resource.group, "kind": resource.plural, **more}


def not_found(resource: Resource, name: str) -> Refusal:
    """404: there is no such object."""
    return failure(
        404, "NotFound", f"{resource.qualified} {go_quote(name)} not found", _named(resource, name)
    )


def already_exists(resource: Resource, name: str, *, ending: bool = False) -> Refusal:
    """409: an object of this name is there already, or still there while it is `ending`."""
    message = f"{resource.qualified} {go_quote(name)} already exists"
    message = f"object is being deleted: {message}" if ending else message
    return failure(409, "AlreadyExists", message, _named(resource, name))


def conflict(resource: Resource, name: str) -> Refusal:
    """409: the object has changed since the client read it."""
    words = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict_because(
        resource.qualified, name, words, {"group": resource.group, "kind": resource.plural}
    )


def conflict_because(what: str, name: str, why: str, details: dict[str, Any]) -> Refusal:
    """409 for another reason; `what` is how the message calls the resource."""
    message = f"Operation cannot be fulfilled on {what} {go_quote(name)}: {why}"
    return failure(409, "Conflict", message, {"name": name, **details})


def forbidden(resource: Resource, name: str, why: str, causes: Sequence[dict[str, str]] = ()) -> Refusal:
    """403: not allowed, whoever asks or for this user."""
    subject = f"{resource.qualified} {go_quote(name)}" if name else resource.qualified
    details = _named(resource, name, causes=list(causes))
    return failure(403, "Forbidden", f"{subject} is forbidden: {why}", details)


def invalid_object(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> Refusal:
    """422: the object breaks these rules, all of which the client is told at once."""
    qualified = f"{kind}.{group}" if group else kind
    message = f"{qualified} {go_quote(name)} is invalid: {aggregate(errors)}"
    causes = [error.cause for error in errors]
    return failure(422, "Invalid", message, {"name": name, "group": group, "kind": kind, "causes": causes})


def aggregate(errors: Sequence[FieldError]) -> str:
    """Errors in one sentence, each once: `a: ...` or `[a: ..., b: ...]`."""
    messages = list(dict.fromkeys(str(error) for error in errors))
    return messages[0] if len(messages) == 1 else f"[{', '.join(messages)}]"


def bad_request(message: str) -> Refusal:
    """400: the request cannot be understood."""
    return failure(400, "BadRequest", message)


def unknown_path() -> Refusal:
    """404: no resource is served here."""
    return failure(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> Refusal:
    """405: the resource is there, the verb is not."""
    return failure(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
    )


def not_kept(resource: Resource) -> Refusal:
    """405 for a kind that discovery names and that clusters here cannot hold."""
    message = (
        f"{resource.qualified} are not simulated in this cluster: the kind is listed, but none can be created"
    )
    return failure(405, "MethodNotAllowed", message, _named(resource, ""))


def unprocessable() -> Refusal:
    """422 of a patch that cannot be applied; the server keeps the reason to itself."""
    return failure(422, "Invalid", "the server rejected our request due to an error in our request", {})


def internal(message: str) -> Refusal:
    """500 without a reason, as the real server answers to some bad requests."""
    return failure(500, "", message)


def internal_error(message: str) -> Refusal:
    """500 InternalError: the server's own words for what went wrong inside it."""
    details = {"causes": [{"message": message}]}
    return failure(500, "InternalError", f"Internal error occurred: {message}", details)


def expired(message: str) -> Refusal:
    """410: the history that was asked for is gone."""
    return failure(410, "Expired", message)


def too_many_requests(message: str, seconds: int = 1, causes: Sequence[dict[str, str]] = ()) -> Refusal:
    """429: later, or never (a quota)."""
    details = {"causes": list(causes), "retryAfterSeconds": seconds}
    refusal = failure(429, "TooManyRequests", message, details)
    refusal.headers["Retry-After"] = str(seconds)
    return refusal
