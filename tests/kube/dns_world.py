"""A small cluster with CoreDNS, kube-proxy rules and a client pod: names travel as packets."""

from functools import cache
from typing import Any

from svclab.kube.node_rules import kernel_tables
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.iptables import compile_rules
from svclab.kube.snapshot import Snapshot
from svclab.kube.wiring import build_fabric
from svclab.kube.world import World, internet_addresses
from svclab.linux.fabric import Fabric

Manifest = dict[str, Any]
COREFILE = """\
.:53 {
    errors
    health {
       lameduck 5s
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loadbalance
}
"""


def namespaced(kind: str, namespace: str, name: str, **fields: Any) -> Manifest:
    return {"kind": kind, "metadata": {"namespace": namespace, "name": name}, **fields}


def node(name: str, number: int) -> Manifest:
    return {
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"podCIDR": f"10.244.{number}.0/24"},
        "status": {"addresses": [{"type": "InternalIP", "address": f"192.168.64.{10 + number}"}]},
    }


def pod(namespace: str, name: str, node_name: str, address: str, image: str = "nginx:1.25") -> Manifest:
    return namespaced(
        "Pod",
        namespace,
        name,
        spec={"nodeName": node_name, "containers": [{"name": "c", "image": image}]},
        status={"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    )


def service(namespace: str, name: str, address: str, *ports: Manifest) -> Manifest:
    spec = {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ports": list(ports)}
    return namespaced("Service", namespace, name, spec=spec)


def slice_of(namespace: str, name: str, ports: list[Manifest], *addresses: str) -> Manifest:
    manifest = namespaced(
        "EndpointSlice",
        namespace,
        f"{name}-1",
        addressType="IPv4",
        ports=ports,
        endpoints=[{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
    )
    manifest["metadata"]["labels"] = {"kubernetes.io/service-name": name}
    return manifest


def standard_objects() -> list[Manifest]:
    """Two nodes, two CoreDNS pods, a Service `web` in `shop`, and a pod `shop/debug`."""
    dns = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]
    http = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}]
    return [
        node("node1", 1),
        node("node2", 2),
        *({"kind": "Namespace", "metadata": {"name": name}} for name in ("kube-system", "shop", "default")),
        namespaced("ConfigMap", "kube-system", "coredns", data={"Corefile": COREFILE}),
        pod("kube-system", "coredns-a", "node1", "10.244.1.2", "registry.k8s.io/coredns/coredns:v1.13.1"),
        pod("kube-system", "coredns-b", "node2", "10.244.2.2", "registry.k8s.io/coredns/coredns:v1.13.1"),
        service("kube-system", "kube-dns", "10.96.0.10", *dns),
        slice_of("kube-system", "kube-dns", dns, "10.244.1.2", "10.244.2.2"),
        pod("shop", "debug", "node1", "10.244.1.9", "nicolaka/netshoot"),
        pod("shop", "web-1", "node2", "10.244.2.5"),
        service("shop", "web", "10.96.5.5", *http),
        slice_of("shop", "web", http, "10.244.2.5"),
    ]


@cache
def standard_snapshot() -> Snapshot:
    return Snapshot.of(standard_objects())


def fabric_of(snapshot: Snapshot) -> Fabric:
    """The cluster with the rules that kube-proxy writes for it."""

    def rules(node_name: str) -> Any:
        manifest = snapshot.get("Node", "", node_name)
        assert manifest
        config = ProxyConfig.for_node(manifest)
        services, slices = snapshot.list("Service"), snapshot.list("EndpointSlice")
        return kernel_tables(compile_rules(services, slices, config))

    return build_fabric(snapshot, rules, internet=internet_addresses())


def world_of(snapshot: Snapshot) -> World:
    """All that names travel in."""
    return World(snapshot, fabric_of(snapshot))
