"""The World of each cluster, built from what its nodes have programmed, and kept while nothing has changed.

Pods, addresses and listeners are those of now; the rules of a node are those of its kube-proxy's last sync.
What a node's kernel remembers outlives both, and is read from the database when another process has sent.
"""

import hashlib
import json
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from svclab.cluster import models, starts
from svclab.cluster.hosts import OTHER_HOSTS
from svclab.cluster.memory import State
from svclab.cluster.recent import Recent
from svclab.kube.aftersync import forget_what_is_gone
from svclab.kube.nameserver import NameServers
from svclab.kube.nodememory import NodeMemory
from svclab.kube.proxied import node_rules
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.snapshot import Manifest
from svclab.kube.wiring import NodeRules, build_fabric
from svclab.kube.world import World, internet_addresses
from svclab.linux.host import Host

_LATEST = 16  # connections that are few in any case


@dataclass(slots=True)
class _Known:
    """A World, what it was built from, and how many requests and changes by hand its hosts remember."""

    world: World
    built_from: tuple[object, ...]
    past: tuple[int, int]


_worlds: Recent[UUID, _Known] = Recent(64)
_rulesets: Recent[tuple[object, ...], NodeRules] = Recent(256)
_contents: Recent[tuple[str, str], str] = Recent(1024)  # by a cluster's random seed and a digest


def world_of(cluster_id: UUID, state: State, now: datetime) -> World:
    """The cluster's World at this state, its hosts' memory reaching to the latest request.

    To be called behind the cluster's lock: the World is changed by every request that is sent in it.
    """
    known, parts = _worlds.get(cluster_id), _parts(state)
    if known is not None and known.built_from[-1] != parts[-1]:
        known = None  # the cluster was reset: nothing of the old one lives on
    if known is None or known.built_from != parts:
        before = known.world if known is not None else None
        world = built(state, before)
        world.found = partial(starts.services, cluster_id)
        known = _Known(world, parts, known.past if known is not None else (-1, -1))
        _worlds.put(cluster_id, known)
    past = (state.trace_count, state.memory_changes)
    if known.past != past:
        _remember(cluster_id, known.world, now)
        _forget_what_is_gone(state, known.world)
        known.past = past
    return known.world


def built(state: State, before: World | None = None) -> World:
    """The World of a State; connections, affinity and the name servers' caches live on from one before."""
    nodes = {node["metadata"]["name"]: node for node in state.snapshot.list("Node")}
    fabric = build_fabric(
        state.snapshot, lambda name: rules_of(state, nodes[name]), internet=internet_addresses()
    )
    for name, host in fabric.hosts.items():
        if before is not None and name in before.fabric.hosts:
            host.state = before.fabric.hosts[name].state
    modes = {memory.mode for memory in state.hosts.values()}
    mode = modes.pop() if len(modes) == 1 else state.settings.proxy_mode
    caches = before.names.caches if before is not None else {}
    world = World(state.snapshot, fabric, mode, names=NameServers(state.snapshot, caches=caches))
    _forget_what_is_gone(state, world)
    return world


def sent(cluster_id: UUID, world: World, past: tuple[int, int], now: datetime, passed: Set[str]) -> None:
    """Write down what the hosts that a request has passed in a World remember. Behind the cluster's lock.

    `past` are the cluster's counts of requests, with this one, and of changes by hand. On other hosts time
    alone has passed, and who reads their memory leaves out what has expired.
    """
    hosts = world.fabric.hosts
    texts: dict[str, str] = {}
    for name in sorted(passed & hosts.keys()):
        texts |= _texts(name, hosts[name], now)
    _write(cluster_id, world, past, texts)


def changed(cluster_id: UUID, world: World, past: tuple[int, int], now: datetime, name: str) -> None:
    """Write down what a host remembers after somebody changed it. Behind the cluster's lock; `past` as for
    `sent`.
    """
    _write(cluster_id, world, past, _whole_texts(name, world.fabric.hosts[name], now))


def _write(cluster_id: UUID, world: World, past: tuple[int, int], texts: dict[str, str]) -> None:
    known = _worlds.get(cluster_id)
    if known is not None and known.world is world:
        known.past = past
    rows = [models.HostState(cluster_id=cluster_id, node=row, kernel=text) for row, text in texts.items()]
    if rows:
        models.HostState.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["cluster", "node"], update_fields=["kernel"]
        )


def _texts(name: str, host: Host, now: datetime) -> dict[str, str]:
    """Row's name -> text, of what is to be written. A table of thousands of connections is not written whole
    for each request: the latest have a row of their own until, by their square, they outweigh the others.
    """
    table = host.state.conntrack
    if len(table.changed) ** 2 <= _LATEST**2 + len(table.entries):
        text = host.latest_text(now)
        return {_latest_name(name): text} if text else {}
    return _whole_texts(name, host, now)


def _whole_texts(name: str, host: Host, now: datetime) -> dict[str, str]:
    text = host.state_text(now)
    host.state.conntrack.changed.clear()
    return {_row_name(name): text or "{}", _latest_name(name): "{}"}


def forget(cluster_id: UUID) -> None:
    """Build the World anew at the next request, its hosts' memory read from the database."""
    _worlds.forget(cluster_id)


def rules_of(state: State, node: Manifest) -> NodeRules:
    """The rules of one node as its kube-proxy programmed them; the same content is compiled once a
    process, whoever's cluster it is in.
    """
    name = node["metadata"]["name"]
    memory = state.hosts.get(name, NodeMemory())
    mode = memory.mode
    config = ProxyConfig.for_node(node)
    key = (
        mode,
        _content_of(state, memory),
        name,
        config.node_ips,
        config.pod_cidr,
        tuple(sorted(config.topology_labels.items())),
    )
    found = _rulesets.get(key)
    if found is None:
        services = [manifest for manifest in memory.manifests if manifest["kind"] == "Service"]
        slices = [manifest for manifest in memory.manifests if manifest["kind"] == "EndpointSlice"]
        found = node_rules(mode, services, slices, config)
        _rulesets.put(key, found)
    return found


def _content_of(state: State, memory: NodeMemory) -> str:
    """A hash of all that rules are made of. The digest is not enough: it tells versions of one cluster apart,
    while clusters of one seed begin with the same uids and count their versions alike.
    """
    key = (state.settings.random_seed, memory.digest)
    found = _contents.get(key)
    if found is None:
        parts = [({**each, "metadata": _lasting(each["metadata"])}) for each in memory.manifests]
        found = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        _contents.put(key, found)
    return found


def _lasting(metadata: Manifest) -> Manifest:
    """What kube-proxy reads of an object's metadata: no times, versions and uids."""
    kept = {name: metadata.get(name) for name in ("name", "namespace", "labels")}
    annotations = {**(metadata.get("annotations") or {})}
    annotations.pop("endpoints.kubernetes.io/last-change-trigger-time", None)
    return {**kept, "annotations": annotations}


def _parts(state: State) -> tuple[object, ...]:
    digests = tuple(sorted((node, memory.digest, memory.mode) for node, memory in state.hosts.items()))
    settings = state.settings
    return (state.snapshot.resource_version, digests, settings.proxy_mode, settings.random_seed)


def _forget_what_is_gone(state: State, world: World) -> None:
    """Nodes forget what went with rules and endpoints in their kube-proxy's syncs since the last request."""
    for node in state.snapshot.list("Node"):
        host = world.fabric.hosts.get(f"node/{node['metadata']['name']}")
        if host is not None:
            forget_what_is_gone(host.state, rules_of(state, node))


def _remember(cluster_id: UUID, world: World, now: datetime) -> None:
    rows = models.HostState.objects.filter(cluster_id=cluster_id).values_list("node", "kernel")
    kernels = {node: kernel for node, kernel in rows if kernel != "{}"}
    for name, host in world.fabric.hosts.items():
        whole, latest = (json.loads(kernels.get(row(name), "{}")) for row in (_row_name, _latest_name))
        host.load_state(whole, now, latest)


def _row_name(host: str) -> str:
    """Nodes keep their own name; other hosts (the router) that of the fabric, which no node can have."""
    return host.removeprefix("node/") if host.startswith("node/") else f"{OTHER_HOSTS}{host}"


def _latest_name(host: str) -> str:
    return f"{OTHER_HOSTS}latest {host}"
