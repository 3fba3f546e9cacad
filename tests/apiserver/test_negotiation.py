"""Which forms a client may ask for. Source: apiserver pkg/endpoints/handlers/negotiation, go-restful."""

import pytest

from svclab.apiserver.dispatch import ApiRequest, ApiResponse, handle
from svclab.cluster.lifecycle import new_cluster

pytestmark = pytest.mark.django_db

PODS = "/api/v1/namespaces/kube-system/pods"
TABLE = "as=Table;v=v1;g=meta.k8s.io"
OBJECTS = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
STREAMS = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
ONLY = "only the following media types are accepted: "


@pytest.mark.parametrize(
    ("path", "accept", "message"),
    [
        # NegotiateOutputMediaTypeStream: YAML has no stream serializer
        (f"{PODS}?watch=true", "application/yaml", ONLY + STREAMS),
        (f"{PODS}?watch=true", "application/json;as=Table;v=v9;g=meta.k8s.io", ONLY + OBJECTS),
        # RequestScope.AllowsMediaTypeTransform: a Table is JSON or YAML
        (PODS, f"application/vnd.kubernetes.protobuf;{TABLE}", ONLY + OBJECTS),
    ],
)
def test_what_the_server_cannot_send_is_not_acceptable(path: str, accept: str, message: str) -> None:
    answer = handle(new_cluster("asker"), ApiRequest("GET", path, headers={"accept": accept}))

    assert isinstance(answer, ApiResponse)
    assert (answer.status, answer.json["reason"], answer.json["message"]) == (406, "NotAcceptable", message)


def test_a_table_comes_in_yaml_where_yaml_is_asked_for() -> None:
    answer = handle(
        new_cluster("asker"), ApiRequest("GET", PODS, headers={"accept": f"application/yaml;{TABLE}"})
    )

    assert isinstance(answer, ApiResponse)
    assert answer.headers["Content-Type"] == "application/yaml"
    assert b"kind: Table" in answer.body


def test_no_patch_is_cbor_while_its_feature_is_off() -> None:
    headers = {"content-type": "application/apply-patch+cbor"}

    answer = handle(new_cluster("asker"), ApiRequest("PATCH", f"{PODS}/x?fieldManager=me", headers=headers))

    assert isinstance(answer, ApiResponse)
    assert (answer.status, answer.json["message"]) == (415, "415: Unsupported Media Type")
