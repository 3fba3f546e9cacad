"""A server, and pages that talk to it over the websocket as a browser's would."""

import http.cookiejar
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.serving import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("lab")) as running:
        yield running


class Learner:
    """Somebody who has opened the workspace: her cookie, and her pages."""

    def __init__(self, server: Server, sockets: ExitStack) -> None:
        self.server, self._sockets = server, sockets
        self.cookies = http.cookiejar.CookieJar()
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        with self.browser.open(f"{server.url}/") as answer:
            self.html = answer.read().decode()

    @property
    def cookie(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)

    def page(self, **hello: Any) -> "Page":
        """A page whose websocket is open and has said hello."""
        page = Page(self._sockets.enter_context(dial(self.server, cookie=self.cookie)))
        page.send("hello", **hello)
        return page


class Page:
    """One page's end of the websocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    def send(self, kind: str, /, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def expect(
        self, kind: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True, seconds: float = 20
    ) -> Any:
        """The next message of this type for which `wanted` holds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            message = json.loads(self.socket.recv(timeout=left))
            self.seen.append(message)
            if message["type"] == kind and wanted(message):
                return message
        raise AssertionError(f"no {kind} among {[message['type'] for message in self.seen]}")


def dial(server: Server, *, cookie: str = "", origin: str | None = None) -> Any:
    """A websocket to /ws/lab/ with these headers."""
    headers = {"Cookie": cookie} if cookie else {}
    address = server.url.replace("http", "ws", 1) + "/ws/lab/"
    return connect(address, additional_headers=headers, origin=origin or server.url, max_size=None)


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    """What is entered here is closed when the test ends."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def alice(server: Server, sockets: ExitStack) -> Learner:
    return Learner(server, sockets)


@pytest.fixture
def bob(server: Server, sockets: ExitStack) -> Learner:
    return Learner(server, sockets)


@pytest.fixture
def line(server: Server, sockets: ExitStack) -> Callable[..., ClientConnection]:
    """`line(cookie=, origin=)`: a websocket by hand."""
    return lambda **headers: sockets.enter_context(dial(server, **headers))
