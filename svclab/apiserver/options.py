"""The query parameters of API requests, read and checked as the server's CreateOptions, ListOptions and so
on."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from svclab.apiserver.messages import ApiRequest
from svclab.kube.decoding_json import go_kind, syntax_error
from svclab.kube.status import (
    FieldError,
    bad_request,
    failure,
    forbidden_field,
    go_quote,
    internal,
    invalid,
    invalid_object,
    not_supported,
    required,
    too_long,
)

_GROUP = "meta.k8s.io"
_MANAGER_LIMIT_BYTES = 128
_LONGEST_INTEGER = 30  # digits that tell whether a number fits 64 bits


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
    return [not_supported("dryRun", values, ("All",))] if set(values) - {"All"} else []


def delete_options(request: ApiRequest) -> dict[str, Any]:
    """The DeleteOptions that a DELETE without a body has in its query. Raises Refusal (400)."""
    options: dict[str, Any] = {}
    if values := request.parameters("dryRun"):
        options["dryRun"] = values
    if policy := request.parameter("propagationPolicy"):
        options["propagationPolicy"] = policy
    if (grace := integer(request, "gracePeriodSeconds")) is not None:
        options["gracePeriodSeconds"] = grace
    if request.parameters("orphanDependents"):
        options["orphanDependents"] = request.flag("orphanDependents")
    if uid := request.parameter("uid"):
        options["preconditions"] = {"uid": uid}
    return options


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
    exact: bool  # the state of that very version
    limit: int
    start: str  # the key after which the page begins
    start_version: int  # of the list that is gone on with; 0 without one, -1 for whatever there is by now
    timeout_seconds: int | None
    bookmarks: bool
    send_initial_events: bool


def list_options(request: ApiRequest) -> ListOptions:
    """The options of a GET on a collection. Raises Refusal (400, 422)."""
    limit, timeout = integer(request, "limit"), integer(request, "timeoutSeconds")
    watch = request.flag("watch") or "/watch/" in f"{request.path}/"
    initial = _initial_events(request)
    _refuse("ListOptions", _version_match_errors(request, watch, initial))
    start, start_version = _start(request)
    version, match = request.parameter("resourceVersion"), request.parameter("resourceVersionMatch")
    paged_from = not match and bool(limit) and version not in ("", "0")  # what limit meant before "Exact"
    return ListOptions(
        request.parameter("labelSelector"),
        request.parameter("fieldSelector"),
        watch,
        version,
        match == "Exact" or paged_from,
        limit or 0,
        start,
        start_version,
        timeout,
        request.flag("allowWatchBookmarks"),
        bool(initial),
    )


def integer(request: ApiRequest, name: str) -> int | None:
    """A number in the query; None when it is not there. Raises Refusal (400)."""
    text = request.parameter(name)
    if not text:
        return None
    if not re.fullmatch(r"[-+]?[0-9]+", text):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if not -(2**63) <= (number := int(text[:_LONGEST_INTEGER])) < 2**63:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def _initial_events(request: ApiRequest) -> bool | None:
    given = request.parameters("sendInitialEvents")
    return request.flag("sendInitialEvents") if given else None


def _version_match_errors(request: ApiRequest, watch: bool, initial: bool | None) -> list[FieldError]:
    return _watch_errors(request, initial) if watch else _list_errors(request, initial)


def _watch_errors(request: ApiRequest, initial: bool | None) -> list[FieldError]:
    match, field = request.parameter("resourceVersionMatch"), "resourceVersionMatch"
    errors: list[FieldError] = []
    if initial is not None and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        errors.append(forbidden_field(field, why))
    if not match:
        return errors
    if initial is None:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        errors.append(forbidden_field(field, why))
    if match != "NotOlderThan":
        errors.append(not_supported(field, match, ("NotOlderThan",)))
    if request.parameter("continue"):
        errors.append(forbidden_field(field, f"{field} is forbidden when continue is provided"))
    return errors


def _list_errors(request: ApiRequest, initial: bool | None) -> list[FieldError]:
    match, version = request.parameter("resourceVersionMatch"), request.parameter("resourceVersion")
    field = "resourceVersionMatch"
    errors: list[FieldError] = []
    if match and not version:
        errors.append(forbidden_field(field, f"{field} is forbidden unless resourceVersion is provided"))
    if match and request.parameter("continue"):
        errors.append(forbidden_field(field, f"{field} is forbidden when continue is provided"))
    if match and match not in ("Exact", "NotOlderThan"):
        errors.append(not_supported(field, match, ("Exact", "NotOlderThan", "")))
    if match == "Exact" and version == "0":
        errors.append(forbidden_field(field, f'{field} "exact" is forbidden for resourceVersion "0"'))
    if initial is not None:
        errors.append(forbidden_field("sendInitialEvents", "sendInitialEvents is forbidden for list"))
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


def _start(request: ApiRequest) -> tuple[str, int]:
    """The key after which a continued list goes on, and its version; "" and 0 for one from its beginning.

    Raises Refusal (400).
    """
    token = request.parameter("continue")
    if not token:
        return "", 0
    found = _decoded_token(token)
    if found.get("v") != f"{_GROUP}/v1":
        version = go_quote(str(found.get("v", "")))
        raise _bad_token(f"server does not recognize this encoded version {version}")
    if not found.get("rv"):
        raise _bad_token(f"incorrect encoded start resourceVersion (version {_GROUP}/v1)")
    start = found.get("start")
    if not isinstance(start, str) or not start:
        raise _bad_token(f"encoded start key is empty (version {_GROUP}/v1)")
    if request.parameter("resourceVersion") not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    version = found["rv"]
    return start.rstrip("\0"), version if isinstance(version, int) else -1


def _decoded_token(token: str) -> dict[str, Any]:
    good = re.match(r"[-_A-Za-z0-9]*", token)
    length = len(good[0]) if good else 0
    if length < len(token) or length % 4 == 1:
        raise _bad_token(f"illegal base64 data at input byte {length}")
    raw = base64.urlsafe_b64decode(token + "=" * (-length % 4))
    if (error := syntax_error(raw)) is not None:
        raise _bad_token(error)
    found = json.loads(raw)
    if not isinstance(found, dict):
        why = f"json: cannot unmarshal {go_kind(found)} into Go value of type storage.continueToken"
        raise _bad_token(why)
    return found


def _bad_token(why: str) -> Exception:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")


_UNITS = ("ns", "us", "µs", "μs", "ms", "s", "m", "h")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([^0-9.]*)")


def check_timeout(request: ApiRequest) -> None:
    """`timeout` must be a duration as Go reads it: 30s, 1m30s. Raises Refusal (400)."""
    text = request.parameter("timeout")
    if not text or text.lstrip("+-") == "0":
        return
    if why := _not_a_duration(text):
        raise bad_request(f"invalid timeout specified in the request URL - time: {why}")


def _not_a_duration(text: str) -> str | None:
    rest, shown = text.lstrip("+-") if text[:1] in "+-" else text, go_quote(text)
    if not rest:
        return f"invalid duration {shown}"
    while rest:
        part = _DURATION_PART.match(rest)
        if part is None:
            return f"invalid duration {shown}"
        if not part[2]:
            return f"missing unit in duration {shown}"
        if part[2] not in _UNITS:
            return f"unknown unit {go_quote(part[2])} in duration {shown}"
        rest = rest[part.end() :]
    return None
