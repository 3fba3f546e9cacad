"""From a manifest to a stored object: what admission adds, keeps, drops and refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest

from svclab.kube.admission import match_request, prepare_create, prepare_update
from svclab.kube.admission_warnings import warnings_of
from svclab.kube.resources import Resource, by_kind
from svclab.kube.snapshot import Snapshot
from svclab.kube.status import Refusal
from svclab.linux.dice import Dice

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Manifest = dict[str, Any]


def _resource(kind: str) -> Resource:
    found = by_kind(kind)
    assert found is not None
    return found


def _namespace(name: str, **metadata: Any) -> Manifest:
    return {"kind": "Namespace", "metadata": {"name": name, **metadata}}


SNAPSHOT = Snapshot.of(
    [_namespace("default"), _namespace("leaving", deletionTimestamp="2026-03-01T11:00:00Z")]
)


def _object(kind: str, namespace: str = "default", **more: Any) -> Manifest:
    resource = _resource(kind)
    metadata = {"name": "shop", **more.pop("metadata", {})}
    if resource.namespaced:
        metadata["namespace"] = namespace
    return {"apiVersion": resource.api_version, "kind": kind, "metadata": metadata, **more}


def _created(manifest: Manifest, manager: str = "") -> Manifest:
    made = prepare_create(_resource(manifest["kind"]), manifest, SNAPSHOT, NOW, Dice("a"), manager)
    return {**made, "metadata": {**made["metadata"], "resourceVersion": "1"}}


def _updated(old: Manifest, **spec: Any) -> Manifest:
    wanted = {key: value for key, value in old["spec"].items() if key not in spec}
    wanted.update({key: value for key, value in spec.items() if value is not None})
    new = {**old, "metadata": dict(old["metadata"]), "spec": wanted}
    return prepare_update(_resource(old["kind"]), new, old, SNAPSHOT.with_(old), NOW, Dice("b"))


def _service(**spec: Any) -> Manifest:
    return _object("Service", spec={"ports": [{"port": 80}], "selector": {"app": "shop"}, **spec})


def _pod(**spec: Any) -> Manifest:
    return _object("Pod", spec={"containers": [{"name": "main", "image": "nginx:1.25"}], **spec})


def test_the_given_manifest_is_left_as_it_was() -> None:
    given = _service()
    before = repr(given)

    _created(given)

    assert repr(given) == before


def test_a_namespace_that_is_missing_or_leaving_takes_nothing_in() -> None:
    with pytest.raises(Refusal) as missing:
        _created(_object("ConfigMap", "nowhere"))
    with pytest.raises(Refusal) as leaving:
        _created(_object("ConfigMap", "leaving"))

    assert (missing.value.code, missing.value.message) == (404, 'namespaces "nowhere" not found')
    assert leaving.value.code == 403
    assert leaving.value.status["details"]["causes"][0]["reason"] == "NamespaceTerminating"


def test_a_clients_own_status_and_record_are_not_taken_over() -> None:
    metadata = {"uid": "mine", "generation": 9, "deletionTimestamp": "2026-03-01T00:00:00Z"}

    made = _created(
        _pod()
        | {"status": {"phase": "Running"}, "metadata": {"name": "x", "namespace": "default", **metadata}}
    )

    assert made["status"]["phase"] == "Pending"
    assert made["metadata"]["generation"] == 1
    assert made["metadata"]["uid"] != "mine"
    assert "deletionTimestamp" not in made["metadata"]


def test_a_generated_name_has_five_more_characters() -> None:
    pod = _pod()
    pod["metadata"] = {"generateName": "web-", "namespace": "default"}

    name = _created(pod)["metadata"]["name"]

    assert name.startswith("web-")
    assert len(name) == 9


def test_tolerations_that_a_pod_has_are_not_added_again() -> None:
    everything = _created(_pod(tolerations=[{"operator": "Exists"}]))
    nothing = _created(_pod())

    assert everything["spec"]["tolerations"] == [{"operator": "Exists"}]
    assert [t["key"].rpartition("/")[2] for t in nothing["spec"]["tolerations"]] == [
        "not-ready",
        "unreachable",
    ]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        (
            {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}},
            "Burstable",
        ),
        ({"limits": {"cpu": "1"}}, "Burstable"),
    ],
)
def test_quality_of_service_follows_requests_and_limits(resources: Manifest, expected: str) -> None:
    containers = [{"name": "main", "image": "nginx:1.25", "resources": resources}]
    assert _created(_pod(containers=containers))["status"]["qosClass"] == expected


# plugin RuntimeClass
def test_a_pod_of_a_runtime_class_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal, match='pod rejected: RuntimeClass "gvisor" not found'):
        _created(_pod(runtimeClassName="gvisor"))


def test_on_the_nodes_network_ports_are_the_nodes() -> None:
    ports = [{"containerPort": 80}]
    containers = [{"name": "main", "image": "nginx:1.25", "ports": ports}]

    spec = _created(_pod(hostNetwork=True, containers=containers))["spec"]

    assert spec["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP", "hostPort": 80}]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:00", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    spec = _created(_pod(containers=[{"name": "main", "image": image}]))["spec"]
    assert spec["containers"][0]["imagePullPolicy"] == policy


def test_a_service_keeps_what_the_server_gave_it_when_a_client_leaves_it_out() -> None:
    old = _created(_service(type="NodePort"))

    new = _updated(old, clusterIP=None, clusterIPs=None, ports=[{"port": 80}], ipFamilies=None)

    assert new["spec"]["clusterIP"] == old["spec"]["clusterIP"]
    assert new["spec"]["ports"] == old["spec"]["ports"]
    assert new["spec"]["ipFamilies"] == ["IPv4"]


def test_what_belongs_to_a_type_goes_with_it() -> None:
    balanced = _created(_service(type="LoadBalancer", externalTrafficPolicy="Local"))
    assert balanced["spec"]["healthCheckNodePort"]

    plain = _updated(balanced, type="ClusterIP")

    gone = ("healthCheckNodePort", "allocateLoadBalancerNodePorts", "externalTrafficPolicy")
    assert [name for name in gone if name in plain["spec"]] == []
    assert plain["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert plain["spec"]["clusterIP"] == balanced["spec"]["clusterIP"]


def test_a_cluster_ip_once_given_cannot_be_changed() -> None:
    with pytest.raises(Refusal, match="may not change once set"):
        _updated(_created(_service()), clusterIP="10.96.0.99", clusterIPs=["10.96.0.99"])


# Source: k8s.io/kubernetes pkg/registry/core/service strategy_test.go, storage/alloc.go, storage/storage.go.
@pytest.mark.parametrize(
    "ports",
    [
        [{"port": 80, "nodePort": 30080, "name": "web"}, {"port": 81, "name": "new"}],
        [{"port": 81, "nodePort": 30081, "name": "more"}],
        [{"port": 82, "name": "other"}],
    ],
    ids=["one-added", "one-left", "another"],
)
def test_node_ports_go_with_their_type_whatever_ports_are_added_or_left(ports: list[Manifest]) -> None:
    both = [
        {"port": 80, "nodePort": 30080, "name": "web"},
        {"port": 81, "nodePort": 30081, "name": "more"},
    ]

    plain = _updated(_created(_service(type="NodePort", ports=both)), type="ClusterIP", ports=ports)

    assert [port.get("nodePort") for port in plain["spec"]["ports"]] == [None] * len(ports)


def test_a_new_node_port_does_not_go_with_the_type() -> None:
    old = _created(_service(type="NodePort"))
    with pytest.raises(Refusal, match="may not be used when `type` is 'ClusterIP'"):
        _updated(old, type="ClusterIP", ports=[{"port": 80, "nodePort": 30123}])


def test_a_load_balancer_that_chooses_no_node_ports_does_not_keep_one_that_is_left_out() -> None:
    old = _created(
        _service(
            type="LoadBalancer",
            allocateLoadBalancerNodePorts=False,
            ports=[{"port": 80, "nodePort": 30080}],
        )
    )
    assert "nodePort" not in _updated(old, ports=[{"port": 80}])["spec"]["ports"][0]


def test_a_load_balancers_address_goes_with_its_type() -> None:
    old = _created(_service(type="LoadBalancer"))
    old["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ipMode": "VIP"}]}}

    assert _updated(old)["status"] == old["status"]
    assert _updated(old, type="ClusterIP")["status"] == {"loadBalancer": {}}


def test_an_external_name_shows_no_internal_policy() -> None:
    name = {"type": "ExternalName", "externalName": "db.example.com", "internalTrafficPolicy": "Local"}
    made = _created(_object("Service", spec=name))
    assert "internalTrafficPolicy" not in made["spec"]
    assert "internalTrafficPolicy" not in _updated(made, internalTrafficPolicy="Local")["spec"]
    with pytest.raises(Refusal, match="internalTrafficPolicy: Unsupported value"):
        _updated(made, internalTrafficPolicy="Near")


def test_only_a_change_to_one_stack_gives_up_the_second_family() -> None:
    headless = _created(_object("Service", spec={"clusterIP": "None", "ports": [{"port": 80}]}))
    assert headless["spec"]["ipFamilies"] == ["IPv4", "IPv6"]

    assert _updated(headless, ipFamilyPolicy="SingleStack")["spec"]["ipFamilies"] == ["IPv4"]
    with pytest.raises(Refusal, match="must be 'SingleStack' to release the secondary IP family"):
        _updated(headless, ipFamilies=["IPv4"])


def test_generation_counts_wishes_not_labels() -> None:
    template = {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "a", "image": "nginx"}]},
    }
    spec = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
    old = _created(_object("Deployment", spec=spec))
    labelled = {**old, "metadata": {**old["metadata"], "labels": {"a": "b"}}}
    resource = _resource("Deployment")

    same = prepare_update(resource, labelled, old, SNAPSHOT, NOW, Dice("b"))

    assert same["metadata"]["generation"] == 1
    assert _updated(old, replicas=5)["metadata"]["generation"] == 2


def test_string_data_lands_in_data() -> None:
    made = _created(_object("Secret", stringData={"pin": "1234"}))
    assert made["data"] == {"pin": "MTIzNA=="}
    assert "stringData" not in made


def test_a_manager_is_credited_with_what_it_wrote_and_not_with_the_servers_choices() -> None:
    entry = _created(_service(), "kubectl-create")["metadata"]["managedFields"][0]

    assert (entry["manager"], entry["operation"]) == ("kubectl-create", "Update")
    assert set(entry["fieldsV1"]["f:spec"]) == {
        "f:internalTrafficPolicy", "f:ports", "f:selector", "f:sessionAffinity", "f:type",
    }  # fmt: skip


def test_body_and_url_must_agree() -> None:
    pod = _pod()
    with pytest.raises(Refusal, match="does not match the namespace sent on the request"):
        match_request(_resource("Pod"), pod, "other")
    with pytest.raises(
        Refusal, match=r"the name of the object \(shop\) does not match the name on the URL \(x\)"
    ):
        match_request(_resource("Pod"), pod, "default", "x")


def test_warnings_tell_what_was_probably_not_meant() -> None:
    environment = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    pod = _created(_pod(containers=[{"name": "main", "image": "nginx", "env": environment}]))

    assert warnings_of(pod) == [
        'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'
    ]
    assert warnings_of(_created(_service(externalIPs=["203.0.113.9"]))) == [
        "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    ]
