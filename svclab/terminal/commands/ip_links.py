"""`ip link` and `ip address`: the interfaces of a host. Source: iproute2 6.1."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Network
from typing import Any
from uuid import UUID

from svclab.linux.fabric import Fabric
from svclab.linux.host import Host
from svclab.linux.routing import Interface, InterfaceAddress
from svclab.terminal.commands.ip_text import (
    coloured_brief,
    coloured_link,
    dotted,
    hardware_address,
    json_text,
    link_local,
)
from svclab.terminal.commands.registry import Context

_FOR_EVER = 4294967295
_LIFETIME = "       valid_lft forever preferred_lft forever"
_KINDS = {"kube-ipvs0": "dummy"}
_ALONE = frozenset({"up", "primary", "permanent", "dynamic", "secondary", "nomaster"})
_PAIRS = frozenset({"dev", "type", "scope", "to", "label", "master", "group", "vrf"})


@dataclass(frozen=True, slots=True)
class Shown:
    """One interface of a host. `peer` is the number of a veth's other end, `space` what says in which network
    namespace that lies, `space_number` the number that the kernel has for it here.
    """

    number: int
    interface: Interface
    hardware: str
    peer: int = 0
    space: str = ""
    space_number: int = 0

    @property
    def name(self) -> str:
        """Its own name."""
        return self.interface.name

    @property
    def is_loopback(self) -> bool:
        """Whether it is lo."""
        return self.name == "lo"

    @property
    def is_up(self) -> bool:
        """kube-ipvs0 only bears addresses; nobody has set it up."""
        return self.name != "kube-ipvs0"

    @property
    def kind(self) -> str:
        """Its type as `type` asks for it, "" for what is no virtual device."""
        return "veth" if self.peer else _KINDS.get(self.name, "")

    @property
    def full_name(self) -> str:
        """With its peer: "eth0@if3"."""
        return f"{self.name}@if{self.peer}" if self.peer else self.name

    @property
    def flags(self) -> list[str]:
        """LOOPBACK, UP and so on."""
        if not self.is_up:
            return ["BROADCAST", "NOARP"]
        return [*(["LOOPBACK"] if self.is_loopback else ["BROADCAST", "MULTICAST"]), "UP", "LOWER_UP"]

    @property
    def state(self) -> str:
        """Its operational state."""
        return "UNKNOWN" if self.is_loopback else ("UP" if self.is_up else "DOWN")

    @property
    def broadcast(self) -> str:
        """The link's broadcast address."""
        return "00:00:00:00:00:00" if self.is_loopback else "ff:ff:ff:ff:ff:ff"

    @property
    def mtu(self) -> int:
        """In bytes."""
        return 65536 if self.is_loopback else 1500

    @property
    def inet6(self) -> str:
        """The IPv6 address that the kernel gives it by itself, "" while it is down."""
        return "::1/128" if self.is_loopback else (f"{link_local(self.hardware)}/64" if self.is_up else "")


def shown_interfaces(fabric: Fabric, host: Host) -> list[Shown]:
    """The interfaces of a host in order of their numbers."""
    found = []
    peers = {end: other for link in fabric.links if len(link.ends) == 2
             for end, other in (link.ends, link.ends[::-1])}  # fmt: skip
    spaces = 0
    for number, interface in enumerate(host.routing.interfaces.values(), 1):
        hardware = (
            "00:00:00:00:00:00" if interface.name == "lo" else hardware_address(host.name + interface.name)
        )
        other, far = peers.get((host.name, interface.name), ("", ""))
        if not other or {other.partition("/")[0], host.name.partition("/")[0]} != {"pod", "node"}:
            found.append(Shown(number, interface, hardware))
            continue
        peer = list(fabric.hosts[other].routing.interfaces).index(far) + 1
        space = f"link-netns {namespace(other)}" if other.startswith("pod/") else "link-netnsid 0"
        found.append(Shown(number, interface, hardware, peer, space, spaces))
        spaces += 1
    return found


def namespace(pod: str) -> str:
    """The name that the CNI plugin gave to a pod's network namespace."""
    return f"cni-{UUID(bytes=sha256(pod.encode()).digest()[:16], version=4)}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which interfaces and addresses are asked for; "" and None: all."""

    device: str | None = None
    kind: str | None = None
    scope: str = ""
    family: str = ""

    @classmethod
    def read(cls, words: Iterable[str], flags: set[str]) -> "Filter":
        """From the words after `show`."""
        settings: dict[str, str] = {}
        rest = iter(words)
        for word in rest:
            if word in _PAIRS:
                settings[word] = next(rest, "")
            elif word not in _ALONE:
                settings["dev"] = word
        family = "inet6" if "6" in flags else ("inet" if "4" in flags else "")
        return cls(settings.get("dev"), settings.get("type"), settings.get("scope", ""), family)

    def addresses(self, shown: Shown) -> list["Address"]:
        """Those of an interface's addresses that are asked for."""
        return [
            each
            for each in _addresses(shown)
            if self.family in ("", each.family) and self.scope in ("", each.scope)
        ]


@dataclass(frozen=True, slots=True)
class Address:
    """One address of an interface, as the listings name it."""

    family: str
    written: str
    scope: str
    label: str = ""
    broadcast: str = ""

    @property
    def line(self) -> str:
        """Its first line."""
        brd = f" brd {self.broadcast}" if self.broadcast else ""
        return f"    {self.family} {self.written}{brd} scope {self.scope} {self.label}"

    def as_json(self) -> dict[str, Any]:
        """Its object."""
        local, _, length = self.written.partition("/")
        found: dict[str, Any] = {"family": self.family}
        if " peer " in local:
            local, _, peer = local.partition(" peer ")
            found |= {"local": local, "address": peer, "prefixlen": int(length)}
        else:
            found |= {"local": local, "prefixlen": int(length)}
        found |= {"broadcast": self.broadcast} if self.broadcast else {}
        found |= {"scope": self.scope} | ({"label": self.label} if self.label else {})
        return found | {"valid_life_time": _FOR_EVER, "preferred_life_time": _FOR_EVER}


def _addresses(shown: Shown) -> list[Address]:
    scope = "host" if shown.is_loopback else "global"
    found = [
        Address("inet", _written(own), scope, shown.name, _broadcast(shown, own))
        for own in shown.interface.addresses
    ]
    if shown.inet6:
        found.append(Address("inet6", shown.inet6, "host" if shown.is_loopback else "link"))
    return found


def _written(own: InterfaceAddress) -> str:
    if own.peer is not None:
        return f"{dotted(own.address)} peer {dotted(own.peer)}/32"
    return f"{dotted(own.address)}/{own.length}"


def _broadcast(shown: Shown, own: InterfaceAddress) -> str:
    if shown.is_loopback or own.peer is not None or own.length >= 31:
        return ""
    return str(IPv4Network((own.address, own.length), strict=False).broadcast_address)


def show(
    context: Context, fabric: Fabric, host: Host, words: list[str], flags: set[str], *, link: bool
) -> int:
    """`ip link show` or `ip address show`, in the form that was asked for; the exit code."""
    asked = Filter.read(words, flags)
    every = shown_interfaces(fabric, host)
    if asked.device is not None and asked.device not in {each.name for each in every}:
        return context.fail(f'Device "{asked.device}" does not exist.')
    found = [
        each
        for each in every
        if asked.device in (None, each.name)
        and asked.kind in (None, each.kind)
        and (link or not (asked.family or asked.scope) or asked.addresses(each))
    ]
    if "json" in flags:
        objects = [_as_json(each, asked, brief="brief" in flags, link=link) for each in found]
        context.print(json_text(objects, pretty="pretty" in flags))
        return 0
    colour = coloured_brief if "brief" in flags else coloured_link
    for each in found:
        for line in _lines(each, asked, flags, link=link):
            context.print(colour(line) if "colour" in flags else line)
    return 0


def _lines(shown: Shown, asked: Filter, flags: set[str], *, link: bool) -> list[str]:
    addresses = () if link else asked.addresses(shown)
    if "brief" in flags:
        rest = [each.written for each in addresses]
        if link:
            rest = [shown.hardware, f"<{','.join(shown.flags)}>"]
        return [f"{shown.full_name:<16} {shown.state:<14} {' '.join(rest)}".rstrip() + " "]
    head = _head(shown, link=link)
    if "oneline" in flags:
        if link:
            return ["\\".join(head)]
        return [f"{shown.number}: {shown.name}{each.line}\\{_LIFETIME}" for each in addresses]
    lines = head
    if asked.family and not link:
        whole = asked.family == "inet" or asked.device is not None
        lines = [f"{head[0]}{f' {shown.space}' if shown.space else ''}" if whole else _short_head(shown)]
    for each in addresses:
        lines += [each.line, _LIFETIME]
    return lines


def _head(shown: Shown, *, link: bool) -> list[str]:
    mode = " mode DEFAULT" if link else ""
    queue = "noqueue" if shown.is_up else "noop"
    what = f"<{','.join(shown.flags)}> mtu {shown.mtu} qdisc {queue} state {shown.state}{mode}"
    kind = "loopback" if shown.is_loopback else "ether"
    space = f" {shown.space}" if shown.space else ""
    return [
        f"{shown.number}: {shown.full_name}: {what} group default qlen 1000",
        f"    link/{kind} {shown.hardware} brd {shown.broadcast}{space}",
    ]


def _short_head(shown: Shown) -> str:
    """What a list of IPv6's interfaces has of each."""
    what = f"<{','.join(shown.flags)}> mtu {shown.mtu} state {shown.state} qlen 1000"
    return f"{shown.number}: {shown.full_name}: {what}"


def _as_json(shown: Shown, asked: Filter, *, brief: bool, link: bool) -> dict[str, Any]:
    if brief:
        return _as_brief_json(shown, asked, link=link)
    found: dict[str, Any] = {"ifindex": shown.number}
    found |= {"link_index": shown.peer} if shown.peer else {}
    found |= {"ifname": shown.name, "flags": shown.flags, "mtu": shown.mtu}
    found |= {"qdisc": "noqueue" if shown.is_up else "noop", "operstate": shown.state}
    found |= {"linkmode": "DEFAULT"} if link else {}
    found |= {"group": "default", "txqlen": 1000, "link_type": "loopback" if shown.is_loopback else "ether"}
    found |= {"address": shown.hardware, "broadcast": shown.broadcast}
    found |= {"link_netnsid": shown.space_number} if shown.peer else {}
    return found if link else found | {"addr_info": [each.as_json() for each in asked.addresses(shown)]}


def _as_brief_json(shown: Shown, asked: Filter, *, link: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"link_index": shown.peer} if shown.peer else {}
    found |= {"ifname": shown.name, "operstate": shown.state}
    if link:
        return found | {"address": shown.hardware, "flags": shown.flags}
    infos = [each.as_json() for each in asked.addresses(shown)]
    keys = ("local", "address", "prefixlen")
    return found | {"addr_info": [{key: info[key] for key in keys if key in info} for info in infos]}
