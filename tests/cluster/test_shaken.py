"""A shaken copy: every pod of a namespace is lost and its Deployments are updated; the cluster stays as it is."""

import pytest

from svclab.cluster import dataplane, lifecycle
from svclab.cluster.shaken import shaken
from svclab.terminal.session import Session

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cluster():
    return lifecycle.new_cluster("guest-alice", random_seed="shaken")


def played(cluster, *lines):
    session = Session(cluster, hurried=True)
    for line in lines:
        session.run(line, lambda _: None)


def codes(copy, target):
    return {trace["outcome"]["code"] for trace in copy.probe("pod/shop/client", target, None, 10)}


WEB = (
    "kubectl create namespace shop",
    "kubectl run client -n shop --image=nicolaka/netshoot -- sleep infinity",
    "kubectl create namespace web",
    "kubectl create deployment web -n web --image=nginx:1.25 --replicas=2",
    "kubectl expose deployment web -n web --port=80",
    "sleep 10",
)


def test_what_a_deployment_keeps_comes_back_with_other_names_and_another_hash(cluster):
    played(cluster, *WEB)
    before = {pod["metadata"]["name"] for pod in cluster.snapshot().list("Pod", "web")}

    copy = shaken(cluster, "web")

    pods = copy.snapshot.list("Pod", "web")
    assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
    assert not {pod["metadata"]["name"] for pod in pods} & before
    hashes = {pod["metadata"]["labels"]["pod-template-hash"] for pod in pods}
    assert len(hashes) == 1
    assert not any(next(iter(hashes)) in name for name in before)
    assert codes(copy, "http://web.web") == {"OK"}


@pytest.mark.parametrize(
    "by_hand",
    [
        ("kubectl label pods -n web --all mine=yes", "kubectl set selector service web mine=yes -n web"),
        (
            "HASH=$(kubectl get pods -n web -o jsonpath='{.items[0].metadata.labels.pod-template-hash}')",
            "kubectl set selector service web pod-template-hash=$HASH -n web",
        ),
        (
            "kubectl delete deployment web -n web",
            "kubectl run web -n web --image=nginx:1.25 --labels=app=web",
        ),
    ],
    ids=["a label put on by hand", "the hash of one ReplicaSet", "a pod that nobody replaces"],
)
def test_what_was_done_by_hand_is_lost(cluster, by_hand):
    played(cluster, *WEB, *by_hand, "sleep 40")
    assert {
        trace["outcome"]["code"] for trace in dataplane.probe(cluster, "pod/shop/client", "http://web.web")
    } == {"OK"}

    assert codes(shaken(cluster, "web"), "http://web.web") == {"REJECTED"}


def test_the_cluster_itself_stays_as_it_is(cluster):
    played(cluster, *WEB)
    state, world = cluster.state(), dataplane.world(cluster)

    copy = shaken(cluster, "web")
    codes(copy, "http://web.web")

    assert cluster.state() == state
    assert dataplane.newest(cluster) == 0
    assert dataplane.world(cluster) is world


def test_rules_of_the_copy_are_never_taken_for_the_clusters(cluster):
    """The copy counts its versions on from the cluster's, so both may come to give the same one."""
    played(cluster, *WEB, "kubectl create configmap counter -n web")
    copy = shaken(cluster, "web")
    (in_copy,) = copy.snapshot.list("EndpointSlice", "web")

    with cluster.writing() as batch:
        while batch.version < int(in_copy["metadata"]["resourceVersion"]) - 1:
            counter = batch.snapshot.get("ConfigMap", "web", "counter")
            batch.update({**counter, "data": {"version": str(batch.version)}})
        (slice_,) = batch.snapshot.list("EndpointSlice", "web")
        emptied = batch.update({**slice_, "endpoints": []})
        for node in batch.snapshot.list("Node"):
            batch.program(node["metadata"]["name"])

    assert emptied["metadata"]["resourceVersion"] == in_copy["metadata"]["resourceVersion"]
    (trace,) = dataplane.probe(cluster, "pod/shop/client", "http://web.web")
    assert trace["outcome"]["code"] == "REJECTED"
