"""What all tests share: one browser for a module's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import FLAGS, executable

# A busy machine makes an example slow, and that proves nothing.
settings.register_profile("svclab", deadline=None)
settings.load_profile("svclab")


def pytest_unconfigure() -> None:
    """SQLite's files beside the test database go with it."""
    database = Path(django_settings.DATABASES["default"]["TEST"]["NAME"] or "")
    for left in database.parent.glob(f"{database.name}*"):
        left.unlink(missing_ok=True)


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    What needs the browser stays on one worker: on a small machine two browsers are slower than one.

    What waits for another program (a browser, the real kubectl) is tried a second time when it fails, and then the
    summary names it: a race that a busy machine lost is to be found and mended, but it stops nobody. All that is
    only ours has one try.
    """
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
        if item.get_closest_marker("browser") or item.get_closest_marker("kubectl"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A Chromium. Ended with the module: Playwright's event loop must not meet those of asynchronous tests."""
    path = executable()
    if path is None:
        pytest.skip("no Chromium is installed: `make browser` installs Debian's")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        yield browser
        browser.close()
