"""A blank page in a real Chromium into which a test imports the modules of static/js."""

import json
import mimetypes
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).parent / "data"


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    context.route("**/*", _serve)
    page = context.new_page()
    page.goto("http://static.test/")
    yield page
    context.close()


def _serve(route: Route) -> None:
    path = route.request.url.removeprefix("http://static.test")
    file = ROOT / path.lstrip("/")
    if path.startswith("/static/") and file.is_file():
        kind = "text/javascript" if file.suffix in (".js", ".mjs") else mimetypes.guess_type(file.name)[0]
        route.fulfill(path=file, content_type=kind or "application/octet-stream")
    else:
        route.fulfill(body="<!doctype html><title>blank</title><main></main>", content_type="text/html")


@pytest.fixture
def js(page: Page) -> Callable[..., Any]:
    """`js("trace/frames.js", "(m, x) => m.framesOf(x).length", x)`: call into a module, get values back."""

    def call(module: str, body: str, *arguments: Any) -> Any:
        script = (
            f"async ([path, args]) => {{ const m = await import(path); return await ({body})(m, ...args); }}"
        )
        return page.evaluate(script, [f"/static/js/{module}", list(arguments)])

    return call


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Any]:
    return lambda name: json.loads((DATA / f"{name}.json").read_text())
