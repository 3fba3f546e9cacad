"""The page's websocket, from outside: who may open it, what it tells, and what it refuses."""

import contextlib
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed

ASK = {"source": "pod/hello/visitor", "target": "http://web"}


def _names(objects, kind):
    return {item["metadata"]["name"] for item in objects if item["kind"] == kind}


def _closed(socket):
    """The code with which the server closes, after whatever else it says."""
    try:
        while True:
            socket.recv(timeout=10)
    except ConnectionClosed as closed:
        return closed.rcvd.code


def test_a_new_page_is_told_the_whole_cluster(alice):
    state = alice.page().expect("state")
    assert _names(state["objects"], "Node") == {"control-plane", "node1", "node2"}
    assert {"kube-dns", "kubernetes", "web"} <= _names(state["objects"], "Service")
    assert (state["mode"], state["clock"]["paused"], state["fresh"]) == ("iptables", False, False)


def test_only_a_page_of_our_own_origin_with_a_cookie_of_ours_is_let_in(alice, line):
    assert _closed(line(cookie=alice.cookie, origin="https://evil.example")) == 4003
    assert _closed(line()) == 4003
    assert _closed(line(cookie="svclab_learner=made-up")) == 4003


def test_another_learner_sees_and_touches_nothing_of_a_cluster(alice, bob):
    hers, his = alice.page(), bob.page()
    hers.expect("state")
    his.expect("state")
    hers.send("apply", yaml="apiVersion: v1\nkind: Namespace\nmetadata: {name: only-alices}\n", name="a.yaml")
    hers.expect("objects", lambda m: "only-alices" in _names(m["changed"], "Namespace"))
    his.send("clock", action="step", value=0)
    his.expect("clock")
    assert not any("only-alices" in json.dumps(message) for message in his.seen)
    hers.send("send", **ASK, request="q1")
    number = hers.expect("trace")["trace"]["id"]
    his.send("trace.get", id=number)
    assert "no longer stored" in his.expect("error")["message"]


def test_a_request_comes_back_as_a_whole_trace_to_every_page_of_the_learner(alice):
    first, second = alice.page(), alice.page()
    first.expect("state")
    second.expect("state")
    first.send("send", **ASK, request="q7")
    came = first.expect("trace")
    assert came["request"] == "q7"
    assert came["trace"]["outcome"]["code"] == "OK"
    assert came["trace"]["steps"][-1]["kind"] == "end"
    assert second.expect("trace")["trace"] == came["trace"]


def test_numbers_of_messages_only_grow(alice):
    page = alice.page()
    page.expect("state")
    for number in range(3):
        page.send("send", **ASK, request=f"q{number}")
        page.expect("trace")
    numbers = [message["seq"] for message in page.seen]
    assert numbers == sorted(set(numbers))


def test_a_page_that_comes_back_gets_what_it_missed_and_nothing_twice(alice):
    page = alice.page()
    state = page.expect("state")
    page.socket.close()
    other = alice.page()
    other.expect("state")
    other.send("apply", yaml="apiVersion: v1\nkind: Namespace\nmetadata: {name: missed}\n", name="a.yaml")
    other.expect("objects", lambda m: "missed" in _names(m["changed"], "Namespace"))
    other.send("send", **ASK)
    number = other.expect("trace")["trace"]["id"]
    back = alice.page(last_seq=1000, life=state["life"], rv=state["rv"], trace=number - 1)
    changes = back.expect("objects")
    assert "missed" in _names(changes["changed"], "Namespace")
    assert back.expect("trace")["trace"]["id"] == number
    assert all(message["seq"] > 1000 for message in back.seen)
    assert not any(message["type"] == "state" for message in back.seen)


def test_after_a_reset_every_page_is_told_of_another_cluster(alice):
    page = alice.page()
    before = page.expect("state")
    page.send("apply", yaml="apiVersion: v1\nkind: Namespace\nmetadata: {name: old}\n", name="a.yaml")
    page.expect("objects", lambda m: "old" in _names(m["changed"], "Namespace"))
    started = time.monotonic()
    page.send("reset")
    after = page.expect("state")
    assert time.monotonic() - started < 10  # `make bench` measures it; this catches a page that is forgotten
    assert (after["fresh"], after["life"] != before["life"]) == (True, True)
    assert "old" not in _names(after["objects"], "Namespace")


def test_time_passes_in_a_cluster_that_somebody_looks_at(alice):
    page = alice.page()
    page.expect("state")
    page.send("clock", action="rate", value=10)
    page.send("delete", kind="Pod", namespace="hello", name="visitor")
    page.expect("objects", lambda m: "visitor" in _names(m["deleted"], "Pod"), seconds=30)


def test_a_paused_clock_stands_still_until_it_is_stepped(alice):
    page = alice.page()
    page.expect("state")
    page.send("clock", action="pause")
    first = page.expect("clock", lambda m: m["paused"])["now"]
    page.send("clock", action="step", value=30)
    second = page.expect("clock", lambda m: m["paused"] and m["now"] != first)["now"]
    assert second > first


def test_the_proxy_mode_is_a_switch_of_the_cluster_and_its_traces(alice):
    page = alice.page()
    page.expect("state")
    page.send("mode", mode="nftables")
    assert page.expect("clock")["mode"] == "nftables"
    page.send("clock", action="step", value=3)
    page.send("send", **ASK)
    assert page.expect("trace")["trace"]["mode"] == "nftables"


@pytest.mark.parametrize(
    "text", ["nonsense", '{"type": "nothing"}', '{"type": "send"}', "[]", '{"type": "mode", "mode": "x"}']
)
def test_a_malformed_message_gets_an_error_and_changes_nothing(alice, text):
    page = alice.page()
    rv = page.expect("state")["rv"]
    page.socket.send(text)
    assert "does not understand" in page.expect("error")["message"]
    assert alice.page().expect("state")["rv"] == rv


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"source": "pod/hello/nobody", "target": "http://web"}, "not there"),
        ({"source": "pod/hello/visitor", "target": "http://"}, "names no host"),
        ({"source": "pod/hello/visitor", "target": "http://web:99999999"}, "not a URL"),
    ],
)
def test_a_request_that_cannot_be_made_is_refused_with_the_reason(alice, request_, words):
    page = alice.page()
    page.expect("state")
    page.send("send", **request_, request="q1")
    refusal = page.expect("error")
    assert words in refusal["message"]
    assert refusal["request"] == "q1"


def test_a_message_over_64_kib_ends_the_connection(alice):
    page = alice.page()
    page.expect("state")
    page.send("apply", yaml="#" * 70_000, name="big.yaml")
    assert _closed(page.socket) == 4009


def test_more_than_fifty_messages_a_second_end_the_connection(alice):
    page = alice.page()
    page.expect("state")
    with contextlib.suppress(ConnectionClosed):
        for _ in range(200):
            page.send("trace.get", id=1)
    assert _closed(page.socket) == 4008


def test_a_terminal_takes_keys_and_shows_what_its_commands_print(alice):
    page = alice.page()
    page.expect("state")
    page.send("term.open", session="t1", rows=24, cols=100)
    page.expect("term.output", lambda m: "$" in m["data"])
    page.send("term.run", session="t1", line="kubectl get nodes -o name", id="r1")
    done = page.expect("term.done")
    shown = "".join(message["data"] for message in page.seen if message["type"] == "term.output")
    assert "node/control-plane\r\nnode/node1\r\nnode/node2\r\n" in shown
    assert (done["id"], done["status"], done["flows"]) == ("r1", 0, [])


def test_a_command_tells_which_requests_it_caused(alice):
    page = alice.page()
    page.expect("state")
    page.send("term.open", session="t1")
    page.send("term.run", session="t1", line="kubectl exec -n hello visitor -- curl -s http://web", id="r2")
    done = page.expect("term.done")
    came = [message for message in page.seen if message["type"] == "trace"] or [page.expect("trace")]
    trace = came[0]["trace"]
    assert [flow["id"] for flow in done["flows"]] == [trace["id"]]
    assert done["flows"][0]["dns"] == 2


def test_a_new_terminal_knows_the_lines_that_were_just_typed_in_another(alice):
    page = alice.page()
    page.expect("state")
    page.send("term.open", session="t1")
    page.send("term.run", session="t1", line="echo remem''ber", id="r1")
    page.expect("term.done")
    page.send("term.open", session="t2")
    page.send("term.run", session="t2", line="history", id="r2")
    page.expect("term.done", lambda message: message["id"] == "r2")
    shown = "".join(m["data"] for m in page.seen if m["type"] == "term.output" and m["session"] == "t2")
    assert "1  echo remem''ber" in shown


def test_a_ninth_terminal_is_refused(alice):
    page = alice.page()
    page.expect("state")
    for number in range(9):
        page.send("term.open", session=f"t{number}")
    assert "8 terminals" in page.expect("error")["message"]


def test_a_manifest_is_applied_document_by_document_and_errors_name_their_line(alice):
    page = alice.page()
    page.expect("state")
    good = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: fine\n"
    bad = "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\nspec:\n  ports:\n  - port: 99999\n"
    page.send("apply", yaml=f"{good}---\n{bad}", name="two.yaml")
    applied = page.expect("applied")
    first, second = applied["results"]
    assert first["message"] == "namespace/fine created"
    assert "must be between 1 and 65535, inclusive" in second["error"]
    assert second["line"] == 12


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: !!python/object/apply:os.system ['true']",
        "\x00",
        "kind: Nothing\napiVersion: v1\nmetadata: {name: x}",
        "- a\n- b",
        "",
        "a: &a [x,x]\n"
        + "".join(
            f"{b}: &{b} [*{a},*{a}]\n"
            for a, b in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True)
        ),
    ],
)
def test_bad_yaml_gets_a_message_and_changes_nothing(alice, text):
    page = alice.page()
    rv = page.expect("state")["rv"]
    page.send("apply", yaml=text, name="bad.yaml")
    results = page.expect("applied")["results"]
    assert all(result["error"] for result in results)
    assert results
    assert alice.page().expect("state")["rv"] == rv


def test_the_api_log_tells_what_kubectl_asked(alice):
    page = alice.page()
    page.expect("state")
    page.send("term.open", session="t1")
    page.send("term.run", session="t1", line="kubectl get svc -n hello", id="r1")
    entry = page.expect("api", lambda m: "/services" in m["entries"][0]["path"])["entries"][0]
    assert (entry["verb"], entry["path"].split("?")[0], entry["status"]) == (
        "GET",
        "/api/v1/namespaces/hello/services",
        200,
    )


def test_the_servers_log_has_no_error(server):
    assert "Traceback" not in server.log
