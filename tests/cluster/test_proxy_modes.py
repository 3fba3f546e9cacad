"""The switch of kube-proxy's mode: nodes follow with their next sync, in rules, traces and commands alike."""

import pytest

from svclab.cluster import dataplane, memory, settle, worlds
from svclab.cluster.store import open_cluster
from svclab.kube.request import Request
from svclab.terminal.places import Location
from svclab.terminal.session import Session
from tests.cluster.harness import BACKEND, apply, delete, paused_cluster, pods, wait

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


def typed(cluster, line, node="node1"):
    """What a command prints on a node."""
    parts = []
    Session(cluster, location=Location("node", name=node)).run(line, parts.append)
    return "".join(part if isinstance(part, str) else part.decode() for part in parts)


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


def test_the_commands_of_a_node_show_what_is_programmed_there(cluster):
    cluster.configure(proxy_mode="ipvs")

    def shown():
        return "KUBE-SEP-" in typed(cluster, "iptables-save"), " rr" in typed(cluster, "ipvsadm -Ln")

    assert shown() == (True, False)
    wait(cluster, 3)
    assert shown() == (False, True)
    assert "kube-proxy" not in typed(cluster, "nft list tables")

    cluster.configure(proxy_mode="nftables")
    assert shown() == (False, True)
    wait(cluster, 3)
    assert shown() == (False, False)
    assert "table ip kube-proxy" in typed(cluster, "nft list tables")


def real_servers(cluster, node, service="backend"):
    """Weight, active and inactive connections per real server, as `ipvsadm -Ln` lists them on a node."""
    address = cluster.snapshot().get("Service", "default", service)["spec"]["clusterIP"]
    found, within = {}, False
    for line in typed(cluster, "ipvsadm -Ln", node).splitlines():
        within = line.startswith(f"TCP  {address}:") or (within and line.startswith("  ->"))
        if within and line.startswith("  ->"):
            _, real, _, *numbers = line.split()
            found[real] = tuple(map(int, numbers))
    return found


def test_a_departed_endpoint_has_weight_0_until_its_connections_have_ended(cluster):
    cluster.configure(proxy_mode="ipvs")
    wait(cluster, 3)
    node = cluster.snapshot().get("Pod", "default", "debug")["spec"]["nodeName"]
    reached = ask(cluster)["outcome"]["endpoint"]
    assert real_servers(cluster, node)[reached] == (1, 0, 1)

    gone = next(p for p in pods(cluster, app="backend") if f"{p['status']['podIP']}:80" == reached)
    delete(cluster, "Pod", gone["metadata"]["name"], grace_seconds=0)
    wait(cluster, 10)

    assert real_servers(cluster, node)[reached] == (0, 0, 1)
    assert {ask(cluster)["outcome"]["endpoint"] for _ in range(6)} == real_servers(cluster, node).keys() - {
        reached
    }

    wait(cluster, 150)
    assert reached not in real_servers(cluster, node)


def test_ipset_lists_its_sets_on_a_node_in_ipvs_mode(cluster):
    cluster.configure(proxy_mode="ipvs")
    wait(cluster, 3)

    assert "KUBE-CLUSTER-IP\n" in typed(cluster, "ipset list -n")
    one = typed(cluster, "ipset list KUBE-CLUSTER-IP").splitlines()
    assert one[:3] == ["Name: KUBE-CLUSTER-IP", "Type: hash:ip,port", "Revision: 7"]
    assert "10.96.0.1,tcp:443" in one
    assert typed(cluster, "ipset save KUBE-CLUSTER-IP").startswith(
        "create KUBE-CLUSTER-IP hash:ip,port family inet"
    )
    assert typed(cluster, "ipset list nope") == "ipset v7.17: The set with the given name does not exist\n"
    assert typed(cluster, "ipset").startswith("ipset v7.17: No command specified.\n")
