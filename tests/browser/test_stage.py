"""The stage and the trace player, as a learner uses them."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.stage_page import send, to_end


def test_a_request_is_sent_by_two_presses_on_the_stage(visit, played):
    page = visit()
    page.click("[data-host='pod/hello/visitor']")
    page.get_by_role("button", name="Send from here").click()
    expect(page.locator("#send-hint")).to_contain_text("now tap a receiver")
    page.click("[data-host='service/hello/web']")
    expect(page.locator("#send-to")).to_have_value("http://web")
    to_end(page, played)
    expect(page.locator("#verdict")).to_contain_text("answered")


def test_who_only_looks_sends_nothing_and_can_let_go(visit):
    page = visit()
    page.click("[data-host='pod/hello/visitor']")
    expect(page.locator("#card")).to_be_visible()
    page.click("[data-host='service/hello/web']")
    expect(page.locator("#card h3")).to_have_text("web")
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()
    assert page.evaluate("document.activeElement.dataset.host") == "service/hello/web"
    page.keyboard.press("s")
    page.focus("[data-host='pod/hello/visitor']")
    page.keyboard.press("s")
    expect(page.locator(".chosen")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".chosen")).to_have_count(0)
    page.click("[data-host='pod/hello/visitor']")
    page.click("#stage-frame", position={"x": 6, "y": 6})
    expect(page.locator("#card")).to_be_hidden()
    expect(page.locator("html.has-trace")).to_have_count(0)


def test_a_nodes_gate_opens_on_the_rules_that_the_packet_met_there(visit, played):
    page = visit()
    send(page, "http://web")
    to_end(page, played)
    node = page.locator(".node.on-path").first
    name = node.get_attribute("data-node").removeprefix("node/")
    node.locator(".box").click(position={"x": 20, "y": 40})
    page.get_by_role("button", name="See its rules").click()
    expect(page.locator("#tab-rules")).to_be_focused()
    expect(page.locator("#pane-rules .lead")).to_contain_text(f"The rules of {name}")


def test_the_list_of_requests_does_not_give_an_end_away_that_is_not_seen(visit, played):
    page = visit(still=True)
    send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.click("#tab-requests")
    row = page.locator(".request-list li").first
    expect(row).to_contain_text("under way")
    expect(row.locator(".who")).to_be_empty()
    to_end(page, played)
    expect(row).to_contain_text("✓ OK")


def test_a_request_is_sent_with_keys_alone(visit, played):
    page = visit()
    page.focus("[data-host='pod/hello/visitor']")
    page.keyboard.press("s")
    page.focus("[data-host='service/hello/web']")
    page.keyboard.press("d")
    to_end(page, played)
    expect(page.locator("#verdict")).to_contain_text("answered")


def test_arrow_keys_move_between_neighbours_of_the_stage(visit):
    page = visit()
    page.focus("[data-host='client/laptop']")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.host") == "client/office"
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.dataset.host") == "client/laptop"


def test_at_the_nat_the_old_destination_is_struck_out_on_the_envelope(visit):
    page = visit()
    send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    old, new = page.locator(".envelope .old:not(:empty)"), page.locator(".envelope .fresh .new")
    expect(old).to_have_text("10.96.0.10:53")
    expect(new).to_have_text(re.compile(r"^10\.244\.\d+\.\d+:53$"))
    expect(page.locator("#pane-why .lead")).to_contain_text("Destination rewritten from 10.96.0.10:53")
    page.click("#tab-header")
    expect(page.locator(".header-table tr.changed")).to_contain_text("to address")


def test_every_rule_that_was_compared_is_listed_with_the_reason_of_its_miss(visit):
    page = visit()
    send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    page.click("#tab-rules")
    page.locator(".misses").evaluate_all("all => all.forEach(item => { item.open = true; })")
    expect(page.locator("#pane-rules .rule.hit").first).to_be_visible()
    reasons = page.locator("#pane-rules .rule.miss .gloss").all_inner_texts()
    assert any(re.search(r"is not", reason) for reason in reasons), reasons
    expect(page.locator("#pane-rules .rule.hit .origin").first).to_contain_text("from")


def test_beneath_the_stage_stands_in_plain_words_what_happens(visit, played):
    page = visit()
    send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Home")  # and there it stands
    expect(page.locator("#verdict .caption")).to_contain_text("visitor knows only a name, “web”")
    to_end(page, played)
    expect(page.locator("#verdict .caption")).to_contain_text("It saw the request come from 10.244.")


def test_what_is_open_in_the_inspector_is_scrolled_to_the_present_event(visit, played):
    page = visit(still=True)
    send(page, "http://web")
    to_end(page, played)
    for tab in ("events", "transcript"):
        page.click(f"#tab-{tab}")
        expect(page.locator(f"#pane-{tab} [aria-current=true]")).to_be_in_viewport()


def _drawn(page):
    """The trace as it is drawn; what flies past it belongs to other requests."""
    return page.locator(".layer-overlay > :not(.flights)").evaluate_all(
        "all => all.map(one => one.outerHTML)"
    )


def test_back_restores_exactly_what_was_shown(visit):
    page = visit()
    send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    page.click("#player-size button[value='event']")
    before, step = _drawn(page), page.locator("#player-step").inner_text()
    page.click("#player-forward")
    expect(page.locator("#player-play")).to_have_attribute("aria-label", "Play")
    expect(page.locator("#player-step")).not_to_have_text(step)
    assert _drawn(page) != before
    page.click("#player-back")
    expect(page.locator("#player-step")).to_have_text(step)
    assert _drawn(page) == before


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("http://nothing-here", "NXDOMAIN", "Could not resolve host"),
        ("10.244.1.250:80", None, None),
        ("10.96.0.10:81", None, None),
    ],
)
def test_a_failed_request_shows_where_it_died_and_what_the_client_prints(visit, played, target, code, words):
    page = visit()
    send(page, target)
    to_end(page, played)
    tag = page.locator("#verdict .tag.dead")
    expect(tag).to_be_visible()
    if code:
        expect(tag).to_have_text(f"✗ {code}")
        expect(page.locator("#verdict")).to_contain_text(words)
    expect(page.locator(".grave-card .ask")).to_contain_text("Ask next")
    expect(page.locator("#pane-why .words")).not_to_be_empty()


def test_the_transcript_tells_the_whole_trace_in_sentences(visit, played):
    page = visit()
    send(page, "http://web")
    to_end(page, played)
    page.click("#tab-transcript")
    lines = page.locator("#pane-transcript li").all_inner_texts()
    total = int(page.locator("#player-step").inner_text().split("/")[1])
    assert len(lines) == total
    assert "needs an address for “web”" in lines[0]
    assert lines[-1].startswith("Answered by 10.244.")


def test_the_live_region_speaks_the_sentence_of_the_step(visit):
    page = visit()
    send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    expect(page.locator("#narrator")).to_contain_text("Destination rewritten")


def test_with_reduced_motion_nothing_plays_by_itself_and_forward_steps(visit):
    page = visit(still=True)
    send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    expect(page.locator("#player-play")).to_have_attribute("aria-label", "Play")
    expect(page.locator("#player-step")).to_have_text(re.compile(r"^1 / "))
    page.click("#player-forward")
    expect(page.locator("#player-step")).not_to_have_text(re.compile(r"^1 / "))
    assert page.evaluate("document.getAnimations().filter(a => a.playState === 'running').length") == 0


def test_names_from_manifests_stay_text(visit):
    page = visit()
    send(page, "http://<img/src=x/onerror=alert(1)>")
    page.wait_for_timeout(1000)
    assert page.locator("main img, .toasts img").count() == 0


def test_a_command_in_the_terminal_is_seen_on_the_stage_and_can_be_replayed(visit, played):
    page = visit()
    page.click("#terminals")
    page.keyboard.type("kubectl exec -n hello visitor -- curl -s http://web\n")
    expect(page.locator("#terminals")).to_contain_text("Welcome to nginx!")
    expect(page.locator("#brace button")).to_have_text("{ DNS 2 · TCP 1 }")
    page.click("#player-last")
    played(page)
    page.click("#brace button")
    expect(page.locator("html.at-end")).to_have_count(0)
    expect(page.locator("#player-play")).to_have_attribute("aria-label", "Pause")


CURL = "kubectl exec -n hello visitor -- curl -s -o /dev/null -w done http://web"


def _types(page, line, shows):
    page.click("#terminals")
    page.keyboard.type(f"{line}\n")
    expect(page.locator("#terminals")).to_contain_text(shows)


def _row_of(page, locator, text):
    """Distance in pixels between an element and the terminal's row that holds a text."""
    row = page.locator("#terminals .xterm-rows > div", has_text=text).first.bounding_box()
    return locator.bounding_box()["y"] - row["y"]


def test_beside_each_command_stands_what_it_sent_and_a_press_replays_it(visit, played):
    page = visit()
    _types(page, "kubectl get pods -n hello", "visitor")
    _types(page, CURL, "done")
    braces = page.locator("#terminals .line-brace")
    expect(braces).to_have_text(["{ DNS 2 · TCP 1 }"])
    assert abs(_row_of(page, braces.first, "curl -s -o")) < 3
    first = braces.first.get_attribute("data-brace")
    page.keyboard.type("c() { kubectl exec -n hello visitor -- curl -s -o /dev/null http://web; }\n")
    page.keyboard.type("c; c\n")
    expect(braces).to_have_text(["{ DNS 2 · TCP 1 }", "{ DNS 4 · TCP 2 }"])
    page.click("#player-last")
    played(page)
    braces.first.click()
    page.wait_for_function("document.documentElement.classList.contains('has-trace')")
    expect(braces.first).to_have_class(re.compile(r"\blit\b"))
    expect(braces.nth(1)).not_to_have_class(re.compile(r"\blit\b"))
    expect(page.locator("#player-play")).to_have_attribute("aria-label", "Pause")
    assert first == braces.first.get_attribute("data-brace")


def test_the_line_that_caused_the_packet_on_the_stage_is_lit(visit):
    page = visit(still=True)
    _types(page, CURL, "done")
    lit = page.locator("#terminals .line-lit")
    expect(lit).to_have_count(1)
    assert abs(_row_of(page, lit, "curl -s -o")) < 3
    send(page, "http://web")
    expect(lit).to_have_count(0)
    page.locator("#terminals .line-brace").click()
    expect(lit).to_have_count(1)


def test_a_brace_scrolls_with_its_line_and_keys_find_it_again(visit):
    page = visit(still=True)
    _types(page, CURL, "done")
    brace = page.locator("#terminals .line-brace")
    before = brace.bounding_box()["y"]
    _types(page, "for i in {1..80}; do echo line $i; done", "line 80")
    expect(brace).to_be_hidden()
    page.keyboard.press("Control+Shift+ArrowUp")
    expect(brace).to_be_visible()
    assert abs(_row_of(page, brace, "curl -s -o")) < 3
    assert before > 0
    send(page, "http://web")
    expect(page.locator("#terminals .line-lit")).to_have_count(0)
    page.click("#terminals .xterm-screen", position={"x": 5, "y": 60})
    page.keyboard.press("Control+Shift+Enter")
    expect(page.locator("#terminals .line-lit")).to_have_count(1)


def test_a_line_that_the_page_runs_gets_its_brace_too(visit):
    page = visit(still=True)
    page.evaluate(
        """async (line) => {
          const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
          const { workspace } = await import(loaded.find((name) => /\\/workspace(\\.[0-9a-f]+)?\\.js$/.test(name)));
          await workspace.runCommand(line);
        }""",
        CURL,
    )
    expect(page.locator("#terminals .line-brace")).to_have_text(["{ DNS 2 · TCP 1 }"])


def test_a_port_forward_is_seen_to_go_past_the_service(visit, played):
    page = visit(still=True)
    _types(page, "kubectl port-forward -n hello svc/web 8080:80 > /dev/null &", "[1]")
    _types(page, "sleep 1; curl -s -o /dev/null -w done%{http_code} localhost:8080", "done200")
    page.click("#tab-requests")
    tunnelled = page.locator(".request-list li", has_text="port-forward")
    expect(tunnelled).to_have_count(1)
    tunnelled.get_by_role("button").click()
    expect(tunnelled).to_have_attribute("aria-current", "true")
    to_end(page, played)
    expect(page.locator(".hop.tunnel")).to_have_count(6)
    expect(page.locator(".service.lit")).to_have_count(0)
    expect(page.locator(".pod.answered")).to_have_count(1)
    page.click("#tab-why")
    expect(page.locator("#pane-why")).to_contain_text("No Service was on this way")


def test_after_exit_any_key_begins_a_new_shell(visit):
    page = visit()
    page.click("#terminals")
    page.keyboard.type("exit\r")
    expect(page.locator("#terminals")).to_contain_text("any key begins a new one")
    page.keyboard.type("echo back$((40+2))\r")
    expect(page.locator("#terminals")).to_contain_text("back42")


def test_escape_twice_leaves_the_terminal(visit):
    page = visit()
    page.click("#terminals")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.activeElement.closest('.xterm')")


def test_a_service_that_nobody_stands_behind_says_so(visit):
    page = visit()
    page.click("#terminals")
    page.keyboard.type("kubectl create service clusterip lonely --tcp 80\n")
    badge = page.locator("[data-host='service/default/lonely'] .badge")
    expect(badge).to_be_visible()
    expect(badge).to_have_text("0 ready")
    expect(page.locator("[data-host='service/hello/web'] .badge")).to_be_hidden()


def test_a_stage_larger_than_its_frame_follows_the_packet(visit):
    page = visit(size=(1000, 560), still=True)
    send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.evaluate("document.activeElement.blur()")
    page.click("#player-size button[value='packet']")
    for _ in range(4):
        page.click("#player-forward")
        expect(page.locator(".envelope .shape")).to_be_in_viewport(ratio=0.9)
