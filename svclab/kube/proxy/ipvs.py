"""kube-proxy's ipvs mode: Services and EndpointSlices in; virtual servers, ipsets and a few rules out.

Not recorded: it follows the design of kube-proxy 1.36 as its source and documents describe it, and no dump
of a real node was compared with it. An endpoint that goes away has weight 0 until its connections end: it
takes no new ones, so it is not compiled; `ipvsadm_text` shows it from the node's connections.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from types import MappingProxyType

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.endpoints import Endpoint
from svclab.kube.proxy.ipvs_objects import Connections, IpSet, RealServer, VirtualServer, ipvsadm_text
from svclab.kube.proxy.ipvs_rules import Guarded, ipvs_tables
from svclab.kube.proxy.policy import Choice, choose
from svclab.kube.proxy.rules import ProxyTable
from svclab.kube.proxy.services import External, ServicePort
from svclab.kube.proxy.watched import watch
from svclab.kube.snapshot import Manifest
from svclab.linux.trace import Origin

# Sets in order: name, ipset's type, and the comment of the rules that use it.
IPSETS = (
    (
        "KUBE-LOOP-BACK",
        "hash:ip,port,ip",
        "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose",
    ),
    ("KUBE-CLUSTER-IP", "hash:ip,port", "Kubernetes service cluster ip + port for masquerade purpose"),
    (
        "KUBE-EXTERNAL-IP",
        "hash:ip,port",
        "Kubernetes service external ip + port for masquerade and filter purpose",
    ),
    (
        "KUBE-EXTERNAL-IP-LOCAL",
        "hash:ip,port",
        "Kubernetes service external ip + port with externalTrafficPolicy=local",
    ),
    ("KUBE-LOAD-BALANCER", "hash:ip,port", "Kubernetes service lb portal"),
    (
        "KUBE-LOAD-BALANCER-FW",
        "hash:ip,port",
        "Kubernetes service load balancer ip + port for load balancer with sourceRange",
    ),
    (
        "KUBE-LOAD-BALANCER-LOCAL",
        "hash:ip,port",
        "Kubernetes service load balancer ip + port with externalTrafficPolicy=local",
    ),
    (
        "KUBE-LOAD-BALANCER-SOURCE-IP",
        "hash:ip,port,ip",
        "Kubernetes service load balancer ip + port + source IP for packet filter purpose",
    ),
    (
        "KUBE-LOAD-BALANCER-SOURCE-CIDR",
        "hash:ip,port,net",
        "Kubernetes service load balancer ip + port + source cidr for packet filter purpose",
    ),
    ("KUBE-NODE-PORT-TCP", "bitmap:port", "Kubernetes nodeport TCP port for masquerade purpose"),
    (
        "KUBE-NODE-PORT-LOCAL-TCP",
        "bitmap:port",
        "Kubernetes nodeport TCP port with externalTrafficPolicy=local",
    ),
    ("KUBE-NODE-PORT-UDP", "bitmap:port", "Kubernetes nodeport UDP port for masquerade purpose"),
    (
        "KUBE-NODE-PORT-LOCAL-UDP",
        "bitmap:port",
        "Kubernetes nodeport UDP port with externalTrafficPolicy=local",
    ),
    (
        "KUBE-NODE-PORT-SCTP-HASH",
        "hash:ip,port",
        "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'",
    ),
    (
        "KUBE-NODE-PORT-LOCAL-SCTP-HASH",
        "hash:ip,port",
        "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
    ),
    ("KUBE-HEALTH-CHECK-NODE-PORT", "bitmap:port", "Kubernetes health check node port"),
    ("KUBE-IPVS-IPS", "hash:ip", "Kubernetes ipvs service addresses"),
)


@dataclass(frozen=True)
class IpvsRuleset:
    """What kube-proxy keeps on one node. `bound` are the addresses of the dummy interface kube-ipvs0."""

    config: ProxyConfig
    servers: tuple[VirtualServer, ...]
    ipsets: dict[str, IpSet]
    bound: tuple[str, ...]
    tables: tuple[ProxyTable, ...]

    def ipvsadm_text(self, connections: Connections = MappingProxyType({})) -> str:
        """What `ipvsadm -Ln` prints on a node with these connections."""
        return ipvsadm_text(self.servers, connections)

    def ipset_text(self) -> str:
        """What `ipset save` prints."""
        lines = [line for ipset in self.ipsets.values() for line in ipset.lines(self.config.ip_version)]
        return "\n".join(lines) + "\n"


def compile_ipvs(
    services: Iterable[Manifest], slices: Iterable[Manifest], config: ProxyConfig
) -> IpvsRuleset:
    """What kube-proxy in ipvs mode makes on the node of `config`."""
    watched = watch(services, slices, config)
    compiler = _Compiler(config)
    for key in sorted(watched.ports):
        for port in watched.ports[key]:
            compiler.add(port, watched.endpoints(port))
    return compiler.finish()


class _Compiler:
    """Collects virtual servers and set entries, Service port by Service port."""

    def __init__(self, config: ProxyConfig) -> None:
        self.config = config
        self.servers: list[VirtualServer] = []
        self.ipsets = {name: IpSet(name, kind, comment, {}) for name, kind, comment in IPSETS}
        self.guarded: list[Guarded] = []
        # ipvs cannot serve on loopback.
        self.node_ips = tuple(
            ip
            for ip in (config.node_port_ips() if config.node_port_networks else config.local_addresses)
            if not ip_address(ip).is_loopback
        )

    def add(self, port: ServicePort, endpoints: tuple[Endpoint, ...]) -> None:
        """All that one Service port needs."""
        choice = choose(port, endpoints, self.config)
        for endpoint in endpoints:
            if endpoint.local:
                entry = f"{endpoint.ip},{port.protocol.lower()}:{endpoint.port},{endpoint.ip}"
                self._entry("KUBE-LOOP-BACK", entry, endpoint.origin())
        self._cluster_ip(port, choice)
        for external in port.external_ips:
            name = "KUBE-EXTERNAL-IP-LOCAL" if port.external_local else "KUBE-EXTERNAL-IP"
            self._entry(name, _to(port, external.address), port.origin(external.field))
            self._external(port, external, choice)
        for vip in port.vips:
            self._load_balancer(port, vip)
            self._external(port, vip, choice)
        if port.node_port and not self.node_ips:
            return  # as kube-proxy does, which goes on with the next Service
        self._node_port(port, choice)
        if port.health_check_node_port:
            origin = port.origin("spec.healthCheckNodePort")
            self._entry("KUBE-HEALTH-CHECK-NODE-PORT", str(port.health_check_node_port), origin)

    def finish(self) -> IpvsRuleset:
        """The node's whole state."""
        tables = ipvs_tables(self.ipsets, tuple(self.guarded), self.config)
        bound = tuple(self.ipsets["KUBE-IPVS-IPS"].entries)
        return IpvsRuleset(self.config, tuple(self.servers), self.ipsets, bound, tables)

    def _entry(self, name: str, entry: str, origin: Origin) -> None:
        self.ipsets[name].entries.setdefault(entry, origin)

    def _serve(
        self, address: str, number: int, port: ServicePort, ends: tuple[Endpoint, ...], origin: Origin
    ) -> None:
        """One virtual server over these endpoints."""
        real = tuple(RealServer(end.ip, end.port, 1, end.origin()) for end in ends)
        self.servers.append(
            VirtualServer(address, number, port.protocol, port.affinity_seconds, real, origin)
        )

    def _cluster_ip(self, port: ServicePort, choice: Choice) -> None:
        origin = port.origin("spec.clusterIP")
        self._entry("KUBE-CLUSTER-IP", _to(port, port.cluster_ip), origin)
        self._entry("KUBE-IPVS-IPS", port.cluster_ip, origin)
        ends = _endpoints(choice, port.internal_local)
        self._serve(port.cluster_ip, port.port, port, ends, origin)

    def _external(self, port: ServicePort, external: External, choice: Choice) -> None:
        origin = port.origin(external.field)
        if external.address not in self.config.local_addresses:
            self._entry("KUBE-IPVS-IPS", external.address, origin)
        self._serve(external.address, port.port, port, _endpoints(choice, port.external_local), origin)

    def _load_balancer(self, port: ServicePort, vip: External) -> None:
        to, origin = _to(port, vip.address), port.origin(vip.field)
        self._entry("KUBE-LOAD-BALANCER", to, origin)
        if port.external_local:
            self._entry("KUBE-LOAD-BALANCER-LOCAL", to, port.origin("spec.externalTrafficPolicy"))
        if not port.source_ranges:
            return
        self._entry("KUBE-LOAD-BALANCER-FW", to, port.origin("spec.loadBalancerSourceRanges"))
        for index, network in port.source_ranges:
            field = f"spec.loadBalancerSourceRanges[{index}]"
            self._entry("KUBE-LOAD-BALANCER-SOURCE-CIDR", f"{to},{network}", port.origin(field))
        node_ip = self.config.node_ip
        if node_ip and any(ip_address(node_ip) in network for _, network in port.source_ranges):
            self._entry("KUBE-LOAD-BALANCER-SOURCE-IP", f"{to},{vip.address}", origin)
        else:
            origin = port.origin("spec.loadBalancerSourceRanges")
            self.guarded.append((vip.address, port.protocol.lower(), port.port, origin))

    def _node_port(self, port: ServicePort, choice: Choice) -> None:
        if not port.node_port:
            return
        origin = port.origin(f"spec.ports[{port.index}].nodePort")
        if port.protocol == "SCTP":
            kind = "SCTP-HASH"
            entries = [f"{ip},sctp:{port.node_port}" for ip in self.node_ips]
        else:
            kind, entries = port.protocol, [str(port.node_port)]
        for entry in entries:
            self._entry(f"KUBE-NODE-PORT-{kind}", entry, origin)
            if port.external_local:
                policy = port.origin("spec.externalTrafficPolicy")
                self._entry(f"KUBE-NODE-PORT-LOCAL-{kind}", entry, policy)
        ends = _endpoints(choice, port.external_local)
        for ip in self.node_ips:
            self._serve(ip, port.node_port, port, ends, origin)


def _to(port: ServicePort, address: str) -> str:
    return f"{address},{port.protocol.lower()}:{port.port}"


def _endpoints(choice: Choice, local_only: bool) -> tuple[Endpoint, ...]:
    """A Local policy takes this node's endpoints, or all where there are none: nothing is dropped here."""
    return (choice.local or choice.cluster) if local_only else choice.cluster
