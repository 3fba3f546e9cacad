"""Nodes, pods and what surrounds them, laid out as hosts and links: the share of the CNI plugin and the
kubelet.

Pods hang on point-to-point links whose node end carries the first address of the node's pod range; nodes
share their network with the router and route pod ranges to one another. Layout as in
tests/recordings/README.md.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network

from svclab.kube.listeners import Listening, endpoint_ports, health_checks, listeners_of
from svclab.kube.pods import is_terminal
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.kube.surroundings import (
    DEFAULT,
    LOOPBACK,
    ROUTER,
    STANDARD_CLIENTS,
    NodePlace,
    build_surroundings,
    gateways,
    network_of,
    node_places,
    single,
)
from svclab.linux.fabric import Fabric, Link
from svclab.linux.host import Host
from svclab.linux.ipset import IpSet
from svclab.linux.iptables.headers import Prefix
from svclab.linux.iptables.rules import Table
from svclab.linux.iptables.save import parse_rule
from svclab.linux.ipvs import Balancer, VirtualServer
from svclab.linux.netfilter import BaseChain
from svclab.linux.routing import HostRoute, Interface, InterfaceAddress
from svclab.linux.trace import Origin

Real = tuple[int, int]  # an endpoint's address and port
UdpEndpoints = Mapping[tuple[int | None, int], frozenset[Real]]  # by address (None: a node's) and port


@dataclass(frozen=True, slots=True)
class NodeRules:
    """What kube-proxy put into one node's kernel: iptables tables, other base chains (nftables), ipvs.

    `sets` are the names of nftables sets that packets fill; `udp_endpoints` what serves UDP Services.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    chains: tuple[BaseChain, ...] = ()
    ipsets: tuple[IpSet, ...] = ()
    servers: tuple[VirtualServer, ...] = ()  # of ipvs
    addresses: tuple[str, ...] = ()  # of kube-ipvs0: in ipvs mode service addresses are the node's own
    sets: frozenset[str] = frozenset()
    udp_endpoints: Callable[[], UdpEndpoints] = dict


RulesOf = Callable[[str], NodeRules | Mapping[str, Table]]


def build_fabric(
    snapshot: Snapshot,
    rules_of: RulesOf,
    *,
    clients: Mapping[str, str] = STANDARD_CLIENTS,
    internet: Iterable[str] = (),
    listeners: Callable[[Manifest], Listening] = listeners_of,
    every_endpoint_answers: bool = False,
    cluster_cidr: str = "10.244.0.0/16",
    cni_masquerade: bool = True,
    without_default_route: Iterable[str] = (),
    router_proxies: bool = True,
) -> Fabric:
    """The cluster of this snapshot as hosts and links, each node with its rules.

    `clients`: machines outside by name (`client/NAME`); `internet`: the addresses of everybody else there.
    `every_endpoint_answers`: every address serves all ports under which an EndpointSlice names it, whatever
    its image. `cni_masquerade`: pods that leave `cluster_cidr` take their node's address.
    `without_default_route`: nodes that lost it. `router_proxies`: the router connects by itself to addresses
    with `ipMode: Proxy`.
    """
    placed = _pods_by_node(snapshot)
    places = [replace(each, stray_pods=_stray(each, placed)) for each in node_places(snapshot)]
    served = endpoint_ports(snapshot.list("EndpointSlice")) if every_endpoint_answers else {}
    outside, links, lans = build_surroundings(snapshot, places, clients, internet, router_proxies)
    for lan, interface in lans.items():  # a node's uplink is there before its first pod
        ends = [(f"node/{place.name}", "eth0") for place in places if place.lan == lan]
        near = (name for name, text in clients.items() if network_of(IPv4Address(text), lans) == lan)
        ends += [(f"client/{name}", "eth0") for name in near]
        links.append(Link(((ROUTER, interface), *ends)))
    hosts: list[Host] = []
    aliases: dict[str, str] = {}
    cidr = cluster_cidr if cni_masquerade else ""
    layout = _Layout(places, served, listeners, health_checks(snapshot), cidr, set(without_default_route))
    for place in places:
        pods = placed.get(place.name, [])
        own = [pod for pod in pods if not pod["spec"].get("hostNetwork")]
        shared = [pod for pod in pods if pod["spec"].get("hostNetwork")]
        rules = rules_of(place.name)
        hosts.append(
            layout.node(place, own, shared, rules if isinstance(rules, NodeRules) else NodeRules(rules))
        )
        for pod in own:
            hosts.append(layout.pod(place, pod))
            links.append(Link(((f"node/{place.name}", veth_name(pod)), (host_name(pod), "eth0"))))
        aliases.update({host_name(pod): f"node/{place.name}" for pod in shared})
    via = {f"node/{place.name}": place.internal for place in places}
    return Fabric([*outside, *hosts], links, via, aliases)


def host_name(pod: Manifest) -> str:
    """`pod/NAMESPACE/NAME`."""
    return f"pod/{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def veth_name(pod: Manifest) -> str:
    """The node's end of the pod's link, named after the pod."""
    return "veth" + sha256(host_name(pod).encode()).hexdigest()[:8]


def pod_address(pod: Manifest) -> IPv4Address | None:
    """The pod's IPv4 address, None before it has one."""
    status = pod.get("status") or {}
    texts = [status.get("podIP"), *(entry.get("ip") for entry in status.get("podIPs") or ())]
    return next((IPv4Address(text) for text in texts if text and ":" not in text), None)


def _pods_by_node(snapshot: Snapshot) -> dict[str, list[Manifest]]:
    found: dict[str, list[Manifest]] = {}
    for pod in snapshot.list("Pod"):
        if pod["spec"].get("nodeName") and pod_address(pod) and not is_terminal(pod):
            found.setdefault(pod["spec"]["nodeName"], []).append(pod)
    return found


def _stray(place: NodePlace, placed: Mapping[str, list[Manifest]]) -> tuple[IPv4Network, ...]:
    """A node's pods outside its range, where the CNI plugin gives addresses by its own book."""
    own = (pod for pod in placed.get(place.name, ()) if not pod["spec"].get("hostNetwork"))
    addresses = (address for pod in own if (address := pod_address(pod)))
    return tuple(IPv4Network(a) for a in addresses if not any(a in cidr for cidr in place.pod_ranges))


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is the same for all hosts of a fabric."""

    places: list[NodePlace]
    served: Mapping[str, Listening]
    listeners: Callable[[Manifest], Listening]
    health_checks: Listening
    masqueraded_cidr: str
    without_default_route: set[str]

    def pod(self, place: NodePlace, pod: Manifest) -> Host:
        address = pod_address(pod)
        assert address
        near = self._node_end(place)
        own = Interface("eth0", (InterfaceAddress(int(address), 32, near),))
        route = HostRoute(DEFAULT, "eth0", near, int(address))
        listening = {**self.listeners(pod), **self.served.get(str(address), {})}
        return Host(host_name(pod), (LOOPBACK, own), (route,), listeners=listening)

    def node(self, place: NodePlace, pods: list[Manifest], shared: list[Manifest], rules: NodeRules) -> Host:
        near = self._node_end(place)
        ends = [
            Interface(veth_name(pod), (InterfaceAddress(near, 32, int(address)),))
            for pod in pods
            if (address := pod_address(pod))
        ]
        uplink = Interface("eth0", (InterfaceAddress(int(place.internal), 24),))
        bound = tuple(InterfaceAddress(int(IPv4Address(a)), 32) for a in rules.addresses)
        dummy = [Interface("kube-ipvs0", bound)] if bound else []
        listening = {**place.services, **self.health_checks}
        for pod in shared:
            listening.update(self.listeners(pod))
        listening.update(self.served.get(str(place.internal), {}))
        return Host(
            f"node/{place.name}",
            (LOOPBACK, uplink, *ends, *dummy),
            self._routes(place),
            forwards=True,
            route_localnet=True,
            listeners=listening,
            tables=self._with_cni_rule(rules.tables),
            chains=rules.chains,
            ipsets=rules.ipsets,
            balancer=Balancer(rules.servers) if rules.servers else None,
        )

    def _node_end(self, place: NodePlace) -> int:
        """The address of the node's end of each pod link: the first of its pod range."""
        return int(place.pod_ranges[0][1] if place.pod_ranges else place.internal)

    def _routes(self, place: NodePlace) -> list[HostRoute]:
        gateway = int(gateways(self.places)[place.lan])
        routes = []
        for other in self.places:
            if other.name != place.name:
                hop = int(other.internal) if other.lan == place.lan else gateway
                routes += [HostRoute(_prefix(cidr), "eth0", hop) for cidr in map(str, other.behind)]
        if place.name not in self.without_default_route:
            routes.append(HostRoute(DEFAULT, "eth0", gateway))
        return routes

    def _with_cni_rule(self, tables: Mapping[str, Table]) -> Mapping[str, Table]:
        """The rules with the CNI plugin's own last in nat POSTROUTING."""
        if not self.masqueraded_cidr:
            return tables
        cidr = self.masqueraded_cidr
        origin = Origin("CNI", "bridge", "ipMasq")
        rule = parse_rule(f"-s {cidr} ! -d {cidr} -j MASQUERADE", origin=origin)
        nat = tables.get("nat") or Table("nat", {})
        return {**tables, "nat": nat.with_rule("POSTROUTING", rule)}


def _prefix(cidr: str) -> Prefix:
    return Prefix.parse(cidr)


__all__ = ["NodeRules", "build_fabric", "host_name", "pod_address", "single", "veth_name"]
