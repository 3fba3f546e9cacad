"""Who may do what, from outside, over HTTP, websocket and Kubernetes API. A route without an entry here fails."""

import json
import logging
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from itertools import product
from urllib.parse import urlsplit

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from websockets.exceptions import ConnectionClosed

from svclab.apiserver.discretion import Discreet
from svclab.lab.routing import websocket_urlpatterns
from tests.serving import ROOT

LESSON = "first-packet"

# Route: method, path, what an owner gets, what a visitor without a cookie gets. A page gives her a cluster of her
# own; everything else is not there for her. No URL names a cluster, so there is nobody else's to ask for.
PAGES = {
    "": ("GET", "/", 200, 200),
    "lessons/": ("GET", "/lessons/", 200, 200),
    "lessons/<slug:lesson_id>/": ("GET", f"/lessons/{LESSON}/", 200, 200),
}
ANSWERS = {
    "lab/kubeconfig": ("GET", "/lab/kubeconfig", 200, 404),
    "lessons/map": ("GET", "/lessons/map", 200, 404),
    "lessons/<slug:lesson_id>/checks": ("GET", f"/lessons/{LESSON}/checks", 200, 404),
    "lessons/<slug:lesson_id>/ground": ("GET", f"/lessons/{LESSON}/ground", 200, 404),
}
POSTS = {
    "lab/apply": ("POST", "/lab/apply", 200, 403),
    "lab/kubeconfig/renew": ("POST", "/lab/kubeconfig/renew", 200, 403),
    "lessons/<slug:lesson_id>/ground": ("POST", f"/lessons/{LESSON}/ground", 200, 403),
    "lessons/<slug:lesson_id>/start": ("POST", f"/lessons/{LESSON}/start", 200, 403),
    "lessons/<slug:lesson_id>/file": (
        "POST",
        f"/lessons/{LESSON}/file",
        404,
        403,
    ),  # the lesson has no manifest
    "lessons/<slug:lesson_id>/predict": ("POST", f"/lessons/{LESSON}/predict", 404, 403),  # no such option
}
TABLE = [*PAGES.values(), *ANSWERS.values(), *POSTS.values()]


def routes(patterns, before=""):
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, before + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield before + str(pattern.pattern)


def test_every_route_stands_in_the_table():
    assert set(routes(get_resolver().url_patterns)) == {*PAGES, *ANSWERS, *POSTS}
    assert [str(route.pattern) for route in websocket_urlpatterns] == ["ws/lab/"]
    # What is mounted beside the pages: the API and its streams, below an address that holds a secret.
    mounted = re.findall(r'"\^?/?([\w/-]+/)"', (ROOT / "svclab" / "asgi.py").read_text())
    assert set(mounted) == {"k8s/"}


def ask(method, url, opener=None, headers=None, body=b"{}"):
    """(status, headers, body) of an answer, refused or not."""
    request = urllib.request.Request(url, body if method == "POST" else None, headers or {}, method=method)
    open_ = opener.open if opener else urllib.request.urlopen
    try:
        with open_(request) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def token(learner):
    return json.loads(re.search(r'<script id="page"[^>]*>(.*?)</script>', learner.html, re.S)[1])["csrf"]


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(("method", "path", "owner", "anonymous"), TABLE)
def test_an_owner_gets_her_own_and_anybody_else_nothing(server, alice, method, path, owner, anonymous):
    headers = JSON | {"X-CSRFToken": token(alice)}

    assert ask(method, server.url + path, alice.browser, headers)[0] == owner
    assert ask(method, server.url + path, headers=JSON)[0] == anonymous


@pytest.mark.parametrize("path", [entry[1] for entry in POSTS.values()])
def test_a_post_without_the_pages_token_changes_nothing(server, alice, path):
    assert ask("POST", server.url + path, alice.browser, JSON)[0] == 403
    assert ask("POST", server.url + path, alice.browser, JSON | {"X-CSRFToken": "x" * 64})[0] == 403
    assert ask("GET", server.url + path, alice.browser)[0] in (200, 405)


@pytest.mark.parametrize("path", [*(entry[1] for entry in PAGES.values()), "/nothing-here", "/lessons/none/"])
def test_every_page_has_its_protecting_headers(server, path):
    _, headers, _ = ask("GET", server.url + path)

    policy = headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy.replace("; ", ";") + ";"
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    for cookie in headers.get_all("Set-Cookie", []):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_behind_https_cookies_are_secure_and_plain_http_is_sent_away(tmp_path):
    program = (
        "import django; django.setup(); from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0); call_command('collectstatic', verbosity=0, interactive=False)\n"
        "from django.test import Client\n"
        "plain = Client().get('/', headers={'host': 'lab.example.org'})\n"
        "page = Client().get('/', headers={'host': 'lab.example.org', 'x-forwarded-proto': 'https'})\n"
        "print(plain.status_code, plain['Location'], page.status_code, page['Strict-Transport-Security'])\n"
        "print(all(cookie['secure'] and cookie['httponly'] for cookie in page.cookies.values()), len(page.cookies))\n"
        "call_command('check', deploy=True, fail_level='WARNING')\n"
    )
    settings = {"SVCLAB_VAR": str(tmp_path), "SVCLAB_HTTPS": "1", "SVCLAB_HOSTS": "lab.example.org",
                "DJANGO_SETTINGS_MODULE": "svclab.settings", "PATH": "/usr/bin:/bin"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=settings, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [
        "301 https://lab.example.org/ 200 max-age=2592000",
        "True 2",
    ]


# ---- the websocket ----


def test_the_pages_socket_opens_with_an_own_cookie_from_an_own_page_only(server, line, alice):
    for cookie, origin in [
        ("", None),
        ("svclab_learner=guest-0123456789abcdef0123456789abcdef", None),
        (re.sub(r"learner=.", "learner=x", alice.cookie), None),
        (alice.cookie, "https://elsewhere.example"),
        (alice.cookie, server.url.replace("http:", "https:").replace("127.0.0.1", "localhost")),
        (alice.cookie, "null"),
    ]:
        opened = line(cookie=cookie, origin=origin)
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv(timeout=10)
        assert closed.value.rcvd.code == 4003, (cookie, origin)


def test_nothing_that_a_page_sends_reaches_another_learners_cluster(alice, bob):
    hers, his = alice.page(), bob.page()
    state = hers.expect("state")
    his.expect("state")
    hers.send("apply", yaml="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: diary}\n")
    hers.expect("applied")
    hers.send("send", source="client/laptop", target="http://web")
    number = hers.expect("trace")["trace"]["id"]

    his.send("trace.get", id=number)
    assert "no longer stored" in his.expect("error")["message"]
    his.send("delete", kind="ConfigMap", namespace="default", name="diary")
    assert "not found" in his.expect("error")["message"]
    again = bob.page(life=state["life"], rv=state["rv"], last_seq=10**6)
    assert again.expect("state")["life"] != state["life"]
    his.send("term.open", session="t")
    his.expect("term.opened")
    his.send("term.run", session="t", line="kubectl get configmap diary", id="1")
    assert his.expect("term.done")["status"] == 1
    assert "diary" not in json.dumps([message for message in again.seen if message["type"] == "state"])


def test_a_terminal_is_named_within_its_own_page(alice, bob):
    hers, his = alice.page(), bob.page()
    hers.send("term.open", session="main")
    hers.expect("term.opened")
    his.send("term.run", session="main", line="echo taken over", id="1")
    assert his.expect("error")["message"] == "This terminal is closed."


# ---- the Kubernetes API ----


def secret_address(learner):
    """http://.../k8s/SECRET out of the learner's kubeconfig."""
    return re.search(
        r"server: (\S+)", ask("GET", f"{learner.server.url}/lab/kubeconfig", learner.browser)[2]
    )[1]


def test_a_secret_opens_one_cluster_and_nothing_else_opens_any(server, alice, bob):
    hers, his = secret_address(alice), secret_address(bob)
    body = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"diary"}}'
    assert ask("POST", f"{hers}/api/v1/namespaces/default/configmaps", headers=JSON, body=body)[0] == 201

    assert ask("GET", f"{hers}/api/v1/namespaces/default/configmaps/diary")[0] == 200
    assert ask("GET", f"{his}/api/v1/namespaces/default/configmaps/diary", bob.browser)[0] == 404
    secret = hers.rpartition("/")[2]
    wrong = [
        f"{server.url}/k8s",
        hers[:-1],
        f"{hers}x",
        hers.swapcase(),
        f"{server.url}/k8s/{alice.cookie[16:60]}",
    ]
    for address, opener in product(wrong, (alice.browser, None)):
        status, _, said = ask("GET", f"{address}/api/v1/nodes", opener)
        assert status == 404, address
        assert secret not in said


def test_what_the_api_answers_is_taken_for_what_it_says_it_is(alice):
    log = "/api/v1/namespaces/kube-system/pods/kube-apiserver-control-plane/log"
    for path in ("/api/v1/pods", log, "/nowhere"):
        assert ask("GET", secret_address(alice) + path)[1]["X-Content-Type-Options"] == "nosniff"


def test_cookies_neither_open_nor_close_the_kubernetes_api(server, alice, bob):
    address = secret_address(alice)
    assert ask("GET", f"{address}/api/v1/nodes", bob.browser)[0] == 200
    _, headers, _ = ask("GET", f"{address}/api/v1/nodes", headers={"Cookie": "svclab_learner=broken; x"})
    assert headers["Set-Cookie"] is None
    assert headers["Access-Control-Allow-Origin"] is None


def running_pod(address):
    """The path of a pod that the learner made, once it runs."""
    spec = {"containers": [{"name": "c", "image": "nginx:alpine"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "diary"}, "spec": spec}
    ask("POST", f"{address}/api/v1/namespaces/default/pods", headers=JSON, body=json.dumps(pod).encode())
    path = "/api/v1/namespaces/default/pods/diary"
    for _ in range(60):
        if json.loads(ask("GET", address + path)[2])["status"]["phase"] == "Running":
            return path
        time.sleep(0.5)
    raise AssertionError("the pod does not run")


def handshake(url, protocol, cookie):
    """The status of the answer to a websocket's handshake."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as wire:
        wire.sendall(
            f"GET {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {cookie}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n".encode()
        )
        return int(wire.recv(4096).split()[1])


@pytest.mark.parametrize(
    "what", ["exec?command=id&stdout=true", "attach?stdout=true", "portforward?ports=80"]
)
def test_a_shell_in_a_pod_needs_the_secret_of_its_cluster(server, alice, bob, what):
    address = secret_address(alice)
    path = f"{running_pod(address)}/{what}"
    protocol = "SPDY/3.1+portforward.k8s.io" if "port" in what else "v5.channel.k8s.io"

    for base in (f"{server.url}/k8s", secret_address(bob), address[:-2]):
        assert handshake(base + path, protocol, alice.cookie) == 403, base
    assert handshake(address + path, protocol, "") == 101


def test_neither_secrets_nor_cookies_are_in_the_servers_log(server, alice):
    address = secret_address(alice)
    ask("GET", f"{address}/api/v1/nodes")
    ask("GET", f"{address}/nothing")
    ask("GET", f"{server.url}/nothing-here", alice.browser)
    alice.page().expect("state")

    assert address.rpartition("/")[2] not in server.log
    assert all(cookie.value not in server.log for cookie in alice.cookies)
    assert "/k8s/" not in server.log.replace("/k8s/...", "")


def test_a_line_that_would_show_a_secret_is_written_without_it():
    record = logging.LogRecord(
        "daphne",
        logging.WARNING,
        "",
        0,
        "slow: %s",
        ("uri=/k8s/Zk3-0_aBcDeFgHiJkLmN/api svclab_learner=abc; Bearer x.y",),
        None,
    )
    assert Discreet().format(record) == "slow: uri=/k8s/.../api svclab_learner=...; Bearer ..."
