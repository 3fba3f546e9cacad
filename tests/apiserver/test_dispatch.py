"""Verbs and forms of the API that recorded answers do not cover: chunks, collections, scale, forms of the body."""

import json
from typing import Any

import pytest

from svclab.apiserver import requestlog
from svclab.apiserver.dispatch import ApiRequest, ApiResponse, handle
from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import ClusterHandle

pytestmark = pytest.mark.django_db
MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MERGE = "application/merge-patch+json"


@pytest.fixture
def cluster() -> ClusterHandle:
    return new_cluster("learner")


def _send(cluster: ClusterHandle, method: str, path: str, body: Any = None, **headers: str) -> ApiResponse:
    answer = handle(cluster, ApiRequest.of(method, path, body, **headers))
    assert isinstance(answer, ApiResponse)
    return answer


def _deployment(name: str = "shop", replicas: int = 2) -> dict[str, Any]:
    pod = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "a", "image": "nginx:1.25"}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": pod}
    return {"metadata": {"name": name}, "spec": spec}


def test_a_list_in_chunks_names_every_object_once(cluster: ClusterHandle) -> None:
    for number in range(7):
        _send(cluster, "POST", MAPS, {"metadata": {"name": f"m{number}"}})
    names, token, pages = [], "", 0
    while pages == 0 or token:
        page = _send(cluster, "GET", f"{MAPS}?limit=3&continue={token}").json
        names += [item["metadata"]["name"] for item in page["items"]]
        token, pages = page["metadata"].get("continue", ""), pages + 1

    assert [name for name in names if name[0] == "m"] == [f"m{number}" for number in range(7)]
    assert pages == 3


def test_deletecollection_takes_what_the_selector_finds(cluster: ClusterHandle) -> None:
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
        _send(cluster, "POST", MAPS, {"metadata": {"name": name, "labels": {"colour": colour}}})

    answer = _send(cluster, "DELETE", f"{MAPS}?labelSelector=colour%3Dred")

    assert [item["metadata"]["name"] for item in answer.json["items"]] == ["a", "c"]
    left = _send(cluster, "GET", f"{MAPS}?labelSelector=colour").json["items"]
    assert [item["metadata"]["name"] for item in left] == ["b"]


def test_scale_reads_and_writes_replicas_alone(cluster: ClusterHandle) -> None:
    _send(cluster, "POST", DEPLOYMENTS, _deployment())

    scale = _send(
        cluster, "PATCH", f"{DEPLOYMENTS}/shop/scale", {"spec": {"replicas": 4}}, content_type=MERGE
    )

    assert (scale.status, scale.json["kind"], scale.json["spec"]) == (200, "Scale", {"replicas": 4})
    assert scale.json["status"]["selector"] == "app=shop"
    deployment = _send(cluster, "GET", f"{DEPLOYMENTS}/shop").json
    assert (deployment["spec"]["replicas"], deployment["metadata"]["generation"]) == (4, 2)


def test_a_status_is_written_through_its_own_path_only(cluster: ClusterHandle) -> None:
    services = "/api/v1/namespaces/default/services"
    service = {"metadata": {"name": "shop"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
    _send(cluster, "POST", services, service)
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.99"}]}}}

    _send(cluster, "PATCH", f"{services}/shop", status, content_type=MERGE)
    assert _send(cluster, "GET", f"{services}/shop").json["status"] == {"loadBalancer": {}}
    changed = {**status, "spec": {"ports": [{"port": 81}]}}
    _send(cluster, "PATCH", f"{services}/shop/status", changed, content_type=MERGE)

    stored = _send(cluster, "GET", f"{services}/shop").json
    assert stored["status"]["loadBalancer"]["ingress"][0]["ip"] == "203.0.113.99"
    assert stored["spec"]["ports"][0]["port"] == 80
    assert [entry.get("subresource") for entry in stored["metadata"]["managedFields"]] == [None, "status"]


def test_a_dry_run_stores_nothing_and_takes_no_address(cluster: ClusterHandle) -> None:
    before = cluster.snapshot().resource_version

    answer = _send(cluster, "POST", f"{DEPLOYMENTS}?dryRun=All", _deployment())
    patch = _send(
        cluster,
        "PATCH",
        "/api/v1/nodes/node1?dryRun=All",
        {"spec": {"unschedulable": True}},
        content_type=MERGE,
    )

    assert (answer.status, "resourceVersion" in answer.json["metadata"]) == (201, False)
    assert patch.json["spec"]["unschedulable"] is True
    assert cluster.snapshot().resource_version == before


def test_an_object_may_be_asked_for_in_yaml_or_by_its_metadata(cluster: ClusterHandle) -> None:
    path = "/api/v1/namespaces/default/services/kubernetes"

    yaml = _send(cluster, "GET", path, accept="application/yaml")
    partial = _send(
        cluster,
        "GET",
        path,
        accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json",
    )

    assert yaml.headers["Content-Type"] == "application/yaml"
    assert yaml.body.decode().startswith("apiVersion: v1\nkind: Service\n")
    assert partial.json["kind"] == "PartialObjectMetadata"
    assert "spec" not in partial.json


def test_a_kind_that_is_only_named_lists_empty_and_cannot_be_made(cluster: ClusterHandle) -> None:
    jobs = "/apis/batch/v1/namespaces/default/jobs"

    assert _send(cluster, "GET", jobs).json["items"] == []
    refused = _send(cluster, "POST", jobs, {"metadata": {"name": "j"}})

    assert refused.status == 405
    assert "not simulated" in refused.json["message"]


def test_a_namespace_goes_with_everything_in_it(cluster: ClusterHandle) -> None:
    _send(cluster, "POST", "/api/v1/namespaces", {"metadata": {"name": "demo"}})
    _send(cluster, "POST", "/api/v1/namespaces/demo/configmaps", {"metadata": {"name": "m"}})

    answer = _send(cluster, "DELETE", "/api/v1/namespaces/demo").json
    assert answer["status"]["phase"] == "Terminating"
    cluster.set_clock(lambda clock, real: clock.step(60, real))

    assert _send(cluster, "GET", "/api/v1/namespaces/demo").status == 404
    assert cluster.snapshot().list("ConfigMap", "demo") == []


def test_eviction_deletes_gracefully(cluster: ClusterHandle) -> None:
    pods = "/api/v1/namespaces/kube-system/pods"
    name = _send(cluster, "GET", f"{pods}?labelSelector=k8s-app%3Dkube-dns").json["items"][0]["metadata"][
        "name"
    ]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}

    answer = _send(cluster, "POST", f"{pods}/{name}/eviction", body)

    created = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    assert (answer.status, answer.json) == (201, created)
    assert "deletionTimestamp" in _send(cluster, "GET", f"{pods}/{name}").json["metadata"]


@pytest.mark.parametrize("path", ["pods/waits/binding", "bindings"])
def test_a_scheduler_of_ones_own_binds_a_pod(cluster: ClusterHandle, path: str) -> None:
    """BindingREST.Create; the node's zone comes with it by admission."""
    namespace = "/api/v1/namespaces/default"
    spec = {"schedulerName": "mine", "containers": [{"name": "a", "image": "nginx:1.25"}]}
    _send(cluster, "POST", f"{namespace}/pods", {"metadata": {"name": "waits"}, "spec": spec})
    body = {"metadata": {"name": "waits", "annotations": {"by": "me"}}, "target": {"name": "node2"}}

    answer = _send(cluster, "POST", f"{namespace}/{path}", body)

    assert (answer.status, answer.json["code"]) == (201, 201)
    pod = _send(cluster, "GET", f"{namespace}/pods/waits").json
    assert (pod["spec"]["nodeName"], pod["metadata"]["annotations"]) == ("node2", {"by": "me"})
    assert pod["metadata"]["labels"] == {"topology.kubernetes.io/zone": "zone-b"}


def test_a_delete_that_is_only_begun_is_accepted_if_asked_in_the_old_way(cluster: ClusterHandle) -> None:
    """DeleteResource: 202 for orphanDependents=false, 200 in any other case."""
    pod = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a", "image": "nginx:1.25"}]}}
    _send(cluster, "POST", "/api/v1/namespaces/default/pods", pod)

    web = "/api/v1/namespaces/default/pods/web"
    assert _send(cluster, "DELETE", f"{web}?orphanDependents=false&dryRun=All").status == 202
    assert _send(cluster, "DELETE", f"{web}?propagationPolicy=Background&dryRun=All").status == 200


def test_every_request_is_told_to_who_listens_to_its_cluster(cluster: ClusterHandle) -> None:
    lines: list[requestlog.LogLine] = []
    stop = requestlog.listen(cluster.id, lines.append)
    agent = {"user_agent": "kubectl/v1.33.1", "kubectl_command": "kubectl get"}

    _send(cluster, "GET", f"{MAPS}/ghost?x=1", **agent)
    _send(new_cluster("neighbour"), "GET", MAPS)
    stop()
    _send(cluster, "GET", MAPS)

    assert [(line.method, line.path, line.status, line.reason, line.command) for line in lines] == [
        ("GET", f"{MAPS}/ghost?x=1", 404, "NotFound", "kubectl get")
    ]


def test_html_in_a_name_stays_text(cluster: ClusterHandle) -> None:
    answer = _send(cluster, "POST", MAPS, {"metadata": {"name": "<script>alert(1)</script>"}})

    assert (answer.status, answer.headers["Content-Type"]) == (422, "application/json")
    assert json.loads(answer.body)["details"]["name"] == "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "metadata: {labels: {a: !!python/name:os.system id}}",
            "yaml: line 1: unknown tag tag:yaml.org,2002:python",
        ),
        (
            "spec: !!python/object/apply:os.system [id]",
            "array into Go struct field Pod.spec of type v1.PodSpec",
        ),
        ("a: [" * 200, "yaml: line 1: exceeded max depth of 100"),
        ("kind: Service\nkind: Pod\n", 'line 2: key "kind" already set in map'),
    ],
)
def test_yaml_that_is_dangerous_or_doubtful_is_refused(
    cluster: ClusterHandle, text: str, message: str
) -> None:
    request = ApiRequest(
        "POST",
        "/api/v1/namespaces/default/pods?fieldValidation=Strict",
        headers={"content-type": "application/yaml"},
        body=text.encode(),
    )
    answer = handle(cluster, request)

    assert isinstance(answer, ApiResponse)
    assert answer.status == 400
    assert message in answer.json["message"]
