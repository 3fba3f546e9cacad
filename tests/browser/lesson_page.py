"""What a learner does on a lesson's page: click, tap, and look at the lamps."""

import re

from playwright.sync_api import Page, expect

WIDE, NARROW = (1400, 900), (390, 844)
OPEN_STEP = ".step:not([hidden])"


def enter(page: Page, lesson: str) -> None:
    """From wherever the learner is, by the map; then everything that the lesson begins with is there."""
    show_story(page)
    page.get_by_role("tab", name="Map").click()
    page.locator(f".lesson-map a[href='/lessons/{lesson}/']").click()
    page.wait_for_selector(f"#lesson[data-lesson='{lesson}']")
    ready(page)


def ready(page: Page) -> None:
    """The page is live, and has looked at what the lesson begins with."""
    page.wait_for_selector("#connection[data-state='live']", state="attached")
    page.wait_for_selector("#ground[data-checked]:not([aria-busy])", state="attached")


def show_story(page: Page) -> None:
    tab = page.locator("#narrow-tabs button[value='story']")
    if tab.is_visible():
        tab.click()


def predict(page: Page) -> None:
    step = page.locator(OPEN_STEP)
    if step.locator(".predict button[type=submit]").is_visible():
        step.locator(".predict label").first.click()
        step.get_by_role("button", name="I expect this").click()
        expect(step.locator(".predict-because")).to_contain_text(re.compile("So it is|Not quite"))


def apply(page: Page) -> None:
    step = page.locator(OPEN_STEP)
    if step.locator(".manifest-apply").count():
        step.locator(".manifest-apply").click()
        expect(step.locator(".manifest-result")).to_contain_text(re.compile("created|configured|unchanged"))


def run(page: Page, index: int) -> None:
    """Clicks a command; what watches for ever is stopped, by the same button, when the address has come."""
    command = page.locator(f"{OPEN_STEP} .command").nth(index)
    line = command.get_attribute("data-run")
    command.locator(".command-run").click()
    if line.endswith(" -w"):
        expect(command).to_have_attribute("data-state", "running")
        expect(goal(page, "address")).to_have_attribute("data-green", "")
        command.locator(".command-run").click()
    expect(command).to_have_attribute("data-ran", re.compile("well|badly"), timeout=60_000)
    expect(command).to_have_attribute("data-state", "")


def goal(page: Page, check: str):
    return page.locator(f".goal[data-check='{check}']")


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def take(page: Page, settled: str) -> None:
    """One lesson: every step, in order."""
    while True:
        predict(page)
        apply(page)
        for index in range(page.locator(f"{OPEN_STEP} .command").count()):
            run(page, index)
        assert fits(page)
        if settled:
            expect(goal(page, settled)).to_have_attribute("data-green", "")
        if not page.locator("#step-next").is_visible():
            break
        page.locator("#step-next").click()
    expect(page.locator(".goal:not([data-green])")).to_have_count(0)
    expect(page.locator("#lamps-count")).to_have_text(re.compile(r"All \d+ goals reached"))
    expect(page.locator("#lesson-done")).to_be_visible()


def write(page: Page, text: str) -> None:
    """Puts a text into the lesson's manifest editor, as by pasting, and applies it."""
    page.locator(f"{OPEN_STEP} .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    page.locator(f"{OPEN_STEP} .manifest-apply").click()


SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: backend-service
  namespace: service-demo
spec:
  selector:
    app: backend
  ports:
  - port: 80
"""
