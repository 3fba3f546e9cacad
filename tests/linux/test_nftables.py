"""nftables' language: rules read as nft lists them, walked with the reasons in words."""

from types import SimpleNamespace

import pytest

from svclab.linux.dice import Dice
from svclab.linux.explain import steps_of
from svclab.linux.host import WALK
from svclab.linux.iptables.headers import RuleError
from svclab.linux.nftables.rule import parse_rule
from svclab.linux.nftables.table import base_chains, parse_table
from svclab.linux.packet import Kind, Protocol
from svclab.linux.skb import Skb
from svclab.linux.state import HostState
from tests.linux.test_matches import number
from tests.recordings.cases import recording, recording_names

HOST = SimpleNamespace(state=HostState(), address_type=lambda a: "LOCAL" if a >> 8 == 0xC0A840 else "UNICAST")
TABLE = """\
table ip test {
    comment "for tests"
    set vips {
        type ipv4_addr
        elements = { 10.0.0.1, 10.0.0.3 }
    }

    map services {
        type ipv4_addr . inet_proto . inet_service : verdict
        elements = { 10.0.0.1 . tcp . 80 comment "ns/one" : goto one,
                 10.0.0.2 . tcp . 80 : drop }
    }

    set kept {
        type ipv4_addr
        size 65535
        flags dynamic,timeout
        timeout 1m30s
    }

    chain hook {
        type nat hook prerouting priority dstnat - 10; policy accept;
        %s
    }

    chain one {
        ip saddr @kept goto two
        meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.4 . 80, 1 : 10.244.2.4 . 80 }
    }

    chain two {
        update @kept { ip saddr }
        meta l4proto tcp dnat to 10.244.1.4:80
    }
}
"""


def packet(destination="10.0.0.1", port=80, protocol=Protocol.TCP, seed="s"):
    """From 10.244.1.9 by veth1."""
    key = (protocol, number("10.244.1.9"), 40000, number(destination), port)
    skb = Skb((4, key, Kind.SYN, None, 64), HOST, 1000.0, Dice(seed))
    skb.in_interface, skb.state = "veth1", "NEW"
    return skb


def walked(rule, skb):
    """The deciding target, and the steps, for a table whose hook has this rule."""
    name, sets, chains, version = parse_table(TABLE % rule)
    (base,) = base_chains(name, sets, chains, version)
    looked = (HOST, skb.in_interface, "", skb.mark, skb.state, False, False, skb.now)
    log = [(WALK, "node/n", skb.wire, base.table, base.hook, looked)]
    target = base.walk(skb, log)
    return target, steps_of(log, 1)


def test_a_base_chain_says_when_it_is_asked():
    name, sets, chains, version = parse_table(TABLE % "accept")
    (base,) = base_chains(name, sets, chains, version)

    assert (base.hook, base.priority, base.kind, base.table) == ("PREROUTING", -110, "nat", "ip test")
    assert {s.name: s.timeout_seconds for s in sets} == {"vips": None, "services": None, "kept": 90}


FITS = [
    ("ip daddr 10.0.0.1 drop", "DROP", "destination is 10.0.0.1"),
    ("ip saddr 10.244.0.0/16 drop", "DROP", "source is 10.244.1.9"),
    ("ip saddr != { 10.1.0.0/16, 10.3.0.5 } drop", "DROP", "source is 10.244.1.9"),
    ("ip daddr @vips reject", "REJECT", "10.0.0.1 is in vips"),
    ("ip daddr != @kept accept", "ACCEPT", "10.0.0.1 is not in kept"),
    ("tcp dport 80 drop", "DROP", "protocol is tcp, destination port is 80"),
    ("th dport 1-1024 drop", "DROP", "destination port is 80"),
    ("ct state new,related drop", "DROP", "connection state is new"),
    ("fib daddr type unicast drop", "DROP", "type of the destination is unicast"),
    ('iifname "veth*" drop', "DROP", "input interface is veth1"),
    ("reject with icmp admin-prohibited", "REJECT", "every packet fits"),
    ("reject with tcp reset", "REJECT", "every packet fits"),
    ("counter masquerade fully-random", "MASQUERADE", "every packet fits"),
    ("snat to 192.0.2.1 persistent", "SNAT", "every packet fits"),
    ("ip daddr . meta l4proto . th dport vmap @services", "goto one", None),
]


@pytest.mark.parametrize(("rule", "target", "why"), FITS)
def test_a_rule_that_fits(rule, target, why):
    _, steps = walked(rule, packet())

    assert steps[0].matched
    assert steps[0].text == rule
    assert steps[0].target == target.removeprefix("goto ")
    assert steps[0].why == (why or "10.0.0.1 . tcp . 80 is in services: goto one")


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("ip daddr 10.0.0.9 drop", "destination 10.0.0.1 is not 10.0.0.9"),
        ("ip daddr != 10.0.0.1 drop", "destination 10.0.0.1 is 10.0.0.1"),
        ("ip saddr { 10.1.0.0/16, 10.3.0.5 } drop", "source 10.244.1.9 is not in 10.1.0.0/16, 10.3.0.5"),
        ("ip saddr @vips drop", "10.244.1.9 is not in vips"),
        ("udp dport 80 drop", "protocol tcp is not udp"),
        ("th sport 1 drop", "source port 40000 is not 1"),
        ("ct state established,related drop", "connection state new is not established or related"),
        ("meta mark & 0x4000 != 0x0 drop", "the mark 0x0 has no 0x4000"),
        ('iifname != "veth1" drop', "input interface veth1 is veth1"),
        ("ip saddr . meta l4proto . th sport vmap @services", "10.244.1.9 . tcp . 40000 is not in services"),
        ("ip saddr @kept drop", "10.244.1.9 is not in kept"),
    ],
)
def test_a_rule_that_does_not_fit_is_explained(rule, why):
    target, (step, policy) = walked(rule, packet())

    assert target is None
    assert (step.matched, step.why) == (False, why)
    assert (policy.number, policy.text) == (0, "policy accept;")


def test_marks_are_set_and_then_the_rule_goes_on():
    skb = packet()
    target, steps = walked("meta mark set meta mark | 0x4000 masquerade", skb)

    assert (target.name, skb.mark) == ("MASQUERADE", 0x4000)
    assert [s.kind for s in steps] == ["rule", "mark"]
    for rule, mark in (
        ("meta mark set meta mark ^ 0x4000", 0),
        ("meta mark set 0x7", 7),
        ("meta mark set meta mark & 0x3", 3),
    ):
        walked(rule, skb)
        assert skb.mark == mark


def test_a_draw_is_shown_and_uniform():
    targets = set()
    for seed in range(20):
        target, steps = walked("ip daddr . meta l4proto . th dport vmap @services", packet(seed=str(seed)))
        drawn = steps[2]
        assert (drawn.path, drawn.probability, drawn.target) == (("one",), 0.5, "DNAT")
        assert drawn.why == f"protocol is tcp, drew {drawn.draw} of 0 to 1"
        targets.add(target.spelled)

    assert targets == {"10.244.1.4:80", "10.244.2.4:80"}


def test_a_set_that_packets_fill_is_remembered_until_its_timeout():
    HOST.state = HostState()
    walked("goto two", packet())
    later, too_late = packet(), packet()
    later.now, too_late.now = 1089.0, 1091.0

    assert walked("ip saddr @kept drop", later)[0].name == "DROP"
    assert walked("ip saddr @kept drop", too_late)[0] is None


@pytest.mark.parametrize("name", recording_names())
def test_every_recorded_rule_can_be_read(name):
    for text in recording(name)["nftables"].values():
        _, sets, chains, version = parse_table(text)
        by_name = {each.name: each for each in sets}
        rules = [parse_rule(rule, by_name, version) for chain in chains for rule, *_ in chain.rules]
        assert all(rule.target for rule in rules)
        assert all(each.by_key is not None for each in sets)


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("ip ttl 3 drop", "ip"),
        ("ip daddr @nowhere drop", "nowhere"),
        ("ip daddr 10.0.0.300 drop", "10.0.0.300"),
        ("tcp dport http drop", "http"),
        ("ip daddr 10.0.0.0/33 drop", "10.0.0.0/33"),
        ("jump", "ends too early"),
        ("numgen random mod 2 vmap { 0 : drop }", "not every number"),
        ("numgen random mod 1 vmap { 0 : maybe }", "maybe"),
        ("reject with icmp whatever", "whatever"),
        ("dnat from 1.2.3.4", "to"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_the_word(rule, word):
    _, sets, _, _ = parse_table(TABLE % "accept")

    with pytest.raises(RuleError, match=word):
        parse_rule(rule, {each.name: each for each in sets})


@pytest.mark.parametrize("text", ["", "chain x {", "table ip x {\n\tchain y {\n\t\taccept\n"])
def test_a_listing_that_is_none_is_refused(text):
    with pytest.raises(RuleError):
        parse_table(text)
