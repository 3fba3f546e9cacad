"""For every rule that took a packet, the object and the field behind it: a Service's, a slice's, a Node's, or
kube-proxy's own configuration.
"""

import pytest

from svclab.kube.proxied import MODES
from svclab.linux.trace import Outcome, Rule
from tests.builders import curl, pod, service, slice_of, standard, world

ONE = pod("backend-1", "10.244.1.4", "node1")
TWO = pod("backend-2", "10.244.2.4", "node2")
DEBUG = pod("debug", "10.244.1.9", "node1", image="nicolaka/netshoot", ports=())
CLUSTER_IP, VIP, EXTERNAL = "10.96.5.5", "203.0.113.100", "198.51.100.7"
SLICE, ADDRESS = "EndpointSlice", "endpoints[0].addresses[0]"
LOCAL = {"externalTrafficPolicy": "Local"}
RANGES = {"loadBalancerSourceRanges": ["10.0.0.0/8", "203.0.113.0/24"]}


def blamed(mode, endpoints, source, target, via=None, **spec):
    """(kind, field) behind the rules of this Service and its slice that matched the first packet, and how it
    ended.
    """
    svc = service("backend", CLUSTER_IP, node_port=30080, vip=VIP, externalIPs=[EXTERNAL], **spec)
    other = service("other", "10.96.5.6", node_port=30081, vip="203.0.113.101")
    objects = standard(ONE, TWO, DEBUG, svc, other, slice_of(svc, endpoints), slice_of(other, (ONE, TWO)))
    trace = curl(world(objects, mode), source, target, via=via)
    steps = [step for step in trace.steps if isinstance(step, Rule) and step.matched and step.origin]
    origins = [step.origin for step in steps if step.origin.kind in ("Service", SLICE)]
    assert {origin.name for origin in origins} <= {"default/backend", "default/backend-slice"}
    return {(origin.kind, origin.field) for origin in origins}, trace.end.code


WAYS = [
    ("pod/default/debug", CLUSTER_IP, None, ("Service", "spec.clusterIP")),
    ("client/laptop", VIP, "node/node1", ("Service", "status.loadBalancer.ingress[0].ip")),
    ("client/laptop", EXTERNAL, "node/node1", ("Service", "spec.externalIPs[0]")),
    ("client/laptop", "192.168.64.11:30080", None, ("Service", "spec.ports[0].nodePort")),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("source", "target", "via", "way"), WAYS)
def test_a_served_request_is_blamed_on_the_address_it_asked_and_on_the_endpoint_it_got(
    mode, source, target, via, way
):
    origins, code = blamed(mode, (ONE,), source, target, via)

    assert code is Outcome.OK
    assert {way, (SLICE, ADDRESS)} <= origins


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
@pytest.mark.parametrize(("source", "target", "via", "way"), WAYS)
def test_a_refused_request_is_blamed_on_the_address_that_nobody_stands_behind(mode, source, target, via, way):
    origins, code = blamed(mode, (), source, target, via)

    assert code is Outcome.REJECTED
    assert origins == {way}


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
@pytest.mark.parametrize(("source", "target", "via", "way"), WAYS[1:])
def test_a_packet_dropped_for_want_of_a_local_endpoint_is_blamed_on_the_policy(
    mode, source, target, via, way
):
    origins, code = blamed(mode, (TWO,), source, target, via, **LOCAL)

    assert code is Outcome.DROPPED
    assert ("Service", "spec.externalTrafficPolicy") in origins


@pytest.mark.parametrize("mode", MODES)
def test_a_packet_outside_the_source_ranges_is_blamed_on_them(mode):
    origins, code = blamed(mode, (ONE,), "client/laptop", VIP, "node/node1", **RANGES)

    assert code is Outcome.DROPPED
    assert ("Service", "spec.loadBalancerSourceRanges") in origins


@pytest.mark.parametrize("mode", ["iptables", "ipvs"])
def test_a_packet_inside_a_source_range_is_blamed_on_that_one(mode):
    origins, code = blamed(mode, (ONE,), "client/office", VIP, "node/node1", **RANGES)

    assert code is Outcome.OK
    assert ("Service", "spec.loadBalancerSourceRanges[1]") in origins


@pytest.mark.parametrize("mode", MODES)
def test_a_draw_is_blamed_on_the_endpoint_that_was_drawn(mode):
    svc = service("backend", CLUSTER_IP)
    where = world(standard(ONE, TWO, DEBUG, svc, slice_of(svc, (ONE, TWO))), mode)

    for seed in range(8):
        trace = curl(where, "pod/default/debug", CLUSTER_IP, seed=str(seed))
        dnat = next(s for s in trace.steps if isinstance(s, Rule) and s.matched and s.target == "DNAT")
        drawn = ("10.244.1.4:80", "10.244.2.4:80").index(trace.end.endpoint)
        assert (dnat.origin.kind, dnat.origin.name) == (SLICE, "default/backend-slice")
        assert dnat.origin.field == f"endpoints[{drawn}].addresses[0]"


def test_the_routers_own_translation_is_blamed_on_the_nodes_addresses():
    trace = curl(world(standard(DEBUG)), "client/laptop", "203.0.113.11:30080")

    dnat = next(s for s in trace.steps if isinstance(s, Rule) and s.matched and s.target == "DNAT")
    assert (dnat.host, dnat.origin.kind, dnat.origin.name) == ("router", "Node", "node1")
