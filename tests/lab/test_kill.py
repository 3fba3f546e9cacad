"""What was acknowledged survives a server that is killed right after it; one that is asked to end, ends soon."""

import contextlib
import json
import signal
import time
import urllib.request
from contextlib import ExitStack

from websockets.exceptions import ConnectionClosed

from svclab.lessons.catalogue import lessons
from svclab.lessons.start import files
from tests.lab.conftest import Learner
from tests.lab.test_who_may_what import JSON, ask, secret_address, token
from tests.serving import free_port, serving

KILLS = 5


def posted(learner, path, body):
    status, _, said = ask(
        "POST", learner.server.url + path, learner.browser, JSON | {"X-CSRFToken": token(learner)}, body
    )
    assert status == 200, said
    return json.loads(said)


def test_every_kind_of_acknowledged_work_survives_kill_9(tmp_path):
    asking = next(lesson for lesson in lessons().values() if any(step.predict for step in lesson.steps))
    step = next(step for step in asking.steps if step.predict)
    editing = next(lesson for lesson in lessons().values() if files(lesson))
    name = next(iter(files(editing)))
    port, learner, maps, traces, texts = free_port(), None, [], [], []

    for life in range(KILLS):
        with ExitStack() as sockets, serving(tmp_path, port, kill=True) as server:
            learner = learner or Learner(server, sockets)
            learner._sockets = sockets
            page = learner.page()
            page.expect("state")
            if life == 0:
                choice = json.dumps({"step": step.id, "choice": 0}).encode()
                posted(learner, f"/lessons/{asking.id}/predict", choice)
            page.send("send", source="client/laptop", target="http://web.hello", request="r")
            traces.append(page.expect("trace")["trace"]["id"])
            texts.append(f"# life {life}\n")
            posted(
                learner, f"/lessons/{editing.id}/file", json.dumps({"file": name, "text": texts[-1]}).encode()
            )
            page.send("apply", yaml=f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: applied-{life}}}\n")
            assert "message" in page.expect("applied")["results"][0]
            body = json.dumps(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"posted-{life}"}}
            )
            api = secret_address(learner)
            path = f"{api}/api/v1/namespaces/default/configmaps"
            assert ask("POST", path, headers=JSON, body=body.encode())[0] == 201
            maps += [f"applied-{life}", f"posted-{life}"]

    with ExitStack() as sockets, serving(tmp_path, port) as server:
        learner._sockets = sockets
        page = learner.page()
        known = {trace["id"] for trace in page.expect("state")["traces"]}
        found = json.loads(ask("GET", f"{secret_address(learner)}/api/v1/namespaces/default/configmaps")[2])
        lesson_page = ask("GET", f"{server.url}/lessons/{asking.id}/", learner.browser)[2]
        workspace = ask("GET", f"{server.url}/", learner.browser)[2]
    assert set(maps) <= {item["metadata"]["name"] for item in found["items"]}
    assert set(traces) <= known
    assert len(set(traces)) == KILLS
    assert f'"predictions": {{"{step.id}"' in lesson_page
    assert texts[-1].strip() in workspace


def test_a_server_that_is_asked_to_end_does_so_within_ten_seconds(tmp_path):
    with ExitStack() as sockets, serving(tmp_path) as server:
        learner = Learner(server, sockets)
        page = learner.page()
        page.expect("state")
        page.send("term.open", session="t")
        page.expect("term.opened")
        page.send("term.run", session="t", line="sleep 1000")
        address = f"{secret_address(learner)}/api/v1/pods?watch=true"
        sockets.enter_context(urllib.request.urlopen(address, timeout=20))

        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionClosed):
            while True:
                page.socket.recv(timeout=10)
        server.process.wait(10)
        assert time.monotonic() - started < 10
