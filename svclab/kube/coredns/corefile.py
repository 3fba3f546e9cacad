"""The Corefile in the ConfigMap kube-system/coredns, as far as it decides answers. Source: CoreDNS 1.13,
caddyfile syntax and the plugins kubernetes, forward, cache, loadbalance, hosts and rewrite.

A Corefile that CoreDNS would refuse changes nothing for the processes that run: their `reload` plugin goes on
with the one that it has, taken here to be kubeadm's. A process that starts with it ends at once (`failure`).
Edits count at once here; a real kubelet and `reload` take up to two minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_network

from svclab.dns.message import Message, Question, Rcode, Record
from svclab.dns.name import absolute, is_at_or_below, parse_address
from svclab.kube.coredns.index import ClusterIndex
from svclab.kube.coredns.internet import STANDARD_INTERNET
from svclab.kube.coredns.options import (
    KUBEADM,
    SERVFAIL_SECONDS,
    Caching,
    DnsOptions,
    Hosts,
    Keeping,
    Upstream,
)
from svclab.kube.coredns.rewriting import parse_rule
from svclab.kube.snapshot import Snapshot

CONFIG_MAP = ("kube-system", "coredns")
DNS_SERVICE = ("kube-system", "kube-dns")
PATH = "/etc/coredns/Corefile"
DEFAULT_CACHE_SECONDS = 3600
DEFAULT_HOSTS_TTL_SECONDS = 3600
# Plugins of CoreDNS that change no answer, or whose answers are not modelled
WITHOUT_EFFECT = frozenset(
    {"acl", "any", "auto", "autopath", "azure", "bind", "bufsize", "cancel", "chaos", "clouddns", "debug",
     "dns64", "dnssec", "dnstap", "errors", "erratic", "etcd", "file", "geoip", "grpc", "grpc_server",
     "header", "health", "https", "https3", "import", "k8s_external", "lameduck", "local", "log", "loop",
     "metadata", "minimal", "multisocket", "nomad", "nsid", "pprof", "prometheus", "quic", "ready", "reload",
     "root", "route53", "secondary", "sign", "template", "timeouts", "tls", "trace", "transfer", "tsig",
     "view", "whoami"}
)  # fmt: skip


class CorefileError(ValueError):
    """What is wrong with a Corefile at a line of it, in CoreDNS's words where it has some."""

    def __init__(self, what: str, line: int, plugin: str = "") -> None:
        where = f"{PATH}:{line} - Error during parsing: "
        super().__init__((f"plugin/{plugin}: " if plugin else "") + where + what)


@dataclass(frozen=True, slots=True)
class Directive:
    """A plugin's line, or a line within a plugin's braces: words, and what stands in its own braces."""

    words: tuple[str, ...]
    body: tuple["Directive", ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """A server block: the zones that it answers for, absolute and in lower case, and its plugins' lines."""

    zones: tuple[str, ...]
    directives: tuple[Directive, ...]


@dataclass(slots=True)
class _Reader:
    lines: list[tuple[int, list[str]]]
    at: int = 0

    def body(self) -> tuple[Directive, ...]:
        """Lines up to the closing brace."""
        found: list[Directive] = []
        while self.at < len(self.lines):
            line, words = self.lines[self.at]
            self.at += 1
            if words == ["}"]:
                return tuple(found)
            if words[-1] == "{":
                found.append(Directive(tuple(words[:-1]), self.body(), line))
            else:
                found.append(Directive(tuple(words), line=line))
        raise CorefileError("Unexpected EOF, expected closing curly brace", self.lines[-1][0])


def parse(text: str) -> tuple[Block, ...]:
    """The server blocks of a Corefile. Raises CorefileError where braces or plugins are wrong."""
    lines = [(number, line.split("#")[0].split()) for number, line in enumerate(text.splitlines(), 1)]
    reader = _Reader([(number, words) for number, words in lines if words])
    blocks: list[Block] = []
    while reader.at < len(reader.lines):
        line, words = reader.lines[reader.at]
        reader.at += 1
        if words[-1] != "{":
            raise CorefileError(f"server block {' '.join(words)!r} has no opening curly brace", line)
        block = Block(tuple(zone for word in words[:-1] for zone in _zones(word)) or (".",), reader.body())
        for directive in block.directives:
            if directive.words[0] not in WITHOUT_EFFECT and directive.words[0] not in PLUGINS:
                raise CorefileError(f"Unknown directive '{directive.words[0]}'", directive.line)
        blocks.append(block)
    return tuple(blocks)


def _zones(key: str) -> tuple[str, ...]:
    """A server block's key or a plugin's zone, without scheme and port, as absolute names.

    A network stands for the reverse zones that make it up: whole octets of IPv4, whole digits of IPv6.
    """
    name = key.strip(",").removeprefix("dns://")
    head, _, port = name.rpartition(":")
    name = head if port.isdigit() and head else name
    address, slash, bits = name.partition("/")
    if not slash or parse_address(address) is None or not bits.isdigit():
        return (absolute(name.lower()),)
    network = ip_network(name, strict=False)
    digit_bits = 8 if network.version == 4 else 4
    whole = -(-network.prefixlen // digit_bits) * digit_bits
    return tuple(_reverse_zone(each, whole // digit_bits) for each in network.subnets(new_prefix=whole))


def _reverse_zone(network: IPv4Network | IPv6Network, parts: int) -> str:
    labels = network.network_address.reverse_pointer.split(".")
    return ".".join(labels[len(labels) - 2 - parts :]) + "."


def _zone(key: str) -> str:
    """One absolute name."""
    return _zones(key)[0]


def server_blocks(
    snapshot: Snapshot, local_ips: tuple[str, ...] | None = None, upstream: Upstream = STANDARD_INTERNET
) -> Mapping[str, DnsOptions]:
    """Options by server block zone, from the cluster's Corefile.

    Without that ConfigMap they are kubeadm's; without a DNS Service either, there is nobody to forward to.
    `local_ips` are the server's own addresses, by default those of kube-dns's first endpoint.
    """
    if local_ips is None:
        slices = ClusterIndex(snapshot).slices(*DNS_SERVICE)
        local_ips = tuple(endpoint.address for each in slices[:1] for endpoint in each.endpoints[:1])
    config = snapshot.get("ConfigMap", *CONFIG_MAP)
    if config is None:
        has_dns = snapshot.get("Service", *DNS_SERVICE) is not None
        return {".": replace(KUBEADM, local_ips=local_ips, upstream=upstream if has_dns else None)}
    try:
        blocks = parse(str((config.get("data") or {})["Corefile"]))
        return {zone: _options(block, local_ips, upstream, zone) for block in blocks for zone in block.zones}
    except (CorefileError, ValueError, LookupError):
        return {".": replace(KUBEADM, local_ips=local_ips, upstream=upstream)}


def failure(snapshot: Snapshot) -> str | None:
    """What a CoreDNS process prints before it ends, if it starts with the cluster's Corefile as it is; None
    where it can.
    """
    config = snapshot.get("ConfigMap", *CONFIG_MAP)
    text = str(((config or {}).get("data") or {}).get("Corefile") or "")
    try:
        for block in parse(text):
            for zone in block.zones:
                _options(block, (), STANDARD_INTERNET, zone)
    except CorefileError as error:
        return str(error)
    except (ValueError, LookupError) as error:
        return f"{PATH}: {error}"
    return None


def logs_queries(snapshot: Snapshot) -> bool:
    """Whether the server block of the root writes a line for every query (plugin log)."""
    config = snapshot.get("ConfigMap", *CONFIG_MAP)
    try:
        blocks = parse(str(((config or {}).get("data") or {}).get("Corefile") or ""))
    except CorefileError:
        return False
    roots = [block for block in blocks if "." in block.zones]
    return any(directive.words[0] == "log" for block in roots for directive in block.directives)


@dataclass(slots=True)
class _Building:
    """Options of one server block under way."""

    zone: str
    world: Upstream
    options: DnsOptions
    forwards: list["_Forward"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Forward:
    """A forward line: for the names in its zone, but not in those that it excepts."""

    zone: str
    excepted: tuple[str, ...]
    to: Upstream

    def is_for(self, name: str) -> bool:
        return is_at_or_below(name, self.zone) and not any(
            is_at_or_below(name, zone) for zone in self.excepted
        )


def _options(block: Block, local_ips: tuple[str, ...], upstream: Upstream, zone: str) -> DnsOptions:
    building = _Building(zone, upstream, DnsOptions(zones=(), local_ips=local_ips))
    for directive in block.directives:
        if directive.words[0] in PLUGINS:
            PLUGINS[directive.words[0]](building, directive)
    forwards = building.forwards
    if not forwards:
        return building.options

    def forward(question: Question) -> Message:
        to = next((each.to for each in forwards if each.is_for(question.name)), _silence)
        return to(question)

    return replace(building.options, upstream=forward)


def _kubernetes(building: _Building, directive: Directive) -> None:
    zones = tuple(zone for word in directive.words[1:] for zone in _zones(word)) or (building.zone,)
    options = replace(building.options, zones=zones)
    for line in directive.body:
        match words := line.words:
            case ("ttl", seconds):
                options = replace(options, ttl=int(seconds))
            case ("pods", ("disabled" | "insecure" | "verified") as mode):
                options = replace(options, pods=mode)
            case ("namespaces", *names):
                options = replace(options, namespaces=frozenset(names) or None)
            case ("fallthrough", *within):
                options = replace(options, fallthrough=tuple(map(_zone, within)) or zones)
            case ("ignore", "empty_service"):
                options = replace(options, ignore_empty_service=True)
            case ("endpoint_pod_names",):
                options = replace(options, endpoint_pod_names=True)
            case ("endpoint" | "tls" | "kubeconfig" | "labels" | "namespace_labels" | "noendpoints", *_):
                continue
            case _:
                raise CorefileError(f"unknown property '{words[0]}'", line.line, "kubernetes")
    building.options = options


def _forward(building: _Building, directive: Directive) -> None:
    _, source, *targets = directive.words
    excepted = [zone for line in directive.body if line.words[0] == "except" for zone in line.words[1:]]
    to = building.world if any(map(_is_resolver, targets)) else _silence
    building.forwards.append(_Forward(_zone(source), tuple(map(_zone, excepted)), to))


def _is_resolver(target: str) -> bool:
    """Whether the simulated internet has a resolver there: the node's own ones, and every public address."""
    address = parse_address(target.rpartition("://")[2].split(":")[0])
    return target.startswith("/") or (address is not None and not address.is_private)


def _silence(question: Question) -> Message:
    """The answer when no next server answers, or there is none."""
    return Message(question, Rcode.SERVFAIL)


def _cache(building: _Building, directive: Directive) -> None:
    words = list(directive.words[1:])
    success, denial = Keeping(DEFAULT_CACHE_SECONDS), Keeping(DEFAULT_CACHE_SECONDS // 2)
    if words and words[0].isdigit():
        success = denial = Keeping(int(words.pop(0)))
    servfail_seconds = SERVFAIL_SECONDS
    for line in directive.body:
        match line.words:
            case ("success", _, *seconds):
                success = replace(success, **_within(seconds))
            case ("denial", _, *seconds):
                denial = replace(denial, **_within(seconds))
            case ("disable", "success", *zones):
                success = replace(success, disabled=tuple(map(_zone, zones)) or (".",))
            case ("disable", "denial", *zones):
                denial = replace(denial, disabled=tuple(map(_zone, zones)) or (".",))
            case ("servfail", duration):
                servfail_seconds = _seconds(duration)
    caching = Caching(success, denial, servfail_seconds, tuple(map(_zone, words)))
    building.options = replace(building.options, caching=caching)


def _within(seconds: list[str]) -> dict[str, int]:
    """The longest and the shortest time that a reply is kept, as far as they are given."""
    return dict(zip(("most", "least"), map(int, seconds), strict=False))


def _seconds(duration: str) -> int:
    """Whole seconds of a duration such as 5s, 2m or 0."""
    number = duration.rstrip("smh")
    return int(number) * {"m": 60, "h": 3600}.get(duration.removeprefix(number), 1)


def _loadbalance(building: _Building, directive: Directive) -> None:
    building.options = replace(building.options, loadbalance=True)


def _hosts(building: _Building, directive: Directive) -> None:
    ttl, records, falls_through = DEFAULT_HOSTS_TTL_SECONDS, list[tuple[str, str]](), tuple[str, ...]()
    zones, reverse = tuple(map(_zone, directive.words[2:])) or (building.zone,), True
    for words in (line.words for line in directive.body):
        if words[0] == "ttl":
            ttl = int(words[1])
        elif words[0] == "fallthrough":
            falls_through = tuple(map(_zone, words[1:])) or (".",)
        elif words[0] == "no_reverse":
            reverse = False
        elif parse_address(words[0]) is not None:
            names = [name for name in map(absolute, words[1:]) if any(is_at_or_below(name, z) for z in zones)]
            records += [(words[0], name) for name in names]
    found = tuple(Record(name, ttl, "AAAA" if ":" in ip else "A", ip) for ip, name in records)
    hosts = Hosts(found, zones, falls_through, reverse)
    building.options = replace(building.options, hosts=hosts)


def _rewrite(building: _Building, directive: Directive) -> None:
    """A rule about names; one about types, classes, TTLs, EDNS and rcodes changes nothing here.

    What stands in braces belongs to it.
    """
    words = [*directive.words[1:], *(word for line in directive.body for word in line.words)]
    try:
        rule = parse_rule(words)
    except ValueError as error:
        raise CorefileError(str(error), directive.line, "rewrite") from None
    if rule is not None:
        building.options = replace(building.options, rewrites=(*building.options.rewrites, rule))


PLUGINS = {
    "kubernetes": _kubernetes,
    "forward": _forward,
    "cache": _cache,
    "loadbalance": _loadbalance,
    "hosts": _hosts,
    "rewrite": _rewrite,
}
