"""The same requests with kube-proxy in each of its modes: what is equal, and the documented differences."""

import pytest

from svclab.kube.proxied import MODES
from svclab.linux.trace import Nat, Outcome, Rule
from tests.builders import curl, pod, service, slice_of, standard, world

ONE = pod("backend-1", "10.244.1.4", "node1")
TWO = pod("backend-2", "10.244.2.4", "node2")
DEBUG = pod("debug", "10.244.1.9", "node1", image="nicolaka/netshoot", ports=())
CLUSTER_IP, VIP = "10.96.5.5", "203.0.113.100"
BOTH = {"10.244.1.4:80", "10.244.2.4:80"}


def cluster(mode, endpoints=(ONE, TWO), **spec):
    """Two backends behind a LoadBalancer Service."""
    svc = service("backend", CLUSTER_IP, node_port=30080, vip=VIP, **spec)
    return world(standard(ONE, TWO, DEBUG, svc, slice_of(svc, endpoints)), mode)


def ends(where, source, target, **request):
    """The codes and endpoints of some requests in a row."""
    traces = [curl(where, source, target, seed=str(i), **request) for i in range(16)]
    return {t.end.code for t in traces}, {t.end.endpoint for t in traces if t.end.endpoint}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("pod/default/debug", "http://backend"),
        ("node/node1", CLUSTER_IP),
        ("pod/default/backend-1", CLUSTER_IP),
        ("client/laptop", VIP),
        ("client/laptop", "192.168.64.10:30080"),
        ("client/laptop", "203.0.113.11:30080"),
        ("pod/default/debug", "192.168.64.12:30080"),
    ],
)
def test_every_mode_reaches_all_endpoints_at_every_kind_of_address(mode, source, target):
    assert ends(cluster(mode), source, target) == ({Outcome.OK}, BOTH)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("source", ["pod/default/debug", "node/node1", "client/laptop"])
def test_every_mode_refuses_where_there_are_no_endpoints(mode, source):
    target = VIP if source.startswith("client") else CLUSTER_IP

    assert ends(cluster(mode, ()), source, target) == ({Outcome.REJECTED}, set())


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_keeps_a_client_with_its_endpoint_where_the_service_asks_for_it(mode):
    spec = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 300}}}

    codes, endpoints = ends(cluster(mode, **spec), "pod/default/debug", CLUSTER_IP)

    assert codes == {Outcome.OK}
    assert len(endpoints) == 1


def test_node_ports_answer_on_loopback_in_iptables_mode_only():
    codes = {mode: ends(cluster(mode), "node/node1", "127.0.0.1:30080")[0] for mode in MODES}

    assert codes == {"iptables": {Outcome.OK}, "nftables": {Outcome.RESET}, "ipvs": {Outcome.RESET}}


def test_a_wrong_port_of_a_cluster_ip_is_rejected_unless_the_rules_do_not_know_it():
    codes = {mode: ends(cluster(mode), "pod/default/debug", f"{CLUSTER_IP}:81")[0] for mode in MODES}

    rejected = {Outcome.REJECTED}
    assert codes == {"iptables": {Outcome.UNROUTED}, "nftables": rejected, "ipvs": rejected}


def test_a_local_policy_without_local_endpoints_drops_but_in_ipvs_mode_loses_the_answer():
    codes = {
        mode: ends(
            cluster(mode, (TWO,), externalTrafficPolicy="Local"), "client/laptop", VIP, via="node/node1"
        )[0]
        for mode in MODES
    }

    assert codes == {
        "iptables": {Outcome.DROPPED},
        "nftables": {Outcome.DROPPED},
        "ipvs": {Outcome.ASYMMETRIC},
    }


def test_ipvs_takes_turns():
    where = cluster("ipvs")
    endpoints = [curl(where, "pod/default/debug", CLUSTER_IP, seed=str(i)).end.endpoint for i in range(6)]

    assert endpoints[0] != endpoints[1]
    assert endpoints[::2] == [endpoints[0]] * 3
    assert endpoints[1::2] == [endpoints[1]] * 3


def test_the_trace_of_nftables_mode_shows_its_own_rules_and_the_element_that_was_found():
    steps = curl(cluster("nftables"), "pod/default/debug", CLUSTER_IP).steps

    found = next(s for s in steps if isinstance(s, Rule) and s.matched and "vmap @service-ips" in s.text)
    assert found.table == "ip kube-proxy"
    assert found.path == ("nat-prerouting", "services")
    assert found.target.startswith("service-")
    assert found.origin.name == "default/backend"
    drawn = next(s for s in steps if isinstance(s, Rule) and "numgen" in s.text)
    assert (drawn.target, drawn.probability) == ("DNAT", 0.5)
    assert f"drew {drawn.draw} of 0 to 1" in drawn.why


def test_the_trace_of_ipvs_mode_says_that_ipvs_did_it():
    steps = curl(cluster("ipvs"), "pod/default/debug", CLUSTER_IP).steps

    assert [(s.action, s.by) for s in steps if isinstance(s, Nat)] == [
        ("DNAT", "ipvs"),
        ("un-DNAT", "ipvs"),
        ("DNAT", "ipvs"),
        ("un-DNAT", "ipvs"),
    ]


def choices(trace):
    """The steps in which a virtual server chose."""
    return [s for s in trace.steps if isinstance(s, Rule) and s.table == "ipvs"]


def test_the_trace_of_ipvs_mode_shows_the_virtual_servers_choice_and_why():
    where = cluster("ipvs")
    first, second = (choices(curl(where, "pod/default/debug", CLUSTER_IP, seed=str(i))) for i in range(2))

    assert [(s.chain, s.path, s.hook, s.matched, s.target) for s in first] == [
        (f"VIRTUAL-SERVER {CLUSTER_IP}:80", (f"VIRTUAL-SERVER {CLUSTER_IP}:80",), "INPUT", True, "DNAT")
    ]
    assert "is not known" in first[0].why
    assert (first[0].number, first[0].probability) == (first[0].draw + 1, 0.5)
    turn = 2 - first[0].draw
    assert second[0].text == f"TCP {CLUSTER_IP}:80 rr -> 10.244.{turn}.4:80"
    assert (second[0].number, second[0].why) == (turn, f"its turn in round robin, {turn} of 2")
    assert (second[0].draw, second[0].probability) == (None, None)
    assert (second[0].origin.kind, second[0].origin.name) == ("EndpointSlice", "default/backend-slice")


def test_the_trace_of_ipvs_mode_says_when_persistence_remembers_the_client():
    spec = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 300}}}
    where = cluster("ipvs", **spec)
    first, second = (choices(curl(where, "pod/default/debug", CLUSTER_IP, seed=str(i)))[0] for i in range(2))

    assert first.text.startswith(f"TCP {CLUSTER_IP}:80 rr persistent 300 -> 10.244.")
    assert second.text == first.text
    assert second.why == "persistence remembers client 10.244.1.9, for another 300 s"


def test_the_trace_of_ipvs_mode_shows_a_virtual_server_without_real_servers():
    (choice,) = choices(curl(cluster("ipvs", ()), "pod/default/debug", CLUSTER_IP))

    assert (choice.matched, choice.target) == (False, None)
    assert choice.text == f"TCP {CLUSTER_IP}:80 rr -> no real server"
    assert choice.origin.name == "default/backend"
