"""What lies around a cluster's nodes: the router, its load balancer, and machines outside.

The router hands packets for a load balancer's or external address to one of the nodes, translates each node's
external address to its internal one and back (as clouds do), and is itself the load balancer for addresses
with `ipMode: Proxy`. It swallows what it knows no way for.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from svclab.kube.listeners import Listening, node_services
from svclab.kube.proxy.addresses import addresses_of, normalised
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.linux.fabric import Link
from svclab.linux.host import Host
from svclab.linux.iptables.headers import Prefix
from svclab.linux.iptables.rules import Chain, Rule, Table
from svclab.linux.iptables.save import parse_rule
from svclab.linux.packet import Protocol
from svclab.linux.routing import HostRoute, Interface, InterfaceAddress
from svclab.linux.trace import Origin

Entry = tuple[str, Origin]  # a rule's text and what it follows from
ROUTER = "router"
INTERNET = "internet"
STANDARD_CLIENTS: Mapping[str, str] = {"laptop": "192.0.2.50", "office": "203.0.113.5"}
RESOLVER_ADDRESS = "192.0.2.53"
INTERNET_LISTENERS = {
    (Protocol.UDP, 53): "resolver",
    (Protocol.TCP, 53): "resolver",
    (Protocol.TCP, 80): "web",
    (Protocol.TCP, 443): "web",
}
DEFAULT = Prefix(4, 0, 0)
LOOPBACK = Interface("lo", (InterfaceAddress(127 << 24 | 1, 8),))
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Where a node stands: its addresses and its pods' range; `stray_pods` have addresses outside of that."""

    name: str
    internal: IPv4Address
    external: tuple[IPv4Address, ...]
    pod_ranges: tuple[IPv4Network, ...]
    balanced: bool
    services: Listening
    stray_pods: tuple[IPv4Network, ...] = ()

    @property
    def lan(self) -> IPv4Network:
        """The /24 that the node shares with its neighbours and the router."""
        return IPv4Interface(f"{self.internal}/24").network

    @property
    def behind(self) -> tuple[IPv4Network, ...]:
        """What others reach over this node: its pods."""
        return (*self.pod_ranges, *self.stray_pods)


def node_places(snapshot: Snapshot) -> list[NodePlace]:
    """All nodes that have an IPv4 address; one without an internal address stands in the open."""
    found = []
    for node in snapshot.list("Node"):
        addresses = node.get("status", {}).get("addresses") or ()
        external = _addresses(addresses, "ExternalIP")
        internal = _addresses(addresses, "InternalIP") or external
        if not internal:
            continue
        spec = node.get("spec") or {}
        ranges = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
        found.append(
            NodePlace(
                node["metadata"]["name"],
                internal[0],
                tuple(address for address in external if address != internal[0]),
                tuple(IPv4Network(cidr, strict=False) for cidr in ranges if ":" not in cidr),
                EXCLUDED not in (node["metadata"].get("labels") or {}),
                node_services(node),
            )
        )
    return found


def _addresses(addresses: Iterable[Manifest], kind: str) -> tuple[IPv4Address, ...]:
    return tuple(
        IPv4Address(a["address"]) for a in addresses if a["type"] == kind and ":" not in a["address"]
    )


def gateways(places: Iterable[NodePlace]) -> dict[IPv4Network, IPv4Address]:
    """The router's address in each node network: .1, or the highest if a node has it."""
    found: dict[IPv4Network, IPv4Address] = {}
    taken = {place.internal for place in places}
    for place in places:
        first, last = place.lan[1], place.lan[254]
        found[place.lan] = last if first in taken else first
    return found


def single(address: IPv4Address) -> Prefix:
    """One address as a prefix."""
    return Prefix(4, int(address), 0xFFFFFFFF)


def build_surroundings(
    snapshot: Snapshot,
    places: list[NodePlace],
    clients: Mapping[str, str],
    internet: Iterable[str],
    router_proxies: bool = True,
) -> tuple[list[Host], list[Link], dict[IPv4Network, str]]:
    """The router, the clients and the one host that stands for everybody else outside (not there without
    `internet`, its addresses); the links to them; and the router's interface per node network. With
    `router_proxies` the router is the load balancer for addresses with `ipMode: Proxy`.
    """
    lans = {lan: f"lan{i}" for i, lan in enumerate(gateways(places))}
    interfaces = [
        Interface(name, (InterfaceAddress(int(gateways(places)[lan]), 24),)) for lan, name in lans.items()
    ]
    routes = list(_balanced_routes(snapshot, places, lans))
    hosts, links = [], []
    for i, (client, text) in enumerate(clients.items()):
        address, name = IPv4Address(text), f"client/{client}"
        if neighbours := network_of(address, lans):
            gateway = int(gateways(places)[neighbours])
            at_home = Interface("eth0", (InterfaceAddress(int(address), 24),))
            ways = [HostRoute(prefix, "eth0", gateway) for prefix in (DEFAULT, *(r.prefix for r in routes))]
            hosts.append(Host(name, (LOOPBACK, at_home), ways))
            continue
        near = _client_gateway(address)
        interfaces.append(Interface(f"out{i}", (InterfaceAddress(int(near), 32, int(address)),)))
        route = HostRoute(DEFAULT, "eth0", int(near), int(address))
        own = InterfaceAddress(int(address), 32, int(near))
        hosts.append(Host(name, (LOOPBACK, Interface("eth0", (own,))), (route,)))
        links.append(Link(((ROUTER, f"out{i}"), (name, "eth0"))))
    addresses = [IPv4Address(text) for text in internet]
    if addresses:
        near = _client_gateway(addresses[0])
        interfaces.append(Interface("wan", (InterfaceAddress(int(near), 32, int(addresses[0])),)))
        routes += [HostRoute(single(address), "wan") for address in addresses]
        own_addresses = tuple(InterfaceAddress(int(address), 32, int(near)) for address in addresses)
        uplink = HostRoute(DEFAULT, "eth0", int(near))
        hosts.append(
            Host(INTERNET, (Interface("eth0", own_addresses),), (uplink,), listeners=INTERNET_LISTENERS)
        )
        links.append(Link(((ROUTER, "wan"), (INTERNET, "eth0"))))
    tables = _router_nat(snapshot, places, router_proxies)
    if len(lans) > 1:
        routes += [route for place in places for route in _pod_routes(place, lans[place.lan])]
        tables["filter"] = _pods_are_inside(places)
    routes.append(_swallowing(lans))
    hosts.append(Host(ROUTER, interfaces, routes, forwards=True, tables=tables))
    return hosts, links, lans


def network_of(client: IPv4Address, lans: Iterable[IPv4Network]) -> IPv4Network | None:
    """The nodes' network in which a machine outside the cluster stands; None for one behind the router."""
    return next((lan for lan in lans if client in lan), None)


def _client_gateway(client: IPv4Address) -> IPv4Address:
    network = IPv4Interface(f"{client}/24").network
    return network[254] if client == network[1] else network[1]


def _pod_routes(place: NodePlace, lan: str) -> Iterator[HostRoute]:
    """The way to a node's pods for nodes of another network."""
    for cidr in place.behind:
        yield HostRoute(Prefix.parse(str(cidr)), lan, int(place.internal))


def _pods_are_inside(places: Iterable[NodePlace]) -> Table:
    """The router's filter table: that it knows a way to pods is of no use to machines outside."""
    texts = [
        (f"-i out+ -d {cidr} -j DROP", Origin("Node", place.name, "spec.podCIDR"))
        for place in places
        for cidr in place.behind
    ]
    return Table("filter", {"FORWARD": Chain("FORWARD", "ACCEPT", _rules(texts))})


def _swallowing(lans: Mapping[IPv4Network, str]) -> HostRoute:
    return HostRoute(DEFAULT, next(iter(lans.values()), "lan0"), blackhole=True)


def _balanced_routes(
    snapshot: Snapshot, places: list[NodePlace], lans: Mapping[IPv4Network, str]
) -> Iterator[HostRoute]:
    """For every load balancer and external address the nodes that it may be handed to; a node's own address
    needs nobody to choose.
    """
    targets: dict[IPv4Address, set[str]] = {}
    own = {place.internal for place in places}
    for service in snapshot.list("Service"):
        eligible = _eligible(service, snapshot, places)
        for address in _handed_to_nodes(service):
            if address in own:
                continue
            targets.setdefault(address, set()).update(eligible)
    for address, names in sorted(targets.items()):
        hops = tuple(int(place.internal) for place in places if place.name in names)
        lan = next((lans[place.lan] for place in places if place.name in names), None)
        if lan:
            yield HostRoute(single(address), lan, among=hops)


def _ingress(service: Manifest) -> list[Manifest]:
    status = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    read = [i | {"ip": normalised(i.get("ip") or "", 4)} for i in status]
    return [i for i in read if i["ip"]]


def _handed_to_nodes(service: Manifest) -> list[IPv4Address]:
    vips = [i["ip"] for i in _ingress(service) if i.get("ipMode", "VIP") == "VIP"]
    external = [ip for _, ip in addresses_of(service["spec"].get("externalIPs") or [], 4)]
    return [IPv4Address(ip) for ip in (*vips, *external)]


def _eligible(service: Manifest, snapshot: Snapshot, places: list[NodePlace]) -> list[str]:
    """Nodes that a load balancer finds healthy: with policy Local those with a ready endpoint."""
    usable = [place.name for place in places if place.balanced] or [place.name for place in places]
    if service["spec"].get("externalTrafficPolicy") != "Local":
        return usable
    metadata = service["metadata"]
    ready = {
        endpoint.get("nodeName")
        for endpoint_slice in snapshot.list("EndpointSlice", metadata["namespace"])
        if (endpoint_slice["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
        == metadata["name"]
        for endpoint in endpoint_slice.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True)
    }
    return [name for name in usable if name in ready] or usable


def _router_nat(snapshot: Snapshot, places: list[NodePlace], proxies: bool) -> dict[str, Table]:
    """The router's nat table; no table where there is nothing to translate."""
    inward = [
        (f"-d {external}/32 -j DNAT --to-destination {place.internal}", _addresses_of_node(place))
        for place in places
        for external in place.external
    ]
    outward = [
        (f"-s {place.internal}/32{match} -j SNAT --to-source {place.external[0]}", _addresses_of_node(place))
        for place in places
        if place.external
        for match in _leaving(places)
    ]
    proxied, back = _proxying(snapshot, places) if proxies else ([], [])
    prerouting, postrouting = [*proxied, *inward], [*back, *outward]
    if not prerouting and not postrouting:
        return {}
    chains = {
        "PREROUTING": Chain("PREROUTING", "ACCEPT", _rules(prerouting)),
        "POSTROUTING": Chain("POSTROUTING", "ACCEPT", _rules(postrouting)),
    }
    return {"nat": Table("nat", chains)}


def _leaving(places: list[NodePlace]) -> tuple[str, ...]:
    """How a rule recognises what leaves the nodes' networks, or only seems to; everything that a router of
    one network sees does.
    """
    one = len({place.lan for place in places}) == 1
    return ("",) if one else (" ! -o lan+", " -m conntrack --ctstate DNAT")


def _rules(texts: Iterable[Entry]) -> list[Rule]:
    return [parse_rule(text, 4, origin) for text, origin in texts]


def _addresses_of_node(place: NodePlace) -> Origin:
    return Origin("Node", place.name, "status.addresses")


def _proxying(snapshot: Snapshot, places: list[NodePlace]) -> tuple[list[Entry], list[Entry]]:
    """Rules by which the router itself answers for `ipMode: Proxy` addresses: to a node port, from its own
    address.
    """
    forward: list[Entry] = []
    back: list[Entry] = []
    internal = {place.name: place.internal for place in places}
    for service in snapshot.list("Service"):
        proxied = [i["ip"] for i in _ingress(service) if i.get("ipMode") == "Proxy"]
        nodes = _eligible(service, snapshot, places) if proxied else []
        metadata = service["metadata"]
        origin = Origin(
            "Service", f"{metadata['namespace']}/{metadata['name']}", "status.loadBalancer.ingress"
        )
        for port in service["spec"].get("ports") or () if nodes else ():
            node_port = port.get("nodePort")
            if not node_port:
                continue
            p = port.get("protocol", "TCP").lower()
            for vip in proxied:
                for left, node in zip(range(len(nodes), 0, -1), nodes, strict=True):
                    draw = f" -m statistic --mode random --probability {1 / left:.11f}" if left > 1 else ""
                    target = f"{internal[node]}:{node_port}"
                    match = f"-d {vip}/32 -p {p} -m {p} --dport {port['port']}{draw}"
                    forward.append((f"{match} -j DNAT --to-destination {target}", origin))
            translated = f"-p {p} -m {p} --dport {node_port} -m conntrack --ctstate DNAT"
            back.append((f"{translated} -j MASQUERADE", origin))
    return forward, back
