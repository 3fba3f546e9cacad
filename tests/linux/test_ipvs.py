"""ipvs and ipsets as the kernel keeps them: turns, persistence, memory as JSON, and which packets a set holds."""

import json
from datetime import timedelta
from ipaddress import ip_address

import pytest

from svclab.linux.ipset import IpSet
from svclab.linux.packet import Kind, Protocol
from svclab.linux.skb import Skb
from svclab.linux.trace import Death, Outcome, Rule
from tests.builders import NOW, curl, pod, service, slice_of, standard, world

ONE = pod("backend-1", "10.244.1.4", "node1")
TWO = pod("backend-2", "10.244.2.4", "node2")
THREE = pod("backend-3", "10.244.2.5", "node2")
DEBUG = pod("debug", "10.244.1.9", "node1", image="nicolaka/netshoot", ports=())
OTHER = pod("other", "10.244.1.8", "node1", image="nicolaka/netshoot", ports=())
CLUSTER_IP = "10.96.5.5"
STICKY = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 300}}}


def cluster(**spec):
    """Three backends in ipvs mode."""
    svc = service("backend", CLUSTER_IP, **spec)
    pods = (ONE, TWO, THREE)
    return world(standard(*pods, DEBUG, OTHER, svc, slice_of(svc, pods)), "ipvs")


def ask(where, *, source="pod/default/debug", seconds=0, seed="seed"):
    """The endpoint that answers a request so many seconds after the start."""
    return curl(where, source, CLUSTER_IP, seed=seed, now=NOW + timedelta(seconds=seconds)).end.endpoint


def packet(source, destination, source_port=40000, port=80, protocol=Protocol.TCP):
    """A packet as a set is asked about it."""
    key = (protocol, int(ip_address(source)), source_port, int(ip_address(destination)), port)
    return Skb((4, key, Kind.SYN, None, 64), None, 0.0, None)


@pytest.mark.parametrize(
    ("kind", "entry", "directions", "held", "not_held"),
    [
        ("hash:ip", "10.96.0.1", ("dst",), packet("10.0.0.1", "10.96.0.1"), packet("10.96.0.1", "10.0.0.1")),
        (
            "hash:ip,port",
            "10.96.0.1,tcp:80",
            ("dst", "dst"),
            packet("10.0.0.1", "10.96.0.1"),
            packet("10.0.0.1", "10.96.0.1", protocol=Protocol.UDP),
        ),
        (
            "hash:ip,port,ip",
            "10.244.1.4,tcp:80,10.244.1.4",
            ("dst", "dst", "src"),
            packet("10.244.1.4", "10.244.1.4"),
            packet("10.244.1.5", "10.244.1.4"),
        ),
        (
            "hash:ip,port,net",
            "203.0.113.100,tcp:80,192.0.2.0/24",
            ("dst", "dst", "src"),
            packet("192.0.2.50", "203.0.113.100"),
            packet("192.0.3.50", "203.0.113.100"),
        ),
        (
            "bitmap:port",
            "30080",
            ("dst",),
            packet("10.0.0.1", "10.0.0.2", port=30080, protocol=Protocol.UDP),
            packet("10.0.0.1", "10.0.0.2", source_port=30080),
        ),
    ],
)
def test_each_kind_of_set_holds_the_packets_that_its_entries_name(kind, entry, directions, held, not_held):
    ipset = IpSet("S", kind, (entry,))

    assert ipset.has(held, directions)
    assert not ipset.has(not_held, directions)


def test_an_empty_set_holds_nothing():
    assert not IpSet("S", "hash:ip", ()).has(packet("10.0.0.1", "10.96.0.1"), ("dst",))


def test_a_client_is_kept_until_its_last_new_connection_is_too_long_ago():
    where = cluster(**STICKY)
    first = ask(where)

    assert ask(where, seconds=250) == first
    assert ask(where, seconds=500) == first
    assert ask(where, seconds=801) != first


def test_persistence_knows_clients_apart():
    where = cluster(**STICKY)

    assert ask(where) != ask(where, source="pod/default/other")
    assert ask(where) == ask(where)


def test_whose_turn_it_is_and_who_is_kept_where_outlive_the_process():
    for spec in ({}, STICKY):
        where = cluster(**spec)
        ask(where)
        text = where.fabric.host("node/node1").state_text(NOW)
        expected = ask(where)

        again = cluster(**spec)
        again.fabric.host("node/node1").load_state(json.loads(text), NOW)

        assert ask(again, seed="another") == expected
        (server,) = json.loads(text)["turns"]
        assert server == f"ipvs TCP {int(ip_address(CLUSTER_IP))}:80"


@pytest.mark.parametrize("source", ["pod/default/debug", "node/node1"])
def test_a_ping_to_a_service_address_is_refused_by_the_rules_that_guard_kube_ipvs0(source):
    trace = curl(cluster(), source, CLUSTER_IP, protocol=Protocol.ICMP)

    assert trace.end.code is Outcome.REJECTED
    place = next(i for i, step in enumerate(trace.steps) if isinstance(step, Death))
    assert trace.steps[place].where == "filter INPUT"
    rule = next(step for step in reversed(trace.steps[:place]) if isinstance(step, Rule) and step.matched)
    assert "KUBE-IPVS-IPS dst -j REJECT" in rule.text
