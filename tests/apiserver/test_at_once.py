"""What the event loop may answer without waiting: only what memory holds exactly as the database does."""

import sqlite3

import pytest
from django.db import connection

from svclab.apiserver.dispatch import ApiRequest, handle, handle_at_once
from svclab.cluster import access, lifecycle, look, memory, models

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite is read from the event loop"),
]


@pytest.fixture
def cluster(monkeypatch):
    beside = sqlite3.connect(connection.settings_dict["NAME"], uri=True)
    monkeypatch.setattr(look, "_connection", lambda: beside)
    found = lifecycle.new_cluster("alice")
    found.set_clock(lambda clock, real: clock.pause(real))
    found.advance()
    yield found
    beside.close()


def of(cluster):
    return look.at_once(access.secret_of(cluster.id))


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/default/services/kubernetes",
        "/api/v1/nodes",
        "/api/v1/namespaces/kube-system/services",
        "/api/v1/configmaps/nothing/here",
        "/api/v1/namespaces/default/services/missing",
        "/apis/events.k8s.io/v1/events",
    ],
)
def test_an_answer_from_memory_is_the_answer_of_the_api(cluster, path):
    quick, slow = (
        handle_at_once(of(cluster), ApiRequest("GET", path)),
        handle(cluster, ApiRequest("GET", path)),
    )

    assert quick is None or (quick.status, quick.headers, quick.body) == (
        slow.status,
        slow.headers,
        slow.body,
    )
    assert (quick is None) == (path == "/api/v1/configmaps/nothing/here")


@pytest.mark.parametrize(
    "request_",
    [
        ApiRequest("POST", "/api/v1/namespaces/default/services"),
        ApiRequest("GET", "/api/v1/services?watch=true"),
        ApiRequest("GET", "/api/v1/namespaces/default/pods/web/log"),
        ApiRequest(
            "GET", "/api/v1/nodes", headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
        ),
    ],
)
def test_what_writes_waits_or_works_something_out_goes_to_a_thread(cluster, request_):
    assert handle_at_once(of(cluster), request_) is None


def test_a_revoked_secret_opens_nothing_from_the_event_loop_either(cluster):
    secret = access.secret_of(cluster.id)
    assert look.at_once(secret) is not None

    access.revoke_secret(cluster.id)

    assert look.at_once(secret) is None
    assert look.at_once("") is None


def test_after_another_process_has_written_memory_is_not_trusted(cluster):
    models.Cluster.objects.filter(id=cluster.id).update(revision=10_000)

    assert of(cluster) is None


def test_a_cluster_in_which_something_is_due_must_settle_first(cluster):
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}})
    assert of(cluster) is None

    cluster.advance()

    assert of(cluster) is not None


def test_a_cluster_that_memory_has_forgotten_is_read_in_a_thread(cluster):
    memory.forget(cluster.id)

    assert of(cluster) is None


def test_an_object_s_text_follows_its_changes(cluster):
    request = ApiRequest("GET", "/api/v1/nodes/node1")
    before = handle(cluster, request).json
    node = cluster.snapshot().get("Node", "", "node1")

    cluster.update({**node, "metadata": {**node["metadata"], "labels": {"changed": "yes"}}})

    assert before["metadata"]["labels"] != {"changed": "yes"}
    assert handle(cluster, request).json["metadata"]["labels"] == {"changed": "yes"}
