"""When a lamp turns green, and what it says while it does not."""

from dataclasses import replace

import pytest

from svclab.kube.snapshot import Snapshot
from svclab.lessons.checks import CheckError, Evidence, evaluate, target_of, uids, validate, value_at


def pod(name, ip, app, phase="Running"):
    return {
        "kind": "Pod",
        "metadata": {"namespace": "shop", "name": name, "labels": {"app": app}},
        "status": {"phase": phase, "podIP": ip},
    }


def endpoint_slice(service, *addresses, ready=True):
    return {
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": "shop",
            "name": f"{service}-abcde",
            "labels": {"kubernetes.io/service-name": service},
        },
        "endpoints": [{"addresses": [a], "conditions": {"ready": ready}} for a in addresses],
    }


def service(name, **spec):
    return {"kind": "Service", "metadata": {"namespace": "shop", "name": name}, "spec": spec}


def trace(code="OK", endpoint="10.244.1.4:80", source="pod/shop/client", target="http://web", steps=()):
    outcome = {"code": code, "endpoint": endpoint, "source_seen": "10.244.1.9", "words": "hello"}
    return {"source": source, "target": target, "steps": list(steps), "outcome": outcome}


def evidence(*objects, traces=(), predictions=None, answers=()):
    queue = list(answers)
    return Evidence(
        Snapshot.of(objects), tuple(traces), predictions or {}, lambda *_: queue * 1 if queue else [trace()]
    )


def test_an_object_is_found_by_its_fields():
    what = {"kind": "Service", "namespace": "shop", "name": "web", "where": {"spec.ports[0].port": 80}}
    assert evaluate("object", what, evidence(service("web", ports=[{"port": 80}]))).green
    red = evaluate("object", what, evidence(service("web", ports=[{"port": 81}])))
    assert (red.green, red.found) == (False, "Service web: spec.ports[0].port is 81.")
    assert evaluate("object", what, evidence()).found == "There is no Service web in shop yet."


def test_a_number_that_a_status_leaves_out_is_zero():
    what = {"kind": "Service", "namespace": "shop", "name": "web", "where": {"status.ready": 3}}
    assert evaluate("object", what, evidence(service("web"))).found == "Service web: status.ready is 0."


@pytest.mark.parametrize(
    ("wanted", "green"),
    [(3, True), ({"in": [2, 3]}, True), ({"min": 4}, False), ({"max": 3}, True), ({"exists": False}, False)],
)
def test_a_field_is_compared_as_the_check_says(wanted, green):
    item = service("web", n=3)
    what = {"kind": "Service", "name": "web", "where": {"spec.n": wanted}}
    assert evaluate("object", what, evidence(item)).green is green


def test_slices_must_be_exactly_the_selected_pods():
    pods = [pod("a", "10.244.1.4", "web"), pod("b", "10.244.2.5", "web"), pod("c", "10.244.1.6", "other")]
    pods.append(service("web", selector={"app": "web"}))
    what = {"service": "shop/web", "selector": "app=web"}
    good = evidence(*pods, endpoint_slice("web", "10.244.1.4", "10.244.2.5"))
    one_too_many = evidence(*pods, endpoint_slice("web", "10.244.1.4", "10.244.2.5", "10.244.1.6"))
    not_ready = evidence(*pods, endpoint_slice("web", "10.244.1.4", "10.244.2.5", ready=False))
    assert evaluate("slices", what, good).green
    assert not evaluate("slices", what, one_too_many).green
    assert evaluate("slices", what, not_ready).found == "web has no ready endpoint."


def test_endpoints_written_by_hand_are_nobodys_pods():
    what = {"service": "shop/web", "selector": "app=web"}
    by_hand = evidence(service("web"), pod("a", "10.244.1.4", "web"), endpoint_slice("web", "10.244.1.4"))
    assert evaluate("slices", what, by_hand).found == (
        "web has no selector: nobody keeps its endpoints up to date."
    )
    assert evaluate("slices", what, evidence()).found == "There is no Service web in shop yet."


def test_of_several_objects_one_may_be_enough():
    some = {"kind": "Service", "namespace": "shop", "some": True, "where": {"spec.n": 1}}
    assert evaluate("object", some, evidence(service("a", n=1), service("b", n=2))).green
    assert evaluate("object", some, evidence(service("b", n=2))).found == "No such Service in shop yet."
    assert not evaluate(
        "object", some | {"some": False}, evidence(service("a", n=1), service("b", n=2))
    ).green


def test_what_is_to_be_kept_must_be_the_same_object():
    what = {"kind": "Service", "namespace": "shop", "name": "web"}
    web, again = service("web"), service("web")
    web["metadata"]["uid"], again["metadata"]["uid"] = "u1", "u2"
    kept = uids([what], Snapshot.of([web]))
    assert evaluate("keep", what, replace(evidence(web), kept=kept)).green
    assert "deleted and made again" in evaluate("keep", what, replace(evidence(again), kept=kept)).found
    assert evaluate("keep", what, replace(evidence(), kept=kept)).found == (
        "There is no Service web in shop any more."
    )


def test_a_probe_says_where_the_packet_died():
    death = {"kind": "death", "host": "node/node1", "where": "filter KUBE-SERVICES", "packet": None}
    what = {"from": "pod shop/app=web", "to": "http://web", "code": "OK"}
    client = pod("a", "10.244.1.4", "web")
    red = evaluate("probe", what, evidence(client, answers=[trace("REJECTED", None, steps=[death])]))
    assert "REJECTED at node/node1, filter KUBE-SERVICES" in red.found
    assert red.trace is not None


def test_a_probe_counts_backends_and_asks_for_the_source_seen():
    client = pod("a", "10.244.1.4", "web")
    what = {"from": "pod shop/a", "to": "http://web", "code": "OK", "times": 2, "backends": 2}
    same, other = [trace(), trace()], [trace(), trace(endpoint="10.244.2.5:80")]
    assert not evaluate("probe", what, evidence(client, answers=same)).green
    assert evaluate("probe", what, evidence(client, answers=other)).green
    what = {"from": "pod shop/a", "to": "http://web", "code": "OK", "source": "192.0.2.50"}
    assert "10.244.1.9" in evaluate("probe", what, evidence(client, answers=same)).found


def test_a_probe_waits_for_an_address_and_for_a_pod():
    what = {"from": "client laptop", "to": "http://{Service/shop/web:status.ip}", "code": "OK"}
    assert evaluate("probe", what, evidence(service("web"))).found == "There is no address to probe yet."
    what = {"from": "pod shop/app=web", "to": "http://web", "code": "OK"}
    assert "no running pod" in evaluate("probe", what, evidence(pod("a", "", "web", phase="Pending"))).found


def test_a_path_names_chains_nats_hosts_and_destinations():
    steps = [
        {"kind": "rule", "host": "node/node1", "chain": "KUBE-EXT-ABC", "packet": {"dst": "192.168.64.10"}},
        {"kind": "nat", "host": "node/node1", "action": "MASQUERADE", "packet": {"dst": "10.244.1.4"}},
    ]
    base = {"from": "client laptop", "to": "http://192.168.64.10:30001"}
    seen = evidence(service("web", clusterIP="10.96.1.1"), answers=[trace(steps=steps)])
    assert evaluate("path", base | {"passes": ["chain KUBE-EXT", "nat MASQUERADE"]}, seen).green
    assert evaluate("path", base | {"avoids": ["dst {Service/shop/web:spec.clusterIP}"]}, seen).green
    assert not evaluate("path", base | {"avoids": ["dst 10.244.1.4"]}, seen).green
    assert not evaluate("path", base | {"passes": ["host node/node2"]}, seen).green


def test_seen_counts_the_learners_own_traffic():
    traces = [trace(), trace("RESET", None), trace(endpoint="10.244.2.5:80"), trace(endpoint="10.244.2.5:80")]
    both = evidence(traces=traces)
    assert evaluate("seen", {"code": "RESET"}, both).green
    assert evaluate("seen", {"code": ["DROPPED", "RESET"], "from": "^pod/shop"}, both).green
    assert evaluate("seen", {"code": "OK", "times": 3, "distinct": 2, "same_twice": True}, both).green
    assert not evaluate("seen", {"code": "OK", "times": 4}, both).green
    assert not evaluate("seen", {"target": "^http://db"}, both).green
    assert not evaluate("seen", {"step": {"kind": "nat"}}, both).green
    assert not evaluate("seen", {"endpoint": "^192"}, both).green


def test_seen_says_what_came_nearest():
    assert evaluate("seen", {"code": "DROPPED"}, evidence()).found == "No such request among yours yet."
    mine = evidence(traces=[trace(), trace("RESET", None)])
    assert evaluate("seen", {"code": "DROPPED", "target": "web"}, mine).found == (
        "Not seen yet. Your latest, from client to http://web, ended with RESET."
    )
    assert evaluate("seen", {"code": "OK", "times": 2}, mine).found == "Seen 1 of 2 so far."


def test_a_target_may_have_to_have_answered_before():
    what = {"code": "UNROUTED", "answered_before": True}
    lost = trace("UNROUTED", None, target="http://10.244.1.4")
    answered = trace(target="http://10.244.1.4")
    assert evaluate("seen", what, evidence(traces=[answered, lost])).green
    assert not evaluate("seen", what, evidence(traces=[lost, answered])).green
    assert not evaluate("seen", what, evidence(traces=[trace(), lost])).green


def test_a_prediction_counts_whatever_it_was():
    assert evaluate("predict", {"step": "first"}, evidence(predictions={"first": 0})).green
    assert not evaluate("predict", {"step": "first"}, evidence(predictions={"second": 1})).green


def test_a_flow_may_have_to_come_after_another():
    what = {"code": "OK", "after": {"code": "RESET"}}
    assert evaluate("seen", what, evidence(traces=[trace("RESET", None), trace()])).green
    assert not evaluate("seen", what, evidence(traces=[trace(), trace("RESET", None)])).green


def test_an_endpoint_may_be_an_objects_address():
    what = {"endpoint": "^{Pod/shop/a:status.podIP}:"}
    assert evaluate("seen", what, evidence(pod("a", "10.244.1.4", "web"), traces=[trace()])).green
    assert not evaluate("seen", what, evidence(pod("a", "10.244.1.40", "web"), traces=[trace()])).green
    assert not evaluate("seen", what, evidence(traces=[trace()])).green


def test_a_probe_may_ask_for_what_was_answered():
    what = {"from": "client laptop", "to": "http://web", "code": "OK", "words": "200 OK"}
    assert evaluate("probe", what, evidence(answers=[trace()])).found == "10.244.1.4:80 answered hello."
    assert evaluate("probe", what | {"words": "hello"}, evidence(answers=[trace()])).green


def test_a_path_into_an_object_knows_lists_and_keys_with_dots():
    manifest = {"metadata": {"labels": {"kubernetes.io/os": "linux"}}, "spec": {"ports": [{"port": 80}]}}
    assert value_at(manifest, "spec.ports[0].port") == 80
    assert value_at(manifest, "spec.ports[1].port") is None
    assert value_at(manifest, 'metadata.labels["kubernetes.io/os"]') == "linux"


def test_a_target_may_name_the_first_object_with_a_label():
    snapshot = Snapshot.of([pod("a", "10.244.1.4", "web")])
    assert target_of("http://{Pod/shop/@app=web:status.podIP}:80", snapshot) == "http://10.244.1.4:80"
    assert target_of("http://{Pod/shop/@app=db:status.podIP}", snapshot) is None


def test_a_check_of_the_wrong_shape_is_refused():
    with pytest.raises(CheckError, match="does not know 'form'"):
        validate("probe", {"form": "x"})


SHAKE = {"namespace": "shop", "from": "pod shop/app=client", "to": "http://web", "code": "OK"}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("OK", "It held in a copy of your cluster, with every pod replaced."),
        (
            "REJECTED",
            "In a copy of your cluster we replaced every pod by an update. "
            "Then: http://web from pod/shop/client: REJECTED.",
        ),
    ],
)
def test_a_shaken_copy_is_probed_instead_of_the_cluster(code, found):
    copy = evidence(pod("client", "10.244.1.7", "client"), answers=[trace(code)])
    shaken = replace(evidence(), shaken=lambda namespace: {"shop": copy}[namespace])
    result = evaluate("shake", SHAKE, shaken)
    assert (result.green, result.found, result.trace) == (code == "OK", found, None)
