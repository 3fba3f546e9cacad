"""A real server of svclab on a database of its own, for tests that look at it from outside."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Server:
    """Where it listens (scheme, host and port), the directory it writes to, and its process."""

    url: str
    var: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        """All that it has printed."""
        return (self.var / f"server-{self.url.rpartition(':')[2]}.log").read_text(errors="replace")


@contextlib.contextmanager
def serving(var: Path, port: int = 0, *, kill: bool = False, **settings: str) -> Iterator[Server]:
    """Migrate, collect static files, serve with Daphne on a port (default: a free one); ended afterwards.

    `kill` ends it without warning, as kill -9 does. `settings` are environment variables, DATABASE_URL for
    instance.
    """
    port = port or free_port()
    environment = {**os.environ, "SVCLAB_VAR": str(var), "PYTHONUNBUFFERED": "1", **settings}
    environment.pop("SVCLAB_DEBUG", None)
    subprocess.run([sys.executable, "manage.py", "prepare"], cwd=ROOT, env=environment, check=True)
    with (var / f"server-{port}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "daphne", "--no-server-name", "--access-log", os.devnull, "-b", "127.0.0.1",
             "-p", str(port), "--application-close-timeout", "5", "svclab.asgi:application"],
            cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        server = Server(f"http://127.0.0.1:{port}", var, process)
        try:
            _wait_for(server, process)
            yield server
        finally:
            process.kill() if kill else process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended:\n{server.log}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{server.url}/", timeout=5).close()
            return
        time.sleep(0.25)
    raise RuntimeError(f"the server did not answer within a minute:\n{server.log}")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
