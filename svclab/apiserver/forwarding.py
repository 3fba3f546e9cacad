"""port-forward: SPDY/3.1 streams inside WebSocket messages, each carrying HTTP to one pod, past every
Service.

What becomes of each request is told by `svclab.kube.portforward`.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from svclab.apiserver import hub
from svclab.apiserver.routing import Target
from svclab.apiserver.spdy import PING, RST_STREAM, SYN_STREAM, Codec, ControlFrame, DataFrame, SpdyError
from svclab.cluster import dataplane
from svclab.cluster.store import ClusterHandle
from svclab.kube.portforward import Forwarded
from svclab.kube.request import BadTarget

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PROTOCOL = "SPDY/3.1+portforward.k8s.io"
_ORIGIN = "port-forward"
_MOST_REQUEST_BYTES = 1 << 20
_CHUNK_BYTES = 16 * 1024


@dataclass(slots=True)
class _Connection:
    """One TCP connection of the client's: its pair of streams and what it has sent so far."""

    port: int
    error_stream: int = 0
    data_stream: int = 0
    received: bytearray = field(default_factory=bytearray)


async def serve(
    cluster: ClusterHandle, target: Target, scope: MutableMapping[str, Any], receive: Receive, send: Send
) -> None:
    """Serve one port-forward WebSocket until the client leaves."""
    if _PROTOCOL not in scope.get("subprotocols", []):
        await send({"type": "websocket.close", "code": 4400})
        return
    await send({"type": "websocket.accept", "subprotocol": _PROTOCOL})
    forwarding = _Forwarding(cluster, target)
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            replies = await hub.in_thread(partial(forwarding.take, message.get("bytes") or b""))
        except SpdyError:
            await send({"type": "websocket.close", "code": 1002})
            return
        for reply in replies:
            await send({"type": "websocket.send", "bytes": reply})


class _Forwarding:
    """The state of one WebSocket: its codec and the connections inside."""

    def __init__(self, cluster: ClusterHandle, target: Target) -> None:
        self._cluster, self._target = cluster, target
        self._codec = Codec()
        self._by_request: dict[str, _Connection] = {}
        self._by_stream: dict[int, _Connection] = {}

    def take(self, data: bytes) -> list[bytes]:
        """What to answer to these bytes. Raises SpdyError."""
        replies: list[bytes] = []
        for frame in self._codec.feed(data):
            replies += self._frame(frame)
        return replies

    def _frame(self, frame: DataFrame | ControlFrame) -> list[bytes]:
        if isinstance(frame, DataFrame):
            return self._data(frame)
        if frame.type == SYN_STREAM:
            return self._open(frame)
        if frame.type == PING:
            return [self._codec.ping(frame.value)]
        if frame.type == RST_STREAM:
            self._by_stream.pop(frame.stream, None)
        return []

    def _open(self, frame: ControlFrame) -> list[bytes]:
        port = frame.header("port")
        if not port.isdigit():
            raise SpdyError(f"port {port}")
        connection = self._by_request.setdefault(frame.header("requestid"), _Connection(int(port)))
        if frame.header("streamtype") == "error":
            connection.error_stream = frame.stream
        else:
            connection.data_stream = frame.stream
            self._by_stream[frame.stream] = connection
        return [self._codec.reply(frame.stream)]

    def _data(self, frame: DataFrame) -> list[bytes]:
        connection = self._by_stream.get(frame.stream)
        if connection is None:
            return []
        connection.received += frame.data
        if len(connection.received) > _MOST_REQUEST_BYTES:
            return self._failed(connection, "the request is too large for svclab")
        replies: list[bytes] = []
        while (request := _complete_request(connection.received)) is not None:
            method, path, closes = request
            replies += self._answer(connection, method, path, closes=closes)
            if connection.data_stream not in self._by_stream:
                break
        if frame.fin and connection.data_stream in self._by_stream:
            replies += self._end(connection)
        return replies

    def _answer(self, connection: _Connection, method: str, path: str, *, closes: bool) -> list[bytes]:
        namespace, name = self._target.namespace, self._target.name
        try:
            sent = dataplane.send(
                self._cluster, Forwarded(namespace, name, connection.port, path, method), _ORIGIN
            )
        except (BadTarget, KeyError) as error:
            return self._failed(connection, f"error forwarding port {connection.port} to pod {name}: {error}")
        response = sent.sent.response if sent.sent else None
        if response is None:
            why = (
                f"error forwarding port {connection.port} to pod {name}, uid : failed to connect to "
                f"localhost:{connection.port} inside namespace: dial tcp4 127.0.0.1:{connection.port}: "
                "connect: connection refused"
            )
            return self._failed(connection, why)
        head = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{n}: {v}" for n, v in response.headers)]
        names = {header.lower() for header, _ in response.headers}
        if "content-length" not in names:
            head.append(f"Content-Length: {len(response.body)}")
        raw = "\r\n".join((*head, "", "")).encode("latin-1", "replace")
        raw += b"" if method == "HEAD" else response.body
        chunks = [raw[at : at + _CHUNK_BYTES] for at in range(0, len(raw), _CHUNK_BYTES)]
        replies = [self._codec.data(connection.data_stream, chunk) for chunk in chunks]
        return replies + self._end(connection) if closes else replies

    def _failed(self, connection: _Connection, why: str) -> list[bytes]:
        self._by_stream.pop(connection.data_stream, None)
        return [
            self._codec.data(connection.error_stream, why.encode(), fin=True),
            self._codec.data(connection.data_stream, b"", fin=True),
        ]

    def _end(self, connection: _Connection) -> list[bytes]:
        self._by_stream.pop(connection.data_stream, None)
        return [
            self._codec.data(connection.data_stream, b"", fin=True),
            self._codec.data(connection.error_stream, b"", fin=True),
        ]


def _complete_request(received: bytearray) -> tuple[str, str, bool] | None:
    """(method, path, closes) of the first whole HTTP request in the bytes, which it takes out; None
    without."""
    head, separator, rest = bytes(received).partition(b"\r\n\r\n")
    if not separator:
        return None
    lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
    }
    length = int(headers["content-length"]) if headers.get("content-length", "").isdigit() else 0
    if len(rest) < length:
        return None
    del received[: len(head) + len(separator) + length]
    method, path, version = (*lines[0].split(" "), "GET", "/", "HTTP/1.1")[:3]
    closes = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
    return method, path if path.startswith("/") else f"/{path}", closes
