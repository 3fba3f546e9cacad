"""The page at every size and in both themes: nothing cut off, all of it readable, in reach of finger, key and ear."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.stage_page import send, to_end

NARROW = (390, 844)
SIZES = [(1400, 900), NARROW]
ALL_SIZES = [(1920, 1080), (1400, 900), (1100, 800), (1000, 768), (768, 1024), NARROW, (360, 740)]


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
        send(page, "http://web")
        to_end(page, played)
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
    to_end(page, played)
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


@pytest.mark.parametrize("size", ALL_SIZES)
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
    page = visit(size=size, scheme=scheme, still=True)
    if size != NARROW:
        send(page, "http://web")
        page.wait_for_selector("html.has-trace", state="attached")
    assert _violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nor_has_it_while_something_is_open_or_has_failed(visit, played, scheme):
    page = visit(scheme=scheme, still=True)
    page.click("[data-host='pod/hello/visitor']")
    assert _violations(page) == []
    page.keyboard.press("?")
    assert _violations(page) == []
    page.keyboard.press("Escape")
    send(page, "http://web:81")
    to_end(page, played)
    for tab in ("why", "header", "rules", "conntrack", "dns", "events", "transcript", "requests", "api"):
        page.click(f"#tab-{tab}")
        assert _violations(page) == [], tab
    page.click("#menu summary")
    assert _violations(page) == []


def _violations(page):
    found = Axe().run(page)
    return [
        f"{item['id']}: {[node['target'] for node in item['nodes']][:4]}"
        for item in found.response["violations"]
        if item["impact"] in ("serious", "critical")
    ]


# Ink and what it stands on, by token; a Service's name stands on paper that its own hue tints.
PAIRS = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("paper", "surface", "node", "plate")),
    *((ink, "sunken") for ink in ("ink", "ink-2", "ink-3")),
    *(("surface", tone) for tone in ("packet", "dns", "reply", "dead")),
    *((tone, f"{tone}-soft") for tone in ("packet", "dns", "reply", "ready", "waiting", "dead", "accent")),
    *((tone, "surface") for tone in ("packet", "dns", "reply", "ready", "waiting", "dead", "accent")),
    ("waiting", "paper"),
    ("accent-ink", "accent"),
    *((f"hue-{i}", f"color-mix(in oklab, var(--node) 90%, var(--hue-{i}))") for i in range(1, 7)),
]
CONTRAST = """(pairs) => {
  const probe = document.body.appendChild(document.createElement('i'));
  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const light = (colour) => {
    probe.style.color = colour;
    pen.fillStyle = getComputedStyle(probe).color;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((c) => c / 255)
      .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const of = (name) => light(name.includes('(') ? name : `var(--${name})`);
  return pairs.map(([ink, ground]) => {
    const [high, low] = [of(ink), of(ground)].sort((a, b) => b - a);
    return [ink, ground, (high + 0.05) / (low + 0.05)];
  }).filter(([, , ratio]) => !(ratio >= 4.5));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_small_text_can_be_read_on_everything_it_stands_on(visit, scheme):
    assert visit(scheme=scheme).evaluate(CONTRAST, PAIRS) == []


def test_a_screen_reader_is_told_sentences_but_not_every_second_of_the_clock(visit):
    page = visit()
    spoken = page.evaluate(
        "[...document.querySelectorAll('output, [role=status], [aria-live]')]"
        ".filter((e) => e.ariaLive !== 'off').map((e) => e.id)"
    )
    assert "clock" not in spoken
    assert "player-step" not in spoken
    assert "narrator" in spoken
    assert page.locator("#narrator").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("size", SIZES)
def test_a_lesson_stands_in_the_left_panel_of_the_workspace(visit, size):
    page = visit("/lessons/", size=size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page = visit("/lessons/clusterip/", size=size)
    expect(page.locator("#lesson h1")).to_be_visible()
    expect(page.locator("#lamps-count")).to_have_text("0 of 5 goals")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
