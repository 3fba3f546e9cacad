"""CoreDNS beyond the recorded questions: the cache, shuffling, truncation, and the cost of large clusters."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.dns.message import Edns, Message, Question, Rcode
from svclab.dns.name import reverse_name
from svclab.kube.coredns import KUBEADM, Cache, CoreDns, DnsOptions, Internet
from svclab.kube.coredns.options import Caching
from svclab.kube.snapshot import Snapshot
from svclab.linux.dice import Dice
from tests.kube.dns_world import pod, service, slice_of, standard_objects

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OUTSIDE = Internet.of([{"name": "example.com", "ttl": 300, "type": "A", "data": "203.0.113.80"}])
HEADLESS = Question("many.shop.svc.cluster.local.", "A")
HTTP = [{"name": "http", "port": 80, "protocol": "TCP"}]


def server(*more: dict, cache: Cache | None = None, **options: object) -> CoreDns:
    given_options = DnsOptions(**{**_kubeadm(), "upstream": OUTSIDE, **options})
    return CoreDns(Snapshot.of([*standard_objects(), *more]), given_options, cache)


def _kubeadm() -> dict:
    return {field: getattr(KUBEADM, field) for field in KUBEADM.__dataclass_fields__}


def headless(count: int) -> list[dict]:
    addresses = [f"10.244.{number // 250 + 1}.{number % 250 + 1}" for number in range(count)]
    return [service("shop", "many", "None", *HTTP), slice_of("shop", "many", HTTP, *addresses)]


def test_a_cached_answer_counts_down_and_ends() -> None:
    coredns = server(cache=Cache())
    question = Question("example.com.", "A")

    ttls = [
        coredns.answer(question, now=NOW + timedelta(seconds=seconds)).answer[0].ttl
        for seconds in (0, 3, 29, 30, 31)
    ]

    assert ttls == [30, 27, 1, 30, 29]


def test_names_of_the_cluster_are_not_cached_by_kubeadms_corefile() -> None:
    cache = Cache()
    coredns = server(cache=cache)

    coredns.answer(Question("web.shop.svc.cluster.local.", "A"), now=NOW)

    assert cache.entries == {}


def test_with_a_plain_cache_a_new_service_is_unknown_for_the_ttl_of_the_denial() -> None:
    cache = Cache()
    question = Question("many.shop.svc.cluster.local.", "A")
    before = server(cache=cache, caching=Caching.of(30))
    after = server(*headless(1), cache=cache, caching=Caching.of(30))

    rcodes = [
        coredns.answer(question, now=NOW + timedelta(seconds=seconds)).rcode
        for coredns, seconds in ((before, 0), (after, 29), (after, 30))
    ]

    assert rcodes == [Rcode.NXDOMAIN, Rcode.NXDOMAIN, Rcode.NOERROR]


def test_through_the_cache_all_records_have_the_smallest_ttl() -> None:
    alias = service("shop", "ext", "", *HTTP)
    alias["spec"] = {"type": "ExternalName", "externalName": "example.com"}
    coredns = server(alias, cache=Cache())
    coredns.answer(Question("example.com.", "A"), now=NOW)

    message = coredns.answer(Question("ext.shop.svc.cluster.local.", "A"), now=NOW + timedelta(seconds=1))

    assert [(record.type, record.ttl) for record in message.answer] == [("CNAME", 29), ("A", 29)]


def test_addresses_come_in_random_order_each_first_equally_often() -> None:
    coredns, dice = server(*headless(3)), Dice("shuffle")

    first = Counter(coredns.answer(HEADLESS, dice=dice).answer[0].data for _ in range(600))

    assert len(first) == 3
    assert all(150 < count < 250 for count in first.values())


@given(st.integers(1, 60), st.text(max_size=4))
def test_shuffling_loses_and_invents_nothing(count: int, seed: str) -> None:
    coredns = server(*headless(count))

    plain, shuffled = coredns.answer(HEADLESS, tcp=True), coredns.answer(HEADLESS, tcp=True, dice=Dice(seed))

    assert sorted(plain.addresses()) == sorted(shuffled.addresses())


@pytest.mark.parametrize(
    ("asked", "kept", "truncated"),
    [({}, 28, True), ({"edns": Edns(1232)}, 73, True), ({"edns": Edns(4096)}, 100, False)],
)
def test_a_large_headless_service_fits_as_far_as_the_client_says(
    asked: dict, kept: int, truncated: bool
) -> None:
    question = Question("many.service-demo.svc.cluster.local.", "A")
    ready = headless(100)
    for manifest in ready:
        manifest["metadata"]["namespace"] = "service-demo"
    namespace = {"kind": "Namespace", "metadata": {"name": "service-demo"}}

    message = server(namespace, *ready).answer(question, **asked)

    assert (len(message.answer), message.tc) == (kept, truncated)


def test_zone_transfers_are_refused() -> None:
    assert server().answer(Question("cluster.local.", "AXFR")) == Message(
        Question("cluster.local.", "AXFR"), Rcode.REFUSED
    )


def test_a_txt_question_never_says_that_a_name_does_not_exist() -> None:
    assert server().answer(Question("ghost.shop.svc.cluster.local.", "TXT")).is_nodata


def test_the_serial_is_the_time_of_the_newest_object() -> None:
    young = service("shop", "young", "10.96.9.9", *HTTP)
    young["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"

    soa = server(young).answer(Question("cluster.local.", "SOA")).answer[0]

    assert soa.data.split()[2] == str(int(NOW.timestamp()))


def test_a_chain_of_external_names_is_followed_to_its_end_but_not_for_ever() -> None:
    chain = []
    for number in range(14):
        alias = service("shop", f"e{number}", "", *HTTP)
        target = f"e{number + 1}" if number < 13 else "web"
        alias["spec"] = {"type": "ExternalName", "externalName": f"{target}.shop.svc.cluster.local"}
        chain.append(alias)
    coredns = server(*chain)

    short, long = (
        coredns.answer(Question(f"e{start}.shop.svc.cluster.local.", "A"), tcp=True) for start in (8, 0)
    )

    assert short.addresses() == ("10.96.5.5",)
    assert len(short.answer) == 7
    assert long.is_nodata


class CountingSnapshot(Snapshot):
    """Counts how often all objects of a kind are gone through."""

    scans = 0

    def of_kind(self, kind: str) -> Mapping[tuple[str, str], dict]:
        type(self).scans += 1
        return super().of_kind(kind)


def test_a_services_address_is_found_without_going_through_all_services() -> None:
    snapshot = CountingSnapshot.of(standard_objects())
    coredns = CoreDns(snapshot, KUBEADM)

    message = coredns.answer(Question("web.shop.svc.cluster.local.", "A"))

    assert message.addresses() == ("10.96.5.5",)
    assert CountingSnapshot.scans == 0
    coredns.answer(Question("9.2.244.10.in-addr.arpa.", "PTR"))
    assert CountingSnapshot.scans > 0


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("fd00-0-0-0-0-0-0-1.shop.pod.cluster.local.", "AAAA", "fd00::1"),
        ("fd00--1.shop.pod.cluster.local.", "AAAA", "fd00::1"),
        ("--ffff-a00-1.shop.pod.cluster.local.", "A", "10.0.0.1"),
    ],
)
def test_a_pods_address_is_answered_in_its_shortest_form(name: str, kind: str, data: str) -> None:
    assert server().answer(Question(name, kind)).addresses() == (data,)


def test_an_endpoints_address_is_answered_in_its_shortest_form_however_the_slice_spells_it() -> None:
    slices = slice_of("shop", "many", HTTP, "2001:db8:0:0:0:0:0:7")
    coredns = server(service("shop", "many", "None", *HTTP), slices | {"addressType": "IPv6"})

    assert coredns.answer(Question(HEADLESS.name, "AAAA")).addresses() == ("2001:db8::7",)
    assert [record.data for record in coredns.answer(Question(HEADLESS.name, "SRV")).additional] == [
        "2001:db8::7"
    ]


@pytest.mark.parametrize(("phase", "rcode"), [("Running", "NOERROR"), ("Failed", "NXDOMAIN")])
def test_verified_pods_are_those_that_are_not_over(phase: str, rcode: str) -> None:
    finished = pod("shop", "job", "node1", "10.244.1.77")
    finished["status"]["phase"] = phase
    coredns = server(finished, pods="verified")

    assert coredns.answer(Question("10-244-1-77.shop.pod.cluster.local.", "A")).rcode == rcode


def test_an_ipv6_reverse_name_may_have_up_to_three_labels_too_many() -> None:
    dual = service("shop", "six", "fd00:10:96::7", *HTTP)
    name = reverse_name(ip_address("fd00:10:96::7"))

    found = [
        server(dual).answer(Question(extra + name, "PTR")).addresses() for extra in ("", "a.", "a.b.c.d.")
    ]

    assert found == [("six.shop.svc.cluster.local.",), ("six.shop.svc.cluster.local.",), ()]


def test_a_server_behind_a_service_that_was_deleted_has_no_name_server() -> None:
    orphan = slice_of("shop", "gone", HTTP, "10.244.1.50")

    reply = server(orphan, local_ips=("10.244.1.50",)).answer(Question("cluster.local.", "NS"))

    assert (reply.rcode, reply.answer) == (Rcode.NOERROR, ())


def test_aliases_that_lead_in_a_circle_through_two_zones_end() -> None:
    def alias(name: str, target: str) -> dict:
        made = service("shop", name, "", *HTTP)
        return made | {"spec": {"type": "ExternalName", "externalName": target}}

    coredns = server(
        alias("there", "back.shop.svc.lab.example"),
        alias("back", "there.shop.svc.cluster.local"),
        zones=("cluster.local.", "lab.example."),
    )

    reply = coredns.answer(Question("there.shop.svc.cluster.local.", "A"))

    assert reply.rcode is Rcode.NOERROR
    assert {record.type for record in reply.answer} == {"CNAME"}
