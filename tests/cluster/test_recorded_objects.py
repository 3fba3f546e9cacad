"""What the controllers make of a manifest is what those of a real cluster made of it.

Recorded `after` lists (tests/recordings/api/README.md): names with random suffixes, addresses, nodes and
times are not compared, all other fields are. Which pods were ready was the recorder's choice.
"""

import json
import re

import pytest

from svclab.apiserver.dispatch import ApiRequest, handle
from tests.cluster.harness import paused_cluster, wait
from tests.recordings.api_replay import records

pytestmark = pytest.mark.django_db(transaction=True)

RECORDED = [record for record in records("api-objects.json") if record.get("after")]
STEERED = "svclab.test/ready"  # an annotation by which the recorder kept a pod from being ready
TOLD = {"ScalingReplicaSet", "SuccessfulCreate"}  # the recorder had no scheduler and no kubelet


def comparable(kind, manifests):
    """Objects without what differs between two runs, in an order of their own."""
    text = json.dumps([trimmed(kind, manifest) for manifest in manifests], sort_keys=True)
    text = re.sub(r"\b10\.(?:244|9[6-9]|1[01]\d)(?:\.\d+){2}\b", "<ip>", text)
    text = re.sub(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|<uid:[^>]*>+", "<uid>", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", text)
    text = re.sub(r'"resourceVersion": "\d+"', '"resourceVersion": "<resourceVersion>"', text)
    text = re.sub(r"\.(?:[0-9a-f]{16}|<hex>)", ".<hex>", text)
    text = re.sub(r"-[bcdfghjklmnpqrstvwxz2456789]{5}(?=[\".])", "-<random>", text)
    return sorted(json.dumps(manifest, sort_keys=True) for manifest in json.loads(text))


def trimmed(kind, manifest):
    text = (
        json.dumps(manifest).replace("zone-b", "zone-a").replace("node2", "node1").replace(".64.12", ".64.11")
    )
    copy = {k: v for k, v in json.loads(text).items() if k not in ("kind", "apiVersion")}
    copy["metadata"].pop("managedFields", None)
    if kind == "EndpointSlice":
        copy["metadata"].pop("generation")  # counts the steps on the way
        for endpoint in copy["endpoints"] or ():
            endpoint["targetRef"].pop("name")
        copy["endpoints"] = sorted(copy["endpoints"] or [], key=str)
    if kind == "Endpoints":
        for subset in copy.get("subsets") or ():
            for address in subset.get("addresses", ()):
                address.get("targetRef", {}).pop("name", None)
    if kind == "Service" and "nodePort" in text:
        for port in copy["spec"]["ports"]:
            port.pop("nodePort", None)
    return copy


@pytest.mark.parametrize(
    "record", [r for r in RECORDED if STEERED not in json.dumps(r["steps"])], ids=lambda record: record["id"]
)
def test_controllers_make_what_they_made_in_a_real_cluster(record):
    cluster = paused_cluster(flavour="bare-metal")
    if record["steps"][0]["sent"]["kind"] != "Namespace":
        handle(
            cluster, ApiRequest.of("POST", "/api/v1/namespaces", {"metadata": {"name": record["namespace"]}})
        )
    for step in record["steps"]:
        handle(cluster, ApiRequest.of("POST", step["path"], step["sent"]))

    wait(cluster, 60)

    for kind, recorded in record["after"].items():
        ours = cluster.snapshot().list(kind, record["namespace"])
        if kind == "Event":
            ours = [event for event in ours if event["reason"] in TOLD]
        assert comparable(kind, ours) == comparable(kind, recorded), kind
