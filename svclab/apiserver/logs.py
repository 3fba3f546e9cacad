"""GET pods/NAME/log: what a container has printed, as far as the simulation knows it.

A web server's lines come from the traces of requests that reached it, a client's from its run; a script has
printed what it echoes, and a program that cannot start says why.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from svclab.apiserver import system_logs
from svclab.apiserver.messages import ApiRequest, ApiResponse
from svclab.apiserver.options import integer
from svclab.apiserver.reads import find
from svclab.apiserver.routing import Target
from svclab.cluster import dataplane, programs, starts
from svclab.cluster.store import ClusterHandle
from svclab.kube.controllers.kubelet import workload
from svclab.kube.gotime import time_problem
from svclab.kube.meta import moment
from svclab.kube.request import read_target
from svclab.kube.status import bad_request, forbidden_field, internal_error, invalid, invalid_object
from svclab.kube.webserver import web_response

Manifest = dict[str, Any]

TEXT_TYPE = "text/plain"
_STARTED = (
    "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration",
    "/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/",
    "/docker-entrypoint.sh: Configuration complete; ready for start up",
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line and when it was printed."""

    at: datetime
    text: str

    def shown(self, *, timestamps: bool) -> str:
        """The line as the log gives it."""
        stamp = self.at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z " if timestamps else ""
        return f"{stamp}{self.text}\n"


def answer(
    cluster: ClusterHandle, request: ApiRequest, target: Target, _: list[str]
) -> "ApiResponse | LogFollow":
    """The log of one container. Raises Refusal (400) when it is not clear which, or it has not started."""
    _check_options(request, target.name)
    pod = find(cluster, target)
    name = container_of(pod, request.parameter("container"))
    check_started(pod, name, previous=request.flag("previous"))
    if request.flag("follow"):
        return LogFollow(cluster, request, target, name)
    return ApiResponse(200, {"Content-Type": TEXT_TYPE}, _text(cluster, request, pod, name).encode())


def _check_options(request: ApiRequest, name: str) -> None:
    """Raises Refusal: 400 for what is no number or time, 422 for what makes no sense."""
    numbers = {key: integer(request, key) for key in ("tailLines", "limitBytes", "sinceSeconds")}
    since, errors = request.parameter("sinceTime"), []
    if since and (why := time_problem(since)):
        raise bad_request(why)
    tail, limit, seconds = numbers.values()
    if tail is not None and tail < 0:
        errors.append(invalid("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        errors.append(invalid("limitBytes", limit, "must be greater than 0"))
    if seconds is not None and since:
        errors.append(forbidden_field("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif seconds is not None and seconds < 1:
        errors.append(invalid("sinceSeconds", seconds, "must be greater than 0"))
    if errors:
        raise invalid_object("PodLogOptions", "", name, errors)


def _text(cluster: ClusterHandle, request: ApiRequest, pod: Manifest, container: str) -> str:
    lines = log_lines(cluster, pod, container, previous=request.flag("previous"))
    if (seconds := integer(request, "sinceSeconds")) is not None:
        lines = [line for line in lines if line.at >= cluster.now() - timedelta(seconds=seconds)]
    if since := moment(request.parameter("sinceTime") or None):
        lines = [line for line in lines if line.at >= since]
    if (tail := integer(request, "tailLines")) is not None:
        lines = lines[len(lines) - min(tail, len(lines)) :]
    text = "".join(line.shown(timestamps=request.flag("timestamps")) for line in lines)
    limit = integer(request, "limitBytes")
    return text if limit is None else text.encode()[:limit].decode(errors="ignore")


def container_of(pod: Manifest, asked: str) -> str:
    """The container that is meant. Raises Refusal (400)."""
    names = [container["name"] for container in pod["spec"].get("containers", ())]
    parts = ("initContainers", "ephemeralContainers")
    others = [container["name"] for part in parts for container in pod["spec"].get(part, ())]
    name = pod["metadata"]["name"]
    if asked:
        if asked not in (*names, *others):
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(names) > 1 or others:
        choices = " ".join((*names, *others))
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{choices}]")
    return names[0]


def check_started(pod: Manifest, container: str, *, previous: bool) -> None:
    """A container that waits for its first start has no log yet; one that never ended has no previous one.

    Raises Refusal (400).
    """
    status = _status(pod, container)
    name = pod["metadata"]["name"]
    check_assigned(pod)
    if previous and not status.get("lastState", {}).get("terminated"):
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    ended = status.get("lastState", {}).get("terminated")
    if not previous and not ended and (waiting := status.get("state", {}).get("waiting")):
        reason = waiting.get("reason", "ContainerCreating")
        pulling = reason in ("ErrImagePull", "ImagePullBackOff")
        words = "trying and failing to pull image" if pulling else reason
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {words}')


def check_assigned(pod: Manifest) -> None:
    """Without a node there is nobody to ask. Raises Refusal (400)."""
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")


def check_running(pod: Manifest, container: str) -> None:
    """A process can be executed in a running container only, and only such a one be attached to.

    Raises Refusal (500: what the API server makes of the kubelet's refusal).
    Source: kubelet 1.36, findContainer, which knows of running containers alone.
    """
    if "running" not in _status(pod, container).get("state", {}):
        raise internal_error(f'unable to upgrade connection: container not found ("{container}")')


def _status(pod: Manifest, container: str) -> Manifest:
    return starts.statuses(pod).get(container, {})


def log_lines(
    cluster: ClusterHandle, pod: Manifest, container: str, *, previous: bool = False
) -> list[LogLine]:
    """Everything that an instance of a container has printed, in order; `previous` is the one before.

    Of a container that waits to be restarted it is what the one that ended has printed.
    """
    status = _status(pod, container)
    is_waiting = "waiting" in status.get("state", {})
    state = status.get("lastState" if previous or is_waiting else "state", {})
    running = state.get("running") or state.get("terminated") or {}
    start = moment(running.get("startedAt"))
    end = moment(running.get("finishedAt"))
    spec = next((c for c in starts.containers(pod) if c["name"] == container), {})
    if start is None:
        return []
    if workload.client_program(spec) is not None:
        earlier = previous and "running" in status.get("state", {})
        run = status.get("restartCount", 0) - earlier
        return [LogLine(at, text) for at, text in programs.printed(cluster, pod, container, run)]
    run = workload.run_of(pod, spec, strict=cluster.settings().runtime == "strict")
    if run.log:
        return [LogLine(start, text) for text in run.log.splitlines()]
    if system := system_logs.lines_of(cluster, pod, spec.get("image", ""), start):
        return [LogLine(at, text) for at, text in system]
    if not _is_nginx(spec):
        return []
    greeting = [] if spec.get("command") else [LogLine(start, text) for text in _STARTED]
    requests = [
        line for line in _requests(cluster, pod, spec) if line.at >= start and (end is None or line.at <= end)
    ]
    return greeting + requests


def _is_nginx(container: Manifest) -> bool:
    return container.get("image", "").rpartition("/")[2].startswith("nginx")


def _requests(cluster: ClusterHandle, pod: Manifest, container: Manifest) -> list[LogLine]:
    """One access log line for each stored request that this pod has answered."""
    address = pod.get("status", {}).get("podIP")
    host = f"pod/{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    ports = {port["containerPort"] for port in container.get("ports", ())} or {80}

    @cache
    def size(path: str, port: int) -> int:
        found = partial(starts.services, cluster.id)
        return len(web_response(cluster.snapshot(), host, path, port=port, found=found).body)

    lines = []
    for at, request in dataplane.answers(cluster):
        ip, _, port = (request["endpoint"] or "").rpartition(":")
        words = request.get("words", "")
        mine = ip == address or (ip == "127.0.0.1" and request["source"] == host)
        if not mine or int(port) not in ports or not words.startswith("HTTP/1.1 "):
            continue
        path = read_target(request["target"]).path.partition("?")[0]
        answered = f'"GET {path} HTTP/1.1" {words.split(" ")[1]} {size(path, int(port))}'
        client, when = request["source_seen"] or "-", at.strftime("%d/%b/%Y:%H:%M:%S +0000")
        lines.append(LogLine(at, f'{client} - - [{when}] {answered} "-" "curl/8.14.1" "-"'))
    return lines


class LogFollow:
    """A log that is followed: served like a watch, it gives what is new until the container has ended."""

    def __init__(self, cluster: ClusterHandle, request: ApiRequest, target: Target, container: str) -> None:
        self.cluster = cluster
        self.ended = False
        self.timeout_seconds = None
        self.warnings: list[str] = []
        self.headers = {"Content-Type": TEXT_TYPE}
        self._request, self._target, self._container = request, target, container
        self._told: list[LogLine] | None = None  # the latest, all of one moment

    def news(self) -> list[bytes]:
        """The lines since the last call, as one chunk; the first call gives what the request asks for."""
        pod = self.cluster.snapshot().get("Pod", self._target.namespace, self._target.name)
        if pod is None:
            self.ended = True
            return []
        lines = log_lines(self.cluster, pod, self._container)
        if self._told is None:
            text = _text(self.cluster, self._request, pod, self._container)
        else:
            timestamps = self._request.flag("timestamps")
            text = "".join(line.shown(timestamps=timestamps) for line in self._after_the_told(lines))
        self._told = [line for line in lines if line.at == lines[-1].at] or self._told or []
        self.ended = "terminated" in _status(pod, self._container).get("state", {})
        return [text.encode()] if text else []

    def _after_the_told(self, lines: list[LogLine]) -> list[LogLine]:
        """What is new. By its time: the oldest lines may be gone by now, so their number says nothing."""
        if not self._told:
            return lines
        at = self._told[-1].at
        return [line for line in lines if line.at == at][len(self._told) :] + [
            line for line in lines if line.at > at
        ]

    def bookmark(self) -> None:
        """Logs have none."""
