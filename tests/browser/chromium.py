"""The browser of the tests: Debian's chromium or another one on the PATH, driven by playwright."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str | None:
    """The path of a browser, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def chromium(**options: object) -> Iterator[BrowserContext]:
    """A browser with a new empty profile, as a context."""
    path = executable()
    if path is None:
        raise RuntimeError("no chromium found: `make browser` installs Debian's")
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=path, headless=True, args=list(FLAGS), **options
        )
        yield context
        context.close()
