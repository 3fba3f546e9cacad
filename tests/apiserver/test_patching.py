"""What a patch is told when its text, its directives or its outcome cannot be taken."""

import json
from typing import Any

import pytest

from svclab.apiserver.dispatch import ApiRequest, ApiResponse, handle
from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import ClusterHandle

pytestmark = pytest.mark.django_db
SERVICES = "/api/v1/namespaces/default/services"
JSON, MERGE, STRATEGIC, APPLY = (
    f"application/{form}"
    for form in ("json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")
)
SHOP = {
    "metadata": {"name": "shop"},
    "spec": {"ports": [{"port": 80}], "selector": {"app": "shop"}},
}
NAMED: dict[str, Any] = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}}
UNTYPED = "failed to create typed patch object (/shop; /v1, Kind=Service): "
NOT_A_MAP = "of type map[string]interface {}"
YAML = "error decoding YAML: error "


@pytest.fixture
def shop() -> ClusterHandle:
    cluster = new_cluster("learner")
    _send(cluster, "POST", SERVICES, SHOP)
    return cluster


def _send(
    cluster: ClusterHandle, method: str, path: str, body: Any, media_type: str = "application/json"
) -> ApiResponse:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = handle(cluster, ApiRequest(method, path, headers={"content-type": media_type}, body=text))
    assert isinstance(answer, ApiResponse)
    return answer


def _patch(cluster: ClusterHandle, media_type: str, body: Any, query: str = "") -> ApiResponse:
    return _send(cluster, "PATCH", f"{SERVICES}/shop?fieldManager=x{query}", body, media_type)


@pytest.mark.parametrize(
    ("media_type", "body", "status", "message"),
    [
        (JSON, b'"x"', 400, "error decoding patch: json: cannot unmarshal string into Go value of type []"),
        (JSON, [1], 400, "json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
        (JSON, [{"op": 1}], 400, "number into Go struct field jsonPatchOp.op of type string"),
        (JSON, [{"op": "leap", "path": "/spec"}], 422, "the server rejected our request due to an error in"),
        (MERGE, b"", 400, "error decoding patch: unexpected end of JSON input"),
        (MERGE, b"null", 400, "Invalid JSON Patch"),
        (MERGE, {"kind": "Pod"}, 422, "converting (v1.Pod) to (core.Service): unknown conversion"),
        (MERGE, {"apiVersion": "v2"}, 422, 'no kind "Service" is registered for version "v2" in scheme'),
        (STRATEGIC, b"[]", 400, f"json: cannot unmarshal array into Go value {NOT_A_MAP}"),
        (STRATEGIC, {"spec": {"ports": {"port": 80}}}, 422, "cannot restore slice from map"),
        (STRATEGIC, {"spec": {"selector": "x"}}, 422, "cannot restore map from string"),
        (STRATEGIC, {"spec": "x"}, 422, "cannot restore struct from: string"),
        (STRATEGIC, {"spec": {"ports": [{"port": "81"}]}}, 422, "unrecognized type: int32"),
        (STRATEGIC, {"spec": {"type": 1}}, 422, "cannot convert int64 to v1.ServiceType"),
        (STRATEGIC, {"spec": {"ports": [{"port": 80, "nodePort": 1.5}]}}, 422, "cannot convert float64 to int32"),
        (STRATEGIC, {"spec": {"ports": ["a"]}}, 500, "list element types are not identical"),
        (STRATEGIC, {"spec": {"ports": [[1]]}}, 422, "the server rejected our request due to an error in our"),
        (STRATEGIC, {"spec": {"$retainKeys": "x"}}, 400, "invalid patch format of retainKeys"),
        (STRATEGIC, {"spec": {"$retainKeys": ["a"], "type": ""}}, 400, "invalid patch format of retainKeys"),
        (STRATEGIC, {"spec": {"$setElementOrder/ports": 1}}, 400, "invalid patch format of setElementOrder list"),
        (APPLY, b"a: [", 400, f"{YAML}converting YAML to JSON: yaml: line 1: did not find expected node content"),
        (APPLY, b"- a", 400, f"{YAML}unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into"),
        (APPLY, b"", 400, "invalid object type: /, Kind="),
        (APPLY, {**NAMED, "apiVersion": "apps/v1"}, 400, "invalid object type: apps/v1, Kind=Service"),
        (APPLY, {**NAMED, "spec": []}, 500, f"{UNTYPED}.spec: expected map, got &{{[]}}"),
        (APPLY, {**NAMED, "spec": {"ports": {"port": 1}}}, 500, ".spec.ports: expected list, got &{map[port:1]}"),
        (
            APPLY,
            {**NAMED, "spec": {"selector": {"a": 1, "b": "c"}, "publishNotReadyAddresses": "yes"}},
            500,
            f"{UNTYPED}errors:\n  .spec.publishNotReadyAddresses: expected boolean, got &{{yes}}\n"
            "  .spec.selector.a: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (APPLY, {**NAMED, "spec": {"ports": [1]}}, 500, "list with keys may not have non-map elements"),
        (
            APPLY,
            {**NAMED, "spec": {"ports": [{"port": 1}, {"port": 1, "name": "b"}]}},
            500,
            f'{UNTYPED}.spec.ports: duplicate entries for key [port=1,protocol="TCP"]',
        ),
        (
            APPLY,
            {**NAMED, "spec": {"ports": [{"port": 81, "targetPort": True}]}},
            500,
            "failed to convert to unversioned (/shop; /v1, Kind=Service): unable to convert unstructured object "
            "to /v1, Kind=Service: json: cannot unmarshal bool into Go value of type int32",
        ),
        (
            APPLY,
            {**NAMED, "metadata": {"name": "shop", "managedFields": []}},
            400,
            "metadata.managedFields must be nil",
        ),
    ],
)  # fmt: skip
def test_a_patch_that_cannot_be_taken_is_told_why(
    shop: ClusterHandle, media_type: str, body: Any, status: int, message: str
) -> None:
    answer = _patch(shop, media_type, body)

    assert answer.status == status
    assert message in answer.json["message"]


def test_a_strategic_patch_that_makes_no_object_is_quoted_as_go_prints_it(shop: ClusterHandle) -> None:
    body = {"spec": {"type": None, "ports": [{"port": "81", "name": "b"}], "x": True}}

    answer = _patch(shop, STRATEGIC, body)

    quoted = "map[spec:map[ports:[map[name:b port:81]] type:<nil> x:true]]"
    assert f'Invalid value: "{quoted}"' in answer.json["message"]


@pytest.mark.parametrize(
    ("media_type", "body", "doubts"),
    [
        (MERGE, b'{"metadata": {"labels": {"a": "b", "a": "c"}}}', ['duplicate field "metadata.labels.a"']),
        (
            STRATEGIC,
            b'{"spec": {"zebra": 1, "ape": 2}, "metadata": {"labels": {"a": "b", "a": "c"}}}',
            [
                'duplicate field "metadata.labels.a"',
                'unknown field "spec.ape"',
                'unknown field "spec.zebra"',
            ],
        ),
        (
            JSON,
            b'[{"op": "test", "path": "/spec/type", "value": "ClusterIP", "why": 1}]',
            ['json patch unknown field "[0].why"'],
        ),
    ],
)
def test_what_strict_validation_refuses_is_else_a_warning(
    shop: ClusterHandle, media_type: str, body: bytes, doubts: list[str]
) -> None:
    strict = _patch(shop, media_type, body, "&fieldValidation=Strict&dryRun=All")
    lax = _patch(shop, media_type, body, "&dryRun=All")

    assert strict.status == 422
    assert strict.json["message"].endswith(f"strict decoding error: {', '.join(doubts)}")
    assert lax.status == 200
    assert lax.warnings == doubts


def test_keys_that_stand_twice_in_an_apply_are_refused_under_strict(shop: ClusterHandle) -> None:
    body = b"apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\n  name: shop\n"

    strict = _patch(shop, APPLY, body, "&fieldValidation=Strict&dryRun=All")
    ignored = _patch(shop, APPLY, body, "&fieldValidation=Ignore&dryRun=All")

    assert strict.json["message"] == (
        "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n"
        '  line 5: key "name" already set in map'
    )
    assert (ignored.status, ignored.warnings) == (200, [])


def test_an_apply_cannot_name_the_uid_of_what_is_not_there(shop: ClusterHandle) -> None:
    body = {**NAMED, "metadata": {"name": "new", "uid": "abc"}, "spec": {"ports": [{"port": 80}]}}

    answer = _send(shop, "PATCH", f"{SERVICES}/new?fieldManager=x", body, APPLY)

    assert answer.json["message"] == (
        'Operation cannot be fulfilled on services "new": uid mismatch: the provided object specified uid abc, '
        "and no existing object was found"
    )
