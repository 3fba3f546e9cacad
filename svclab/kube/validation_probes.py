"""Probes and lifecycle hooks of containers.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (validateProbe, validateLifecycle).
"""

import re
from typing import Any

from svclab.kube.status import FieldError, forbidden_field, invalid, not_supported, required
from svclab.kube.validation_meta import non_negative, port_number, port_or_name

Manifest = dict[str, Any]

_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_TIMES = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_SCHEMES = ("HTTP", "HTTPS")
_HEADER_RULE = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used "
    "for validation is '[-A-Za-z0-9]+')"
)
_SIGNALS_TEXT = """
    ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM
    TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ
"""
_REAL_TIME = (
    "SIGRTMIN", "SIGRTMAX",
    *(f"SIGRTMIN+{n}" for n in range(1, 16)), *(f"SIGRTMAX-{n}" for n in range(1, 15)),
)  # fmt: skip
_SIGNALS = {
    "linux": sorted((*(f"SIG{name}" for name in _SIGNALS_TEXT.split()), *_REAL_TIME)),
    "windows": ["SIGKILL", "SIGTERM"],
}


def validate_probes(field: str, container: Manifest, grace: int | None, os: str | None) -> list[FieldError]:
    """A container's lifecycle hooks and its three probes; `grace` is the pod's, in seconds."""
    errors: list[FieldError] = []
    if (lifecycle := container.get("lifecycle")) is not None:
        errors += _lifecycle(f"{field}.lifecycle", lifecycle, grace, os)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(name)) is not None:
            errors += _probe(f"{field}.{name}", probe, is_readiness=name == "readinessProbe")
    return errors


def _lifecycle(field: str, lifecycle: Manifest, grace: int | None, os: str | None) -> list[FieldError]:
    errors = []
    for name in ("postStart", "preStop"):
        if name in lifecycle:
            errors += _handler(f"{field}.{name}", lifecycle[name], _HOOK_HANDLERS, grace)
    if (signal := lifecycle.get("stopSignal")) is not None:
        errors += _stop_signal(f"{field}.stopSignal", signal, os)
    return errors


def _stop_signal(field: str, signal: str, os: str | None) -> list[FieldError]:
    if os is None:
        return [forbidden_field(field, "may not be set for containers with empty `spec.os.name`")]
    known = _SIGNALS.get(os)
    return [] if known is None or signal in known else [not_supported(field, signal, known)]


def _probe(field: str, probe: Manifest, *, is_readiness: bool) -> list[FieldError]:
    errors = _handler(field, probe, _PROBE_HANDLERS, None)
    for name in _TIMES:
        errors += non_negative(f"{field}.{name}", probe.get(name))
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        errors.append(invalid(f"{field}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    if is_readiness and grace is not None:
        why = "must not be set for readinessProbes"
        errors.append(invalid(f"{field}.terminationGracePeriodSeconds", grace, why))
    elif not is_readiness and probe.get("successThreshold") != 1:
        errors.append(invalid(f"{field}.successThreshold", probe.get("successThreshold"), "must be 1"))
    return errors


def _handler(field: str, handler: Manifest, known: tuple[str, ...], grace: int | None) -> list[FieldError]:
    given = [name for name in known if name in handler]
    if not given:
        return [required(field, "must specify a handler type")]
    errors = _action(f"{field}.{given[0]}", given[0], handler[given[0]], grace)
    for name in given[1:]:
        errors.append(forbidden_field(f"{field}.{name}", "may not specify more than 1 handler type"))
    return errors


def _action(field: str, name: str, action: Manifest, grace: int | None) -> list[FieldError]:
    if name == "exec":
        return [] if action.get("command") else [required(f"{field}.command")]
    if name == "httpGet":
        return _http_get(field, action)
    if name == "tcpSocket":
        return port_or_name(f"{field}.port", action.get("port", 0))
    if name == "grpc":
        return port_number(f"{field}.port", action.get("port", 0))
    seconds = action.get("seconds", 0)
    if grace is None or 0 <= seconds <= grace:
        return []
    why = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
    return [invalid(field, seconds, why)]


def _http_get(field: str, action: Manifest) -> list[FieldError]:
    errors = port_or_name(f"{field}.port", action.get("port", 0))
    scheme = action.get("scheme", "")
    if scheme not in _SCHEMES:
        errors.append(not_supported(f"{field}.scheme", scheme, _SCHEMES))
    for header in action.get("httpHeaders", ()):
        name = header.get("name", "")
        if not re.fullmatch(r"[-A-Za-z0-9]+", name):
            errors.append(invalid(f"{field}.httpHeaders", name, _HEADER_RULE))
    return errors
