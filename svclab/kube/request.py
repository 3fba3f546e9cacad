"""One request as a client program makes it: look the name up, connect, ask; told as a Trace.

Words at the end are those of curl 7.88, and of nc and ping for what is not TCP.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from svclab.dns.name import parse_address
from svclab.dns.resolver import Finding
from svclab.kube.nameserver import Asker, resolver_setup
from svclab.kube.webserver import HttpResponse, web_response
from svclab.kube.world import World
from svclab.linux.dice import Dice
from svclab.linux.exchange import Exchange
from svclab.linux.fabric import NoAddress
from svclab.linux.packet import Protocol
from svclab.linux.trace import Death, End, Flow, Outcome, Trace, Verdict

SCHEME_PORTS = {"http": 80, "https": 443}
CONNECT_GIVES_UP = timedelta(seconds=131)  # Linux: tcp_syn_retries 6
DATAGRAM_GIVES_UP = timedelta(seconds=5)


class BadTarget(ValueError):
    """The target is no URL, name or address that a client could use."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks whom. `target`: a URL, `HOST[:PORT]`, a name or an IPv4 address; `port` wins over its port.

    `via`: the node (`node/NAME`) to which the router hands the packet. `container`: in which the client runs,
    by default the pod's first. `resolver`: the library that looks the name up, None for the one of the
    source's image. `timeout_seconds`: after which the client gives up, None for its own; with
    `limits_lookup` it gives up looking up, too (curl). `address`: connect there and look nothing up (curl
    --resolve).
    """

    source: str
    target: str
    port: int | None = None
    protocol: Protocol = Protocol.TCP
    via: str | None = None
    resolver: str | None = None
    container: str | None = None
    method: str = "GET"
    timeout_seconds: float | None = None
    limits_lookup: bool = False
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A request's target taken apart."""

    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that has run: its trace, what the server said, and how long the client waited."""

    trace: Trace
    target: Target
    response: HttpResponse | None
    address: str | None
    duration: timedelta
    exchange: Exchange | None


def read_target(text: str, port: int | None = None) -> Target:
    """Take a target apart. Raises BadTarget with a sentence."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts: SplitResult = urlsplit(url)
        given = parts.port
    except ValueError as error:
        raise BadTarget(f"'{text}' is not a URL: {error}") from error
    host = parts.hostname or ""
    if not host or any(character.isspace() for character in text):
        raise BadTarget(f"'{text}' names no host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or given or SCHEME_PORTS.get(parts.scheme, 80), path)


def send(world: World, request: Request, dice: Dice, now: datetime) -> Trace:
    """Make the request at `now`; the whole trace. Raises BadTarget, and KeyError for an unknown source
    or via.
    """
    return connect(world, request, dice, now).trace


def perform(world: World, request: Any, dice: Dice, now: datetime) -> Any:
    """As `send`, with what a client program needs beside the trace: a Sent.

    Other programs bring their own way to `perform` (svclab.kube.nametool), and what comes of it.
    """
    if isinstance(request, Request):
        return connect(world, request, dice, now)
    return request.perform(world, dice, now)


def connect(world: World, request: Request, dice: Dice, now: datetime) -> Sent:
    """Look the target up, connect, ask."""
    target = read_target(request.target, request.port)
    world.fabric.host(request.source)
    asker = Asker(world.fabric, world.names, request.source, dice, now)
    address, waited, code = _address(world, request, target, asker)
    limit = timedelta(seconds=request.timeout_seconds or 0)
    if request.limits_lookup and timedelta(0) < limit < waited:
        return _unresolved(world, request, target, asker, limit, Outcome.DNS_TIMEOUT)
    if address is None:
        return _unresolved(world, request, target, asker, waited, code)
    flow = asker.flow + 1
    asker.flows.append(Flow(flow, request.protocol.value, "request", f"{address}:{target.port}"))
    try:
        exchange = world.fabric.connect(
            request.source, ip_address(address), target.port, request.protocol, dice, now + waited, flow,
            request.via,
        )  # fmt: skip
    except NoAddress as error:
        return _unreachable(world, request, target, asker, address, waited, str(error))
    asker.parts.append(exchange)
    waited += _patience(request, exchange, waited)
    response = _response(world, request, target, exchange, now)
    if exchange.code is Outcome.OK:
        words = f"HTTP/1.1 {response.status} {response.reason}" if response else "answered"
    else:
        words = _words(request, target, exchange.code, exchange.verdict, waited)
    seen = exchange.source_seen
    asker.parts.append(
        End(flow, request.source, None, exchange.code, exchange.verdict, exchange.endpoint, seen, words)
    )
    return Sent(_trace(world, request, asker), target, response, address, waited, exchange)


def _trace(world: World, request: Request, asker: Asker) -> Trace:
    seed = asker.dice.seed
    target = canonical(request)
    return Trace(seed, request.source, target, world.mode, tuple(asker.flows), tuple(asker.parts))


def canonical(request: Request) -> str:
    """The target as a trace names it: a URL, its port only if not the scheme's own, no bare `/`."""
    if "://" not in request.target:
        return request.target
    target = read_target(request.target, request.port)
    port = "" if target.port == SCHEME_PORTS.get(target.scheme) else f":{target.port}"
    return f"{target.scheme}://{target.host}{port}{'' if target.path == '/' else target.path}"


def _address(
    world: World, request: Request, target: Target, asker: Asker
) -> tuple[str | None, timedelta, Outcome]:
    """The IPv4 address to connect to, the time that finding it took, and why there is none."""
    known = request.address or (target.host if parse_address(target.host) else None)
    if known:
        return (None, timedelta(0), Outcome.NODATA) if ":" in known else (known, timedelta(0), Outcome.OK)
    setup = resolver_setup(world.snapshot, request.source, request.container, world.kubelet)
    found = asker.look_up(target.host, setup.conf, setup.hosts, request.resolver or setup.library)
    address = next((a for a in found.addresses if ":" not in a), None)
    code = Outcome.NODATA if found.code is Finding.OK else Outcome(found.code.value)
    return address, asker.waited, code


def _unreachable(
    world: World, request: Request, target: Target, asker: Asker, address: str, waited: timedelta, why: str
) -> Sent:
    """connect() failed at once: this host has no route to there."""
    flow, source, code = asker.flow + 1, request.source, Outcome.UNREACHABLE
    asker.parts.append(Death(flow, source, None, code, "socket", why))
    words = _words(request, target, code, Verdict.ERROR, waited)
    asker.parts.append(End(flow, source, None, code, Verdict.ERROR, None, None, words))
    return Sent(_trace(world, request, asker), target, None, address, waited, None)


def _unresolved(
    world: World, request: Request, target: Target, asker: Asker, waited: timedelta, code: Outcome
) -> Sent:
    words = f"curl: (6) Could not resolve host: {target.host}"
    is_limited = request.limits_lookup and waited.total_seconds() == request.timeout_seconds
    if is_limited and code is Outcome.DNS_TIMEOUT:
        words = f"curl: (28) Resolving timed out after {round(waited.total_seconds() * 1000)} milliseconds"
    asker.parts.append(End(max(asker.flow, 1), request.source, None, code, Verdict.ERROR, None, None, words))
    return Sent(_trace(world, request, asker), target, None, None, waited, None)


def _patience(request: Request, exchange: Exchange, waited: timedelta) -> timedelta:
    """How long the client waits before it knows; what it waited for names comes off curl's limit."""
    if exchange.verdict is not Verdict.TIMEOUT:
        return timedelta(milliseconds=1)
    if request.timeout_seconds is not None:
        return timedelta(seconds=request.timeout_seconds) - (
            waited if request.limits_lookup else timedelta(0)
        )
    return DATAGRAM_GIVES_UP if request.protocol is Protocol.UDP else CONNECT_GIVES_UP


def _response(
    world: World, request: Request, target: Target, exchange: Exchange, now: datetime
) -> HttpResponse | None:
    if exchange.code is not Outcome.OK or request.protocol is not Protocol.TCP:
        return None
    assert exchange.server_host
    assert exchange.endpoint
    port = int(exchange.endpoint.rpartition(":")[2])
    return web_response(
        world.snapshot,
        exchange.server_host,
        target.path,
        port=port,
        now=now,
        method=request.method,
        found=world.found,
    )


def _words(request: Request, target: Target, code: Outcome, verdict: Verdict, waited: timedelta) -> str:
    """What the client program prints when there was no answer."""
    if request.protocol is Protocol.UDP:
        return _DATAGRAM_WORDS.get(code, f"no answer from {target.host}:{target.port}")
    milliseconds = round(waited.total_seconds() * 1000)
    if request.protocol is Protocol.ICMP:
        return f"PING {target.host}: 100% packet loss"
    timed_out = verdict is Verdict.TIMEOUT
    if timed_out and request.timeout_seconds is not None:
        return f"curl: (28) Connection timed out after {milliseconds} milliseconds"
    number = 28 if timed_out else 7
    return (
        f"curl: ({number}) Failed to connect to {target.host} port {target.port} after {milliseconds} ms: "
        "Couldn't connect to server"
    )


_DATAGRAM_WORDS = {
    Outcome.REJECTED: "read: Connection refused",
    Outcome.RESET: "read: Connection refused",
    Outcome.DENIED: "sendto: Operation not permitted",
    Outcome.UNREACHABLE: "connect: Network is unreachable",
}
