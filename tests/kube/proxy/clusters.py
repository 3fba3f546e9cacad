"""Random Services and EndpointSlices, as an API server leaves them, for the properties in this folder."""

from hypothesis import strategies as st

from svclab.kube.proxy.config import ProxyConfig

NODES = ("node1", "node2", "node3")
ZONES = ("zone-a", "zone-b")
CONFIG = ProxyConfig("node1", ("192.168.64.11",), topology_labels={"topology.kubernetes.io/zone": "zone-a"})

SOURCE_RANGES = st.lists(
    st.sampled_from(["203.0.113.0/28", "192.168.64.0/24", "0.0.0.0/0", "::/0"]), max_size=2
)


@st.composite
def services(draw, index: int = 0):
    """One Service of any type; `index` keeps its addresses and node ports apart from others'."""
    kind = draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]))
    names = draw(st.sampled_from([[""], ["http"], ["http", "metrics"]]))
    spec = {
        "type": kind,
        "clusterIP": f"10.96.1.{index}",
        "clusterIPs": [f"10.96.1.{index}"],
        "internalTrafficPolicy": draw(st.sampled_from(["Cluster", "Local"])),
        "sessionAffinity": draw(st.sampled_from(["None", "ClientIP"])),
        "ports": [{"name": name, "protocol": "TCP", "port": 80 + n} for n, name in enumerate(names)],
    }
    status = {"loadBalancer": {}}
    if draw(st.booleans()):
        spec["externalIPs"] = [f"198.51.100.{index}"]
    if kind != "ClusterIP":
        spec["externalTrafficPolicy"] = draw(st.sampled_from(["Cluster", "Local"]))
        for n, port in enumerate(spec["ports"]):
            port["nodePort"] = 30000 + 10 * index + n
    if kind == "LoadBalancer":
        spec["loadBalancerSourceRanges"] = draw(SOURCE_RANGES)
        if draw(st.booleans()):
            status = {"loadBalancer": {"ingress": [{"ip": f"203.0.113.{index}", "ipMode": "VIP"}]}}
    metadata = {"namespace": "demo", "name": f"svc-{index}"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": status}


@st.composite
def slices(draw, index: int = 0, part: int = 0):
    """One EndpointSlice of the Service with that index."""
    endpoints = draw(st.lists(endpoint(), max_size=5))
    for endpoint_ in endpoints:
        endpoint_["addresses"] = [f"10.244.{index}.{draw(st.integers(1, 12))}"]
    names = ["", "http", "metrics"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": "demo",
            "name": f"svc-{index}-{part}",
            "labels": {"kubernetes.io/service-name": f"svc-{index}"},
        },
        "addressType": "IPv4",
        "ports": [{"name": name, "protocol": "TCP", "port": 8080 + n} for n, name in enumerate(names)],
        "endpoints": endpoints,
    }


@st.composite
def endpoint(draw):
    """One endpoint without its address."""
    found = {
        "conditions": {
            "ready": draw(st.booleans()),
            "serving": draw(st.booleans()),
            "terminating": draw(st.booleans()),
        },
        "nodeName": draw(st.sampled_from(NODES)),
    }
    hints = draw(st.sampled_from(["none", "zones", "nodes"]))
    if hints == "zones":
        found["hints"] = {"forZones": [{"name": draw(st.sampled_from(ZONES))}]}
    elif hints == "nodes":
        found["hints"] = {"forNodes": [{"name": draw(st.sampled_from(NODES))}]}
    return found


@st.composite
def clusters(draw, most: int = 3):
    """A few Services, each with none to two slices: (Services, slices)."""
    count = draw(st.integers(1, most))
    made = [draw(services(index)) for index in range(count)]
    parts = [draw(slices(index, part)) for index in range(count) for part in range(draw(st.integers(0, 2)))]
    return made, parts
