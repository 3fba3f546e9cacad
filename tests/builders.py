"""Objects of a small cluster in the field's words, and the cluster laid out so that requests can be sent
through it.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from svclab.kube.proxied import node_rules
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.request import Request, send
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.kube.wiring import build_fabric
from svclab.kube.world import World, internet_addresses
from svclab.linux.dice import Dice
from svclab.linux.packet import Protocol
from svclab.linux.trace import Trace

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
COREFILE = """\
.:53 {
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    forward . /etc/resolv.conf
    cache 30
}
"""
LABEL = "kubernetes.io/service-name"


def node(
    number: int, name: str | None = None, *, external: bool = True, labels: Mapping[str, str] | None = None
) -> Manifest:
    """Node `node{number}` with InternalIP 192.168.64.1{number} and pod range 10.244.{number}.0/24."""
    addresses = [{"type": "InternalIP", "address": f"192.168.64.{10 + number}"}]
    if external:
        addresses.append({"type": "ExternalIP", "address": f"203.0.113.{10 + number}"})
    cidr = f"10.244.{number}.0/24"
    return {
        "kind": "Node",
        "metadata": {"name": name or f"node{number}", "labels": dict(labels or {})},
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr]},
        "status": {"addresses": addresses},
    }


def pod(
    name: str,
    ip: str,
    on: str,
    *,
    namespace: str = "default",
    image: str = "nginx:1.25",
    ports: Iterable[int] = (80,),
    host_network: bool = False,
    script: str = "",
    env: Iterable[Manifest] = (),
) -> Manifest:
    """A running pod. `script`: what its shell runs."""
    container: dict[str, Any] = {
        "name": "main",
        "image": image,
        "ports": [{"containerPort": p, "protocol": "TCP"} for p in ports],
        "env": list(env),
    }
    if script:
        container |= {"command": ["/bin/sh"], "args": ["-c", script]}
    spec: dict[str, Any] = {"nodeName": on, "containers": [container]}
    if host_network:
        spec["hostNetwork"] = True
    status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "startTime": "2026-03-01T11:00:00Z"}
    return {"kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec, "status": status}


def service(
    name: str,
    ip: str,
    *,
    namespace: str = "default",
    port: int = 80,
    target: int = 80,
    protocol: str = "TCP",
    node_port: int | None = None,
    vip: str | None = None,
    **spec: Any,
) -> Manifest:
    """A Service with one port; `node_port` and `vip` make it one of type NodePort and LoadBalancer."""
    kind = "LoadBalancer" if vip else "NodePort" if node_port else "ClusterIP"
    entry: dict[str, Any] = {"port": port, "protocol": protocol, "targetPort": target}
    if node_port:
        entry["nodePort"] = node_port
    status: dict[str, Any] = {"loadBalancer": {"ingress": [{"ip": vip, "ipMode": "VIP"}]} if vip else {}}
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": kind, "clusterIP": ip, "clusterIPs": [ip], "ports": [entry], **spec},
        "status": status,
    }


def slice_of(of: Manifest, pods: Iterable[Manifest], *, ready: bool = True) -> Manifest:
    """The EndpointSlice of a Service with these pods."""
    metadata, entry = of["metadata"], of["spec"]["ports"][0]
    endpoints = [
        {
            "addresses": [each["status"]["podIP"]],
            "conditions": {"ready": ready, "serving": ready, "terminating": False},
            "nodeName": each["spec"]["nodeName"],
            "targetRef": {"kind": "Pod", **{k: each["metadata"][k] for k in ("name", "namespace")}},
        }
        for each in pods
    ]
    return {
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{metadata['name']}-slice",
            "namespace": metadata["namespace"],
            "labels": {LABEL: metadata["name"]},
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [
            {"name": entry.get("name", ""), "port": entry["targetPort"], "protocol": entry["protocol"]}
        ],
    }


def dns_objects() -> list[Manifest]:
    """kube-dns with one CoreDNS pod on each worker."""
    kube_dns = service("kube-dns", "10.96.0.10", namespace="kube-system", port=53, target=53, protocol="UDP")
    pods = [
        pod(
            f"coredns-{i}",
            f"10.244.{i}.2",
            f"node{i}",
            namespace="kube-system",
            image="registry.k8s.io/coredns/coredns:v1.13.1",
        )
        for i in (1, 2)
    ]
    corefile = {
        "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "data": {"Corefile": COREFILE},
    }
    return [namespace("kube-system"), corefile, kube_dns, *pods, slice_of(kube_dns, pods)]


def namespace(name: str) -> Manifest:
    """A Namespace."""
    return {"kind": "Namespace", "metadata": {"name": name}}


def standard(*objects: Manifest) -> list[Manifest]:
    """Three nodes, CoreDNS, and these objects."""
    nodes = [node(0, "control-plane"), node(1), node(2)]
    return [*nodes, namespace("default"), *dns_objects(), *objects]


def world(objects: Iterable[Manifest], mode: str = "iptables", **options: Any) -> World:
    """The cluster of these objects with kube-proxy in this mode. `options` go to `build_fabric`."""
    snapshot = Snapshot.of(objects)
    services, slices = snapshot.list("Service"), snapshot.list("EndpointSlice")

    def rules_of(name: str):
        manifest = snapshot.get("Node", "", name)
        assert manifest
        return node_rules(mode, services, slices, ProxyConfig.for_node(manifest))

    fabric = build_fabric(snapshot, rules_of, internet=internet_addresses(), **options)
    return World(snapshot, fabric, mode)


def curl(
    where: World, source: str, target: str, *, seed: str = "seed", now: datetime = NOW, **request: Any
) -> Trace:
    """One request from a host to a URL, name or address."""
    return send(where, Request(source, target, **request), Dice(seed), now)


def udp(where: World, source: str, target: str, **request: Any) -> Trace:
    """One datagram and its answer."""
    return curl(where, source, target, protocol=Protocol.UDP, **request)
