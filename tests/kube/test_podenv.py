"""The environment of a container: declared variables, and those of the Services it found at its start."""

from base64 import b64encode

import pytest

from svclab.kube.podenv import environment, expand, field_value, service_environment
from svclab.kube.snapshot import Snapshot


def service(name: str, *, created: str = "2026-01-01T00:00:00Z", **spec: object) -> dict:
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": created},
        "spec": {"clusterIP": "10.96.1.1", "ports": [{"port": 80, "protocol": "TCP"}], **spec},
    }


def pod(*env: dict, **container: object) -> dict:
    return {
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "env": list(env), **container}], "nodeName": "node1"},
        "status": {
            "podIP": "10.244.1.4",
            "containerStatuses": [
                {"name": "web", "state": {"running": {"startedAt": "2026-01-01T00:00:05Z"}}},
            ],
        },
    }


def test_a_service_made_after_the_container_started_is_not_in_its_environment() -> None:
    snapshot = Snapshot.of([service("early"), service("late", created="2026-01-01T00:00:06Z")])

    variables = environment(pod(), "web", snapshot)

    assert "EARLY_SERVICE_HOST" in variables
    assert "LATE_SERVICE_HOST" not in variables


def test_a_declared_variable_wins_over_a_services_and_may_use_it() -> None:
    declared = pod(
        {"name": "BACKEND", "value": "http://$(DB_SERVICE_HOST):$(DB_SERVICE_PORT)"},
        {"name": "DB_SERVICE_PORT", "value": "5432"},
    )

    variables = environment(declared, "web", Snapshot.of([service("db")]))

    assert variables["BACKEND"] == "http://10.96.1.1:80"
    assert variables["DB_SERVICE_PORT"] == "5432"


def test_values_come_from_fields_config_maps_and_secrets() -> None:
    config = {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}, "data": {"mode": "fast"}}
    secret = {
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "shop"},
        "data": {"key": b64encode(b"hush").decode()},
    }
    declared = pod(
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "mode"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}},
        {"name": "NONE", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "no", "optional": True}}},
        envFrom=[{"prefix": "CFG_", "configMapRef": {"name": "c"}}],
    )

    variables = environment(declared, "web", Snapshot.of([config, secret]))

    assert variables == {
        "HOSTNAME": "web-1",
        "CFG_mode": "fast",
        "POD_IP": "10.244.1.4",
        "MODE": "fast",
        "KEY": "hush",
    }


def test_a_container_that_the_pod_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError):
        environment(pod(), "sidecar", Snapshot.of([]))


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)-$(B)", "1-$(B)"),
        ("$$(A)", "$(A)"),
        ("a$", "a$"),
        ("$(A", "$(A"),
        # A name ends at the first closing bracket, whatever is in it
        ("$(B$(A))", "$(B$(A))"),
        ("$(B$(A)", "$(B$(A)"),
        ("$(b$$c)", "$(b$$c)"),
        ("$$$$$$$(A)", "$$$1"),
        ("${A} $A) $?", "${A} $A) $?"),
        ("--$($($(--", "--$($($(--"),
    ],
)
def test_only_known_references_are_replaced(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1"}) == expanded


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-1"),
        ("metadata.labels['app']", "web"),
        ("metadata.annotations['no']", ""),
        ("spec.nodeName", "node1"),
        ("status.hostIP", ""),
    ],
)
def test_the_downward_api_names_fields_of_the_pod(path: str, value: str) -> None:
    assert field_value(pod(), path) == value


def test_a_name_that_starts_with_a_digit_gets_an_underscore_and_ipv6_brackets() -> None:
    variables = service_environment([service("2nd-db", clusterIP="fd00::7")], "shop")

    assert variables["_2ND_DB_PORT"] == "tcp://[fd00::7]:80"
    assert variables["_2ND_DB_PORT_80_TCP_ADDR"] == "fd00::7"


def test_an_init_container_has_an_environment_too() -> None:
    whole = pod()
    whole["spec"]["initContainers"] = [{"name": "init", "env": [{"name": "EMPTY"}]}]

    variables = environment(whole, "init", Snapshot.of([service("db")]))

    assert variables["EMPTY"] == ""
    assert "DB_SERVICE_HOST" in variables


def test_a_secret_as_a_whole_becomes_one_variable_for_each_key() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, "data": {"user": "bWU="}}
    whole = pod(envFrom=[{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "gone", "optional": True}}])

    assert environment(whole, "web", Snapshot.of([secret]))["user"] == "me"


def test_a_pods_own_service_named_kubernetes_hides_the_apis() -> None:
    api = service("kubernetes", clusterIP="10.96.0.1")
    api["metadata"]["namespace"] = "default"

    variables = service_environment([api, service("kubernetes")], "shop")

    assert variables["KUBERNETES_SERVICE_HOST"] == "10.96.1.1"


def test_a_pod_that_has_not_started_sees_all_services() -> None:
    waiting = pod()
    waiting["status"] = {}

    assert "LATE_SERVICE_HOST" in environment(
        waiting, "web", Snapshot.of([service("late", created="2030-01-01T00:00:00Z")])
    )


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ({"resource": "limits.cpu"}, "2"),  # rounded up to whole processors
        ({"resource": "limits.cpu", "divisor": "1m"}, "1500"),
        ({"resource": "requests.memory"}, "67108864"),
        ({"resource": "requests.memory", "divisor": "1Mi"}, "64"),
        ({"resource": "requests.memory", "divisor": "60Mi"}, "2"),
        ({"resource": "requests.cpu"}, "0"),
        ({"resource": "limits.memory", "divisor": "1Gi"}, "3"),  # the node's, where there is no limit
        ({"resource": "limits.cpu", "containerName": "other", "divisor": "1m"}, "250"),
    ],
)
def test_resources_are_counted_in_units_of_the_divisor(reference: dict, value: str) -> None:
    entry = {"name": "AMOUNT", "valueFrom": {"resourceFieldRef": reference}}
    whole = pod(entry, resources={"limits": {"cpu": "1500m"}, "requests": {"memory": "64Mi"}})
    whole["spec"]["containers"].append({"name": "other", "resources": {"limits": {"cpu": "250m"}}})
    node = {"kind": "Node", "metadata": {"name": "node1"}, "status": {"allocatable": {"memory": "3Gi"}}}

    assert environment(whole, "web", Snapshot.of([node]))["AMOUNT"] == value
