"""What a node's kernel forgets when kube-proxy has written new rules."""

import pytest

from svclab.kube.aftersync import forget_what_is_gone
from svclab.kube.proxied import MODES, node_rules
from svclab.kube.proxy.config import ProxyConfig
from svclab.linux.packet import Protocol
from tests.builders import NOW, curl, node, pod, service, slice_of, standard, udp, world

ONE = pod("one", "10.244.1.4", "node1")
TWO = pod("two", "10.244.2.4", "node2")
DEBUG = pod("debug", "10.244.1.9", "node1", image="nicolaka/netshoot", ports=())
STICKY = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 300}}}
TCP = service("web", "10.96.5.5", node_port=30080, **STICKY)
UDP = service("names", "10.96.5.6", port=53, target=53, protocol="UDP", node_port=30053)


def asked(mode):
    """What node1 remembers after debug has asked both Services, and the pod that each reached."""
    where = world(
        standard(ONE, TWO, DEBUG, TCP, UDP, slice_of(TCP, (ONE, TWO)), slice_of(UDP, (ONE, TWO))),
        mode,
        every_endpoint_answers=True,
    )
    reached = [
        curl(where, "pod/default/debug", "10.96.5.5").end.endpoint,
        udp(where, "pod/default/debug", "10.96.5.6:53").end.endpoint,
    ]
    return where.fabric.host("node/node1").state, *(end.partition(":")[0] for end in reached)


def sync(state, mode, tcp, of_udp, services=(TCP, UDP)):
    """node1's kube-proxy syncs with these endpoints."""
    slices = [slice_of(TCP, tcp), slice_of(UDP, of_udp)]
    forget_what_is_gone(state, node_rules(mode, list(services), slices, ProxyConfig.for_node(node(1))))


def connections(state):
    return sorted(entry.original[0] for entry in state.conntrack.all())


def but(ip):
    return [each for each in (ONE, TWO) if each["status"]["podIP"] != ip]


def affinity(state):
    return state.recent.lists or state.sets


BOTH = [Protocol.TCP, Protocol.UDP]


@pytest.mark.parametrize("mode", MODES)
def test_a_sync_that_changes_nothing_for_a_client_makes_a_node_forget_nothing(mode):
    state, _, _ = asked(mode)
    before = state.as_text(NOW.timestamp())

    sync(state, mode, (ONE, TWO), (ONE, TWO))

    assert state.as_text(NOW.timestamp()) == before
    assert connections(state) == BOTH
    assert affinity(state)


@pytest.mark.parametrize("mode", MODES)
def test_affinity_goes_with_its_endpoint(mode):
    state, reached, _ = asked(mode)

    sync(state, mode, but(reached), (ONE, TWO))

    assert not affinity(state)


@pytest.mark.parametrize("mode", MODES)
def test_affinity_and_turns_go_with_their_service(mode):
    state, _, _ = asked(mode)

    sync(state, mode, (ONE, TWO), (ONE, TWO), services=())

    assert not affinity(state)
    assert not state.turns


@pytest.mark.parametrize("mode", MODES)
def test_udp_connections_to_an_endpoint_that_no_longer_serves_are_cut_and_tcp_ones_are_not(mode):
    state, tcp, of_udp = asked(mode)

    sync(state, mode, but(tcp), but(of_udp))

    assert connections(state) == [Protocol.TCP]


@pytest.mark.parametrize("mode", MODES)
def test_udp_connections_stay_when_a_service_has_no_endpoint_left(mode):
    state, _, _ = asked(mode)

    sync(state, mode, (), ())

    assert connections(state) == BOTH


@pytest.mark.parametrize("mode", MODES)
def test_udp_connections_through_a_node_port_are_cut_too(mode):
    where = world(
        standard(ONE, TWO, DEBUG, UDP, slice_of(UDP, (ONE, TWO))), mode, every_endpoint_answers=True
    )
    reached = udp(where, "pod/default/debug", "192.168.64.11:30053").end.endpoint.partition(":")[0]
    state = where.fabric.host("node/node1").state
    assert connections(state) == [Protocol.UDP]

    sync(state, mode, (), but(reached))

    assert connections(state) == []
