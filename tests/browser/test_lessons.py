"""Lessons as a learner takes them: only what the page offers is clicked, until every goal is green."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.lesson_page import (
    NARROW,
    OPEN_STEP,
    SERVICE,
    WIDE,
    apply,
    enter,
    fits,
    goal,
    predict,
    ready,
    run,
    show_story,
    take,
    write,
)
from tests.serving import free_port, serving

SERIOUS = ("serious", "critical")

# The tutorial's Steps 1 to 5: the lesson, and the goal that the cluster (not the learner's own requests) turns
# green once the first step's manifest is applied and every node has its rules.
JOURNEY = (
    ("deploy-the-demo", "namespace"),
    ("clusterip", "probe"),
    ("dns-names", ""),
    ("nodeport", "control-plane"),
    ("traffic-policy-local", "black-hole"),
    ("loadbalancer", "probe"),
)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_tutorials_five_steps_turn_green_in_one_cluster(visit, size):
    page = visit("/lessons/deploy-the-demo/", size=size)
    ready(page)
    if size == WIDE:
        page.locator("#clock-rate button[value='10']").click()
    take(page, JOURNEY[0][1])
    for lesson, settled in JOURNEY[1:]:
        enter(page, lesson)
        take(page, settled)
    page.goto(page.url.partition("/lessons/")[0] + "/lessons/")
    for lesson, _ in JOURNEY:
        expect(page.locator(f".lesson-card[href='/lessons/{lesson}/']")).to_have_attribute("data-done", "")
    assert fits(page)


def test_the_map_of_a_lessons_page_shows_where_the_learner_is(visit):
    page = visit("/lessons/clusterip/")
    ready(page)
    page.get_by_role("tab", name="Map").click()
    page.wait_for_load_state("networkidle")
    here = page.locator(".lesson-map [aria-current='page']")
    expect(here).to_contain_text("Create backend-service")
    predict_from_the_story(page)
    expect(here.locator(".card-lamps")).to_have_text("1/5")


def predict_from_the_story(page: Page) -> None:
    page.get_by_role("tab", name="Lesson", exact=True).click()
    predict(page)


def test_a_narrow_page_shows_beneath_a_command_what_it_printed_and_its_packets(visit):
    page = visit("/lessons/nodeport/", size=NARROW)
    ready(page)
    predict(page)
    apply(page)
    expect(goal(page, "control-plane")).to_have_attribute("data-green", "")
    page.locator("#step-next").click()
    run(page, 0)
    command = page.locator(f"{OPEN_STEP} .command").first
    expect(command.locator(".command-output")).to_contain_text("Frontend Pod: frontend-app")
    command.get_by_role("button", name="Watch its request").click()
    expect(page.locator("#subway")).to_be_visible()
    show_story(page)
    expect(command).to_be_visible()


def test_progress_survives_reload_and_restart(chromium, tmp_path):
    context, port = chromium.new_context(), free_port()
    page = context.new_page()
    with serving(tmp_path, port) as server:
        page.goto(f"{server.url}/lessons/clusterip/")
        ready(page)
        predict(page)
        apply(page)
        expect(goal(page, "service")).to_have_attribute("data-green", "")
        page.locator("#step-next").click()
        page.reload()
        ready(page)
        expect(page.locator(OPEN_STEP)).to_have_attribute("data-step", "endpoints")
        expect(goal(page, "service")).to_have_attribute("data-green", "")
    with serving(tmp_path, port) as server:
        page.goto(f"{server.url}/lessons/clusterip/")
        ready(page)
        expect(goal(page, "service")).to_have_attribute("data-green", "")
        expect(goal(page, "predict")).to_have_attribute("data-green", "")
        expect(page.locator(".predict-because").first).to_be_visible()
        page.goto(f"{server.url}/lessons/")
        expect(page.locator(".lesson-card[href='/lessons/clusterip/']")).to_have_attribute("data-begun", "")
    context.close()


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("  ports:", "  portz:", 9, 'unknown field "spec.portz"'),
        ("port: 80", "port: 99999", 10, "must be between 1 and 65535, inclusive"),
        ("  name: backend-service", "  name: [backend-service", 4, "error parsing STDIN"),
    ],
    ids=["unknown-field", "port-out-of-range", "not-yaml"],
)
def test_a_bad_manifest_gets_the_servers_words_at_its_line_and_changes_nothing(visit, old, new, line, words):
    page = visit("/lessons/clusterip/")
    ready(page)
    predict(page)
    assert old in SERVICE
    write(page, SERVICE.replace(old, new))
    result = page.locator(f"{OPEN_STEP} .manifest-result")
    expect(result).to_contain_text(words)
    expect(result).to_have_attribute("data-bad", "")
    at_line = result.get_by_role("button", name=re.compile(r"^line \d+$"))
    if old != "  name: backend-service":
        expect(at_line).to_have_text(f"line {line}")
    at_line.click()
    expect(page.locator(f"{OPEN_STEP} .cm-editor")).to_have_class(re.compile("cm-focused"))
    expect(
        page.locator(f"{OPEN_STEP} .cm-lintRange-error, {OPEN_STEP} .cm-lintPoint-error").first
    ).to_be_attached()
    assert page.locator("[data-host='service/service-demo/backend-service']").count() == 0
    page.get_by_role("button", name="As it was").click()
    page.locator(f"{OPEN_STEP} .manifest-apply").click()
    expect(result).to_have_text("service/backend-service created")
    expect(page.locator("[data-host='service/service-demo/backend-service']")).to_have_count(1)


def test_an_edited_manifest_is_what_commands_find(visit):
    page = visit("/lessons/clusterip/")
    ready(page)
    predict(page)
    page.locator(f"{OPEN_STEP} .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(SERVICE.replace("port: 80", "port: 8088"))
    run(page, 0)
    run(page, 1)
    expect(page.locator("#terminals")).to_contain_text("8088/TCP")


def test_names_with_html_in_them_stay_text(visit):
    page = visit("/lessons/clusterip/")
    ready(page)
    predict(page)
    evil = "<img src=x onerror=document.title='pwned'>"
    write(page, SERVICE.replace("name: backend-service", f'name: "{evil}"'))
    expect(page.locator(f"{OPEN_STEP} .manifest-result")).to_contain_text("<img src=x onerror=")
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: evil\n  namespace: default\n"
        f'  annotations: {{note: "{evil}"}}\nspec:\n  containers:\n  - name: a\n    image: "{evil}"\n'
        f'    env: [{{name: X, value: "{evil}"}}]\n'
    )
    write(page, pod)
    expect(page.locator(f"{OPEN_STEP} .manifest-result")).to_contain_text("pod/evil created")
    page.locator("[data-host='pod/default/evil']").click()
    expect(page.locator("#card")).to_be_visible()
    assert page.locator("img").count() == 0
    assert page.title() != "pwned"


def test_many_goals_leave_room_for_their_count(visit):
    page = visit("/lessons/complete-template/", size=NARROW)
    rows = page.locator("#lamps-count").evaluate(
        "(count) => { count.textContent = 'All 14 goals reached'; return count.getClientRects()[0].height / 14; }"
    )
    assert rows < 2


def test_a_command_that_runs_inside_a_pod_says_so_and_offers_the_way(visit):
    page = visit("/lessons/dns-names/#step-names")
    ready(page)
    first = page.locator(f"{OPEN_STEP} .command").first
    first.locator(".command-run").click()
    expect(first.locator(".command-why")).to_contain_text(
        "This runs inside the pod, and the terminal is on the laptop."
    )
    first.get_by_role("button", name="Go in, then run").click()
    expect(first).to_have_attribute("data-ran", "well")
    expect(goal(page, "short")).to_have_attribute("data-green", "")
    page.locator("#step-back").click()
    predict(page)
    inside = page.locator(f"{OPEN_STEP} .command").first
    inside.locator(".command-run").click()
    expect(inside.locator(".command-why")).to_contain_text("the terminal is on debug")
    page.locator("#step-next").click()
    page.locator("#step-next").click()
    predict(page)
    run(page, 1)
    page.locator(f"{OPEN_STEP} .command").nth(1).locator(".command-run").click()
    expect(page.locator(f"{OPEN_STEP} .command").nth(1).locator(".command-why")).to_contain_text(
        "nothing to leave"
    )


def test_a_command_whose_variable_is_not_set_offers_to_set_it(visit):
    page = visit("/lessons/first-packet/")
    ready(page)
    predict(page)
    call = page.locator(f"{OPEN_STEP} .command").nth(2)
    call.locator(".command-run").click()
    expect(call.locator(".command-why")).to_contain_text("$POD_IP is not set in this terminal.")
    call.get_by_role("button", name="Set it, then run").click()
    expect(call).to_have_attribute("data-ran", "well")
    expect(goal(page, "pod-ip")).to_have_attribute("data-green", "")


def test_what_a_lesson_would_change_of_the_learners_is_asked_for(visit):
    page = visit("/lessons/deploy-the-demo/")
    ready(page)
    predict(page)
    apply(page)
    expect(goal(page, "backend")).to_have_attribute("data-green", "")
    enter(page, "never-ready")
    expect(page.locator("#ground")).to_contain_text("Put in place for this lesson")
    expect(goal(page, "backend")).not_to_have_attribute("data-green", "")
    enter(page, "service-not-found")
    ground = page.locator("#ground")
    expect(ground).to_contain_text("Put in place for this lesson")
    enter(page, "clusterip")
    predict(page)
    apply(page)
    page.locator("#step-next").click()
    enter(page, "connection-refused")
    expect(ground).to_contain_text(
        "Service backend-service in service-demo: spec.selector.app is backend, not backnd"
    )
    expect(goal(page, "pods").locator(".goal-found")).to_have_text(
        "Counts as soon as the cluster is at this lesson's start."
    )
    ground.get_by_role("button", name="Put this right").click()
    expect(ground).to_contain_text("Put in place for this lesson", timeout=40_000)
    expect(goal(page, "pods").locator(".goal-found")).to_contain_text("Holds so far.")
    enter(page, "environment-variables")
    expect(ground).to_contain_text("Service backend-service in service-demo: it should not be there")
    ground.get_by_role("button", name="Put this right").click()
    expect(ground).to_contain_text("Service backend-service in service-demo: taken away", timeout=40_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing_serious_on_lesson_and_list(visit, scheme, size):
    page = visit("/lessons/clusterip/", size=size, scheme=scheme, still=True)
    ready(page)
    predict(page)
    write(page, SERVICE.replace("ports", "portz"))
    expect(page.locator(f"{OPEN_STEP} .manifest-result")).to_have_attribute("data-bad", "")
    page.locator("#lamps-summary").click()
    for summary in page.locator(".hints summary, .afresh summary").all():
        summary.click()
    assert serious(page) == []
    page.goto(page.url.partition("/lessons/")[0] + "/lessons/")
    assert serious(page) == []


def serious(page: Page) -> list[tuple[str, list[str]]]:
    violations = Axe().run(page).response["violations"]
    return [
        (found["id"], [node["html"][:160] for node in found["nodes"]])
        for found in violations
        if found["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_lessons_controls_are_large_enough_to_hit(visit, size):
    page = visit("/lessons/clusterip/", size=size)
    ready(page)
    least = 44 if size == NARROW else 36
    main = f"{OPEN_STEP} .command-run, .manifest-apply:visible, #step-next, #lamps-summary"
    small = page.evaluate(
        """([main, least]) => [...document.querySelectorAll("#lesson button, #lesson a, #lesson summary")]
            .filter((element) => element.offsetParent)
            .filter((element) => {
              const { width, height } = element.getBoundingClientRect();
              return Math.min(width, height) < (element.matches(main) ? least : 24);
            }).map((element) => element.outerHTML.slice(0, 120))""",
        [main.replace(":visible", ""), least],
    )
    assert small == []
