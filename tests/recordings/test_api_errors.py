"""Recorded requests to a real API server, mostly wrong ones, get the same answers here."""

import json
from typing import Any

import pytest

from svclab.apiserver.dispatch import ApiRequest, handle
from svclab.cluster.lifecycle import new_cluster
from tests.recordings.api_replay import answer_to, do_given, normalised, records

pytestmark = pytest.mark.django_db

# Records that cannot hold here, with the reason.
CANNOT_HOLD: dict[str, str] = {}


def _outcome(response: dict[str, Any], kept: str, compare: str | None) -> Any:
    """As much of an answer as is comparable."""
    if compare == "status":
        return response["status"]
    body = normalised(response.get("body"), kept)
    if compare == "prefix":
        return response["status"], body["reason"], body["message"][:60]
    if compare == "set":
        causes = sorted(json.dumps(cause, sort_keys=True) for cause in body["details"]["causes"])
        return response["status"], body["reason"], causes
    warning = response["headers"].get("Warning")
    events = normalised(response.get("events"), kept)
    return (
        response["status"],
        response["headers"]["Content-Type"],
        warning,
        body,
        response.get("bodyText"),
        events,
    )


@pytest.mark.parametrize("record", records("api-errors.json"), ids=lambda record: record["id"])
def test_the_server_answers_as_a_real_one(record: dict[str, Any]) -> None:
    if record["id"] in CANNOT_HOLD:
        pytest.skip(CANNOT_HOLD[record["id"]])
    cluster = new_cluster("recorder")
    handle(cluster, ApiRequest.of("POST", "/api/v1/namespaces", {"metadata": {"name": "lab"}}))
    for step in record.get("given", ()):
        do_given(cluster, step)

    answer = answer_to(cluster, record["request"])

    kept = json.dumps([record["request"], record.get("given")])
    compare = record.get("compare")
    assert _outcome(answer, kept, compare) == _outcome(record["response"], kept, compare)
