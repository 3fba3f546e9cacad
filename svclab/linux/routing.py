"""Routes and local addresses of one host. Source: Linux 6.18 net/ipv4/fib_*.c, devinet.c."""

from collections.abc import Iterable
from dataclasses import dataclass

from svclab.linux.iptables.headers import Prefix
from svclab.linux.skb import address_text

_LOOPBACK = 127 << 24
_ALL_BITS = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address on an interface with the length of its on-link prefix; `peer`: the other end of a
    point-to-point link.
    """

    address: int
    length: int
    peer: int | None = None


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface and its addresses, the primary one first."""

    name: str
    addresses: tuple[InterfaceAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class HostRoute:
    """One line of `ip route`: where packets to `prefix` go. `via` None: the destination itself is on the
    link.

    `among`: next hops of equal worth, one of which is drawn for each flow. `blackhole`: swallowed in silence.
    """

    prefix: Prefix
    interface: str
    via: int | None = None
    source: int | None = None
    among: tuple[int, ...] = ()
    blackhole: bool = False

    def text(self) -> str:
        """As in words of the trace: `10.244.2.0/24 via 192.168.64.12 dev eth0`."""
        from_ = "default" if self.prefix.mask == 0 else self.prefix.words()
        version = self.prefix.version
        if self.among:
            hops = " or ".join(address_text(version, hop) for hop in self.among)
            return f"{from_} via {hops} dev {self.interface}"
        via = f" via {address_text(version, self.via)}" if self.via is not None else ""
        return f"{from_}{via} dev {self.interface}"


class Routing:
    """Longest-prefix look-up over interfaces and routes."""

    def __init__(
        self, interfaces: Iterable[Interface], routes: Iterable[HostRoute], version: int = 4
    ) -> None:
        self.version = version
        self.interfaces = {interface.name: interface for interface in interfaces}
        self.routes = tuple(routes)
        self.local = {a.address for i in self.interfaces.values() for a in i.addresses}
        self._by_length: dict[int, dict[int, HostRoute]] = {}
        for route in (*self.routes, *self._connected()):
            length = route.prefix.mask.bit_count()
            self._by_length.setdefault(length, {}).setdefault(route.prefix.network, route)
        self._lengths = sorted(self._by_length, reverse=True)
        self._cache: dict[int, HostRoute | None] = {}
        self._sources: dict[int, int | None] = {}

    def _connected(self) -> Iterable[HostRoute]:
        """The routes that adding an address makes: its subnet, or the peer."""
        bits = _ALL_BITS[self.version]
        for interface in self.interfaces.values():
            for own in interface.addresses:
                length = bits if own.peer is not None else own.length
                mask = ((1 << length) - 1) << (bits - length)
                network = (own.address if own.peer is None else own.peer) & mask
                if interface.name != "lo" and (length < bits or own.peer is not None):
                    yield HostRoute(Prefix(self.version, network, mask), interface.name, None, own.address)

    def is_local(self, address: int) -> bool:
        """Whether it is an address of this host; all of 127.0.0.0/8 is."""
        return address in self.local or (self.version == 4 and address >> 24 == 127)

    def address_type(self, address: int) -> str:
        """What an address is here: LOCAL, MULTICAST, BROADCAST, UNSPEC, else UNICAST."""
        if self.is_local(address):
            return "LOCAL"
        if self.version == 4:
            if address == 0:
                return "UNSPEC"
            if 224 <= address >> 24 <= 239:
                return "MULTICAST"
            if address == 0xFFFFFFFF or address in self._broadcasts():
                return "BROADCAST"
        return "UNICAST"

    def _broadcasts(self) -> set[int]:
        return {
            a.address | ((1 << (32 - a.length)) - 1)
            for i in self.interfaces.values()
            for a in i.addresses
            if a.length < 31 and a.peer is None
        }

    def lookup(self, address: int) -> HostRoute | None:
        """The route of the longest prefix, or None: network unreachable. Not for local addresses."""
        if address in self._cache:
            return self._cache[address]
        found = None
        bits = _ALL_BITS[self.version]
        for length in self._lengths:
            network = address & (((1 << length) - 1) << (bits - length))
            found = self._by_length[length].get(network)
            if found:
                break
        if len(self._cache) > 4096:
            self._cache.clear()
        self._cache[address] = found
        return found

    def source_for(self, destination: int) -> int | None:
        """The address that a socket of this host gets when it connects to `destination`; None without a
        route.
        """
        if destination not in self._sources:
            if len(self._sources) > 4096:
                self._sources.clear()
            self._sources[destination] = self._source_for(destination)
        return self._sources[destination]

    def _source_for(self, destination: int) -> int | None:
        if self.is_local(destination):
            return destination
        route = self.lookup(destination)
        if route is None:
            return None
        if route.source is not None:
            return route.source
        return self.address_on(route.interface, route.via if route.via is not None else destination)

    def address_on(self, interface: str, towards: int) -> int | None:
        """The address that MASQUERADE takes: of the interface, best in the next hop's subnet; never a
        loopback one.
        """
        bits = _ALL_BITS[self.version]
        addresses = self.interfaces[interface].addresses if interface in self.interfaces else ()
        usable = [a for a in addresses if interface != "lo"]
        for own in usable:
            mask = ((1 << own.length) - 1) << (bits - own.length)
            if towards & mask == own.address & mask or towards == own.peer:
                return own.address
        if usable:
            return usable[0].address
        others = (i for i in self.interfaces.values() if i.name != "lo" and i.addresses)
        first = next(others, None)
        return first.addresses[0].address if first else None
