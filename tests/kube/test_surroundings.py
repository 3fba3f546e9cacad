"""Clusters that are laid out otherwise than the standard one: nodes of several networks, pods of no range."""

import pytest

from tests.builders import curl, namespace, node, pod, service, slice_of, world

ONE = pod("one", "10.244.1.4", "node1")
TWO = pod("two", "10.244.2.4", "node2")


def elsewhere():
    """node2, in another network than node1."""
    found = node(2)
    found["status"]["addresses"][0]["address"] = "192.168.65.12"
    return found


def cluster(*nodes, vip="203.0.113.200", **spec):
    """Two nodes with a pod on each, and a Service over the second. One client is a neighbour of the nodes."""
    web = service("web", "10.96.5.5", node_port=30080, vip=vip, **spec)
    clients = {"laptop": "192.0.2.50", "neighbour": "192.168.64.50"}
    return world([*nodes, namespace("default"), ONE, TWO, web, slice_of(web, [TWO])], clients=clients)


def seen(where, source, target):
    """How a request ends, and whom the endpoint sees."""
    end = curl(where, source, target).end
    return end.code.value, end.source_seen


LAYOUTS = {
    "one network": [node(1), node(2)],
    "two networks": [node(1), elsewhere()],
    "no ranges of pods": [{**node(1), "spec": {}}, {**node(2), "spec": {}}],
    "two networks, no ranges of pods": [{**node(1), "spec": {}}, {**elsewhere(), "spec": {}}],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pods_and_nodes_reach_every_pod_with_their_own_addresses(layout):
    where = cluster(*LAYOUTS[layout])

    assert seen(where, "pod/default/one", "10.244.2.4") == ("OK", "10.244.1.4")
    assert seen(where, "pod/default/one", "10.96.5.5") == ("OK", "10.244.1.4")
    assert seen(where, "node/node1", "10.244.2.4") == ("OK", "192.168.64.11")
    assert seen(where, "node/node1", "203.0.113.12:30080")[0] == "OK"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_from_outside_a_service_is_reached_over_each_node_and_a_pod_is_not(layout):
    where = cluster(*LAYOUTS[layout])
    ends = [
        curl(where, "client/laptop", "203.0.113.200", seed=str(seed), via=via).end.code.value
        for seed in range(8)
        for via in (None, "node/node1", "node/node2")
    ]

    assert set(ends) == {"OK"}
    assert curl(where, "client/laptop", "10.244.2.4").end.verdict == "timeout"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_with_a_local_policy_the_client_is_seen_wherever_the_pod_is(layout):
    where = cluster(*LAYOUTS[layout], externalTrafficPolicy="Local")

    assert seen(where, "client/laptop", "203.0.113.200") == ("OK", "192.0.2.50")


@pytest.mark.parametrize("vip", ["203.0.113.200", "192.168.64.200"])
def test_a_machine_in_the_network_of_the_nodes_asks_them_as_their_neighbour(vip):
    where = cluster(node(1), node(2), vip=vip, externalTrafficPolicy="Local")

    for address in ("192.168.64.12:30080", vip):
        assert seen(where, "client/neighbour", address) == ("OK", "192.168.64.50")
    assert seen(where, "client/laptop", vip) == ("OK", "192.0.2.50")
    assert curl(where, "pod/default/one", "192.168.64.50").end.code == "RESET"


def test_a_node_without_an_internal_address_stands_at_its_external_one():
    nodes = [node(1), node(2)]
    for each in nodes:
        del each["status"]["addresses"][0]
    where = cluster(*nodes)

    assert seen(where, "node/node1", "10.96.5.5") == ("OK", "203.0.113.11")
    assert seen(where, "client/laptop", "203.0.113.12:30080")[0] == "OK"
    assert seen(where, "client/laptop", "203.0.113.200")[0] == "OK"
