"""Each node that is alive holds a Lease in kube-node-lease, and renews it every ten seconds."""

from datetime import timedelta

import pytest

from svclab.apiserver.dispatch import handle, handle_at_once
from svclab.apiserver.messages import ApiRequest
from svclab.cluster.lifecycle import new_cluster
from svclab.kube.meta import moment, timestamp
from svclab.terminal.session import Session

pytestmark = pytest.mark.django_db(transaction=True)

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


@pytest.fixture
def cluster():
    found = new_cluster("learner", seed="standard", random_seed="leases")
    found.set_clock(lambda clock, real: clock.pause(real))
    return found


def later(cluster, seconds):
    cluster.set_clock(lambda clock, real: clock.step(seconds, real))


def lease(cluster, node="node1"):
    return handle(cluster, ApiRequest("GET", f"{LEASES}/{node}")).json


def renewed_ago(cluster):
    return cluster.now() - moment(lease(cluster)["spec"]["renewTime"])


def says(cluster, line):
    shown = []
    Session(cluster, "test").run(line, shown.append)
    return "".join(shown)


def test_a_lease_belongs_to_its_node_which_holds_it_for_forty_seconds(cluster):
    found = lease(cluster)

    (owner,) = found["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Node", "node1")
    assert owner["uid"] == cluster.snapshot().get("Node", "", "node1")["metadata"]["uid"]
    assert {**found["spec"], "renewTime": ""} == {
        "holderIdentity": "node1",
        "leaseDurationSeconds": 40,
        "renewTime": "",
    }


def test_whoever_looks_finds_it_renewed_less_than_ten_seconds_ago(cluster):
    for seconds in (0, 7, 3600):
        later(cluster, seconds)
        assert timedelta(0) <= renewed_ago(cluster) < timedelta(seconds=10)


def test_while_nobody_looks_at_leases_nothing_is_written(cluster):
    before = cluster.snapshot().resource_version

    later(cluster, 3600)
    cluster.advance()
    says(cluster, "kubectl get nodes")

    assert cluster.snapshot().resource_version == before


def test_a_watch_sees_each_renewal(cluster):
    watch = handle(cluster, ApiRequest("GET", f"{LEASES}?watch=true&fieldSelector=metadata.name=node1"))
    assert len(watch.news()) == 1

    later(cluster, 10)

    (event,) = watch.news()
    assert b'"MODIFIED"' in event
    assert not watch.news()


def test_a_node_that_is_no_longer_ready_has_stopped_renewing(cluster):
    node = cluster.snapshot().get("Node", "", "node1")
    since = timestamp(cluster.now())
    conditions = [
        {**each, "status": "Unknown", "lastTransitionTime": since} if each["type"] == "Ready" else each
        for each in node["status"]["conditions"]
    ]
    cluster.update({**node, "status": {**node["status"], "conditions": conditions}})

    later(cluster, 3600)

    assert renewed_ago(cluster) > timedelta(seconds=3639)


def test_a_deleted_lease_is_taken_again_and_a_deleted_nodes_goes_with_it(cluster):
    says(cluster, "kubectl delete lease node1 -n kube-node-lease")
    assert "node1 " in says(cluster, "kubectl get lease -n kube-node-lease")

    says(cluster, "kubectl delete node node2")
    later(cluster, 1)

    listed = says(cluster, "kubectl get leases -n kube-node-lease").splitlines()
    assert [line.split() for line in listed[:1]] == [["NAME", "HOLDER", "AGE"]]
    assert [line.split()[:2] for line in listed[1:]] == [["control-plane"] * 2, ["node1"] * 2]


def test_describe_node_tells_of_the_lease(cluster):
    lines = says(cluster, "kubectl describe node node1").splitlines()

    at = lines.index("Lease:")
    assert lines[at + 1 : at + 3] == ["  HolderIdentity:  node1", "  AcquireTime:     <unset>"]
    assert lines[at + 3].startswith("  RenewTime:       ")


def test_a_look_that_must_not_wait_leaves_leases_to_one_that_may(cluster):
    lease(cluster)
    assert handle_at_once(cluster, ApiRequest("GET", f"{LEASES}/node1")) is None


def test_a_node_that_is_only_an_object_has_no_kubelet_and_no_lease(cluster):
    """As the recorded cluster's nodes, of which kubectl could not get a lease."""
    node = cluster.snapshot().get("Node", "", "node1")
    info = {"name": "drawn", "labels": {}}
    with cluster.writing() as batch:
        batch.create({"apiVersion": "v1", "kind": "Node", "metadata": info, "spec": {},
                      "status": {**node["status"], "nodeInfo": {}}})  # fmt: skip
    later(cluster, 1)

    said = says(cluster, "kubectl describe node drawn")

    assert 'Failed to get lease: leases.coordination.k8s.io "drawn" not found' in said
