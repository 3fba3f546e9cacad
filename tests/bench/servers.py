"""Servers to measure, each a Daphne process of its own on a free port of loopback."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

EMPTY_APP = """
import django
from django.conf import settings
settings.configure(SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}})
django.setup()
from channels.generic.websocket import WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("hello"))]
application = ProtocolTypeRouter({"http": get_asgi_application(),
    "websocket": URLRouter([path("ws/", WebsocketConsumer.as_asgi())])})
"""
BARE_APP = """
BODY = b"x" * 2000
async def application(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": BODY})
"""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def first_reply(url: str) -> None:
    """Wait for the first answer to GET /."""
    for _ in range(3000):
        try:
            urllib.request.urlopen(url + "/", timeout=20).read()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.01)
    raise RuntimeError(f"no reply from {url}")


@contextmanager
def served(
    application: str, folder: Path, environment: dict[str, str], visit: Callable[[str], None] = first_reply
) -> Iterator[tuple[str, float]]:
    """Runs an ASGI application; gives its URL and the seconds from start until the first visit is over."""
    port = free_port()
    command = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), application]
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            visit(url)
            yield url, time.perf_counter() - start
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def svclab(visit: Callable[[str], None] = first_reply) -> Iterator[tuple[str, float]]:
    """The app itself with a database of its own, prepared as `make run` does."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"SVCLAB_VAR": folder}
        subprocess.run(
            [sys.executable, "manage.py", "prepare"], cwd=ROOT, env={**os.environ, **environment}, check=True
        )
        with served("svclab.asgi:application", ROOT, environment, visit) as found:
            yield found


@contextmanager
def other(source: str) -> Iterator[tuple[str, float]]:
    """An application given as the text of a module."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "measured.py").write_text(source)
        with served("measured:application", Path(folder), {"PYTHONPATH": folder}) as found:
            yield found
