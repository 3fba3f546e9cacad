"""The iptables rules of one Service port: its entries in the shared chains, and the chains that are its own.

Source: kube-proxy 1.36, iptables mode. Names: SVC spreads over the cluster's endpoints, SVL over this
node's, EXT is where traffic from outside enters, FW checks loadBalancerSourceRanges, SEP is one endpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address

from svclab.kube.proxy.chains import chain_names
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.endpoints import Endpoint
from svclab.kube.proxy.policy import Choice
from svclab.kube.proxy.rules import Block, ChainKey, Source, Sources, block_of
from svclab.kube.proxy.services import External, ServicePort
from svclab.linux.trace import Origin

MASQUERADE = "-j KUBE-MARK-MASQ"


@dataclass(frozen=True, slots=True)
class NodeMatches:
    """What the rules of every Service port need of the configuration, worked out once.

    `local` and `not_local` recognise this node's pods (None: it cannot). `short` leaves the comments of
    endpoint rules out, as kube-proxy does in large clusters.
    """

    masquerade_all: bool
    local: str | None
    not_local: str | None
    loopback_counter: bool
    node_ip: str
    short: bool

    @classmethod
    def of(cls, config: ProxyConfig, short: bool) -> "NodeMatches":
        """Read off a configuration."""
        local, not_local = config.local_match() or (None, None)
        return cls(
            masquerade_all=config.masquerade_all,
            local=local,
            not_local=not_local,
            loopback_counter=config.nfacct and config.loopback_node_ports,
            node_ip=config.node_ip,
            short=short,
        )


Entry = tuple[str, Origin]  # a rule's text and what it follows from


@dataclass(frozen=True, slots=True)
class PortRules:
    """Rules of one Service port. `shared` are its entries in chains of all Services; `blocks` and `sources`
    are the chains of its own, all in nat.
    """

    shared: dict[ChainKey, tuple[Entry, ...]]
    blocks: dict[str, Block]
    sources: dict[str, Sources]


def port_rules(port: ServicePort, choice: Choice, node: NodeMatches) -> PortRules:
    """Everything that kube-proxy writes for one Service port on one node."""
    return _Writer(port, choice, node).write()


@cache
def draws(count: int) -> tuple[str, ...]:
    """For each of `count` endpoints the match that draws it from those left, with ten decimals; the last
    needs none.
    """
    begin = "-m statistic --mode random --probability"
    return *(f"{begin} {1 / remaining:.10f} " for remaining in range(count, 1, -1)), ""


class _Writer:
    """Collects the rules of one Service port."""

    def __init__(self, port: ServicePort, choice: Choice, node: NodeMatches) -> None:
        self.port, self.choice, self.node = port, choice, node
        self.key = port.key
        self.protocol = port.protocol.lower()
        self.match = f"-m {self.protocol} -p {self.protocol}"
        self.used = choice.used
        hash_, self.chains = chain_names(self.key, self.protocol, [endpoint.text for endpoint in self.used])
        self.svc, self.svl = f"KUBE-SVC-{hash_}", f"KUBE-SVL-{hash_}"
        self.ext, self.fw = f"KUBE-EXT-{hash_}", f"KUBE-FW-{hash_}"
        self.internal = self.svl if port.internal_local else self.svc
        self.has_internal = choice.has_any and bool(choice.local or not port.internal_local)
        self.has_external = choice.has_any and bool(choice.local or not port.external_local)
        self.firewalled = choice.has_any and bool(port.vips and port.source_ranges)
        self.shared: dict[ChainKey, list[Entry]] = {}
        self.blocks: dict[str, Block] = {}
        self.sources: dict[str, Sources] = {}

    def write(self) -> PortRules:
        self._cluster_ip()
        for external in self.port.external_ips:
            self._external_address(external, "external IP", self.ext)
        for vip in self.port.vips:
            self._external_address(vip, "loadbalancer IP", self.fw if self.firewalled else self.ext)
            if self.firewalled:
                self._not_accepted(vip)
        self._node_port()
        self._health_check()
        if self.choice.has_any:
            self._own_chains()
        shared = {key: tuple(entries) for key, entries in self.shared.items()}
        return PortRules(shared, self.blocks, self.sources)

    def _add(self, table: str, chain: str, text: str, field: str) -> None:
        self.shared.setdefault((table, chain), []).append((text, self.port.origin(field)))

    # Entries in the chains of all Services

    def _cluster_ip(self) -> None:
        to = f"{self.match} -d {self.port.cluster_ip} --dport {self.port.port}"
        if self.has_internal:
            text = f'-m comment --comment "{self.key} cluster IP" {to} -j {self.internal}'
            self._add("nat", "KUBE-SERVICES", text, "spec.clusterIP")
        else:
            self._refuse("KUBE-SERVICES", to, "spec.clusterIP", "spec.internalTrafficPolicy")

    def _external_address(self, external: External, what: str, target: str) -> None:
        to = f"{self.match} -d {external.address} --dport {self.port.port}"
        if self.choice.has_any:
            text = f'-m comment --comment "{self.key} {what}" {to} -j {target}'
            self._add("nat", "KUBE-SERVICES", text, external.field)
        if not self.has_external:
            self._refuse("KUBE-EXTERNAL-SERVICES", to, external.field, "spec.externalTrafficPolicy")

    def _not_accepted(self, vip: External) -> None:
        comment = f'-m comment --comment "{self.key} traffic not accepted by {self.fw}"'
        text = f"{comment} {self.match} -d {vip.address} --dport {self.port.port} -j DROP"
        self._add("filter", "KUBE-PROXY-FIREWALL", text, "spec.loadBalancerSourceRanges")

    def _node_port(self) -> None:
        node_port = self.port.node_port
        if not node_port:
            return
        field = f"spec.ports[{self.port.index}].nodePort"
        if self.choice.has_any:
            begin = f"-m comment --comment {self.key} {self.match}"
            if self.node.loopback_counter:
                counter = "-m nfacct --nfacct-name localhost_nps_accepted_pkts"
                text = f"{begin} -d 127.0.0.0/8 --dport {node_port} {counter} -j {self.ext}"
                self._add("nat", "KUBE-NODEPORTS", text, field)
            self._add("nat", "KUBE-NODEPORTS", f"{begin} --dport {node_port} -j {self.ext}", field)
        if not self.has_external:
            to = f"-m addrtype --dst-type LOCAL {self.match} --dport {node_port}"
            self._refuse("KUBE-EXTERNAL-SERVICES", to, field, "spec.externalTrafficPolicy")

    def _refuse(self, chain: str, to: str, field: str, policy: str) -> None:
        """REJECT where nobody could answer anywhere, DROP where only this node may not."""
        if self.choice.has_any:
            text = f'-m comment --comment "{self.key} has no local endpoints" {to} -j DROP'
            self._add("filter", chain, text, policy)
        else:
            text = f'-m comment --comment "{self.key} has no endpoints" {to} -j REJECT'
            self._add("filter", chain, text, field)

    def _health_check(self) -> None:
        port = self.port.health_check_node_port
        if port:
            comment = f'-m comment --comment "{self.key} health check node port"'
            text = f"{comment} -m tcp -p tcp --dport {port} -j ACCEPT"
            self._add("filter", "KUBE-NODEPORTS", text, "spec.healthCheckNodePort")

    # Chains of this Service port alone

    def _own_chains(self) -> None:
        port, choice = self.port, self.choice
        if port.is_external:
            self._ext_chain()
        if self.firewalled:
            self._fw_chain()
        if port.uses_cluster and choice.cluster:
            self._spread_chain(self.svc, choice.cluster)
        if port.uses_local and choice.local:
            self._spread_chain(self.svl, choice.local)
        self._endpoint_chains()

    def _ext_chain(self) -> None:
        self.sources[self.ext] = self.port.origin("spec.externalTrafficPolicy")
        about = f"for {self.key} external destinations"
        if not self.port.external_local:
            comment = f'-m comment --comment "masquerade traffic {about}"'
            self.blocks[self.ext] = block_of(self.ext, (f"{comment} {MASQUERADE}", f"-j {self.svc}"))
            return
        from_node = "-m addrtype --src-type LOCAL"
        texts = []
        if self.node.local:
            texts.append(f'-m comment --comment "pod traffic {about}" {self.node.local} -j {self.svc}')
        texts.append(f'-m comment --comment "masquerade LOCAL traffic {about}" {from_node} {MASQUERADE}')
        texts.append(f'-m comment --comment "route LOCAL traffic {about}" {from_node} -j {self.svc}')
        if self.has_external:
            texts.append(f"-j {self.svl}")
        self.blocks[self.ext] = block_of(self.ext, texts)

    def _fw_chain(self) -> None:
        ranges = self.port.source_ranges
        comment = f'-m comment --comment "{self.key} loadbalancer IP"'
        texts = [f"{comment} -s {network} -j {self.ext}" for _, network in ranges]
        sources = [self.port.origin(f"spec.loadBalancerSourceRanges[{index}]") for index, _ in ranges]
        node_ip = self.node.node_ip
        # The node's own packets to the VIP may carry the VIP as source: let in where the node would be.
        if node_ip and any(ip_address(node_ip) in network for _, network in ranges):
            texts += [f"{comment} -s {vip.address} -j {self.ext}" for vip in self.port.vips]
            sources += [self.port.origin(vip.field) for vip in self.port.vips]
        texts.append(
            f'-m comment --comment "other traffic to {self.key} will be dropped by KUBE-PROXY-FIREWALL"'
        )
        sources.append(self.port.origin("spec.loadBalancerSourceRanges"))
        self.blocks[self.fw], self.sources[self.fw] = block_of(self.fw, texts), tuple(sources)

    def _spread_chain(self, chain: str, endpoints: Sequence[Endpoint]) -> None:
        """The draw: the first of n endpoints has 1/n, the next 1/(n-1) of the rest, the last what is left."""
        texts, sources = self._outsiders(chain)
        names = self._chains_of(endpoints)
        comments = self._comments(endpoints)
        seconds = self.port.affinity_seconds
        if seconds is not None:
            sources += [self.port.origin("spec.sessionAffinity")] * len(names)
            texts += [
                f"{comment}-m recent --name {name} --rcheck --seconds {seconds} --reap -j {name}"
                for comment, name in zip(comments, names, strict=True)
            ]
        texts += [
            f"{comment}{draw}-j {name}"
            for comment, draw, name in zip(comments, draws(len(names)), names, strict=True)
        ]
        self.blocks[chain], self.sources[chain] = block_of(chain, texts), (*sources, *endpoints)

    def _chains_of(self, endpoints: Sequence[Endpoint]) -> list[str]:
        if endpoints is self.used:
            return self.chains
        by_endpoint = dict(zip(self.used, self.chains, strict=True))
        return [by_endpoint[endpoint] for endpoint in endpoints]

    def _comments(self, endpoints: Sequence[Endpoint]) -> list[str]:
        if self.node.short:
            return [""] * len(endpoints)
        return [f'-m comment --comment "{self.key} -> {endpoint.text}" ' for endpoint in endpoints]

    def _outsiders(self, chain: str) -> tuple[list[str], list[Source]]:
        """Cluster IP traffic from outside the pods' range is marked; only in the chain the cluster IP leads
        to.
        """
        if chain != self.internal or not self.has_internal:
            return [], []
        begin = (
            f'-m comment --comment "{self.key} cluster IP" {self.match}'
            f" -d {self.port.cluster_ip} --dport {self.port.port}"
        )
        if self.node.masquerade_all:
            return [f"{begin} {MASQUERADE}"], [self.port.origin("spec.clusterIP")]
        if self.node.not_local:
            return [f"{begin} {self.node.not_local} {MASQUERADE}"], [self.port.origin("spec.clusterIP")]
        return [], []

    def _endpoint_chains(self) -> None:
        """A pod that draws itself is masqueraded, so that the answer comes back through the node; then
        DNAT.
        """
        comment = "" if self.node.short else f"-m comment --comment {self.key} "
        remembers = self.port.affinity_seconds is not None
        hairpin = f" {comment}-s "
        marked = f" {MASQUERADE}\n-A "
        begin, dnat = f" {comment}", f"{self.match} -j DNAT --to-destination "
        blocks = self.blocks
        for name, endpoint in zip(self.chains, self.used, strict=True):
            recent = f"-m recent --name {name} --set " if remembers else ""
            blocks[name] = (
                f"-A {name}{hairpin}{endpoint.ip}{marked}{name}{begin}{recent}{dnat}{endpoint.text}"
            )
        self.sources.update(zip(self.chains, self.used, strict=True))
