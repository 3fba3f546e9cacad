"""Random clusters and random requests in them. The same seed gives the same cluster and the same requests."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from svclab.kube.snapshot import Manifest, Snapshot
from svclab.linux.packet import Protocol
from tests.builders import namespace, node, pod, service, slice_of

CLIENTS = {"laptop": "192.0.2.50", "office": "203.0.113.5"}
PORTS = (80, 443, 8080, 9090, 5432)
IMAGE = "example.com/server:1"


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


def random_cluster(seed: str) -> Snapshot:
    """Two or three nodes, some pods, some Services of every kind and policy."""
    random = Random(seed)
    nodes = [node(i) for i in range(random.randint(2, 3))]
    pods = list(_pods(random, [n["metadata"]["name"] for n in nodes]))
    services = [_service(random, i) for i in range(random.randint(3, 7))]
    slices = [_slice(random, each, pods) for each in services]
    return Snapshot.of([*nodes, namespace("default"), *pods, *services, *slices])


def _pods(random: Random, nodes: list[str]) -> Iterator[Manifest]:
    for number, name in enumerate(nodes):
        for i in range(random.randint(1, 4)):
            ip = f"10.244.{number}.{i + 4}"
            yield pod(f"pod-{number}-{i}", ip, name, image=IMAGE, ports=())
        if random.random() < 0.5:
            ip = f"192.168.64.{10 + number}"
            yield pod(f"host-{number}", ip, name, image=IMAGE, ports=(), host_network=True)


def _service(random: Random, number: int) -> Manifest:
    spec: dict[str, object] = {}
    kind = random.choice(["ClusterIP", "NodePort", "LoadBalancer"])
    node_port = 30000 + number * 7 if kind != "ClusterIP" else None
    vip = f"203.0.113.{100 + number}" if kind == "LoadBalancer" else None
    if random.random() < 0.25:
        spec["externalIPs"] = [f"198.51.100.{50 + number}"]
    if (node_port or "externalIPs" in spec) and random.random() < 0.5:
        spec["externalTrafficPolicy"] = "Local"
    if random.random() < 0.25:
        spec["internalTrafficPolicy"] = "Local"
    if random.random() < 0.25:
        spec["sessionAffinity"] = "ClientIP"
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 60}}
    if vip and random.random() < 0.4:
        spec["loadBalancerSourceRanges"] = random.choice(
            [["203.0.113.0/28"], ["10.244.0.0/16"], ["192.0.2.0/24", "192.168.64.0/24"]]
        )
    return service(
        f"service-{number}",
        f"10.96.{number}.{random.randint(2, 250)}",
        port=random.choice(PORTS),
        target=random.choice(PORTS),
        protocol=random.choice(["TCP", "TCP", "UDP"]),
        node_port=node_port,
        vip=vip,
        **spec,
    )


def _slice(random: Random, of: Manifest, pods: list[Manifest]) -> Manifest:
    count = random.choice([0, 1, 1, 2, 3, 5])
    found = slice_of(of, random.sample(pods, min(count, len(pods))))
    for endpoint in found["endpoints"]:
        ready = random.random() < 0.8
        terminating = not ready and random.random() < 0.7
        endpoint["conditions"] = {"ready": ready, "serving": ready or terminating, "terminating": terminating}
    return found


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
        if address.startswith("127.") and not source.startswith("node/"):
            source = f"node/{random.choice(nodes)['metadata']['name']}"
        via = f"node/{random.choice(nodes)['metadata']['name']}" if handed else None
        if random.random() < 0.04:
            port += 1
        flows.append(Flow(source, address, port, protocol, via))
    return flows


def _targets(snapshot: Snapshot) -> Iterator[tuple[str, int, Protocol, bool]]:
    """(address, port, protocol, does the router choose a node for it)."""
    places = [n["status"]["addresses"] for n in snapshot.list("Node")]
    for each in snapshot.list("Service"):
        spec, entry = each["spec"], each["spec"]["ports"][0]
        protocol = Protocol(entry["protocol"])
        yield spec["clusterIP"], entry["port"], protocol, False
        for ingress in each["status"]["loadBalancer"].get("ingress", ()):
            yield ingress["ip"], entry["port"], protocol, True
        for ip in spec.get("externalIPs", ()):
            yield ip, entry["port"], protocol, True
        if "nodePort" in entry:
            yield "127.0.0.1", entry["nodePort"], protocol, False
            for addresses in places:
                for address in addresses:
                    yield address["address"], entry["nodePort"], protocol, False
    for each in snapshot.list("EndpointSlice"):
        for endpoint in each["endpoints"]:
            port = each["ports"][0]
            yield endpoint["addresses"][0], port["port"], Protocol(port["protocol"]), False
    yield "10.96.200.200", 80, Protocol.TCP, False
    yield "10.244.1.99", 80, Protocol.TCP, False
