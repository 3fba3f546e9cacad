"""Names asked over the network: the question is a packet; what breaks the packet breaks the name."""

from datetime import UTC, datetime, timedelta

import pytest

from svclab.dns.hosts import HostsFile
from svclab.dns.message import Message, Question, Rcode, Unanswered
from svclab.dns.resolvconf import ResolvConf
from svclab.kube.nameserver import Asker, NameServers
from svclab.kube.poddns import hosts_file, resolv_conf
from svclab.kube.snapshot import Snapshot
from svclab.kube.wiring import build_fabric
from svclab.linux.dice import Dice
from svclab.linux.trace import Conntrack, Nat, Query, Resolved, steps_in
from tests.kube.dns_world import Manifest, fabric_of, pod, slice_of, standard_snapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEBUG = pod("shop", "debug", "node1", "10.244.1.9", "nicolaka/netshoot")
DNS_PORTS = [{"name": "dns", "port": 53, "protocol": "UDP"}]
WEB = Question("web.shop.svc.cluster.local.", "A")


def asker(snapshot: Snapshot, source: str = "pod/shop/debug", seed: str = "dns") -> Asker:
    return Asker(fabric_of(snapshot), NameServers(snapshot), source, Dice(seed), NOW)


def changed(*manifests: Manifest) -> Snapshot:
    snapshot = standard_snapshot()
    for manifest in manifests:
        snapshot = snapshot.with_(manifest)
    return snapshot


def test_a_name_is_resolved_by_packets_to_a_coredns_pod() -> None:
    program = asker(standard_snapshot())

    resolution = program.look_up("web", resolv_conf(DEBUG), hosts_file(DEBUG), "musl")

    assert (resolution.addresses, resolution.name) == (("10.96.5.5",), "web.shop.svc.cluster.local")
    dnat = [step for step in steps_in(program.parts) if isinstance(step, Nat) and step.action == "DNAT"]
    assert {str(step.before.tuple.destination) for step in dnat} == {"10.96.0.10"}
    end = program.parts[-1]
    assert isinstance(end, Resolved)
    assert (end.address, end.queries) == ("10.96.5.5", 2)


def test_both_questions_of_a_step_go_to_the_same_coredns_pod() -> None:
    for seed in map(str, range(8)):
        program = asker(standard_snapshot(), seed=seed)

        program.ask("10.96.0.10", [WEB, Question(WEB.name, "AAAA")])

        nat = [step for step in steps_in(program.parts) if isinstance(step, Nat) and step.action == "DNAT"]
        assert len({str(step.packet.tuple.destination) for step in nat if step.packet}) == 1
        states = [step.state for step in steps_in(program.parts) if isinstance(step, Conntrack)]
        assert "ESTABLISHED" in states


def test_each_rung_of_the_search_list_is_a_flow_of_its_own() -> None:
    program = asker(standard_snapshot())

    program.look_up("web.shop", resolv_conf(DEBUG), hosts_file(DEBUG), "glibc")

    queries = [(s.flow, s.rung, s.type) for s in steps_in(program.parts) if isinstance(s, Query)]
    assert queries == [(1, 0, "A"), (1, 0, "AAAA"), (2, 1, "A"), (2, 1, "AAAA")]
    assert [flow.number for flow in program.flows] == [1, 2]


def test_without_endpoints_of_kube_dns_a_question_is_refused_at_once() -> None:
    empty = slice_of("kube-system", "kube-dns", [{"name": "dns", "port": 53, "protocol": "UDP"}])
    program = asker(changed(empty))

    resolution = program.look_up("web", resolv_conf(DEBUG), hosts_file(DEBUG), "glibc")

    assert resolution.code == "DNS-TIMEOUT"
    assert asker(changed(empty)).ask("10.96.0.10", [WEB]) == [Unanswered.REFUSED]


def test_a_kube_dns_service_that_leads_to_a_web_server_answers_no_names() -> None:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}]
    program = asker(changed(slice_of("kube-system", "kube-dns", ports, "10.244.2.5")))

    assert program.ask("10.96.0.10", [WEB]) == [Unanswered.REFUSED]


def test_an_address_where_nobody_is_gives_no_answer() -> None:
    assert asker(standard_snapshot()).ask("10.96.0.99", [WEB]) == [Unanswered.TIMED_OUT]


def test_a_coredns_pod_can_be_asked_directly_over_tcp() -> None:
    program = asker(standard_snapshot())

    replies = program.ask("10.244.2.2", [WEB], tcp=True)

    assert isinstance(replies[0], Message)
    assert replies[0].addresses() == ("10.96.5.5",)
    assert program.flows[0].protocol == "TCP"


def test_outside_names_are_forwarded_and_say_so() -> None:
    reply = asker(standard_snapshot()).ask("10.96.0.10", [Question("example.com.", "A")])[0]

    assert isinstance(reply, Message)
    assert (reply.aa, reply.ra, reply.rcode) == (False, True, Rcode.NOERROR)


def test_the_second_time_an_outside_name_comes_out_of_the_cache() -> None:
    snapshot = standard_snapshot()
    names = NameServers(snapshot)
    program = Asker(fabric_of(snapshot), names, "pod/shop/debug", Dice("c"), NOW)

    first, second = (program.ask("10.244.1.2", [Question("example.com.", "A")])[0] for _ in range(2))

    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.aa, second.aa) == (False, True)
    assert set(names.caches) == {"pod/kube-system/coredns-a"}


def test_the_zone_names_the_service_before_the_asked_server() -> None:
    reply = asker(standard_snapshot()).ask("10.96.0.10", [Question("cluster.local.", "NS")])[0]

    assert isinstance(reply, Message)
    assert reply.addresses() == ("kube-dns.kube-system.svc.cluster.local.",)


def test_a_machine_outside_asks_the_simulated_internet_only() -> None:
    program = asker(standard_snapshot(), "client/laptop")

    inside, outside = (
        program.ask("192.0.2.53", [Question(name, "A")])[0] for name in (WEB.name, "example.com.")
    )

    assert isinstance(inside, Message)
    assert isinstance(outside, Message)
    assert (inside.rcode, outside.rcode) == (Rcode.NXDOMAIN, Rcode.NOERROR)


def test_the_same_seed_gives_the_same_steps() -> None:
    def steps(seed: str) -> list[object]:
        program = asker(standard_snapshot(), seed=seed)
        program.look_up("web", resolv_conf(DEBUG), hosts_file(DEBUG))
        return [step.as_json() for step in steps_in(program.parts)]

    assert steps("a") == steps("a")


def test_a_client_without_a_route_to_the_server_is_told_at_once() -> None:
    snapshot = standard_snapshot()
    lonely = build_fabric(snapshot, lambda name: {}, without_default_route=["node1"])
    program = Asker(lonely, NameServers(snapshot), "node/node1", Dice("r"), NOW)

    assert program.ask("10.96.0.10", [WEB]) == [Unanswered.UNREACHABLE]


def test_the_next_server_of_resolv_conf_is_asked_when_the_first_is_silent() -> None:
    conf = ResolvConf(("shop.svc.cluster.local",), ("10.96.0.99", "10.96.0.10"), ("ndots:5",))
    for library in ("glibc", "musl"):
        program = asker(standard_snapshot())

        resolution = program.look_up("web", conf, HostsFile(), library)

        assert resolution.addresses == ("10.96.5.5",)
        assert [flow.label for flow in program.flows] == [WEB.name] * 2


@pytest.mark.parametrize(
    ("library", "seconds", "names", "packets"),
    [
        ("glibc", 20, ["web.shop.svc.cluster.local.", "web."], 8),
        ("musl", 5, ["web.shop.svc.cluster.local."], 4),
        ("c-ares", 14, ["web.shop.svc.cluster.local."], 6),
    ],
)
def test_a_library_waits_its_own_time_for_a_silent_server(
    library: str, seconds: int, names: list[str], packets: int
) -> None:
    dead = slice_of("kube-system", "kube-dns", DNS_PORTS, "10.244.1.200")
    program = asker(changed(dead))

    resolution = program.look_up("web", resolv_conf(DEBUG), hosts_file(DEBUG), library)

    assert (resolution.code, program.waited) == ("DNS-TIMEOUT", timedelta(seconds=seconds))
    queries = [step for step in steps_in(program.parts) if isinstance(step, Query)]
    assert (list(dict.fromkeys(query.name for query in queries)), len(queries)) == (names, packets)


@pytest.mark.parametrize("library", ["glibc", "musl", "c-ares"])
def test_a_library_asks_again_out_of_the_same_socket_and_meets_the_same_dead_pod(library: str) -> None:
    """One CoreDNS pod of two is gone and still an endpoint: conntrack holds on to it."""
    half = slice_of("kube-system", "kube-dns", DNS_PORTS, "10.244.1.2", "10.244.2.200")
    chosen: set[str] = set()
    for seed in map(str, range(6)):
        program = asker(changed(half), seed=seed)

        program.look_up("web.shop.svc.cluster.local.", resolv_conf(DEBUG), hosts_file(DEBUG), library)

        nat = [step for step in steps_in(program.parts) if isinstance(step, Nat) and step.action == "DNAT"]
        pods = {str(step.packet.tuple.destination) for step in nat if step.packet}
        assert len(pods) == 1
        chosen |= pods
    assert chosen == {"10.244.1.2", "10.244.2.200"}
