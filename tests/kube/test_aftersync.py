"""What a node's kernel forgets when kube-proxy has written new rules."""

from ipaddress import ip_address

import pytest

from svclab.kube.aftersync import forget_what_is_gone
from svclab.kube.proxied import MODES, node_rules
from svclab.kube.proxy.config import ProxyConfig
from svclab.linux.conntrack import Entry
from svclab.linux.packet import Protocol
from svclab.linux.skb import reversed_key
from svclab.linux.state import HostState
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


SERVICE, NODE, SOMEBODY = ("10.96.5.6", "198.51.100.7", "203.0.113.9"), "192.168.64.11", "192.0.2.50"
THREE_PROTOCOLS = {
    **service("cut", SERVICE[0], node_port=32000, vip=SERVICE[2], externalIPs=[SERVICE[1]]),
    "spec": {
        "type": "LoadBalancer",
        "clusterIP": SERVICE[0],
        "externalIPs": [SERVICE[1]],
        "ports": [
            {"name": name, "port": 8000, "nodePort": 32000, "protocol": name.upper()}
            for name in ("tcp", "udp", "sctp")
        ],
    },
}
THREE_SLICE = {
    "kind": "EndpointSlice",
    "metadata": {"name": "cut", "namespace": "default", "labels": {"kubernetes.io/service-name": "cut"}},
    "addressType": "IPv4",
    "endpoints": [
        {"addresses": ["10.240.0.4"], "conditions": {"serving": True}},
        {"addresses": ["10.240.1.5"], "conditions": {"serving": False}},
    ],
    "ports": [{"name": name, "port": 9090, "protocol": name.upper()} for name in ("tcp", "udp", "sctp")],
}


def known_connection(protocol, address, port, real, real_port):
    """A connection to an address and port that answers from another."""
    entry = Entry((Protocol(protocol), 1, 40000, int(ip_address(address)), port), 0)
    entry.reply = reversed_key((Protocol(protocol), 1, 40000, int(ip_address(real)), real_port))
    entry.dnat = (address, port) != (real, real_port)
    return entry


@pytest.mark.parametrize("protocol", ["TCP", "UDP", "SCTP"])
@pytest.mark.parametrize(
    ("address", "port", "real", "is_cut"),
    [
        *((ip, 8000, ("10.240.0.4", 9090), False) for ip in SERVICE),
        *((ip, 8000, ("10.240.0.4", 8080), True) for ip in SERVICE),  # its port is another one now
        *((ip, 8000, ("10.240.1.5", 9090), True) for ip in SERVICE),  # serves no more
        *((ip, 8000, ("10.240.2.6", 9090), True) for ip in SERVICE),  # is gone
        *((ip, 8000, (ip, 8000), True) for ip in SERVICE),  # from before the first endpoint
        *((ip, 3000, ("10.240.2.6", 9090), False) for ip in SERVICE),
        *((ip, 3000, (ip, 3000), False) for ip in SERVICE),
        *((ip, 32000, ("10.240.0.4", 9090), False) for ip in (NODE, SOMEBODY)),
        *((ip, 32000, ("10.240.2.6", 9090), True) for ip in (NODE, SOMEBODY)),
        (NODE, 32000, (NODE, 32000), True),
        (SOMEBODY, 9090, ("10.240.2.6", 9090), False),
    ],
)
def test_of_the_connections_to_a_service_udp_ones_that_nothing_serves_are_cut(
    protocol, address, port, real, is_cut
):
    """Source: kube-proxy's pkg/proxy/conntrack/cleanup_test.go, TestCleanStaleEntries."""
    state = HostState()
    state.conntrack.put(known_connection(protocol, address, port, *real))

    rules = node_rules("iptables", [THREE_PROTOCOLS], [THREE_SLICE], ProxyConfig.for_node(node(1)))
    forget_what_is_gone(state, rules)

    assert connections(state) == ([] if is_cut and protocol == "UDP" else [Protocol(protocol)])
