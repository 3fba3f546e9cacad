"""What a status may not say, in the words of the functions that each row names."""

from typing import Any

import pytest

from svclab.kube.validation_status import validate_finalizers_update, validate_status_update

IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
BOUND = "cannot be greater than status.replicas"
INGRESS = "status.loadBalancer.ingress"


def _errors(kind: str, status: dict[str, Any], before: dict[str, Any], spec: dict[str, Any]) -> list[str]:
    metadata = {"name": "x", "uid": "u", **({} if kind == "Namespace" else {"namespace": "default"})}
    old = {"kind": kind, "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": before}
    return [str(error) for error in validate_status_update({**old, "status": status}, old)]


@pytest.mark.parametrize(
    ("entry", "errors"),
    [
        ({"ip": "192.0.2.1", "ipMode": "VIP"}, []),
        ({"ip": "abc", "ipMode": "VIP"}, [f'{INGRESS}[0].ip: Invalid value: "abc": {IP}']),
        ({"ip": "kept", "ipMode": "Proxy"}, []),
        ({"ip": "192.0.2.1"}, [f"{INGRESS}[0].ipMode: Required value: must be specified when `ip` is set"]),
        (
            {"ip": "192.0.2.1", "ipMode": "vip"},
            [f'{INGRESS}[0].ipMode: Unsupported value: "vip": supported values: "Proxy", "VIP"'],
        ),
        (
            {"hostname": "lb.example", "ipMode": "VIP"},
            [f"{INGRESS}[0].ipMode: Forbidden: may not be specified when `ip` is not set"],
        ),
        (
            {"hostname": "192.0.2.1"},
            [f'{INGRESS}[0].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address'],
        ),
    ],
)
def test_a_load_balancers_addresses(entry: dict[str, str], errors: list[str]) -> None:
    """ValidateLoadBalancerStatus"""
    status, before = {"loadBalancer": {"ingress": [entry]}}, {"loadBalancer": {"ingress": [{"ip": "kept"}]}}

    assert _errors("Service", status, before, {"type": "LoadBalancer"}) == errors


def test_an_ingress_says_no_mode() -> None:
    """ValidateIngressLoadBalancerStatus"""
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"ip": "x"}]}}

    assert _errors("Ingress", status, {}, {}) == [f'{INGRESS}[1].ip: Invalid value: "x": {IP}']


@pytest.mark.parametrize(
    ("kind", "status", "errors"),
    [
        # ValidateDeploymentStatus
        (
            "Deployment",
            {"replicas": 1, "readyReplicas": 2, "availableReplicas": 3, "terminatingReplicas": -1},
            [
                "status.terminatingReplicas: Invalid value: -1: must be greater than or equal to 0",
                f"status.readyReplicas: Invalid value: 2: {BOUND}",
                f"status.availableReplicas: Invalid value: 3: {BOUND}",
                "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
                "status.collisionCount: Invalid value: 0: cannot be decremented",
            ],
        ),
        # ValidateReplicaSetStatus
        (
            "ReplicaSet",
            {"replicas": 1, "fullyLabeledReplicas": 2, "collisionCount": 1},
            [f"status.fullyLabeledReplicas: Invalid value: 2: {BOUND}"],
        ),
        # ValidateStatefulSetStatus
        (
            "StatefulSet",
            {"replicas": 2, "availableReplicas": 1, "currentReplicas": 3, "collisionCount": 1},
            [
                f"status.currentReplicas: Invalid value: 3: {BOUND}",
                "status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas",
            ],
        ),
        # validateDaemonSetStatus
        (
            "DaemonSet",
            {"numberReady": -1, "desiredNumberScheduled": -2, "collisionCount": 1},
            [
                "status.desiredNumberScheduled: Invalid value: -2: must be greater than or equal to 0",
                "status.numberReady: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
    ],
)
def test_a_workloads_counts(kind: str, status: dict[str, Any], errors: list[str]) -> None:
    assert _errors(kind, status, {"collisionCount": 1}, {}) == errors


RAN = {
    "containerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": 0}}}],
    "qosClass": "Burstable",
}


@pytest.mark.parametrize(
    ("status", "errors"),
    [
        ({"podIP": "abc"}, [f'status.podIPs[0]: Invalid value: "abc": {IP}']),
        (
            {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.1"}]},
            [
                'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.1"}]: may specify no more than one '
                "IP for each IP family",
                'status.podIPs[1]: Duplicate value: {"IP":"10.0.0.1"}',
            ],
        ),
        (
            {"hostIP": "10.0.0.1", "hostIPs": [{"ip": "10.0.0.2"}]},
            ['status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`'],
        ),
        ({"qosClass": "BestEffort"}, ['status.qosClass: Invalid value: "BestEffort": field is immutable']),
        (
            {"nominatedNodeName": "node1"},
            ["status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node"],
        ),
        (
            {"conditions": [{"type": "Ready"}, {"type": "my/", "observedGeneration": -1}]},
            [
                "status.conditions[1].observedGeneration: Invalid value: -1: must be a non-negative integer",
                'status.conditions[1].Type: Invalid value: "my/": name part must be non-empty',
            ],
        ),
        (
            {"containerStatuses": [{"name": "a", "state": {"running": {}}}]},
            ["status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"],
        ),
    ],
)
def test_a_pods_status(status: dict[str, Any], errors: list[str]) -> None:
    """ValidatePodStatusUpdate"""
    spec = {"nodeName": "node1", "restartPolicy": "OnFailure", "containers": [{"name": "a"}]}

    assert _errors("Pod", status, RAN, spec)[: len(errors)] == errors


@pytest.mark.parametrize(
    ("policy", "exit_code", "may"), [("Always", 0, 1), ("OnFailure", 1, 1), ("Never", 1, 0)]
)
def test_a_container_runs_again_if_its_policy_says_so(policy: str, exit_code: int, may: int) -> None:
    """ValidateContainerStateTransition"""
    before = {"containerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": exit_code}}}]}
    after = {"containerStatuses": [{"name": "a", "state": {"waiting": {}}}]}
    spec = {"restartPolicy": policy, "containers": [{"name": "a"}]}

    assert (_errors("Pod", after, before, spec) == []) is bool(may)


def test_a_namespaces_phase_follows_its_deletion() -> None:
    """ValidateNamespaceStatusUpdate"""
    assert _errors("Namespace", {"phase": "Terminating"}, {}, {}) == [
        "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"
    ]


@pytest.mark.parametrize(
    ("finalizer", "message"),
    [
        ("mine", "name is neither a standard finalizer name nor is it fully qualified"),
        ("a.b/c", None),
        ("kubernetes", None),
    ],
)
def test_a_namespaces_own_finalizers(finalizer: str, message: str | None) -> None:
    """ValidateNamespaceFinalizeUpdate"""
    old = {"kind": "Namespace", "metadata": {"name": "x", "uid": "u"}, "spec": {"finalizers": ["kubernetes"]}}

    errors = validate_finalizers_update({**old, "spec": {"finalizers": [finalizer]}}, old)

    assert [error.detail for error in errors] == ([message] if message else [])
