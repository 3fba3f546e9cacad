"""conntrack and iptables -Z on a node: what they delete, zero and watch, as conntrack 1.4.7 and iptables 1.8.9."""

import re
from ipaddress import IPv4Address

import pytest

from svclab.cluster import dataplane, memory, settle, worlds
from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import open_cluster
from svclab.kube.request import Request
from svclab.linux.dice import Dice
from svclab.linux.packet import FiveTuple, Kind, Packet, Protocol
from svclab.linux.trace import Nat
from svclab.terminal.places import Location
from svclab.terminal.session import Session
from tests.cluster.harness import BACKEND, apply, paused_cluster, pods, wait

NODE1 = Location("node", name="node1")
NAME = "conntrack v1.4.7 (conntrack-tools)"
HINT = "Try `conntrack -h' or 'conntrack --help' for more information.\n"


class Node1:
    """A terminal on node1, and requests from a backend pod that runs there."""

    def __init__(self, cluster):
        self.cluster = cluster
        pod = next(each for each in pods(cluster) if each["spec"]["nodeName"] == "node1")
        self.pod = f"pod/default/{pod['metadata']['name']}"

    def type(self, line):
        parts = []
        status = Session(self.cluster, location=NODE1).run(line, parts.append)
        return status, "".join(parts)

    def ask(self, target="http://backend"):
        dataplane.send(self.cluster, Request(self.pod, target))

    def restart_the_server(self):
        memory.forget_all()
        settle.forget_agendas()
        worlds.forget(self.cluster.id)
        self.cluster = open_cluster(self.cluster.id)


@pytest.fixture
def node1(transactional_db):
    cluster = paused_cluster()
    apply(cluster, BACKEND)
    wait(cluster, 30)
    return Node1(cluster)


def test_deleted_connections_are_printed_and_gone_after_a_restart_too(node1):
    node1.ask()
    _, before = node1.type("conntrack -L -p udp 2>/dev/null")

    status, deleted = node1.type("conntrack -D -p udp --dport 53 2>/dev/null")

    assert (status, deleted) == (0, before)
    assert before.startswith("udp      17 ")
    node1.restart_the_server()
    assert node1.type("conntrack -D -p udp") == (1, f"{NAME}: 0 flow entries have been deleted.\n")
    assert " dport=80 " in node1.type("conntrack -L -p tcp")[1]


def test_an_emptied_table_stays_empty(node1):
    node1.ask()

    assert node1.type("conntrack -F") == (0, f"{NAME}: connection tracking table has been emptied.\n")

    node1.restart_the_server()
    assert node1.type("conntrack -C") == (0, "0\n")


def test_the_table_of_another_node_is_not_touched(node1):
    node1.ask()
    tables = dataplane.world(node1.cluster).fabric.hosts
    before = {name: len(host.state.conntrack.all()) for name, host in tables.items()}

    node1.type("conntrack -F")

    after = {name: len(host.state.conntrack.all()) for name, host in tables.items()}
    assert before["node/node1"] > 0
    assert after == before | {"node/node1": 0}


def test_another_process_that_knows_the_table_reads_it_again(node1):
    node1.ask()
    known = worlds._worlds.get(node1.cluster.id)
    past, table = known.past, known.world.fabric.host("node/node1").state.conntrack.copy()

    node1.type("conntrack -F")
    known.past, known.world.fabric.host("node/node1").state.conntrack = past, table  # as it had them

    assert node1.type("conntrack -C") == (0, "0\n")


def test_the_next_packet_of_a_deleted_connection_asks_the_nat_table_again(node1):
    node1.ask()
    fabric = dataplane.world(node1.cluster).fabric
    entries = fabric.host("node/node1").state.conntrack.all()
    entry = next(each for each in entries if each.dnat and each.original[0] is Protocol.UDP)
    _, source, sport, destination, dport = entry.original
    packet = Packet(
        FiveTuple(Protocol.UDP, IPv4Address(source), sport, IPv4Address(destination), dport), Kind.DATAGRAM
    )

    def asked_for_its_destination():
        steps = fabric.exchange(node1.pod, packet, Dice("again"), node1.cluster.now()).steps
        return next(step.by for step in steps if isinstance(step, Nat) and step.action == "DNAT")

    assert asked_for_its_destination() == "conntrack"
    node1.type("conntrack -D -p udp --orig-dst 10.96.0.10")
    assert asked_for_its_destination() == "rule"


REFUSALS = [
    ("conntrack -F -p tcp", "Illegal option `--protonum' with this command"),
    ("conntrack -C -s 10.0.0.1", "Illegal option `--src' with this command"),
    ("conntrack -D -e NEW", "Illegal option `--event-mask' with this command"),
    ("conntrack -D -j", "Illegal option `--any-nat' with this command"),
    ("conntrack -D --dport 80", "unknown option `--dport'"),
    ("conntrack -L -p udp --state ESTABLISHED", "unknown option `--state'"),
    ("conntrack -L -p tcp --state FOO", "unknown TCP state `FOO'"),
    ("conntrack -D -x", "unknown option `-x'"),
    ("conntrack -D -s", "option `-s' requires an argument"),
    ("conntrack -D -F", "Invalid commands combination"),
    ("conntrack -D extra", "unknown type `extra'"),
    ("conntrack -E -e NEW,FOO", "Bad parameter `FOO'"),
    ("conntrack -L -o foo", "Bad parameter `foo'"),
    ("conntrack -L -n foo", "Invalid IP address `foo'"),
]


def test_refusals_are_the_real_ones(node1):
    found = {line: node1.type(line) for line, _ in REFUSALS}
    assert found == {line: (2, f"{NAME}: {words}\n{HINT}") for line, words in REFUSALS}


def test_filters_choose_by_either_headers_addresses_masks_and_nat(node1):
    node1.ask()
    lines = node1.type("conntrack -L -p tcp 2>/dev/null")[1].splitlines()
    found = re.search(r"src=(\S+) dst=(\S+) sport=\d+ dport=80 src=(\S+) ", lines[0])
    client, service, server = found.groups()

    def count(options):
        return len(node1.type(f"conntrack -L -p tcp {options} 2>/dev/null")[1].splitlines())

    assert [count(f"-s {client}"), count(f"-d {service}"), count(f"-r {server}"), count(f"-q {client}")] == [
        1
    ] * 4
    assert [count("-s 10.244.0.0/16"), count("-d 10.244.0.0/16"), count(f"-d {server}")] == [1, 0, 0]
    assert [count("-g"), count(f"-g {server}"), count(f"-g {service}"), count("-n"), count("-j")] == [
        1,
        1,
        0,
        0,
        1,
    ]
    assert [count("-u ASSURED"), count("--state TIME_WAIT"), count("--state ESTABLISHED"), count("-f ipv6")] == [
        1, 1, 0, 0,
    ]  # fmt: skip


@pytest.fixture
def live(transactional_db):
    """A terminal of a cluster whose waiting pushes the clock."""
    cluster = new_cluster("learner")
    session = Session(cluster, hurried=True)
    session.run(
        f"kubectl apply -f - <<'EOF'\n{BACKEND}\nEOF\nkubectl wait --for=condition=ready pod --all\nsleep 3",
        print,
    )
    session.run("ssh node1", print)

    def typed(line):
        parts = []
        session.run(line, parts.append)
        return "".join(parts)

    return typed


def test_events_of_a_connection_are_shown_as_they_happen(live):
    address = (
        live("iptables-save -t nat | grep -m1 'default/backend cluster IP'").split()[3].partition("/")[0]
    )

    live("conntrack -E -p tcp > seen 2>&1 &")
    live(f"until grep -q TIME_WAIT seen; do curl -s {address} > /dev/null; sleep 0.1; done")
    live("conntrack -D -p tcp > /dev/null 2>&1; until grep -q DESTROY seen; do sleep 1; done; kill %1; wait")

    port = live(f"grep -m1 dst={address} seen | grep -o 'sport=[0-9]*' | head -1").strip()
    lines = live(f"grep '{port} dport=80 ' seen").splitlines()
    assert [line.split(" src=")[0] for line in lines[:-1]] == [
        "    [NEW] tcp      6 120 SYN_SENT",
        " [UPDATE] tcp      6 60 SYN_RECV",
        " [UPDATE] tcp      6 432000 ESTABLISHED",
        " [UPDATE] tcp      6 120 FIN_WAIT",
        " [UPDATE] tcp      6 30 LAST_ACK",
        " [UPDATE] tcp      6 120 TIME_WAIT",
    ]
    assert ["[UNREPLIED]" in lines[0], "[UNREPLIED]" in lines[1], "[ASSURED]" in lines[2]] == [
        True,
        False,
        True,
    ]
    assert re.match(
        r"\[DESTROY\] tcp +6 \d+ TIME_WAIT src=.* \[ASSURED\] \[USERSPACE\] portid=\d+$", lines[-1]
    )


def test_only_events_of_the_mask_are_shown_and_time_destroys_too(live):
    live("conntrack -E -e NEW,DESTROY -p udp > seen 2>&1 &")
    live(
        "until grep -q NEW seen; do dig +short backend @10.96.0.10; sleep 0.1; done; "
        "until grep -q DESTROY seen; do sleep 10; done; kill %1; wait"
    )

    port = live("grep -m1 NEW seen | grep -o 'sport=[0-9]*' | head -1").strip()
    lines = live(f"grep '{port} dport=53 ' seen").splitlines()
    assert re.match(r"    \[NEW\] udp +17 30 src=\S+ dst=10.96.0.10 .*\[UNREPLIED\]", lines[0])
    assert re.match(r"\[DESTROY\] udp +17 src=\S+ dst=10.96.0.10 [^\[]*$", lines[-1])
    assert len(lines) == 2


def count_of(node1, table="nat", chain="KUBE-SERVICES", word="default/backend cluster IP"):
    listed = node1.type(f"iptables -t {table} -nvL {chain}")[1].splitlines()
    return [int(line.split()[0]) for line in listed if word in line]


def test_zeroed_counters_count_from_then_on_after_a_restart_too(node1):
    node1.ask()
    assert count_of(node1) == [1]

    assert node1.type("iptables -t nat -Z KUBE-SERVICES") == (0, "")

    assert count_of(node1) == [0]
    assert count_of(node1, chain="PREROUTING", word="KUBE-SERVICES") != [0]
    node1.ask()
    node1.restart_the_server()
    assert count_of(node1) == [1]
    node1.type("iptables -t nat -Z")
    assert (count_of(node1), count_of(node1, chain="PREROUTING", word="KUBE-SERVICES")) == ([0], [0])


def test_a_listing_that_zeroes_shows_what_was_counted_before(node1):
    node1.ask()

    shown = node1.type("iptables -t nat -L KUBE-SERVICES -n -v -Z")[1]

    assert shown.endswith("Zeroing chain `KUBE-SERVICES'\n")
    assert re.search(r"^ +1 +60 .*default/backend cluster IP", shown, re.MULTILINE)
    assert count_of(node1) == [0]


@pytest.mark.parametrize(
    ("line", "status", "output"),
    [
        ("iptables -Z NOPE", 1, "iptables: No chain/target/match by that name.\n"),
        ("iptables -Z OUTPUT 99", 0, ""),
        ("iptables -Z OUTPUT -v", 0, "Zeroing chain `OUTPUT'\n"),
        ("iptables -Z -n", 2, "iptables v1.8.9 (nf_tables): Illegal option `-n' with this command\n"
         "Try `iptables -h' or 'iptables --help' for more information.\n"),
        ("iptables -t raw -S -Z", 0, "-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n"),
    ],
)  # fmt: skip
def test_zeroing_answers_as_the_real_iptables(node1, line, status, output):
    assert node1.type(line) == (status, output)
