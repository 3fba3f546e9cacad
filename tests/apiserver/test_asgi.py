"""The API over HTTP: secrets, sizes, headers at once, and what a stranger sees."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator

from svclab.apiserver.asgi import application, identify
from svclab.apiserver.messages import ADMIN, UNKNOWN
from svclab.cluster.access import revoke_secret, secret_of
from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import ClusterHandle

pytestmark = pytest.mark.django_db(transaction=True)


async def _cluster() -> tuple[ClusterHandle, str]:
    cluster = await sync_to_async(new_cluster)("learner")
    secret = await sync_to_async(secret_of)(cluster.id)
    assert secret
    return cluster, secret


def _scope(path: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
    }


async def _ask(
    path: str, method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], Any]:
    communicator = ApplicationCommunicator(application, _scope(path, method, **headers))
    await communicator.send_input({"type": "http.request", "body": body})
    start = await communicator.receive_output(10)
    content = (await communicator.receive_output(10))["body"]
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, json.loads(content) if content[:1] == b"{" else content


async def test_the_secret_in_the_url_opens_one_cluster() -> None:
    _, secret = await _cluster()

    status, headers, nodes = await _ask(f"/k8s/{secret}/api/v1/nodes")

    assert (status, headers["content-type"], nodes["kind"]) == (200, "application/json", "NodeList")


async def test_an_unknown_or_revoked_secret_is_not_found_and_says_no_more() -> None:
    cluster, secret = await _cluster()
    await sync_to_async(revoke_secret)(cluster.id)

    revoked, unknown = await _ask(f"/k8s/{secret}/api/v1/nodes"), await _ask("/k8s/guess/api/v1/nodes")

    assert revoked[0] == unknown[0] == 404
    assert revoked[2] == unknown[2]
    assert unknown[2]["kind"] == "Status"


async def test_a_bearer_token_that_is_not_the_secret_is_refused() -> None:
    _, secret = await _cluster()

    wrong = await _ask(f"/k8s/{secret}/api/v1/nodes", authorization="Bearer letmein")
    right = await _ask("/k8s/api/v1/nodes", authorization=f"Bearer {secret}")

    assert (wrong[0], wrong[2]["message"]) == (401, "Unauthorized")
    assert right[0] == 200


def test_who_asks_is_told_by_path_and_header_together() -> None:
    assert identify("/k8s/s3/api", {}) == ("/api", "s3", ADMIN)
    assert identify("/k8s/s3", {}) == ("/", "s3", ADMIN)
    assert identify("/k8s/s3/api/", {"authorization": "Basic x"}) == ("/api", "s3", UNKNOWN)
    assert identify("/k8s/apis/apps/v1", {"authorization": "Bearer t"}) == ("/apis/apps/v1", "t", ADMIN)


async def test_a_body_above_three_mebibytes_is_refused() -> None:
    _, secret = await _cluster()

    status, _, answer = await _ask(
        f"/k8s/{secret}/api/v1/namespaces/default/configmaps", "POST", b" " * (3 * 1024 * 1024 + 1)
    )

    assert (status, answer["reason"]) == (413, "RequestEntityTooLarge")


async def test_a_watch_sends_headers_before_anything_happens_and_then_the_news() -> None:
    _, secret = await _cluster()
    base = f"/k8s/{secret}/api/v1/namespaces/default/configmaps"
    version = (await _ask(base))[2]["metadata"]["resourceVersion"]
    watch = ApplicationCommunicator(application, _scope(f"{base}?watch=true&resourceVersion={version}"))
    await watch.send_input({"type": "http.request", "body": b""})
    assert (await watch.receive_output(5))["status"] == 200
    assert (await watch.receive_output(5))["body"] == b""

    await _ask(base, "POST", b'{"metadata":{"name":"news"}}', content_type="application/json")
    event = json.loads((await watch.receive_output(5))["body"])

    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "news")
    await watch.send_input({"type": "http.disconnect"})
    await watch.wait(5)


async def test_a_watch_ends_at_its_timeout() -> None:
    _, secret = await _cluster()
    path = f"/k8s/{secret}/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0&timeoutSeconds=1"
    watch = ApplicationCommunicator(application, _scope(path))
    await watch.send_input({"type": "http.request", "body": b""})
    more = True
    async with asyncio.timeout(6):
        await watch.receive_output(5)
        while more:
            more = (await watch.receive_output(5)).get("more_body", False)

    await watch.wait(5)


async def test_time_passes_while_somebody_watches() -> None:
    _, secret = await _cluster()
    pods = f"/k8s/{secret}/api/v1/namespaces/default/pods"
    pod = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "nginx:1.25"}]}}
    await _ask(pods, "POST", json.dumps(pod).encode(), content_type="application/json")
    watch = ApplicationCommunicator(application, _scope(f"{pods}?watch=true"))
    await watch.send_input({"type": "http.request", "body": b""})
    await watch.receive_output(5)
    phase = ""
    async with asyncio.timeout(15):
        while phase != "Running":
            for line in (await watch.receive_output(10))["body"].splitlines():
                phase = json.loads(line)["object"]["status"]["phase"]

    await watch.send_input({"type": "http.disconnect"})
    await watch.wait(5)
