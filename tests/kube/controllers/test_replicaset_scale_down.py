"""Which pods a ReplicaSet lets go first."""

import pytest

from svclab.kube.controllers import replicaset
from svclab.kube.reconcile import Delete
from svclab.linux.dice import Dice
from tests.kube.controllers.simulation import Simulation


@pytest.mark.parametrize(("owned", "left"), [(True, "node2"), (False, "node1")])
def test_of_two_pods_the_one_goes_that_has_more_of_its_deployments_pods_beside_it(owned, left):
    """The other, older ReplicaSet of the Deployment has two pods on node1; a stranger's would not count."""
    cluster = Simulation()
    ours = replica_set_of("new", owner="d")
    cluster.batch.create(ours)
    cluster.batch.create(replica_set_of("old", owner="d" if owned else "another"))
    for name, node, of in (
        ("n1", "node1", "new"),
        ("n2", "node2", "new"),
        ("o1", "node1", "old"),
        ("o2", "node1", "old"),
    ):
        cluster.batch.create(pod_of(name, node, of, second=0 if name == "n1" else 1))

    result = replicaset.reconcile(cluster.snapshot, ("default", "new"), cluster.now, Dice("x"))

    (gone,) = [write.key[1] for write in result.writes if isinstance(write, Delete)]
    assert {"n1": "node2", "n2": "node1"}[gone] == left


def replica_set_of(name, owner):
    reference = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": owner,
        "uid": owner,
        "controller": True,
    }
    labels = {"of": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "default", "uid": name, "ownerReferences": [reference]},
        "spec": {
            "replicas": 1 if name == "new" else 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}},
        },
        "status": {"replicas": 2},
    }


def pod_of(name, node, owner, second):
    reference = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": owner,
        "uid": owner,
        "controller": True,
    }
    since = f"2026-03-01T11:00:0{second}Z"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": name,
            "labels": {"of": owner},
            "ownerReferences": [reference],
            "creationTimestamp": since,
        },
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "nginx"}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}],
        },
    }
