"""What stands around the stage: the greeting, the editor of manifests, the clock and the menu."""

import re

from playwright.sync_api import expect


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


def test_an_error_far_down_a_long_manifest_is_in_sight(visit):
    page = visit()
    page.click("#tab-yaml")
    page.click(".cm-content")
    page.keyboard.press("Control+a")
    good = "".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m{i}\n---\n" for i in range(40))
    page.keyboard.insert_text(f"{good}apiVersion: v1\nkind: Nonsense\nmetadata:\n  name: x\n")
    page.click("#yaml-apply")
    expect(page.locator("#yaml-results .error")).to_be_in_viewport()


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


def test_help_says_what_the_marks_mean_and_lists_the_keys(visit):
    page = visit()
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Help")
    for words in ("an address is exchanged (NAT)", "an address that no machine has", "play, pause"):
        expect(help_).to_contain_text(words)
    page.keyboard.press("Escape")
    expect(help_).to_be_hidden()
