"""What a sync of kube-proxy makes a node's kernel forget.

Affinity goes with the rules that keep it: the kernel drops an xt_recent list with its last rule, an nftables
set or an ipvs virtual server with what was in it. Of connections only UDP ones are cut, those to a Service
that serves elsewhere: to an endpoint that is gone, or that began before there was one and were never
translated; a TCP connection to a dead pod hangs.
Source: kube-proxy 1.36 pkg/proxy/conntrack/cleanup.go; Linux 6.18 xt_recent.c.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from ipaddress import ip_address

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.endpoints import SERVICE_NAME
from svclab.kube.proxy.services import service_key
from svclab.kube.proxy.watched import watch
from svclab.kube.snapshot import Manifest
from svclab.kube.wiring import NodeRules, Real, UdpEndpoints
from svclab.linux.packet import Protocol
from svclab.linux.state import HostState


def forget_what_is_gone(state: HostState, rules: NodeRules) -> None:
    """Bring what a node remembers in line with the rules that it has now. Doing it again changes nothing."""
    _forget_affinity(state, rules)
    _cut_udp(state, rules.udp_endpoints)


def _forget_affinity(state: HostState, rules: NodeRules) -> None:
    if state.recent.lists:  # each list is named after the chain of its endpoint
        nat = rules.tables.get("nat")
        state.recent.keep_only(set(nat.chains) if nat else set())
    servers = {server.name: server for server in rules.servers}
    for name in [name for name in state.sets if name not in rules.sets]:
        server = servers.get(name)
        kept = {
            element: expiry
            for element, expiry in state.sets.pop(name).items()
            if server is not None and tuple(element[1:]) in server.real_servers
        }
        if kept:
            state.sets[name] = kept
    for name in state.turns.keys() - servers.keys():
        del state.turns[name]


def _cut_udp(state: HostState, endpoints_of: Callable[[], UdpEndpoints]) -> None:
    for entry in state.conntrack.all():
        protocol, _, _, address, port = entry.original
        if protocol is not Protocol.UDP:
            continue
        known = endpoints_of()
        for serving in (known.get((address, port)), known.get((None, port))):
            if serving and entry.reply[1:3] not in serving:
                state.conntrack.remove(entry)


def udp_endpoints(
    services: Iterable[Manifest], slices: Iterable[Manifest], config: ProxyConfig
) -> Callable[[], UdpEndpoints]:
    """Gives, per address (None: a node's) and port of UDP Services, the endpoints that serve; found once."""

    @cache
    def find() -> UdpEndpoints:
        return _find(services, slices, config)

    return find


def _find(services: Iterable[Manifest], slices: Iterable[Manifest], config: ProxyConfig) -> UdpEndpoints:
    udp = [each for each in services if _has_udp(each)]
    names = {service_key(each) for each in udp}
    watched = watch(udp, (each for each in slices if _owner(each) in names), config)
    found: dict[tuple[int | None, int], frozenset[Real]] = {}
    for ports in watched.ports.values():
        for port in ports:
            if port.protocol != "UDP":
                continue
            ends = [end for end in watched.endpoints(port) if end.serving]
            serving = frozenset((int(ip_address(end.ip)), end.port) for end in ends)
            for address in (port.cluster_ip, *(each.address for each in (*port.external_ips, *port.vips))):
                found[(int(ip_address(address)), port.port)] = serving
            if port.node_port:
                found[(None, port.node_port)] = serving
    return found


def _has_udp(service: Manifest) -> bool:
    ports: Iterable[Mapping[str, str]] = service.get("spec", {}).get("ports") or ()
    return any(port.get("protocol") == "UDP" for port in ports)


def _owner(slice_: Manifest) -> tuple[str, str]:
    metadata = slice_["metadata"]
    return metadata.get("namespace", ""), (metadata.get("labels") or {}).get(SERVICE_NAME, "")
