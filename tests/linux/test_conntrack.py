"""Connections and their NAT: states, timeouts, repetition and undoing."""

import json
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.linux.dice import Dice
from svclab.linux.host import Died, Host, Transmit
from svclab.linux.iptables.headers import Prefix
from svclab.linux.iptables.save import parse_save
from svclab.linux.packet import Kind, Protocol
from svclab.linux.routing import HostRoute, Interface, InterfaceAddress
from svclab.linux.skb import reversed_key
from svclab.linux.state import HostState
from svclab.linux.trace import Conntrack, Outcome

NOW = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
VIP, POD, CLIENT, NODE = (
    int(IPv4Address(a)) for a in ("10.96.0.1", "10.244.1.4", "192.0.2.50", "192.168.64.11")
)
RULES = """\
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 10.96.0.1 -p tcp --dport 80 -j DNAT --to-destination 10.244.1.4:8080
-A PREROUTING -d 10.96.0.1 -p udp --dport 80 -j DNAT --to-destination 10.244.1.4:8080
-A PREROUTING -d 10.96.0.1 -p sctp --dport 80 -j DNAT --to-destination 10.244.1.4:8080
-A POSTROUTING -d 10.244.1.4 -j MASQUERADE
COMMIT
*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
"""
FIRST = {Protocol.TCP: Kind.SYN, Protocol.UDP: Kind.DATAGRAM, Protocol.SCTP: Kind.INIT}
ANSWER = {Protocol.TCP: Kind.SYN_ACK, Protocol.UDP: Kind.DATAGRAM, Protocol.SCTP: Kind.INIT_ACK}


def node(rules=RULES):
    """A node between a pod link and the outside."""
    return Host(
        "node/n",
        (
            Interface("eth0", (InterfaceAddress(NODE, 24),)),
            Interface("veth0", (InterfaceAddress(POD - 3, 32, POD),)),
        ),
        (HostRoute(Prefix(4, 0, 0), "eth0", NODE - 10),),
        forwards=True,
        tables=parse_save(rules),
    )


def wire(key, kind):
    """A packet on a link."""
    return (4, key, kind, None, 64)


def request(host, protocol=Protocol.TCP, port=40000, now=NOW, kind=None, seed="s"):
    """The first packet of a connection through the node."""
    key = (protocol, CLIENT, port, VIP, 80)
    return host.receive(wire(key, kind or FIRST[protocol]), "eth0", now, Dice(seed), [])


def answer(host, sent, protocol=Protocol.TCP, now=NOW, kind=None):
    """The pod's answer to what it got."""
    key = reversed_key(sent.wire[1])
    return host.receive(wire(key, kind or ANSWER[protocol]), "veth0", now, Dice("a"), [])


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP, Protocol.SCTP])
def test_the_answer_comes_back_from_the_address_that_was_asked(protocol):
    host = node()

    sent = request(host, protocol)
    back = answer(host, sent, protocol)

    assert sent.wire[1][3:] == (POD, 8080)
    assert sent.wire[1][1] == POD - 3
    assert back.wire[1] == (protocol, VIP, 80, CLIENT, 40000)


@given(st.integers(1, 65535), st.sampled_from(list(FIRST)), st.text(max_size=4))
def test_nat_out_and_back_is_the_identity(port, protocol, seed):
    host = node()
    sent = request(host, protocol, port, seed=seed)

    assert answer(host, sent, protocol).wire[1] == reversed_key((protocol, CLIENT, port, VIP, 80))


def test_the_second_packet_takes_the_same_way_without_asking_a_rule():
    host = node()
    first = request(host)
    answer(host, first)
    host.load(parse_save("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp\nCOMMIT\n"))

    assert request(host, kind=Kind.DATA).wire[1] == first.wire[1]


def test_two_clients_with_the_same_port_are_told_apart_by_another_port():
    host = node()
    key = (Protocol.TCP, CLIENT, 40000, VIP, 80)
    other = (Protocol.TCP, CLIENT + 1, 40000, VIP, 80)

    one = host.receive(wire(key, Kind.SYN), "eth0", NOW, Dice("x"), [])
    two = host.receive(wire(other, Kind.SYN), "eth0", NOW, Dice("y"), [])

    assert one.wire[1][2] == 40000
    assert two.wire[1][2] != 40000
    assert answer(host, two).wire[1] == reversed_key(other)
    assert answer(host, one).wire[1] == reversed_key(key)


def test_an_answer_that_nobody_asked_for_is_invalid():
    host = node()
    stray = (Protocol.TCP, POD, 8080, CLIENT, 40000)

    fate = host.receive(wire(stray, Kind.SYN_ACK), "veth0", NOW, Dice("s"), [])

    assert isinstance(fate, Died)
    assert fate.code is Outcome.DROPPED


@pytest.mark.parametrize(
    ("protocol", "answered", "still_after", "gone_after"),
    [
        (Protocol.TCP, False, 119, 121),
        (Protocol.TCP, True, 59, 61),  # SYN_RECV
        (Protocol.UDP, False, 29, 31),
        (Protocol.UDP, True, 29, 31),
        (Protocol.SCTP, False, 2, 4),
    ],
)
def test_entries_live_as_long_as_the_kernel_lets_them(protocol, answered, still_after, gone_after):
    host = node()
    sent = request(host, protocol)
    if answered:
        answer(host, sent, protocol)
    key = (protocol, CLIENT, 40000, VIP, 80)

    assert host.state.conntrack.find(key, NOW + still_after)
    assert not host.state.conntrack.find(key, NOW + gone_after)


def test_a_udp_stream_lives_two_minutes():
    host = node()
    sent = request(host, Protocol.UDP)
    answer(host, sent, Protocol.UDP)
    request(host, Protocol.UDP, now=NOW + 3)

    assert host.state.conntrack.find((Protocol.UDP, CLIENT, 40000, VIP, 80), NOW + 122)


def test_a_new_syn_after_the_end_opens_a_new_connection():
    host = node()
    sent = request(host)
    answer(host, sent)
    request(host, kind=Kind.DATA)
    answer(host, sent, kind=Kind.RST)

    log = []
    key = (Protocol.TCP, CLIENT, 40000, VIP, 80)
    host.receive(wire(key, Kind.SYN), "eth0", NOW + 1, Dice("s"), log)

    assert next(entry for entry in log if entry[0] is Conntrack)[3] == "NEW"


def test_an_icmp_error_about_a_connection_finds_its_way_back_through_the_nat():
    host = node()
    sent = request(host, Protocol.UDP)
    error = (4, (Protocol.ICMP, POD, 0, sent.wire[1][1], 0), Kind.PORT_UNREACHABLE, sent.wire[1], 64)

    back = host.receive(error, "veth0", NOW, Dice("s"), [])

    assert isinstance(back, Transmit)
    assert back.wire[1][1:] == (VIP, 0, CLIENT, 0)
    assert back.wire[3] == (Protocol.UDP, CLIENT, 40000, VIP, 80)


def test_a_refusal_after_dnat_speaks_of_the_packet_as_its_sender_knows_it():
    # The kernel attaches the error to the connection of the refused packet, which is in no table yet.
    refusing = RULES.replace("-A FORWARD -m", "-A FORWARD -d 10.244.1.4 -j REJECT\n-A FORWARD -m")
    host, log = node(refusing), []

    died = request(host, Protocol.UDP)
    told = host.send(died.answer, NOW, Dice("s"), log)

    assert isinstance(told, Transmit)
    assert told.wire[3] == (Protocol.UDP, CLIENT, 40000, VIP, 80)
    assert next(entry for entry in log if entry[0] is Conntrack)[3] == "RELATED"


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.SCTP])
def test_a_connection_whose_answer_took_another_way_goes_no_further(protocol):
    host, log = node(), []
    request(host, protocol)

    key = (protocol, CLIENT, 40000, VIP, 80)
    second = host.receive(wire(key, Kind.DATA), "eth0", NOW + 1, Dice("s"), log)

    assert next(entry for entry in log if entry[0] is Conntrack)[3] == "INVALID"
    assert isinstance(second, Died)
    assert second.code is Outcome.DROPPED


def test_what_a_host_remembers_survives_json():
    host, twin = node(), node()
    sent = request(host, Protocol.UDP)
    host.state.recent.remember("KUBE-SEP-X", CLIENT, NOW)
    now = datetime.fromtimestamp(NOW, UTC)

    twin.load_state(json.loads(host.state_text(now)), now + timedelta(seconds=20))

    assert answer(twin, sent, Protocol.UDP, NOW + 21).wire[1] == (Protocol.UDP, VIP, 80, CLIENT, 40000)
    assert twin.state.recent.lists == host.state.recent.lists
    assert HostState.from_json(json.loads(host.state_text(now)), NOW + 40).conntrack.all() == []


@given(
    st.lists(
        st.tuples(st.integers(40000, 40003), st.sampled_from(list(FIRST)), st.sampled_from([0, 1, 40, 200])),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 11),
)
def test_the_whole_as_stored_and_the_latest_since_are_the_whole_of_now(sent, stored_after):
    host, now, whole = node(), NOW, {}
    for number, (port, protocol, pause) in enumerate(sent):
        now += pause
        request(host, protocol, port, now, seed=str(number))
        host.state.recent.remember("KUBE-SEP-X", port, now)
        if number == stored_after:
            whole = json.loads(host.state.as_text(now))
            host.state.conntrack.changed.clear()

    twin = HostState.from_json(whole, now)
    twin.take_in(json.loads(host.state.latest_text(now)), now)

    assert stored(twin, now) == stored(host.state, now)
    assert set(twin.conntrack.changed) == {
        key for key in host.state.conntrack.changed if twin.conntrack.find(key, now)
    }


def stored(state, now):
    """All that a host remembers, its connections in no order."""
    document = json.loads(state.as_text(now))
    return document | {"conntrack": sorted(document["conntrack"], key=json.dumps)}
