"""Questions and answers for scripts: the form of the recordings, and look-ups through the network."""

from datetime import UTC, datetime

import pytest

from svclab.dns.message import Question
from svclab.kube.dnsanswers import BadQuestion, answers, look_up, question_of, typed_name
from svclab.kube.snapshot import Snapshot
from svclab.kube.world import World
from svclab.linux.dice import Dice
from tests.kube.dns_world import slice_of, standard_snapshot, world_of
from tests.recordings.dns_cases import recorded_clusters, recording

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", recorded_clusters())
def test_answers_have_the_recorded_form_to_the_letter(name: str) -> None:
    recorded = [row for row in recording(name)["dns"] if row["type"] != "SOA"]

    found = answers(Snapshot.of(recording(name)["objects"]), [question_of(row) for row in recorded])

    assert found == recorded


def ask(snapshot: Snapshot, typed: str) -> dict:
    def world() -> World:
        return world_of(snapshot)

    return look_up(snapshot, "pod/shop/debug", typed, world, Dice("look-up"), NOW)


def test_a_look_up_lists_its_questions_and_its_end() -> None:
    assert ask(standard_snapshot(), "web.shop") == {
        "name": "web.shop",
        "resolver": "musl",
        "queries": [
            {"name": "web.shop.shop.svc.cluster.local.", "type": "A", "rcode": "NXDOMAIN", "answers": 0},
            {"name": "web.shop.shop.svc.cluster.local.", "type": "AAAA", "rcode": "NXDOMAIN", "answers": 0},
            {"name": "web.shop.svc.cluster.local.", "type": "A", "rcode": "NOERROR", "answers": 1},
            {"name": "web.shop.svc.cluster.local.", "type": "AAAA", "rcode": "NOERROR", "answers": 0},
        ],
        "result": {"ok": True, "addresses": ["10.96.5.5"], "error": None, "code": "OK"},
    }


def test_a_broken_dns_service_breaks_names() -> None:
    empty = slice_of("kube-system", "kube-dns", [{"name": "dns", "port": 53, "protocol": "UDP"}])

    found = ask(standard_snapshot().with_(empty), "web")

    assert {query["rcode"] for query in found["queries"]} == {None}
    assert found["result"] == {"ok": False, "addresses": [], "error": "Try again", "code": "DNS-TIMEOUT"}


def test_without_coredns_pods_or_nodes_the_server_is_asked_directly() -> None:
    whole = standard_snapshot()
    without_pods = whole.without("Pod", ("kube-system", "coredns-a")).without(
        "Pod", ("kube-system", "coredns-b")
    )
    without_nodes = whole.without("Node", ("", "node1")).without("Node", ("", "node2"))

    for snapshot in (without_pods, without_nodes):
        assert ask(snapshot, "web")["result"]["addresses"] == ["10.96.5.5"]


@pytest.mark.parametrize("item", [{}, {"name": ""}, 7, {"name": "a..b"}, {"name": "a", "type": "NONSENSE"}])
def test_what_is_no_question_is_refused_in_words(item: object) -> None:
    with pytest.raises(BadQuestion):
        question_of(item)


def test_names_are_taken_with_and_without_a_final_dot() -> None:
    assert question_of({"name": "web", "type": "srv"}) == Question("web.", "SRV")
    assert typed_name("web.") == "web."
