"""Discovery tells clients what a real server of 1.36 tells them."""

from svclab.apiserver import discovery
from svclab.apiserver.messages import ApiRequest
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
