"""Clusters that nobody comes back to make room for new ones; a full server says so."""

import json
from datetime import timedelta

import pytest
from django.test import RequestFactory

from svclab.cluster import access, dataplane, lifecycle, models, quota
from svclab.cluster.clock import real_now
from svclab.cluster.errors import Full
from svclab.kube.request import Request
from svclab.lab import apology

pytestmark = pytest.mark.django_db(transaction=True)


def last_seen(cluster, age, after=timedelta(minutes=1)):
    """As if it had been made, and `after` that last used, so long ago."""
    seen = real_now() - age
    models.Cluster.objects.filter(id=cluster.id).update(created_at=seen - after, seen_at=seen)


def owners():
    return set(models.Cluster.objects.values_list("owner", flat=True))


def test_a_cluster_that_was_only_looked_at_goes_after_a_day():
    for owner, hours in (("robot", 25), ("alice", 23)):
        last_seen(lifecycle.new_cluster(owner), timedelta(hours=hours))

    lifecycle.new_cluster("bob")

    assert owners() == {"alice", "bob"}


@pytest.mark.parametrize(
    "use",
    [
        lambda cluster: cluster.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes", "namespace": "default"}}
        ),
        lambda cluster: dataplane.send(cluster, Request("client/laptop", "http://192.168.64.11:31999")),
    ],
    ids=["a write", "a request"],
)
def test_a_cluster_in_which_something_was_done_waits_for_a_quarter(use):
    used, older = lifecycle.new_cluster("alice"), lifecycle.new_cluster("charlie")
    for cluster, days in ((used, 89), (older, 91)):
        use(cluster)
        last_seen(cluster, timedelta(days=days))

    lifecycle.new_cluster("bob")

    assert owners() == {"alice", "bob"}


def test_who_came_back_an_hour_later_has_not_only_looked():
    last_seen(lifecycle.new_cluster("alice"), timedelta(days=2), after=timedelta(hours=2))

    lifecycle.new_cluster("bob")

    assert owners() == {"alice", "bob"}


@pytest.mark.parametrize(
    "come_back",
    [
        lambda cluster: access.cluster_of("alice"),
        lambda cluster: access.cluster_of_secret(access.secret_of(cluster.id)),
    ],
    ids=["with her cookie", "with kubectl"],
)
def test_a_learner_who_comes_back_keeps_her_cluster(come_back):
    cluster = lifecycle.new_cluster("alice")
    last_seen(cluster, timedelta(days=200))

    assert come_back(cluster).id == cluster.id

    lifecycle.new_cluster("bob")
    assert owners() == {"alice", "bob"}


def test_a_full_server_takes_nobody_in_until_there_is_room(monkeypatch):
    monkeypatch.setattr(quota, "CLUSTERS", 2)
    for owner in ("alice", "bob"):
        cluster = lifecycle.new_cluster(owner)
    with pytest.raises(Full):
        lifecycle.new_cluster("charlie")

    last_seen(cluster, timedelta(days=2))

    lifecycle.new_cluster("charlie")
    assert owners() == {"alice", "charlie"}


def test_a_visitor_of_a_full_server_is_told_so():
    try:
        raise Full
    except Full:
        answer = apology.failed(RequestFactory().post("/"))

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert json.loads(answer.content)["error"].startswith("This server is full")
