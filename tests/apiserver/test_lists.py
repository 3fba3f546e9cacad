"""Lists of an older version, and pages that stay one list: GetList of storage/etcd3/store.go."""

from typing import Any

import pytest

from svclab.apiserver.dispatch import ApiRequest, ApiResponse, handle
from svclab.apiserver.options import continue_token
from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import ClusterHandle

pytestmark = pytest.mark.django_db
MAPS = "/api/v1/namespaces/default/configmaps"
OURS = "labelSelector=ours"


@pytest.fixture
def cluster() -> ClusterHandle:
    return new_cluster("lister")


def _send(cluster: ClusterHandle, method: str, path: str, body: Any = None) -> ApiResponse:
    answer = handle(cluster, ApiRequest.of(method, path, body))
    assert isinstance(answer, ApiResponse)
    return answer


def _make(cluster: ClusterHandle, name: str, namespace: str = "default") -> None:
    body = {"metadata": {"name": name, "labels": {"ours": ""}}, "data": {"key": "first"}}
    answer = _send(cluster, "POST", f"/api/v1/namespaces/{namespace}/configmaps", body)
    assert answer.status == 201, answer.body


def _list(cluster: ClusterHandle, query: str = "", path: str = MAPS) -> dict[str, Any]:
    answer = _send(cluster, "GET", f"{path}?{OURS}&{query}")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def _names(found: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in found["items"]]


def _turn_over(cluster: ClusterHandle) -> None:
    """Change b, delete c, make d."""
    patch = ApiRequest.of(
        "PATCH", f"{MAPS}/b", {"data": {"key": "second"}}, content_type="application/merge-patch+json"
    )
    handle(cluster, patch)
    _send(cluster, "DELETE", f"{MAPS}/c")
    _make(cluster, "d")


@pytest.mark.parametrize("how", ["resourceVersionMatch=Exact", "limit=10"])
def test_an_exact_version_shows_what_there_was(cluster: ClusterHandle, how: str) -> None:
    for name in "abc":
        _make(cluster, name)
    before = _list(cluster)
    version = before["metadata"]["resourceVersion"]
    _turn_over(cluster)

    assert _list(cluster, f"resourceVersion={version}&{how}") == before
    assert _names(_list(cluster, f"resourceVersion={version}")) == ["a", "b", "d"]


def test_pages_stay_one_list_while_objects_come_and_go(cluster: ClusterHandle) -> None:
    for name in "abc":
        _make(cluster, name)
    first = _list(cluster, "limit=1")
    _turn_over(cluster)

    rest = _list(cluster, f"limit=5&continue={first['metadata']['continue']}")

    assert _names(rest) == ["b", "c"]
    assert rest["items"][0]["data"] == {"key": "first"}
    assert rest["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


def test_a_version_before_the_log_is_too_old(cluster: ClusterHandle) -> None:
    refused = _send(cluster, "GET", f"{MAPS}?resourceVersion=1&resourceVersionMatch=Exact")

    assert (refused.status, refused.json["reason"]) == (410, "Expired")
    assert refused.json["message"] == "The resourceVersion for the provided list is too old."


def test_a_token_that_is_too_old_brings_one_that_goes_on(cluster: ClusterHandle) -> None:
    """handleCompactedErrorForPaging of storage/etcd3/errors.go."""
    for name in "abc":
        _make(cluster, name)

    refused = _send(cluster, "GET", f"{MAPS}?{OURS}&continue={continue_token(1, 'default/a')}")

    assert (refused.status, refused.json["reason"]) == (410, "Expired")
    assert refused.json["message"].startswith(
        "The provided continue parameter is too old to display a consis"
    )
    assert _names(_list(cluster, f"continue={refused.json['metadata']['continue']}")) == ["b", "c"]


def test_all_namespaces_come_in_the_order_of_etcds_keys(cluster: ClusterHandle) -> None:
    for namespace in ("shop", "shop-dev"):
        _send(cluster, "POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        _make(cluster, f"in-{namespace}", namespace)
    everywhere = "/api/v1/configmaps"

    first = _list(cluster, "limit=1", everywhere)
    rest = _list(cluster, f"continue={first['metadata']['continue']}", everywhere)

    assert [_names(first), _names(rest)] == [["in-shop-dev"], ["in-shop"]]
