"""What kube-proxy makes of Services and EndpointSlices in each of its modes, as a node's kernel holds it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from svclab.kube.aftersync import udp_endpoints
from svclab.kube.node_rules import kernel_chains, kernel_ipvs, kernel_tables
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.iptables import compile_rules
from svclab.kube.proxy.ipvs import compile_ipvs
from svclab.kube.proxy.nftables import compile_nftables
from svclab.kube.snapshot import Manifest
from svclab.kube.wiring import NodeRules

Services = Iterable[Manifest]
Slices = Iterable[Manifest]


def _iptables(services: Services, slices: Slices, config: ProxyConfig) -> NodeRules:
    return NodeRules(kernel_tables(compile_rules(services, slices, config)))


def _nftables(services: Services, slices: Slices, config: ProxyConfig) -> NodeRules:
    table = compile_nftables(services, slices, config)
    filled = frozenset(each.name for each in table.sets if each.timeout_seconds is not None)
    return NodeRules(chains=kernel_chains(table), sets=filled)


def _ipvs(services: Services, slices: Slices, config: ProxyConfig) -> NodeRules:
    return kernel_ipvs(compile_ipvs(services, slices, config))


MODES: Mapping[str, Callable[[Services, Slices, ProxyConfig], NodeRules]] = {
    "iptables": _iptables,
    "nftables": _nftables,
    "ipvs": _ipvs,
}


def node_rules(mode: str, services: Services, slices: Slices, config: ProxyConfig) -> NodeRules:
    """The rules of one node with kube-proxy in this mode. Raises KeyError for a mode that there is not."""
    rules = MODES[mode](services, slices, config)
    return replace(rules, udp_endpoints=udp_endpoints(services, slices, config))
