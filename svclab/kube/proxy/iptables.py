"""kube-proxy's iptables mode: Services and EndpointSlices in, the node's tables out.

Source: kube-proxy 1.36, compared with recordings of the real one. Services are walked by namespace and name
(kube-proxy walks a Go map, so the order of entries in the shared chains differs there from sync to sync).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.endpoints import Endpoint, PortName, merged, slice_endpoints, slice_service
from svclab.kube.proxy.fixed_rules import (
    ALWAYS_WRITTEN,
    BUILT_IN,
    CANARY,
    fixed_rules,
    jump_rules,
    node_port_jumps,
)
from svclab.kube.proxy.policy import choose
from svclab.kube.proxy.port_rules import NodeMatches, PortRules, port_rules
from svclab.kube.proxy.rules import ChainKey, ProxyRule, ProxyTable, restore_lines
from svclab.kube.proxy.services import ServicePort, service_key, service_ports
from svclab.kube.snapshot import Key, Manifest

LARGE_CLUSTER = 1000  # endpoints; with more, comments of endpoint rules are left out


@dataclass(frozen=True)
class Ruleset:
    """The rules of one node: what kube-proxy wrote for each Service, and what it always writes."""

    config: ProxyConfig
    parts: tuple[PortRules, ...]

    @cached_property
    def written(self) -> dict[str, dict[str, tuple[ProxyRule, ...]]]:
        """The chains that go through iptables-restore, by table, in the order in which they are named
        there.
        """
        fixed = fixed_rules(self.config)
        chains: dict[str, dict[str, tuple[ProxyRule, ...]]] = {}
        for table, names in ALWAYS_WRITTEN.items():
            chains[table] = {name: fixed.get((table, name)) or self._shared(table, name) for name in names}
        if ("filter", "KUBE-FIREWALL") in fixed:
            chains["filter"]["KUBE-FIREWALL"] = fixed["filter", "KUBE-FIREWALL"]
        for part in self.parts:
            chains["nat"].update(part.chains)
        return chains

    @cached_property
    def tables(self) -> tuple[ProxyTable, ...]:
        """What the node's kernel holds: mangle, filter and nat with built-in chains, jumps and the canary
        chain.
        """
        jumps = jump_rules()
        tables = []
        for name, built_in in BUILT_IN.items():
            own = {CANARY: (), **self.written.get(name, {})}
            if name == "filter":
                own.setdefault("KUBE-FIREWALL", ())  # made for its jumps, even where it stays empty
            chains = {chain: jumps[name, chain] for chain in built_in}
            tables.append(ProxyTable(name, chains | {chain: own[chain] for chain in sorted(own)}))
        return tuple(tables)

    def restore_text(self) -> str:
        """What kube-proxy hands to `iptables-restore --noflush` on a full sync."""
        lines = [
            line for table, chains in self.written.items() for line in restore_lines(table, chains.items())
        ]
        return "\n".join(lines) + "\n"

    def _shared(self, table: str, chain: str) -> tuple[ProxyRule, ...]:
        key: ChainKey = (table, chain)
        rules = [rule for part in self.parts for rule in part.shared.get(key, ())]
        if key == ("nat", "KUBE-SERVICES"):
            rules.extend(node_port_jumps(self.config))
        return tuple(rules)


def compile_rules(services: Iterable[Manifest], slices: Iterable[Manifest], config: ProxyConfig) -> Ruleset:
    """The rules that kube-proxy in iptables mode writes on the node of `config` on a full sync."""
    ports = [port for service in sorted(services, key=service_key) for port in service_ports(service, config)]
    endpoints = endpoints_of(ports, slices, config)
    node = NodeMatches.of(config, short=sum(map(len, endpoints)) > LARGE_CLUSTER)
    return Ruleset(
        config,
        tuple(
            port_rules(port, choose(port, ends, config), node)
            for port, ends in zip(ports, endpoints, strict=True)
        ),
    )


def endpoints_of(
    ports: Iterable[ServicePort], slices: Iterable[Manifest], config: ProxyConfig
) -> list[tuple[Endpoint, ...]]:
    """For each Service port its endpoints in kube-proxy's order: those of its slices with the same name and
    protocol.
    """
    by_service: dict[Key, list[dict[PortName, list[Endpoint]]]] = {}
    for slice_ in slices:
        key = slice_service(slice_, config)
        if key:
            by_service.setdefault(key, []).append(slice_endpoints(slice_, config))
    return [merged(_matching(port, by_service.get((port.namespace, port.service), ()))) for port in ports]


def _matching(port: ServicePort, slices: Iterable[dict[PortName, list[Endpoint]]]) -> Iterator[Endpoint]:
    for found in slices:
        yield from found.get((port.name, port.protocol), ())
