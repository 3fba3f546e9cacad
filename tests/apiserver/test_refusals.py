"""Requests that the server refuses, each with the code and the words it does so with."""

import json
from typing import Any

import pytest

from svclab.apiserver.dispatch import ApiRequest, ApiResponse, handle
from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import ClusterHandle

pytestmark = pytest.mark.django_db
SERVICES = "/api/v1/namespaces/default/services"
PODS = "/api/v1/namespaces/default/pods"
SHOP = f"{SERVICES}/shop"
WEB = f"{PODS}/web"
OPTIONS = 'DeleteOptions.meta.k8s.io "" is invalid: '
LOG_OPTIONS = 'PodLogOptions "web" is invalid: '
STRATEGIC = "application/strategic-merge-patch+json"
_CONTAINER = {"name": "a", "image": "nginx:1.25"}


@pytest.fixture
def cluster() -> ClusterHandle:
    made = new_cluster("learner")
    _send(made, "POST", SERVICES, {"metadata": {"name": "shop"}, "spec": {"ports": [{"port": 80}]}})
    _send(made, "POST", PODS, {"metadata": {"name": "web"}, "spec": {"containers": [_CONTAINER]}})
    return made


def _send(
    cluster: ClusterHandle, method: str, path: str, body: Any, media_type: str = "application/json"
) -> ApiResponse:
    text = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    answer = handle(cluster, ApiRequest(method, path, headers={"content-type": media_type}, body=text))
    assert isinstance(answer, ApiResponse)
    return answer


def _binding(name: str, /, **target: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "target": target}


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "message"),
    [
        ("DELETE", f"{SHOP}?gracePeriodSeconds=soon", None, 400, 'strconv.ParseInt: parsing "soon": invalid'),
        ("DELETE", f"{SHOP}?propagationPolicy=Up", None, 422, f'{OPTIONS}propagationPolicy: Unsupported value: "Up"'),
        ("DELETE", f"{SHOP}?uid=abc", None, 409, "the UID in the precondition (abc) does not match the UID in"),
        (
            "DELETE",
            SHOP,
            {"propagationPolicy": "Orphan", "orphanDependents": True, "dryRun": ["No"]},
            422,
            f'{OPTIONS}[propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation '
            'cannot be both set, dryRun: Unsupported value: ["No"]: supported values: "All"]',
        ),
        ("DELETE", SHOP, b"{", 500, "couldn't get version/kind; json parse error: unexpected end of JSON input"),
        ("DELETE", SHOP, {"gracePeriodSeconds": "x"}, 500, "json: cannot unmarshal string into Go struct field"),
        ("DELETE", SHOP, {"kind": "Foo", "apiVersion": "v1"}, 500, 'no kind "Foo" is registered for version "v1"'),
        ("DELETE", "/api/v1/services", None, 405, "the server does not allow this method on the requested"),
        # etcd3 store, GuaranteedUpdate: a uid is compared with nothing before anybody sees that there is nothing
        (
            "PUT",
            "/apis/apps/v1/namespaces/default/deployments/ghost",
            {"metadata": {"name": "ghost", "uid": "abc"}},
            409,
            'Operation cannot be fulfilled on deployments.apps "ghost": StorageError: invalid object, Code: 4, Key: '
            "/registry/deployments/default/ghost, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
            "precondition: abc, UID in object meta: ",
        ),
        # NamespaceKeyFunc, IsValidPathSegmentName; a path is decoded before it is split
        ("GET", f"{SERVICES}/%2e%2e", None, 400, "Name parameter invalid: \"..\": may not be '..'"),
        ("GET", f"{SERVICES}/a%25b", None, 400, "Name parameter invalid: \"a%b\": may not contain '%'"),
        ("GET", f"{SERVICES}/a%2fb", None, 404, "the server could not find the requested resource"),
        (
            "PUT",
            SHOP,
            {"spec": {}},
            400,
            "the name of the object (shop based on URL) was undeterminable: name must be provided",
        ),
        ("GET", f"{WEB}/log?tailLines=x", None, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("GET", f"{WEB}/log?sinceTime=2026", None, 400, 'parsing time "2026" as "2006-01-02T15:04:05Z07:00": cannot'),
        ("GET", f"{WEB}/log?sinceTime=2026-02-30T00:00:00Z", None, 400, "day out of range"),
        (
            "GET",
            f"{WEB}/log?tailLines=-1&limitBytes=0&sinceSeconds=0",
            None,
            422,
            f"{LOG_OPTIONS}[tailLines: Invalid value: -1: must be greater than or equal to 0, limitBytes: Invalid "
            "value: 0: must be greater than 0, sinceSeconds: Invalid value: 0: must be greater than 0]",
        ),
        (
            "GET",
            f"{WEB}/log?sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z",
            None,
            422,
            f"{LOG_OPTIONS}: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
        ),
        ("POST", f"{WEB}/binding", _binding("x"), 400, "name in URL does not match name in Binding object"),
        ("POST", f"{WEB}/binding", _binding("web", kind="Node"), 500, "target.name: Required value"),
        (
            "POST",
            f"{WEB}/binding",
            _binding("web", kind="Pod"),
            500,
            '[target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]',
        ),
        ("POST", f"{WEB}/eviction", {"metadata": {}}, 400, "name in URL does not match name in Eviction object"),
        ("POST", f"{WEB}/eviction?dryRun=x", {}, 422, 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported'),
        (
            "POST",
            f"{WEB}/eviction?fieldValidation=Strict",
            {"metadata": {"name": "web"}, "x": 1},
            400,
            'Eviction in version "v1" cannot be handled as a Eviction: strict decoding error: unknown field "x"',
        ),
        (
            "POST",
            "/api/v1/namespaces/default/bindings",
            _binding("web", name="node2"),
            409,
            'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "node',
        ),
        (
            "DELETE",
            "/api/v1/namespaces/kube-node-lease?uid=abc",
            None,
            409,
            'Operation cannot be fulfilled on namespaces "kube-node-lease": Precondition failed: UID in '
            "precondition: abc, UID in object meta: ",
        ),
        (
            "PUT",
            "/apis/apps/v1/namespaces/kube-system/deployments/coredns/scale",
            {"metadata": {"name": "coredns", "uid": "abc"}},
            409,
            'Operation cannot be fulfilled on deployments/scale.apps "coredns": Precondition failed: UID in '
            "precondition: abc, UID in object meta: ",
        ),
        (
            "PUT",
            "/api/v1/namespaces/default/finalize",
            {"metadata": {"name": "default"}, "spec": {"finalizers": ["mine"]}},
            422,
            'Namespace "default" is invalid: spec.finalizers[0]: Invalid value: "mine": name is neither a standard '
            "finalizer name nor is it fully qualified",
        ),
        (
            "PUT",
            f"{SHOP}/status",
            {"metadata": {"name": "shop"}, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}},
            422,
            "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
        ),
    ],
)  # fmt: skip
def test_a_request_is_refused_in_the_servers_words(
    cluster: ClusterHandle, method: str, path: str, body: Any, code: int, message: str
) -> None:
    answer = _send(cluster, method, path, body)

    assert answer.status == code
    assert message in answer.json["message"]


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        (
            "GET",
            "/api/v1/namespaces/lab/widgets",
            'widgets is forbidden: User "student" cannot list resource "widgets" in API group "" in the namespace "lab"',
        ),
        (
            "DELETE",
            "/apis/example.com/v1/things/x",
            'things.example.com "x" is forbidden: User "student" cannot delete resource "things" in API group '
            '"example.com" at the cluster scope',
        ),
        (
            "GET",
            "/apis/apps/v1/namespaces/lab/deployments/x/scale",
            'deployments.apps "x" is forbidden: User "student" cannot get resource "deployments/scale" in API group '
            '"apps" in the namespace "lab"',
        ),
        (
            "GET",
            "/api/v1/namespaces/lab",
            'namespaces "lab" is forbidden: User "student" cannot get resource "namespaces" in API group "" in the '
            'namespace "lab"',
        ),
        ("GET", "/metrics", 'forbidden: User "student" cannot get path "/metrics"'),
        ("GET", "/hello", 'forbidden: User "student" cannot get path "/hello"'),
    ],
)  # fmt: skip
def test_who_has_no_rights_learns_only_that(
    cluster: ClusterHandle, method: str, path: str, message: str
) -> None:
    answer = handle(cluster, ApiRequest(method, path, headers={"impersonate-user": "student"}))

    assert isinstance(answer, ApiResponse)
    assert (answer.status, answer.json["message"]) == (403, message)


def test_a_dry_run_may_be_asked_for_twice(cluster: ClusterHandle) -> None:
    twice = "dryRun=All&dryRun=All"

    assert _send(cluster, "DELETE", f"{SHOP}?{twice}", None).status == 200
    body = {"metadata": {"name": "new"}, "spec": {"ports": [{"port": 80}]}}
    assert _send(cluster, "POST", f"{SERVICES}?{twice}", body).status == 201
    assert _send(cluster, "GET", SHOP, None).status == 200


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ([{"name": "d"}], "spec.ephemeralContainers[0].image: Required value"),
        ([{**_CONTAINER}], 'spec.ephemeralContainers[0].name: Duplicate value: "a"'),
        ([{"name": "d", "image": "x", "targetContainerName": "z"}], 'targetContainerName: Not found: "z"'),
        ([{"name": "d", "image": "x", "ports": [{"containerPort": 1}]}], "cannot be set for an Ephemeral Container"),
    ],
)  # fmt: skip
def test_a_container_to_debug_with_must_be_one(
    cluster: ClusterHandle, added: list[dict[str, Any]], message: str
) -> None:
    body = {"spec": {"ephemeralContainers": added}}

    answer = _send(cluster, "PATCH", f"{WEB}/ephemeralcontainers", body, STRATEGIC)

    assert answer.status == 422
    assert message in answer.json["message"]


def test_containers_to_debug_with_stay_as_they_are(cluster: ClusterHandle) -> None:
    path = f"{WEB}/ephemeralcontainers"
    added = {"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox"}]}}

    first = _send(cluster, "PATCH", path, added, STRATEGIC)
    changed = {"spec": {"ephemeralContainers": [{"name": "d", "image": "alpine"}]}}
    second = _send(cluster, "PATCH", path, changed, STRATEGIC)

    assert first.json["spec"]["ephemeralContainers"][0]["terminationMessagePolicy"] == "File"
    assert 'existing ephemeral containers "d" may not be changed' in second.json["message"]


def test_a_name_is_taken_until_its_object_is_gone(cluster: ClusterHandle) -> None:
    """Store.Create"""
    pod = {"metadata": {"name": "web"}, "spec": {"containers": [_CONTAINER]}}
    assert _send(cluster, "POST", PODS, pod).json["message"] == 'pods "web" already exists'
    _send(cluster, "DELETE", WEB, None)

    refused = _send(cluster, "POST", PODS, pod)

    message = 'object is being deleted: pods "web" already exists'
    assert (refused.status, refused.json["reason"]) == (409, "AlreadyExists")
    assert refused.json["message"] == message
