"""`ip route`: the routes of a host, and the one that a packet takes. Source: iproute2 6.1."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from svclab.linux.host import Host
from svclab.linux.routing import HostRoute
from svclab.terminal.commands.ip_text import coloured_route, dotted, json_text
from svclab.terminal.commands.registry import Context

_WORDS = {"via": "gateway", "dev": "dev", "proto": "protocol", "scope": "scope", "src": "prefsrc"}
_SELECTORS = ("dev", "via", "proto", "scope", "src")
_TABLES = {
    "main": "main",
    "254": "main",
    "local": "local",
    "255": "local",
    "default": "",
    "253": "",
    "all": "all",
}
_DEFAULT_MASK = 0


def show_routes(context: Context, host: Host, words: list[str], flags: set[str]) -> int:
    """`ip route show`, with what selects among the routes; the exit code."""
    settings: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in (*_SELECTORS, "table", "to", "exact", "root", "match", "type") and rest:
            settings[word] = rest.pop(0)
        else:
            settings["to"] = word
    if "dev" in settings and settings["dev"] not in host.routing.interfaces:
        return context.fail(f'Cannot find device "{settings["dev"]}"')
    table = settings.pop("table", "main")
    if table not in _TABLES and not table.isdigit():
        return context.fail(f'Error: argument "{table}" is wrong: table id value is invalid\n', 255)
    if table not in _TABLES or not _TABLES[table]:
        return context.fail("Error: ipv4: FIB table does not exist.\nDump terminated", 2)
    texts = _inet6(host) if "6" in flags else _of_table(host, _TABLES[table])
    found = [chosen for text in texts if (chosen := _chosen(text, settings)) is not None]
    if "json" in flags:
        context.print(json_text([_as_json(text) for text in found], pretty="pretty" in flags))
        return 0
    for text in found:
        line = text if "6" in flags else f"{text} "
        context.print(coloured_route(line) if "colour" in flags else line)
    return 0


def _chosen(text: str, settings: dict[str, str]) -> str | None:
    """The route without the words that were asked for, as iproute2 prints it; None if it is not chosen."""
    wanted = settings.get("to", settings.get("exact"))
    if wanted is not None and wanted not in (text.split()[0], "0/0", "0.0.0.0/0"):
        return None
    for word in _SELECTORS:
        if word in settings:
            if f" {word} {settings[word]} " not in f"{text} ":
                return None
            text = f"{text} ".replace(f" {word} {settings[word]} ", " ", 1).rstrip()
    return text


def _of_table(host: Host, table: str) -> list[str]:
    if table == "main":
        return _main(host)
    local = _local(host)
    return local if table == "local" else [*_main(host), *(_in_table(text) for text in local)]


def _in_table(text: str) -> str:
    before, dev, after = text.partition(" proto ")
    return f"{before} table local{dev}{after}"


def _main(host: Host) -> list[str]:
    """The main table, in the order of destinations, the default first."""
    routing = host.routing
    found = [(r.prefix.network, _route_text(r)) for r in routing.routes if not r.blackhole]
    for interface in routing.interfaces.values():
        if interface.name in ("lo", "kube-ipvs0"):
            continue
        for own in interface.addresses:
            link = f"dev {interface.name} proto kernel scope link src {dotted(own.address)}"
            if own.peer is not None:
                found.append((own.peer, f"{dotted(own.peer)} {link}"))
            elif own.length < 32:
                network = IPv4Network((own.address, own.length), strict=False)
                found.append((int(network.network_address), f"{network} {link}"))
    found.sort(key=lambda each: (not each[1].startswith("default"), each[0]))
    return [text for _, text in found]


def _local(host: Host) -> list[str]:
    """The local table: the host's own addresses and their broadcast addresses."""
    found: list[tuple[int, int, str]] = []
    for interface in host.routing.interfaces.values():
        for own in interface.addresses:
            tail = f"src {dotted(own.address)}"
            device = f"dev {interface.name} proto kernel"
            found.append((own.address, 1, f"local {dotted(own.address)} {device} scope host {tail}"))
            if own.peer is not None or own.length >= 31:
                continue
            network = IPv4Network((own.address, own.length), strict=False)
            if interface.name == "lo":
                found.append((int(network.network_address), 0, f"local {network} {device} scope host {tail}"))
            broadcast = network.broadcast_address
            found.append((int(broadcast), 2, f"broadcast {broadcast} {device} scope link {tail}"))
    return [text for *_, text in sorted(found, key=lambda each: each[:2])]


def _inet6(host: Host) -> list[str]:
    names = [name for name in host.routing.interfaces if name not in ("lo", "kube-ipvs0")]
    return [f"fe80::/64 dev {name} proto kernel metric 256 pref medium" for name in names]


def _route_text(route: HostRoute) -> str:
    text = "default" if route.prefix.mask == _DEFAULT_MASK else route.prefix.words()
    if route.among:
        hops = "".join(f"\n\tnexthop via {dotted(hop)} dev {route.interface} weight 1" for hop in route.among)
        return text + " " + hops
    via = f" via {dotted(route.via)}" if route.via is not None else ""
    return f"{text}{via} dev {route.interface}"


def _as_json(text: str) -> dict[str, Any]:
    destination, *words = text.split()
    found: dict[str, Any] = {}
    if destination in ("local", "broadcast"):
        found["type"], destination = destination, words.pop(0)
    pairs = dict(zip(words[::2], words[1::2], strict=False))
    found["dst"] = destination
    return {
        **found,
        **{_WORDS[key]: value for key, value in pairs.items() if key in _WORDS},
        "flags": [],
    }


def show_route_to(context: Context, host: Host, words: list[str], flags: set[str]) -> int:
    """`ip route get`: the route of one packet; the exit code."""
    settings: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("from", "iif", "oif", "dev", "mark", "to", "uid", "tos") and rest:
            settings[word] = rest.pop(0)
        else:
            settings["to"] = word
    if "to" not in settings:
        return context.fail("need at least a destination address")
    address, slash, length = settings["to"].partition("/")
    try:
        wanted, source = (
            int(IPv4Address(each)) if each else None for each in (address, settings.get("from"))
        )
    except ValueError as error:
        shown = str(error).split("'")[1] if "'" in str(error) else address
        return context.fail(f'Error: any valid prefix is expected rather than "{shown}".')
    for word in ("iif", "oif", "dev"):
        if word in settings and settings[word] not in host.routing.interfaces:
            return context.fail(f'Cannot find device "{settings[word]}"')
    if slash and length != "32":
        context.stderr.write(f"Warning: /{length} as prefix is invalid, only /32 (or none) is supported.\n")
    assert wanted is not None
    return _print_route_to(context, host, wanted, source, settings, flags)


def _print_route_to(
    context: Context, host: Host, wanted: int, source: int | None, settings: dict[str, str], flags: set[str]
) -> int:
    routing = host.routing
    words: dict[str, Any] = {}
    given = f" from {dotted(source)}" if source is not None else ""
    if "iif" not in settings and source is not None and not routing.is_local(source):
        return context.fail("RTNETLINK answers: Network is unreachable", 2)
    if routing.is_local(wanted):
        words, cache = {"dev": "lo", "src": dotted(wanted)}, ["local"]
    else:
        route, cache = routing.lookup(wanted), []
        own = routing.source_for(wanted)
        if route is None or own is None:
            return context.fail("RTNETLINK answers: Network is unreachable", 2)
        hop = route.via if route.via is not None else (route.among[0] if route.among else None)
        words = {"via": dotted(hop)} if hop is not None else {}
        words |= {"dev": route.interface, "src": dotted(own)}
    if source is not None:
        words.pop("src", None)
    if "mark" in settings:
        words["mark"] = settings["mark"]
    if "json" in flags:
        kind = {"type": "local"} if cache else {}
        found = kind | {"dst": dotted(wanted)} | ({"from": dotted(source)} if source is not None else {})
        found |= {_WORDS.get(key, key): value for key, value in words.items()}
        found |= {"flags": []} | ({} if "iif" in settings else {"uid": 0}) | {"cache": cache}
        context.print(json_text([found], pretty="pretty" in flags))
        return 0
    shown = " ".join(f"{key} {value}" for key, value in words.items())
    last = "" if "iif" in settings else "uid 0 "
    arrived = f" iif {settings['iif']}" if "iif" in settings else ""
    head = f"{'local ' if cache else ''}{dotted(wanted)}{given} {shown} {last}"
    head = coloured_route(head) if "colour" in flags else head
    tail = f"    cache {'<local> ' if cache else ''}{arrived.lstrip()}{' ' if arrived else ''}"
    context.print(f"{head}{chr(92) if 'oneline' in flags else chr(10)}{tail}")
    return 0
