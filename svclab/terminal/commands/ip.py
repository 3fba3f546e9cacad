"""ip: addresses, links, routes, neighbours of this place, read off the simulated host. Source: iproute2
6.1.
"""

from svclab.cluster import dataplane
from svclab.linux.host import Host
from svclab.terminal.commands.ip_links import show, shown_interfaces
from svclab.terminal.commands.ip_routes import show_route_to, show_routes
from svclab.terminal.commands.ip_text import dotted, hardware_address, json_text
from svclab.terminal.commands.registry import Context, command

_OBJECTS = ("address", "link", "route", "neighbour", "neighbor", "rule", "netns")
_VERBS = frozenset({"show", "list", "lst", "ls", "s", "l", "sh"})
_CHANGES = frozenset({"add", "a", "del", "delete", "d", "set", "replace", "change", "flush", "append"})
_FLAGS = {
    "-br": "brief", "-brief": "brief", "-o": "oneline", "-oneline": "oneline", "-j": "json", "-json": "json",
    "-4": "4", "-6": "6", "-p": "pretty", "-pretty": "pretty", "-d": "details", "-details": "details",
    "-s": "stats", "-stats": "stats", "-statistics": "stats", "-c": "colour", "-color": "colour",
    "-c=always": "colour", "-color=always": "colour", "-r": "resolve", "-h": "human", "-human": "human",
    "-N": "numeric", "-a": "all",
}  # fmt: skip
_FAMILIES = {"inet": "4", "inet6": "6"}
_RULES = (("0", "local"), ("32766", "main"), ("32767", "default"))
_USAGE = """\
Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
       ip [ -force ] -batch filename
where  OBJECT := { address | addrlabel | amt | fou | help | ila | ioam | l2tp |
                   link | macsec | maddress | monitor | mptcp | mroute | mrule |
                   neighbor | neighbour | netconf | netns | nexthop | ntable |
                   ntbl | route | rule | sr | tap | tcpmetrics |
                   token | tunnel | tuntap | vrf | xfrm }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -r[esolve] |
                    -h[uman-readable] | -iec | -j[son] | -p[retty] |
                    -f[amily] { inet | inet6 | mpls | bridge | link } |
                    -4 | -6 | -M | -B | -0 |
                    -l[oops] { maximum-addr-flush-attempts } | -br[ief] |
                    -o[neline] | -t[imestamp] | -ts[hort] | -b[atch] [filename] |
                    -rc[vbuf] [size] | -n[etns] name | -N[umeric] | -a[ll] |
                    -c[olor]}"""


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
        word = word[1:] if word.startswith("--") else word
        if word in ("-V", "-Version"):
            context.print("ip utility, iproute2-6.1.0, libbpf 1.1.2")
            return 0
        if word in ("-f", "-family"):
            flags.add(_FAMILIES.get(words.pop(0) if words else "", ""))
            continue
        if word == "-help":
            return context.fail(_USAGE, 255)
        if word not in _FLAGS:
            return context.fail(f'Option "{word}" is unknown, try "ip -help".', 255)
        flags.add(_FLAGS[word])
    if not words or words[0] == "help":
        return context.fail(_USAGE, 255)
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
    return _shown(context, name, rest, flags)


def _shown(context: Context, name: str, rest: list[str], flags: set[str]) -> int:
    fabric, host = dataplane.world(context.cluster).fabric, host_of(context)
    match name:
        case "address" | "link":
            return show(context, fabric, host, rest, flags, link=name == "link")
        case "route" if rest[:1] == ["get"]:
            return show_route_to(context, host, rest[1:], flags)
        case "route":
            return show_routes(context, host, rest, flags)
        case "rule":
            return _rules(context, flags)
        case "netns":
            return _namespaces(context, host)
        case _:
            return 0 if "6" in flags else _neighbours(context, host)


def _rules(context: Context, flags: set[str]) -> int:
    rules = _RULES[:2] if "6" in flags else _RULES
    if "json" in flags:
        objects = [{"priority": int(number), "src": "all", "table": table} for number, table in rules]
        context.print(json_text(objects, pretty="pretty" in flags))
        return 0
    for number, table in rules:
        context.print(f"{number}:\tfrom all lookup {table}")
    return 0


def _namespaces(context: Context, host: Host) -> int:
    """`ip netns`: on a node the namespaces of its pods, by the names that the CNI plugin gave them."""
    fabric = dataplane.world(context.cluster).fabric
    numbers = {each.space: each.space_number for each in shown_interfaces(fabric, host)}
    for space, number in numbers.items():
        if space.startswith("link-netns "):
            context.print(f"{space.split()[1]} (id: {number})")
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
                context.print(f"{dotted(addresses[0].address)} dev {own[0]} lladdr {hardware} REACHABLE ")
    return 0
