"""Text that learners write is text on every surface of the page: nothing of it becomes HTML, script or a command."""

import json
import re

from playwright.sync_api import expect

MARKUP = "<img src=x onerror=\"window.hacked='{}'\"><script>window.hacked='{}'</script>"
ESCAPES = "\x1b]0;owned title\x07\x1b]52;c;b3duZWQ=\x07\x1b]8;;javascript:window.hacked=1\x07link\x1b]8;;\x07\u202etxt.exe"


def hostile(where):
    return MARKUP.replace("{}", where)


MANIFEST = f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: loud, namespace: hello, annotations: {{note: {json.dumps(hostile("annotation"))}}}}}
data:
  markup: {json.dumps(hostile("data"))}
  escapes: {json.dumps(ESCAPES)}
---
apiVersion: v1
kind: Pod
metadata:
  name: loud
  namespace: hello
  labels: {{app: web, run: loud}}
  annotations: {{note: {json.dumps(hostile("pod"))}}}
spec:
  containers:
  - name: c
    image: nginx:alpine
    env: [{{name: MARKUP, value: {json.dumps(hostile("env"))}}}]
    command: ["sh", "-c", {json.dumps("echo '" + hostile("log").replace("'", "") + "'; exec nginx -g 'daemon off;'")}]
---
apiVersion: v1
kind: Service
metadata: {{name: "<b onmouseover=hacked>", namespace: hello}}
spec: {{ports: [{{port: 80}}]}}
"""


def watched(page):
    """What must never happen is noted in the page."""
    page.evaluate(
        """() => {
          window.written = [];
          Object.defineProperty(navigator, "clipboard", { configurable: true, value: {
            writeText: async (text) => { window.written.push(text); }, readText: async () => "" } });
        }"""
    )
    return page.title()


def assert_unharmed(page, title):
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("window.written") == []
    assert page.title() == title
    assert page.locator("img[src='x']").count() == 0
    assert page.locator("b[onmouseover]").count() == 0
    assert page.evaluate("[...document.querySelectorAll('a')].every(a => !a.href.startsWith('javascript:'))")


def post_manifest(page, text):
    """As the page's editor sends it."""
    return page.evaluate(
        """async (text) => {
          const given = JSON.parse(document.getElementById("page").textContent);
          const answer = await fetch(given.apply, { method: "POST", body: text,
            headers: { "X-CSRFToken": given.csrf, "Content-Type": "application/yaml" } });
          return (await answer.json()).results;
        }""",
        text,
    )


def test_markup_and_escapes_in_objects_stay_text_in_every_part_of_the_page(visit):
    page = visit()
    title = watched(page)

    results = post_manifest(page, MANIFEST)
    assert [result.get("message") for result in results[:2]] == ["configmap/loud created", "pod/loud created"]
    assert "<b onmouseover=hacked>" in results[2]["error"]

    page.click(".pod[data-host='pod/hello/loud']")
    page.wait_for_timeout(500)
    page.click("#terminals")
    for command in (
        "kubectl wait pod loud -n hello --for=condition=Ready",
        "kubectl get configmap loud -n hello -o yaml",
        "kubectl get configmap loud -n hello -o jsonpath='{.data.escapes}'; echo",
        "kubectl describe pod loud -n hello",
        "kubectl logs loud -n hello",
        "kubectl exec loud -n hello -- printenv MARKUP",
        r"printf '\033]0;owned title\007\033]52;c;b3duZWQ=\007\033]8;;javascript:window.hacked=1\007link\033]8;;\007\n'",
        "kubectl get pod '<script>window.hacked=2</script>' -n hello",
        "echo finished with $((40 + 2))",
    ):
        page.keyboard.type(command + "\n")
    expect(page.locator("#terminals")).to_contain_text("finished with 42", timeout=40_000)
    page.fill("#send-to", "http://web/<img src=x onerror=window.hacked=3>")
    page.keyboard.press("Enter")
    page.fill("#send-to", 'http://web/"><script>window.hacked=4</script>')
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)

    assert_unharmed(page, title)


def test_a_reload_with_hostile_objects_and_files_draws_them_as_text(visit):
    page = visit()
    title = watched(page)
    post_manifest(page, MANIFEST)
    page.click("#terminals")
    page.keyboard.type("echo '</script><script>window.hacked=5</script>' > 'x.yaml'; echo saved it\n")
    expect(page.locator("#terminals")).to_contain_text(re.compile("saved it.*saved it", re.S))

    page.reload()
    page.wait_for_selector("html.has-cluster", state="attached")
    watched(page)
    page.click(".pod[data-host='pod/hello/loud']")
    page.wait_for_timeout(500)

    assert_unharmed(page, title)
    files = page.evaluate("JSON.parse(document.getElementById('page').textContent).files")
    assert "</script><script>" in next(file["text"] for file in files if file["name"] == "x.yaml")
