"""The query parameters of API requests, read and checked as the server's CreateOptions, ListOptions and so
on."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from svclab.apiserver.messages import ApiRequest
from svclab.kube.decoding_json import syntax_error
from svclab.kube.status import (
    FieldError,
    bad_request,
    failure,
    forbidden_field,
    internal,
    invalid,
    invalid_object,
    not_supported,
    required,
    too_long,
)

_GROUP = "meta.k8s.io"
_MANAGER_LIMIT_BYTES = 128


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a create, update or patch may ask for besides its object."""

    dry_run: bool
    validation: str  # Strict, Warn or Ignore
    manager: str
    force: bool = False


def write_options(request: ApiRequest, kind: str, *, applies: bool = False) -> WriteOptions:
    """The options of a write; `kind` is CreateOptions, UpdateOptions or PatchOptions. Raises Refusal."""
    errors = _dry_run_errors(request)
    manager = request.parameter("fieldManager")
    if applies and not manager:
        errors.append(required("fieldManager", "is required for apply patch"))
    if len(manager.encode()) > _MANAGER_LIMIT_BYTES:
        errors.append(too_long("fieldManager", _MANAGER_LIMIT_BYTES))
    if not manager.isprintable():
        errors.append(invalid("fieldManager", manager, "should only contain printable characters"))
    if kind == "PatchOptions" and not applies and request.parameter("force"):
        errors.append(forbidden_field("force", "may not be specified for non-apply patch"))
    validation = request.parameter("fieldValidation")
    if validation not in ("", "Ignore", "Strict", "Warn"):
        errors.append(not_supported("fieldValidation", validation, ("", "Ignore", "Strict", "Warn")))
    _refuse(kind, errors)
    return WriteOptions(
        bool(request.parameters("dryRun")),
        validation or "Warn",
        manager or _agent(request),
        request.flag("force"),
    )


def _agent(request: ApiRequest) -> str:
    """Without a fieldManager, who writes is told by the start of the User-Agent."""
    agent = request.headers.get("user-agent", "").partition("/")[0]
    return agent[:_MANAGER_LIMIT_BYTES] or "unknown"


def _dry_run_errors(request: ApiRequest) -> list[FieldError]:
    values = request.parameters("dryRun")
    return [not_supported("dryRun", values, ("All",))] if values and values != ["All"] else []


def delete_dry_run(request: ApiRequest, body: dict[str, Any]) -> bool:
    """Whether a DELETE is only tried, by its query or its body. Raises Refusal (422)."""
    errors = _dry_run_errors(request)
    values = body.get("dryRun") or request.parameters("dryRun")
    if values and values != ["All"] and not errors:
        errors = [not_supported("dryRun", values, ("All",))]
    _refuse("DeleteOptions", errors)
    return bool(values)


def _refuse(kind: str, errors: list[FieldError]) -> None:
    if errors:
        raise invalid_object(kind, _GROUP, "", errors)


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list or watch may ask for."""

    label_selector: str
    field_selector: str
    watch: bool
    resource_version: str
    limit: int
    start: str  # the key after which the page begins
    timeout_seconds: int | None
    bookmarks: bool
    send_initial_events: bool


def list_options(request: ApiRequest) -> ListOptions:
    """The options of a GET on a collection. Raises Refusal (400, 422)."""
    limit, timeout = _integer(request, "limit"), _integer(request, "timeoutSeconds")
    watch = request.flag("watch") or "/watch/" in f"{request.path}/"
    initial = _initial_events(request)
    _refuse("ListOptions", _version_match_errors(request, watch, initial))
    return ListOptions(
        request.parameter("labelSelector"),
        request.parameter("fieldSelector"),
        watch,
        request.parameter("resourceVersion"),
        limit or 0,
        _start(request.parameter("continue")),
        timeout,
        request.flag("allowWatchBookmarks"),
        bool(initial),
    )


def _integer(request: ApiRequest, name: str) -> int | None:
    text = request.parameter(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _initial_events(request: ApiRequest) -> bool | None:
    given = request.parameters("sendInitialEvents")
    return request.flag("sendInitialEvents") if given else None


def _version_match_errors(request: ApiRequest, watch: bool, initial: bool | None) -> list[FieldError]:
    match, version = request.parameter("resourceVersionMatch"), request.parameter("resourceVersion")
    field = "resourceVersionMatch"
    if initial is not None:
        if not watch:
            return [forbidden_field("sendInitialEvents", "sendInitialEvents is forbidden for list")]
        if match != "NotOlderThan":
            why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            return [forbidden_field(field, why)]
        return []
    if not match:
        return []
    if watch:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        return [forbidden_field(field, why)]
    return _list_match_errors(field, match, version, request)


def _list_match_errors(field: str, match: str, version: str, request: ApiRequest) -> list[FieldError]:
    errors = []
    if not version:
        errors.append(forbidden_field(field, f"{field} is forbidden unless resourceVersion is provided"))
    if request.parameter("continue"):
        errors.append(forbidden_field(field, f"{field} is forbidden when continue is provided"))
    if match not in ("Exact", "NotOlderThan"):
        errors.append(not_supported(field, match, ("Exact", "NotOlderThan", "")))
    if match == "Exact" and version == "0":
        errors.append(forbidden_field(field, f'{field} "exact" is forbidden for resourceVersion "0"'))
    return errors


def version_number(text: str, *, watch: bool) -> int | None:
    """A resourceVersion as a number; None when none was given. Raises Refusal, another for a watch."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    message = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    raise internal(message) if watch else bad_request(f"invalid resource version: {message}")


def too_new(version: int, current: int) -> Exception:
    """504: the client knows a future that has not happened here."""
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    message = f"Timeout: Too large resource version: {version}, current: {current}"
    refusal = failure(504, "Timeout", message, details)
    refusal.headers["Retry-After"] = "1"
    return refusal


def continue_token(version: int, last: str) -> str:
    """The opaque token that lets a client go on after the object with key `last`."""
    token = json.dumps({"v": _GROUP + "/v1", "rv": version, "start": last + "\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def _start(token: str) -> str:
    if not token:
        return ""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        good = len(token) - len(
            token.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        )
        raise _bad_token(f"illegal base64 data at input byte {good}") from None
    if (error := syntax_error(raw)) is not None:
        raise _bad_token(error)
    found = json.loads(raw)
    start = found.get("start") if isinstance(found, dict) else None
    if not isinstance(start, str) or not start:
        raise _bad_token("encoding start key is required")
    return start.rstrip("\0")


def _bad_token(why: str) -> Exception:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")
