"""The Corefile in the ConfigMap kube-system/coredns, as far as it decides answers. Source: CoreDNS 1.13,
caddyfile syntax and the plugins kubernetes, forward, cache, loadbalance, hosts and rewrite.

A Corefile that CoreDNS would refuse changes nothing for the processes that run: their `reload` plugin goes on
with the one that it has, taken here to be kubeadm's. A process that starts with it ends at once (`failure`).
Edits count at once here; a real kubelet and `reload` take up to two minutes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_network

from svclab.dns.message import Message, Question, Rcode, Record
from svclab.dns.name import absolute, is_at_or_below, parse_address
from svclab.kube.coredns.index import ClusterIndex
from svclab.kube.coredns.internet import STANDARD_INTERNET
from svclab.kube.coredns.options import KUBEADM, DnsOptions, Rewrite, Upstream
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
    forwards: dict[str, Upstream] = field(default_factory=dict)


def _options(block: Block, local_ips: tuple[str, ...], upstream: Upstream, zone: str) -> DnsOptions:
    building = _Building(zone, upstream, DnsOptions(zones=(), local_ips=local_ips))
    for directive in block.directives:
        if directive.words[0] in PLUGINS:
            PLUGINS[directive.words[0]](building, directive)
    forwards = building.forwards
    if not forwards:
        return building.options

    def forward(question: Question) -> Message:
        zones = [each for each in forwards if is_at_or_below(question.name, each)]
        if not zones:
            return Message(question, Rcode.SERVFAIL)
        return forwards[max(zones, key=len)](question)

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
    building.forwards[_zone(source)] = building.world if any(map(_is_resolver, targets)) else _silence


def _is_resolver(target: str) -> bool:
    """Whether the simulated internet has a resolver there: the node's own ones, and every public address."""
    address = parse_address(target.rpartition("://")[2].split(":")[0])
    return target.startswith("/") or (address is not None and not address.is_private)


def _silence(question: Question) -> Message:
    """forward's answer when no next server answers."""
    return Message(question, Rcode.SERVFAIL)


def _cache(building: _Building, directive: Directive) -> None:
    words = list(directive.words[1:])
    seconds = int(words.pop(0)) if words and words[0].isdigit() else DEFAULT_CACHE_SECONDS
    lines = [line.words for line in directive.body if line.words[0] == "disable"]
    disabled = [_zone(zone) for words in lines for zone in words[2:]]
    building.options = replace(
        building.options, cache_seconds=seconds, cache_disabled_zones=tuple(dict.fromkeys(disabled))
    )


def _loadbalance(building: _Building, directive: Directive) -> None:
    building.options = replace(building.options, loadbalance=True)


def _hosts(building: _Building, directive: Directive) -> None:
    ttl, records, falls_through = DEFAULT_HOSTS_TTL_SECONDS, list[tuple[str, str]](), False
    for words in (line.words for line in directive.body):
        if words[0] == "ttl":
            ttl = int(words[1])
        elif words[0] == "fallthrough":
            falls_through = True
        elif parse_address(words[0]) is not None:
            records += [(words[0], name) for name in words[1:]]
    found = tuple(Record(absolute(name), ttl, "AAAA" if ":" in ip else "A", ip) for ip, name in records)
    building.options = replace(building.options, hosts=found, hosts_fall_through=falls_through)


def _rewrite(building: _Building, directive: Directive) -> None:
    """Rules about names; those about types, classes, TTLs, EDNS and rcodes change nothing here."""
    words = [word for word in directive.words[1:] if word not in ("stop", "continue")]
    match words:
        case ["name", ("exact" | "suffix" | "prefix" | "substring") as how, old, new, *_]:
            rule = Rewrite(how, old, new)
        case ["name", "regex", pattern, new, *_]:
            _checked_pattern(pattern, directive.line)
            rule = Rewrite("regex", pattern, new)
        case ["name", old, new]:
            rule = Rewrite("exact", old, new)
        case []:
            inner = [replace(line, words=("rewrite", *line.words)) for line in directive.body]
            for line in inner:
                if line.words[1] != "answer":
                    _rewrite(building, line)
            return
        case _:
            return
    building.options = replace(building.options, rewrites=(*building.options.rewrites, rule))


def _checked_pattern(pattern: str, line: int) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        what = f"invalid regex pattern in a name rule: {pattern}: {error.msg}"
        raise CorefileError(what, line, "rewrite") from None


PLUGINS = {
    "kubernetes": _kubernetes,
    "forward": _forward,
    "cache": _cache,
    "loadbalance": _loadbalance,
    "hosts": _hosts,
    "rewrite": _rewrite,
}
