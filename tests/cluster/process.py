"""A server process for tests that need several, or one that can be killed: `python process.py WHAT CLUSTER [N]`.

It works on the database in SVCLAB_VAR (or DATABASE_URL), and prints what has been acknowledged to it.
"""

import os
import sys
import threading
from pathlib import Path


def main(what, cluster_id, *rest):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "svclab.settings")
    import django

    django.setup()
    {"count": count, "threads": threads, "note": note, "race": race, "play": play, "follow": follow}[what](
        cluster_id, *rest
    )


def count(cluster_id, times):
    """Read, add one, write; so often."""
    from svclab.cluster.store import open_cluster

    for _ in range(int(times)):
        with open_cluster(cluster_id).writing() as batch:
            counter = batch.snapshot.get("ConfigMap", "default", "counter")
            batch.update({**counter, "data": {"n": str(int(counter["data"]["n"]) + 1)}})


def threads(cluster_id, times):
    """The same in four threads."""
    from django.db import connection

    def work():
        count(cluster_id, times)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def note(cluster_id, name):
    """Write for ever, and say of each write that it is done."""
    from svclab.cluster.store import open_cluster

    cluster = open_cluster(cluster_id)
    for n in range(100_000):
        metadata = {"name": f"{name}-{n}", "namespace": "default"}
        cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        print(metadata["name"], flush=True)  # noqa: T201 (what the test reads)
        cluster.delete("ConfigMap", "default", metadata["name"]) if n % 2 else None


def race(cluster_id, prefix):
    """Claim ten node ports that others claim as well; say which ones were given."""
    from svclab.cluster.store import open_cluster
    from svclab.kube.status import Refusal

    cluster = open_cluster(cluster_id)
    for port in range(30000, 30010):
        spec = {"clusterIP": f"10.96.1.{port - 29999}", "type": "NodePort",
                "ports": [{"port": 80, "protocol": "TCP", "nodePort": port}]}  # fmt: skip
        metadata = {"name": f"{prefix}-{port}", "namespace": "default"}
        try:
            cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        except Refusal:
            continue
        print(port, flush=True)  # noqa: T201 (what the test reads)


def follow(cluster_id, times):
    """Watch so many writes of others go by, and say their versions."""
    import time

    from svclab.cluster.store import open_cluster

    cluster, left = open_cluster(cluster_id), int(times)
    seen, until = cluster.snapshot().resource_version, time.monotonic() + 60
    print("from here", flush=True)  # noqa: T201 (what the test waits for)
    while left > 0 and time.monotonic() < until:
        for entry in cluster.events_since(seen):
            seen, left = entry.rv, left - 1
            print(entry.rv, cluster.snapshot().resource_version, flush=True)  # noqa: T201 (what the test reads)


def play(cluster_id, seconds):
    """Let virtual time pass in small steps."""
    from svclab.cluster.store import open_cluster

    cluster = open_cluster(cluster_id)
    for _ in range(int(seconds) * 2):
        cluster.set_clock(lambda clock, real: clock.step(0.5, real))
        cluster.advance()


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main(*sys.argv[1:])
