"""What a learner has reached stays: across steps, tabs, resets and restarts, with the mouse, the keyboard or a thumb."""

import re

import pytest
from playwright.sync_api import Page, expect

from svclab.lessons.catalogue import lessons
from tests.browser.lesson_page import (
    NARROW,
    OPEN_STEP,
    apply,
    enter,
    goal,
    predict,
    ready,
    run,
    show_story,
    take,
)
from tests.serving import free_port, serving

# The lessons that are not on the way of tests/browser/test_lessons.py.
OTHERS = sorted(
    {*lessons()}
    - {"deploy-the-demo", "clusterip", "dns-names", "nodeport", "traffic-policy-local", "loadbalancer"}
)


@pytest.mark.parametrize("lesson", OTHERS)
def test_a_lesson_is_finished_on_a_phone_by_tapping_only(visit, lesson):
    page = visit(f"/lessons/{lesson}/", size=NARROW, still=True, touch=True)
    ready(page)
    page.locator("#menu summary").tap()
    page.locator("#menu [value='10']").tap()
    page.locator("#menu summary").tap()
    take(page, "")


def test_the_first_run_waits_for_what_the_learner_expects(visit):
    page = visit("/lessons/clusterip/")
    ready(page)
    page.locator(f"{OPEN_STEP} .manifest-apply").click()
    result = page.locator(f"{OPEN_STEP} .manifest-result")
    expect(result).to_contain_text("First say what you expect")
    result.get_by_role("button", name="To the question").click()
    expect(page.locator(f"{OPEN_STEP} .predict [type=radio]").first).to_be_focused()
    command = page.locator(f"{OPEN_STEP} .command").nth(1)
    command.locator(".command-run").click()
    expect(command.locator(".command-why")).to_contain_text("First say what you expect")
    expect(page.locator(f"{OPEN_STEP} .correction")).not_to_have_attribute("open", "")
    predict(page)
    expect(page.locator(f"{OPEN_STEP} .correction")).to_have_attribute("open", "")
    apply(page)


def test_who_will_not_say_what_she_expects_may_go_on(visit):
    page = visit("/lessons/clusterip/")
    ready(page)
    page.locator(f"{OPEN_STEP} .manifest-apply").click()
    page.get_by_role("button", name="Apply it now").click()
    expect(page.locator(f"{OPEN_STEP} .manifest-result")).to_have_text("service/backend-service created")
    run(page, 1)
    expect(goal(page, "predict")).not_to_have_attribute("data-green", "")


def test_the_next_goal_and_what_was_found_stand_in_sight(visit):
    page = visit("/lessons/clusterip/")
    ready(page)
    following = page.locator("#lamps-next")
    expect(following).to_contain_text("You said what you expect. Say what you expect first.")
    predict(page)
    expect(following).to_contain_text("There is no Service backend-service in service-demo yet.")
    page.locator("#lamps-summary").click()
    expect(following).to_be_hidden()
    expect(goal(page, "service").locator(".goal-question")).to_be_visible()


def test_hints_open_one_after_another(visit):
    page = visit("/lessons/clusterip/")
    ready(page)
    page.get_by_text("Stuck? Three hints").click()
    hints = page.locator(".hints li")
    expect(hints).to_have_count(3)
    for index in range(3):
        expect(hints.nth(index).locator("p")).to_be_hidden()
        hints.nth(index).locator("summary").click()
        expect(hints.nth(index).locator("p")).to_be_visible()


def test_the_browsers_own_back_goes_a_step_back_and_then_a_lesson(visit):
    page = visit("/lessons/")
    page.wait_for_load_state("networkidle")
    page.locator(".lesson-card[href='/lessons/clusterip/']").click()
    ready(page)
    page.locator("#step-next").click()
    page.locator("#step-next").click()
    for step in ("endpoints", "apply"):
        page.go_back()
        expect(page.locator(OPEN_STEP)).to_have_attribute("data-step", step)
    page.go_forward()
    expect(page.locator(OPEN_STEP)).to_have_attribute("data-step", "endpoints")
    page.go_back()
    page.go_back()
    expect(page.locator("h1")).to_have_text("Lessons")
    page.wait_for_load_state("networkidle")


def test_two_tabs_show_the_same_goals_and_the_first_answer_counts(visit):
    page = visit("/lessons/clusterip/")
    ready(page)
    other = page.context.new_page()
    other.goto(page.url)
    ready(other)
    predict(page)
    apply(page)
    for each in (page, other):
        expect(goal(each, "probe")).to_have_attribute("data-green", "")
    other.locator(f"{OPEN_STEP} .predict label").nth(2).click()
    other.get_by_role("button", name="I expect this").click()
    expect(other.locator(f"{OPEN_STEP} .predict label").first).to_contain_text("you said")


def test_a_reset_in_the_middle_keeps_the_goals_and_the_rest_can_still_be_reached(visit):
    page = visit("/lessons/clusterip/")
    ready(page)
    predict(page)
    apply(page)
    expect(goal(page, "probe")).to_have_attribute("data-green", "")
    page.locator("#menu summary").click()
    page.locator("#reset").click()
    page.locator("#reset").click()
    ground = page.locator("#ground")
    expect(ground).to_contain_text("This lesson works with things that your cluster no longer has")
    ground.get_by_role("button", name="Put them back").click()
    expect(ground).to_contain_text("Put in place for this lesson", timeout=40_000)
    for check in ("service", "slices", "probe"):
        expect(goal(page, check)).to_have_attribute("data-green", "")
    take(page, "")


def test_a_reset_right_after_the_start_was_put_in_place_is_noticed(visit):
    page = visit("/lessons/clusterip/")
    ready(page)
    page.locator("#menu summary").click()
    page.locator("#reset").click()
    page.locator("#reset").click()
    expect(page.locator("#ground")).to_contain_text(
        "This lesson works with things that your cluster no longer has"
    )


def test_beginning_afresh_gives_what_is_to_be_kept_anew(visit):
    page = visit("/lessons/service-not-found/")
    ready(page)
    page.get_by_text("Begin afresh").click()
    page.get_by_role("button", name="Set the cluster to this lesson's start").click()
    expect(page.locator("#toasts")).to_contain_text("The cluster is at this lesson's start.", timeout=60_000)
    take(page, "")


def test_a_lesson_goes_on_when_the_server_was_restarted_under_it(chromium, tmp_path):
    context, port = chromium.new_context(), free_port()
    page = context.new_page()
    with serving(tmp_path, port) as server:
        page.goto(f"{server.url}/lessons/loadbalancer/")
        ready(page)
        predict(page)
        apply(page)
        watching = page.locator(f"{OPEN_STEP} .command").nth(1)
        watching.locator(".command-run").click()
        expect(watching).to_have_attribute("data-state", "running")
        expect(goal(page, "address")).to_have_attribute("data-green", "")
    expect(page.locator("#connection")).not_to_have_attribute("data-state", "live")
    with serving(tmp_path, port):
        expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=30_000)
        expect(watching).to_have_attribute("data-state", "")
        page.locator("#step-next").click()
        second = page.locator(f"{OPEN_STEP} .command").nth(1)
        second.locator(".command-run").click()
        expect(second.locator(".command-why")).to_contain_text("$EXTERNAL_IP is not set in this terminal.")
        second.get_by_role("button", name="Set it, then run").click()
        expect(goal(page, "called")).to_have_attribute("data-green", "")
    context.close()


def test_who_has_reached_everything_may_clear_everything_away(visit):
    page = visit("/lessons/service-not-found/")
    ready(page)
    take(page, "")
    page.locator("#clock-rate button[value='10']").click()
    page.click("#terminals")
    page.keyboard.type("kubectl delete namespace shop\n")
    expect(page.locator("#terminals")).to_contain_text('namespace "shop" deleted', timeout=60_000)
    expect(page.locator("[data-host='pod/shop/client']")).to_have_count(0, timeout=60_000)
    page.wait_for_timeout(1500)  # what is missing would be told after 0.7 s
    expect(page.locator("#ground")).to_be_hidden()


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until the focus is on it."""
    for _ in range(80):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_a_lesson_can_be_taken_with_the_keyboard_alone(visit):
    page = visit("/lessons/nodeport/", still=True)
    ready(page)
    tab_to(page, ".predict [type=radio]")
    page.keyboard.press("ArrowDown")
    tab_to(page, ".predict button")
    page.keyboard.press("Enter")
    expect(page.locator(f"{OPEN_STEP} .predict-because")).to_be_focused()
    tab_to(page, ".manifest-apply")
    page.keyboard.press("Enter")
    expect(page.locator(f"{OPEN_STEP} .manifest-result")).to_have_text("service/frontend-nodeport created")
    expect(goal(page, "control-plane")).to_have_attribute("data-green", "")
    tab_to(page, ".cm-content")
    page.keyboard.press("Escape")
    tab_to(page, "[data-run='kubectl get nodes -o wide'] .command-run")
    page.keyboard.press("Space")
    command = page.locator("[data-run='kubectl get nodes -o wide']")
    expect(command).to_have_attribute("data-ran", "well")
    expect(command.locator(".command-run")).to_be_focused()
    tab_to(page, "#step-next")
    page.keyboard.press("Enter")
    expect(page.locator("#title-call")).to_be_focused()
    tab_to(page, f"{OPEN_STEP} .command-run")
    page.keyboard.press("Enter")
    expect(page.locator("#lesson-news")).to_contain_text(re.compile("Goal reached|command has ended"))
    expect(page.locator(".goal:not([data-green])")).to_have_count(0)


def test_going_back_to_an_earlier_lesson_finds_it_as_it_was_left(visit):
    page = visit("/lessons/nodeport/", size=NARROW)
    ready(page)
    take(page, "")
    enter(page, "deploy-the-demo")
    predict(page)
    enter(page, "nodeport")
    expect(page.locator("#lamps-count")).to_have_text(re.compile(r"All \d+ goals reached"))
    expect(page.locator(".predict-because").first).to_be_visible()
    show_story(page)
    page.locator("#step-next").click()
    expect(page.locator("#lesson-done")).to_be_visible()
