"""Objects -> model -> places on the stage."""

import pytest

LAYOUT = """async (m, objects, size) => {
  const { clusterModel } = await import('/static/js/topology/model.js');
  return m.layout(clusterModel(objects), size);
}"""


def _boxes(node):
    return [(box["x"], box["y"], box["w"], box["h"]) for box in node["pods"]]


def _overlap(a, b):
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _pod(name, node, namespace="default", ready=True, **metadata):
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": name, "labels": {}, **metadata},
        "spec": {"nodeName": node, "containers": [{"image": "nginx"}]},
        "status": {
            "phase": "Running",
            "podIP": "10.244.1.99",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def test_a_service_has_a_thread_to_each_endpoint_with_its_state(js, sample):
    at = js("topology/layout.js", LAYOUT, sample("objects"), {"width": 1040, "height": 420})
    box = next(box for box in at["services"] if box["service"]["name"] == "frontend-nodeport")
    assert sorted(thread["state"] for thread in box["threads"]) == ["notready", "ready"]


@pytest.mark.parametrize("width", [760, 900, 1040, 1500])
def test_nothing_on_the_stage_overlaps(js, sample, width):
    at = js("topology/layout.js", LAYOUT, sample("objects"), {"width": width, "height": 420})
    boxes = [(box["x"], box["y"], box["w"], box["h"]) for box in at["services"]]
    boxes += [box for node in at["nodes"] for box in _boxes(node)]
    for i, a in enumerate(boxes):
        assert not any(_overlap(a, b) for b in boxes[i + 1 :]), a
    assert all(box[0] >= 0 and box[0] + box[2] <= at["width"] for box in boxes)
    assert all(box[1] + box[3] <= at["height"] for box in boxes)


def test_more_than_twelve_pods_of_a_node_collapse_into_a_counted_stack(js, sample):
    objects = [item for item in sample("objects") if item["kind"] != "Pod"]
    objects += [_pod(f"web-{i:02}", "node1") for i in range(30)]
    at = js("topology/layout.js", LAYOUT, objects, {"width": 1040, "height": 420})
    node = next(node for node in at["nodes"] if node["node"]["name"] == "node1")
    assert (len(node["pods"]), node["more"]) == (11, 19)


def test_the_same_objects_in_any_order_give_the_same_places(js, sample):
    objects = sample("objects")
    size = {"width": 1040, "height": 420}
    assert js("topology/layout.js", LAYOUT, objects, size) == js(
        "topology/layout.js", LAYOUT, list(reversed(objects)), size
    )


def test_pods_that_live_in_their_nodes_own_network_are_not_drawn_as_machines(js, sample):
    proxy = _pod("kube-proxy-x", "node1", "kube-system")
    proxy["spec"]["hostNetwork"] = True
    at = js("topology/layout.js", LAYOUT, [*sample("objects"), proxy], {"width": 1040, "height": 420})
    drawn = [box["pod"]["name"] for node in at["nodes"] for box in node["pods"]]
    assert "kube-proxy-x" not in drawn


def _service(name, namespace="default", **spec):
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}"},
        "spec": {"clusterIP": "10.96.1.1", "ports": [{"port": 80, "protocol": "TCP"}], **spec},
        "status": {},
    }


WANTED = """async (m, objects, wanted) => {
  const { clusterModel } = await import('/static/js/topology/model.js');
  return m.layout(clusterModel(objects), {width: 1040, height: 420}, new Set(wanted));
}"""


def test_services_without_room_are_counted_but_never_the_one_that_is_asked(js, sample):
    objects = [*sample("objects"), *(_service(f"many-{i:02}") for i in range(60))]
    key = "service/default/many-59"

    crowd = js("topology/layout.js", WANTED, objects, [])
    asked = js("topology/layout.js", WANTED, objects, [key])

    total = sum(item["kind"] == "Service" for item in objects)
    assert crowd["notes"]["services"]["text"] == f"+ {total - len(crowd['services'])} more Services"
    assert key not in [box["service"]["key"] for box in crowd["services"]]
    assert key in [box["service"]["key"] for box in asked["services"]]


def test_a_pod_on_a_packets_way_is_not_among_those_only_counted(js, sample):
    objects = [item for item in sample("objects") if item["kind"] != "Pod"]
    objects += [_pod(f"web-{i:02}", "node1") for i in range(30)]
    at = js("topology/layout.js", WANTED, objects, ["pod/default/web-29"])
    node = next(node for node in at["nodes"] if node["node"]["name"] == "node1")
    assert "web-29" in [box["pod"]["name"] for box in node["pods"]]
    assert (len(node["pods"]), node["more"], len(node["stacked"])) == (11, 19, 19)


def test_services_of_one_name_are_told_apart_by_their_namespace(js, sample):
    objects = [*sample("objects"), _service("web", "blue"), _service("web", "green"), _service("one", "blue")]
    at = js("topology/layout.js", LAYOUT, objects, {"width": 1400, "height": 420})
    labels = {box["label"] for box in at["services"]}
    assert {"web.blue", "web.green", "one"} <= labels


def test_pods_that_no_node_has_taken_are_told_in_words(js, sample):
    lost = _pod("too-big", "", ready=False)
    lost["status"]["phase"] = "Pending"
    at = js("topology/layout.js", LAYOUT, [*sample("objects"), lost], {"width": 1040, "height": 420})
    assert at["notes"]["pods"]["text"] == "1 pod waits for a node"
    assert at["notes"]["pods"]["title"] == "too-big"


def test_load_balancers_stand_below_the_clients_and_the_rest_is_counted(js, sample):
    objects = [*sample("objects"), *(_service(f"lb-{i}", type="LoadBalancer") for i in range(5))]
    at = js("topology/layout.js", LAYOUT, objects, {"width": 760, "height": 300})
    boxes = [(box["x"], box["y"], box["w"], box["h"]) for box in at["clients"] + at["balancers"]]
    for i, a in enumerate(boxes):
        assert not any(_overlap(a, b) for b in boxes[i + 1 :]), a
    assert all(box[1] + box[3] <= at["height"] for box in boxes)
    assert len(at["balancers"]) == 3
    shown = sum(item["spec"].get("type") == "LoadBalancer" for item in objects if item["kind"] == "Service")
    assert at["notes"]["balancers"]["text"] == f"load balancers, {shown - 3} more"


WAY = """async (m, objects, from, to, packet) => {
  const { clusterModel } = await import('/static/js/topology/model.js');
  const { layout } = await import('/static/js/topology/layout.js');
  return m.way(layout(clusterModel(objects), {width: 1040, height: 420}), from, to, packet);
}"""
POD = "pod/service-demo/frontend-app-6b5c7d8e9f-uvwxy"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (POD, "node/node1#PREROUTING"),
        ("node/node1#POSTROUTING", "node/node2#PREROUTING"),
        ("node/node2#POSTROUTING", "pod/service-demo/debug"),
        ("client/laptop", "router"),
        ("router", "node/control-plane#PREROUTING"),
    ],
)
def test_the_way_back_is_the_way_there_reversed(js, sample, start, end):
    there = js("topology/roads.js", WAY, sample("objects"), start, end, None)
    back = js("topology/roads.js", WAY, sample("objects"), end, start, None)
    assert len(there) >= 2
    assert there == list(reversed(back))


def test_a_packet_for_a_load_balancers_address_passes_the_load_balancer(js, sample):
    packet = {"src": "192.0.2.50", "dst": "203.0.113.100"}
    through = js("topology/roads.js", WAY, sample("objects"), "router", "node/node1#PREROUTING", packet)
    direct = js("topology/roads.js", WAY, sample("objects"), "router", "node/node1#PREROUTING", None)
    assert len(through) > len(direct)


@pytest.mark.parametrize(
    ("ready", "serving", "terminating", "state"),
    [
        (True, True, False, "ready"),
        (False, False, False, "notready"),
        (False, True, True, "terminating"),
        (False, True, False, "serving"),
    ],
)
def test_an_endpoints_conditions_decide_how_its_thread_is_drawn(
    js, sample, ready, serving, terminating, state
):
    objects = sample("objects")
    slice_ = next(item for item in objects if item["metadata"]["name"].startswith("backend-service-"))
    slice_["endpoints"][0]["conditions"] = {"ready": ready, "serving": serving, "terminating": terminating}
    model = js("topology/model.js", "(m, o) => m.clusterModel(o)", objects)
    service = next(item for item in model["services"] if item["name"] == "backend-service")
    assert service["endpoints"][0]["state"] == state


def test_a_pods_name_is_told_apart_from_its_twins_by_the_suffix(js):
    assert js("topology/model.js", "(m, n, h) => m.splitName(n, h)", "web-5d9c-abcde", "5d9c") == [
        "web",
        "abcde",
    ]
    assert js("topology/model.js", "(m, n) => m.splitName(n)", "debug") == ["debug", ""]


def test_on_a_narrow_node_more_than_six_pods_are_a_counted_stack_with_a_place_on_the_road(js):
    pods = [
        {
            "kind": "Pod",
            "metadata": {"name": f"p{i}", "namespace": "default", "uid": f"u{i}", "labels": {}},
            "spec": {"nodeName": "node1"},
            "status": {"podIP": f"10.244.1.{i}", "phase": "Running"},
        }
        for i in range(2, 16)
    ]
    nodes = [
        {"kind": "Node", "metadata": {"name": name, "labels": {}}, "spec": {}, "status": {}}
        for name in ("node1", "node2", "node3")
    ]
    shown, more, road = js(
        "topology/layout.js",
        "async (m, objects) => { const { clusterModel } = await import('/static/js/topology/model.js');"
        " const at = m.layout(clusterModel(objects), { width: 760, height: 400 });"
        " const node = at.nodes.find((n) => n.node.name === 'node1');"
        " const { way } = await import('/static/js/topology/roads.js');"
        " return [node.pods.length, node.more, way(at, 'node/node1#FORWARD', node.stacked[0])]; }",
        [*nodes, *pods],
    )
    assert (shown, more) == (5, 9)
    assert len(road) > 2
