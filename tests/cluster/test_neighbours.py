"""Clusters that begin alike, as all of one seed do, go their own ways however alike they count."""

import json

import pytest

from svclab.apiserver.dispatch import ApiRequest, handle
from svclab.cluster import dataplane, lifecycle, settle
from svclab.cluster.recent import Recent
from svclab.kube.request import Request

pytestmark = pytest.mark.django_db(transaction=True)
SERVICES = "/api/v1/namespaces/hello/services"


@pytest.fixture
def neighbours():
    return [lifecycle.new_cluster(owner, seed="hello") for owner in ("alice", "bob")]


def serve_on(cluster, port):
    """The Service `web` on another port, and half a minute for the nodes to follow."""
    patch = {
        "metadata": {"labels": {"port": str(port)}},
        "spec": {"ports": [{"name": "http", "port": port, "targetPort": 8080}]},
    }
    headers = {"content-type": "application/merge-patch+json"}
    answer = handle(cluster, ApiRequest("PATCH", f"{SERVICES}/web", [], headers, json.dumps(patch).encode()))
    assert answer.status == 200
    cluster.set_clock(lambda clock, real: clock.step(30, real))
    settle.advance(cluster)


def code(cluster, port):
    sent = dataplane.send(cluster, Request("pod/hello/visitor", f"http://web:{port}"))
    return sent.trace["outcome"]["code"]


def test_each_cluster_s_rules_are_made_of_its_own_services(neighbours):
    alice, bob = neighbours

    serve_on(alice, 81)
    assert (code(alice, 81), code(alice, 82)) == ("OK", "UNROUTED")
    serve_on(bob, 82)

    assert (code(bob, 81), code(bob, 82)) == ("UNROUTED", "OK")
    assert (code(alice, 81), code(alice, 82)) == ("OK", "UNROUTED")


def test_a_watch_tells_of_its_own_cluster_only(neighbours):
    watches = []
    for cluster in neighbours:
        query = [("watch", "true"), ("resourceVersion", str(cluster.snapshot().resource_version))]
        watches.append(handle(cluster, ApiRequest("GET", SERVICES, query, {}, b"")))

    for cluster, port in zip(neighbours, (81, 82), strict=True):
        serve_on(cluster, port)

    told = [[json.loads(line)["object"]["metadata"]["labels"] for line in watch.news()] for watch in watches]
    assert told == [[{"port": "81"}], [{"port": "82"}]]


def test_more_clusters_than_are_kept_in_memory_are_served_all_the_same(neighbours, monkeypatch):
    for cache in ("memory._states", "settle._agendas", "worlds._worlds", "worlds._rulesets"):
        monkeypatch.setattr(f"svclab.cluster.{cache}", Recent(1))

    for _ in range(3):
        assert [code(cluster, 80) for cluster in neighbours] == ["OK", "OK"]
    assert [dataplane.newest(cluster) for cluster in neighbours] == [3, 3]


def test_what_was_used_last_is_kept_and_the_rest_goes():
    kept = Recent(2)
    for letter in "abc":
        kept.put(letter, letter.upper())
        kept.get("a")

    assert [kept.get(letter) for letter in "abc"] == ["A", None, "C"]
