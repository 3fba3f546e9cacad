"""StatefulSets, DaemonSets, the scheduler, ownership: who makes which pods, where, and who takes them away."""

import pytest

from svclab.kube.pods import is_ready
from tests.kube.controllers.simulation import Simulation, pod_yaml

STATEFUL = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - {name: db, image: nginx, readinessProbe: {httpGet: {path: /, port: 80}, initialDelaySeconds: 3}}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}
"""
DAEMON = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: nginx}]}
"""
SERVICE_OF_WEB = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
REPLICAS = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
"""


def with_spec(**fields):
    """A change of fields of an object's spec."""
    return lambda old: {**old, "spec": {**old["spec"], **fields}}


def names(cluster, **labels):
    return [pod["metadata"]["name"] for pod in cluster.list("Pod", **labels)]


def replaced(field, value):
    return lambda manifest: {**manifest, "spec": {**manifest["spec"], field: value}}


# ---- StatefulSet ----


def test_a_stateful_set_makes_one_pod_after_the_other():
    cluster = Simulation().apply(STATEFUL)
    seen = []
    for _ in range(60):
        cluster.wait(1)
        present = names(cluster, app="db")
        if not seen or seen[-1] != present:
            seen.append(present)

    assert seen == [["db-0"], ["db-0", "db-1"], ["db-0", "db-1", "db-2"]]
    assert all(is_ready(pod) for pod in cluster.list("Pod", app="db"))
    assert cluster.get("StatefulSet", "db")["status"]["readyReplicas"] == 3
    assert [message for reason, message, _ in cluster.events("db") if reason == "SuccessfulCreate"] == [
        f"create Pod db-{n} in StatefulSet db successful" for n in range(3)
    ]


def test_its_pods_have_names_of_their_own_in_the_slices():
    cluster = Simulation().apply(STATEFUL)
    cluster.wait(60)

    (slice_,) = cluster.slices("db")
    assert sorted(e["hostname"] for e in slice_["endpoints"]) == ["db-0", "db-1", "db-2"]
    assert slice_["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    pod = cluster.get("Pod", "db-1")
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
    assert pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-1"


def test_a_stateful_pod_comes_back_under_its_name():
    cluster = Simulation().apply(STATEFUL)
    cluster.wait(60)
    before = cluster.get("Pod", "db-1")

    cluster.delete("Pod", "db-1")
    cluster.wait(30)

    after = cluster.get("Pod", "db-1")
    assert is_ready(after)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["status"]["podIP"] != before["status"]["podIP"]


def test_it_shrinks_and_updates_from_the_highest_ordinal():
    cluster = Simulation().apply(STATEFUL)
    cluster.wait(60)

    cluster.change("StatefulSet", "db", replaced("replicas", 2))
    cluster.wait(20)
    assert names(cluster, app="db") == ["db-0", "db-1"]

    template = cluster.get("StatefulSet", "db")["spec"]["template"]
    container = {**template["spec"]["containers"][0], "image": "nginx:1.27"}
    changed = {**template, "spec": {**template["spec"], "containers": [container]}}
    cluster.change("StatefulSet", "db", replaced("template", changed))
    order = []
    for _ in range(60):
        cluster.wait(1)
        for pod in cluster.list("Pod", app="db"):
            new = pod["spec"]["containers"][0]["image"] == "nginx:1.27"
            if new and pod["metadata"]["name"] not in order:
                order.append(pod["metadata"]["name"])
    assert order == ["db-1", "db-0"]
    status = cluster.get("StatefulSet", "db")["status"]
    assert status["currentRevision"] == status["updateRevision"]


# ---- DaemonSet ----


def test_a_stateful_pod_that_goes_counts_until_it_is_gone():
    cluster = Simulation().apply(STATEFUL)
    cluster.wait(60)

    cluster.change("StatefulSet", "db", with_spec(replicas=2))
    going = cluster.get("StatefulSet", "db")["status"]
    cluster.wait(60)
    gone = cluster.get("StatefulSet", "db")["status"]

    counts = ("replicas", "readyReplicas", "availableReplicas", "currentReplicas", "updatedReplicas")
    assert [going[name] for name in counts] == [3, 3, 3, 2, 2]
    assert [gone[name] for name in counts] == [2, 2, 2, 2, 2]


def test_of_two_unhealthy_pods_that_are_too_many_the_upper_one_waits_until_it_is_healthy():
    cluster = Simulation().apply(STATEFUL.replace("replicas: 3", "replicas: 1"))
    cluster.wait(30)
    owner = cluster.get("Pod", "db-0")
    for name in ("db-1", "db-2"):
        metadata = {**owner["metadata"], "name": name, "uid": name}
        cluster.batch.create({**owner, "metadata": metadata, "status": {"phase": "Pending"}})
    cluster.wait(0)

    going = [pod["metadata"]["name"] for pod in cluster.list("Pod") if "deletionTimestamp" in pod["metadata"]]
    assert going == []


def test_a_daemon_set_runs_on_every_node_that_it_tolerates():
    cluster = Simulation().apply(DAEMON)
    cluster.wait(20)

    assert sorted(p["spec"]["nodeName"] for p in cluster.list("Pod", app="agent")) == ["node1", "node2"]
    status = cluster.get("DaemonSet", "agent")["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"], status["numberAvailable"]) == (2, 2, 2)


def test_a_daemon_set_tells_how_often_its_template_has_changed():
    """Convert_apps_DaemonSet_To_v1_DaemonSet, daemonSetStrategy.PrepareForUpdate"""
    note = "deprecated.daemonset.template.generation"
    cluster = Simulation().apply(DAEMON)

    def told():
        metadata = cluster.get("DaemonSet", "agent")["metadata"]
        return metadata["annotations"][note], metadata["generation"]

    assert told() == ("1", 1)
    cluster.change("DaemonSet", "agent", with_spec(minReadySeconds=1))
    assert told() == ("1", 2)
    template = cluster.get("DaemonSet", "agent")["spec"]["template"]
    containers = [{**template["spec"]["containers"][0], "image": "nginx:1.27"}]
    newer = {**template, "spec": {**template["spec"], "containers": containers}}
    cluster.change("DaemonSet", "agent", with_spec(template=newer))
    assert told() == ("2", 3)
    cluster.wait(120)
    labels = {
        pod["metadata"]["labels"]["pod-template-generation"] for pod in cluster.list("Pod", app="agent")
    }
    assert labels == {"2"}


def test_a_new_node_gets_its_daemon_and_a_deleted_node_loses_everything():
    cluster = Simulation().apply(DAEMON)
    cluster.wait(20)
    node = cluster.get("Node", "node2")
    metadata = {"name": "node3", "labels": {**node["metadata"]["labels"], "kubernetes.io/hostname": "node3"}}
    addresses = [{"type": "InternalIP", "address": "192.168.64.13"}]
    spec = {"podCIDR": "10.244.3.0/24", "podCIDRs": ["10.244.3.0/24"]}
    cluster.batch.create(
        {**node, "metadata": metadata, "spec": spec, "status": {**node["status"], "addresses": addresses}}
    )
    cluster.wait(20)
    assert [
        p["status"]["podIP"] for p in cluster.list("Pod", app="agent") if p["spec"]["nodeName"] == "node3"
    ] == ["10.244.3.2"]

    cluster.delete("Node", "node2")
    cluster.wait(5)

    assert sorted(p["spec"]["nodeName"] for p in cluster.list("Pod", app="agent")) == ["node1", "node3"]


# ---- scheduler ----


@pytest.mark.parametrize(
    ("spec", "node"),
    [
        ("{nodeSelector: {kubernetes.io/hostname: node2}, containers: [{name: c, image: nginx}]}", "node2"),
        (
            "{tolerations: [{operator: Exists}], nodeSelector: {node-role.kubernetes.io/control-plane: ''},"
            " containers: [{name: c, image: nginx}]}",
            "control-plane",
        ),
        (
            "{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms:"
            " [{matchExpressions: [{key: topology.kubernetes.io/zone, operator: NotIn, values: [zone-a]}]}]}}},"
            " containers: [{name: c, image: nginx}]}",
            "node2",
        ),
    ],
    ids=["node selector", "tolerations", "affinity"],
)
def test_a_pod_goes_where_it_asks_to_go(spec, node):
    pod = Simulation().apply(pod_yaml("web", spec)).get("Pod", "web")

    assert pod["spec"]["nodeName"] == node
    assert pod["metadata"]["labels"]["topology.kubernetes.io/zone"] == (
        "zone-b" if node == "node2" else "zone-a"
    )


def test_a_node_that_is_full_takes_no_more():
    cluster = Simulation()
    spec = "{containers: [{name: c, image: nginx, resources: {requests: {cpu: 1500m}}}]}"
    for name in ("one", "two", "three"):
        cluster.apply(pod_yaml(name, spec))

    placed = {cluster.get("Pod", n)["spec"].get("nodeName") for n in ("one", "two", "three")}
    assert placed == {"node1", "node2", None}
    (failed,) = [e for e in cluster.events("three") if e[0] == "FailedScheduling"]
    assert failed[1].startswith(
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to deallocate"
    )
    cluster.delete("Pod", "one")
    cluster.wait(10)
    assert cluster.get("Pod", "three")["spec"]["nodeName"] == "node1"


def test_a_cordoned_node_takes_no_new_pods_and_keeps_its_old_ones():
    cluster = Simulation().apply(REPLICAS)
    cluster.wait(10)
    cluster.change("Node", "node1", replaced("unschedulable", True))

    cluster.change("ReplicaSet", "web", replaced("replicas", 4))
    cluster.wait(10)

    assert sorted(p["spec"]["nodeName"] for p in cluster.list("Pod", app="web")) == [
        "node1",
        "node2",
        "node2",
        "node2",
    ]
    (taint,) = cluster.get("Node", "node1")["spec"]["taints"]
    assert (taint["key"], taint["effect"]) == ("node.kubernetes.io/unschedulable", "NoSchedule")
    cluster.change("Node", "node1", replaced("unschedulable", False))
    assert not cluster.get("Node", "node1")["spec"].get("taints")


def test_pods_of_a_node_that_is_not_ready_are_not_ready_until_it_is_back():
    cluster = Simulation().apply(REPLICAS)
    cluster.apply(SERVICE_OF_WEB)
    cluster.wait(30)
    ready = cluster.get("Node", "node1")["status"]["conditions"]
    lost = [{**each, "status": "Unknown"} if each["type"] == "Ready" else each for each in ready]

    cluster.set_status("Node", "node1", conditions=lost)
    cluster.wait(5)

    there = {e["nodeName"]: e["conditions"]["ready"] for e in cluster.slices("web")[0]["endpoints"]}
    assert there == {"node1": False, "node2": True}
    told = [
        (e["type"], e["involvedObject"]["kind"], e["message"])
        for e in cluster.list("Event")
        if e["reason"] == "NodeNotReady"
    ]
    assert ("Normal", "Node", "Node node1 status is now: NodeNotReady") in told
    assert ("Warning", "Pod", "Node is not ready") in told

    cluster.set_status("Node", "node1", conditions=ready)
    cluster.wait(5)

    assert all(e["conditions"]["ready"] for e in cluster.slices("web")[0]["endpoints"])


def test_pods_leave_a_node_that_is_not_ready_after_five_minutes():
    cluster = Simulation().apply(REPLICAS)
    cluster.wait(10)
    conditions = [
        {**c, "status": "Unknown"} if c["type"] == "Ready" else c
        for c in cluster.get("Node", "node1")["status"]["conditions"]
    ]
    cluster.set_status("Node", "node1", conditions=conditions)

    def leaving():
        return [p for p in cluster.list("Pod", app="web") if p["metadata"].get("deletionTimestamp")]

    cluster.wait(290)
    assert leaving() == []
    cluster.wait(20)
    assert [p["spec"]["nodeName"] for p in leaving()] == ["node1"]
    cluster.wait(10)
    ready = [p["spec"]["nodeName"] for p in cluster.list("Pod", app="web") if is_ready(p)]
    assert ready.count("node2") == 2


# ---- ownership ----


def test_a_replica_set_adopts_an_orphan_with_its_labels():
    cluster = Simulation().apply(pod_yaml("lonely", "{containers: [{name: c, image: nginx}]}", app="web"))
    cluster.apply(REPLICAS)
    cluster.wait(10)

    assert len(names(cluster, app="web")) == 2
    (owner,) = cluster.get("Pod", "lonely")["metadata"]["ownerReferences"]
    assert owner["name"] == "web"


def test_orphaned_pods_outlive_their_replica_set():
    cluster = Simulation().apply(REPLICAS)
    cluster.wait(10)
    owner = cluster.get("ReplicaSet", "web")
    cluster.batch.update({**owner, "metadata": {**owner["metadata"], "finalizers": ["orphan"]}})

    cluster.delete("ReplicaSet", "web")
    cluster.wait(10)

    assert cluster.get("ReplicaSet", "web") is None
    assert len(names(cluster, app="web")) == 2
    assert all("ownerReferences" not in p["metadata"] for p in cluster.list("Pod", app="web"))


def test_deleted_in_the_foreground_an_owner_waits_for_its_pods():
    cluster = Simulation().apply(REPLICAS)
    cluster.wait(10)
    owner = cluster.get("ReplicaSet", "web")
    cluster.batch.update({**owner, "metadata": {**owner["metadata"], "finalizers": ["foregroundDeletion"]}})

    cluster.delete("ReplicaSet", "web")

    assert cluster.get("ReplicaSet", "web")["metadata"]["deletionTimestamp"]
    cluster.wait(10)
    assert cluster.get("ReplicaSet", "web") is None
    assert names(cluster, app="web") == []


# ---- Deployment ----

DEPLOYMENT = REPLICAS.replace("ReplicaSet", "Deployment")


def progress(cluster):
    """Status and reason of the Deployment's condition."""
    conditions = cluster.get("Deployment", "web")["status"]["conditions"]
    found = next(c for c in conditions if c["type"] == "Progressing")
    return found["status"], found["reason"], found["message"].split(" ", 2)[-1]


def test_a_deployment_that_was_paused_is_resumed_and_goes_on_when_it_gets_on():
    """checkPausedConditions, syncRolloutStatus"""
    cluster = Simulation().apply(DEPLOYMENT)
    cluster.wait(20)

    cluster.change("Deployment", "web", with_spec(paused=True))
    assert progress(cluster) == ("Unknown", "DeploymentPaused", "paused")
    cluster.change("Deployment", "web", with_spec(replicas=3))
    cluster.change("Deployment", "web", with_spec(paused=False))
    assert progress(cluster) == ("Unknown", "DeploymentResumed", "resumed")
    cluster.wait(20)
    assert progress(cluster) == ("True", "NewReplicaSetAvailable", "has successfully progressed.")


def test_how_long_pods_must_be_ready_reaches_the_replica_set_without_a_new_one():
    """getNewReplicaSet"""
    cluster = Simulation().apply(DEPLOYMENT)
    cluster.change("Deployment", "web", with_spec(minReadySeconds=7))

    (replica_set,) = cluster.list("ReplicaSet", app="web")
    assert replica_set["spec"]["minReadySeconds"] == 7
    cluster.change("Deployment", "web", with_spec(minReadySeconds=0))
    (replica_set,) = cluster.list("ReplicaSet", app="web")
    assert "minReadySeconds" not in replica_set["spec"]
