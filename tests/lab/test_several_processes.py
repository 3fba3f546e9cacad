"""Two Daphne processes behind one address: DATABASE_URL and REDIS_URL are all that has to be set."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.lab.conftest import Learner, Page, dial
from tests.lab.test_who_may_what import JSON, ask, secret_address
from tests.serving import Server, free_port, serving

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: hello-from-a}\nspec: {containers: [{name: c, image: nginx}]}\n"


class Backing:
    """A server that svclab's processes lean on; it can be taken away, and given back."""

    def __init__(self, command: list[str], cwd: Path) -> None:
        self._command, self._cwd = command, cwd
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        silent = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, cwd=self._cwd, stdout=silent, stderr=silent)

    def stop(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGINT)  # to PostgreSQL: end at once, whoever is connected
        self._process.wait(20)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Backing]]:
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed here: news between processes are not tried")
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = Backing(command, folder)
    server.start()
    yield f"redis://127.0.0.1:{port}/0", server
    server.stop()


@pytest.fixture(scope="module")
def postgres() -> Iterator[tuple[str, Backing]]:
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
    made = [*prefix, "initdb", "-D", str(data), "-A", "trust", "-U", "svclab"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    listening = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-k", str(folder)]
    server = Backing([*prefix, "postgres", "-D", str(data), *listening], folder)
    server.start()
    try:
        _wait_until_ready(port)
        yield f"postgres://svclab@127.0.0.1:{port}/postgres", server
    finally:
        server.stop()
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
def settings(redis: tuple[str, Backing], postgres: tuple[str, Backing]) -> dict[str, str]:
    return {"DATABASE_URL": postgres[0], "REDIS_URL": redis[0]}


@pytest.fixture(scope="module")
def two(
    settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    var = tmp_path_factory.mktemp("two")
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


def config_map(server: Server, learner: Learner, name: str) -> int:
    """The status with which this process answers when the learner's kubectl makes a ConfigMap."""
    path = secret_address(learner).replace(learner.server.url, server.url)
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}).encode()
    return ask("POST", f"{path}/api/v1/namespaces/default/configmaps", headers=JSON, body=body)[0]


def config_maps(server: Server, learner: Learner) -> set[str]:
    path = secret_address(learner).replace(learner.server.url, server.url)
    found = json.loads(ask("GET", f"{path}/api/v1/namespaces/default/configmaps")[2])
    return {item["metadata"]["name"] for item in found["items"]}


def test_the_clock_is_one_whichever_process_sets_it(two, sockets):
    first, second = two
    alice = Learner(first, sockets)
    here, there = page_on(first, alice, sockets), page_on(second, alice, sockets)

    here.send("clock", action="pause")
    paused = there.expect("clock", lambda clock: clock["paused"])
    there.send("clock", action="step", value=5)
    stepped = here.expect("clock", lambda clock: clock["paused"] and clock["now"] != paused["now"])

    moments = [datetime.fromisoformat(clock["now"]) for clock in (paused, stepped)]
    assert moments[1] - moments[0] == timedelta(seconds=5)


def test_requests_sent_through_both_at_once_are_numbered_once_and_told_to_both(two, sockets):
    first, second = two
    alice = Learner(first, sockets)
    pages = [page_on(server, alice, sockets) for server in two]

    for _ in range(8):
        for page in pages:
            page.send("send", source="client/laptop", target="http://192.168.64.11:31999")

    for page in pages:
        told: set[int] = set()
        while len(told) < 16:
            news = json.loads(page.socket.recv(timeout=20))
            told |= {news["trace"]["id"]} if news["type"] == "trace" else set()
            told |= {each["id"] for each in news["traces"]} if news["type"] == "traces" else set()
        assert told == set(range(1, 17))


def test_a_watch_on_one_process_misses_nothing_that_is_written_through_both(two, sockets):
    first, second = two
    alice = Learner(first, sockets)
    address = secret_address(alice).replace(first.url, second.url)
    path = f"{address}/api/v1/namespaces/default/configmaps?watch=true"
    watch = sockets.enter_context(urllib.request.urlopen(path, timeout=30))

    with ThreadPoolExecutor(4) as threads:
        names = [f"notes-{number}" for number in range(24)]
        made = list(threads.map(lambda n: config_map(two[int(n[6:]) % 2], alice, n), names))
    assert made == [201] * 24

    events = [json.loads(watch.readline())["object"]["metadata"] for _ in names]
    assert {metadata["name"] for metadata in events} == set(names)
    versions = [int(metadata["resourceVersion"]) for metadata in events]
    assert versions == sorted(versions)


def test_what_was_acknowledged_by_a_process_that_is_killed_is_there_on_the_other(two, settings, sockets):
    _, second = two
    acknowledged: list[str] = []
    with serving(second.var, kill=True, **settings) as doomed:
        alice = Learner(doomed, sockets)
        secret_address(alice)

        def write(writer: int) -> None:
            for number in range(200):
                try:
                    if config_map(doomed, alice, f"notes-{writer}-{number}") == 201:
                        acknowledged.append(f"notes-{writer}-{number}")
                except OSError:
                    return

        with ThreadPoolExecutor(3) as threads:
            writing = [threads.submit(write, writer) for writer in range(3)]
            while len(acknowledged) < 20:
                time.sleep(0.05)
            doomed.process.kill()
            for each in writing:
                each.result(30)

    alice.server = second
    started = time.monotonic()
    assert config_map(second, alice, "after") == 201
    assert time.monotonic() - started < 20  # nobody's lock has stayed behind
    assert set(acknowledged) <= config_maps(second, alice)


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_without_redis_pages_go_on_and_hear_of_each_other_again_when_it_is_back(two, redis, sockets):
    first, second = two
    alice = Learner(first, sockets)
    here, there = page_on(first, alice, sockets), page_on(second, alice, sockets)
    try:
        redis[1].stop()
        here.send("apply", yaml=POD)
        assert "created" in here.expect("applied")["results"][0]["message"]
        page_on(first, alice, sockets)
    finally:
        redis[1].start()

    there.expect(
        "objects", lambda news: any(o["metadata"]["name"] == "hello-from-a" for o in news["changed"])
    )
    here.send("clock", action="rate", value=10)
    there.expect("clock", lambda clock: clock["rate"] == 10)


def test_without_its_database_the_server_says_503_and_goes_on_when_it_is_back(two, postgres, sockets):
    first, _ = two
    alice = Learner(first, sockets)
    page, api = page_on(first, alice, sockets), f"{secret_address(alice)}/api/v1/pods"
    try:
        postgres[1].stop()
        until(lambda: ask("GET", first.url + "/", alice.browser)[0] == 503)
        status, headers, said = ask("GET", api)
        assert (status, json.loads(said)["reason"], headers["Retry-After"]) == (
            503,
            "ServiceUnavailable",
            "2",
        )
        assert "Not at the moment" in ask("GET", first.url + "/lessons/", alice.browser)[2]
        page.send("send", source="client/laptop", target="http://192.168.64.11:31999", request="r1")
        assert "does not answer" in page.expect("error", lambda error: error["request"] == "r1")["message"]
    finally:
        postgres[1].start()

    until(lambda: ask("GET", first.url + "/", alice.browser)[0] == 200)
    until(lambda: ask("GET", api)[0] == 200)
    page.send("send", source="client/laptop", target="http://192.168.64.11:31999", request="r2")
    assert page.expect("trace", seconds=40)["request"] == "r2"
