"""The pages, the kubeconfig and the editor's large manifests."""

import json
import re
import urllib.error
import urllib.request

import pytest


def _post(learner, path, body, **headers):
    request = urllib.request.Request(f"{learner.server.url}{path}", data=body, headers=headers, method="POST")
    try:
        with learner.browser.open(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _page(learner):
    return json.loads(
        re.search(r'<script id="page" type="application/json">(.*?)</script>', learner.html, re.S)[1]
    )


def test_a_first_visit_gets_a_cluster_and_a_cookie_that_scripts_cannot_read(server):
    with urllib.request.urlopen(f"{server.url}/") as answer:
        cookie = answer.headers["Set-Cookie"]
        text = answer.read().decode()
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Three copies of one program. Which one answers?" in text


def test_no_page_has_inline_script_or_asks_anybody_else(alice):
    scripts = re.findall(r"<script([^>]*)>", alice.html)
    assert all("src=" in attributes or "application/json" in attributes for attributes in scripts)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', alice.html)
    assert not re.search(r"\son\w+=", alice.html)


def test_the_editor_starts_with_the_tutorials_manifests(alice):
    names = [file["name"] for file in _page(alice)["files"]]
    assert {"demo-namespace.yaml", "backend-service.yaml", "frontend-nodeport.yaml"} <= set(names)


def test_the_kubeconfig_opens_the_learners_own_cluster(alice, bob):
    files = []
    for learner in (alice, bob):
        with learner.browser.open(f"{learner.server.url}/lab/kubeconfig") as answer:
            assert "attachment" in answer.headers["Content-Disposition"]
            assert answer.headers["Cache-Control"] == "no-store"
            files.append(answer.read().decode())
    servers = [re.search(r"server: (\S+)", text)[1] for text in files]
    assert servers[0] != servers[1]
    with urllib.request.urlopen(f"{servers[0]}/api/v1/namespaces") as answer:
        assert answer.status == 200


def test_a_stranger_has_no_kubeconfig(server):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}/lab/kubeconfig")
    refused.value.close()
    assert refused.value.code == 404


def test_a_large_manifest_is_posted_and_applied(alice):
    big = "# words\n" * 20_000 + "apiVersion: v1\nkind: Namespace\nmetadata: {name: large}\n"
    status, body = _post(
        alice,
        "/lab/apply",
        big.encode(),
        **{"X-CSRFToken": _page(alice)["csrf"], "Content-Type": "application/yaml"},
    )
    assert status == 200
    assert body["results"] == [{"message": "namespace/large created", "line": None}]


def test_a_manifest_over_three_mebibytes_is_too_large(alice):
    headers = {"X-CSRFToken": _page(alice)["csrf"], "Content-Type": "application/yaml"}
    status, body = _post(alice, "/lab/apply", b"#" * (10 * 1024 * 1024), **headers)
    assert status == 413, body


def test_applying_needs_the_token_of_the_page(alice):
    status, _ = _post(alice, "/lab/apply", b"a: b", **{"Content-Type": "application/yaml"})
    assert status == 403


def test_bytes_that_are_no_text_are_refused(alice):
    headers = {"X-CSRFToken": _page(alice)["csrf"], "Content-Type": "application/yaml"}
    status, body = _post(alice, "/lab/apply", b"\xff\xfe", **headers)
    assert (status, "UTF-8" in str(body)) == (400, True)
