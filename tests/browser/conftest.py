"""A real server and a real Chromium: pages as a learner sees them. Any error in the console fails the test."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.serving import Server, serving

WIDE = (1400, 900)
NARROW = (390, 844)
LEFT = "net::ERR_ABORTED"  # the page was left while it was still loading something
expect.set_options(timeout=20_000)

# To find tests that win a race only on this machine: SVCLAB_TEST_WIRE=400 lets each message and answer of the server
# come 400 ms later, SVCLAB_TEST_CPU=4 makes the browser four times as slow.
WIRE = int(os.environ.get("SVCLAB_TEST_WIRE", "0"))
CPU = int(os.environ.get("SVCLAB_TEST_CPU", "1"))
LATE = """(late) => {
  const later = (answer) => new Promise((done) => setTimeout(() => done(answer), late));
  const { fetch } = window;
  window.fetch = (...asked) => fetch(...asked).then(later);
  const heard = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
  Object.defineProperty(WebSocket.prototype, "onmessage", {
    ...heard, set(hear) { heard.set.call(this, (event) => setTimeout(() => hear.call(this, event), late)); },
  });
  const { addEventListener } = WebSocket.prototype;
  WebSocket.prototype.addEventListener = function (type, hear, ...rest) {
    const delayed = (event) => setTimeout(() => hear.call(this, event), late);
    return addEventListener.call(this, type, type === "message" ? delayed : hear, ...rest);
  };
}"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """`visit("/lessons/", size=NARROW, scheme="dark", still=True)`: a new visitor's page, with its cluster there."""
    contexts = []
    troubles: list[str] = []

    def open_page(
        path: str = "/",
        *,
        size: tuple[int, int] = WIDE,
        scheme: str = "light",
        still: bool = False,
        touch: bool = False,
    ) -> Page:
        options: dict[str, Any] = {
            "reduced_motion": "reduce" if still else "no-preference",
            "color_scheme": scheme,
            "has_touch": touch,
        }
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        contexts.append(context)
        page = context.new_page()
        if WIRE:
            page.add_init_script(f"({LATE})({WIRE})")
        if CPU > 1:
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": CPU})
        page.on(
            "console", lambda message: message.type in ("error", "warning") and troubles.append(message.text)
        )
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "requestfailed",
            lambda request: request.failure == LEFT or troubles.append(f"failed: {request.url}"),
        )
        page.on(
            "response",
            lambda answer: answer.status >= 400 and troubles.append(f"{answer.status} {answer.url}"),
        )
        page.goto(f"{server.url}{path}")
        if page.locator("body.workspace").count():
            page.wait_for_selector("html.has-cluster", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def played() -> Callable[[Page], None]:
    """Waits until the trace on the stage was seen to its end."""
    return lambda page: page.wait_for_selector("html.at-end", state="attached", timeout=60_000) and None
