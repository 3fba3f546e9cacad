"""`manage.py engine trace`: every recorded connection, names, repeated traces, and bad requests."""

import json
import sys
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from django.core.management import call_command

from svclab.cluster.enginetrace import trace_text
from svclab.cluster.importing import BadFile
from svclab.kube.snapshot import Snapshot
from svclab.linux.trace import Outcome
from tests.kube.dns_world import standard_objects
from tests.recordings.cases import FOLDER, recording, recording_names
from tests.recordings.packets import is_sticky


def traced(
    snapshot: Snapshot, *requests: dict, events: bool = False, seed: str = "test", mode: str = "iptables"
) -> list[dict]:
    """What the command prints for these requests."""
    return json.loads(trace_text(snapshot, json.dumps(requests), events=events, seed=seed, mode=mode))


def answer(end: dict) -> str:
    """An end in the recordings' words."""
    return end["endpoint"] or ("errno-1" if end["code"] == "DENIED" else end["verdict"])


@pytest.mark.parametrize("name", recording_names())
def test_every_recorded_connection_has_the_recorded_answers_and_sources(name):
    rows = recording(name)["packets"]
    found = traced(Snapshot.of(recording(name)["objects"]), *rows)

    for row, ours in zip(rows, found, strict=True):
        ends = ours["outcomes"]
        answers = {answer(end) for end in ends}
        assert sum(end["probability"] for end in ends) == pytest.approx(1)
        assert answers >= set(row["answers"]) if is_sticky(name, row) else answers == set(row["answers"])
        for endpoint, sources in row["seen_source"].items():
            assert {end["source_seen"] for end in ends if end["endpoint"] == endpoint} == set(sources)


@pytest.mark.parametrize("name", recording_names())
def test_nftables_mode_differs_only_on_loopback_and_where_source_ranges_guard_a_service_without_endpoints(
    name,
):
    rows = recording(name)["packets"]
    snapshot = Snapshot.of(recording(name)["objects"])

    for row, iptables, nftables in zip(
        rows, traced(snapshot, *rows), traced(snapshot, *rows, mode="nftables"), strict=True
    ):
        ends = [
            {(e["verdict"], e["endpoint"], e["source_seen"]) for e in x["outcomes"]}
            for x in (iptables, nftables)
        ]
        codes = [{e["code"] for e in x["outcomes"]} for x in (iptables, nftables)]
        if row["to"].startswith("127.0.0.1:"):
            assert codes[1] == {"RESET"}
        elif codes[0] == {"REJECTED"} and codes[1] == {"DROPPED"}:
            assert guarded(snapshot, row["to"])
        else:
            assert ends[0] == ends[1]


def guarded(snapshot: Snapshot, target: str) -> bool:
    """Is it a load balancer's address with source ranges?"""
    return any(
        entry.get("ip") == target.rpartition(":")[0]
        for service in snapshot.list("Service")
        if service["spec"].get("loadBalancerSourceRanges")
        for entry in service["status"]["loadBalancer"].get("ingress", ())
    )


def test_a_trace_says_in_which_mode_kube_proxy_was():
    row = recording("lb-local")["packets"][0]

    (found,) = traced(Snapshot.of(recording("lb-local")["objects"]), row, events=True, mode="nftables")

    assert found["trace"]["mode"] == "nftables"
    assert any(step.get("chain") == "services" for step in found["trace"]["steps"])


@pytest.mark.parametrize("name", recording_names())
@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
def test_every_end_is_answered_refused_or_a_timeout(name, mode):
    found = traced(Snapshot.of(recording(name)["objects"]), *recording(name)["packets"], mode=mode)

    ends = [end for row in found for end in row["outcomes"]]

    assert {end["verdict"] for end in ends} <= {"answered", "refused", "timeout"}
    assert {end["verdict"] for end in ends if end["code"] in ("DENIED", "UNREACHABLE")} <= {"refused"}


def test_a_node_that_is_denied_its_own_request_is_refused():
    row = next(row for row in recording("random-1")["packets"] if set(row["answers"]) == {"errno-1"})

    (found,) = traced(Snapshot.of(recording("random-1")["objects"]), row)

    assert [(end["verdict"], end["code"]) for end in found["outcomes"]] == [("refused", "DENIED")]


def test_every_code_is_explained_in_the_commands_help(capsys):
    with pytest.raises(SystemExit):
        call_command("engine", "trace", "--help")

    text = capsys.readouterr().out
    assert not [code for code in Outcome if f" {code.value}" not in text]


def test_the_command_reads_the_list_from_standard_input(monkeypatch):
    row = recording("lb-local")["packets"][0]
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(json.dumps([row]).encode())))
    out = StringIO()

    call_command("engine", "trace", str(FOLDER / "lb-local.json"), stdout=out)

    (found,) = json.loads(out.getvalue())
    assert {answer(end) for end in found["outcomes"]} == set(row["answers"])


CLUSTER = Snapshot.of(standard_objects())


def test_a_name_is_looked_up_over_the_network_before_the_connection():
    (found,) = traced(CLUSTER, {"from": "pod shop/debug", "to": "http://web"}, events=True)

    assert [(end["verdict"], end["endpoint"]) for end in found["outcomes"]] == [("answered", "10.244.2.5:80")]
    steps = [step["kind"] for step in found["trace"]["steps"]]
    assert steps.index("lookup") < steps.index("query") < steps.index("resolved") < steps.index("end")


def test_a_broken_dns_service_breaks_names():
    broken = CLUSTER.without("EndpointSlice", ("kube-system", "kube-dns-1"))

    (found,) = traced(broken, {"from": "pod shop/debug", "to": "http://web"})

    assert [(end["verdict"], end["code"]) for end in found["outcomes"]] == [("timeout", "DNS-TIMEOUT")]


def test_a_name_that_does_not_exist_is_one_certain_end():
    (found,) = traced(CLUSTER, {"from": "pod shop/debug", "to": "nowhere.shop.svc.cluster.local."})

    assert found["outcomes"] == [
        {"verdict": "refused", "endpoint": None, "source_seen": None, "probability": 1.0, "code": "NXDOMAIN"}
    ]


def test_a_recording_without_name_server_still_knows_its_names():
    name = "http://backend-service.service-demo"
    (found,) = traced(
        Snapshot.of(recording("tutorial-steps")["objects"]), {"from": "pod default/probe-node1", "to": name}
    )

    assert {end["endpoint"] for end in found["outcomes"]} == {
        "10.244.1.4:80",
        "10.244.1.5:80",
        "10.244.2.4:80",
    }


@pytest.mark.parametrize("objects", [standard_objects(), recording("tutorial-steps")["objects"]])
@pytest.mark.parametrize("source", ["node node1", "client laptop"])
def test_nodes_and_machines_outside_do_not_ask_the_clusters_dns(source, objects):
    request = {"from": source, "to": "http://kubernetes.default.svc.cluster.local"}

    (found,) = traced(Snapshot.of(objects), request)

    assert [(end["verdict"], end["code"]) for end in found["outcomes"]] == [("refused", "NXDOMAIN")]


def test_the_same_seed_gives_the_same_trace_and_another_seed_another():
    snapshot, row = (
        Snapshot.of(recording("tutorial-steps")["objects"]),
        recording("tutorial-steps")["packets"][0],
    )

    first, again = (traced(snapshot, row, events=True) for _ in range(2))
    others = [traced(snapshot, row, events=True, seed=f"other {n}")[0]["trace"] for n in range(20)]

    assert first == again
    assert {trace["outcome"]["endpoint"] for trace in others} == set(row["answers"])


def test_with_via_the_router_hands_on_even_what_it_would_answer_as_a_load_balancer():
    objects = json.loads(json.dumps(recording("lb-source-ranges")["objects"]))
    for service in objects:
        for point in service.get("status", {}).get("loadBalancer", {}).get("ingress", ()):
            point["ipMode"] = "Proxy"
    request = {"from": "client office", "to": "203.0.113.200:80"}

    balanced, handed = traced(Snapshot.of(objects), request, request | {"via": "node1"})

    assert {end["verdict"] for end in balanced["outcomes"]} == {"answered"}
    # No rule of the node's knows the address: it sends the packet back, round and round.
    assert [(end["code"], end["endpoint"]) for end in handed["outcomes"]] == [("UNROUTED", None)]


def test_one_request_leaves_no_memory_for_the_next():
    snapshot, row = (
        Snapshot.of(recording("session-affinity")["objects"]),
        recording("session-affinity")["packets"][0],
    )

    first, second = traced(snapshot, row, row, events=True)

    assert first["outcomes"] == second["outcomes"]


REQUEST = {"from": "pod shop/debug", "to": "web"}
BAD_REQUESTS = [
    ("{", "standard input: not JSON"),
    ("{}", "standard input: expected a JSON list of requests"),
    ("[1]", "standard input: item 1 is not an object"),
    (
        [REQUEST, {}],
        'standard input: item 2: from must be "pod NAMESPACE/NAME", "node NAME" or "client ADDRESS"',
    ),
    (
        [REQUEST | {"from": "pod shop/nobody"}],
        "standard input: item 1: there is no pod shop/nobody, or it has no address",
    ),
    ([REQUEST | {"to": 3}], "standard input: item 1: to must be a URL, a name, or an address with its port"),
    ([REQUEST | {"to": "http://a b"}], "standard input: item 1: 'http://a b' names no host"),
    ([REQUEST | {"to": "web:port"}], "standard input: item 1: 'web:port' is not a URL"),
    ([REQUEST | {"protocol": "QUIC"}], "standard input: item 1: protocol must be one of TCP, UDP, SCTP"),
    ([REQUEST | {"via": "node9"}], "standard input: item 1: via is not the name of a node: node9"),
]


@pytest.mark.parametrize(("requests", "words"), BAD_REQUESTS)
def test_a_bad_request_is_refused_in_one_line(requests, words):
    text = requests if isinstance(requests, str) else json.dumps(requests)

    with pytest.raises(BadFile) as refused:
        trace_text(CLUSTER, text, events=False, seed="test")

    assert str(refused.value).startswith(words)
    assert "\n" not in str(refused.value)
