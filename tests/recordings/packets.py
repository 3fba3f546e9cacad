"""Recorded connections: who asked whom, and our engine's word on the same request."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from svclab.kube.node_rules import kernel_chains, kernel_ipvs, kernel_tables
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.iptables import compile_rules
from svclab.kube.proxy.ipvs import compile_ipvs
from svclab.kube.proxy.nftables import compile_nftables
from svclab.kube.snapshot import Snapshot
from svclab.kube.wiring import NodeRules, build_fabric
from svclab.linux.dice import Dice
from svclab.linux.fabric import Fabric
from svclab.linux.iptables.rules import Table
from svclab.linux.iptables.save import parse_save
from svclab.linux.netfilter import BaseChain
from svclab.linux.nftables.table import base_chains, parse_table
from svclab.linux.outcomes import PossibleOutcome, outcomes
from svclab.linux.packet import Protocol
from svclab.linux.trace import Outcome
from tests.recordings.cases import node_of, objects_of, recording, recording_names

Row = dict[str, Any]


def rows() -> list[tuple[str, int]]:
    """Every recorded connection as (recording, number)."""
    return [(name, i) for name in recording_names() for i in range(len(recording(name)["packets"]))]


def clients_of(recorded: Mapping[str, Any]) -> dict[str, str]:
    """The machines outside, named by their address."""
    sources = (row["from"].split(" ", 1) for row in recorded["packets"])
    return {name: name for kind, name in sources if kind == "client"}


def fabric_with_recorded_rules(name: str) -> Fabric:
    """The recorded cluster, each node with the rules that its kube-proxy wrote, nothing remembered."""
    recorded = recording(name)
    return build_fabric(
        _snapshot(name),
        lambda node: _recorded_tables(name)[node],
        clients=clients_of(recorded),
        every_endpoint_answers=True,
    )


def fabric_with_our_rules(name: str) -> Fabric:
    """The recorded cluster, each node with the rules that our kube-proxy writes for it."""
    clients = clients_of(recording(name))
    return build_fabric(
        _snapshot(name), lambda node: _our_tables(name, node), clients=clients, every_endpoint_answers=True
    )


def fabric_with_recorded_nftables(name: str) -> Fabric:
    """The recorded cluster in nftables mode, each node with the table that nft listed."""
    return _nftables_fabric(name, _recorded_chains)


def fabric_with_our_nftables(name: str) -> Fabric:
    """The recorded cluster in nftables mode, each node with the table that our kube-proxy writes for it."""
    return _nftables_fabric(name, _our_chains)


def fabric_with_our_ipvs(name: str) -> Fabric:
    """The recorded cluster in ipvs mode, each node with what our kube-proxy makes for it."""
    return build_fabric(
        _snapshot(name),
        lambda node: _our_ipvs(name, node),
        clients=clients_of(recording(name)),
        every_endpoint_answers=True,
    )


def _nftables_fabric(name: str, chains_of: Callable[[str, str], tuple[BaseChain, ...]]) -> Fabric:
    return build_fabric(
        _snapshot(name),
        lambda node: NodeRules(chains=chains_of(name, node)),
        clients=clients_of(recording(name)),
        every_endpoint_answers=True,
    )


@cache
def _recorded_chains(name: str, node: str) -> tuple[BaseChain, ...]:
    table, sets, chains, version = parse_table(recording(name)["nftables"][node])
    return base_chains(table, sets, chains, version)


@cache
def _our_chains(name: str, node: str) -> tuple[BaseChain, ...]:
    config = ProxyConfig.for_node(node_of(name, node))
    services, slices = objects_of(name, "Service"), objects_of(name, "EndpointSlice")
    return kernel_chains(compile_nftables(services, slices, config))


@cache
def _our_ipvs(name: str, node: str) -> NodeRules:
    config = ProxyConfig.for_node(node_of(name, node))
    return kernel_ipvs(compile_ipvs(objects_of(name, "Service"), objects_of(name, "EndpointSlice"), config))


@cache
def _our_tables(name: str, node: str) -> Mapping[str, Table]:
    config = ProxyConfig.for_node(node_of(name, node))
    return kernel_tables(
        compile_rules(objects_of(name, "Service"), objects_of(name, "EndpointSlice"), config)
    )


@cache
def _snapshot(name: str) -> Snapshot:
    return Snapshot.of(recording(name)["objects"])


@cache
def _recorded_tables(name: str) -> dict[str, Any]:
    return {node: parse_save(text) for node, text in recording(name)["iptables"].items()}


def possible(fabric: Fabric, row: Row) -> list[PossibleOutcome]:
    """All ends of a row's request, as the engine sees it."""
    source = row["from"].replace(" ", "/", 1)
    address, _, port = row["to"].rpartition(":")
    via = f"node/{row['via']}" if row["via"] else None
    packet = fabric.first_packet(
        source, ip_address(address), int(port), Protocol(row["protocol"]), Dice("recorded")
    )
    return outcomes(fabric, source, packet, via)


def answer(outcome: PossibleOutcome) -> str:
    """An outcome in the recording's words."""
    if outcome.endpoint:
        return outcome.endpoint
    return "errno-1" if outcome.code is Outcome.DENIED else outcome.verdict.value


def sources_seen(found: list[PossibleOutcome]) -> dict[str, set[str]]:
    """Per answering endpoint the source addresses that it sees."""
    seen: dict[str, set[str]] = defaultdict(set)
    for outcome in found:
        if outcome.endpoint and outcome.source_seen:
            seen[outcome.endpoint].add(outcome.source_seen)
    return dict(seen)


def is_sticky(name: str, row: Row) -> bool:
    """Whether the Service asked keeps a client with its endpoint."""
    address, _, port = row["to"].rpartition(":")
    for service in _snapshot(name).list("Service"):
        spec = service["spec"]
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
        addresses = {
            *spec.get("clusterIPs", ()),
            *spec.get("externalIPs", ()),
            *(i.get("ip") for i in ingress),
        }
        ports = {p["port"] for p in spec.get("ports", ())} if address in addresses else set()
        node_ports = {p.get("nodePort") for p in spec.get("ports", ())}
        if int(port) in ports | node_ports:
            return spec.get("sessionAffinity") == "ClientIP"
    return False


def has_local_policy(name: str, row: Row) -> bool:
    """Whether the address asked belongs to a Service whose traffic policy for it is Local."""
    address, _, text = row["to"].rpartition(":")
    port = int(text)
    for service in _snapshot(name).list("Service"):
        spec = service["spec"]
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
        external = {*spec.get("externalIPs", ()), *(each.get("ip") for each in ingress)}
        ports = [p for p in spec.get("ports", ()) if p.get("protocol", "TCP") == row["protocol"]]
        if address in spec.get("clusterIPs", ()) and any(p["port"] == port for p in ports):
            return spec.get("internalTrafficPolicy") == "Local"
        if any(p.get("nodePort") == port or (p["port"] == port and address in external) for p in ports):
            return spec.get("externalTrafficPolicy") == "Local"
    return False


def node_of_endpoint(name: str, endpoint: str) -> str:
    """The node on which the pod with this address and port runs."""
    ip = endpoint.rpartition(":")[0]
    for pod in _snapshot(name).list("Pod"):
        if pod["status"].get("podIP") == ip:
            return str(pod["spec"]["nodeName"])
    raise KeyError(endpoint)


def refused_ranges(name: str, row: Row) -> bool:
    """Whether the row asks a load balancer address of a Service that does not admit the client's address."""
    address, _, port = row["to"].rpartition(":")
    source = row["from"].split(" ", 1)
    pod = _snapshot(name).get("Pod", *source[1].split("/")) if source[0] == "pod" else None
    client = ip_address(pod["status"]["podIP"] if pod else source[1]) if source[0] != "node" else None
    for service in _snapshot(name).list("Service"):
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
        ranges = service["spec"].get("loadBalancerSourceRanges") or ()
        ports = {p["port"] for p in service["spec"].get("ports", ())}
        if ranges and client and int(port) in ports and address in {i.get("ip") for i in ingress}:
            return all(client not in ip_network(each) for each in ranges)
    return False


def chi_square_p(observed: list[int], expected: list[float]) -> float:
    """The chance of a deviation at least as large, for counts that really follow `expected`."""
    if len(observed) < 2:
        return 1.0
    statistic = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    return _upper_gamma((len(observed) - 1) / 2, statistic / 2)


def _upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function Q(a, x), by its series; good to 10 digits for x
    < 200.
    """
    if x <= 0:
        return 1.0
    term = total = 1 / a
    n = a
    while term > total * 1e-14:
        n += 1
        term *= x / n
        total += term
    return max(0.0, 1 - total * math.exp(-x + a * math.log(x) - math.lgamma(a)))
