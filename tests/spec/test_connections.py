"""Within one connection, and from one connection to the next: NAT, affinity, retries, repeatability."""

from datetime import timedelta
from ipaddress import ip_address

from svclab.linux.dice import Dice
from svclab.linux.outcomes import outcomes
from svclab.linux.packet import Protocol
from svclab.linux.trace import Nat, Outcome, Rule
from tests.builders import NOW, curl, pod, service, slice_of, standard, world

ONE = pod("backend-1", "10.244.1.4", "node1")
TWO = pod("backend-2", "10.244.2.4", "node2")
DEBUG = pod("debug", "10.244.1.9", "node1", image="nicolaka/netshoot", ports=())


def cluster(**spec):
    """Two backends behind 10.96.5.5."""
    svc = service("backend", "10.96.5.5", **spec)
    return world(standard(ONE, TWO, DEBUG, svc, slice_of(svc, (ONE, TWO))))


def sticky(seconds):
    """A Service with session affinity."""
    return cluster(
        sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": seconds}}
    )


def answerers(where, moments):
    """Who answered at these moments after NOW, each with a seed of its own."""
    return [
        curl(
            where, "pod/default/debug", "10.96.5.5", seed=str(i), now=NOW + timedelta(seconds=s)
        ).end.endpoint
        for i, s in enumerate(moments)
    ]


def test_only_the_first_packet_of_a_connection_asks_the_nat_rules():
    steps = curl(cluster(), "pod/default/debug", "10.96.5.5").steps

    asked = {s.packet.kind.value for s in steps if isinstance(s, Rule) and s.table == "nat"}
    assert asked == {"SYN"}
    rewritten = [(s.action, s.by, s.before.kind.value) for s in steps if isinstance(s, Nat)]
    assert rewritten == [
        ("DNAT", "rule", "SYN"),
        ("un-DNAT", "conntrack", "SYN-ACK"),
        ("DNAT", "conntrack", "DATA"),
        ("un-DNAT", "conntrack", "DATA"),
    ]


def test_connections_are_spread_over_the_endpoints():
    assert set(answerers(cluster(), range(20))) == {"10.244.1.4:80", "10.244.2.4:80"}


def test_session_affinity_keeps_a_client_with_its_endpoint_until_its_time_is_over():
    where = sticky(300)

    assert len(set(answerers(where, range(0, 3000, 299)))) == 1
    late = {answerers(sticky(300), (0, s))[1] == answerers(sticky(300), (0,))[0] for s in (300,)}
    assert late == {True}


def test_after_the_affinity_time_the_client_is_drawn_anew():
    found = set(answerers(sticky(300), range(0, 301 * 20, 301)))

    assert found == {"10.244.1.4:80", "10.244.2.4:80"}


def test_affinity_is_remembered_by_each_node_for_itself():
    where = sticky(300)
    curl(where, "pod/default/debug", "10.96.5.5")

    lists = {name: bool(host.state.recent.lists) for name, host in where.fabric.hosts.items()}

    assert [name for name, remembers in lists.items() if remembers] == ["node/node1"]


def test_the_same_seed_gives_the_same_trace_byte_for_byte():
    traces = [curl(cluster(), "pod/default/debug", "http://backend", seed="7").as_json() for _ in range(2)]

    assert traces[0] == traces[1]
    assert traces[0]["seed"] == "7"
    assert curl(cluster(), "pod/default/debug", "http://backend", seed="8").as_json() != traces[0]


def test_exact_probabilities_leave_the_hosts_memory_as_it_was():
    where = sticky(300)
    packet = where.fabric.first_packet(
        "pod/default/debug", ip_address("10.96.5.5"), 80, Protocol.TCP, Dice("p")
    )

    first = outcomes(where.fabric, "pod/default/debug", packet, now=NOW)
    answered = curl(where, "pod/default/debug", "10.96.5.5").end.endpoint
    later = outcomes(where.fabric, "pod/default/debug", packet, now=NOW)

    assert [(o.endpoint, float(o.probability)) for o in first] == [
        ("10.244.1.4:80", 0.5),
        ("10.244.2.4:80", 0.5),
    ]
    assert [(o.endpoint, o.probability) for o in later] == [(answered, 1)]


def test_names_are_looked_up_over_the_same_network():
    trace = curl(cluster(), "pod/default/debug", "http://backend.default.svc.cluster.local/")

    assert trace.end.code is Outcome.OK
    assert {flow.purpose for flow in trace.flows} == {"dns", "request"}
    dns = [s for s in trace.steps if isinstance(s, Nat) and s.flow == 1 and s.by == "rule"]
    assert {str(s.before.tuple.destination) for s in dns} == {"10.96.0.10"}
    assert len(dns) == 1  # the AAAA question leaves the same socket


def test_a_kube_dns_without_endpoints_breaks_names_but_not_addresses():
    objects = [o for o in standard(ONE, DEBUG) if o["metadata"]["name"] != "kube-dns-slice"]
    svc = service("backend", "10.96.5.5")
    where = world([*objects, svc, slice_of(svc, (ONE,))])

    assert curl(where, "pod/default/debug", "http://backend").end.code is Outcome.DNS_TIMEOUT
    assert curl(where, "pod/default/debug", "http://10.96.5.5").end.code is Outcome.OK


def test_a_name_that_does_not_exist_ends_in_nxdomain_with_curls_words():
    end = curl(cluster(), "pod/default/debug", "http://nosuch").end

    assert (end.code, end.words) == (Outcome.NXDOMAIN, "curl: (6) Could not resolve host: nosuch")
