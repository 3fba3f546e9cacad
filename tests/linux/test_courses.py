"""Exchanges that go an earlier one's course: as if each had been walked, rule by rule, in trace and memory."""

import operator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svclab.kube.proxied import node_rules
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.kube.wiring import NodeRules, build_fabric
from svclab.linux.dice import Dice
from svclab.linux.drawn import DrawnNumber, DrawnPort, filled
from svclab.linux.exchange import Exchange
from svclab.linux.fabric import Fabric, NoAddress
from svclab.linux.packet import Protocol
from svclab.linux.trace import Outcome, json_of
from tests.builders import namespace, node, pod, service, slice_of
from tests.kernel.clusters import CLIENTS, Flow, random_cluster, random_flows
from tests.linux.test_fabric import fabric as routed
from tests.linux.walked import Walked

Json = dict[str, Any]
START = datetime(2026, 3, 1, tzinfo=UTC)
# Some ports that rules name, some that packets have at their other end, one that is privileged.
SERVER = int(ip_address("10.2.0.2"))
SOURCE_PORTS = (*range(40000, 40006), 30000, 30007, 30008, 8080, 9090, 53, 600)


@dataclass(frozen=True, slots=True)
class Proxies:
    """How the nodes' kube-proxies are set up."""

    mode: str
    masquerade_all: bool = False
    random_fully: bool = True

    def rules(self, snapshot: Snapshot, name: str) -> NodeRules:
        """Those of one node."""
        manifest = snapshot.get("Node", "", name)
        assert manifest
        config = ProxyConfig.for_node(
            manifest, masquerade_all=self.masquerade_all, random_fully=self.random_fully
        )
        return node_rules(self.mode, snapshot.list("Service"), snapshot.list("EndpointSlice"), config)

    def fabric(self, snapshot: Snapshot) -> Fabric:
        """The whole cluster."""
        return build_fabric(
            snapshot, lambda name: self.rules(snapshot, name), clients=CLIENTS, every_endpoint_answers=True
        )


def ask(
    fabric: Fabric, flow: Flow, port: int | None, dice: Dice, chance: Any, now: datetime
) -> list[Exchange]:
    """Exchanges from this port, or a drawn one: two over UDP, as a resolver asks for A and AAAA."""
    where = (flow.source, ip_address(flow.address), flow.port, flow.protocol)
    if port is None and flow.protocol is not Protocol.UDP:
        return [fabric.connect(*where, chance, now, 7, flow.via)]
    packet = fabric.first_packet(*where, dice, port)
    times = 2 if flow.protocol is Protocol.UDP else 1
    return fabric.exchanges(flow.source, packet, chance, now, 7, flow.via, times)


def told(found: list[Exchange]) -> list[Json]:
    """Every step as the page gets it, from the words that a course keeps."""
    return [step for each in found for step in each.as_json()]


def worded(found: list[Exchange]) -> list[Json]:
    """The same, each step put into words anew."""
    return [step for each in found for step in json_of(each.steps)]


def remembered(fabric: Fabric) -> dict[str, object]:
    """All that hosts remember, in order, down to the kinds of its numbers."""
    return {
        name: (
            [(key, entry.original, entry.reply, entry.created, entry.expires, entry.state,
              entry.seen_reply, entry.assured, entry.dnat, entry.snat, entry.ipvs,
              entry.nat_destination_done, entry.nat_source_done,
              {type(port) for header in (key, entry.original, entry.reply) for port in header[1:]})
             for key, entry in host.state.conntrack.entries.items()],
            {name: list(entries.items()) for name, entries in host.state.recent.lists.items()},
            host.state.sets, host.state.turns, host.paths, sorted(host.state.conntrack.changed),
            {type(port) for key in host.state.conntrack.changed for port in key[1:]},
            host.state.conntrack.refused and host.state.conntrack.refused.reply,
        )
        for name, host in fabric.hosts.items()
    }  # fmt: skip


def with_other_endpoints(snapshot: Snapshot, random: Random) -> Snapshot:
    """Some endpoint has become ready, or is no longer."""
    changed: Manifest = random.choice(snapshot.list("EndpointSlice"))
    endpoints = [
        endpoint | {"conditions": {"ready": random.random() < 0.6, "serving": True, "terminating": False}}
        for endpoint in changed["endpoints"]
    ]
    return snapshot.with_(changed | {"endpoints": endpoints})


def load(fabric: Fabric, proxies: Proxies, snapshot: Snapshot) -> None:
    """New rules on every node, as kube-proxy loads them, whatever connections there are."""
    anew = proxies.fabric(snapshot)
    for each in snapshot.list("Node"):
        name = each["metadata"]["name"]
        tables = anew.hosts[f"node/{name}"].tables
        fabric.hosts[f"node/{name}"].load(tables, proxies.rules(snapshot, name).chains)


@settings(max_examples=10, deadline=None)
@given(
    st.text("abcdefgh", min_size=4, max_size=4),
    st.builds(
        Proxies, st.sampled_from(["iptables", "iptables", "nftables", "ipvs"]), st.booleans(), st.booleans()
    ),
)
def test_an_exchange_on_a_known_course_is_as_if_it_had_been_walked(seed, proxies):
    random, snapshot = Random(seed), random_cluster(seed)
    fast, plain = proxies.fabric(snapshot), proxies.fabric(snapshot)
    flows, now = random_flows(snapshot, seed, 4), START

    for number in range(50):
        match random.randrange(12):
            case 0:
                now += timedelta(seconds=random.choice([0.25, 11, 31, 61, 121, 500_000]))
            case 1 if proxies.mode != "ipvs":
                snapshot = with_other_endpoints(snapshot, random)
                load(fast, proxies, snapshot)
                load(plain, proxies, snapshot)
        flow = random.choice(flows)
        port = random.choice(SOURCE_PORTS) if random.random() < 0.6 else None
        dice, same = Dice(f"{seed}/{number}"), Dice(f"{seed}/{number}")
        try:
            found = ask(fast, flow, port, dice, dice, now)
        except NoAddress:
            continue
        walked = ask(plain, flow, port, same, Walked(same), now)

        assert told(found) == worded(walked), flow
        assert [each.ending for each in found] == [each.ending for each in walked]
        assert dice == same
        if number % 5 == 4:
            assert worded(found) == told(walked), flow
            assert remembered(fast) == remembered(plain), flow


# ---- which exchanges leave a course ----


def shop(**spec: Any) -> Snapshot:
    """Two nodes, a client and three pods of one Service."""
    web = service("web", "10.96.5.5", port=80, target=8080, **spec)
    pods = [pod(f"web-{i}", f"10.244.{i % 2}.{i + 10}", f"node{i % 2}", ports=()) for i in range(3)]
    client = pod("client", "10.244.0.4", "node0", ports=())
    return Snapshot.of([node(0), node(1), namespace("default"), client, *pods, web, slice_of(web, pods)])


CLUSTER_IP = Flow("pod/default/client", "10.96.5.5", 80, Protocol.TCP)


def many(fabric: Fabric, count: int, flow: Flow = CLUSTER_IP) -> list[Exchange]:
    """So many requests, each from a drawn port."""
    return [ask(fabric, flow, None, dice, dice, START)[0] for dice in map(Dice, map(str, range(count)))]


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_many_requests_to_a_service_take_one_course_for_each_endpoint(mode):
    fabric = Proxies(mode).fabric(shop())

    found = many(fabric, 100)

    assert len({each.endpoint for each in found}) == len(fabric.courses) == 3
    assert len({each.log[0][2][1] for each in found}) == 100


@pytest.mark.parametrize(("mode", "spec"), [("iptables", {"sessionAffinity": "ClientIP"}), ("ipvs", {})])
def test_what_depends_on_memory_leaves_no_course(mode, spec):
    fabric = Proxies(mode).fabric(shop(**spec))

    many(fabric, 10)

    assert len(fabric.courses) == 0


def test_a_course_ends_with_the_rules_that_it_went_by():
    fabric = Proxies("iptables").fabric(shop())
    before = many(fabric, 20)

    load(fabric, Proxies("iptables"), shop().without("Service", ("default", "web"), 2))
    after = many(fabric, 20)

    assert {each.code for each in before} == {Outcome.OK}
    assert Outcome.OK not in {each.code for each in after}


def test_a_taken_port_makes_a_connection_leave_its_course():
    fabric = Proxies("iptables", masquerade_all=True, random_fully=False).fabric(shop())
    other = Flow("pod/default/web-0", "10.96.5.5", 80, Protocol.TCP)
    seen = []

    for number in range(40):
        for flow in (CLUSTER_IP, other):
            dice = Dice(f"{number}")
            seen += ask(fabric, flow, 40000, dice, dice, START + timedelta(seconds=number))

    assert {each.code for each in seen} == {Outcome.OK}
    assert 0 < len(fabric.courses) < len(seen)


def test_a_drawn_port_that_is_taken_is_drawn_again_on_a_course_as_on_a_walk():
    rules = "-A POSTROUTING -p tcp -j MASQUERADE --to-ports 50000-50007 --random-fully"
    table = f"*nat\n:POSTROUTING ACCEPT [0:0]\n{rules}\nCOMMIT\n"
    fast, plain = routed(table), routed(table)
    flow = Flow("client", "10.2.0.2", 80, Protocol.TCP)
    found: list[Exchange] = []

    for number in range(8):  # as many as there are ports
        dice, same = Dice(f"{number}"), Dice(f"{number}")
        found += ask(fast, flow, 40000 + number, dice, dice, START)
        walked = ask(plain, flow, 40000 + number, same, Walked(same), START)
        assert told(found[-1:]) == told(walked)
        assert dice == same

    assert len({key for key in fast.hosts["router"].state.conntrack.entries if key[1] == SERVER}) == 8
    assert len({id(each.ending) for each in found}) == 1  # all on the first one's course
    assert remembered(fast) == remembered(plain)


def test_so_many_exchanges_of_one_socket_are_as_many_one_after_another():
    once, again = Proxies("iptables").fabric(shop()), Proxies("iptables").fabric(shop())
    packet = once.first_packet("pod/default/client", ip_address("10.96.5.5"), 80, Protocol.TCP, Dice("p"))
    dice, same = Dice("x"), Dice("x")

    together = once.exchanges("pod/default/client", packet, dice, START, times=2)
    apart = [again.exchange("pod/default/client", packet, same, START) for _ in range(2)]

    assert told(together) == told(apart)
    assert remembered(once) == remembered(again)


@pytest.mark.parametrize("wrapped", [lambda dice: dice, Walked], ids=["on a course", "walked"])
def test_to_connect_is_to_send_a_fresh_socket_s_first_packet(wrapped):
    once, again = Proxies("iptables").fabric(shop()), Proxies("iptables").fabric(shop())
    where = ("pod/default/client", ip_address("10.96.5.5"), 80, Protocol.TCP)
    for number in range(5):
        dice, same = Dice(f"c/{number}"), Dice(f"c/{number}")

        found = once.connect(*where, wrapped(dice), START, 7)
        packet = again.first_packet(*where, same)
        expected = again.exchange("pod/default/client", packet, wrapped(same), START, 7)

        assert told([found]) == told([expected])
        assert dice == same
    assert remembered(once) == remembered(again)


# ---- ports that remember ----


COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)


@given(
    st.integers(0, 30),
    st.lists(st.tuples(st.sampled_from(COMPARISONS), st.integers(0, 30), st.booleans()), max_size=6),
    st.frozensets(st.integers(0, 30), max_size=5),
)
def test_every_port_within_bounds_compares_alike(number, comparisons, named):
    def answers(port):
        compared = [each(other, port) if turned else each(port, other) for each, other, turned in comparisons]
        return compared, port in named

    port = DrawnPort(number, 0)
    port.looked_for(named)

    found = answers(port)

    alike = [n for n in range(31) if port.low <= n <= port.high and n not in port.others]
    assert number in alike
    assert [answers(n) for n in alike] == [found] * len(alike)


def test_blanks_in_texts_and_values_are_filled():
    port, draw = DrawnPort(40000, 0), DrawnNumber(0.25, 1)

    found = filled((f"from {port}, drew {draw:.2f}", [port, {"draw": draw}], "as it is"), (50000, 0.619))

    assert found == ("from 50000, drew 0.62", [50000, {"draw": 0.619}], "as it is")
    assert [type(value) for value in (found[1][0], found[1][1]["draw"])] == [int, float]
