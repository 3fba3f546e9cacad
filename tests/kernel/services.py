"""Random Services and EndpointSlices with every feature that kube-proxy knows, IPv6 aside.

What an API server would refuse is not drawn, but for what older ones let in: kube-proxy forgives a source
range with blanks or host bits.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from svclab.kube.proxy.endpoints import HEADLESS
from svclab.kube.proxy.services import OTHER_PROXY
from svclab.kube.snapshot import Manifest
from tests.builders import LABEL

PORTS = (80, 443, 8080, 9090, 5432)
NODE_ADDRESSES = ("192.168.64.10", "192.168.64.11", "192.168.64.12")
NOBODY, OUTSIDE = "10.244.1.99", "192.0.2.50"  # endpoints that are no pods
SOURCE_RANGES = (
    ["203.0.113.0/28"],
    ["10.244.0.0/16"],
    ["192.0.2.0/24", "192.168.64.0/24"],
    ["192.0.2.50/32", "192.0.2.0/25", "192.0.2.128/25"],
    [" 203.0.113.77/24 ", "2001:db8::/32"],
    ["192.0.2.0/24", "0.0.0.0/0"],
    ["2001:db8::/32"],
)
READY = {"ready": True, "serving": True, "terminating": False}
CONDITIONS = (
    READY,
    READY,
    READY,
    {},
    {"ready": False, "serving": False, "terminating": False},
    {"ready": False, "serving": True, "terminating": True},
    {"ready": False, "serving": False, "terminating": True},
    {"ready": True, "serving": True, "terminating": True},  # publishNotReadyAddresses
)


def random_services(random: Random, protocols: Sequence[str]) -> list[Manifest]:
    """A few Services, no two with the same cluster IP, node port, or port of a load balancer's address."""
    services = [_service(random, number, protocols) for number in range(random.randint(3, 7))]
    if random.random() < 0.3:
        _share_an_address(services)
    return services


def _share_an_address(services: list[Manifest]) -> None:
    """One load balancer's address for all Services that have no port in common."""
    taken: set[tuple[str, int]] = set()
    for service in services:
        ports = {(entry["protocol"], entry["port"]) for entry in service["spec"]["ports"]}
        if service["status"]["loadBalancer"].get("ingress") and not ports & taken:
            taken |= ports
            service["status"]["loadBalancer"] = {"ingress": [{"ip": "203.0.113.99", "ipMode": "VIP"}]}


def _service(random: Random, number: int, protocols: Sequence[str]) -> Manifest:
    kind = random.choice(["ClusterIP", "NodePort", "LoadBalancer", "LoadBalancer"])
    cluster_ip = f"10.96.{number}.{random.randint(2, 250)}" if random.random() < 0.93 else "None"
    if cluster_ip == "None":
        kind = "ClusterIP"
    spec: dict[str, Any] = {
        "type": kind,
        "clusterIP": cluster_ip,
        "clusterIPs": [cluster_ip],
        "ipFamilies": ["IPv4"],
        **_policies(random),
    }
    open_ports = kind == "NodePort" or (kind == "LoadBalancer" and random.random() < 0.8)
    spec["ports"] = _ports(random, number, open_ports, protocols)
    if kind == "LoadBalancer" and not open_ports:
        spec["allocateLoadBalancerNodePorts"] = False
    if random.random() < 0.3:
        spec["externalIPs"] = [f"198.51.100.{50 + number}", "2001:db8::5"]
        if random.random() < 0.4:  # anybody's address serves as one, too
            spec["externalIPs"] = [
                random.choice([NODE_ADDRESSES[number % 3], f"10.244.{number % 3}.4", cluster_ip])
            ]
    if kind == "LoadBalancer" and random.random() < 0.5:
        spec["loadBalancerSourceRanges"] = random.choice(SOURCE_RANGES)
    labels = {OTHER_PROXY: "other"} if random.random() < 0.04 else {}
    status = {"loadBalancer": _load_balancer(random, number) if kind == "LoadBalancer" else {}}
    if kind == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
        spec["healthCheckNodePort"] = 31000 + number
    if random.random() < 0.1:  # an address that is given twice
        spec["externalIPs"] = [
            each["ip"] for each in status["loadBalancer"].get("ingress", ()) if "ip" in each
        ]
    return {
        "kind": "Service",
        "metadata": {"name": f"service-{number}", "namespace": "default", "labels": labels},
        "spec": spec,
        "status": status,
    }


def _policies(random: Random) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if random.random() < 0.45:
        spec["externalTrafficPolicy"] = "Local"
    if random.random() < 0.25:
        spec["internalTrafficPolicy"] = "Local"
    if random.random() < 0.25:
        spec["sessionAffinity"] = "ClientIP"
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": random.choice([60, 10800])}}
    return spec


def _ports(random: Random, number: int, open_ports: bool, protocols: Sequence[str]) -> list[Manifest]:
    """One to three ports; now and then the same number over TCP and UDP."""
    count = random.choice([1, 1, 2, 3])
    if count > 1 and random.random() < 0.3:
        numbers, spoken = [random.choice(PORTS)] * 2, ["TCP", "UDP"]
    else:
        numbers = random.sample(PORTS, count)
        spoken = [random.choice(protocols) for _ in numbers]
    found = []
    for index, (port, protocol) in enumerate(zip(numbers, spoken, strict=True)):
        entry: Manifest = {"port": port, "protocol": protocol}
        if len(numbers) > 1:
            entry["name"] = f"p{index}"
        if open_ports:
            same = numbers[0] == port and index == 1  # TCP and UDP share the node port as well
            entry["nodePort"] = 30000 + number * 7 + (0 if same else index)
        found.append(entry)
    return found


def _load_balancer(random: Random, number: int) -> Manifest:
    """What the cloud has given: an address, two, one that it keeps to itself, a node's, a name, or nothing
    yet.
    """
    ip = random.choice(["203.0.113", "203.0.113", "203.0.113", "192.168.64", "10.244.200", "10.96.77"])
    vip = {"ip": f"{ip}.{100 + number}", "ipMode": "VIP"}
    return random.choice(
        [
            {"ingress": [vip]},
            {"ingress": [{"ip": vip["ip"]}]},
            {"ingress": [vip, {"ip": f"203.0.113.{120 + number}", "ipMode": "VIP"}]},
            {"ingress": [{"ip": vip["ip"], "ipMode": "Proxy"}]},
            {"ingress": [{"ip": NODE_ADDRESSES[number % 3], "ipMode": "VIP"}]},
            {"ingress": [{"hostname": "lb.example.com"}]},
            {},
        ]
    )


def random_slices(random: Random, service: Manifest, pods: list[Manifest]) -> Iterator[Manifest]:
    """None to two slices of a Service; of two, each may know its ports by other numbers.

    An address in both of them is a pod that is moved from one to the other.
    """
    count = random.choice([0, 1, 1, 1, 1, 2])
    hinted = random.choice(["", "", "zones", "nodes", "some"])
    for part in range(count):
        chosen = random.sample(pods, min(random.choice([0, 1, 1, 2, 3, 5]), len(pods)))
        endpoints = [_endpoint(random, each, hinted) for each in chosen]
        if random.random() < 0.08:  # written by hand
            endpoints.append({"addresses": [random.choice([NOBODY, OUTSIDE])]})
        yield _slice(random, service, part, endpoints)
    if random.random() < 0.2:
        yield _ignored(random, _slice(random, service, count, [{"addresses": [NOBODY]}]))


def _ignored(random: Random, slice_: Manifest) -> Manifest:
    """The same, in a way that kube-proxy passes over."""
    metadata = slice_["metadata"]
    match random.randrange(4):
        case 0:
            metadata["labels"][HEADLESS] = ""
        case 1:
            metadata["labels"] = {}
        case 2:
            slice_["addressType"] = "FQDN"
        case _:
            slice_ |= {"addressType": "IPv6", "endpoints": [{"addresses": ["fd00:10:244::5"]}]}
    return slice_


def _slice(random: Random, service: Manifest, part: int, endpoints: list[Manifest]) -> Manifest:
    name = service["metadata"]["name"]
    ports: list[Manifest] = []
    for entry in service["spec"]["ports"]:
        target = random.choice(PORTS)
        if random.random() < 0.06:
            ports.append({"name": entry.get("name", ""), "protocol": entry["protocol"]})  # no number
        elif random.random() < 0.94:
            ports.append({"name": entry.get("name", ""), "port": target, "protocol": entry["protocol"]})
    if random.random() < 0.1:
        ports.append({"name": "of-nobody", "port": 7777, "protocol": "TCP"})
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-{part}", "namespace": "default", "labels": {LABEL: name}},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    }


def _endpoint(random: Random, pod: Manifest, hinted: str) -> Manifest:
    found: Manifest = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": dict(random.choice(CONDITIONS)),
    }
    if random.random() < 0.95:
        found["nodeName"] = pod["spec"]["nodeName"]
    if hinted == "nodes":
        found["hints"] = {"forNodes": [{"name": pod["spec"]["nodeName"]}]}
    elif hinted == "zones" or (hinted == "some" and random.random() < 0.5):
        found["hints"] = {"forZones": [{"name": random.choice("ab")}]}
    return found
