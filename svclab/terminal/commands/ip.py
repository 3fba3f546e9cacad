"""ip: addresses, links, routes, neighbours of this place, read off the simulated host. Source: iproute2
6.1.
"""

import json
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from svclab.cluster import dataplane
from svclab.linux.host import Host
from svclab.linux.routing import HostRoute, Interface, InterfaceAddress
from svclab.terminal.commands.registry import Context, command

_OBJECTS = ("address", "link", "route", "neighbour", "neighbor", "rule", "netns")
_VERBS = frozenset({"show", "list", "lst", "ls", "s", "l", "sh"})
_CHANGES = frozenset({"add", "a", "del", "delete", "d", "set", "replace", "change", "flush", "append"})
_FLAGS = {
    "-br": "brief", "-brief": "brief", "-o": "oneline", "-oneline": "oneline", "-j": "json", "-json": "json",
    "-4": "4", "-6": "6", "-p": "pretty", "-pretty": "pretty", "-d": "details", "-details": "details",
    "-s": "stats", "-stats": "stats", "-statistics": "stats", "-c": "colour", "-color": "colour",
    "-r": "resolve", "-h": "human", "-N": "numeric", "-a": "all",
}  # fmt: skip
_FOR_EVER = 4294967295
_RULES = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"
_DEFAULT_MASK = 0


def host_of(context: Context) -> Host:
    """The simulated host of the place at which the learner is."""
    return dataplane.world(context.cluster).fabric.host(context.location.host)


@command("ip", places={"laptop", "node", "netshoot", "busybox", "alpine"})
def ip(context: Context, argv: list[str]) -> int:
    """Shows the network of this place."""
    words = list(argv)
    flags: set[str] = set()
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word in ("-V", "-Version"):
            context.print("ip utility, iproute2-6.1.0, libbpf 1.1.2")
            return 0
        if word not in _FLAGS:
            return context.fail(f'Option "{word}" is unknown, try "ip -help".', 255)
        flags.add(_FLAGS[word])
    if not words:
        return context.fail("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }", 255)
    name = next((full for full in _OBJECTS if full.startswith(words[0])), None)
    if name is None:
        return context.fail(f'Object "{words[0]}" is unknown, try "ip help".')
    rest = words[1:]
    if rest and rest[0] in _CHANGES and not (name == "route" and rest[0] == "get"):
        return context.fail("RTNETLINK answers: Operation not permitted", 2)
    if rest and rest[0] in _VERBS:
        rest = rest[1:]
    elif rest and rest[0] not in ("get", "dev") and name not in ("route", "netns"):
        return context.fail(f'Command "{rest[0]}" is unknown, try "ip {name} help".', 255)
    host = host_of(context)
    match name:
        case "address" | "link":
            only = next((word for word in rest if word not in ("dev", "up")), None)
            return _interfaces(context, host, only, flags, link_only=name == "link")
        case "route":
            return _routes(context, host, rest, flags)
        case "rule":
            context.stdout.write(_RULES)
            return 0
        case "netns":
            return 0
        case _:
            return _neighbours(context, host)


def hardware_address(name: str) -> str:
    """A made-up address that is always the same for one interface."""
    digest = sha256(name.encode()).hexdigest()
    return "02:42:" + ":".join(digest[i : i + 2] for i in (0, 2, 4, 6))


def _dotted(address: int) -> str:
    return str(IPv4Address(address))


def _written(own: InterfaceAddress) -> str:
    if own.peer is not None:
        return f"{_dotted(own.address)} peer {_dotted(own.peer)}/32"
    return f"{_dotted(own.address)}/{own.length}"


def _interfaces(context: Context, host: Host, only: str | None, flags: set[str], *, link_only: bool) -> int:
    """`ip address` and `ip link`, in the form that was asked for."""
    found = [
        (i, each) for i, each in enumerate(host.routing.interfaces.values(), 1) if only in (None, each.name)
    ]
    if not found:
        return context.fail(f'Device "{only}" does not exist.')
    if "6" in flags:
        return 0
    if "json" in flags:
        objects = [_as_json(host, number, interface, link_only=link_only) for number, interface in found]
        pretty = 4 if "pretty" in flags else None
        separators = (",", ":") if pretty is None else None
        context.print(json.dumps(objects, indent=pretty, separators=separators))
        return 0
    for number, interface in found:
        if "brief" in flags:
            _brief(context, host, number, interface, link_only=link_only)
        elif "oneline" in flags:
            _one_line(context, host, number, interface, link_only=link_only)
        else:
            _long(context, host, number, interface, link_only=link_only)
    return 0


def _brief(context: Context, host: Host, number: int, interface: Interface, *, link_only: bool) -> None:
    shown = " ".join(_written(own) for own in interface.addresses)
    if link_only:
        shown = _brief_link(host, interface)
    state = "UNKNOWN" if interface.name == "lo" else "UP"
    context.print(f"{_with_peer(host, interface, number):<16} {state:<14} {shown} ".rstrip() + " ")


def _one_line(context: Context, host: Host, number: int, interface: Interface, *, link_only: bool) -> None:
    if link_only:
        first, second = _link_lines(host, number, interface, link_only=True)
        context.print(f"{first}\\{second}")
        return
    for own in interface.addresses:
        first, second = _address_lines(interface, own)
        context.print(f"{number}: {interface.name}{first}\\{second}")


def _as_json(host: Host, number: int, interface: Interface, *, link_only: bool) -> dict[str, Any]:
    loopback = interface.name == "lo"
    kind = ["LOOPBACK"] if loopback else ["BROADCAST", "MULTICAST"]
    found: dict[str, Any] = {"ifindex": number}
    if _with_peer(host, interface, number) != interface.name:
        found["link_index"] = number + 1
    found |= {
        "ifname": interface.name, "flags": [*kind, "UP", "LOWER_UP"], "mtu": 65536 if loopback else 1500,
        "qdisc": "noqueue", "operstate": "UNKNOWN" if loopback else "UP",
    }  # fmt: skip
    found |= {"linkmode": "DEFAULT"} if link_only else {}
    found |= {
        "group": "default", "txqlen": 1000, "link_type": "loopback" if loopback else "ether",
        "address": _hardware(host, interface),
        "broadcast": "00:00:00:00:00:00" if loopback else "ff:ff:ff:ff:ff:ff",
    }  # fmt: skip
    if not link_only:
        found["addr_info"] = [_address_json(interface, own) for own in interface.addresses]
    return found


def _address_json(interface: Interface, own: InterfaceAddress) -> dict[str, Any]:
    found: dict[str, Any] = {"family": "inet", "local": _dotted(own.address)}
    if own.peer is not None:
        found |= {"address": _dotted(own.peer), "prefixlen": 32}
    else:
        found["prefixlen"] = own.length
        found |= {"broadcast": broadcast} if (broadcast := _broadcast(interface, own)) else {}
    return found | {
        "scope": "host" if interface.name == "lo" else "global", "label": interface.name,
        "valid_life_time": _FOR_EVER, "preferred_life_time": _FOR_EVER,
    }  # fmt: skip


def _hardware(host: Host, interface: Interface) -> str:
    return "00:00:00:00:00:00" if interface.name == "lo" else hardware_address(host.name + interface.name)


def _brief_link(host: Host, interface: Interface) -> str:
    if interface.name == "lo":
        return "00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP>"
    return f"{hardware_address(host.name + interface.name)} <BROADCAST,MULTICAST,UP,LOWER_UP>"


def _with_peer(host: Host, interface: Interface, number: int) -> str:
    paired = interface.name.startswith("veth") or host.name.startswith("pod/")
    return interface.name if interface.name == "lo" or not paired else f"{interface.name}@if{number + 1}"


def _long(context: Context, host: Host, number: int, interface: Interface, *, link_only: bool) -> None:
    for line in _link_lines(host, number, interface, link_only=link_only):
        context.print(line)
    for own in () if link_only else interface.addresses:
        for line in _address_lines(interface, own):
            context.print(line)


def _link_lines(host: Host, number: int, interface: Interface, *, link_only: bool) -> tuple[str, str]:
    loopback = interface.name == "lo"
    what = "<LOOPBACK,UP,LOWER_UP> mtu 65536" if loopback else "<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500"
    state = ("UNKNOWN" if loopback else "UP") + (" mode DEFAULT" if link_only else "")
    first = f"{number}: {_with_peer(host, interface, number)}: {what} qdisc noqueue state {state}"
    kind, broadcast = ("loopback", "00:00:00:00:00:00") if loopback else ("ether", "ff:ff:ff:ff:ff:ff")
    return (
        f"{first} group default qlen 1000",
        f"    link/{kind} {_hardware(host, interface)} brd {broadcast}",
    )


def _address_lines(interface: Interface, own: InterfaceAddress) -> tuple[str, str]:
    broadcast = _broadcast(interface, own)
    scope = "host" if interface.name == "lo" else "global"
    shown = f" brd {broadcast}" if broadcast else ""
    return (
        f"    inet {_written(own)}{shown} scope {scope} {interface.name}",
        "       valid_lft forever preferred_lft forever",
    )


def _broadcast(interface: Interface, own: InterfaceAddress) -> str:
    """An address's broadcast address, "" where it has none."""
    if interface.name == "lo" or own.peer is not None or own.length >= 31:
        return ""
    return str(IPv4Network((own.address, own.length), strict=False).broadcast_address)


def _all_routes(host: Host) -> list[str]:
    """Routes as `ip route` prints them: in the order of their destinations, the default first."""
    routing = host.routing
    found = [(r.prefix.network, _route_text(r)) for r in routing.routes if not r.blackhole]
    for interface in routing.interfaces.values():
        for own in interface.addresses:
            link = f"dev {interface.name} proto kernel scope link src {_dotted(own.address)}"
            if interface.name == "lo":
                continue
            if own.peer is not None:
                found.append((own.peer, f"{_dotted(own.peer)} {link}"))
            elif own.length < 32:
                network = IPv4Network((own.address, own.length), strict=False)
                found.append((int(network.network_address), f"{network} {link}"))
    found.sort(key=lambda each: (not each[1].startswith("default"), each[0]))
    return [text for _, text in found]


def _route_text(route: HostRoute) -> str:
    text = "default" if route.prefix.mask == _DEFAULT_MASK else route.prefix.words()
    if route.among:
        hops = "".join(
            f"\n\tnexthop via {_dotted(hop)} dev {route.interface} weight 1" for hop in route.among
        )
        return text + " " + hops
    via = f" via {_dotted(route.via)}" if route.via is not None else ""
    return f"{text}{via} dev {route.interface}"


def _routes(context: Context, host: Host, rest: list[str], flags: set[str]) -> int:
    if rest[:1] == ["get"]:
        return _route_to(context, host, rest[1] if len(rest) > 1 else "")
    if "6" in flags:
        return 0
    settings = dict(zip(rest[::2], rest[1::2], strict=False))
    wanted = rest[0] if len(rest) % 2 else None
    found = [
        text
        for text in _all_routes(host)
        if (wanted is None or text.split()[0] == wanted)
        and ("dev" not in settings or f"dev {settings['dev']}" in text)
        and ("via" not in settings or f"via {settings['via']} " in text)
    ]
    if "json" in flags:
        context.print(json.dumps([_route_json(text) for text in found], separators=(",", ":")))
        return 0
    for text in found:
        context.print(text + " ")
    return 0


_ROUTE_WORDS = {"via": "gateway", "dev": "dev", "proto": "protocol", "scope": "scope", "src": "prefsrc"}


def _route_json(text: str) -> dict[str, Any]:
    destination, *words = text.split()
    pairs = dict(zip(words[::2], words[1::2], strict=False))
    return {
        "dst": destination,
        **{_ROUTE_WORDS[key]: value for key, value in pairs.items() if key in _ROUTE_WORDS},
        "flags": [],
    }


def _route_to(context: Context, host: Host, address: str) -> int:
    try:
        wanted = int(IPv4Address(address))
    except ValueError:
        return context.fail(f'Error: any valid prefix is expected rather than "{address}".')
    source = host.routing.source_for(wanted)
    if host.routing.is_local(wanted):
        context.print(f"local {address} dev lo src {address} uid 0 \n    cache <local> ")
        return 0
    route = host.routing.lookup(wanted)
    if route is None or source is None:
        return context.fail("RTNETLINK answers: Network is unreachable", 2)
    hop = route.via if route.via is not None else (route.among[0] if route.among else None)
    via = f" via {_dotted(hop)}" if hop is not None else ""
    context.print(f"{address}{via} dev {route.interface} src {_dotted(source)} uid 0 \n    cache ")
    return 0


def _neighbours(context: Context, host: Host) -> int:
    fabric = dataplane.world(context.cluster).fabric
    for link in fabric.links:
        own = [interface for name, interface in link.ends if name == host.name]
        for name, interface in link.ends:
            if not own or name == host.name:
                continue
            addresses = fabric.hosts[name].routing.interfaces[interface].addresses
            if addresses:
                hardware = hardware_address(name + interface)
                context.print(f"{_dotted(addresses[0].address)} dev {own[0]} lladdr {hardware} REACHABLE ")
    return 0
