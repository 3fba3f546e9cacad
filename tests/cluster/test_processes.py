"""Several server processes on one database, and one that dies without warning."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHILD = ROOT / "tests/cluster/process.py"
LOOK = """
import os, sys, json
os.environ["DJANGO_SETTINGS_MODULE"] = "svclab.settings"
import django; django.setup()
from svclab.cluster import lifecycle
from svclab.cluster.store import open_cluster
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """How to run Python on a database of its own, in a file."""
    environment = {**os.environ, "SVCLAB_VAR": str(tmp_path_factory.mktemp("var")), "PYTHONPATH": str(ROOT)}

    def run(*argv):
        return subprocess.run(
            [sys.executable, *map(str, argv)],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    run("manage.py", "migrate", "-v0")
    run.start = lambda *argv: subprocess.Popen(
        [sys.executable, *map(str, argv)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    return run


def new_cluster(server, then=""):
    return server("-c", LOOK + f"c = lifecycle.new_cluster('alice')\n{then}\nprint(c.id)").strip()


def names(server, cluster, kind):
    code = f"print(json.dumps([m['metadata']['name'] for m in open_cluster('{cluster}').snapshot().list('{kind}', 'default')]))"
    return json.loads(server("-c", LOOK + code))


COUNTER = (
    "c.create({'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'counter', 'namespace': 'default'},"
    " 'data': {'n': '0'}})"
)


def counted(server, cluster):
    code = f"print(open_cluster('{cluster}').snapshot().get('ConfigMap', 'default', 'counter')['data']['n'])"
    return int(server("-c", LOOK + code))


def test_processes_and_threads_that_write_the_same_object_lose_no_write(server):
    cluster = new_cluster(server, COUNTER)

    writers = [server.start(CHILD, "threads", cluster, 10), server.start(CHILD, "count", cluster, 40)]
    codes = [writer.communicate(timeout=60) and writer.returncode for writer in writers]

    assert codes == [0, 0]
    assert counted(server, cluster) == 80


def test_of_two_processes_that_claim_a_node_port_one_gets_it(server):
    cluster = new_cluster(server)

    claimants = [server.start(CHILD, "race", cluster, name) for name in ("one", "two")]
    given = [int(port) for claimant in claimants for port in claimant.communicate(timeout=60)[0].split()]

    assert sorted(given) == list(range(30000, 30010))
    assert len([n for n in names(server, cluster, "Service") if n != "kubernetes"]) == 10


def test_what_was_acknowledged_survives_kill_9(server):
    cluster = new_cluster(server)
    acknowledged = []
    for life in range(5):
        process = server.start(CHILD, "note", cluster, f"note-{life}")
        said = [process.stdout.readline().strip() for _ in range(3 + 7 * life)]
        process.send_signal(signal.SIGKILL)
        rest = process.communicate(timeout=30)[0].split()
        acknowledged += said + rest[:-1]  # of the last line we may have got a part

    stored = set(names(server, cluster, "ConfigMap"))

    kept = [name for name in acknowledged if int(name.rpartition("-")[2]) % 2 == 0]
    assert len(kept) > 30
    assert set(kept) <= stored


def test_a_process_that_watches_misses_no_write_of_another(server):
    cluster = new_cluster(server, COUNTER)

    watcher = server.start(CHILD, "follow", cluster, 120)
    assert watcher.stdout.readline() == "from here\n"
    for _ in range(2):
        server.start(CHILD, "count", cluster, 100).communicate(timeout=60)
    lines = [line.split() for line in watcher.communicate(timeout=90)[0].splitlines()]

    versions = [int(rv) for rv, _ in lines]
    assert len(versions) >= 120
    assert versions == list(range(versions[0], versions[0] + len(versions)))
    assert all(int(now) >= int(rv) for rv, now in lines)


def test_controllers_of_two_processes_make_each_pod_once(server):
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "generation": 1},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{"name": "web", "image": "nginx:1.25", "imagePullPolicy": "IfNotPresent"}]
                },
            },
        },
    }
    pause = "from svclab.cluster.clock import Clock; c.set_clock(Clock.pause)\n"
    cluster = new_cluster(server, f"{pause}c.create({deployment!r})")

    players = [server.start(CHILD, "play", cluster, 10) for _ in range(2)]
    codes = [player.communicate(timeout=60) and player.returncode for player in players]

    assert codes == [0, 0]
    pods = names(server, cluster, "Pod")
    assert len(pods) == 4
    code = (
        f"print(json.dumps(open_cluster('{cluster}').snapshot().list('Deployment', 'default')[0]['status']))"
    )
    assert json.loads(server("-c", LOOK + code))["readyReplicas"] == 4
