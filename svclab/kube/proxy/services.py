"""What kube-proxy makes of Service objects: one ServicePort per entry of spec.ports, for one IP family.

Source: kube-proxy 1.36, the same for all three modes. Missing fields have the API server's defaults.
"""

from dataclasses import dataclass
from typing import NamedTuple

from svclab.kube.proxy.addresses import Network, addresses_of, networks_of, normalised
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.snapshot import Manifest
from svclab.linux.trace import Origin

OTHER_PROXY = "service.kubernetes.io/service-proxy-name"


@dataclass(frozen=True, slots=True)
class External:
    """An address by which a Service port is reached from outside, and the path of the field that says so."""

    address: str
    field: str


class ServicePort(NamedTuple):
    """One port of one Service; a NamedTuple, as large clusters have many.

    Ports and node ports are 0 where there is none; addresses are normalised text. `vips` are load balancer
    addresses that are delivered unchanged (ipMode VIP). `external_local` is externalTrafficPolicy Local,
    which counts only for a Service that is open to the outside. `affinity_seconds` is None without ClientIP
    affinity.
    """

    namespace: str
    service: str
    name: str
    index: int
    protocol: str
    port: int
    cluster_ip: str
    node_port: int
    external_ips: tuple[External, ...]
    vips: tuple[External, ...]
    source_ranges: tuple[tuple[int, Network], ...]
    internal_local: bool
    external_local: bool
    affinity_seconds: int | None
    health_check_node_port: int

    @property
    def key(self) -> str:
        """The Service port as kube-proxy writes it in comments: "namespace/name:port" or "namespace/name"."""
        service = f"{self.namespace}/{self.service}"
        return f"{service}:{self.name}" if self.name else service

    @property
    def is_external(self) -> bool:
        """Can it be reached by anything but the cluster IP?"""
        return bool(self.node_port or self.vips or self.external_ips)

    @property
    def uses_cluster(self) -> bool:
        """Does any of its addresses lead to endpoints of the whole cluster?"""
        return not self.internal_local or self.is_external

    @property
    def uses_local(self) -> bool:
        """Does any of its addresses lead to this node's endpoints only?"""
        return self.internal_local or (self.external_local and self.is_external)

    def origin(self, field: str) -> Origin:
        """This Service and one of its fields, as the source of a rule."""
        return Origin("Service", f"{self.namespace}/{self.service}", field)


def service_key(service: Manifest) -> tuple[str, str]:
    """(namespace, name)."""
    metadata = service["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def service_ports(service: Manifest, config: ProxyConfig) -> tuple[ServicePort, ...]:
    """The Service's ports as this node's kube-proxy sees them.

    None for headless and ExternalName Services, for those that another proxy serves (by label), and for those
    without a cluster IP of this family.
    """
    spec = service.get("spec") or {}
    cluster_ip = _cluster_ip(service, config.ip_version)
    if not cluster_ip:
        return ()
    namespace, name = service_key(service)
    common = _common(service, config.ip_version)
    return tuple(
        ServicePort(
            namespace=namespace,
            service=name,
            name=port.get("name") or "",
            index=index,
            protocol=port.get("protocol") or "TCP",
            port=port["port"],
            cluster_ip=cluster_ip,
            node_port=port.get("nodePort") or 0,
            **common,
        )
        for index, port in enumerate(spec.get("ports") or [])
    )


def _cluster_ip(service: Manifest, version: int) -> str:
    """The cluster IP of this family, "" where kube-proxy sees none: it is in clusterIPs where ipFamilies has
    the family, and an object without ipFamilies has clusterIP alone.
    """
    spec = service.get("spec") or {}
    first = spec.get("clusterIP") or ""
    labels = service["metadata"].get("labels") or {}
    if first in ("", "None") or spec.get("type") == "ExternalName" or OTHER_PROXY in labels:
        return ""
    families = spec.get("ipFamilies")
    if not families:
        return normalised(first, version)
    pairs = zip(families, spec.get("clusterIPs") or (), strict=False)
    return next((normalised(ip, version) for family, ip in pairs if family == f"IPv{version}"), "")


def _common(service: Manifest, version: int) -> dict:
    """What all ports of a Service share."""
    spec = service["spec"]
    kind = spec.get("type") or "ClusterIP"
    external_ips = spec.get("externalIPs") or []
    open_outside = kind in ("NodePort", "LoadBalancer") or bool(external_ips)
    external_local = open_outside and spec.get("externalTrafficPolicy") == "Local"
    return {
        "external_ips": tuple(
            External(ip, f"spec.externalIPs[{index}]") for index, ip in addresses_of(external_ips, version)
        ),
        "vips": _vips(service, version),
        "source_ranges": _source_ranges(spec, version),
        "internal_local": spec.get("internalTrafficPolicy") == "Local",
        "external_local": external_local,
        "affinity_seconds": _affinity_seconds(spec),
        "health_check_node_port": (
            spec.get("healthCheckNodePort") or 0 if kind == "LoadBalancer" and external_local else 0
        ),
    }


def _vips(service: Manifest, version: int) -> tuple[External, ...]:
    """Load balancer addresses of this family; not those with ipMode Proxy, whose packets come addressed to
    a node.
    """
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    if not ingress:
        return ()
    texts = [entry.get("ip") or "" if (entry.get("ipMode") or "VIP") == "VIP" else "" for entry in ingress]
    return tuple(
        External(ip, f"status.loadBalancer.ingress[{index}].ip") for index, ip in addresses_of(texts, version)
    )


def _source_ranges(spec: Manifest, version: int) -> tuple[tuple[int, Network], ...]:
    """loadBalancerSourceRanges of this family; empty if one of them lets everybody in."""
    texts = spec.get("loadBalancerSourceRanges")
    if not texts:
        return ()
    ranges = networks_of(texts, version)
    return () if any(network.prefixlen == 0 for _, network in ranges) else tuple(ranges)


def _affinity_seconds(spec: Manifest) -> int | None:
    if spec.get("sessionAffinity") != "ClientIP":
        return None
    client_ip = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return client_ip.get("timeoutSeconds") or 10800
