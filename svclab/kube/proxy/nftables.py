"""kube-proxy's nftables mode: Services and EndpointSlices in, the table `kube-proxy` out.

Source: kube-proxy 1.36, derived from recordings of `nft -s list table ip kube-proxy` and compared with
them. Not recorded: IPv6, masqueradeAll, other detect-local modes, nodePortAddresses, several Service ranges;
they follow setupNFTables and syncProxyRules of the last release whose marks were set by a chain of their own,
and the local traffic detectors of 1.36. By design only: what a rule for masqueradeAll says of itself. The
real kube-proxy adds a chain when it first needs it, so the order of chains there tells history; here
Services stand in order of namespace and name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.endpoints import Endpoint
from svclab.kube.proxy.nft_base import base_chains, ip_word, local_match, mark_rule, node_port_ips
from svclab.kube.proxy.nft_names import endpoint_name, port_comment, port_name
from svclab.kube.proxy.nft_objects import NftChain, NftElement, NftRule, NftSet, NftTable, address_set
from svclab.kube.proxy.policy import Choice, choose
from svclab.kube.proxy.services import External, ServicePort
from svclab.kube.proxy.watched import watch
from svclab.kube.snapshot import Manifest
from svclab.linux.trace import Origin

# Sets and maps in order: name, whether the key begins with one or two addresses, whether it goes on with
# protocol and port, whether it leads to a verdict, and its comment.
SETS = (
    ("hairpin-connections", 2, True, False, "service hairpin connections"),
    ("cluster-ips", 1, False, False, "Active ClusterIPs"),
    ("no-endpoint-services", 1, True, True, "vmap to drop or reject packets to services with no endpoints"),
    (
        "no-endpoint-nodeports",
        0,
        True,
        True,
        "vmap to drop or reject packets to service nodeports with no endpoints",
    ),
    ("firewall-ips", 1, True, True, "destinations that are subject to LoadBalancerSourceRanges"),
    ("service-ips", 1, True, True, "ClusterIP, ExternalIP and LoadBalancer IP traffic"),
    ("service-nodeports", 0, True, True, "NodePort traffic"),
)


@dataclass(frozen=True, slots=True)
class NftPart:
    """What one Service port adds: elements by set, its own affinity sets, its own chains."""

    elements: dict[str, tuple[NftElement, ...]]
    sets: tuple[NftSet, ...]
    chains: tuple[NftChain, ...]


def compile_nftables(
    services: Iterable[Manifest], slices: Iterable[Manifest], config: ProxyConfig
) -> NftTable:
    """The table that kube-proxy in nftables mode keeps on the node of `config`; `str()` prints it as nft
    does.
    """
    watched = watch(services, slices, config)
    parts = [
        nft_part(port, choose(port, watched.endpoints(port), config), config)
        for key in sorted(watched.ports)
        for port in watched.ports[key]
    ]
    return assemble(parts, config)


def nft_part(port: ServicePort, choice: Choice, config: ProxyConfig) -> NftPart:
    """Everything that one Service port adds to the table on one node."""
    return _Writer(port, choice, config).write()


def assemble(parts: list[NftPart], config: ProxyConfig) -> NftTable:
    """The whole table of these parts."""
    sets = [_set(entry, parts, config) for entry in SETS]
    if own_ips := node_port_ips(config):
        sets.insert(2, own_ips)
    sets += [affinity for part in parts for affinity in part.sets]
    chains = [*base_chains(config), *(chain for part in parts for chain in part.chains)]
    return NftTable(ip_word(config), "kube-proxy", "rules for kube-proxy", tuple(sets), tuple(chains))


def _set(entry: tuple[str, int, bool, bool, str], parts: list[NftPart], config: ProxyConfig) -> NftSet:
    name, addresses, has_port, verdicts, comment = entry
    types = (f"ipv{config.ip_version}_addr",) * addresses + (
        ("inet_proto", "inet_service") if has_port else ()
    )
    # The ports of a Service share its cluster IP, and Services may share an endpoint: first come, first kept.
    unique: dict[tuple[str, ...], NftElement] = {}
    for part in parts:
        for element in part.elements.get(name, ()):
            unique.setdefault(element.key, element)
    return NftSet(name, types, verdicts, comment, elements=tuple(unique.values()))


class _Writer:
    """Collects what one Service port adds."""

    def __init__(self, port: ServicePort, choice: Choice, config: ProxyConfig) -> None:
        self.port, self.choice, self.config = port, choice, config
        self.ip = ip_word(config)
        self.protocol = port.protocol.lower()
        name = port_name(port)
        self.service, self.local = f"service-{name}", f"local-{name}"
        self.external, self.firewall = f"external-{name}", f"firewall-{name}"
        self.has_internal = choice.has_any and bool(choice.local or not port.internal_local)
        self.has_external = choice.has_any and bool(choice.local or not port.external_local)
        self.elements: dict[str, list[NftElement]] = {}

    def write(self) -> NftPart:
        self._cluster_ip()
        for external in (*self.port.external_ips, *self.port.vips):
            self._external_address(external)
        self._node_port()
        self._firewall_ips()
        self._hairpins()
        names = {endpoint: endpoint_name(self.port, endpoint) for endpoint in self.choice.used}
        sets = self._affinity_sets(names)
        chains = self._chains(names)
        return NftPart({name: tuple(found) for name, found in self.elements.items()}, sets, chains)

    def _add(
        self, name: str, key: tuple[str, ...], verdict: str, field: str | Origin, comment: str = ""
    ) -> None:
        origin = self.port.origin(field) if isinstance(field, str) else field
        self.elements.setdefault(name, []).append(NftElement(key, verdict, comment, origin))

    def _cluster_ip(self) -> None:
        port = self.port
        self._add("cluster-ips", (port.cluster_ip,), "", "spec.clusterIP")
        key = (port.cluster_ip, self.protocol, str(port.port))
        if self.has_internal:
            target = self.local if port.internal_local else self.service
            self._add("service-ips", key, f"goto {target}", "spec.clusterIP")
        else:
            self._refuse("no-endpoint-services", key, "spec.clusterIP", "spec.internalTrafficPolicy")

    def _external_address(self, external: External) -> None:
        key = (external.address, self.protocol, str(self.port.port))
        if self.choice.has_any:
            self._add("service-ips", key, f"goto {self.external}", external.field)
        if not self.has_external:
            self._refuse("no-endpoint-services", key, external.field, "spec.externalTrafficPolicy")

    def _node_port(self) -> None:
        if not self.port.node_port:
            return
        field = f"spec.ports[{self.port.index}].nodePort"
        key = (self.protocol, str(self.port.node_port))
        if self.choice.has_any:
            self._add("service-nodeports", key, f"goto {self.external}", field)
        if not self.has_external:
            self._refuse("no-endpoint-nodeports", key, field, "spec.externalTrafficPolicy")

    def _refuse(self, name: str, key: tuple[str, ...], field: str, policy: str) -> None:
        """Reject where nobody could answer anywhere, drop where only this node may not."""
        comment = port_comment(self.port)
        if self.choice.has_any:
            self._add(name, key, "drop", policy, comment)
        else:
            self._add(name, key, "goto reject-chain", field, comment)

    def _firewall_ips(self) -> None:
        """Source ranges are checked before DNAT, whether or not there are endpoints."""
        if self.port.source_ranges:
            for vip in self.port.vips:
                key = (vip.address, self.protocol, str(self.port.port))
                self._add("firewall-ips", key, f"goto {self.firewall}", "spec.loadBalancerSourceRanges")

    def _hairpins(self) -> None:
        """A pod of this node that draws itself is masqueraded, so that the answer comes back through the
        node.
        """
        for endpoint in self.choice.used:
            if endpoint.local:
                key = (endpoint.ip, endpoint.ip, self.protocol, str(endpoint.port))
                self._add("hairpin-connections", key, "", endpoint.origin())

    # Chains and sets of this Service port alone

    def _affinity_sets(self, names: dict[Endpoint, str]) -> tuple[NftSet, ...]:
        seconds = self.port.affinity_seconds
        if seconds is None:
            return ()
        address = (f"ipv{self.config.ip_version}_addr",)
        return tuple(NftSet(f"affinity-{name}", address, timeout_seconds=seconds) for name in names.values())

    def _chains(self, names: dict[Endpoint, str]) -> tuple[NftChain, ...]:
        port, choice = self.port, self.choice
        chains = []
        if port.affinity_seconds is not None:
            chains += [self._endpoint_chain(endpoint, name) for endpoint, name in names.items()]
        if port.uses_cluster and choice.cluster:
            chains.append(self._spread_chain(self.service, choice.cluster, names))
        if port.uses_local and choice.local:
            chains.append(self._spread_chain(self.local, choice.local, names))
        if port.is_external and choice.has_any:
            chains.append(self._external_chain())
        if port.vips and port.source_ranges:
            chains.append(self._firewall_chain())
        return tuple(chains)

    def _spread_chain(
        self, chain: str, endpoints: tuple[Endpoint, ...], names: dict[Endpoint, str]
    ) -> NftChain:
        """One draw over all endpoints; with affinity, first a look whether this client was here before."""
        draw = f"numgen random mod {len(endpoints)}"
        origin = Origin("EndpointSlice", endpoints[0].slice_name, "endpoints")
        drawn = tuple(endpoint.origin() for endpoint in endpoints)
        if self.port.affinity_seconds is None:
            map_ = ", ".join(f"{i} : {endpoint.ip} . {endpoint.port}" for i, endpoint in enumerate(endpoints))
            text = f"meta l4proto {self.protocol} dnat {self.ip} to {draw} map {{ {map_} }}"
            return NftChain(chain, (NftRule(text, origin, drawn),))
        rules = [
            NftRule(
                f"{self.ip} saddr @affinity-{names[endpoint]} goto endpoint-{names[endpoint]}",
                self.port.origin("spec.sessionAffinity"),
            )
            for endpoint in endpoints
        ]
        map_ = ", ".join(f"{i} : goto endpoint-{names[endpoint]}" for i, endpoint in enumerate(endpoints))
        return NftChain(chain, (*rules, NftRule(f"{draw} vmap {{ {map_} }}", origin, drawn)))

    def _endpoint_chain(self, endpoint: Endpoint, name: str) -> NftChain:
        """Remembers the client, then DNAT."""
        update = f"update @affinity-{name} {{ {self.ip} saddr }}"
        return NftChain(
            f"endpoint-{name}",
            (
                NftRule(update, self.port.origin("spec.sessionAffinity")),
                NftRule(f"meta l4proto {self.protocol} dnat to {endpoint.text}", endpoint.origin()),
            ),
        )

    def _external_chain(self) -> NftChain:
        mark, to_all = mark_rule(self.config), f"goto {self.service}"
        if not self.port.external_local:
            texts = [f'{mark} comment "masquerade"', to_all]
        else:
            pods, from_node = local_match(self.config), "fib saddr type local"
            texts = [f'{pods[0]} {to_all} comment "short-circuit pod traffic"'] if pods else []
            texts.append(f'{from_node} {mark} comment "masquerade local traffic"')
            texts.append(f'{from_node} {to_all} comment "short-circuit local traffic"')
            if self.has_external:
                texts.append(f"goto {self.local}")
        origin = self.port.origin("spec.externalTrafficPolicy")
        return NftChain(self.external, tuple(NftRule(text, origin) for text in texts))

    def _firewall_chain(self) -> NftChain:
        """Everybody outside the source ranges is dropped; VIPs are inside where the node's address is."""
        ranges = [network for _, network in self.port.source_ranges]
        node_ip = self.config.node_ip
        if node_ip and any(ip_address(node_ip) in network for network in ranges):
            ranges += [ip_network(vip.address) for vip in self.port.vips]
        text = f"{self.ip} saddr != {address_set(ranges)} drop"
        return NftChain(self.firewall, (NftRule(text, self.port.origin("spec.loadBalancerSourceRanges")),))
