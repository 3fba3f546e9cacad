"""ip: addresses, links, routes, neighbours of this place, read off the simulated host. Source: iproute2
6.1.
"""

from collections.abc import Iterator
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network

from svclab.cluster import dataplane
from svclab.linux.host import Host
from svclab.linux.routing import HostRoute, Interface, InterfaceAddress
from svclab.terminal.commands.registry import Context, Usage, command

_OBJECTS = {
    "address": "address",
    "link": "link",
    "route": "route",
    "neighbour": "neighbour",
    "neighbor": "neighbour",
}
_DEFAULT_MASK = 0


def host_of(context: Context) -> Host:
    """The simulated host of the place at which the learner is."""
    return dataplane.world(context.cluster).fabric.host(context.location.host)


@command("ip", places={"laptop", "node", "netshoot", "busybox", "alpine"})
def ip(context: Context, argv: list[str]) -> int:
    """Shows the network of this place."""
    flags = [word for word in argv if word.startswith("-")]
    words = [word for word in argv if not word.startswith("-")]
    name = next((full for full in _OBJECTS if words and full.startswith(words[0])), None)
    if name is None:
        raise Usage(
            f'Object "{words[0]}" is unknown, try "ip help".' if words else "Usage: ip [ OPTIONS ] OBJECT", 1
        )
    brief = any(flag in ("-br", "-brief") for flag in flags)
    rest = [word for word in words[1:] if word not in ("show", "list", "ls", "s", "dev")]
    if any(word in ("add", "del", "delete", "set", "replace", "change", "flush") for word in rest):
        return context.fail("RTNETLINK answers: Operation not permitted", 2)
    host = host_of(context)
    match _OBJECTS[name]:
        case "address":
            return _addresses(context, host, rest[0] if rest else None, brief=brief, link_only=False)
        case "link":
            return _addresses(context, host, rest[0] if rest else None, brief=brief, link_only=True)
        case "route":
            return _routes(context, host, rest)
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


def _addresses(context: Context, host: Host, only: str | None, *, brief: bool, link_only: bool) -> int:
    found = [
        (i, each) for i, each in enumerate(host.routing.interfaces.values(), 1) if only in (None, each.name)
    ]
    if not found:
        return context.fail(f'Device "{only}" does not exist.')
    for number, interface in found:
        if brief:
            shown = (
                " ".join(_written(own) for own in interface.addresses)
                if not link_only
                else _brief_link(host, interface)
            )
            state = "UNKNOWN" if interface.name == "lo" else "UP"
            context.print(f"{_with_peer(host, interface, number):<16} {state:<14} {shown} ".rstrip() + " ")
        else:
            _long(context, host, number, interface, link_only=link_only)
    return 0


def _brief_link(host: Host, interface: Interface) -> str:
    if interface.name == "lo":
        return "00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP>"
    return f"{hardware_address(host.name + interface.name)} <BROADCAST,MULTICAST,UP,LOWER_UP>"


def _with_peer(host: Host, interface: Interface, number: int) -> str:
    paired = interface.name.startswith("veth") or host.name.startswith("pod/")
    return interface.name if interface.name == "lo" or not paired else f"{interface.name}@if{number + 1}"


def _long(context: Context, host: Host, number: int, interface: Interface, *, link_only: bool) -> None:
    name = interface.name
    loopback = name == "lo"
    what = "<LOOPBACK,UP,LOWER_UP> mtu 65536" if loopback else "<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500"
    state = "UNKNOWN" if loopback else "UP"
    context.print(
        f"{number}: {_with_peer(host, interface, number)}: {what} qdisc noqueue state {state}"
        f"{' mode DEFAULT' if link_only else ''} group default qlen 1000"
    )
    if loopback:
        context.print("    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00")
    else:
        context.print(f"    link/ether {hardware_address(host.name + name)} brd ff:ff:ff:ff:ff:ff")
    for own in () if link_only else interface.addresses:
        broadcast = ""
        if own.peer is None and own.length < 31:
            broadcast = f" brd {IPv4Network((own.address, own.length), strict=False).broadcast_address}"
        scope = "host" if loopback else "global"
        context.print(f"    inet {_written(own)}{broadcast if not loopback else ''} scope {scope} {name}")
        context.print("       valid_lft forever preferred_lft forever")


def _all_routes(host: Host) -> Iterator[str]:
    """Routes as `ip route` prints them: the default first, then by destination."""
    routing = host.routing
    routes = [route for route in routing.routes if not route.blackhole]
    for route in sorted(routes, key=lambda r: (r.prefix.mask != 0, r.prefix.network)):
        yield _route_text(route)
    for interface in routing.interfaces.values():
        for own in interface.addresses:
            if interface.name == "lo":
                continue
            if own.peer is not None:
                link = f"dev {interface.name} proto kernel scope link"
                yield f"{_dotted(own.peer)} {link} src {_dotted(own.address)}"
            elif own.length < 32:
                network = IPv4Network((own.address, own.length), strict=False)
                yield f"{network} dev {interface.name} proto kernel scope link src {_dotted(own.address)}"


def _route_text(route: HostRoute) -> str:
    text = "default" if route.prefix.mask == _DEFAULT_MASK else route.prefix.words()
    if route.among:
        hops = "".join(
            f"\n\tnexthop via {_dotted(hop)} dev {route.interface} weight 1" for hop in route.among
        )
        return text + " " + hops
    via = f" via {_dotted(route.via)}" if route.via is not None else ""
    return f"{text}{via} dev {route.interface}"


def _routes(context: Context, host: Host, rest: list[str]) -> int:
    if rest[:1] == ["get"]:
        return _route_to(context, host, rest[1] if len(rest) > 1 else "")
    for text in _all_routes(host):
        context.print(text + " ")
    return 0


def _route_to(context: Context, host: Host, address: str) -> int:
    try:
        wanted = int(IPv4Address(address))
    except ValueError:
        raise Usage(f'Error: any valid prefix is expected rather than "{address}".', 1) from None
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
