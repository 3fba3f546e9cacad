"""Hosts joined by links, over which exchanges go: rule by rule, or on the course of an earlier one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from svclab.linux.courses import Courses, course_of
from svclab.linux.dice import Dice
from svclab.linux.draws import Recorder
from svclab.linux.exchange import Exchange, Part
from svclab.linux.host import Host
from svclab.linux.notes import Notes
from svclab.linux.packet import Address, Kind, Packet, Protocol
from svclab.linux.run import Run
from svclab.linux.skb import Wire, packet_of, wire_of

FIRST_KIND = {Protocol.TCP: Kind.SYN, Protocol.UDP: Kind.DATAGRAM, Protocol.SCTP: Kind.INIT,
              Protocol.ICMP: Kind.ECHO_REQUEST}  # fmt: skip
LOWEST_PORT, HIGHEST_PORT = 32768, 60999  # net.ipv4.ip_local_port_range


@dataclass(frozen=True, slots=True)
class Link:
    """A wire or a switch: the interfaces on it as (host, interface)."""

    ends: tuple[tuple[str, str], ...]


class NoAddress(LookupError):
    """The source host has no route to the destination, so its socket gets no address: connect() fails at
    once.
    """


class Fabric:
    """All hosts and links of one cluster and its surroundings."""

    def __init__(
        self,
        hosts: Iterable[Host],
        links: Iterable[Link],
        via: Mapping[str, Address] | None = None,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        """`via`: for each host that a request may be sent via, the address that the router hands it to.

        `aliases`: other names of hosts (a host-network pod is its node).
        """
        self.hosts = {host.name: host for host in hosts}
        self.links = tuple(links)
        self.via = dict(via or {})
        self.aliases = dict(aliases or {})
        self.courses = Courses()
        self._neighbours: dict[tuple[str, str], dict[int, tuple[str, str]]] = {}
        for link in self.links:
            self._wire_up(link)

    def _wire_up(self, link: Link) -> None:
        for end in link.ends:
            reachable: dict[int, tuple[str, str]] = {}
            for host, interface in link.ends:
                if (host, interface) != end:
                    for own in self.hosts[host].routing.interfaces[interface].addresses:
                        reachable[own.address] = (host, interface)
            self._neighbours[end] = reachable

    def host(self, name: str) -> Host:
        """The host of this name or alias. Raises KeyError."""
        return self.hosts[self.aliases.get(name, name)]

    # -- asking --------------------------------------------------------------------------------------------

    def first_packet(
        self,
        source: str,
        destination: Address,
        port: int,
        protocol: Protocol,
        chance: Any,
        source_port: int | None = None,
    ) -> Packet:
        """The packet that a fresh socket of `source` would send first: its address, a drawn ephemeral port.

        Raises NoAddress where connect() would fail with "network is unreachable".
        """
        return packet_of(self._first_wire(source, destination, port, protocol, chance, source_port))

    def _first_wire(
        self,
        source: str,
        destination: Address,
        port: int,
        protocol: Protocol,
        chance: Any,
        source_port: int | None = None,
    ) -> Wire:
        number = int(destination)
        address = self.host(source).routing.source_for(number)
        if address is None:
            raise NoAddress(f"{source} has no route to {destination}")
        if source_port is None:
            source_port = _ephemeral_port(chance)
        if protocol is Protocol.ICMP:
            port = 0
        key = (protocol, address, source_port, number, port)
        return (destination.version, key, FIRST_KIND[protocol], None, 64)

    def connect(
        self,
        source: str,
        destination: Address,
        port: int,
        protocol: Protocol,
        chance: Any,
        now: datetime,
        flow: int = 1,
        via: str | None = None,
    ) -> Exchange:
        """Send `first_packet`, and go on as `exchange`. Raises as they do, draws as they do."""
        seconds, source_port = now.timestamp(), None
        way = (source, via, destination.version, int(destination), port, protocol)
        if way in self.courses and isinstance(chance, Dice):  # the source's address is as it was
            source_port = _ephemeral_port(chance)
            known = self.courses.follow(way, source_port, chance, seconds, flow)
            if known is not None:
                return known[0]
        wire = self._first_wire(source, destination, port, protocol, chance, source_port)
        return self._walk(way, source, wire, chance, seconds, flow, via, 1)[0]

    def exchange(
        self, source: str, packet: Packet, chance: Any, now: datetime, flow: int = 1, via: str | None = None
    ) -> Exchange:
        """Send the first packet of a new connection from `source`, bring the answer back, and for TCP and
        SCTP send a request over the connection and its response.

        `via` names the node to which the router hands packets for the destination. Raises KeyError for an
        unknown host or `via`. Changes the hosts' connection tables and affinity lists.
        """
        return self.exchanges(source, packet, chance, now, flow, via)[0]

    def exchanges(
        self,
        source: str,
        packet: Packet,
        chance: Any,
        now: datetime,
        flow: int = 1,
        via: str | None = None,
        times: int = 1,
    ) -> list[Exchange]:
        """As `exchange`, so many times from the same socket. Goes the course of earlier ones where it can."""
        wire, seconds = wire_of(packet), now.timestamp()
        version, (protocol, address, port, destination, destination_port), kind, _, ttl = wire
        way = (source, via, version, protocol, address, destination, destination_port, kind, ttl, times)
        if isinstance(chance, Dice) and kind is FIRST_KIND[protocol]:
            known = self.courses.follow(way, port, chance, seconds, flow)
            if known is not None:
                return known
        return self._walk(way, source, wire, chance, seconds, flow, via, times)

    def _walk(
        self,
        way: object,
        source: str,
        wire: Wire,
        chance: Any,
        now: float,
        flow: int,
        via: str | None,
        times: int,
    ) -> list[Exchange]:
        """Exchanges rule by rule, as the first on their course where others can follow it."""
        version, (protocol, address, port, destination, destination_port), kind, about, ttl = wire
        if not isinstance(chance, Dice) or kind is not FIRST_KIND[protocol]:
            runs = self._runs(source, wire, chance, now, via, times)
            return [Exchange(flow, Part(run.ending, Notes(run.log))) for run in runs]
        recorder = Recorder(chance, port)
        key = (protocol, address, recorder.source_port, destination, destination_port)
        runs = self._runs(source, (version, key, kind, about, ttl), recorder, now, via, times)
        parts = tuple(Part(run.ending, Notes(run.log)) for run in runs)
        passed = {name: self.hosts[name] for run in runs for name in run.touched}
        course = course_of(recorder, passed, parts)
        if course is not None:
            self.courses.keep(way, recorder, course)
        return [Exchange(flow, part, recorder.numbers) for part in parts]

    def _runs(
        self, source: str, wire: Wire, chance: Any, now: float, via: str | None, times: int
    ) -> list[Run]:
        """Each packet walked from host to host and rule to rule."""
        runs = [Run(self, source, wire, chance, now) for _ in range(times)]
        for run in runs:
            if via is not None:
                run.force(via)
            try:
                run.connect()
            finally:
                run.clean_up()
        return runs

    def next_to(self, host: str, interface: str, next_hop: int) -> tuple[str, str] | None:
        """The host and interface that answer for an address on a link."""
        return self._neighbours.get((host, interface), {}).get(next_hop)


def _ephemeral_port(chance: Any) -> int:
    return LOWEST_PORT + chance.integer(HIGHEST_PORT - LOWEST_PORT + 1)
