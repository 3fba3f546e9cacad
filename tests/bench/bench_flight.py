"""A visitor's first minutes: cold start, her cluster, the complete template, a click, and traces by the second."""

import http.client
import os
import re
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench import servers
from tests.bench.print import figure

STARTS, VISITORS, CLICKS = 5, 20, 9


def main() -> None:
    """Print the figures."""
    cold_start()
    first_page()
    with servers.svclab() as (url, _):
        new_visitor(url)
        click_to_frame(url)
    in_process()


def cold_start() -> None:
    """Start to first reply, against an empty Django + Channels application, in turn."""
    ours, empty = [], []
    for _ in range(STARTS):
        with servers.other(servers.EMPTY_APP) as (_, seconds):
            empty.append(seconds)
        with servers.svclab() as (_, seconds):
            ours.append(seconds)
    ratio = statistics.median(ours) / statistics.median(empty)
    detail = f"{statistics.median(ours):.2f} s against {statistics.median(empty):.2f} s"
    figure("cold start to first reply / empty Django + Channels app", ratio, 1.3, detail=detail)


def first_page() -> None:
    """Start until the first visitor's page is in use, its websocket and all; her browser is open already."""
    from playwright.sync_api import Error  # needs playwright, only here

    from tests.browser.chromium import chromium  # and a browser

    def use(url: str) -> None:
        for _ in range(3000):
            try:
                page.goto(url)
                break
            except Error:  # nobody listens yet
                time.sleep(0.01)
        page.wait_for_selector("html.has-cluster", state="attached")

    times = []
    with chromium(viewport={"width": 1400, "height": 900}) as browser:
        for _ in range(STARTS):
            page = browser.new_page()
            with servers.svclab(use) as (_, seconds):
                times.append(seconds)
            page.close()
    figure("cold start until the first visitor's page is in use, s (median)", statistics.median(times), None)


def new_visitor(url: str) -> None:
    """First GET of a visitor without a cookie: her cluster is in the database and the page is there."""
    times = []
    for _ in range(VISITORS):
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        start = time.perf_counter()
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - start)
        assert answer.status == 200
        assert "svclab_learner" in (answer.getheader("Set-Cookie") or "")
        connection.close()
    figure("a new visitor's cluster can be used, s (median)", statistics.median(times), 0.1)


def click_to_frame(url: str) -> None:
    """Click on Send until the envelope is first painted, in headless Chromium."""
    from tests.browser.chromium import chromium  # needs playwright and a browser, only here

    with chromium(viewport={"width": 1400, "height": 900}) as browser:
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("html.has-cluster")
        page.fill("#send-to", "http://web")
        times = [page.evaluate(_CLICK) for _ in range(CLICKS)]
    figure("click on Send to the first animated frame, ms (median)", statistics.median(times), 100)


_CLICK = """() => new Promise((resolve) => {
  const envelope = document.querySelector("#stage .envelope");
  const start = performance.now();
  const before = envelope.getAttribute("transform");
  const look = () => {
    const moved = envelope.getAttribute("visibility") !== "hidden" && envelope.getAttribute("transform") !== before;
    if (moved) requestAnimationFrame(() => resolve(performance.now() - start));
    else requestAnimationFrame(look);
  };
  document.querySelector("#send button[type=submit], #send .button.primary").click();
  requestAnimationFrame(look);
})"""


def in_process() -> None:
    """apply of the complete template, and traces a second: stored ones, and the engine's alone."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SVCLAB_VAR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "svclab.settings"
        import django  # settings are read at import, so the folder comes first

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        _measure_cluster()


def _measure_cluster() -> None:
    from datetime import UTC, datetime

    from svclab.cluster import dataplane, lifecycle
    from svclab.kube.request import Request, perform
    from svclab.lab import manifests
    from svclab.lessons import start
    from svclab.linux.dice import Dice

    template = Path("svclab/cluster/seeds/files/complete-service-demo.yaml").read_text()
    times = []
    for _ in range(5):
        cluster = lifecycle.new_cluster("guest-bench")
        begun = time.perf_counter()
        results = manifests.apply(cluster, template)
        times.append(time.perf_counter() - begun)
        assert not any("error" in result for result in results), results
    figure("apply of the complete template (8 objects), s (median)", statistics.median(times), None)
    start.play(cluster, ("kubectl wait --for=condition=ready pod --all -n service-complete-demo", "sleep 10"))
    pod = next(name for _, name in cluster.snapshot().of_kind("Pod") if re.match(r"service-tester-", name))
    request = Request(f"pod/service-complete-demo/{pod}", "http://database-service")

    def rate(act: object, seconds: float = 3.0) -> float:
        """How often in a second of processor time: who else is at work on the machine does not count."""
        count, begun = 0, time.process_time()
        while time.process_time() - begun < seconds:
            act()
            count += 1
        return count / (time.process_time() - begun)

    figure(
        "requests by name a second, recorded in the database",
        rate(lambda: dataplane.send(cluster, request)),
        None,
    )
    world, now = dataplane.world(cluster), datetime.now(UTC)
    counter = iter(range(10**9))
    figure(
        "requests by name a second, engine alone (DNS and TCP, every rule reported)",
        rate(lambda: perform(world, request, Dice(f"bench/{next(counter)}"), now)),
        None,
    )
