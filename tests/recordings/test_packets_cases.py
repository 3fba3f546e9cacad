"""The fate of single first packets on one node, as in Kubernetes' own unit test and in the kernel."""

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest

from svclab.kube.node_rules import kernel_chains, kernel_tables
from svclab.kube.proxy.addresses import parse_address
from svclab.kube.proxy.iptables import compile_rules
from svclab.kube.proxy.nftables import compile_nftables
from svclab.linux.host import Delivered, Died, Host, Transmit
from svclab.linux.iptables.headers import Prefix
from svclab.linux.iptables.rules import Chain, Table
from svclab.linux.iptables.save import parse_rule
from svclab.linux.iptables.targets import Accept, Masquerade
from svclab.linux.iptables.traverse_log import HIT, MARKED
from svclab.linux.outcomes import Explorer
from svclab.linux.packet import Kind, Protocol
from svclab.linux.routing import HostRoute, Interface, InterfaceAddress
from svclab.linux.skb import Wire
from svclab.linux.trace import Outcome
from tests.recordings.cases import config_of, proxy_cases

NOW = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
FIRST = {Protocol.TCP: Kind.SYN, Protocol.UDP: Kind.DATAGRAM, Protocol.SCTP: Kind.INIT}
BUILT_IN = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}
PACKETS = [
    (name, i, whose)
    for name, case in proxy_cases().items()
    for i in range(len(case["packets"]))
    for whose in ("recorded", "ours")
    if whose == "ours" or "rules" in case
]


def recorded_tables(case, version):
    """The tables that iptables-save printed for a case."""
    return {
        table: Table(
            table,
            {
                chain: Chain(
                    chain, "ACCEPT" if chain in BUILT_IN else None, [parse_rule(r, version) for r in rules]
                )
                for chain, rules in chains.items()
            },
        )
        for table, chains in case["rules"]["save"].items()
    }


def node(case, whose, in_interface):
    """The case's node with one uplink and an interface for the packet to come in by."""
    config = config_of(case)
    version = config.ip_version
    bits = 32 if version == 4 else 128
    addresses = [ip_address(ip) for ip in config.node_ips]
    own = tuple(InterfaceAddress(int(a), bits - 8) for a in addresses if a.version == version)
    loopback = InterfaceAddress(
        int(ip_address("127.0.0.1" if version == 4 else "::1")), 8 if version == 4 else 128
    )
    interfaces = [Interface("lo", (loopback,)), Interface("eth0", own)]
    if in_interface not in (None, "eth0"):
        interfaces.append(Interface(in_interface))
    gateway = int(own[0].address) ^ 0xFE
    tables, chains = {}, ()
    if whose == "recorded":
        tables = recorded_tables(case, version)
    elif whose == "ours":
        tables = kernel_tables(compile_rules(case["services"], case["endpointSlices"], config))
    else:
        chains = kernel_chains(compile_nftables(case["services"], case["endpointSlices"], config))
    return Host(
        f"node/{config.node_name}",
        interfaces,
        (HostRoute(Prefix(version, 0, 0), "eth0", gateway),),
        forwards=True,
        route_localnet=True,
        tables=tables,
        chains=chains,
        version=version,
    )


def first_packet(packet):
    """The packet of a row as it is on the wire."""
    source, destination = ip_address(packet["src"]), ip_address(packet["dst"])
    protocol = Protocol(packet["protocol"])
    key = (protocol, int(source), 41000, int(destination), packet["dport"])
    return (source.version, key, FIRST[protocol], None, 64)


def fates(host, wire, in_interface):
    """Every fate of the packet with the targets and marks it met, one for each way that the draws can fall."""
    script = ()
    while script is not None:
        state = host.state.copy()
        explorer, log = Explorer(script), []
        if in_interface is None:
            fate = host.send(wire, NOW, explorer, log)
        else:
            fate = host.receive(wire, in_interface, NOW, explorer, log)
        yield fate, log
        host.state = state
        script = explorer.next_script()


def is_masqueraded(log):
    """Whether a MASQUERADE rule took the connection."""
    hits = (entry[1].rules[entry[2]].target for entry in log if entry[0] == HIT)
    return any(isinstance(target, Masquerade) for target in hits)


def is_marked(log):
    """Whether the last change of the mark set it."""
    marks = [after for code, *rest in log if code == MARKED for after in rest[1:]]
    return bool(marks and marks[-1])


def health_check_accepted(log):
    """Whether filter's KUBE-NODEPORTS let it in."""
    hits = (entry for entry in log if entry[0] == HIT)
    return any(e[1].name == "KUBE-NODEPORTS" and isinstance(e[1].rules[e[2]].target, Accept) for e in hits)


def described(found, sent: Wire):
    """All fates in the words of the cases."""
    ends, targets, masqueraded, delivered_marked, accepted = set(), set(), set(), False, False
    for fate, log in found:
        match fate:
            case Died(code=Outcome.REJECTED):
                ends.add("reject")
            case Died(code=Outcome.DROPPED):
                ends.add("drop")
            case Transmit() | Delivered():
                target = fate.wire[1][3:]
                ends.add("pass-through" if target == sent[1][3:] else "dnat")
                targets.add(target)
                accepted = accepted or health_check_accepted(log)
                if is_masqueraded(log):
                    masqueraded.add(target)
                delivered_marked = delivered_marked or (isinstance(fate, Delivered) and is_marked(log))
    return ends, targets, masqueraded, delivered_marked, accepted


def endpoint(text):
    """An `IP:PORT` as numbers."""
    address, _, port = text.rpartition(":")
    return int(ip_address(address.strip("[]"))), int(port)


@pytest.mark.parametrize(("name", "number", "whose"), PACKETS)
def test_a_first_packet_meets_the_expected_fate(name, number, whose):
    case = proxy_cases()[name]
    packet = case["packets"][number]
    expect = packet["expect"]
    host = node(case, whose, packet["inInterface"])
    sent = first_packet(packet)

    ends, targets, masqueraded, delivered_marked, accepted = described(
        fates(host, sent, packet["inInterface"]), sent
    )

    assert ends == {expect["verdict"]}
    assert accepted == expect.get("filterAccept", False)
    assert delivered_marked == expect.get("markedButDelivered", False)
    if expect["verdict"] == "dnat":
        assert targets == {endpoint(text) for text in expect["targets"]}
        some = {endpoint(text) for text in expect.get("masqueradedTargets", ())}
        assert masqueraded == {True: targets, False: set(), "some": some}[expect["masquerade"]]


IN_NFTABLES = [(name, i) for name, case in proxy_cases().items() for i in range(len(case["packets"]))]


def verdict_in_nftables(case, packet):
    """What becomes of it in nftables mode where that is another thing, else the expected verdict.

    Source: kube-proxy's pkg/proxy/nftables/proxier_test.go, which sends the same packets.
    """
    config, verdict, to = config_of(case), packet["expect"]["verdict"], packet["dst"]
    mine = {str(ip_address(ip)) for ip in config.node_ips} | {"127.0.0.1"}
    open_on = {config.node_ip, *(config.node_port_ips() if config.node_port_networks else ())} - {"127.0.0.1"}
    node_ports = {port.get("nodePort") for each in case["services"] for port in each["spec"].get("ports", ())}
    if to in mine - open_on and packet["dport"] in node_ports:
        return "pass-through"
    if verdict == "reject" and _is_kept_out(packet, case["services"]):
        return "drop"  # source ranges come before the question whether there are endpoints
    cluster_ips = {str(parse_address(ip)) for ip in _cluster_ips(case["services"])}
    if verdict == "pass-through" and to in cluster_ips:
        return "reject"  # a port that the Service does not have
    if verdict == "pass-through" and ip_address(to) in ip_network(config.service_cidr):
        return "drop"  # an address that no Service has
    return verdict


def _is_kept_out(packet, services):
    """Whether it goes to a load balancer's address whose source ranges do not hold its source."""
    for each in services:
        ingress = each.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
        ranges = each["spec"].get("loadBalancerSourceRanges") or ()
        if ranges and packet["dst"] in {point.get("ip") for point in ingress}:
            return all(ip_address(packet["src"]) not in ip_network(each.strip()) for each in ranges)
    return False


def _cluster_ips(services):
    kept = [each["spec"] for each in services if each["spec"].get("type") != "ExternalName"]
    return [ip for spec in kept for ip in (spec.get("clusterIPs") or [spec["clusterIP"]]) if ip != "None"]


@pytest.mark.parametrize(("name", "number"), IN_NFTABLES)
def test_in_nftables_mode_it_meets_the_same_fate_but_for_the_documented_differences(name, number):
    case = proxy_cases()[name]
    packet = case["packets"][number]
    expect, sent = packet["expect"], first_packet(packet)
    found = list(fates(node(case, "nftables", packet["inInterface"]), sent, packet["inInterface"]))

    ends, targets, *_ = described(found, sent)

    assert ends == {verdict_in_nftables(case, packet)}
    if ends == {"dnat"}:
        assert targets == {endpoint(text) for text in expect["targets"]}
    if ends == {"dnat"} and packet["inInterface"]:
        left = [fate.wire[1] for fate, _ in found if isinstance(fate, Transmit)]
        some = {endpoint(text) for text in expect.get("masqueradedTargets", ())}
        masqueraded = {True: targets, False: set(), "some": some}[expect["masquerade"]]
        assert {key[3:] for key in left if key[1] != sent[1][1]} == masqueraded & {key[3:] for key in left}
