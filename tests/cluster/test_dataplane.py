"""Requests into a cluster: their traces, what nodes remember of them, and that every process knows."""

import pytest

from svclab.cluster import dataplane, lifecycle, memory, models, settle, worlds
from svclab.cluster.store import open_cluster
from svclab.kube.request import BadTarget, Request
from tests.cluster.harness import BACKEND, apply, delete, paused_cluster, pods, wait

pytestmark = pytest.mark.django_db(transaction=True)

DEBUG = """
apiVersion: v1
kind: Pod
metadata: {name: debug}
spec: {containers: [{name: shell, image: nicolaka/netshoot, stdin: true, tty: true}]}
"""
STICKY = """
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {selector: {app: backend}, sessionAffinity: ClientIP, ports: [{port: 80}]}
"""


@pytest.fixture
def cluster():
    cluster = paused_cluster()
    apply(cluster, BACKEND + "---" + DEBUG)
    wait(cluster, 30)
    return cluster


def ask(cluster, target="http://backend", **options):
    return dataplane.send(cluster, Request("pod/default/debug", target, **options))


def as_after_a_restart(cluster):
    memory.forget_all()
    settle.forget_agendas()
    worlds.forget(cluster.id)
    return open_cluster(cluster.id)


def test_a_service_answers_by_name_from_one_of_its_pods(cluster):
    outcome = ask(cluster).trace["outcome"]

    assert outcome["code"] == "OK"
    assert outcome["endpoint"] in {f"{p['status']['podIP']}:80" for p in pods(cluster, app="backend")}


def test_every_request_is_stored_with_a_number(cluster):
    records = [ask(cluster), ask(cluster, "http://nowhere")]

    assert [record.id for record in records] == [1, 2]
    assert dataplane.newest(cluster) == 2
    assert [r.trace for r in dataplane.traces(cluster)] == [r.trace for r in records]
    assert [r.id for r in dataplane.traces(cluster, since=1)] == [2]
    assert dataplane.trace(cluster, 1).trace["target"] == "http://backend"
    assert dataplane.trace(cluster, 3) is None
    assert [s["code"] for s in dataplane.summaries(cluster, 5)] == ["OK", "NXDOMAIN"]


def test_the_same_requests_in_a_cluster_of_the_same_seed_leave_the_same_traces():
    stories = []
    for owner in ("alice", "bob"):
        cluster = paused_cluster(owner, random_seed="same")
        apply(cluster, BACKEND + "---" + DEBUG)
        wait(cluster, 30)
        stories.append([ask(cluster).trace for _ in range(3)])

    assert stories[0] == stories[1]


def test_rules_lag_behind_objects_until_kube_proxy_has_synced(cluster):
    for pod in pods(cluster, app="backend"):
        delete(cluster, "Pod", pod["metadata"]["name"], grace_seconds=0)

    assert ask(cluster).trace["outcome"]["code"] != "REJECTED"  # the rules still lead to pods that are gone
    wait(cluster, 2)
    assert ask(cluster).trace["outcome"]["code"] == "REJECTED"


def test_affinity_is_remembered_after_a_restart(cluster):
    apply(cluster, STICKY)
    wait(cluster, 3)
    chosen = ask(cluster, "http://sticky").trace["outcome"]["endpoint"]

    for _ in range(4):
        again = as_after_a_restart(cluster)
        assert ask(again, "http://sticky").trace["outcome"]["endpoint"] == chosen


def test_a_probe_leaves_no_mark(cluster):
    apply(cluster, STICKY)
    wait(cluster, 3)

    found = dataplane.probe(cluster, "pod/default/debug", "http://sticky", times=30)

    assert len({trace["outcome"]["endpoint"] for trace in found}) == 3
    assert dataplane.newest(cluster) == 0
    assert dataplane.traces(cluster) == []


def test_a_target_that_is_none_changes_nothing(cluster):
    with pytest.raises(BadTarget):
        ask(cluster, "http://")
    with pytest.raises(KeyError):
        dataplane.send(cluster, Request("pod/default/nobody", "http://backend"))

    assert dataplane.newest(cluster) == 0


def test_the_oldest_traces_go_when_there_are_too_many_events(cluster, monkeypatch):
    monkeypatch.setattr("svclab.cluster.dataplane.QUOTA", type(dataplane.QUOTA)(trace_events=1000))
    for _ in range(12):
        last = ask(cluster)

    kept = dataplane.traces(cluster)
    assert 0 < sum(len(record.trace["steps"]) for record in kept) <= 1000
    assert kept[-1].id == last.id
    assert kept[0].id > 1


def test_forgotten_traces_are_gone_and_numbers_go_on(cluster):
    ask(cluster)
    dataplane.forget_traces(cluster)

    assert dataplane.traces(cluster) == []
    assert ask(cluster).id == 2


def test_a_reset_forgets_connections_and_affinity(cluster):
    apply(cluster, STICKY)
    wait(cluster, 3)
    ask(cluster, "http://sticky")

    again = lifecycle.reset(cluster.id)

    hosts = dataplane.world(again).fabric.hosts.values()
    assert not any(host.state.conntrack.all() or host.state.recent.lists for host in hosts)


@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
def test_the_same_request_can_be_traced_in_each_mode(cluster, mode):
    cluster.configure(proxy_mode=mode)
    wait(cluster, 3)

    trace = ask(cluster).trace

    assert (trace["mode"], trace["outcome"]["code"]) == (mode, "OK")


def test_what_the_router_remembers_makes_it_no_node(cluster):
    ask(cluster)
    models.HostState.objects.create(cluster_id=cluster.id, node="host:router", kernel="{}")

    again = as_after_a_restart(cluster)

    assert set(again.state().hosts) == {"control-plane", "node1", "node2"}


def test_a_restarted_server_knows_every_connection_of_a_hundred_requests(cluster):
    for _ in range(100):
        ask(cluster)
    before = connections(cluster)

    again = as_after_a_restart(cluster)
    ask(again)

    assert len(before["node/node1"]) > 100
    assert {host: found - connections(again)[host] for host, found in before.items()} == {
        key: set() for key in before
    }


def connections(cluster):
    """The headers of all connections by host."""
    hosts = dataplane.world(cluster).fabric.hosts
    return {name: {entry.original for entry in host.state.conntrack.all()} for name, host in hosts.items()}
