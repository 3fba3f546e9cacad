"""A page outlives its server."""

import pytest
from playwright.sync_api import expect

from tests.serving import free_port, serving


@pytest.mark.parametrize("kill", [False, True])
def test_a_page_finds_its_cluster_again_when_the_server_comes_back(chromium, tmp_path, kill):
    port = free_port()
    context = chromium.new_context()
    page = context.new_page()
    with serving(tmp_path, port, kill=kill) as server:
        page.goto(server.url)
        expect(page.locator(".guess")).to_have_count(3)
        page.click("#terminals")
        page.keyboard.type("kubectl create namespace kept\n")
        expect(page.locator("#terminals")).to_contain_text("namespace/kept created")
        pods = sorted(page.locator(".pod").evaluate_all("all => all.map(pod => pod.dataset.host)"))
    expect(page.locator("#connection")).not_to_have_attribute("data-state", "live")
    with serving(tmp_path, port):
        expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=30_000)
        expect(page.locator("#terminals")).to_contain_text("this is a new shell")
        assert sorted(page.locator(".pod").evaluate_all("all => all.map(pod => pod.dataset.host)")) == pods
        page.click("#terminals")
        page.keyboard.type("kubectl get namespace kept -o name\n")
        expect(page.locator("#terminals")).to_contain_text("-o namenamespace/kept", timeout=30_000)
        page.select_option("#send-from", label="visitor")
        page.fill("#send-to", "http://web")
        page.click("#send button[type=submit]")
        page.wait_for_selector("html.has-trace", state="attached")
    context.close()
