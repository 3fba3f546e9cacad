"""What the server writes where a client wrote nothing."""

from typing import Any

import pytest

from svclab.kube.defaults import apply_defaults

Manifest = dict[str, Any]
_CONTAINER = {"name": "a", "image": "nginx:1.25"}


def _defaulted(kind: str, spec: Manifest) -> Manifest:
    return apply_defaults({"kind": kind, "metadata": {"name": "x"}, "spec": spec})["spec"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"emptyDir": {}}),
        ({"hostPath": {"path": "/x"}}, {"hostPath": {"path": "/x", "type": ""}}),
        (
            {"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            {
                "downwardAPI": {
                    "items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}}],
                    "defaultMode": 420,
                }
            },
        ),
        (
            {
                "projected": {
                    "sources": [
                        {
                            "downwardAPI": {
                                "items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}]
                            }
                        }
                    ]
                }
            },
            {
                "projected": {
                    "sources": [
                        {
                            "downwardAPI": {
                                "items": [
                                    {
                                        "path": "a",
                                        "resourceFieldRef": {"resource": "limits.cpu", "divisor": "0"},
                                    }
                                ]
                            }
                        }
                    ],
                    "defaultMode": 420,
                }
            },
        ),
        (
            {"image": {"reference": "busybox:1.36"}},
            {"image": {"reference": "busybox:1.36", "pullPolicy": "IfNotPresent"}},
        ),
        (
            {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
            {"ephemeral": {"volumeClaimTemplate": {"spec": {"volumeMode": "Filesystem"}}}},
        ),
    ],
)
def test_a_volume_gets_what_its_source_leaves_out(given: Manifest, expected: Manifest) -> None:
    spec = _defaulted("Pod", {"containers": [dict(_CONTAINER)], "volumes": [{"name": "v", **given}]})

    assert spec["volumes"] == [{"name": "v", **expected}]


def test_host_ports_are_filled_in_for_pods_and_not_in_templates() -> None:
    def pod_spec() -> Manifest:
        return {"hostNetwork": True, "containers": [{**_CONTAINER, "ports": [{"containerPort": 80}]}]}

    pod, deployment = (
        _defaulted("Pod", pod_spec()),
        _defaulted("Deployment", {"template": {"spec": pod_spec()}}),
    )

    assert pod["containers"][0]["ports"][0]["hostPort"] == 80
    assert "hostPort" not in deployment["template"]["spec"]["containers"][0]["ports"][0]


def test_a_stateful_sets_max_unavailable_goes_as_its_feature_gate_is_off() -> None:
    strategy = {"rollingUpdate": {"maxUnavailable": 2}}

    spec = _defaulted("StatefulSet", {"updateStrategy": strategy})

    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}


@pytest.mark.parametrize("given", [{"podCIDR": "10.1.0.0/24"}, {"podCIDRs": ["10.1.0.0/24"]}])
def test_a_nodes_network_stands_in_both_fields(given: Manifest) -> None:
    assert _defaulted("Node", given) == {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]}


def test_a_stateful_set_that_names_its_strategy_gets_no_partition() -> None:
    assert _defaulted("StatefulSet", {"updateStrategy": {"type": "RollingUpdate"}})["updateStrategy"] == {
        "type": "RollingUpdate"
    }


def test_a_replica_set_keeps_its_labels_apart_from_its_pods() -> None:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [dict(_CONTAINER)]}}

    made = apply_defaults({"kind": "ReplicaSet", "metadata": {"name": "x"}, "spec": {"template": template}})

    assert "labels" not in made["metadata"]
