"""Watches: what enters, changes and leaves a selection, from a version on, and what is too old."""

import json
from typing import Any

import pytest

from svclab.apiserver.dispatch import ApiRequest, ApiResponse, Watch, handle
from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import ClusterHandle

pytestmark = pytest.mark.django_db
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def cluster() -> ClusterHandle:
    return new_cluster("watcher")


def _map(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}}


def _send(cluster: ClusterHandle, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    answer = handle(cluster, ApiRequest.of(method, path, body, **headers))
    assert isinstance(answer, ApiResponse)
    assert answer.status < 300, answer.body
    return answer.json


def _watch(cluster: ClusterHandle, query: str, accept: str = "application/json") -> Watch:
    answer = handle(cluster, ApiRequest("GET", f"{MAPS}?watch=true&{query}", headers={"accept": accept}))
    assert isinstance(answer, Watch)
    return answer


def _told(watch: Watch) -> list[tuple[str, str]]:
    events = [json.loads(line) for line in watch.news()]
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


def test_without_a_version_the_present_comes_first_and_then_the_news(cluster: ClusterHandle) -> None:
    _send(cluster, "POST", MAPS, _map("old"))
    watch = _watch(cluster, "fieldSelector=metadata.name!=kube-root-ca.crt")
    assert _told(watch) == [("ADDED", "old")]

    _send(cluster, "POST", MAPS, _map("new"))
    _send(cluster, "DELETE", f"{MAPS}/old")

    assert _told(watch) == [("ADDED", "new"), ("DELETED", "old")]
    assert _told(watch) == []


def test_from_a_lists_version_nothing_is_missed_and_nothing_told_twice(cluster: ClusterHandle) -> None:
    version = _send(cluster, "GET", MAPS)["metadata"]["resourceVersion"]
    _send(cluster, "POST", MAPS, _map("between"))

    assert _told(_watch(cluster, f"resourceVersion={version}")) == [("ADDED", "between")]


def test_an_object_enters_and_leaves_a_selection_with_its_labels(cluster: ClusterHandle) -> None:
    watch = _watch(cluster, "labelSelector=colour=blue")
    assert _told(watch) == []
    _send(cluster, "POST", MAPS, _map("paint", colour="red"))
    merge = "application/merge-patch+json"
    _send(cluster, "PATCH", f"{MAPS}/paint", {"metadata": {"labels": {"colour": "blue"}}}, content_type=merge)
    _send(cluster, "PATCH", f"{MAPS}/paint", {"data": {"a": "1"}}, content_type=merge)
    red = {"metadata": {"labels": {"colour": "red"}}}
    last = _send(cluster, "PATCH", f"{MAPS}/paint", red, content_type=merge)

    events = [json.loads(line) for line in watch.news()]

    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    left = events[2]["object"]["metadata"]
    assert left["labels"] == {"colour": "blue"}, "who watches it last saw it as it was before it left"
    assert left["resourceVersion"] == last["metadata"]["resourceVersion"]


def test_a_table_watch_sends_the_columns_once(cluster: ClusterHandle) -> None:
    version = _send(cluster, "GET", MAPS)["metadata"]["resourceVersion"]
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    watch = _watch(cluster, f"resourceVersion={version}", accept)
    _send(cluster, "POST", MAPS, _map("a"))
    _send(cluster, "POST", MAPS, _map("b"))

    tables = [json.loads(line)["object"] for line in watch.news()]

    assert [table["kind"] for table in tables] == ["Table", "Table"]
    assert [column["name"] for column in tables[0]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert tables[1]["columnDefinitions"] is None
    assert [table["rows"][0]["cells"][0] for table in tables] == ["a", "b"]


def test_send_initial_events_ends_the_present_with_a_bookmark(cluster: ClusterHandle) -> None:
    _send(cluster, "POST", MAPS, _map("old"))
    watch = _watch(
        cluster,
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        "&fieldSelector=metadata.name=old",
    )

    events = [json.loads(line) for line in watch.news()]

    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_of_metadata_has_bookmarks_of_that_form(cluster: ClusterHandle) -> None:
    accept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
    watch = _watch(cluster, "allowWatchBookmarks=true&fieldSelector=metadata.name=x", accept)
    watch.news()

    bookmark = json.loads(watch.bookmark() or b"")

    assert (bookmark["type"], bookmark["object"]["kind"]) == ("BOOKMARK", "PartialObjectMetadata")
    assert set(bookmark["object"]["metadata"]) == {"resourceVersion"}


def test_a_version_from_before_the_log_is_expired(cluster: ClusterHandle) -> None:
    watch = _watch(cluster, "resourceVersion=1")

    event = json.loads(watch.news()[0])

    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert watch.ended
    assert watch.news() == []


def test_another_clusters_writes_are_not_told(cluster: ClusterHandle) -> None:
    watch = _watch(cluster, "resourceVersion=0&fieldSelector=metadata.name=secret")
    watch.news()
    _send(new_cluster("neighbour"), "POST", MAPS, _map("secret"))

    assert _told(watch) == []


def test_the_old_path_below_watch_follows_a_single_object(cluster: ClusterHandle) -> None:
    _send(cluster, "POST", MAPS, _map("one"))
    _send(cluster, "POST", MAPS, _map("other"))
    path = MAPS.replace("/v1/", "/v1/watch/")

    watch = handle(cluster, ApiRequest("GET", f"{path}/one", headers={"accept": "application/json"}))

    assert isinstance(watch, Watch)
    assert _told(watch) == [("ADDED", "one")]
