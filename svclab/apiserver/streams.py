"""exec, attach and port-forward over WebSocket: an ASGI application for websockets below /k8s/.

exec and attach speak v5.channel.k8s.io (channels 0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize, 255
close); what runs in the pod is started by the `Shells` that the composition hands in. port-forward is in
`forwarding`. Source: kubernetes KEP-4006, apimachinery remotecommand; checked with kubectl 1.32.
"""

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from svclab.apiserver import access, forwarding, hub, logs, requestlog
from svclab.apiserver.asgi import identify_scope
from svclab.apiserver.messages import ApiRequest, ApiResponse
from svclab.apiserver.reads import find
from svclab.apiserver.routing import NotAResource, Target, route
from svclab.apiserver.subresources import STREAMS
from svclab.cluster import settle
from svclab.cluster.access import cluster_of_secret
from svclab.cluster.errors import NoSuchCluster
from svclab.cluster.store import ClusterHandle
from svclab.kube.meta import timestamp
from svclab.kube.status import Refusal

log = logging.getLogger(__name__)
Manifest = dict[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_STDIN, _STDOUT, _STDERR, _ERROR, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_CHANNELS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_CHUNK_BYTES = 16 * 1024
STREAMS_PER_CLUSTER = 20  # exec and attach, each a process; one more is refused
_SWITCHED = ApiResponse(101)  # as the API log shows a handshake: Switching Protocols
_open: Counter[UUID] = Counter()  # in this event loop
_REFUSED_CODE = (
    4403  # before the handshake: the client sees HTTP 403, asks again by POST, and gets the Status
)


@dataclass(frozen=True, slots=True)
class Command:
    """What is to run where: argv in a container; `attached` means the container's own process."""

    pod: Manifest
    container: Manifest
    argv: tuple[str, ...]
    stdin: bool
    tty: bool
    attached: bool


class RunningShell(Protocol):
    """A process in a pod, seen from its wire. Calls come from threads; none may be missing."""

    def feed(self, data: bytes) -> object:
        """Bytes for its standard input."""

    def end_of_input(self) -> object:
        """There will be no more."""

    def resize(self, rows: int, columns: int) -> object:
        """The terminal's new size."""

    def close(self) -> object:
        """The client has gone."""


# start(cluster, command, output, on_exit): `output(stream, bytes)`, stream 1 or 2; `on_exit(code)` at last.
Start = Callable[
    [ClusterHandle, Command, Callable[[int, bytes], object], Callable[[int], object]], RunningShell
]


def application(start: Start) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The websocket application; `start` runs commands in pods."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        if message["type"] != "websocket.connect":
            return
        try:
            cluster, request, target = await hub.in_thread(lambda: _target(scope))
            if target.subresource is not None and target.subresource.name == "portforward":
                requestlog.report(cluster, request, _SWITCHED)
                await forwarding.serve(cluster, target, scope, receive, send)
                return
            command = await hub.in_thread(lambda: command_of(cluster, request, target))
        except (Refusal, NoSuchCluster, NotAResource):
            await send({"type": "websocket.close", "code": _REFUSED_CODE})
            return
        requestlog.report(cluster, request, _SWITCHED)
        await _run(start, cluster, command, scope, receive, send)

    return serve


def _target(scope: Scope) -> tuple[ClusterHandle, ApiRequest, Target]:
    """The cluster and the subresource that a handshake is about. Raises Refusal, NoSuchCluster."""
    request, secret = identify_scope(scope)
    cluster = cluster_of_secret(secret)
    settle.advance(cluster)
    request = access.authenticated(request)
    target = route(request.path)
    access.check(request, target)
    if target.subresource is None or target.subresource.name not in STREAMS:
        raise NotAResource(request.path)
    find(cluster, target)
    return cluster, request, target


def command_of(cluster: ClusterHandle, request: ApiRequest, target: Target) -> Command:
    """What a request to exec or attach wants. Raises Refusal (400, 404)."""
    pod = find(cluster, target)
    name = logs.container_of(pod, request.parameter("container"))
    attached = target.subresource is not None and target.subresource.name == "attach"
    logs.check_assigned(pod)
    parts = ("containers", "initContainers", "ephemeralContainers")
    container = next(c for part in parts for c in pod["spec"].get(part, ()) if c["name"] == name)
    argv = tuple(request.parameters("command"))
    if attached or not argv:
        argv = own_process(container)
    return Command(pod, container, argv, request.flag("stdin"), request.flag("tty"), attached)


def own_process(container: Manifest) -> tuple[str, ...]:
    """What a container itself runs; a shell where its image would start one."""
    words = (*container.get("command", ()), *container.get("args", ()))
    return words or ("bash" if "netshoot" in container.get("image", "") else "sh",)


async def _run(
    start: Start, cluster: ClusterHandle, command: Command, scope: Scope, receive: Receive, send: Send
) -> None:
    offered = scope.get("subprotocols", [])
    protocol = next((name for name in _CHANNELS if name in offered), None)
    if protocol is None:
        await send({"type": "websocket.close", "code": _REFUSED_CODE})
        return
    if _open[cluster.id] >= STREAMS_PER_CLUSTER:
        await send({"type": "websocket.close", "code": _REFUSED_CODE})
        return
    _open[cluster.id] += 1
    try:
        await send({"type": "websocket.accept", "subprotocol": protocol})
        await _Stream(cluster, command, receive, send).serve(start)
    finally:
        _open[cluster.id] -= 1
        if not _open[cluster.id]:
            del _open[cluster.id]


class _Stream:
    """One exec or attach while it lasts."""

    def __init__(self, cluster: ClusterHandle, command: Command, receive: Receive, send: Send) -> None:
        self._cluster, self._command = cluster, command
        self._receive, self._send = receive, send
        self._queue: asyncio.Queue[tuple[int, bytes] | int] = asyncio.Queue()
        self._gone = False

    async def serve(self, start: Start) -> None:
        try:
            logs.check_running(self._command.pod, self._command.container["name"])
        except Refusal as refusal:  # the node's, and so it comes when the client's stream is open
            await self._end_with(refusal.status)
            return
        loop = asyncio.get_running_loop()

        def output(stream: int, data: bytes) -> None:
            loop.call_soon_threadsafe(self._queue.put_nowait, (stream, data))

        def on_exit(code: int) -> None:
            loop.call_soon_threadsafe(self._queue.put_nowait, code)

        shell = await hub.in_thread(lambda: start(self._cluster, self._command, output, on_exit))
        reading = asyncio.create_task(self._read(shell))
        try:
            code = await self._write(reading)
            if code is not None:
                await self._finish(code)
        finally:
            reading.cancel()
            await hub.in_thread(shell.close)

    async def _read(self, shell: RunningShell) -> None:
        """From the client to the process, until the client leaves."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes") or b""
            if data:
                await hub.in_thread(partial(self._take, shell, data[0], data[1:]))

    def _take(self, shell: RunningShell, channel: int, data: bytes) -> None:
        if channel == _STDIN and self._command.stdin and data:
            shell.feed(data)
        elif channel == _RESIZE:
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                size = json.loads(data)
                shell.resize(int(size.get("Height", 24)), int(size.get("Width", 80)))
        elif channel == _CLOSE and data[:1] == bytes([_STDIN]):
            shell.end_of_input()

    async def _write(self, reading: asyncio.Task[None]) -> int | None:
        """From the process to the client; the exit code, or None when the client left first."""
        while True:
            getting = asyncio.create_task(self._queue.get())
            await asyncio.wait({getting, reading}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                getting.cancel()
                return None
            item = getting.result()
            if isinstance(item, int):
                return item
            stream, data = item
            for at in range(0, len(data), _CHUNK_BYTES):
                await self._send_bytes(stream, data[at : at + _CHUNK_BYTES])

    async def _finish(self, code: int) -> None:
        if self._command.attached:
            # kubectl takes anything but success on attach for a broken connection.
            await hub.in_thread(lambda: _end_container(self._cluster, self._command, code))
            code = 0
        await self._end_with(exit_status(code))

    async def _end_with(self, status: Manifest) -> None:
        await self._send_bytes(_ERROR, json.dumps(status).encode())
        with contextlib.suppress(Exception):
            await self._send({"type": "websocket.close", "code": 1000})

    async def _send_bytes(self, channel: int, data: bytes) -> None:
        await self._send({"type": "websocket.send", "bytes": bytes([channel]) + data})


def exit_status(code: int) -> Manifest:
    """The Status that ends exec: success, or the exit code among its causes."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: error executing command, exit code {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _end_container(cluster: ClusterHandle, command: Command, code: int) -> None:
    """The container's own process has ended: a pod that is never restarted is done."""
    key = (command.pod["metadata"]["namespace"], command.pod["metadata"]["name"])
    with cluster.writing() as batch:
        pod = batch.snapshot.get("Pod", *key)
        if pod is None or pod["spec"].get("restartPolicy") == "Always":
            return
        status = pod.get("status", {})
        statuses = [
            _terminated(found, code, timestamp(batch.now))
            if found["name"] == command.container["name"]
            else found
            for found in status.get("containerStatuses", ())
        ]
        phase = "Failed" if code else "Succeeded"
        batch.update({**pod, "status": {**status, "phase": phase, "containerStatuses": statuses}})


def _terminated(status: Manifest, code: int, now: str) -> Manifest:
    started = status.get("state", {}).get("running", {}).get("startedAt", now)
    end = {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "startedAt": started,
        "finishedAt": now,
    }
    if identity := status.get("containerID"):
        end["containerID"] = identity
    return {**status, "ready": False, "started": False, "state": {"terminated": end}}
