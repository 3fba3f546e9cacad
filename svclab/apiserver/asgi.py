"""The Kubernetes API over HTTP: an ASGI application of its own, mounted at /k8s/ before Django.

    /k8s/SECRET/api/v1/...    the secret opens one cluster; an Authorization header, if any, must repeat it
    /k8s/api/v1/...           with `Authorization: Bearer SECRET` (kubectl sends it over https only)

Cookies are not looked at. Streams (exec, attach, port-forward) go to `streams`.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from svclab.apiserver import hub
from svclab.apiserver.bodies import LIMIT_BYTES
from svclab.apiserver.dispatch import Answer, ApiRequest, ApiResponse, Followed, handle, handle_at_once
from svclab.apiserver.messages import ADMIN, UNKNOWN
from svclab.cluster import look, outage
from svclab.cluster.access import cluster_of_secret
from svclab.cluster.errors import NoSuchCluster
from svclab.kube.status import Refusal, failure, too_many_requests

log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX = "/k8s/"
_DRAIN_BYTES = 32 * 1024 * 1024
_BOOKMARK_SECONDS = 60.0


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one HTTP request below /k8s/."""
    assert scope["type"] == "http", "websockets below /k8s/ go to streams"
    request, secret = await _request(scope, receive)
    answer: Answer
    try:
        answer = _at_once(request, secret) or await hub.in_thread(
            lambda: handle(cluster_of_secret(secret), request)
        )
        if not isinstance(answer, ApiResponse) and not hub.has_room(answer.cluster):
            answer = _refused(_too_many_watches())
    except NoSuchCluster:
        answer = _refused(failure(404, "NotFound", "there is no cluster at this address", {}))
    except Exception as error:
        answer = _refused(_failed(error, request.method))
    if isinstance(answer, ApiResponse):
        await _send(answer, send, with_body=request.method != "HEAD")
    else:
        await _stream(answer, receive, send)


def _at_once(request: ApiRequest, secret: str) -> ApiResponse | None:
    """The answer, where memory has it: no thread is waited for."""
    cluster = look.at_once(secret) if request.method == "GET" else None
    return None if cluster is None else handle_at_once(cluster, request)


def _failed(error: Exception, method: str) -> Refusal:
    """The database is away, or we have a bug: the learner gets an id to report, the log the whole story."""
    if words := outage.words_of(error):
        log.warning("%s was not served: %s", method, error)
        refusal = failure(503, "ServiceUnavailable", words, {"retryAfterSeconds": outage.RETRY_SECONDS})
        refusal.headers["Retry-After"] = str(outage.RETRY_SECONDS)
        return refusal
    number = secrets.token_hex(4)
    log.error("error %s answering %s", number, method, exc_info=error)
    message = f"an error on the server has prevented the request from succeeding (svclab error {number})"
    return failure(500, "InternalError", message)


def _refused(refusal: Any) -> ApiResponse:
    answer = ApiResponse.of(refusal.code, refusal.status)
    answer.headers.update(refusal.headers)
    return answer


def _too_many_watches() -> Any:
    message = f"this cluster has {hub.WATCHES_PER_CLUSTER} watches open, which is the limit: close one first"
    return too_many_requests(message, seconds=10)


async def _request(scope: Scope, receive: Receive) -> tuple[ApiRequest, str]:
    request, secret = identify_scope(scope)
    request.body = await _body(receive)
    return request, secret


def identify_scope(scope: Scope) -> tuple[ApiRequest, str]:
    """The request of a scope (without its body), and the secret by which it wants in."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    path, secret, user = identify(scope["path"], headers)
    return ApiRequest(scope.get("method", "GET"), path, query, headers, user=user), secret


def identify(full_path: str, headers: dict[str, str]) -> tuple[str, str, str]:
    """(API path, secret, user) of a request to /k8s/...; the user is nobody when token and path disagree."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    first, _, rest = full_path.removeprefix(PREFIX).partition("/")
    if bearer and first in ("api", "apis", "version", "openapi", "healthz", "livez", "readyz"):
        return f"/{first}/{rest}".rstrip("/"), bearer, ADMIN
    agrees = not headers.get("authorization") or secrets.compare_digest(bearer.encode(), first.encode())
    path = "/" + rest
    return (path.rstrip("/") or "/"), first, ADMIN if agrees else UNKNOWN


async def _body(receive: Receive) -> bytes:
    """The body, cut one byte beyond the limit; what comes after that is read and dropped."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        part = message.get("body", b"")
        if size <= LIMIT_BYTES:
            parts.append(part)
        size += len(part)
        if not message.get("more_body") or size > _DRAIN_BYTES:
            break
    return b"".join(parts)


async def _send(answer: ApiResponse, send: Send, *, with_body: bool) -> None:
    headers = [(name.lower().encode("latin-1"), _latin(value)) for name, value in answer.header_list()]
    names = {name for name, _ in headers}
    if b"cache-control" not in names:
        headers.append((b"cache-control", b"no-cache, private"))
    headers.append((b"x-content-type-options", b"nosniff"))  # a pod's log is text, whatever stands in it
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})


def _latin(value: str) -> bytes:
    """A header's value; what a header cannot carry is replaced, line breaks among it."""
    return " ".join(value.splitlines()).encode("latin-1", "replace")


async def _stream(watch: Followed, receive: Receive, send: Send) -> None:
    """Serve a watch until its time is over, it ends, or the client leaves. Headers go out at once."""
    headers = [(name.lower().encode(), value.encode()) for name, value in watch.headers.items()]
    headers += [
        (name.lower().encode(), _latin(value))
        for name, value in ApiResponse(200, warnings=watch.warnings).header_list()
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    leaving = asyncio.create_task(_until_disconnect(receive))
    try:
        async with hub.subscribed(watch) as subscriber:
            await _feed(watch, subscriber, send, leaving)
    finally:
        leaving.cancel()
    if not leaving.done() or leaving.cancelled():
        with contextlib.suppress(Exception):
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _feed(watch: Followed, subscriber: hub.Subscriber, send: Send, leaving: asyncio.Task[None]) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + watch.timeout_seconds if watch.timeout_seconds else None
    while not leaving.done():
        wait = _BOOKMARK_SECONDS if end is None else min(_BOOKMARK_SECONDS, end - loop.time())
        if wait <= 0:
            return
        reading = asyncio.create_task(subscriber.queue.get())
        done, _ = await asyncio.wait({reading, leaving}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        if reading not in done:
            reading.cancel()
            if not done and (bookmark := watch.bookmark()) is not None:
                await send({"type": "http.response.body", "body": bookmark, "more_body": True})
            continue
        events = reading.result()
        if events is None:
            return
        await send({"type": "http.response.body", "body": b"".join(events), "more_body": True})


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
