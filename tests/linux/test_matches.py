"""Every match says in words why it fits and why it does not."""

from types import SimpleNamespace

import pytest

from svclab.linux.dice import Dice
from svclab.linux.ipset import IpSet
from svclab.linux.iptables.save import parse_rule, print_rule
from svclab.linux.packet import Kind, Protocol
from svclab.linux.skb import Skb
from svclab.linux.state import HostState

SETS = {
    "TO": IpSet("TO", "hash:ip,port", ("10.0.0.1,tcp:80", "10.0.0.2,udp:80")),
    "FROM-NET": IpSet("FROM-NET", "hash:ip,port,net", ("10.0.0.1,tcp:80,10.244.0.0/16",)),
    "LOOP": IpSet("LOOP", "hash:ip,port,ip", ("10.0.0.1,tcp:80,10.244.1.9",)),
    "PORTS": IpSet("PORTS", "bitmap:port", ("80", "443")),
    "IPS": IpSet("IPS", "hash:ip", ("10.0.0.1",)),
}
HOST = SimpleNamespace(
    state=HostState(),
    address_type=lambda a: "LOCAL" if a >> 24 == 127 else "UNICAST",
    ipsets=SETS,
    in_ipset=lambda name, skb, directions: name in SETS and SETS[name].has(skb, directions),
)


def number(text):
    """An IPv4 address as a number."""
    return int.from_bytes(map(int, text.split(".")), "big")


def packet(protocol=Protocol.TCP, kind=Kind.SYN):
    """10.244.1.9:40000 to 10.0.0.1:80, in by veth1, out by eth0, mark 0x4000, NEW."""
    key = (protocol, number("10.244.1.9"), 40000, number("10.0.0.1"), 80)
    skb = Skb((4, key, kind, None, 64), HOST, 1000.0, Dice("s"))
    skb.in_interface, skb.out_interface, skb.mark, skb.state = "veth1", "eth0", 0x4000, "NEW"
    return skb


FITS = [
    ("-s 10.244.1.9", "source is 10.244.1.9"),
    ("-s 10.244.0.0/16", "source 10.244.1.9 is in 10.244.0.0/16"),
    ("! -s 10.3.0.0/16", "source 10.244.1.9 is not in 10.3.0.0/16"),
    ("-d 10.0.0.0/24", "destination 10.0.0.1 is in 10.0.0.0/24"),
    ("! -d 10.0.0.2", "destination 10.0.0.1 is not 10.0.0.2"),
    ("-i veth+", "came in by veth1"),
    ("! -i cni0", "came in by veth1"),
    ("-o eth0", "leaves by eth0"),
    ("-p tcp", "protocol is TCP"),
    ("! -p udp", "protocol is TCP"),
    ("-p tcp --dport 80", "protocol is TCP, destination port is 80"),
    ("-p tcp --sport 32768:", "protocol is TCP, source port is 40000"),
    ("-p tcp -m multiport --dports 80,443", "protocol is TCP, port 80 is in the list"),
    ("-p tcp -m multiport ! --sports 1,2", "protocol is TCP, port 40000 is not in the list"),
    ("-p tcp -m multiport --ports 40000", "protocol is TCP, port 80 is in the list"),
    ("-m mark --mark 0x4000/0x4000", "the mark is 0x4000"),
    ("-m conntrack --ctstate NEW,RELATED", "connection state is NEW"),
    ("-m state --state NEW", "connection state is NEW"),
    ("-m addrtype --src-type UNICAST --dst-type UNICAST",
     "10.244.1.9 is of type UNICAST and 10.0.0.1 is of type UNICAST"),
    ("-m set --match-set TO dst,dst", "10.0.0.1,tcp:80 is in the set TO"),
    ("-m set --match-set FROM-NET dst,dst,src", "10.0.0.1,tcp:80,10.244.1.9 is in the set FROM-NET"),
    ("-m set --match-set LOOP dst,dst,src", "10.0.0.1,tcp:80,10.244.1.9 is in the set LOOP"),
    ("-m set --match-set PORTS dst", "port 80 is in the set PORTS"),
    ("-m set --match-set IPS dst", "10.0.0.1 is in the set IPS"),
    ("-m set ! --match-set IPS src", "10.244.1.9 is not in the set IPS"),
    ("-m nfacct --nfacct-name count", ""),
    ("-m comment --comment hello", ""),
]  # fmt: skip
MISSES = [
    ("-s 10.3.0.1", "source 10.244.1.9 is not 10.3.0.1"),
    ("! -d 10.0.0.1", "destination 10.0.0.1 is 10.0.0.1"),
    ("! -i veth+", "it came in by veth1"),
    ("-o veth+", "it leaves by eth0, not by veth+"),
    ("! -o eth0", "it leaves by eth0"),
    ("! -p tcp", "protocol is TCP"),
    ("-p tcp ! --dport 80", "destination port 80 is 80"),
    ("-p tcp --sport 1:1023", "source port 40000 is not in 1 to 1023"),
    ("-p tcp --tcp-flags ALL ACK", "the flags of a SYN do not fit"),
    ("-p tcp -m multiport --dports 81:90,443", "port 80 is not one of 81 to 90, 443"),
    ("-m mark ! --mark 0x4000/0x4000", "the mark 0x4000 has 0x4000"),
    ("-m conntrack ! --ctstate NEW", "connection state is NEW"),
    ("-m addrtype --src-type LOCAL", "10.244.1.9 is not an address of this host"),
    ("-m addrtype ! --dst-type UNICAST", "10.0.0.1 is of type UNICAST"),
    ("-m set --match-set TO src,src", "10.244.1.9,tcp:40000 is not in the set TO"),
    ("-m set --match-set MISSING dst", "it is not in the set MISSING"),
    ("-m udp --dport 80", "protocol TCP is not UDP"),
]


@pytest.mark.parametrize(("rule", "fact"), FITS)
def test_a_match_that_fits_says_what_is_so(rule, fact):
    skb = packet()
    tests = parse_rule(rule).tests

    assert all(test.holds(skb) for test in tests)
    assert ", ".join(f for f in (test.fact(skb) for test in tests) if f) == fact


@pytest.mark.parametrize(("rule", "why"), MISSES)
def test_a_match_that_does_not_fit_says_why(rule, why):
    skb = packet()

    failed = next(test for test in parse_rule(rule).tests if not test.holds(skb))

    assert failed.why_not(skb) == why


@pytest.mark.parametrize("rule", [rule for rule, _ in (*FITS, *MISSES)])
def test_every_match_is_printed_and_read_again(rule):
    assert parse_rule(print_rule(parse_rule(rule))) == parse_rule(rule)


def test_a_packet_made_on_the_host_has_no_input_interface():
    skb = packet()
    skb.in_interface = ""
    named, negated = (parse_rule(rule).tests[0] for rule in ("-i cni0", "! -i cni0"))

    assert not named.holds(skb)
    assert named.why_not(skb) == "it was made on this host, not by cni0"
    assert negated.holds(skb)
    assert negated.fact(skb) == "made on this host"


def test_icmp_types_are_compared():
    skb = packet(Protocol.ICMP, Kind.ECHO_REQUEST)
    request, reply = (parse_rule(f"-p icmp --icmp-type {kind}").tests[1] for kind in ("echo-request", 0))

    assert request.holds(skb)
    assert request.fact(skb) == "it is an ICMP ECHO-REQUEST"
    assert not reply.holds(skb)
    assert reply.why_not(skb) == "ICMP ECHO-REQUEST is not type 0"


def test_recent_speaks_of_ages():
    skb = packet()
    put, check, brief = (
        parse_rule(f"-m recent --name L --{how}").tests[0]
        for how in ("set", "rcheck --seconds 300", "rcheck --seconds 5")
    )
    assert put.holds(skb)
    skb.now += 10

    assert put.fact(skb) == "10.244.1.9 is remembered in L"
    assert check.holds(skb)
    assert check.fact(skb) == "10.244.1.9 was put into L 10 s ago"
    assert not brief.holds(skb)
    assert brief.why_not(skb) == "10.244.1.9 was put into L 10 s ago, longer than 5 s"
