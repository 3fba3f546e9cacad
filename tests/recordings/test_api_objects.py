"""Objects get the defaults, addresses and statuses that a real API server gave the same manifests."""

import json
from typing import Any

import pytest

from svclab.apiserver.dispatch import ApiRequest, ApiResponse, handle
from svclab.cluster.lifecycle import new_cluster
from tests.recordings.api_replay import normalised, records

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("record", records("api-objects.json"), ids=lambda record: record["id"])
def test_a_manifest_is_completed_as_by_a_real_server(record: dict[str, Any]) -> None:
    cluster = new_cluster("recorder")
    if record["steps"][0]["sent"]["kind"] != "Namespace":
        handle(
            cluster, ApiRequest.of("POST", "/api/v1/namespaces", {"metadata": {"name": record["namespace"]}})
        )

    for step in record["steps"]:
        answer = handle(cluster, ApiRequest.of("POST", step["path"], step["sent"]))

        assert isinstance(answer, ApiResponse)
        kept = json.dumps(step["sent"])
        assert normalised(answer.json, kept) == normalised(step["answered"], kept)
        assert answer.status == step["status"]
