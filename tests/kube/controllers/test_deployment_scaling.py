"""A Deployment whose size changes in the middle of a rollout: who gets how many pods.

The cases are those of Kubernetes' own tests (pkg/controller/deployment/sync_test.go, TestScale).
"""

import pytest

from svclab.kube.controllers.deployment.rollout import Rollout
from svclab.kube.controllers.deployment.scaling import scale_in_proportion
from svclab.kube.reconcile import Result, Update

PREFIX = "deployment.kubernetes.io/"


def deployment(replicas, surge):
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0}}
    metadata = {"name": "web", "namespace": "default", "uid": "d"}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": replicas, "strategy": rolling}}


def replica_set(name, replicas, desired, surge):
    annotations = {f"{PREFIX}desired-replicas": str(desired), f"{PREFIX}max-replicas": str(desired + surge)}
    metadata = {"name": name, "namespace": "default", "uid": name, "annotations": annotations}
    return {"kind": "ReplicaSet", "metadata": metadata, "spec": {"replicas": replicas}, "status": {}}


@pytest.mark.parametrize(
    ("before", "after", "surge", "new", "old", "expected"),
    [
        (10, 12, 0, 10, [], [12]),
        (10, 5, 0, 10, [], [5]),
        (5, 10, 0, 2, [3], [4, 6]),
        (5, 3, 0, 2, [3], [1, 2]),
        (9, 4, 0, 8, [1], [4, 0]),
        (7, 10, 0, 2, [3, 2], [3, 4, 3]),
        (13, 8, 0, 2, [8, 3], [1, 5, 2]),
        (3, 4, 0, 1, [1, 1], [2, 1, 1]),
        (3, 2, 0, 1, [1, 1], [1, 1, 0]),
        (4, 5, 0, None, [2, 2], [3, 2]),
        (6, 0, 0, 3, [2, 1], [0, 0, 0]),
        (6, 6, 0, 0, [0, 0], [6, 0, 0]),
        (10, 20, 2, 6, [6], [11, 11]),
        (10, 50, (3, 6), 5, [8], [22, 34]),
        (10, 14, 0, None, [7, 3], [10, 4]),
        (2, 2, 1, 2, [1], [2, 1]),
    ],
)
def test_each_replica_set_gets_its_share(before, after, surge, new, old, expected):
    surge_before, surge_after = surge if isinstance(surge, tuple) else (surge, surge)
    sizes = ([] if new is None else [new]) + old  # the newest first
    sets = [replica_set(f"web-{len(sizes) - n}", size, before, surge_before) for n, size in enumerate(sizes)]
    older = sets if new is None else sets[1:]
    rollout = Rollout(
        deployment(after, surge_after), None if new is None else sets[0], tuple(reversed(older))
    )
    result = Result()

    scale_in_proportion(rollout, result)

    found = {each["metadata"]["name"]: each["spec"]["replicas"] for each in sets}
    for write in result.writes:
        if isinstance(write, Update):
            found[write.manifest["metadata"]["name"]] = write.manifest["spec"]["replicas"]
    assert list(found.values()) == expected
