"""EndpointSlices and Endpoints: who stands behind a Service."""

import pytest

from tests.kube.controllers.simulation import Simulation, pod_yaml

WEB = "{nodeName: %s, containers: [{name: c, image: nginx, ports: [{name: http, containerPort: %d}]}]}"


def service(spec, name="web"):
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def running(
    spec="{selector: {app: web}, ports: [{port: 80}]}", pods=(("one", "node1", 80), ("two", "node2", 80))
):
    cluster = Simulation().apply(service(spec))
    for name, node, port in pods:
        cluster.apply(pod_yaml(name, WEB % (node, port), app="web"))
    cluster.wait(20)
    return cluster


def test_each_endpoint_names_its_pod_node_and_zone():
    (slice_,) = running().slices("web")

    found = sorted((e["targetRef"]["name"], e["nodeName"], e["zone"]) for e in slice_["endpoints"])
    assert found == [("one", "node1", "zone-a"), ("two", "node2", "zone-b")]
    assert slice_["ports"] == [{"name": "", "protocol": "TCP", "port": 80}]
    assert slice_["metadata"]["ownerReferences"][0]["kind"] == "Service"


def test_a_named_port_that_differs_by_pod_makes_two_slices():
    cluster = running(
        "{selector: {app: web}, ports: [{port: 80, targetPort: http}]}",
        (("one", "node1", 8080), ("two", "node2", 9090)),
    )

    found = {slice_["ports"][0]["port"]: len(slice_["endpoints"]) for slice_ in cluster.slices("web")}
    assert found == {8080: 1, 9090: 1}


def test_a_service_without_pods_has_one_empty_slice():
    (slice_,) = Simulation().apply(service("{selector: {app: web}, ports: [{port: 80}]}")).slices("web")

    assert (slice_["endpoints"], slice_["ports"]) == (None, None)


def test_the_empty_slice_is_filled_when_pods_come_and_keeps_its_name():
    cluster = Simulation().apply(service("{selector: {app: web}, ports: [{port: 80}]}"))
    (before,) = cluster.slices("web")

    cluster.apply(pod_yaml("one", WEB % ("node1", 80), app="web"))
    cluster.wait(20)

    (after,) = cluster.slices("web")
    assert after["metadata"]["name"] == before["metadata"]["name"]
    assert after["metadata"]["generation"] > before["metadata"]["generation"]
    assert len(after["endpoints"]) == 1


@pytest.mark.parametrize(
    ("distribution", "hints"),
    [
        ("PreferClose", {"forZones": [{"name": "zone-a"}]}),
        ("PreferSameZone", {"forZones": [{"name": "zone-a"}]}),
        ("PreferSameNode", {"forZones": [{"name": "zone-a"}], "forNodes": [{"name": "node1"}]}),
    ],
)
def test_traffic_distribution_gives_hints(distribution, hints):
    cluster = running(
        f"{{selector: {{app: web}}, trafficDistribution: {distribution}, ports: [{{port: 80}}]}}"
    )

    (slice_,) = cluster.slices("web")
    found = {endpoint["targetRef"]["name"]: endpoint["hints"] for endpoint in slice_["endpoints"]}
    assert found["one"] == hints


def test_pods_that_are_not_ready_are_published_where_the_service_says_so():
    spec = "{selector: {app: web}, publishNotReadyAddresses: %s, ports: [{port: 80}]}"
    down = "{nodeName: node1, containers: [{name: c, image: nginx, readinessProbe: {httpGet: {path: /no, port: 80}}}]}"
    cluster = Simulation().apply(service(spec % "true", "all") + "---\n" + service(spec % "false", "ready"))
    cluster.apply(pod_yaml("down", down, app="web"))
    cluster.wait(20)

    conditions = {name: cluster.slices(name)[0]["endpoints"][0]["conditions"] for name in ("all", "ready")}
    assert conditions == {
        "all": {"ready": True, "serving": False, "terminating": False},
        "ready": {"ready": False, "serving": False, "terminating": False},
    }
    (subset,) = cluster.get("Endpoints", "ready")["subsets"]
    assert [a["targetRef"]["name"] for a in subset["notReadyAddresses"]] == ["down"]
    (subset,) = cluster.get("Endpoints", "all")["subsets"]
    assert [a["targetRef"]["name"] for a in subset["addresses"]] == ["down"]


def test_newcomers_that_do_not_fit_into_a_slice_together_take_a_second_one():
    cluster = Simulation().apply(service("{selector: {app: web}, ports: [{port: 80}]}"))
    for n in range(103):
        cluster.apply(
            pod_yaml(
                f"web-{n}",
                f"{{nodeName: node{n % 2 + 1}, containers: [{{name: c, image: nginx}}]}}",
                app="web",
            )
        )
    cluster.wait(20)

    sizes = [len(slice_["endpoints"]) for slice_ in cluster.slices("web")]
    assert len(sizes) == 2
    assert sum(sizes) == 103
    for n in range(60):
        cluster.delete("Pod", f"web-{n}", grace_seconds=0)
    assert sum(len(slice_["endpoints"] or ()) for slice_ in cluster.slices("web")) == 43


def test_a_service_that_loses_its_selector_keeps_nothing_new():
    cluster = running()
    cluster.apply(pod_yaml("other", WEB % ("node1", 80), app="other"))
    cluster.wait(20)

    (slice_,) = cluster.slices("web")
    assert {e["targetRef"]["name"] for e in slice_["endpoints"]} == {"one", "two"}


def test_a_changed_selector_changes_the_endpoints_at_once():
    cluster = running()
    cluster.apply(pod_yaml("other", WEB % ("node1", 80), app="other"))
    cluster.wait(20)

    cluster.change("Service", "web", lambda s: {**s, "spec": {**s["spec"], "selector": {"app": "other"}}})

    (slice_,) = cluster.slices("web")
    assert [e["targetRef"]["name"] for e in slice_["endpoints"]] == ["other"]


@pytest.mark.parametrize(
    ("ports", "slice_order", "endpoints_order"),
    [
        # As real clusters listed them: the order is that of a hash, neither the Service's nor the numbers'
        ([("http", "TCP", 8080), ("dns", "UDP", 53)], ["http", "dns"], ["http", "dns"]),
        ([("aux", "TCP", 80), ("main", "TCP", 80)], ["main", "aux"], None),
        ([("main", "TCP", 8080), ("aux", "TCP", 8080)], ["aux", "main"], None),
        ([("alt", "TCP", 8081), ("http", "TCP", 8080)], ["http", "alt"], None),
        (
            [("dns", "UDP", 53), ("dns-tcp", "TCP", 53), ("metrics", "TCP", 9153)],
            ["dns", "dns-tcp", "metrics"],
            ["metrics", "dns-tcp", "dns"],
        ),
    ],
)
def test_ports_are_listed_in_the_order_of_their_hash(ports, slice_order, endpoints_order):
    listed = ", ".join(
        f"{{name: {name}, protocol: {kind}, port: {n}, targetPort: {port}}}"
        for n, (name, kind, port) in enumerate(ports, 1)
    )
    cluster = running(f"{{selector: {{app: web}}, ports: [{listed}]}}")

    (slice_,) = cluster.slices("web")
    (subset,) = cluster.get("Endpoints", "web")["subsets"]
    assert [port["name"] for port in slice_["ports"]] == slice_order
    if endpoints_order is not None:
        assert [port["name"] for port in subset["ports"]] == endpoints_order


def test_a_slice_that_loses_its_last_endpoint_stays_without_ports_under_its_name():
    cluster = running(pods=(("one", "node1", 80),))
    (before,) = cluster.slices("web")

    cluster.delete("Pod", "one", grace_seconds=0)

    (after,) = cluster.slices("web")
    assert after["metadata"]["name"] == before["metadata"]["name"]
    assert (after["endpoints"], after["ports"]) == (None, None)


def test_a_change_without_a_time_of_its_own_takes_the_trigger_time_away():
    cluster = running()
    trigger = "endpoints.kubernetes.io/last-change-trigger-time"
    (before,) = cluster.slices("web")

    cluster.delete("Pod", "one")

    assert trigger in before["metadata"]["annotations"]
    for found in (*cluster.slices("web"), cluster.get("Endpoints", "web")):
        assert trigger not in (found["metadata"].get("annotations") or {})


def test_both_families_of_a_dual_stack_service_get_slices_of_the_pods_addresses():
    cluster = running(
        "{selector: {app: web}, ipFamilyPolicy: PreferDualStack, ports: [{port: 80}]}",
        (("one", "node1", 80),),
    )
    service = cluster.get("Service", "web")
    pair = [{"ip": "10.244.1.77"}, {"ip": "fd00::77"}]
    cluster.set_status("Pod", "one", podIP="10.244.1.77", podIPs=pair)
    cluster.batch.update({**service, "spec": {**service["spec"], "ipFamilies": ["IPv4", "IPv6"]}})
    cluster.wait(0)

    found = {slice_["addressType"]: slice_["endpoints"][0]["addresses"] for slice_ in cluster.slices("web")}
    assert found == {"IPv4": ["10.244.1.77"], "IPv6": ["fd00::77"]}


def test_hand_written_endpoints_are_mirrored_into_a_slice():
    cluster = Simulation().apply(service("{ports: [{port: 80, targetPort: 9376}]}"))
    cluster.apply(
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\n"
        "subsets: [{addresses: [{ip: 192.0.2.42}], ports: [{port: 9376}]}]"
    )

    (slice_,) = cluster.slices("web")
    assert slice_["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == (
        "endpointslicemirroring-controller.k8s.io"
    )
    assert slice_["endpoints"] == [{"addresses": ["192.0.2.42"], "conditions": {"ready": True}}]
    cluster.delete("Endpoints", "web")
    assert cluster.slices("web") == []


def test_a_mirrored_slice_takes_over_labels_and_annotations_but_two():
    cluster = Simulation().apply(service("{ports: [{port: 80, targetPort: 9376}]}"))
    cluster.apply(
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web, labels: {team: a}, annotations: {note: x,"
        " kubectl.kubernetes.io/last-applied-configuration: y}}\n"
        "subsets: [{addresses: [{ip: 192.0.2.42}],"
        " ports: [{name: alt, port: 8081}, {name: http, port: 8080}]}]"
    )

    (slice_,) = cluster.slices("web")
    assert slice_["metadata"]["labels"]["team"] == "a"
    assert slice_["metadata"]["annotations"] == {"note": "x"}
    assert [port["name"] for port in slice_["ports"]] == ["http", "alt"]

    cluster.change(
        "Endpoints", "web", lambda e: {**e, "metadata": {**e["metadata"], "labels": {"team": "b"}}}
    )

    (slice_,) = cluster.slices("web")
    assert slice_["metadata"]["labels"]["team"] == "b"


def test_kube_proxies_see_changes_after_about_a_second_each_at_its_own_time():
    cluster = Simulation()
    cluster.apply(service("{selector: {app: web}, ports: [{port: 80}]}"))
    moments = {}
    for step in range(1, 31):
        cluster.wait(0.1)
        for node, memory in cluster.batch.hosts.items():
            if memory.digest == cluster.batch.rules_digest():
                moments.setdefault(node, step / 10)

    assert set(moments) == {"control-plane", "node1", "node2"}
    assert all(0.6 <= moment <= 1.5 for moment in moments.values())
    assert len(set(moments.values())) > 1
