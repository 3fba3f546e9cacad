"""YAML that is broken, hostile or huge, on each of its ways in: one clear message, quickly, and nothing stored."""

import gc
import json
import re
import time
import tracemalloc
import urllib.request

import pytest
from django.db import connection

from svclab.apiserver import yaml_body
from svclab.apiserver.dispatch import ApiRequest, handle
from svclab.cluster.lifecycle import new_cluster
from svclab.lab import manifests
from svclab.terminal.session import Session
from svclab.terminal.streams import TextInput

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stored, namespace: default}\n"


def laughs(levels: int) -> str:
    """Each level holds nine of the one before."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    for n in range(1, levels):
        lines.append(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]")
    return "\n".join(lines) + "\n" + HEAD


# id: (text, words that every way in says)
REFUSED = {
    "nested flow": ("[" * 100_000, "exceeded max depth of 100"),
    "nested maps": ("{a: " * 100_000, "exceeded max depth of 100"),
    "nested dashes": ("- " * 100_000, "exceeded max depth of 100"),
    "nested keys": ("? " * 50_000, "exceeded max depth of 100"),
    "nested lines": ("".join(" " * n + "a:\n" for n in range(2000)), "exceeded max depth of 100"),
    "billion laughs": (laughs(9), "document contains excessive aliasing"),
    "quadratic in text": (
        "a: &a " + "x" * 1_000_000 + "\nb: [" + ",".join(["*a"] * 9000) + "]\n" + HEAD,
        "document contains excessive aliasing",
    ),
    "quadratic in merges": (
        "a: &a {" + ",".join(f"k{n}: 1" for n in range(2000)) + "}\n"
        + "".join(f"b{n}: {{<<: *a}}\n" for n in range(200)) + HEAD,
        "document contains excessive aliasing",
    ),
    "an anchor in itself": ("&a [*a]\n", "anchor 'a' value contains itself"),
    "python": (HEAD + "data: {a: !!python/name:os.system id}\n", "line 4: unknown tag"),
    "a tag of its own": (HEAD + "data: !mine {a: b}\n", "line 4: unknown tag !mine"),
    "broken base64": (HEAD + "data: {a: !!binary '###'}\n", "invalid base64 data"),
    "tab": (HEAD + "data:\n\ta: b\n", "found character that cannot start any token"),
    "a list as a key": (HEAD + "data: {[a]: b}\n", "invalid map key: []interface {}{\"a\"}"),
    "infinity": (HEAD + "data: {a: .inf}\n", "json: unsupported value: +Inf"),
    "escape character": (HEAD + "data: {a: \x1b]0;title\x07}\n", "control characters are not allowed"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_the_reader_refuses_it_within_a_tenth_of_a_second_and_fifty_mebibytes(name):
    text, words = REFUSED[name]
    spent = []
    for _ in range(3):  # the least of three: whatever else the machine does only adds
        gc.disable()
        started = time.thread_time()
        with pytest.raises(yaml_body.YamlError, match=re.escape(words)):
            list(yaml_body.load_all(text))
        spent.append(time.thread_time() - started)
        gc.enable()
    assert min(spent) < 0.1
    tracemalloc.start()
    with pytest.raises(yaml_body.YamlError):
        list(yaml_body.load_all(text))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * 2**20


@pytest.fixture
def cluster(transactional_db):
    return new_cluster("learner")


def post(cluster, body: bytes) -> tuple[bool, str]:
    """The API server's answer to a POST of YAML."""
    path = "/api/v1/namespaces/default/configmaps?fieldValidation=Strict"
    answer = handle(
        cluster, ApiRequest("POST", path, headers={"content-type": "application/yaml"}, body=body)
    )
    return answer.status < 400, answer.json.get("message", "")


def server_side_apply(cluster, body: bytes) -> tuple[bool, str]:
    path = "/api/v1/namespaces/default/configmaps/stored?fieldManager=me"
    headers = {"content-type": "application/apply-patch+yaml"}
    answer = handle(cluster, ApiRequest("PATCH", path, headers=headers, body=body))
    return answer.status < 400, answer.json.get("message", "")


def kubectl_apply(cluster, body: bytes) -> tuple[bool, str]:
    """kubectl apply -f - in the terminal."""
    errors: list[str] = []
    session = Session(cluster, "test")
    text = TextInput(body.decode(errors="surrogateescape"))
    status = session.execute(["kubectl", "apply", "-f", "-"], lambda _: None, err=errors.append, stdin=text)
    return status == 0, "".join(errors)


def page_apply(cluster, body: bytes) -> tuple[bool, str]:
    """The page's editor."""
    results = manifests.apply(cluster, body.decode(errors="surrogateescape"))
    return all("error" not in result for result in results), str([result.get("error") for result in results])


WAYS = {way.__name__: way for way in (post, server_side_apply, kubectl_apply, page_apply)}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_says_what_is_wrong_and_stores_nothing(cluster, way):
    before = cluster.snapshot().resource_version
    for name, (text, words) in REFUSED.items():
        taken, said = WAYS[way](cluster, text.encode())
        assert not taken, name
        assert words in said, name
        assert "Traceback" not in said, name
    assert cluster.snapshot().get("ConfigMap", "default", "stored") is None
    assert cluster.snapshot().resource_version == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (HEAD.encode() + b"data: {a: \xff\xfe}\n", ("UTF-8", "control characters", "Unicode")),
        (HEAD.encode() + b"data: {a: \x00}\n", ("control characters", "NUL")),
        (b"\n" * 1_000_000 + b"a: b\n", ("unknown field", "invalid object type", "kind")),
        (b"- \n" * 1_000_000, ("more than 250000 values",)),
        (b"#" * (4 * 2**20) + b"\n" + HEAD.encode(), ("larger than 3 MiB", "limit is 3145728")),
        # A request has one object: the server looks at the first document alone.
        (b"a: 1\n---\n" * 1200, ("1000 documents", "unknown field", "invalid object type")),
        (HEAD.encode() + b"data: " + b"1" * 5000, ("string", "expected map")),
        (HEAD.encode() + b"data: 0x" + b"f" * 100_000, ("string", "expected map")),
        (HEAD.encode() + b"data: {a: 1e99999}\nx: 1\n", ("unknown field", "not declared in schema")),
    ],
    ids=["bytes", "NUL", "lines", "values", "size", "documents", "digits", "hexadecimal", "exponent"],
)
def test_what_no_cluster_could_hold_is_refused_in_words(cluster, way, body, words):
    before = cluster.snapshot().resource_version
    taken, said = WAYS[way](cluster, body)
    assert not taken
    assert said
    assert any(word in said for word in words), said[:300]
    assert cluster.snapshot().resource_version == before
    assert connection.is_usable()


def test_the_page_hears_of_it_over_the_websocket_and_goes_on(alice):
    page = alice.page()
    page.expect("state")
    for name in ("nested flow", "nested dashes", "billion laughs", "python"):
        text, words = REFUSED[name]
        page.send("apply", yaml=text[:50_000], name="hostile.yaml")
        results = page.expect("applied")["results"]
        assert words in results[0]["error"], name
    page.send("apply", yaml=HEAD, name="fine.yaml")
    assert page.expect("applied")["results"][0]["message"] == "configmap/stored created"


def test_the_page_hears_of_it_when_it_posts_a_large_text(alice):
    token = json.loads(re.search(r'<script id="page"[^>]*>(.*?)</script>', alice.html, re.S)[1])["csrf"]
    for text, words in REFUSED.values():
        request = urllib.request.Request(
            f"{alice.server.url}/lab/apply",
            text.encode(),
            {"X-CSRFToken": token, "Content-Type": "application/yaml"},
        )
        with alice.browser.open(request) as answer:
            assert words in json.loads(answer.read())["results"][0]["error"]
