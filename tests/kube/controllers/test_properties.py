"""Whatever a learner does, in whatever order: once it is quiet, the cluster is as it should be."""

from hypothesis import given, settings
from hypothesis import strategies as st

from svclab.cluster import settle
from svclab.cluster.agenda import Agenda
from svclab.kube.pods import is_active, is_ready, is_terminal
from tests.kube.controllers.simulation import Simulation

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: nginx, readinessProbe: {httpGet: {path: /, port: 80}, initialDelaySeconds: 2}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""

STEPS = st.one_of(
    st.tuples(st.just("scale"), st.integers(0, 5)),
    st.tuples(st.just("image"), st.sampled_from(["nginx:1.25", "nginx:1.27", "nginx:1.29"])),
    st.tuples(st.just("kill"), st.integers(0, 4)),
    st.tuples(st.just("relabel"), st.integers(0, 4)),
    st.tuples(st.just("cordon"), st.sampled_from(["node1", "node2"])),
    st.tuples(st.just("uncordon"), st.sampled_from(["node1", "node2"])),
    st.tuples(st.just("wait"), st.floats(0.1, 15)),
)


def spec_with(**fields):
    return lambda manifest: {**manifest, "spec": {**manifest["spec"], **fields}}


def take(cluster, action, value):
    pods = cluster.list("Pod", app="web")
    if action == "scale":
        cluster.change("Deployment", "web", spec_with(replicas=value))
    elif action == "image":
        template = cluster.get("Deployment", "web")["spec"]["template"]
        container = {**template["spec"]["containers"][0], "image": value}
        template = {**template, "spec": {**template["spec"], "containers": [container]}}
        cluster.change("Deployment", "web", spec_with(template=template))
    elif action == "kill" and pods:
        cluster.delete("Pod", pods[value % len(pods)]["metadata"]["name"])
    elif action == "relabel" and pods:
        name = pods[value % len(pods)]["metadata"]["name"]
        cluster.change(
            "Pod", name, lambda p: {**p, "metadata": {**p["metadata"], "labels": {"app": "other"}}}
        )
    elif action in ("cordon", "uncordon"):
        cluster.change("Node", value, spec_with(unschedulable=action == "cordon"))
    elif action == "wait":
        cluster.wait(value)


@settings(max_examples=20, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_the_cluster_comes_to_what_was_asked_for(steps):
    cluster = Simulation().apply(DEPLOYMENT)
    for action, value in steps:
        take(cluster, action, value)
        live = [p for p in cluster.list("Pod") if not is_terminal(p) and p["status"].get("podIP")]
        assert len({p["status"]["podIP"] for p in live}) == len(live), "one address, one pod"
    for node in ("node1", "node2"):
        take(cluster, "uncordon", node)
    cluster.wait(300)

    deployment = cluster.get("Deployment", "web")
    wanted = deployment["spec"]["replicas"]
    pods = [p for p in cluster.list("Pod", app="web") if is_active(p)]
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert len(pods) == wanted
    assert {p["spec"]["containers"][0]["image"] for p in pods} <= {image}
    assert all(is_ready(p) for p in pods)
    (slice_,) = cluster.slices("web")
    ready = {a for e in slice_["endpoints"] or () if e["conditions"]["ready"] for a in e["addresses"]}
    assert ready == {p["status"]["podIP"] for p in pods}
    assert all(memory.digest == cluster.batch.rules_digest() for memory in cluster.batch.hosts.values())
    quiet(cluster)


def quiet(cluster):
    """Asked again about everything, no controller has anything to add."""
    before = len(cluster.batch.entries)
    agenda = Agenda.for_everything(cluster.snapshot, cluster.now)
    settle.play(cluster.batch, agenda, cluster.now, cluster.circumstances)
    assert cluster.batch.entries[before:] == []


@settings(max_examples=8, deadline=None)
@given(st.lists(STEPS, max_size=6), st.lists(st.floats(0.05, 7), min_size=1, max_size=12))
def test_how_often_somebody_looks_changes_nothing(steps, pauses):
    once, often = Simulation().apply(DEPLOYMENT), Simulation().apply(DEPLOYMENT)
    for action, value in steps:
        for cluster in (once, often):
            take(cluster, action, value)
        for pause in pauses:
            often.wait(pause)
        once.wait(sum(pauses))

    assert shape(once) == shape(often)


def shape(cluster):
    return [
        (p["metadata"]["name"], p["spec"].get("nodeName"), p["status"].get("podIP"), is_ready(p))
        for p in cluster.list("Pod")
    ]
