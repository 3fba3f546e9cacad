"""The stage and the trace player, as a learner uses them."""

import re

import pytest
from playwright.sync_api import expect

NARROW = (390, 844)
SIZES = [(1400, 900), NARROW]
ALL_SIZES = [(1920, 1080), (1400, 900), (1100, 800), (1000, 768), (768, 1024), NARROW, (360, 740)]


def _send(page, target, source="visitor"):
    page.select_option("#send-from", label=source)
    page.fill("#send-to", target)
    page.click("#send button[type=submit]")


def _to_end(page, played):
    page.wait_for_selector("html.has-trace", state="attached")
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("End")
    played(page)


def test_a_newcomer_guesses_plays_sends_ten_more_and_removes_a_pod(visit, played):
    page = visit()
    expect(
        page.get_by_role("heading", name="Three copies of one program. Which one answers?")
    ).to_be_visible()
    expect(page.locator(".guess")).to_have_count(3)
    page.locator(".guess").nth(0).click()
    expect(page.locator(".guess").nth(0)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Play", exact=True).first.click()
    played(page)
    expect(page.locator("#verdict")).to_contain_text("answered")
    expect(page.locator("#welcome-note")).to_contain_text("answered.")
    expect(page.locator(".pod.answered")).to_have_count(1)
    page.locator("#welcome-actions").get_by_text("Send 10 more").click()
    expect(page.locator("#histogram .note")).to_contain_text("11 answers")
    pods = page.locator(".pod[data-host^='pod/hello/web']")
    before = set(pods.evaluate_all("all => all.map(pod => pod.dataset.host)"))
    page.get_by_role("button", name=re.compile("^Remove .*answered most")).click()
    expect(page.locator("#welcome-note")).to_contain_text("You just used a Service.")
    page.wait_for_timeout(1000)
    page.click("#clock-rate button[value='10']")
    expect(page.locator(".pod.terminating")).to_have_count(0)
    expect(page.locator(".pod.ready[data-host^='pod/hello/web']")).to_have_count(3)
    assert set(pods.evaluate_all("all => all.map(pod => pod.dataset.host)")) != before


def test_a_request_is_sent_by_two_presses_on_the_stage(visit, played):
    page = visit()
    page.click("[data-host='pod/hello/visitor']")
    page.get_by_role("button", name="Send from here").click()
    expect(page.locator("#send-hint")).to_contain_text("now tap a receiver")
    page.click("[data-host='service/hello/web']")
    expect(page.locator("#send-to")).to_have_value("http://web")
    _to_end(page, played)
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
    _send(page, "http://web")
    _to_end(page, played)
    node = page.locator(".node.on-path").first
    name = node.get_attribute("data-node").removeprefix("node/")
    node.locator(".box").click(position={"x": 20, "y": 40})
    page.get_by_role("button", name="See its rules").click()
    expect(page.locator("#tab-rules")).to_be_focused()
    expect(page.locator("#pane-rules .lead")).to_contain_text(f"The rules of {name}")


def test_the_newcomers_buttons_keep_the_focus(visit, played):
    page = visit(still=True)
    expect(page.locator(".guess")).to_have_count(3)
    page.locator(".guess").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".guess").nth(1)).to_be_focused()
    page.locator("#welcome-actions button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Send 10 more", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#histogram .note")).to_contain_text("10 answers")
    assert page.evaluate("document.activeElement.closest('#welcome-actions') !== null")


def test_the_greeting_counts_what_is_there(visit):
    page = visit()
    page.click("#terminals")
    page.keyboard.type("kubectl scale deployment web -n hello --replicas 2\n")
    expect(page.locator("#welcome-question")).to_have_text("Two copies of one program. Which one answers?")
    page.keyboard.type("kubectl delete namespace hello; echo gone$((1+1))\n")
    page.click("#clock-rate button[value='10']")
    expect(page.locator("#welcome-question")).to_contain_text("Nothing of yours runs here")
    expect(page.locator("#terminals")).to_contain_text("gone2", timeout=60_000)
    page.click("#welcome-actions button")
    expect(page.locator("#welcome-question")).to_have_text("Three copies of one program. Which one answers?")


def test_the_list_of_requests_does_not_give_an_end_away_that_is_not_seen(visit, played):
    page = visit(still=True)
    _send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.click("#tab-requests")
    row = page.locator(".request-list li").first
    expect(row).to_contain_text("under way")
    expect(row.locator(".who")).to_be_empty()
    _to_end(page, played)
    expect(row).to_contain_text("✓ OK")


def test_choices_of_the_menu_are_kept(visit):
    page = visit()
    page.click("#menu summary")
    page.select_option("#motion", "off")
    page.uncheck("#shortcuts")
    page.reload()
    page.wait_for_selector("html.has-cluster", state="attached")
    assert page.evaluate("document.documentElement.dataset.motion") == "off"
    page.keyboard.press("?")
    expect(page.locator("#help-dialog")).to_be_hidden()


def test_an_error_far_down_a_long_manifest_is_in_sight(visit):
    page = visit()
    page.click("#tab-yaml")
    page.click(".cm-content")
    page.keyboard.press("Control+a")
    good = "".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m{i}\n---\n" for i in range(40))
    page.keyboard.insert_text(f"{good}apiVersion: v1\nkind: Nonsense\nmetadata:\n  name: x\n")
    page.click("#yaml-apply")
    expect(page.locator("#yaml-results .error")).to_be_in_viewport()


def test_a_request_is_sent_with_keys_alone(visit, played):
    page = visit()
    page.focus("[data-host='pod/hello/visitor']")
    page.keyboard.press("s")
    page.focus("[data-host='service/hello/web']")
    page.keyboard.press("d")
    _to_end(page, played)
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
    _send(page, "http://web")
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
    _send(page, "http://web")
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
    _send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    expect(page.locator("#verdict .caption")).to_contain_text("visitor knows only a name, “web”")
    _to_end(page, played)
    expect(page.locator("#verdict .caption")).to_contain_text("It saw the request come from 10.244.")


def test_what_is_open_in_the_inspector_is_scrolled_to_the_present_event(visit, played):
    page = visit(still=True)
    _send(page, "http://web")
    _to_end(page, played)
    for tab in ("events", "transcript"):
        page.click(f"#tab-{tab}")
        expect(page.locator(f"#pane-{tab} [aria-current=true]")).to_be_in_viewport()


def test_back_restores_exactly_what_was_shown(visit):
    page = visit()
    _send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    page.click("#player-size button[value='event']")
    before = page.locator(".layer-overlay").inner_html()
    page.click("#player-forward")
    page.wait_for_timeout(1800)
    assert page.locator(".layer-overlay").inner_html() != before
    page.click("#player-back")
    assert page.locator(".layer-overlay").inner_html() == before


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
    _send(page, target)
    _to_end(page, played)
    tag = page.locator("#verdict .tag.dead")
    expect(tag).to_be_visible()
    if code:
        expect(tag).to_have_text(f"✗ {code}")
        expect(page.locator("#verdict")).to_contain_text(words)
    expect(page.locator(".grave-card .ask")).to_contain_text("Ask next")
    expect(page.locator("#pane-why .words")).not_to_be_empty()


def test_the_transcript_tells_the_whole_trace_in_sentences(visit, played):
    page = visit()
    _send(page, "http://web")
    _to_end(page, played)
    page.click("#tab-transcript")
    lines = page.locator("#pane-transcript li").all_inner_texts()
    total = int(page.locator("#player-step").inner_text().split("/")[1])
    assert len(lines) == total
    assert "needs an address for “web”" in lines[0]
    assert lines[-1].startswith("Answered by 10.244.")


def test_the_live_region_speaks_the_sentence_of_the_step(visit):
    page = visit()
    _send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    expect(page.locator("#narrator")).to_contain_text("Destination rewritten")


def test_with_reduced_motion_nothing_plays_by_itself_and_forward_steps(visit):
    page = visit(still=True)
    _send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    expect(page.locator("#player-play")).to_have_attribute("aria-label", "Play")
    expect(page.locator("#player-step")).to_have_text(re.compile(r"^1 / "))
    page.click("#player-forward")
    expect(page.locator("#player-step")).not_to_have_text(re.compile(r"^1 / "))
    assert page.evaluate("document.getAnimations().filter(a => a.playState === 'running').length") == 0


def test_objects_appear_and_leave_on_the_stage_as_they_change(visit):
    page = visit()
    page.click("#tab-yaml")
    page.select_option("#yaml-file", "demo-namespace.yaml")
    page.click("#yaml-apply")
    expect(page.locator("#yaml-results")).to_contain_text("deployment.apps/backend-app created")
    expect(page.locator(".pod[data-host^='pod/service-demo/backend-app']")).to_have_count(3)
    page.click("#clock-rate button[value='10']")
    expect(page.locator(".pod.ready[data-host^='pod/service-demo/']")).to_have_count(5)
    page.select_option("#yaml-file", "backend-service.yaml")
    page.click("#yaml-apply")
    expect(page.locator(".service[data-host='service/service-demo/backend-service']")).to_be_visible()
    expect(
        page.locator(".layer-threads .ready[data-service='service/service-demo/backend-service']")
    ).to_have_count(3)


def test_an_error_in_a_manifest_is_shown_with_its_line(visit):
    page = visit()
    page.click("#tab-yaml")
    page.click(".cm-content")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\nspec:\n  ports:\n  - port: 99999\n"
    )
    page.click("#yaml-apply")
    expect(page.locator("#yaml-results .error")).to_contain_text("must be between 1 and 65535, inclusive")
    page.get_by_role("button", name="line 7").click()
    expect(page.locator(".cm-lint-marker-error")).to_be_visible()


def test_names_from_manifests_stay_text(visit):
    page = visit()
    _send(page, "http://<img/src=x/onerror=alert(1)>")
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
    _send(page, "http://web")
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
    _send(page, "http://web")
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
    page.locator(".request-list button", has_text="port-forward").click()
    page.wait_for_function("document.documentElement.classList.contains('has-trace')")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("End")
    played(page)
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


def test_time_can_be_stopped_and_stepped(visit):
    page = visit()
    page.click("#clock-rate button[value='pause']")
    expect(page.locator("#clock")).to_have_attribute("data-paused", "true")
    page.wait_for_timeout(700)
    stopped = page.locator("#clock").inner_text()
    page.wait_for_timeout(1300)
    assert page.locator("#clock").inner_text() == stopped
    page.click("#clock-rate button[value='step']")
    expect(page.locator("#clock")).not_to_have_text(stopped)


def test_reset_gives_a_fresh_cluster_at_once(visit):
    page = visit()
    page.click("#menu summary")
    page.click("#reset")
    expect(page.locator("#reset")).to_have_text(re.compile("Press again"))
    page.click("#reset")
    expect(page.locator(".pod[data-host^='pod/hello/web']")).to_have_count(3)
    expect(page.locator("html.has-trace")).to_have_count(0)


def test_a_revoked_kubeconfig_is_followed_by_a_new_one(visit):
    page = visit()
    secret = "async () => (await (await fetch('/lab/kubeconfig')).text()).match(/k8s\\/([^/\\s]+)/)[1]"
    old = page.evaluate(secret)
    page.click("#menu summary")
    page.click("#kubeconfig-renew")
    page.click("#kubeconfig-renew")
    expect(page.locator(".toasts")).to_contain_text("The old kubeconfig opens nothing any more")
    new = page.evaluate(secret)
    root = page.url.rstrip("/")
    answers = [page.request.get(f"{root}/k8s/{each}/api/v1/pods").status for each in (old, new)]
    assert answers == [404, 200]


def test_the_sandboxs_map_leads_to_the_lessons(visit):
    page = visit()
    page.click("#tab-map")
    expect(page.locator("#pane-map .lesson-map li")).not_to_have_count(0)
    page.click("#pane-map .lesson-map a >> nth=0")
    expect(page).to_have_url(re.compile("/lessons/first-packet/"))


def test_a_narrow_pages_menu_has_the_clock_and_the_proxy_mode(visit):
    page = visit(size=NARROW)
    page.click("#menu summary")
    page.click(".menu-row button[value='10']")
    expect(page.locator(".menu-row button[value='10']")).to_have_attribute("aria-pressed", "true")
    page.select_option("#proxy-mode-narrow", "nftables")
    page.reload()
    expect(page.locator("#proxy-mode-narrow")).to_have_value("nftables")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system(visit, scheme):
    assert visit(scheme=scheme).evaluate("document.documentElement.dataset.theme") == scheme


# Controls that the page's edge or their own panel cuts off; a list of tabs may scroll.
CUT = """() => [...document.querySelectorAll('button, a[href], input, select, summary')]
  .filter((e) => e.offsetParent && !e.closest('.xterm, .cm-editor, .skip-link, [role=tablist], .chips') && e.id !== 'player-range')
  .map((e) => [e.id || e.textContent.trim(), e.getBoundingClientRect(), e.closest('.panel')?.getBoundingClientRect()])
  .filter(([, box, panel]) => box.width && (box.right > innerWidth + 0.5 || box.left < -0.5
    || (panel && (box.right > panel.right + 0.5 || box.left < panel.left - 0.5))))
  .map(([name]) => name)"""


@pytest.mark.parametrize("size", ALL_SIZES)
def test_at_every_size_nothing_is_cut_off_and_the_proxy_mode_is_in_reach(visit, played, size):
    page = visit(size=size)
    if size[0] > 700:
        _send(page, "http://web")
        _to_end(page, played)
        page.click(".histogram .more button >> nth=1")
        expect(page.locator("#histogram .note")).to_contain_text("11 answers")
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.body.scrollWidth") <= size[0]
    page.click("#menu summary")
    expect(page.locator(".proxy-mode:visible")).to_have_count(1)
    assert page.evaluate(CUT) == []


def test_the_longest_names_stay_in_their_places(visit, played):
    page = visit()
    name, namespace = "w" * 63, "m" * 63
    page.click("#terminals")
    page.keyboard.type(f"kubectl create namespace {namespace}\n")
    page.keyboard.type(f"kubectl create deployment {'w' * 46} -n {namespace} --image nginx --replicas 2\n")
    page.keyboard.type(f"kubectl expose deployment {'w' * 46} -n {namespace} --port 80 --name {name}\n")
    page.click("#clock-rate button[value='10']")
    expect(page.locator(f".pod.ready[data-host^='pod/{namespace}/']")).to_have_count(2, timeout=60_000)
    page.select_option("#send-from", label="visitor")
    page.fill("#send-to", f"http://{name}.{namespace}")
    page.click("#send button[type=submit]")
    _to_end(page, played)
    page.click(".histogram .more button >> nth=1")
    expect(page.locator("#histogram .note")).to_contain_text("11 answers")
    assert page.evaluate(CUT) == []
    wide = page.evaluate(
        """() => [...document.querySelectorAll('.pod .name, .service .name')].filter((text) => {
          const card = text.parentElement.firstElementChild.getBoundingClientRect();
          const box = text.getBoundingClientRect();
          return box.right > card.right + 0.5 || box.left < card.left - 0.5;
        }).map((text) => text.textContent)"""
    )
    assert wide == []


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
    _send(page, "http://web")
    page.wait_for_selector("html.has-trace", state="attached")
    page.evaluate("document.activeElement.blur()")
    page.click("#player-size button[value='packet']")
    for _ in range(4):
        page.click("#player-forward")
        expect(page.locator(".envelope .shape")).to_be_in_viewport(ratio=0.9)


def test_on_a_phone_the_journey_is_a_line_of_stations(visit, played):
    page = visit(size=NARROW)
    page.get_by_role("button", name="Play", exact=True).first.click()
    expect(page.locator("#subway")).to_be_visible()
    page.wait_for_timeout(600)
    page.locator("#player-range").focus()
    page.keyboard.press("End")
    played(page)
    expect(page.locator("#subway li").last).to_contain_text("Answered")
    expect(page.locator("#subway .diff s").first).to_have_text("10.96.0.10:53")
    for part in ("story", "stage", "inspect", "terminal"):
        page.click(f"#narrow-tabs button[value={part}]")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_on_a_phone_the_cluster_can_be_seen_again_after_a_journey(visit, played):
    page = visit(size=NARROW)
    page.get_by_role("button", name="Play", exact=True).first.click()
    expect(page.locator("#verdict .caption")).to_contain_text("visitor")
    page.locator("#player-range").focus()
    page.keyboard.press("End")
    played(page)
    page.get_by_role("button", name="The cluster", exact=True).click()
    expect(page.locator("#subway")).to_be_hidden()
    page.click("#pods-narrow [data-host='pod/hello/visitor']")
    page.get_by_role("button", name="Send from here").click()
    page.click("#pods-narrow [data-host='service/hello/web']")
    expect(page.locator("#subway")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_controls_are_large_enough_to_hit(visit, size):
    page = visit(size=size)
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, a[href], input, select, summary, [role=tab]')]
          .filter((e) => e.offsetParent && !e.closest('.xterm, .cm-editor, .skip-link') && e.type !== 'checkbox')
          .map((e) => [e.id || e.className || e.textContent.trim(), e.getBoundingClientRect()])
          .filter(([, box]) => box.width && (box.height < 24 || box.width < 24))
          .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""
    )
    assert small == []
    assert page.locator("#player-play").bounding_box()["height"] >= 44


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_has_no_accessibility_violations_that_axe_finds(visit, scheme, size):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(size=size, scheme=scheme, still=True)
    if size != NARROW:
        _send(page, "http://web")
        page.wait_for_selector("html.has-trace", state="attached")
    found = Axe().run(page)
    serious = [
        f"{item['id']}: {[node['target'] for node in item['nodes']][:4]}"
        for item in found.response["violations"]
        if item["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_vi_opens_the_file_in_an_editor_of_the_page_and_waits_for_it(visit):
    page = visit()
    page.click("#terminals")
    page.keyboard.type("vi note.txt\n")
    dialog = page.get_by_role("dialog", name="Edit note.txt")
    expect(dialog).to_be_visible()
    expect(dialog.locator(".cm-content")).to_be_focused()
    page.keyboard.insert_text("remember the selector")
    dialog.get_by_role("button", name="Save and close").click()
    expect(dialog).to_have_count(0)
    page.keyboard.type("cat note.txt\n")
    expect(page.locator("#terminals")).to_contain_text("remember the selector")


def test_what_was_edited_can_be_left_as_it_was(visit):
    page = visit()
    page.click("#terminals")
    page.keyboard.type("vi backend-service.yaml\n")
    dialog = page.get_by_role("dialog", name="Edit backend-service.yaml")
    expect(dialog.locator(".cm-content")).to_contain_text("backend-service")
    page.keyboard.insert_text("spoilt")
    dialog.get_by_role("button", name="Close without saving").click()
    page.keyboard.type("head -1 backend-service.yaml\n")
    expect(page.locator("#terminals")).to_contain_text("# backend-service.yaml")
    expect(page.locator("#terminals")).not_to_contain_text("spoilt")


@pytest.mark.parametrize("size", SIZES)
def test_a_lesson_stands_in_the_left_panel_of_the_workspace(visit, size):
    page = visit("/lessons/", size=size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page = visit("/lessons/clusterip/", size=size)
    expect(page.locator("#lesson h1")).to_be_visible()
    expect(page.locator("#lamps-count")).to_have_text("0 of 5 goals")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
