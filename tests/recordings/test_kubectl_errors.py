"""Wrong commands, and right ones: our kubectl says what the real one said to the same server."""

import re
import shlex
from typing import Any

import pytest

from svclab.apiserver.dispatch import ApiRequest, handle
from svclab.cluster.lifecycle import new_cluster
from tests.recordings.api_replay import do_given, normalised, records
from tests.recordings.kubectl_replay import Terminal, as_json, kubectl_errors, steered

pytestmark = pytest.mark.django_db(transaction=True)

# Records that cannot hold here, with the reason.
CANNOT_HOLD: dict[str, str] = {}


@pytest.mark.parametrize(
    "record", kubectl_errors(records("api-errors.json")), ids=lambda record: record["id"]
)
def test_kubectl_says_what_the_real_one_said(record: dict[str, Any]) -> None:
    if record["id"] in CANNOT_HOLD:
        pytest.skip(CANNOT_HOLD[record["id"]])
    cluster = new_cluster("recorder")
    handle(cluster, ApiRequest.of("POST", "/api/v1/namespaces", {"metadata": {"name": "lab"}}))
    for step in record.get("given", ()):
        do_given(cluster, steered(step))
    cluster.set_clock(lambda clock, real: clock.with_rate(10, real))
    recorded = record["kubectl"]
    argv = [_filled(word, record) for word in recorded["argv"]]

    out, err, code = Terminal(cluster).run("kubectl " + shlex.join(argv), recorded.get("stdin"))

    kept = as_json([record["request"], record.get("given"), argv])
    assert code == recorded["exit"]
    assert _comparable(out, kept, record) == _comparable(recorded["stdout"], kept, record)
    assert _comparable(err, kept, record) == _comparable(recorded["stderr"], kept, record)


def _filled(word: str, record: dict[str, Any]) -> str:
    """A word of the command with the value that its placeholder stands for."""
    if "<clusterIP>" not in word:
        return word
    address = re.search(r'\["(10\.[\d.]+)"\]', record["kubectl"]["stderr"])
    assert address
    return word.replace("<clusterIP>", address[1])


def _comparable(text: str, kept: str, record: dict[str, Any]) -> Any:
    text = normalised(text, kept)
    if record.get("compare") == "set":
        return sorted(text.split("\n"))
    if record.get("compare") == "prefix":
        return text[:120]
    return text
