"""Traffic that runs in the background reaches the pages without crowding out what the learner does."""

from datetime import timedelta

import pytest

from svclab.cluster import dataplane
from svclab.cluster.clock import real_now
from svclab.cluster.lifecycle import new_cluster
from svclab.kube.request import Request
from svclab.lab import work

pytestmark = pytest.mark.django_db(transaction=True)


def came(cluster, seen):
    found = work.look(cluster.id, seen)
    whole = [message.trace["id"] for message in found.messages if message.type == "trace"]
    short = [each for message in found.messages if message.type == "traces" for each in message.traces]
    return found.seen, whole, [(each["id"], each["background"]) for each in short]


def send(cluster, origin):
    return dataplane.send(cluster, Request("pod/hello/visitor", "http://web"), origin).id


def test_of_background_traffic_one_trace_now_and_then_is_sent_whole_and_of_the_learners_every_one(
    monkeypatch,
):
    cluster, now = new_cluster("learner", seed="hello", random_seed="background"), real_now()
    monkeypatch.setattr(work, "real_now", lambda: now)
    seen, *_ = came(cluster, None)
    now += timedelta(seconds=5)

    others = [send(cluster, dataplane.BACKGROUND) for _ in range(3)]
    seen, whole, short = came(cluster, seen)
    assert (whole, short) == (others[-1:], [(others[0], True), (others[1], True)])

    now += timedelta(seconds=1)
    soon, mine = send(cluster, dataplane.BACKGROUND), send(cluster, "terminal")
    seen, whole, short = came(cluster, seen)
    assert (whole, short) == ([mine], [(soon, True)])

    now += timedelta(seconds=1)
    later = send(cluster, dataplane.BACKGROUND)
    assert came(cluster, seen)[1:] == ([later], [])


def test_a_new_page_is_told_which_requests_ran_in_the_background():
    cluster = new_cluster("learner", seed="hello", random_seed="background")
    send(cluster, "terminal")
    send(cluster, dataplane.BACKGROUND)

    assert [each["background"] for each in work.whole_state(cluster).traces] == [False, True]
