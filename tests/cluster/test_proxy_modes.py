"""The switch of kube-proxy's mode: nodes follow with their next sync, in rules, traces and commands alike."""

import pytest

from svclab.cluster import dataplane, memory, settle, worlds
from svclab.cluster.store import open_cluster
from svclab.kube.request import Request
from tests.cluster.harness import BACKEND, apply, paused_cluster, wait

pytestmark = pytest.mark.django_db(transaction=True)
MODES = ("iptables", "nftables", "ipvs")
DEBUG = """
---
apiVersion: v1
kind: Pod
metadata: {name: debug}
spec: {containers: [{name: shell, image: nicolaka/netshoot, stdin: true, tty: true}]}
"""


@pytest.fixture
def cluster():
    cluster = paused_cluster()
    apply(cluster, BACKEND + DEBUG)
    wait(cluster, 30)
    return cluster


def ask(cluster, target="http://backend"):
    return dataplane.send(cluster, Request("pod/default/debug", target)).trace


def modes(cluster):
    return {memory.mode for memory in cluster.state().hosts.values()}


@pytest.mark.parametrize("mode", MODES)
def test_the_same_request_travels_through_the_rules_of_each_mode(cluster, mode):
    cluster.configure(proxy_mode=mode)
    wait(cluster, 3)

    trace = ask(cluster)

    assert (trace["mode"], trace["outcome"]["code"]) == (mode, "OK")
    rules = [step for step in trace["steps"] if step["kind"] == "rule"]
    tables, chains = {rule["table"] for rule in rules}, {rule["chain"] for rule in rules}
    assert ("ipvs" in tables) == (mode == "ipvs")
    assert ("ip kube-proxy" in tables) == (mode == "nftables")
    assert ("KUBE-SERVICES" in chains) == (mode != "nftables")


def test_a_switch_of_the_mode_takes_effect_with_the_next_sync_of_each_node(cluster):
    cluster.configure(proxy_mode="ipvs")

    assert cluster.settings().proxy_mode == "ipvs"
    assert modes(cluster) == {"iptables"}
    assert ask(cluster)["mode"] == "iptables"

    wait(cluster, 0.5)
    assert modes(cluster) == {"iptables"}
    wait(cluster, 1)
    assert modes(cluster) == {"ipvs"}
    assert ask(cluster)["mode"] == "ipvs"
    assert settle.next_due(cluster) is None


def test_a_mode_switched_back_before_the_sync_changes_nothing(cluster):
    before = cluster.state().hosts
    cluster.configure(proxy_mode="ipvs")
    cluster.configure(proxy_mode="iptables")

    wait(cluster, 3)

    assert cluster.state().hosts == before


def test_every_process_knows_which_mode_a_node_has_programmed(cluster):
    cluster.configure(proxy_mode="nftables")
    memory.forget_all()
    settle.forget_agendas()
    worlds.forget(cluster.id)
    again = open_cluster(cluster.id)

    assert modes(again) == {"iptables"}
    wait(again, 3)
    memory.forget_all()

    assert modes(open_cluster(cluster.id)) == {"nftables"}
