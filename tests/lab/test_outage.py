"""When nothing can be written: reads go on, writes are refused in words, and all is well again without a restart."""

import json
import resource
import socket
import urllib.request
from contextlib import ExitStack, contextmanager

import pytest

from tests.lab.conftest import Learner
from tests.lab.test_who_may_what import JSON, ask, secret_address, token
from tests.serving import serving

MAP = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "notes-"}}).encode()
NAMED = MAP.replace(b"generateName", b"name").replace(b"notes-", b"notes")
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@contextmanager
def full_disk(server):
    """No file of the server's grows beyond its first bytes."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, UNLIMITED)


def test_with_a_full_disk_reads_go_on_and_writes_are_refused_politely(tmp_path):
    with ExitStack() as sockets, serving(tmp_path) as server:
        alice = Learner(server, sockets)
        page = alice.page()
        page.expect("state")
        maps = f"{secret_address(alice)}/api/v1/namespaces/default/configmaps"
        post = (f"{server.url}/lab/apply", alice.browser, JSON | {"X-CSRFToken": token(alice)}, NAMED)
        with full_disk(server):
            assert ask("GET", maps)[0] == 200
            assert ask("GET", server.url + "/", alice.browser)[0] == 200
            status, headers, said = ask("POST", maps, headers=JSON, body=MAP)
            assert (status, json.loads(said)["reason"]) == (503, "ServiceUnavailable")
            assert headers["Retry-After"] == "2"
            assert "nothing was changed" in json.loads(said)["message"]
            page.send("send", source="client/laptop", target="http://192.168.64.11:31999", request="r1")
            refusal = page.expect("error")
            assert (refusal["request"], "nothing was changed" in refusal["message"]) == ("r1", True)
            stranger = ask("GET", server.url + "/")
            assert (stranger[0], stranger[1]["Retry-After"]) == (503, "2")
            assert "nothing was changed" in stranger[2]
            assert "nothing was changed" in json.loads(ask("POST", *post)[2])["results"][0]["error"]

        assert json.loads(ask("GET", maps)[2])["items"] == []
        assert ask("POST", maps, headers=JSON, body=MAP)[0] == 201
        page.send("send", source="client/laptop", target="http://192.168.64.11:31999")
        assert page.expect("trace")["trace"]["target"] == "http://192.168.64.11:31999"
        assert "Traceback" not in server.log


ODD = {
    "a path that is no UTF-8": b"GET /%ff%fe/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a path into the file system": b"GET /static/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "the same, encoded": b"GET /static/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a null byte in a lesson": b"GET /lessons/%00/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long path": b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an unknown method": b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a trace": b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "another host": b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "no host": b"GET / HTTP/1.0\r\n\r\n",
    "a cookie of ours that is none": b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: svclab_learner=\xff\xfe:::\r\n\r\n",
    "a cookie that is not one": b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: ;;=;\x01=,\r\n\r\n",
    "a length that is no number": b"POST /lab/apply HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
    "a body that says another encoding": b"POST /lab/apply HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n"
    b"Content-Type: text/plain; charset=utf-99\r\nContent-Length: 3\r\n\r\n\xff\xfe\xfd",
    "an API path that is no UTF-8": b"GET /k8s/%ff%fe/api/v1/pods HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an API without a secret": b"GET /k8s// HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an API query that is none": b"GET /k8s/x/api/v1/pods?%zz&&&=;limit=\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a token that is no text": b"GET /k8s/api/v1/pods HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    "an origin that is none": b"GET /ws/lab/ HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[::1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "a websocket elsewhere": b"GET /ws/elsewhere HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
}


@pytest.mark.parametrize("what", ODD)
def test_no_odd_request_is_answered_with_an_error_of_ours(server, what):
    host, port = server.url.removeprefix("http://").split(":")
    before = server.log.count("Traceback")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(ODD[what])
        answer = line.recv(65536)

    status = int(answer.split(b" ")[1]) if answer else 400  # a line that is cut is an answer, too
    assert status < 500, answer
    assert server.log.count("Traceback") == before
    assert urllib.request.urlopen(server.url + "/lessons/", timeout=20).status == 200
