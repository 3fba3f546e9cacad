"""Objects that the API server accepts and nobody expects: controllers go on whatever they meet."""

import pytest

from tests.kube.controllers.simulation import Simulation, pod_yaml

ODD = {
    "an event with hardly a word": "apiVersion: v1\nkind: Event\nmetadata: {name: e}\n"
    "involvedObject: {namespace: default}",
    "a slice of no service": "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s}\n"
    "addressType: IPv4\nendpoints: []",
    "endpoints without subsets": "apiVersion: v1\nkind: Endpoints\nmetadata: {name: e}",
    "a service for a name outside": "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
    "spec: {type: ExternalName, externalName: example.com}",
    "a service without a port, headless": "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
    "spec: {clusterIP: None, selector: {app: web}}",
    "a bare node": "apiVersion: v1\nkind: Node\nmetadata: {name: bare}",
    "a pod on a node that is not there": pod_yaml(
        "p", "{nodeName: nowhere, containers: [{name: c, image: nginx}]}"
    ),
    "a pod of another scheduler": pod_yaml(
        "p", "{schedulerName: mine, containers: [{name: c, image: nginx}]}"
    ),
    "a pod that probes a port without a number": pod_yaml(
        "p", "{containers: [{name: c, image: nginx, readinessProbe: {tcpSocket: {port: nothing}}}]}"
    ),
    "a pod with a broken script": pod_yaml(
        "p", "{containers: [{name: c, image: busybox, command: [sh, -c, 'echo \"']}]}"
    ),
    "a pod whose shell has no script": pod_yaml(
        "p", "{containers: [{name: c, image: busybox, command: [sh, -c]}]}"
    ),
    "an autoscaled nothing": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
    "spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}},"
    " spec: {containers: [{name: c, image: nginx}]}}}",
    "a surge without end": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
    "spec: {strategy: {rollingUpdate: {maxSurge: 300%, maxUnavailable: 100%}}, selector: {matchLabels: {a: b}},"
    " template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: nginx}]}}}",
}


@pytest.mark.parametrize("manifest", ODD.values(), ids=ODD.keys())
def test_controllers_go_on(manifest):
    cluster = Simulation().apply(manifest)
    cluster.apply(pod_yaml("web", "{containers: [{name: c, image: nginx}]}", app="web"))
    cluster.wait(60)

    assert cluster.get("Pod", "web")["status"]["phase"] == "Running"


def test_a_node_that_says_it_is_ready_but_has_no_address_harms_nobody_else():
    cluster = Simulation().apply("apiVersion: v1\nkind: Node\nmetadata: {name: bare}")
    cluster.set_status("Node", "bare", conditions=[{"type": "Ready", "status": "True"}])
    cluster.apply(pod_yaml("lost", "{nodeName: bare, containers: [{name: c, image: nginx}]}"))
    cluster.apply(pod_yaml("web", "{nodeName: node1, containers: [{name: c, image: nginx}]}"))
    cluster.wait(60)

    assert cluster.get("Pod", "web")["status"]["phase"] == "Running"
    assert cluster.get("Pod", "lost")["status"]["phase"] == "Pending"
