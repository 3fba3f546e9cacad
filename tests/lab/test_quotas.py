"""What one learner may use of the server, and the words in which it says no.

Objects, Services, stored bytes: tests/cluster/test_store.py; pods: test_settle.py; trace events: test_dataplane.py;
output, steps and time of a command: tests/terminal/test_limits.py; messages: test_consumers.py; manifests:
test_bad_yaml.py.
"""

import json
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest

from svclab.apiserver.hub import WATCHES_PER_CLUSTER
from svclab.cluster.quota import Quota
from svclab.lab import protocol
from svclab.terminal import process
from tests.lab.test_who_may_what import secret_address


def test_the_numbers_are_the_stated_ones():
    assert Quota() == Quota(
        objects=500, pods=200, services=50, stored_bytes=20 * 2**20, events=1000, trace_events=10_000
    )
    assert (protocol.MAX_BYTES, protocol.MAX_PER_SECOND, protocol.MAX_TERMINALS) == (64 * 1024, 50, 8)
    assert (process.TIME_LIMIT_SECONDS, process.OUTPUT_LIMIT_BYTES, WATCHES_PER_CLUSTER) == (60, 2**20, 20)


def test_a_twenty_first_watch_is_told_to_close_one_and_others_are_not_concerned(alice, bob):
    hers, his = (f"{secret_address(learner)}/api/v1/configmaps?watch=true" for learner in (alice, bob))
    with ExitStack() as watches:
        for _ in range(WATCHES_PER_CLUSTER):
            watches.enter_context(urllib.request.urlopen(hers, timeout=20))
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(hers, timeout=20)
        with refused.value as answer:
            status = json.loads(answer.read())
            assert (answer.code, status["reason"]) == (429, "TooManyRequests")
            assert "20 watches open" in status["message"]
            assert answer.headers["Retry-After"]
        watches.enter_context(urllib.request.urlopen(his, timeout=20))


def test_a_learners_pages_share_her_eight_terminals(alice, bob):
    pages = [alice.page(), alice.page()]
    for number in range(protocol.MAX_TERMINALS):
        pages[number % 2].send("term.open", session=f"t{number}")
        pages[number % 2].expect("term.opened")
    pages[0].send("term.open", session="one-more")
    assert "8 terminals" in pages[0].expect("error")["message"]
    pages[1].send("term.close", session="t1")
    pages[1].send("peek", source="client/laptop", target="http://web")  # answered after it
    pages[1].expect("peeked")
    pages[0].send("term.open", session="one-more")
    assert pages[0].expect("term.opened")["session"] == "one-more"
    his = bob.page()
    his.send("term.open", session="t")
    his.expect("term.opened")


def test_a_request_over_three_mebibytes_is_refused(alice):
    request = urllib.request.Request(
        f"{secret_address(alice)}/api/v1/namespaces/default/configmaps",
        b" " * (3 * 2**20 + 1),
        {"Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as answer:
        assert answer.code == 413
        assert json.loads(answer.read())["message"] == "Request entity too large: limit is 3145728"
