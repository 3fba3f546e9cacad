"""Hosts and links without a cluster: routing, source addresses, errors on the way, loopback."""

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from svclab.linux.dice import Dice
from svclab.linux.fabric import Fabric, Link, NoAddress
from svclab.linux.host import Host
from svclab.linux.iptables.headers import Prefix
from svclab.linux.iptables.save import parse_save
from svclab.linux.packet import FiveTuple, Kind, Packet, Protocol
from svclab.linux.routing import HostRoute, Interface, InterfaceAddress, Routing
from svclab.linux.trace import Death, Hop, Outcome, Verdict

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DEFAULT = Prefix(4, 0, 0)
LOOPBACK = Interface("lo", (InterfaceAddress(127 << 24 | 1, 8),))


def n(text):
    """An address as a number."""
    return int(ip_address(text))


def fabric(rules="", routes=(), listeners=None):
    """A client 10.1.0.2 and a server 10.2.0.2 on both sides of a router with these rules and
    further routes.
    """

    def edge(name, address, gateway, **options):
        own = Interface("eth0", (InterfaceAddress(n(address), 24),))
        return Host(name, (LOOPBACK, own), (HostRoute(DEFAULT, "eth0", n(gateway)),), **options)

    router = Host(
        "router",
        (
            LOOPBACK,
            Interface("left", (InterfaceAddress(n("10.1.0.1"), 24),)),
            Interface("right", (InterfaceAddress(n("10.2.0.1"), 24),)),
        ),
        routes,
        forwards=True,
        tables=parse_save(rules) if rules else {},
    )
    serving = {(Protocol.TCP, 80): "web", (Protocol.UDP, None): "echo"} if listeners is None else listeners
    hosts = [
        edge("client", "10.1.0.2", "10.1.0.1"),
        router,
        edge("server", "10.2.0.2", "10.2.0.1", listeners=serving),
    ]
    links = [Link((("client", "eth0"), ("router", "left"))), Link((("router", "right"), ("server", "eth0")))]
    return Fabric(hosts, links, aliases={"me": "client"})


def ask(where, destination="10.2.0.2", port=80, protocol=Protocol.TCP, source="client"):
    """One exchange."""
    packet = where.first_packet(source, ip_address(destination), port, protocol, Dice("p"))
    return where.exchange(source, packet, Dice("e"), NOW)


def table(rule):
    """A filter table with one rule in FORWARD."""
    return f"*filter\n:FORWARD ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{rule}\nCOMMIT\n"


def test_a_request_over_a_router_is_answered():
    result = ask(fabric(), source="me")

    assert (result.code, result.endpoint, result.source_seen) == (Outcome.OK, "10.2.0.2:80", "10.1.0.2")
    assert (result.listener, result.server_host) == ("web", "server")


@pytest.mark.parametrize(
    ("rule", "protocol", "code", "verdict"),
    [
        ("-A FORWARD -p tcp --dport 80 -j DROP", Protocol.TCP, Outcome.DROPPED, Verdict.TIMEOUT),
        ("-A FORWARD -p tcp --dport 80 -j REJECT", Protocol.TCP, Outcome.REJECTED, Verdict.REFUSED),
        ("-A FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset", Protocol.TCP, Outcome.REJECTED, Verdict.REFUSED),
        ("-A FORWARD -p tcp -j REJECT --reject-with icmp-host-unreachable", Protocol.TCP, Outcome.REJECTED, Verdict.ERROR),
        ("-A FORWARD -p udp -j REJECT --reject-with icmp-host-unreachable", Protocol.UDP, Outcome.REJECTED, Verdict.TIMEOUT),
        ("-A FORWARD -p tcp --sport 80 -j DROP", Protocol.TCP, Outcome.DROPPED, Verdict.TIMEOUT),
        ("-A FORWARD -p tcp --sport 80 -j REJECT", Protocol.TCP, Outcome.REJECTED, Verdict.TIMEOUT),
        ("-A FORWARD -m conntrack --ctstate ESTABLISHED -j DROP", Protocol.TCP, Outcome.DROPPED, Verdict.TIMEOUT),
        ("-A FORWARD -p tcp --tcp-flags ALL ACK,PSH -j DROP", Protocol.TCP, Outcome.DROPPED, Verdict.TIMEOUT),
        ("-A FORWARD -p icmp -j DROP", Protocol.ICMP, Outcome.DROPPED, Verdict.TIMEOUT),
    ],
)  # fmt: skip
def test_what_a_firewall_on_the_way_does_to_the_client(rule, protocol, code, verdict):
    result = ask(fabric(table(rule)), protocol=protocol)

    assert (result.code, result.verdict) == (code, verdict)


@pytest.mark.parametrize(
    ("destination", "code", "verdict"),
    [
        ("10.9.9.9", Outcome.UNREACHABLE, Verdict.ERROR),  # the router has no route
        ("10.2.0.77", Outcome.UNREACHABLE, Verdict.ERROR),  # nobody there answers ARP
        ("10.1.0.77", Outcome.UNREACHABLE, Verdict.ERROR),  # nor on the client's own link
    ],
)
def test_addresses_that_nobody_has(destination, code, verdict):
    result = ask(fabric(), destination)

    assert (result.code, result.verdict) == (code, verdict)


@pytest.mark.parametrize("destination", ["10.9.9.9", "10.2.0.77", "10.1.0.77"])
def test_a_udp_socket_does_not_hear_that_a_host_is_unreachable(destination):
    result = ask(fabric(), destination, protocol=Protocol.UDP)

    assert (result.code, result.verdict) == (Outcome.UNREACHABLE, Verdict.TIMEOUT)


def test_a_packet_that_goes_in_circles_ends_and_its_sender_is_told():
    back = HostRoute(Prefix.parse("10.8.0.0/16"), "left", n("10.1.0.2"))
    where = fabric(routes=(back,))
    where.hosts["client"].forwards = True

    result = ask(where, "10.8.0.1", source="server")

    assert (result.code, result.verdict) == (Outcome.UNROUTED, Verdict.ERROR)
    assert "circles" in next(s for s in result.steps if isinstance(s, Death)).why


def test_a_packet_that_gets_another_source_port_on_each_round_ends_too():
    snat = "-A POSTROUTING -p tcp -d 10.8.0.0/16 -j SNAT --to-source 10.1.0.99"
    back = HostRoute(Prefix.parse("10.8.0.0/16"), "left", n("10.1.0.2"))
    where = fabric(f"*nat\n:POSTROUTING ACCEPT [0:0]\n{snat}\nCOMMIT\n", routes=(back,))
    where.hosts["client"].forwards = True

    result = ask(where, "10.8.0.1", source="server")

    ports = {step.packet.tuple.source_port for step in result.steps if isinstance(step, Hop)}
    assert len(ports) > 1
    assert (result.code, result.verdict) == (Outcome.UNROUTED, Verdict.TIMEOUT)


def test_a_host_that_does_not_forward_drops_what_is_not_its_own():
    where = fabric(routes=(HostRoute(Prefix.parse("10.8.0.0/16"), "right", n("10.2.0.2")),))

    result = ask(where, "10.8.0.1")

    assert (result.code, result.verdict) == (Outcome.UNROUTED, Verdict.TIMEOUT)


def test_loopback_stays_on_the_host():
    where = fabric()

    assert ask(where, "127.0.0.1", source="server").endpoint == "127.0.0.1:80"
    assert ask(where, "127.0.0.1", source="client").code is Outcome.RESET
    assert {step.host for step in ask(where, "10.2.0.2", source="server").steps} == {"server"}


def test_a_source_that_is_the_receivers_own_address_is_a_martian():
    where = fabric()
    forged = FiveTuple(Protocol.TCP, ip_address("10.2.0.2"), 4000, ip_address("10.2.0.2"), 80)
    where.hosts["client"].routing = Routing(
        where.hosts["client"].routing.interfaces.values(), where.hosts["client"].routing.routes
    )

    result = where.exchange("client", Packet(forged, Kind.SYN), Dice("e"), NOW)

    assert result.code is Outcome.DROPPED
    assert "martian" in next(s for s in result.steps if isinstance(s, Death)).why


def test_a_socket_without_a_route_gets_no_address():
    where = fabric()

    with pytest.raises(NoAddress):
        ask(where, "8.8.8.8", source="router")


@pytest.mark.parametrize(("protocol", "code"), [("TCP", "ASYMMETRIC"), ("UDP", "ASYMMETRIC"), ("ICMP", "OK")])
def test_only_a_ping_takes_an_answer_from_another_address_than_it_asked(protocol, code):
    """The router translates the destination, and the server answers its neighbour without the router."""
    rules = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.9.9.9/32 -j DNAT --to-destination 10.1.0.3\nCOMMIT\n"
    serving = {(Protocol.TCP, 80): "web", (Protocol.UDP, 80): "echo"}

    def neighbour(number, routes=(), **options):
        own = Interface("eth0", (InterfaceAddress(n(f"10.1.0.{number}"), 24),))
        return Host(f"host{number}", (LOOPBACK, own), routes, **options)

    hosts = [
        neighbour(1, forwards=True, tables=parse_save(rules)),
        neighbour(2, (HostRoute(DEFAULT, "eth0", n("10.1.0.1")),)),
        neighbour(3, listeners=serving),
    ]
    where = Fabric(hosts, [Link(tuple((each.name, "eth0") for each in hosts))])

    assert ask(where, "10.9.9.9", protocol=Protocol(protocol), source="host2").code == code


def test_snat_redirect_and_port_ranges():
    nat = "*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n%s\nCOMMIT\n"
    snat = ask(fabric(nat % "-A POSTROUTING -p tcp -j SNAT --to-source 10.2.0.1-10.2.0.1:5000-5001"))
    assert (snat.code, snat.source_seen) == (Outcome.OK, "10.2.0.1")
    redirected = ask(fabric(nat % "-A PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 80"), port=8080)
    assert redirected.code is Outcome.RESET  # the router itself serves nothing
    ranged = ask(fabric(nat % "-A PREROUTING -d 10.2.0.9 -p udp -j DNAT --to-destination 10.2.0.2:7000-7005"),
                 "10.2.0.9", protocol=Protocol.UDP)  # fmt: skip
    assert 7000 <= int(ranged.endpoint.split(":")[1]) <= 7005


def test_addresses_have_types_and_masquerade_takes_the_fitting_one():
    routing = Routing(
        (
            LOOPBACK,
            Interface("eth0", (InterfaceAddress(n("10.1.0.2"), 24), InterfaceAddress(n("10.5.0.2"), 24))),
            Interface("ppp0", (InterfaceAddress(n("10.6.0.1"), 32, n("10.7.0.1")),)),
        ),
        (HostRoute(DEFAULT, "eth0", n("10.1.0.1")),),
    )
    types = {text: routing.address_type(n(text)) for text in
             ("10.1.0.2", "127.9.9.9", "10.1.0.255", "255.255.255.255", "224.0.0.1", "0.0.0.0", "8.8.8.8")}  # fmt: skip

    assert list(types.values()) == [
        "LOCAL",
        "LOCAL",
        "BROADCAST",
        "BROADCAST",
        "MULTICAST",
        "UNSPEC",
        "UNICAST",
    ]
    assert routing.address_on("eth0", n("10.5.0.9")) == n("10.5.0.2")
    assert routing.address_on("eth0", n("8.8.8.8")) == n("10.1.0.2")
    assert routing.address_on("ppp0", n("10.7.0.1")) == n("10.6.0.1")
    assert routing.address_on("lo", n("10.1.0.2")) == n("10.1.0.2")
    assert routing.source_for(n("10.7.0.1")) == n("10.6.0.1")
    assert routing.source_for(n("10.5.0.9")) == n("10.5.0.2")
    assert routing.lookup(n("10.5.0.9")).text() == "10.5.0.0/24 dev eth0"
    assert routing.lookup(n("8.8.8.8")).text() == "default via 10.1.0.1 dev eth0"
