"""Discovery tells clients what a real server of 1.36 tells them."""

from typing import Any

import pytest
import yaml

from svclab.apiserver import discovery
from svclab.apiserver.dispatch import handle
from svclab.apiserver.messages import ADMIN, ANONYMOUS, ApiRequest, ApiResponse
from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import ClusterHandle
from svclab.kube.resources import RESOURCES, by_kind, find

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList,application/json"


def _ask(path: str, accept: str = "application/json") -> dict:
    answer = discovery.answer(ApiRequest("GET", path, headers={"Accept": accept}))
    assert answer is not None
    return answer.json


def test_core_resources_in_one_group_version() -> None:
    services = next(row for row in _ask("/api/v1")["resources"] if row["name"] == "services")

    assert services == {
        "name": "services",
        "singularName": "service",
        "namespaced": True,
        "kind": "Service",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "shortNames": ["svc"],
        "categories": ["all"],
    }


def test_aggregated_discovery_comes_in_the_version_that_is_asked_for() -> None:
    for version in ("v2", "v2beta1"):
        document = _ask("/apis", AGGREGATED.format(version))
        assert document["apiVersion"] == f"apidiscovery.k8s.io/{version}"
        assert document["items"][0]["metadata"] == {"name": "apiregistration.k8s.io"}


def test_a_client_that_prefers_the_old_form_gets_it() -> None:
    accept = "application/json, application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert _ask("/apis", accept)["kind"] == "APIGroupList"


def test_no_etag_so_no_304_can_mix_up_a_clients_cache() -> None:
    answer = discovery.answer(ApiRequest("GET", "/apis", headers={"Accept": AGGREGATED.format("v2")}))
    assert answer is not None
    assert set(answer.headers) == {"Content-Type"}


def test_version_is_one_that_kubectl_can_parse() -> None:
    assert _ask("/version")["gitVersion"] == "v1.36.0"


def test_what_learners_type_finds_the_resource() -> None:
    found = {
        name: find(name) for name in ("svc", "Services", "deploy", "deployments.apps", "deployment.v1.apps")
    }

    assert {name: resource and resource.qualified for name, resource in found.items()} == {
        "svc": "services",
        "Services": "services",
        "deploy": "deployments.apps",
        "deployments.apps": "deployments.apps",
        "deployment.v1.apps": "deployments.apps",
    }
    assert find("servies") is None


def test_every_stored_kind_is_served_once_under_its_own_name() -> None:
    stored = [resource for resource in RESOURCES if resource.stored]
    assert len({resource.kind for resource in stored}) == len(stored)
    assert all(by_kind(resource.kind) is resource for resource in stored)


def test_the_root_names_the_paths_that_lead_somewhere() -> None:
    paths = _ask("/")["paths"]

    assert {"/api/v1", "/apis/apps/v1", "/healthz", "/openapi/v3", "/version"} <= set(paths)
    assert paths == sorted(paths)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api", "/api/v1", "/apis/apps/v1", "/version"])
def test_go_restful_lets_an_apis_root_be_got_alone(path: str) -> None:
    """serviceErrorHandler of k8s.io/apiserver pkg/server/handler.go."""
    cluster = new_cluster("discoverer")

    refused = _refused(cluster, ApiRequest("POST", path))
    assert (refused["code"], refused["reason"], refused["details"]) == (405, "MethodNotAllowed", {})

    refused = _refused(cluster, ApiRequest("GET", path, headers={"accept": "text/html"}))
    types = "application/json"
    if path != "/version":
        types += ", application/yaml, application/vnd.kubernetes.protobuf"
    assert refused["message"] == f"406: Not Acceptable\n\nAvailable representations: {types}"


@pytest.mark.django_db
def test_groups_come_from_the_aggregator_which_knows_no_methods() -> None:
    """apiGroupHandler of k8s.io/kube-aggregator pkg/apiserver/handler_apis.go."""
    cluster = new_cluster("discoverer")

    answer = handle(cluster, ApiRequest("POST", "/apis/apps"))
    assert isinstance(answer, ApiResponse)
    assert answer.json["kind"] == "APIGroup"
    refused = _refused(cluster, ApiRequest("GET", "/apis/apps", headers={"accept": "text/html"}))
    assert refused["message"] == (
        "only the following media types are accepted: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf"
    )


@pytest.mark.django_db
def test_discovery_in_yaml() -> None:
    answer = handle(
        new_cluster("discoverer"), ApiRequest("GET", "/api", headers={"accept": "application/yaml"})
    )

    assert isinstance(answer, ApiResponse)
    assert yaml.safe_load(answer.body)["versions"] == ["v1"]


def _refused(cluster: ClusterHandle, request: ApiRequest) -> dict[str, Any]:
    answer = handle(cluster, request)
    assert isinstance(answer, ApiResponse)
    status: dict[str, Any] = answer.json
    assert (status["kind"], status["code"]) == ("Status", answer.status)
    return status


@pytest.mark.parametrize(
    ("user", "method", "path", "status"),
    [
        (ADMIN, "GET", "/", 200),
        ("student", "GET", "/", 403),
        ("student", "GET", "/api/v1", 200),
        ("student", "GET", "/openapi/v3", 200),
        ("student", "POST", "/api/v1", 403),
        (ANONYMOUS, "GET", "/version", 200),
        (ANONYMOUS, "GET", "/healthz", 200),
        (ANONYMOUS, "GET", "/api", 403),
        (ANONYMOUS, "GET", "/apis/apps/v1", 403),
        (ANONYMOUS, "GET", "/openapi/v3", 403),
    ],
)
@pytest.mark.django_db
def test_who_has_no_name_learns_the_version_and_health_and_nothing_else(
    user: str, method: str, path: str, status: int
) -> None:
    answer = handle(new_cluster("learner"), ApiRequest(method, path, user=user))

    assert answer.status == status
    if status == 403:
        words = f'forbidden: User "{user}" cannot {method.lower()} path "{path}"'
        assert answer.json["message"] == words
