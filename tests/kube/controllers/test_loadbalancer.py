"""The cloud's load balancers: the finalizer that keeps a Service until its address is given back, and the events."""

import pytest

from tests.kube.controllers.simulation import Simulation

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
"""
FINALIZER = "service.kubernetes.io/load-balancer-cleanup"


def reasons(cluster):
    return [
        event["reason"]
        for event in cluster.list("Event")
        if event["involvedObject"]["kind"] == "Service" and event["involvedObject"]["name"] == "web"
    ]


def test_the_service_has_its_finalizer_before_the_cloud_begins():
    cluster = Simulation().apply(SERVICE)

    assert cluster.get("Service", "web")["metadata"]["finalizers"] == [FINALIZER]
    assert cluster.get("Service", "web")["status"] == {"loadBalancer": {}}
    assert reasons(cluster) == ["EnsuringLoadBalancer"]


def test_an_address_comes_and_is_told():
    cluster = Simulation().apply(SERVICE)

    cluster.wait(10)

    assert len(cluster.get("Service", "web")["status"]["loadBalancer"]["ingress"]) == 1
    assert sorted(reasons(cluster)) == ["EnsuredLoadBalancer", "EnsuringLoadBalancer"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, []), (10, ["DeletedLoadBalancer", "DeletingLoadBalancer"])],
    ids=["still pending", "with an address"],
)
def test_a_service_that_is_deleted_goes_at_once_and_tells_of_an_address_only(seconds, told):
    cluster = Simulation().apply(SERVICE)
    cluster.wait(seconds)

    cluster.delete("Service", "web")

    assert cluster.snapshot.get("Service", "default", "web") is None
    assert sorted(each for each in reasons(cluster) if each.startswith("Delet")) == told
