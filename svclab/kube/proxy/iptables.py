"""kube-proxy's iptables mode: Services and EndpointSlices in, the node's tables out.

Source: kube-proxy 1.36, compared with recordings of the real one. Services stand in order of namespace and
name in the chains that they share (kube-proxy walks a Go map, so that order differs there from sync to
sync).
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping

from svclab import collector
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.endpoints import Endpoint
from svclab.kube.proxy.fixed_rules import (
    ALWAYS_WRITTEN,
    BUILT_IN,
    CANARY,
    JUMPS,
    Setting,
    fixed_rules,
    node_port_jumps,
    setting,
)
from svclab.kube.proxy.policy import choose
from svclab.kube.proxy.port_rules import NodeMatches, PortRules, port_rules
from svclab.kube.proxy.rules import Block, ChainKey, ProxyTable, Sources, block_of
from svclab.kube.proxy.services import ServicePort
from svclab.kube.proxy.watched import Watched, watch
from svclab.kube.snapshot import Key, Manifest

LARGE_CLUSTER = 1000  # endpoints; with more, comments of endpoint rules are left out
PortEndpoints = list[tuple[ServicePort, tuple[Endpoint, ...]]]
LAST_CHAIN = ("nat", "KUBE-SERVICES")


def compile_rules(services: Iterable[Manifest], slices: Iterable[Manifest], config: ProxyConfig) -> "Ruleset":
    """The rules that kube-proxy in iptables mode writes on the node of `config` on a full sync."""
    with collector.paused():  # a large cluster is half a million objects: a third of the time
        return Ruleset(watch(services, slices, config))


class Ruleset:
    """The rules of one node, kept up with what kube-proxy watches.

    A change rewrites the chains of the Services that it touches and nothing else. Unlike kube-proxy, which
    leaves old comments standing until the next full sync, crossing the limit of a large cluster rewrites
    everything.
    """

    def __init__(self, watched: Watched) -> None:
        self.config = watched.config
        self._watched = watched
        self._node = NodeMatches.of(self.config, short=False)
        self._node_of_large = NodeMatches.of(self.config, short=True)
        self._parts: dict[Key, tuple[PortRules, ...]] = {}
        self._order: list[Key] = []  # of the Services with parts
        self._endpoints: dict[Key, int] = {}
        self._endpoint_count = 0
        self._blocks: dict[str, dict[str, Block]] = {name: {} for name in BUILT_IN}
        self._sources: dict[str, dict[str, Sources]] = {name: {} for name in BUILT_IN}
        self._fixed = fixed_rules(self.config)
        self._write_fixed()
        self._rewrite_all()

    @property
    def tables(self) -> tuple[ProxyTable, ...]:
        """What the node's kernel holds: mangle, filter and nat with built-in chains, jumps and the canary
        chain.

        The tables follow later calls of `follow`.
        """
        return tuple(
            ProxyTable(name, built_in, self._blocks[name], self._sources[name])
            for name, built_in in BUILT_IN.items()
        )

    @property
    def written(self) -> dict[str, dict[str, Block]]:
        """The chains that go through iptables-restore on a full sync, by table, in the order they are named
        there.
        """
        kept = {"filter": {CANARY, *BUILT_IN["filter"]}, "nat": {CANARY, *BUILT_IN["nat"]}}
        if not self.config.loopback_node_ports:
            kept["filter"].add("KUBE-FIREWALL")  # exists for the sake of its jumps only
        written = {table: dict(self._blocks[table]) for table in kept}
        for table, chains in kept.items():
            for chain in chains:
                del written[table][chain]
        return written

    def restore_text(self) -> str:
        """What kube-proxy hands to `iptables-restore --noflush` on a full sync."""
        lines = []
        for table, chains in self.written.items():
            lines.append(f"*{table}")
            lines += [f":{chain} - [0:0]" for chain in chains]
            lines += filter(None, chains.values())
            lines.append("COMMIT")
        return "\n".join(lines) + "\n"

    def follow(self, services: Mapping[Key, Manifest], slices: Mapping[Key, Manifest]) -> frozenset[ChainKey]:
        """Sync with all objects as they are now; the chains that were written, made or deleted thereby."""
        return self.rewrite(self._watched.follow(services, slices))

    def rewrite(self, services: Iterable[Key]) -> frozenset[ChainKey]:
        """Write the chains of these Services anew; the chains that were written, made or deleted."""
        was_large = self._is_large
        found = {key: self._ports(key) for key in sorted(services)}
        if self._is_large != was_large:
            before = self._own_chains()
            self._rewrite_all()
            return frozenset(before | self._own_chains() | self._shared_chains())
        changed: set[ChainKey] = set()
        shared: set[ChainKey] = set()
        for key, ports in found.items():
            old, new = self._parts.get(key, ()), self._compile(ports)
            changed |= self._replace(key, old, new)
            shared |= _differing(old, new)
        for chain in shared:
            self._write_shared(chain)
        return frozenset(changed | shared)

    @property
    def _is_large(self) -> bool:
        return self._endpoint_count > LARGE_CLUSTER

    def _ports(self, key: Key) -> PortEndpoints:
        """A Service's ports with all their endpoints, ready or not; counts the endpoints."""
        watched = self._watched
        ports = [(port, watched.endpoints(port)) for port in watched.ports.get(key, ())]
        count = sum(len(endpoints) for _, endpoints in ports)
        self._endpoint_count += count - self._endpoints.get(key, 0)
        self._endpoints[key] = count
        return ports

    def _compile(self, ports: PortEndpoints) -> tuple[PortRules, ...]:
        node = self._node_of_large if self._is_large else self._node
        return tuple(
            port_rules(port, choose(port, endpoints, self.config), node) for port, endpoints in ports
        )

    def _replace(self, key: Key, old: tuple[PortRules, ...], new: tuple[PortRules, ...]) -> set[ChainKey]:
        """Put a Service's new chains in the place of its old ones; those that differ."""
        blocks, sources = self._blocks["nat"], self._sources["nat"]
        before = {name: block for part in old for name, block in part.blocks.items()}
        after = {name: block for part in new for name, block in part.blocks.items()}
        for name in before.keys() - after.keys():
            del blocks[name], sources[name]
        blocks.update(after)
        for part in new:
            sources.update(part.sources)
        self._remember(key, new)
        return {("nat", name) for name in before.keys() | after.keys() if before.get(name) != after.get(name)}

    def _remember(self, key: Key, parts: tuple[PortRules, ...]) -> None:
        if parts and key not in self._parts:
            insort(self._order, key)
        elif not parts and key in self._parts:
            del self._order[bisect_left(self._order, key)]
        if parts:
            self._parts[key] = parts
        else:
            self._parts.pop(key, None)

    def _rewrite_all(self) -> None:
        """A full sync: every Service's chains."""
        blocks, sources = self._blocks["nat"], self._sources["nat"]
        for part in self._all_parts():
            for name in part.blocks:
                del blocks[name], sources[name]
        found = {key: self._ports(key) for key in self._endpoints.keys() | self._watched.ports.keys()}
        self._order = sorted(self._watched.ports)
        self._parts = {key: self._compile(found[key]) for key in self._order}
        for part in self._all_parts():
            blocks.update(part.blocks)
            sources.update(part.sources)
        for key in self._shared_chains():
            self._write_shared(key)

    def _own_chains(self) -> set[ChainKey]:
        return {("nat", name) for part in self._all_parts() for name in part.blocks}

    def _shared_chains(self) -> set[ChainKey]:
        always = {(table, chain) for table, chains in ALWAYS_WRITTEN.items() for chain in chains}
        return always - self._fixed.keys()

    def _all_parts(self) -> Iterator[PortRules]:
        return (part for parts in self._parts.values() for part in parts)

    def _write_fixed(self) -> None:
        """Built-in chains, jumps, the canary and the chains that hold the same rules on every sync."""
        for table, built_in in BUILT_IN.items():
            for chain in built_in:
                self._write(table, chain, [("", text) for text in JUMPS.get((table, chain), ())])
            self._write(table, CANARY, ())
            for chain in ALWAYS_WRITTEN.get(table, ()):
                self._write(table, chain, ())
        self._write("filter", "KUBE-FIREWALL", ())  # made for its jumps, even where it stays empty
        for (table, chain), rules in self._fixed.items():
            self._write(table, chain, rules)

    def _write(self, table: str, chain: str, rules: Iterable[Setting]) -> None:
        self._blocks[table][chain] = block_of(chain, (text for _, text in rules))
        self._sources[table][chain] = tuple(setting(field) for field, _ in rules)

    def _write_shared(self, key: ChainKey) -> None:
        """One chain in which all Services have entries."""
        table, chain = key
        entries = [
            entry
            for service in self._order
            for part in self._parts[service]
            for entry in part.shared.get(key, ())
        ]
        if key == LAST_CHAIN:
            entries += [(text, setting("nodePortAddresses")) for text in node_port_jumps(self.config)]
        self._blocks[table][chain] = block_of(chain, (text for text, _ in entries))
        self._sources[table][chain] = tuple(origin for _, origin in entries)


def _differing(old: tuple[PortRules, ...], new: tuple[PortRules, ...]) -> set[ChainKey]:
    """The shared chains in which a Service's entries are not what they were."""
    before, after = _entries(old), _entries(new)
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def _entries(parts: tuple[PortRules, ...]) -> dict[ChainKey, list[tuple]]:
    entries: dict[ChainKey, list[tuple]] = {}
    for part in parts:
        for key, found in part.shared.items():
            entries.setdefault(key, []).extend(found)
    return entries
