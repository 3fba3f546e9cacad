"""Random clusters and random requests in them. The same seed gives the same cluster and the same requests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.kube.surroundings import EXCLUDED
from svclab.linux.packet import Protocol
from tests.builders import namespace, node, pod, service, slice_of
from tests.kernel.services import random_services, random_slices

CLIENTS = {"laptop": "192.0.2.50", "office": "203.0.113.5", "neighbour": "192.168.64.77"}
IMAGE, MUTE = "example.com/server:1", "example.com/mute:1"
ZONE = "topology.kubernetes.io/zone"
# How kube-proxy may be configured otherwise than by kubeadm.
SETTINGS: tuple[dict[str, Any], ...] = (
    {"masquerade_all": True},
    {"masquerade_bit": 9},
    {"localhost_node_ports": False},
    {"cluster_cidr": ""},
    {"detect_local_mode": "NodeCIDR"},
    {"detect_local_mode": "BridgeInterface", "bridge_interface": "cni0"},
    {"detect_local_mode": "InterfaceNamePrefix", "interface_name_prefix": "veth"},
    {"node_port_addresses": ("192.168.64.0/24",)},
    {"node_port_addresses": ("127.0.0.0/8", "203.0.113.0/24")},
    {"node_port_addresses": ("0.0.0.0/0", "192.168.64.0/24")},
    {"conntrack_tcp_be_liberal": True, "random_fully": False},
)


@dataclass(frozen=True, slots=True)
class Flow:
    """One request to try."""

    source: str
    address: str
    port: int
    protocol: Protocol
    via: str | None = None

    def __str__(self) -> str:
        via = f" via {self.via}" if self.via else ""
        return f"{self.source} -> {self.address}:{self.port} {self.protocol.value}{via}"


def random_cluster(seed: str, protocols: Sequence[str] = ("TCP", "TCP", "UDP")) -> Snapshot:
    """Two or three nodes, some pods, some Services of every kind and policy with their EndpointSlices."""
    random = Random(seed)
    nodes = list(_nodes(random))
    pods = list(_pods(random, nodes))
    services = random_services(random, protocols)
    slices = [each for of in services for each in random_slices(random, of, pods)]
    control_plane = _control_plane(nodes[0]) if random.random() < 0.4 else ()
    return Snapshot.of([*nodes, namespace("default"), *pods, *services, *slices, *control_plane])


def random_settings(seed: str) -> dict[str, Any]:
    """How kube-proxy is configured in this cluster; {} as kubeadm does it."""
    random = Random(f"{seed}/settings")
    return random.choice(SETTINGS) if random.random() < 0.5 else {}


def random_node(seed: str) -> tuple[Snapshot, ProxyConfig]:
    """A random cluster in which Services speak SCTP, too, and the configuration of its first node."""
    snapshot = random_cluster(seed, ("TCP", "UDP", "SCTP"))
    config = ProxyConfig.for_node(snapshot.list("Node")[0], nfacct=False, **random_settings(seed))
    return snapshot, config


def _nodes(random: Random) -> Iterator[Manifest]:
    """Nodes in two zones; some are in none, one may be in another network than the others, some have no range
    for pods.
    """
    for number in range(random.randint(2, 3)):
        labels = random.choice([{ZONE: "a"}, {ZONE: "a"}, {ZONE: "b"}, {}])
        if random.random() < 0.1:
            labels = {**labels, EXCLUDED: ""}
        found = node(number, labels=labels, external=random.random() < 0.7)
        if number == 2 and random.random() < 0.3:
            found["status"]["addresses"][0]["address"] = "192.168.65.12"
        if random.random() < 0.07:
            found["status"]["addresses"] = [{"type": "ExternalIP", "address": f"203.0.113.{10 + number}"}]
        if random.random() < 0.1:  # a CNI plugin that gives addresses by its own book
            found["spec"] = {}
        yield found


def _pods(random: Random, nodes: list[Manifest]) -> Iterator[Manifest]:
    for number, each in enumerate(nodes):
        name, own_ip = each["metadata"]["name"], each["status"]["addresses"][0]["address"]
        for i in range(random.randint(1, 4)):
            ip = f"10.244.{number}.{i + 4}"
            image = MUTE if random.random() < 0.08 else IMAGE
            yield pod(f"pod-{number}-{i}", ip, name, image=image, ports=())
        if random.random() < 0.5:
            yield pod(f"host-{number}", own_ip, name, image=IMAGE, ports=(), host_network=True)


def is_mute(pod: Manifest) -> bool:
    """Whether nothing listens in it, endpoint or not."""
    return bool(pod["spec"]["containers"][0]["image"] == MUTE)


def _control_plane(on: Manifest) -> tuple[Manifest, Manifest]:
    """The API server's Service, with the node on which it listens."""
    on["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = ""
    kubernetes = service("kubernetes", "10.96.200.1", port=443, target=6443)
    kubernetes["spec"]["ports"][0]["name"] = "https"
    endpoints = slice_of(kubernetes, [])
    endpoints["endpoints"] = [{"addresses": [on["status"]["addresses"][0]["address"]]}]
    return kubernetes, endpoints


def random_flows(snapshot: Snapshot, seed: str, count: int) -> list[Flow]:
    """Requests from everywhere to everything that has an address, and to some things that do not."""
    random = Random(f"{seed}/flows")
    nodes = snapshot.list("Node")
    sources = [f"pod/default/{p['metadata']['name']}" for p in snapshot.list("Pod")]
    sources += [f"node/{n['metadata']['name']}" for n in nodes]
    outside = [f"client/{name}" for name in CLIENTS]
    targets = list(_targets(snapshot))
    flows: list[Flow] = []
    while len(flows) < count:
        address, port, protocol, handed = random.choice(targets)
        source = random.choice(outside if random.random() < 0.35 else sources)
        if address.startswith("10.96.") and source in outside and not handed:
            handed = random.random() < 0.5  # by a route for the Service range that somebody has made
        if address.startswith("127.") and not source.startswith("node/"):
            source = f"node/{random.choice(nodes)['metadata']['name']}"
        via = f"node/{random.choice(nodes)['metadata']['name']}" if handed else None
        if random.random() < 0.04:
            port += 1
        elif random.random() < 0.06:
            port, protocol = 0, Protocol.ICMP  # a ping
        flows.append(Flow(source, address, port, protocol, via))
    return flows


def _targets(snapshot: Snapshot) -> Iterator[tuple[str, int, Protocol, bool]]:
    """(address, port, protocol, does the router choose a node for it)."""
    places = [a["address"] for n in snapshot.list("Node") for a in n["status"]["addresses"]]
    for address in places:
        yield address, 10250, Protocol.TCP, False  # the kubelet's
    for each in snapshot.list("Service"):
        spec, ingress = each["spec"], each["status"]["loadBalancer"].get("ingress", ())
        if "healthCheckNodePort" in spec:
            for address in places:
                yield address, spec["healthCheckNodePort"], Protocol.TCP, False
        for entry in spec["ports"]:
            protocol = Protocol(entry["protocol"])
            if spec["clusterIP"] != "None":
                yield spec["clusterIP"], entry["port"], protocol, False
            for point in ingress:
                if "ip" in point:
                    handed = point.get("ipMode") != "Proxy" and point["ip"] not in places
                    yield point["ip"], entry["port"], protocol, handed
            for ip in spec.get("externalIPs", ()):
                if ":" not in ip and ip != "None":
                    yield ip, entry["port"], protocol, ip not in (*places, spec["clusterIP"])
            if "nodePort" in entry:
                yield "127.0.0.1", entry["nodePort"], protocol, False
                for address in places:
                    yield address, entry["nodePort"], protocol, False
    for each in snapshot.list("EndpointSlice"):
        for endpoint in each["endpoints"]:
            for port in each["ports"]:
                if port.get("port") and ":" not in endpoint["addresses"][0]:
                    yield endpoint["addresses"][0], port["port"], Protocol(port["protocol"]), False
    yield "10.96.200.200", 80, Protocol.TCP, False
    yield "10.244.1.99", 80, Protocol.TCP, False
