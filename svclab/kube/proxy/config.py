"""Settings of one node's kube-proxy, with the defaults of kubeadm's KubeProxyConfiguration in Kubernetes
1.36.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from svclab.kube.proxy.addresses import Network, networks_of, parse_address
from svclab.kube.snapshot import Manifest

PRIMARY = "primary"  # a word for the node IP in nodePortAddresses
SERVICE_RANGE = "10.96.0.0/12"
LOOPBACK = {4: "127.0.0.0/8", 6: "::1/128"}


@dataclass(frozen=True)
class ProxyConfig:
    """What kube-proxy knows beside Services and EndpointSlices.

    `node_ips` are the node's local addresses, the node IP first; loopback is always local as well. Of a
    dual-stack node's two proxiers this is the one of `ip_family`. `nfacct`, `random_fully` and
    `conntrack_tcp_be_liberal` say what kube-proxy found in the kernel and in iptables; an empty
    `cluster_cidr` means that it cannot tell pods apart.
    """

    node_name: str
    node_ips: tuple[str, ...]
    ip_family: str = "IPv4"
    cluster_cidr: str = "10.244.0.0/16"
    detect_local_mode: str = "ClusterCIDR"
    pod_cidr: str = ""
    bridge_interface: str = ""
    interface_name_prefix: str = ""
    masquerade_all: bool = False
    masquerade_bit: int = 14
    localhost_node_ports: bool = True
    node_port_addresses: tuple[str, ...] = ()
    conntrack_tcp_be_liberal: bool = False
    nfacct: bool = True
    random_fully: bool = True
    service_cidr: str = SERVICE_RANGE
    topology_labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def for_node(cls, node: Manifest, **overrides: Any) -> "ProxyConfig":
        """The configuration of the kube-proxy that runs on this Node object.

        The node IP is the first InternalIP of the family, else the first ExternalIP (kube-proxy asks the
        Node object). The node's end of its pods' links is a local address, too.
        """
        version = 6 if overrides.get("ip_family") == "IPv6" else 4
        node_ips, pod_cidr = _node_ips(node, version), _pod_cidr(node, version)
        if node_ips and pod_cidr:
            node_ips += (str(ip_network(pod_cidr)[1]),)
        settings = {
            "node_name": node["metadata"]["name"],
            "node_ips": node_ips,
            "pod_cidr": pod_cidr,
            "topology_labels": dict(node["metadata"].get("labels") or {}),
        }
        return cls(**(settings | overrides))

    @property
    def ip_version(self) -> int:
        """4 or 6."""
        return 6 if self.ip_family == "IPv6" else 4

    @property
    def node_ip(self) -> str:
        """The node's address of this family; "" if it has none."""
        return next(iter(self.local_addresses), "")

    @property
    def local_addresses(self) -> tuple[str, ...]:
        """The node's addresses of this family, without loopback."""
        parsed = [parse_address(ip) for ip in self.node_ips]
        return tuple(str(ip) for ip in parsed if ip and ip.version == self.ip_version and not ip.is_loopback)

    @property
    def zone(self) -> str:
        """The node's zone, "" if unknown."""
        return self.topology_labels.get("topology.kubernetes.io/zone", "")

    @property
    def mark(self) -> str:
        """The masquerade mark as kube-proxy writes it: Go's %#08x, eight digits after the 0x."""
        return f"0x{1 << self.masquerade_bit:08x}"

    @property
    def node_port_networks(self) -> tuple[Network, ...]:
        """nodePortAddresses of this family; empty means every local address. A range with prefix length 0
        empties it; "primary" alone stands for the node IP.
        """
        if self.node_port_addresses == (PRIMARY,) and self.node_ip:
            return (ip_network(self.node_ip),)
        networks = [network for _, network in networks_of(list(self.node_port_addresses), self.ip_version)]
        return () if any(network.prefixlen == 0 for network in networks) else tuple(networks)

    @property
    def loopback_node_ports(self) -> bool:
        """Are node ports open on 127.0.0.1? Only IPv4, only if configured and nodePortAddresses does not
        exclude it.
        """
        if self.ip_version == 6 or not self.localhost_node_ports:
            return False
        networks = self.node_port_networks
        return not networks or any(network.overlaps(ip_network(LOOPBACK[4])) for network in networks)

    def node_port_ips(self) -> tuple[str, ...]:
        """Local addresses inside nodePortAddresses, loopback first and only where it may be; () if all are
        meant.
        """
        loopback = ("127.0.0.1",) if self.loopback_node_ports else ()
        local = [parse_address(ip) for ip in (*loopback, *self.local_addresses)]
        return tuple(
            str(ip) for ip in local if ip and any(ip in network for network in self.node_port_networks)
        )

    def local_match(self) -> tuple[str, str] | None:
        """How a rule recognises packets of this node's pods, and of everybody else; None if it cannot.

        In the spelling of iptables: ("-s 10.244.0.0/16", "! -s 10.244.0.0/16").
        """
        match self.detect_local_mode:
            case "BridgeInterface" if self.bridge_interface:
                match_local = f"-i {self.bridge_interface}"
            case "InterfaceNamePrefix" if self.interface_name_prefix:
                match_local = f"-i {self.interface_name_prefix}+"
            case "ClusterCIDR" if cidr := self._cidr_of_family(self.cluster_cidr):
                match_local = f"-s {cidr}"
            case "NodeCIDR" if cidr := self._cidr_of_family(self.pod_cidr):
                match_local = f"-s {cidr}"
            case _:
                return None
        return match_local, f"! {match_local}"

    def _cidr_of_family(self, cidrs: str) -> str:
        """The first range of this family in a comma-separated list; "" if none."""
        return next((str(network) for _, network in networks_of(cidrs.split(","), self.ip_version)), "")


def service_ranges(service_cidrs: Iterable[Manifest]) -> str:
    """All ranges of the ServiceCIDR objects, whatever their state; kubeadm's where there is no object."""
    ranges = [cidr for each in service_cidrs for cidr in (each.get("spec") or {}).get("cidrs") or ()]
    return ",".join(ranges) or SERVICE_RANGE


def _node_ips(node: Manifest, version: int) -> tuple[str, ...]:
    addresses = node.get("status", {}).get("addresses") or []
    for kind in ("InternalIP", "ExternalIP"):
        parsed = [parse_address(entry["address"]) for entry in addresses if entry.get("type") == kind]
        if found := tuple(str(ip) for ip in parsed if ip and ip.version == version):
            return found
    return ()


def _pod_cidr(node: Manifest, version: int) -> str:
    spec = node.get("spec") or {}
    cidrs = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
    return next((str(network) for _, network in networks_of(cidrs, version)), "")
