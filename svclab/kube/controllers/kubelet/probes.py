"""Probes: when they are made, what they find, and what follows from it.

Source: kubelet 1.36, pkg/kubelet/prober. The first probe comes initialDelaySeconds after the container's
start, the others each periodSeconds after the one before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from svclab.kube.listeners import listeners_of
from svclab.kube.snapshot import Manifest
from svclab.linux.packet import Protocol

# (pod, port, path) -> the HTTP status with which the pod answers a GET, if something listens there.
HttpStatus = Callable[[Manifest, int, str], int]


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of a container, with its defaults filled in. `kind` is Readiness, Liveness or Startup."""

    kind: str
    manifest: Manifest
    container: Manifest

    def _number(self, field: str, default: int) -> int:
        return self.manifest.get(field, default)

    @property
    def period(self) -> timedelta:
        return timedelta(seconds=self._number("periodSeconds", 10))

    @property
    def successes(self) -> int:
        return self._number("successThreshold", 1)

    @property
    def failures(self) -> int:
        return self._number("failureThreshold", 3)

    def first(self, started: datetime) -> datetime:
        """The time of the first probe of a container that started then."""
        return started + timedelta(seconds=self._number("initialDelaySeconds", 0))

    def latest(self, started: datetime, now: datetime) -> datetime | None:
        """The time of the last probe up to now; None before the first."""
        first = self.first(started)
        return None if now < first else first + (now - first) // self.period * self.period

    def next(self, started: datetime, now: datetime) -> datetime:
        """The time of the next probe after now."""
        latest = self.latest(started, now)
        return self.first(started) if latest is None else latest + self.period


def probe_of(container: Manifest, kind: str) -> Probe | None:
    """The container's probe of a kind, or None."""
    manifest = container.get(f"{kind.lower()}Probe")
    return Probe(kind, manifest, container) if manifest else None


def failure_of(pod: Manifest, probe: Probe, http_status: HttpStatus) -> str:
    """Why the probe fails now, in the kubelet's words; "" when it succeeds."""
    manifest = probe.manifest
    if "httpGet" in manifest:
        return _http_failure(pod, probe, manifest["httpGet"], http_status)
    for handler in ("tcpSocket", "grpc"):
        if handler in manifest:
            port = _number_of(manifest[handler]["port"], probe.container)
            address = f"{pod['status'].get('podIP', '')}:{port}"
            return "" if _listens(pod, port) else f"dial tcp {address}: connect: connection refused"
    return ""


def _http_failure(pod: Manifest, probe: Probe, get: Manifest, http_status: HttpStatus) -> str:
    port, path = _number_of(get["port"], probe.container), get.get("path", "/")
    host = get.get("host") or pod["status"].get("podIP", "")
    if pod["spec"].get("hostNetwork") and get.get("host"):
        return ""  # a static pod's own health port on the node
    url = f"{get.get('scheme', 'HTTP').lower()}://{host}:{port}{path}"
    if not _listens(pod, port):
        return f'Get "{url}": dial tcp {host}:{port}: connect: connection refused'
    status = http_status(pod, port, path)
    return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


def _listens(pod: Manifest, port: int) -> bool:
    return (Protocol.TCP, port) in listeners_of(pod) or (Protocol.TCP, None) in listeners_of(pod)


def _number_of(port: int | str, container: Manifest) -> int:
    """A probe's port, which may be the name of one of its container's; 0 for a name that is not there."""
    if isinstance(port, int):
        return port
    if port.isdecimal():
        return int(port)
    named = (p["containerPort"] for p in container.get("ports") or () if p.get("name") == port)
    return next(named, 0)
