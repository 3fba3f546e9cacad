"""The server's front door: the Kubernetes API, the pages and the websockets, each to its own application.

The first page is there before what only the API and the websockets need has been imported: that happens when
somebody first asks for it, in a thread, so that the event loop goes on.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

from svclab import collector

collector.seldom()
sys.setswitchinterval(0.001)  # a keystroke's echo waits while commands compute: let that be short
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "svclab.settings")
pages = get_asgi_application()  # before anything that imports models

Application = Callable[..., Awaitable[Any]]


class Late:
    """An application that is imported, in a thread, when it is first asked for or `begin` is called."""

    def __init__(self, load: Callable[[], Application]) -> None:
        self._load = load
        self._loading: asyncio.Future[Application] | None = None

    def begin(self) -> asyncio.Future[Application]:
        """Start to import it, unless somebody has; gives what it will be."""
        if self._loading is None:
            self._loading = asyncio.ensure_future(asyncio.to_thread(self._load))
        return self._loading

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand a connection on."""
        found = await asyncio.shield(self.begin())
        await found(scope, receive, send)


def _run_client_programs() -> None:
    """Containers whose process is a client program get their shells from the terminal's package."""
    from svclab.cluster import programs  # noqa: PLC0415 (late, see above)

    def run(*started: Any) -> None:
        from svclab.terminal.programs import run  # noqa: PLC0415 (late)

        run(*started)

    programs.run_with(run)


def _api() -> Application:
    _run_client_programs()
    from svclab.apiserver.asgi import application as api  # noqa: PLC0415 (late, see above)

    collector.seldom()
    return api


def _websockets() -> Application:
    _run_client_programs()
    from channels.routing import URLRouter  # noqa: PLC0415 (late, see above)
    from django.urls import re_path  # noqa: PLC0415 (late)

    from svclab.apiserver import streams  # noqa: PLC0415 (late)
    from svclab.lab.routing import websocket_urlpatterns  # noqa: PLC0415 (late)
    from svclab.terminal import remote  # noqa: PLC0415 (late)
    from svclab.terminal.commands.registry import load_commands  # noqa: PLC0415 (late)

    load_commands()
    collector.seldom()
    kubernetes = re_path(r"^k8s/", streams.application(remote.start))
    return URLRouter([kubernetes, *websocket_urlpatterns, re_path("", _nowhere)])


async def _nowhere(scope: Any, receive: Any, send: Any) -> None:
    """A websocket at an address that leads nowhere is not accepted."""
    await receive()
    await send({"type": "websocket.close"})


api, websockets = Late(_api), Late(_websockets)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Hand a connection to the application that it is for."""
    if scope["type"] == "websocket":
        await websockets(scope, receive, send)
    elif scope["path"].startswith("/k8s/"):
        await api(scope, receive, send)
    else:
        await pages(scope, receive, send)
        websockets.begin()  # the page will ask for them next, and somebody will type
