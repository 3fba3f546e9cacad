"""Two Daphne processes behind one address: DATABASE_URL and REDIS_URL are all that has to be set."""

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab.conftest import Learner, Page, dial
from tests.serving import Server, free_port, serving

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: hello-from-a}\nspec: {containers: [{name: c, image: nginx}]}\n"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed here: news between processes are not tried")
    port = free_port()
    folder = tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        yield f"redis://127.0.0.1:{port}/0"
        process.terminate()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of our own; it refuses to run as root, so root lends it to the user postgres."""
    if not (shutil.which("initdb") and shutil.which("postgres")):
        pytest.skip("PostgreSQL is not installed here")
    folder = Path("/tmp") / f"svclab-postgres-{os.getpid()}"
    folder.mkdir()
    prefix: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    port, data = free_port(), folder / "data"
    subprocess.run(
        [*prefix, "initdb", "-D", str(data), "-A", "trust", "-U", "svclab"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    command = [
        *prefix,
        "postgres",
        "-D",
        str(data),
        "-p",
        str(port),
        "-c",
        "listen_addresses=127.0.0.1",
        "-k",
        str(folder),
    ]
    with subprocess.Popen(
        command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=folder
    ) as process:
        try:
            _wait_until_ready(port)
            yield f"postgres://svclab@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(port: int) -> None:
    import psycopg

    for _ in range(200):
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=svclab dbname=postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("PostgreSQL does not answer")


@pytest.fixture(scope="module")
def two(
    redis: str, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    var = tmp_path_factory.mktemp("two")
    settings = {"DATABASE_URL": postgres, "REDIS_URL": redis}
    with serving(var, **settings) as first, serving(var, **settings) as second:
        yield first, second


def page_on(server: Server, learner: Learner, sockets: ExitStack) -> Page:
    page = Page(sockets.enter_context(dial(server, cookie=learner.cookie)))
    page.send("hello")
    page.expect("state")
    return page


def test_what_is_done_on_one_process_is_seen_on_the_other(two, sockets):
    first, second = two
    alice = Learner(first, sockets)
    here, there = page_on(first, alice, sockets), page_on(second, alice, sockets)
    here.send("apply", yaml=POD)
    assert here.expect("applied")["results"] == [{"message": "pod/hello-from-a created", "line": None}]
    names = there.expect(
        "objects", lambda news: any(o["metadata"]["name"] == "hello-from-a" for o in news["changed"])
    )
    assert names["rv"]
    here.send("send", source="client/laptop", target="http://192.168.64.11:31999")
    assert there.expect("trace")["trace"]["target"] == "http://192.168.64.11:31999"


def test_controllers_run_once_whoever_looks(two, sockets):
    first, second = two
    alice = Learner(first, sockets)
    here, there = page_on(first, alice, sockets), page_on(second, alice, sockets)
    here.send(
        "apply",
        yaml="apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: six}\nspec:\n  replicas: 6\n  selector: {matchLabels: {app: six}}\n  template:\n    metadata: {labels: {app: six}}\n    spec: {containers: [{name: c, image: nginx}]}\n",
    )
    deployed = {"replicas": 6, "readyReplicas": 6}
    for page in (here, there):
        page.expect(
            "objects",
            lambda news: any(
                o["kind"] == "Deployment" and deployed.items() <= o.get("status", {}).items()
                for o in news["changed"]
            ),
            seconds=40,
        )
    request = urllib.request.Request(f"{second.url}/", headers={"Cookie": alice.cookie})
    assert urllib.request.urlopen(request).status == 200
    fresh = Page(sockets.enter_context(dial(second, cookie=alice.cookie)))
    fresh.send("hello")
    pods = [
        o
        for o in fresh.expect("state")["objects"]
        if o["kind"] == "Pod" and o["metadata"]["name"].startswith("six-")
    ]
    assert len(pods) == 6
