"""kube-proxy's iptables mode: Services and EndpointSlices in, the node's tables out.

Source: kube-proxy 1.36, compared with recordings of the real one. Services stand in order of namespace and
name in the chains that they share (kube-proxy walks a Go map, so that order differs there from sync to
sync).
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.endpoints import Endpoint
from svclab.kube.proxy.fixed_rules import (
    ALWAYS_WRITTEN,
    BUILT_IN,
    CANARY,
    JUMPS,
    fixed_rules,
    node_port_jumps,
    setting,
)
from svclab.kube.proxy.policy import choose
from svclab.kube.proxy.port_rules import NodeMatches, PortRules, port_rules
from svclab.kube.proxy.rules import ChainKey, ProxyTable, Source, Sources, Texts
from svclab.kube.proxy.services import ServicePort
from svclab.kube.proxy.watched import Watched, watch
from svclab.kube.snapshot import Key, Manifest

LARGE_CLUSTER = 1000  # endpoints; with more, comments of endpoint rules are left out
PortEndpoints = list[tuple[ServicePort, tuple[Endpoint, ...]]]
LAST_CHAIN = ("nat", "KUBE-SERVICES")


def compile_rules(services: Iterable[Manifest], slices: Iterable[Manifest], config: ProxyConfig) -> "Ruleset":
    """The rules that kube-proxy in iptables mode writes on the node of `config` on a full sync."""
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
        self._texts: dict[str, dict[str, Texts]] = {name: {} for name in BUILT_IN}
        self._sources: dict[str, dict[str, Sources]] = {name: {} for name in BUILT_IN}
        self._write_fixed()
        self._rewrite_all()

    @property
    def tables(self) -> tuple[ProxyTable, ...]:
        """What the node's kernel holds: mangle, filter and nat with built-in chains, jumps and the canary
        chain.

        The tables follow later calls of `follow`.
        """
        return tuple(
            ProxyTable(name, built_in, self._texts[name], self._sources[name])
            for name, built_in in BUILT_IN.items()
        )

    @property
    def written(self) -> dict[str, dict[str, Texts]]:
        """The chains that go through iptables-restore on a full sync, by table, in the order they are named
        there.
        """
        kept = {"filter": {CANARY, *BUILT_IN["filter"]}, "nat": {CANARY, *BUILT_IN["nat"]}}
        if not self.config.loopback_node_ports:
            kept["filter"].add("KUBE-FIREWALL")  # exists for the sake of its jumps only
        return {
            table: {chain: texts for chain, texts in self._texts[table].items() if chain not in kept[table]}
            for table in ("filter", "nat")
        }

    def restore_text(self) -> str:
        """What kube-proxy hands to `iptables-restore --noflush` on a full sync."""
        lines = []
        for table, chains in self.written.items():
            lines.append(f"*{table}")
            lines.extend(f":{chain} - [0:0]" for chain in chains)
            lines.extend(f"-A {chain} {text}" for chain, texts in chains.items() for text in texts)
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
            return self._rewrite_all()
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
        texts, sources = self._texts["nat"], self._sources["nat"]
        before = {name: text for part in old for name, text in part.texts.items()}
        after = {name: text for part in new for name, text in part.texts.items()}
        for name in before.keys() - after.keys():
            del texts[name], sources[name]
        texts.update(after)
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

    def _rewrite_all(self) -> frozenset[ChainKey]:
        """A full sync: every Service's chains."""
        watched = self._watched
        before = {("nat", name) for parts in self._parts.values() for part in parts for name in part.texts}
        for _, name in before:
            del self._texts["nat"][name], self._sources["nat"][name]
        found = {key: self._ports(key) for key in self._endpoints.keys() | watched.ports.keys()}
        self._order = sorted(watched.ports)
        self._parts = {key: self._compile(found[key]) for key in self._order}
        texts, sources = self._texts["nat"], self._sources["nat"]
        for parts in self._parts.values():
            for part in parts:
                texts.update(part.texts)
                sources.update(part.sources)
        shared = {(table, chain) for table, chains in ALWAYS_WRITTEN.items() for chain in chains}
        for key in shared - fixed_rules(self.config).keys():
            self._write_shared(key)
        return frozenset(before | shared | {("nat", name) for name in texts})

    def _write_fixed(self) -> None:
        """Built-in chains, jumps, the canary and the chains that hold the same rules on every sync."""
        fixed = fixed_rules(self.config)
        for table, built_in in BUILT_IN.items():
            texts, sources = self._texts[table], self._sources[table]
            for chain in built_in:
                texts[chain], sources[chain] = JUMPS.get((table, chain), ()), setting("")
            texts[CANARY] = ()
            for chain in ALWAYS_WRITTEN.get(table, ()):
                rules = fixed.get((table, chain), ())
                texts[chain] = tuple(text for _, text in rules)
                sources[chain] = tuple(setting(field) for field, _ in rules)
        firewall = fixed.get(("filter", "KUBE-FIREWALL"), ())
        self._texts["filter"]["KUBE-FIREWALL"] = tuple(text for _, text in firewall)
        self._sources["filter"]["KUBE-FIREWALL"] = tuple(setting(field) for field, _ in firewall)

    def _write_shared(self, key: ChainKey) -> None:
        """One chain in which all Services have entries."""
        table, chain = key
        entries = [
            entry
            for service in self._order
            for part in self._parts[service]
            for entry in part.shared.get(key, ())
        ]
        last = node_port_jumps(self.config) if key == LAST_CHAIN else ()
        sources: list[Source] = [origin for _, origin in entries]
        self._texts[table][chain] = (*(text for text, _ in entries), *last)
        self._sources[table][chain] = (*sources, *(setting("nodePortAddresses") for _ in last))


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
