"""`manage.py engine trace`: all ends of requests, as rows of JSON in the recordings' form.

Pods answer on the ports under which EndpointSlices name them, whatever their images, and on those that
their images are known to serve.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from svclab.cluster.importing import BadFile
from svclab.dns.name import parse_address
from svclab.kube.dnsanswers import is_laid_out, look_up
from svclab.kube.listeners import Listening, endpoint_ports, listeners_of
from svclab.kube.possible import forgetting, possible_outcomes
from svclab.kube.proxied import node_rules
from svclab.kube.proxy.config import ProxyConfig, service_ranges
from svclab.kube.request import BadTarget, Request, read_target, send
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.kube.surroundings import STANDARD_CLIENTS
from svclab.kube.wiring import NodeRules, build_fabric, pod_address
from svclab.kube.world import World, internet_addresses
from svclab.linux.dice import Dice
from svclab.linux.outcomes import PossibleOutcome
from svclab.linux.packet import Protocol
from svclab.linux.trace import Outcome, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)  # nothing here ages; every request starts at the same moment
Row = dict[str, Any]
VERDICTS = """\
Each end has a code and a verdict: answered, refused (the client is told at once), timeout (it waits in vain).
  answered  OK
  refused   REJECTED     a rule answered with ICMP port unreachable, e.g. no endpoints
            RESET        the host was reached, and nothing listens on that port
            DENIED       the sending node's own OUTPUT chain refused the system call (EPERM)
            UNREACHABLE  no route: the sender is told
            NXDOMAIN, NODATA, SERVFAIL   the name gave no address; no connection was tried
  timeout   DROPPED      a rule discarded the packet silently
            UNROUTED     no rule wanted it, and its route leads nowhere that answers
            ASYMMETRIC   answered, but on a path on which nobody undoes the NAT
            DNS-TIMEOUT  no name server answered
A protocol may hear less: SCTP takes no ICMP error as its end, so a REJECTED association times out; a UDP
socket is not told that an address is UNREACHABLE.
What curl prints: the body for OK; for REJECTED, RESET and UNREACHABLE "Couldn't connect to server" at once
(exit 7); for DROPPED, UNROUTED and ASYMMETRIC a time-out (exit 28); for the codes of names "Could not
resolve host" (exit 6). A program that sends datagrams prints "Operation not permitted" for DENIED.
"""


def trace_text(snapshot: Snapshot, requests: str, *, events: bool, seed: str, mode: str = "iptables") -> str:
    """For each request `{"from", "to", "protocol", "via"}` of a JSON list its possible ends, as a JSON list.

    With `events` also the trace of one run, whose draws `seed` and the request's place in the list decide.
    Each request starts with hosts that remember nothing. With "via" the router hands the packet to that node
    as it is, even if the address is one for which it would itself be the load balancer (`ipMode: Proxy`).
    Raises BadFile for a list or a request that it cannot use.
    """
    rows = _read(requests)
    world = handing = world_of(snapshot, mode, _clients(rows))
    if _has_proxied(snapshot) and any(row.get("via") for row in rows):
        handing = world_of(snapshot, mode, _clients(rows), router_proxies=False)
    found = []
    for number, row in enumerate(rows, 1):
        there = handing if row.get("via") else world
        try:
            found.append(_traced(there, _request(there, row), f"{seed}/{number}", events=events))
        except (BadFile, BadTarget) as error:
            raise BadFile(f"standard input: item {number}: {error}") from None
    return json.dumps(found, indent=1) + "\n"


def _has_proxied(snapshot: Snapshot) -> bool:
    """Is there an address for which the router is the load balancer?"""
    status = ((service.get("status") or {}).get("loadBalancer") or {} for service in snapshot.list("Service"))
    return any(point.get("ipMode") == "Proxy" for each in status for point in each.get("ingress") or ())


def world_of(snapshot: Snapshot, mode: str, clients: Mapping[str, str], router_proxies: bool = True) -> World:
    """The cluster with fresh hosts and kube-proxy's rules; `clients` are more machines outside, by name."""
    services, slices = snapshot.list("Service"), snapshot.list("EndpointSlice")
    nodes = {node["metadata"]["name"]: node for node in snapshot.list("Node")}
    served = endpoint_ports(slices)
    ranges = service_ranges(snapshot.list("ServiceCIDR"))
    # A client that is named by its address takes the place of the standard one that has it.
    others = {name: ip for name, ip in STANDARD_CLIENTS.items() if ip not in clients.values()}

    def listening(pod: Manifest) -> Listening:
        return {**served.get(str(pod_address(pod)), {}), **listeners_of(pod)}

    def rules_of(name: str) -> NodeRules:
        config = ProxyConfig.for_node(nodes[name], service_cidr=ranges)
        return node_rules(mode, services, slices, config)

    fabric = build_fabric(
        snapshot,
        rules_of,
        clients={**others, **clients},
        internet=internet_addresses(),
        listeners=listening,
        router_proxies=router_proxies,
    )
    return World(snapshot, fabric, mode)


def _read(text: str) -> list[Row]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"standard input: not JSON ({error})") from None
    if not isinstance(rows, list):
        raise BadFile("standard input: expected a JSON list of requests")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise BadFile(f"standard input: item {number} is not an object")
    return rows


def _traced(world: World, request: Request, seed: str, *, events: bool) -> Row:
    host = read_target(request.target).host
    # A file of some namespaces has no name server to send packets to; a pod asks its CoreDNS directly.
    asks_coredns = parse_address(host) is None and request.source.startswith("pod/")
    if asks_coredns and not is_laid_out(world.snapshot, request.source):
        found = look_up(world.snapshot, request.source, host, lambda: world, Dice(seed), NOW)["result"]
        address = next((address for address in found["addresses"] if ":" not in address), None)
        if address is None:
            code = Outcome.NODATA.value if found["ok"] else found["code"]
            end = PossibleOutcome(Verdict.ERROR, None, None, Fraction(1), Outcome(code))
            return {"outcomes": [_as_row(end)]}
        request = Request(
            request.source, request.target, None, request.protocol, request.via, address=address
        )
    row: Row = {"outcomes": [_as_row(end) for end in possible_outcomes(world, request, NOW)]}
    if events:
        with forgetting(world.fabric):
            row["trace"] = send(world, request, Dice(seed), NOW).as_json()
    return row


def _as_row(end: PossibleOutcome) -> Row:
    return {
        "verdict": _verdict(end).value,
        "endpoint": end.endpoint,
        "source_seen": end.source_seen,
        "probability": float(end.probability),
        "code": end.code.value,
    }


def _verdict(end: PossibleOutcome) -> Verdict:
    """Of the three in a recording. A call that fails at once is as good as refused, but for names without
    any name server: that is only known after all its time-outs.
    """
    if end.verdict is not Verdict.ERROR:
        return end.verdict
    return Verdict.TIMEOUT if end.code is Outcome.DNS_TIMEOUT else Verdict.REFUSED


def _clients(rows: list[Row]) -> dict[str, str]:
    """Machines outside that the requests name by their address."""
    named = [_host(row.get("from")) for row in rows]
    return {name: name for kind, name in named if kind == "client" and parse_address(name)}


def _host(text: Any) -> tuple[str, str]:
    """("pod", "demo/web") of "pod demo/web" or "pod/demo/web"; two empty texts if it is neither."""
    if not isinstance(text, str):
        return "", ""
    kind, _, name = text.strip().replace(" ", "/", 1).partition("/")
    return kind, name


def _request(world: World, row: Row) -> Request:
    kind, name = _host(row.get("from"))
    if kind not in ("pod", "node", "client") or not name:
        raise BadFile('from must be "pod NAMESPACE/NAME", "node NAME" or "client ADDRESS"')
    try:
        world.fabric.host(f"{kind}/{name}")
    except KeyError:
        raise BadFile(f"there is no {kind} {name}, or it has no address") from None
    target, protocol, via = row.get("to"), row.get("protocol") or "TCP", row.get("via")
    if not isinstance(target, str) or not target:
        raise BadFile("to must be a URL, a name, or an address with its port")
    if not isinstance(protocol, str) or protocol.upper() not in list(Protocol):
        raise BadFile(f"protocol must be one of {', '.join(Protocol)}")
    if via is not None and f"node/{via}" not in world.fabric.via:
        raise BadFile(f"via is not the name of a node: {via}")
    return Request(
        f"{kind}/{name}",
        target,
        protocol=Protocol(protocol.upper()),
        via=f"node/{via}" if via is not None else None,
    )
