"""What a client meets at each kind of Service address, from each place, and whom the server then sees.

The cluster: node1 and node2 with pods, control-plane without; two backends (10.244.1.4, 10.244.2.4).
"""

import pytest

from svclab.linux.trace import Outcome
from tests.builders import curl, pod, service, slice_of, standard, udp, world

ONE = pod("backend-1", "10.244.1.4", "node1")
TWO = pod("backend-2", "10.244.2.4", "node2")
DEBUG = pod("debug", "10.244.1.9", "node1", image="nicolaka/netshoot", ports=())
FAR = pod("far", "10.244.0.9", "control-plane", image="nicolaka/netshoot", ports=())
PODS = (ONE, TWO, DEBUG, FAR)
CLUSTER_IP, NODE_PORT, VIP = "10.96.5.5", 30080, "203.0.113.100"
BOTH = {"10.244.1.4:80", "10.244.2.4:80"}


def backend(**spec):
    """A LoadBalancer Service, so all three kinds of address are there."""
    return service("backend", CLUSTER_IP, node_port=NODE_PORT, vip=VIP, **spec)


def cluster(endpoints=(ONE, TWO), **spec):
    """The cluster with `backend` and these endpoints."""
    svc = backend(**spec)
    return world(standard(*PODS, svc, slice_of(svc, endpoints)))


def ends(where, source, target, **request):
    """(code, endpoint -> sources seen) over many seeds."""
    codes, seen = set(), {}
    for seed in range(24):
        end = curl(where, source, target, seed=str(seed), **request).end
        codes.add(end.code)
        if end.endpoint:
            seen.setdefault(end.endpoint, set()).add(end.source_seen)
    return codes, seen


SOURCES = {
    "pod": "pod/default/debug",
    "a pod elsewhere": "pod/default/far",
    "node": "node/node1",
    "outside": "client/laptop",
}
LOCAL_POLICY = {"externalTrafficPolicy": "Local"}
SEEN = [
    # from, target, policy, {endpoint: source seen}
    ("pod", CLUSTER_IP, {}, {"10.244.1.4:80": "10.244.1.9", "10.244.2.4:80": "10.244.1.9"}),
    ("a pod elsewhere", CLUSTER_IP, {}, {"10.244.1.4:80": "10.244.0.9", "10.244.2.4:80": "10.244.0.9"}),
    ("node", CLUSTER_IP, {}, {"10.244.1.4:80": "10.244.1.1", "10.244.2.4:80": "192.168.64.11"}),
    ("pod", "192.168.64.11:30080", {}, {"10.244.1.4:80": "10.244.1.1", "10.244.2.4:80": "192.168.64.11"}),
    ("pod", "192.168.64.12:30080", {}, {"10.244.1.4:80": "192.168.64.12", "10.244.2.4:80": "10.244.2.1"}),
    ("node", "127.0.0.1:30080", {}, {"10.244.1.4:80": "10.244.1.1", "10.244.2.4:80": "192.168.64.11"}),
    (
        "outside",
        "192.168.64.10:30080",
        {},
        {"10.244.1.4:80": "192.168.64.10", "10.244.2.4:80": "192.168.64.10"},
    ),
    ("outside", "203.0.113.11:30080", {}, {"10.244.1.4:80": "10.244.1.1", "10.244.2.4:80": "192.168.64.11"}),
    ("pod", VIP, {}, {"10.244.1.4:80": "10.244.1.1", "10.244.2.4:80": "192.168.64.11"}),
    ("pod", VIP, LOCAL_POLICY, {"10.244.1.4:80": "10.244.1.9", "10.244.2.4:80": "10.244.1.9"}),
    ("node", VIP, LOCAL_POLICY, {"10.244.1.4:80": "10.244.1.1", "10.244.2.4:80": "192.168.64.11"}),
    ("outside", VIP, LOCAL_POLICY, {"10.244.1.4:80": "192.0.2.50", "10.244.2.4:80": "192.0.2.50"}),
    ("outside", "192.168.64.12:30080", LOCAL_POLICY, {"10.244.2.4:80": "192.0.2.50"}),
    ("pod", CLUSTER_IP, {"internalTrafficPolicy": "Local"}, {"10.244.1.4:80": "10.244.1.9"}),
]


@pytest.mark.parametrize(("source", "target", "policy", "seen"), SEEN)
def test_who_answers_and_whom_the_server_sees(source, target, policy, seen):
    codes, found = ends(cluster(**policy), SOURCES[source], target)

    assert codes == {Outcome.OK}
    assert found == {endpoint: {address} for endpoint, address in seen.items()}


def test_a_pod_that_draws_itself_is_masqueraded_and_gets_its_answer():
    _, found = ends(cluster(), "pod/default/backend-1", CLUSTER_IP)

    assert found == {"10.244.1.4:80": {"10.244.1.1"}, "10.244.2.4:80": {"10.244.1.4"}}


FAILING = [
    # endpoints, policy, from, target, code
    ((), {}, "pod", CLUSTER_IP, Outcome.REJECTED),
    ((), {}, "node", CLUSTER_IP, Outcome.REJECTED),
    ((), {}, "outside", "192.168.64.11:30080", Outcome.REJECTED),
    ((), {}, "pod", "192.168.64.12:30080", Outcome.REJECTED),
    ((), {}, "node", "127.0.0.1:30080", Outcome.REJECTED),
    ((), {}, "outside", VIP, Outcome.REJECTED),
    ((TWO,), LOCAL_POLICY, "outside", "192.168.64.11:30080", Outcome.DROPPED),
    ((TWO,), {"internalTrafficPolicy": "Local"}, "pod", CLUSTER_IP, Outcome.DROPPED),
    ((ONE,), {"loadBalancerSourceRanges": ["198.51.100.0/24"]}, "outside", VIP, Outcome.DROPPED),
    ((ONE,), {}, "pod", f"{CLUSTER_IP}:81", Outcome.UNROUTED),
    ((ONE,), {}, "pod", "10.244.1.77", Outcome.UNROUTED),
    ((ONE,), {}, "pod", "10.244.1.4:81", Outcome.RESET),
    ((ONE,), {}, "outside", "10.244.1.4", Outcome.UNROUTED),
]


@pytest.mark.parametrize(("endpoints", "policy", "source", "target", "code"), FAILING)
def test_how_a_request_fails(endpoints, policy, source, target, code):
    codes, found = ends(cluster(endpoints, **policy), SOURCES[source], target)

    assert (codes, found) == ({code}, {})


def test_a_load_balancer_with_local_policy_sends_to_nodes_with_endpoints_only():
    where = cluster((TWO,), externalTrafficPolicy="Local")

    assert ends(where, "client/laptop", VIP)[0] == {Outcome.OK}
    assert ends(where, "client/laptop", VIP, via="node/node1")[0] == {Outcome.DROPPED}


def test_allowed_source_ranges_are_let_in():
    where = cluster(loadBalancerSourceRanges=["192.0.2.0/24"])

    assert ends(where, "client/laptop", VIP)[0] == {Outcome.OK}
    assert ends(where, "client/office", VIP)[0] == {Outcome.DROPPED}


def test_a_node_without_a_default_route_says_unreachable_before_any_rule_can_reject():
    svc = backend()
    where = world(standard(*PODS, svc, slice_of(svc, ())), without_default_route=["node1"])

    assert curl(where, "node/node1", CLUSTER_IP).end.code is Outcome.UNREACHABLE
    assert curl(where, "pod/default/debug", CLUSTER_IP).end.code is Outcome.UNREACHABLE
    assert curl(where, "pod/default/far", CLUSTER_IP).end.code is Outcome.REJECTED


def test_without_the_masquerading_network_plugin_an_answer_takes_a_path_that_knows_nothing_of_the_nat():
    svc = backend(externalTrafficPolicy="Local")
    where = world(standard(*PODS, svc, slice_of(svc, (ONE, TWO))), cni_masquerade=False)

    codes, found = ends(where, "pod/default/debug", "192.168.64.12:30080")

    assert codes == {Outcome.OK, Outcome.ASYMMETRIC}
    assert found == {"10.244.2.4:80": {"10.244.1.9"}}


def test_udp_from_the_node_to_a_service_without_endpoints_fails_in_the_system_call():
    svc = service("dns", CLUSTER_IP, port=53, target=53, protocol="UDP")
    where = world(standard(*PODS, svc, slice_of(svc, ())))

    assert udp(where, "node/node1", f"{CLUSTER_IP}:53").end.code is Outcome.DENIED
    refused = udp(where, "pod/default/debug", f"{CLUSTER_IP}:53").end
    assert (refused.code, refused.words) == (Outcome.REJECTED, "read: Connection refused")


def test_a_host_network_pod_is_its_node():
    agent = pod(
        "agent", "192.168.64.12", "node2", image="example.com/agent:1", ports=(9100,), host_network=True
    )
    svc = service("agent", "10.96.7.7", port=9100, target=9100)
    where = world(standard(DEBUG, agent, svc, slice_of(svc, (agent,))))

    end = curl(where, "pod/default/debug", "http://agent:9100").end

    assert (end.code, end.endpoint) == (Outcome.OK, "192.168.64.12:9100")
    assert end.source_seen == "192.168.64.11"
    assert curl(where, "pod/default/agent", "10.96.7.7:9100").end.source_seen == "192.168.64.12"


def test_a_load_balancer_in_proxy_mode_answers_itself_for_the_cluster_too():
    svc = backend()
    svc["status"]["loadBalancer"]["ingress"][0]["ipMode"] = "Proxy"
    where = world(standard(*PODS, svc, slice_of(svc, (ONE, TWO))))

    codes, found = ends(where, "pod/default/debug", VIP)

    assert codes == {Outcome.OK}
    assert set(found) == BOTH
    assert "10.244.1.9" not in {source for sources in found.values() for source in sources}
