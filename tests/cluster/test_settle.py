"""Controllers at work in a cluster: what happens, in which order, and that it depends on nobody's looking."""

from datetime import timedelta

import pytest

from svclab.apiserver.dispatch import ApiRequest, handle
from svclab.cluster import lifecycle, memory, settle
from svclab.cluster.agenda import CONTROLLERS
from svclab.cluster.clock import real_now
from svclab.cluster.store import open_cluster
from svclab.kube.meta import moment
from svclab.kube.pods import is_ready
from svclab.kube.status import Refusal
from tests.cluster.harness import (
    BACKEND,
    apply,
    change,
    delete,
    endpoints,
    events,
    paused_cluster,
    pods,
    wait,
)

pytestmark = pytest.mark.django_db(transaction=True)

WEB = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: backend}, ports: [{port: 80}]}
"""


@pytest.fixture
def cluster():
    return paused_cluster()


def restarted(cluster):
    """The same cluster as a process sees it that has just been started."""
    memory.forget_all()
    settle.forget_agendas()
    return open_cluster(cluster.id)


def test_a_fresh_cluster_is_at_rest(cluster):
    before = cluster.snapshot().resource_version

    wait(cluster, 600)

    assert cluster.snapshot().resource_version == before
    assert settle.next_due(cluster) is None


def test_a_fresh_cluster_runs_coredns_and_kube_proxy_on_every_node(cluster):
    snapshot = cluster.snapshot()
    assert [n["metadata"]["name"] for n in snapshot.list("Node")] == ["control-plane", "node1", "node2"]
    assert {p["spec"]["nodeName"] for p in pods(cluster, "kube-system", **{"k8s-app": "kube-proxy"})} == {
        "control-plane",
        "node1",
        "node2",
    }
    dns = pods(cluster, "kube-system", **{"k8s-app": "kube-dns"})
    assert [is_ready(pod) for pod in dns] == [True, True]
    assert snapshot.get("Service", "kube-system", "kube-dns")["spec"]["clusterIP"] == "10.96.0.10"
    assert snapshot.get("Service", "default", "kubernetes")["spec"]["clusterIP"] == "10.96.0.1"
    assert set(endpoints(cluster, "kube-dns", "kube-system")) == {pod["status"]["podIP"] for pod in dns}
    assert set(endpoints(cluster, "kubernetes")) == {"192.168.64.10"}
    assert all(cluster.state().hosts[node].manifests for node in ("control-plane", "node1", "node2"))


def test_a_deployment_makes_a_replica_set_and_that_makes_pods_spread_over_the_workers(cluster):
    apply(cluster, BACKEND)

    (replica_set,) = cluster.snapshot().list("ReplicaSet", "default")
    name = replica_set["metadata"]["name"]
    made = pods(cluster, app="backend")
    template_hash = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert name == f"backend-{template_hash}"
    assert [p["metadata"]["name"].startswith(f"{name}-") for p in made] == [True] * 3
    assert [len(p["metadata"]["name"]) for p in made] == [len(name) + 6] * 3
    assert sorted(p["spec"]["nodeName"] for p in made) == ["node1", "node1", "node2"]
    assert all(p["metadata"]["labels"]["topology.kubernetes.io/zone"] for p in made)
    told = [e for e in events(cluster) if e[0] in ("ScalingReplicaSet", "SuccessfulCreate")]
    assert sorted(told) == sorted(
        [("ScalingReplicaSet", "backend", f"Scaled up replica set {name} from 0 to 3")]
        + [("SuccessfulCreate", name, f"Created pod: {p['metadata']['name']}") for p in made]
    )


def test_pods_get_addresses_of_their_node_and_start_some_seconds_later(cluster):
    apply(cluster, BACKEND)
    assert {p["status"]["phase"] for p in pods(cluster, app="backend")} == {"Pending"}

    wait(cluster, 6)

    for pod in pods(cluster, app="backend"):
        subnet = {"node1": "10.244.1.", "node2": "10.244.2."}[pod["spec"]["nodeName"]]
        assert pod["status"]["phase"] == "Running"
        assert pod["status"]["podIP"].startswith(subnet)
    told = [
        reason
        for reason, about, _ in events(cluster)
        if about == pods(cluster, app="backend")[0]["metadata"]["name"]
    ]
    assert told == ["Scheduled", "Pulling", "Pulled", "Created", "Started"]


def test_a_pod_is_ready_its_initial_delay_after_it_started_and_not_before(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 60)

    for pod in pods(cluster, app="backend"):
        started = moment(pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"])
        ready = moment(
            next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")["lastTransitionTime"]
        )
        assert timedelta(seconds=5) <= ready - started <= timedelta(seconds=6)


def test_endpoints_follow_readiness(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 4)
    assert {c["ready"] for c in endpoints(cluster, "backend").values()} == {False}

    wait(cluster, 20)

    assert endpoints(cluster, "backend") == {
        pod["status"]["podIP"]: {"ready": True, "serving": True, "terminating": False}
        for pod in pods(cluster, app="backend")
    }
    (subset,) = cluster.snapshot().get("Endpoints", "default", "backend")["subsets"]
    assert [a["ip"] for a in subset["addresses"]] == sorted(endpoints(cluster, "backend"))


def test_looking_often_or_once_comes_to_the_same(cluster):
    twin = paused_cluster("bob", random_seed="alice")
    for each in (cluster, twin):
        apply(each, BACKEND)

    wait(cluster, 40)
    for _ in range(80):
        wait(restarted(twin), 0.5)

    def pods_of(one):
        return [
            {k: v for k, v in p.items() if k != "metadata"} | {"name": p["metadata"]["name"]}
            for p in one.snapshot().list("Pod", "default")
        ]

    assert pods_of(cluster) == pods_of(twin)


def test_asked_again_controllers_have_nothing_to_add(cluster):
    apply(cluster, BACKEND + "---" + WEB)
    wait(cluster, 60)
    version = cluster.snapshot().resource_version

    again = restarted(cluster)
    again.advance()
    wait(again, 5)

    assert again.snapshot().resource_version == version


def test_a_restarted_process_goes_on_where_the_other_one_was(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 2)

    again = restarted(cluster)
    wait(again, 30)

    assert [is_ready(pod) for pod in pods(again, app="backend")] == [True, True, True]


def test_a_load_balancer_is_pending_until_the_cloud_has_an_address(cluster):
    apply(cluster, BACKEND + "---" + WEB)

    def ingress():
        return cluster.snapshot().get("Service", "default", "web")["status"]["loadBalancer"].get("ingress")

    wait(cluster, 3)
    assert ingress() is None
    wait(cluster, 4)
    assert ingress() == [{"ip": "203.0.113.100", "ipMode": "VIP"}]
    assert [e[2] for e in events(cluster) if e[1] == "web"] == [
        "Ensuring load balancer",
        "Ensured load balancer",
    ]


def test_two_load_balancers_get_different_addresses_and_give_them_back(cluster):
    apply(cluster, WEB + "---" + WEB.replace("name: web", "name: shop"))
    wait(cluster, 10)
    ingress = {
        s["metadata"]["name"]: s["status"]["loadBalancer"]["ingress"][0]["ip"]
        for s in cluster.snapshot().list("Service", "default")
        if s["spec"]["type"] == "LoadBalancer"
    }
    assert sorted(ingress.values()) == ["203.0.113.100", "203.0.113.101"]

    delete(cluster, "Service", "web")
    apply(cluster, WEB.replace("name: web", "name: third"))
    wait(cluster, 10)

    third = cluster.snapshot().get("Service", "default", "third")
    assert third["status"]["loadBalancer"]["ingress"][0]["ip"] == ingress["web"]
    assert cluster.snapshot().get("Service", "default", "web") is None


def test_on_bare_metal_a_load_balancer_stays_pending():
    cluster = paused_cluster(flavour="bare-metal")
    apply(cluster, WEB)

    wait(cluster, 300)

    assert cluster.snapshot().get("Service", "default", "web")["status"] == {"loadBalancer": {}}
    assert all(
        a["type"] != "ExternalIP" for n in cluster.snapshot().list("Node") for a in n["status"]["addresses"]
    )


def test_a_deleted_pod_is_replaced_by_one_with_another_name_and_address(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 30)
    victim = max(pods(cluster, app="backend"), key=lambda p: p["status"]["podIP"])
    before = {p["status"]["podIP"] for p in pods(cluster, app="backend")}

    delete(cluster, "Pod", victim["metadata"]["name"])
    wait(cluster, 30)

    after = pods(cluster, app="backend")
    assert len(after) == 3
    (new,) = [p for p in after if p["status"]["podIP"] not in before]
    assert victim["status"]["podIP"] not in {p["status"]["podIP"] for p in after}
    assert new["metadata"]["name"] != victim["metadata"]["name"]
    assert set(endpoints(cluster, "backend")) == {p["status"]["podIP"] for p in after}


def test_a_pod_that_is_being_deleted_is_terminating_but_serves_until_it_stops(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 30)
    victim = pods(cluster, app="backend")[0]

    delete(cluster, "Pod", victim["metadata"]["name"])

    assert endpoints(cluster, "backend")[victim["status"]["podIP"]] == {
        "ready": False,
        "serving": True,
        "terminating": True,
    }
    assert ("Killing", victim["metadata"]["name"], "Stopping container backend") in events(cluster)
    wait(cluster, 5)
    assert cluster.snapshot().get("Pod", "default", victim["metadata"]["name"]) is None


def test_time_can_be_stopped_between_a_pods_death_and_the_change_of_the_rules(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 30)
    victim = pods(cluster, app="backend")[0]
    address = victim["status"]["podIP"]

    def programmed(node):
        slices = [m for m in cluster.state().hosts[node].manifests if m["kind"] == "EndpointSlice"]
        return {
            a
            for s in slices
            for e in s["endpoints"] or ()
            if e["conditions"]["ready"]
            for a in e["addresses"]
        }

    delete(cluster, "Pod", victim["metadata"]["name"])

    assert endpoints(cluster, "backend")[address]["ready"] is False
    nodes = ("control-plane", "node1", "node2")
    assert all(address in programmed(node) for node in nodes)
    seen = []
    for _ in range(20):
        wait(cluster, 0.1)
        seen.append(sum(address in programmed(node) for node in nodes))
    assert seen == sorted(seen, reverse=True)
    assert (seen[4], seen[-1]) == (3, 0)
    assert {1, 2} & set(seen), "each node in its own time"


def test_without_kube_proxy_on_a_node_its_rules_stay_as_they_are(cluster):
    (daemon,) = [
        p
        for p in pods(cluster, "kube-system", **{"k8s-app": "kube-proxy"})
        if p["spec"]["nodeName"] == "node1"
    ]
    change(
        cluster,
        "DaemonSet",
        "kube-proxy",
        lambda d: {**d, "spec": {**d["spec"], "template": _selecting(d["spec"]["template"], "no-such-node")}},
        "kube-system",
    )
    wait(cluster, 60)
    assert cluster.snapshot().get("Pod", "kube-system", daemon["metadata"]["name"]) is None
    before = cluster.state().hosts["node1"]

    apply(cluster, BACKEND)
    wait(cluster, 60)

    assert cluster.state().hosts["node1"].digest == before.digest


def _selecting(template, node):
    spec = {**template["spec"], "nodeSelector": {"kubernetes.io/hostname": node}}
    return {**template, "spec": spec}


def test_scaling_down_takes_pods_away_and_tells_which(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 30)

    change(cluster, "Deployment", "backend", lambda d: {**d, "spec": {**d["spec"], "replicas": 1}})
    wait(cluster, 10)

    assert len(pods(cluster, app="backend")) == 1
    assert len(events(cluster, "SuccessfulDelete")) == 2
    status = cluster.snapshot().get("Deployment", "default", "backend")["status"]
    assert (status["replicas"], status["readyReplicas"], status["availableReplicas"]) == (1, 1, 1)


def test_a_rolling_update_keeps_enough_pods_available_all_the_time(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 30)

    change(cluster, "Deployment", "backend", _with_image("nginx:1.27"))
    least, most = 99, 0
    for _ in range(80):
        wait(cluster, 0.5)
        now = pods(cluster, app="backend")
        least = min(least, sum(is_ready(p) and not p["metadata"].get("deletionTimestamp") for p in now))
        most = max(most, sum(1 for p in now if not p["metadata"].get("deletionTimestamp")))

    images = {p["spec"]["containers"][0]["image"] for p in pods(cluster, app="backend")}
    assert (least, most, images) == (3, 4, {"nginx:1.27"})
    deployment = cluster.snapshot().get("Deployment", "default", "backend")
    assert deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert [(c["type"], c["status"], c["reason"]) for c in deployment["status"]["conditions"]] == [
        ("Available", "True", "MinimumReplicasAvailable"),
        ("Progressing", "True", "NewReplicaSetAvailable"),
    ]
    sizes = {r["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: r["spec"]["replicas"]
             for r in cluster.snapshot().list("ReplicaSet", "default")}  # fmt: skip
    assert sizes == {"1": 0, "2": 3}


def _with_image(image):
    def change_image(deployment):
        template = deployment["spec"]["template"]
        container = {**template["spec"]["containers"][0], "image": image}
        template = {**template, "spec": {**template["spec"], "containers": [container]}}
        return {**deployment, "spec": {**deployment["spec"], "template": template}}

    return change_image


def test_going_back_to_an_earlier_template_takes_its_replica_set_again(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 30)
    (first,) = cluster.snapshot().list("ReplicaSet", "default")
    change(cluster, "Deployment", "backend", _with_image("nginx:1.27"))
    wait(cluster, 60)

    change(cluster, "Deployment", "backend", _with_image("nginx:1.25"))
    wait(cluster, 60)

    again = cluster.snapshot().get("ReplicaSet", "default", first["metadata"]["name"])
    assert again["spec"]["replicas"] == 3
    assert again["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert again["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert len(cluster.snapshot().list("ReplicaSet", "default")) == 2


def test_recreate_stops_all_old_pods_before_it_starts_new_ones(cluster):
    apply(cluster, BACKEND.replace("  replicas: 3", "  replicas: 3\n  strategy: {type: Recreate}"))
    wait(cluster, 30)

    change(cluster, "Deployment", "backend", _with_image("nginx:1.27"))
    seen = set()
    for _ in range(60):
        wait(cluster, 0.5)
        seen.add(frozenset(p["spec"]["containers"][0]["image"] for p in pods(cluster, app="backend")))

    assert frozenset({"nginx:1.25", "nginx:1.27"}) not in seen
    assert [is_ready(p) for p in pods(cluster, app="backend")] == [True] * 3


def test_deleting_a_deployment_takes_its_replica_sets_and_pods_along(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 30)

    delete(cluster, "Deployment", "backend")
    wait(cluster, 10)

    assert cluster.snapshot().list("ReplicaSet", "default") == []
    assert pods(cluster, app="backend") == []
    assert endpoints(cluster, "backend") == {}


def test_deleting_a_service_takes_its_slices_along(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 30)

    delete(cluster, "Service", "backend")

    assert endpoints(cluster, "backend") == {}
    assert cluster.snapshot().get("Endpoints", "default", "backend") is None


def test_a_namespace_is_emptied_before_it_goes(cluster):
    apply(cluster, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}")
    assert cluster.snapshot().get("ServiceAccount", "shop", "default") is not None
    apply(cluster, BACKEND.replace("{name: backend}", "{name: backend, namespace: shop}"))
    wait(cluster, 30)

    delete(cluster, "Namespace", "shop")
    wait(cluster, 5.1)  # the controller gives it five seconds

    terminating = cluster.snapshot().get("Namespace", "", "shop")
    assert terminating["status"]["phase"] == "Terminating"
    remaining = next(
        c for c in terminating["status"]["conditions"] if c["type"] == "NamespaceContentRemaining"
    )
    assert remaining["message"] == "Some resources are remaining: pods. has 3 resource instances"
    with pytest.raises(Refusal):
        apply(cluster, BACKEND.replace("{name: backend}", "{name: late, namespace: shop}"))
    wait(cluster, 10)
    assert cluster.snapshot().get("Namespace", "", "shop") is None
    assert [m for m in cluster.snapshot() if m["metadata"].get("namespace") == "shop"] == []


def test_a_relabelled_pod_leaves_its_service_and_is_replaced(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 30)
    victim = pods(cluster, app="backend")[0]
    name = victim["metadata"]["name"]

    def relabel(pod):
        return {**pod, "metadata": {**pod["metadata"], "labels": {"app": "quarantine"}}}

    change(cluster, "Pod", name, relabel)
    wait(cluster, 30)

    assert "ownerReferences" not in cluster.snapshot().get("Pod", "default", name)["metadata"]
    assert len(pods(cluster, app="backend")) == 3
    assert victim["status"]["podIP"] not in endpoints(cluster, "backend")


def test_a_strict_runtime_lets_nginx_fail_as_another_user_than_root(cluster):
    cluster.configure(runtime="strict")
    apply(
        cluster,
        BACKEND.replace(
            "    spec:\n      containers",
            "    spec:\n      securityContext: {runAsUser: 101}\n      containers",
        ),
    )
    wait(cluster, 120)

    for pod in pods(cluster, app="backend"):
        (container,) = pod["status"]["containerStatuses"]
        assert container["restartCount"] >= 3
        assert container["lastState"]["terminated"]["exitCode"] == 1
        assert not is_ready(pod)
    reasons = {reason for reason, _, _ in events(cluster)}
    assert "BackOff" in reasons
    assert set(endpoints(cluster, "backend")) == {p["status"]["podIP"] for p in pods(cluster, app="backend")}
    assert not any(c["ready"] for c in endpoints(cluster, "backend").values())


def test_a_pod_over_the_quota_is_refused_and_the_replica_set_says_why(cluster):
    change_to = BACKEND.replace("replicas: 3", "replicas: 250")
    apply(cluster, change_to)

    made = len(cluster.snapshot().of_kind("Pod"))
    assert made == 200
    (failed,) = set(events(cluster, "FailedCreate"))
    assert failed[2].startswith('Error creating: pods "backend-')
    assert "exceeded quota: svclab-learner, requested: pods=1, used: pods=200, limited: pods=200" in failed[2]


def test_a_pod_that_no_node_takes_says_why(cluster):
    apply(
        cluster,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: picky}\n"
        "spec: {nodeSelector: {disk: ssd}, containers: [{name: web, image: nginx}]}",
    )
    wait(cluster, 60)

    pod = cluster.snapshot().get("Pod", "default", "picky")
    (condition,) = pod["status"]["conditions"]
    assert pod["status"]["phase"] == "Pending"
    assert condition["message"].startswith(
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector."
    )
    change(cluster, "Node", "node2", lambda n: _labelled(n, disk="ssd"))
    wait(cluster, 10)
    assert cluster.snapshot().get("Pod", "default", "picky")["spec"]["nodeName"] == "node2"


def _labelled(manifest, **labels):
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**metadata["labels"], **labels}}}


def test_events_are_forgotten_after_an_hour(cluster):
    apply(cluster, BACKEND)
    wait(cluster, 60)
    assert events(cluster)

    wait(cluster, 3600)
    apply(cluster, WEB)

    assert {about for _, about, _ in events(cluster)} == {"web"}


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=1)], ids=["back", "forward"])
def test_controllers_go_on_after_the_machine_s_clock_was_set(jump):
    cluster = lifecycle.new_cluster("alice", random_seed="alice")
    apply(cluster, BACKEND)
    real, before = real_now(), cluster.state().settled_at

    settle.advance(cluster, real + jump)
    settle.advance(cluster, real + jump + timedelta(seconds=20))

    assert cluster.state().settled_at >= before
    assert [is_ready(pod) for pod in pods(cluster, app="backend")] == [True] * 3
    ready = moment(pods(cluster, app="backend")[0]["status"]["conditions"][1]["lastTransitionTime"])
    assert ready - before < timedelta(hours=1, seconds=25)


def test_the_log_of_a_container_that_keeps_crashing_says_why(cluster):
    cluster.configure(runtime="strict")
    apply(
        cluster,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {securityContext: {runAsUser: 101},"
        " containers: [{name: web, image: 'nginx:1.25'}]}",
    )
    wait(cluster, 60)

    answer = handle(cluster, ApiRequest.of("GET", "/api/v1/namespaces/default/pods/web/log"))

    assert answer.status == 200
    assert (
        b'nginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed (13: Permission denied)' in answer.body
    )


def test_a_controller_that_fails_at_one_object_does_not_stop_the_cluster(cluster, monkeypatch, caplog):
    def fails(snapshot, key, now, dice):
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(CONTROLLERS["endpoints"], "reconcile", fails)
    apply(cluster, BACKEND)
    wait(cluster, 30)

    assert [is_ready(pod) for pod in pods(cluster, app="backend")] == [True] * 3
    assert len(endpoints(cluster, "backend")) == 3
    assert "endpoints cannot reconcile ('default', 'backend')" in caplog.text
