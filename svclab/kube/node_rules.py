"""From what kube-proxy writes to what a node's kernel holds: its rules as the packet engine walks them."""

from collections.abc import Mapping
from ipaddress import ip_address

from svclab.kube.proxy.iptables import Ruleset
from svclab.kube.proxy.ipvs import IpvsRuleset
from svclab.kube.proxy.ipvs_objects import Connections
from svclab.kube.proxy.nft_objects import NftTable
from svclab.kube.proxy.rules import ProxyTable
from svclab.kube.wiring import NodeRules
from svclab.linux.ipset import IpSet
from svclab.linux.iptables.rules import Chain, Chains, Table
from svclab.linux.iptables.save import parse_rule
from svclab.linux.ipvs import VirtualServer, connections
from svclab.linux.netfilter import BaseChain
from svclab.linux.nftables.sets import Element, NamedSet
from svclab.linux.nftables.table import ChainText, base_chains
from svclab.linux.packet import Protocol
from svclab.linux.skb import address_text
from svclab.linux.state import HostState


def kernel_tables(ruleset: Ruleset) -> Mapping[str, Table]:
    """The tables of a node in iptables mode. A chain's rules are read when a packet first comes to it."""
    version = ruleset.config.ip_version
    return {table.name: _table(table, version) for table in ruleset.tables}


def _table(table: ProxyTable, version: int) -> Table:
    def make(name: str) -> Chain:
        rules = [parse_rule(rule.text, version, rule.origin) for rule in table.rules_of(name)]
        return Chain(name, "ACCEPT" if name in table.built_in else None, rules)

    return Table(table.name, Chains(frozenset(table.chains), make))


def kernel_chains(table: NftTable) -> tuple[BaseChain, ...]:
    """The base chains of a node in nftables mode."""
    sets = [
        NamedSet(
            each.name,
            each.types,
            tuple(Element(e.key, e.verdict, e.origin) for e in each.elements),
            each.timeout_seconds,
        )
        for each in table.sets
    ]
    chains = [
        ChainText(each.name, each.hook, tuple((rule.text, rule.origin, rule.drawn) for rule in each.rules))
        for each in table.chains
    ]
    return base_chains(f"{table.family} {table.name}", sets, chains, 6 if table.family == "ip6" else 4)


def ipvs_connections(state: HostState, version: int, now: float) -> Connections:
    """What a node's kernel remembers of connections through ipvs, with addresses as text."""
    found: dict[tuple[str, str, int], dict[tuple[str, int], tuple[int, int]]] = {}
    for ((protocol, address, port), (real, real_port)), counts in connections(state, now).items():
        key = (protocol.value, address_text(version, address), port)
        found.setdefault(key, {})[(address_text(version, real), real_port)] = counts
    return found


def kernel_ipvs(ruleset: IpvsRuleset) -> NodeRules:
    """All of a node in ipvs mode: rules, ipsets, virtual servers, addresses of kube-ipvs0."""
    version = ruleset.config.ip_version
    servers = tuple(
        VirtualServer(
            Protocol(each.protocol),
            int(ip_address(each.address)),
            each.port,
            tuple((int(ip_address(real.address)), real.port) for real in each.serving),
            each.persistent_seconds,
            each.origin,
            tuple(real.origin for real in each.serving),
        )
        for each in ruleset.servers
    )
    ipsets = tuple(
        IpSet(each.name, each.kind, tuple(each.entries), tuple(each.entries.values()))
        for each in ruleset.ipsets.values()
    )
    tables = {table.name: _table(table, version) for table in ruleset.tables}
    return NodeRules(tables, (), ipsets, servers, ruleset.bound)
