"""The courses that exchanges took, so that one like an earlier one need not be walked again.

Two exchanges between the same ends take the same course if each draw decides alike, no rule tells their ports
apart, and no host remembers what would matter to them. Then they differ by the drawn numbers alone: what was
noted of the first, with others put in, is what would have been noted of the second, and the connection tables
get the same entries. An exchange that depends on more (affinity, a taken port, ipvs) leaves no course behind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from svclab.linux.conntrack import CREATED, Entry
from svclab.linux.dice import Dice
from svclab.linux.drawn import DrawnPort, filled
from svclab.linux.draws import Fork, Numbers, Recorder
from svclab.linux.exchange import Exchange, Part
from svclab.linux.host import Host
from svclab.linux.iptables.rules import Chain
from svclab.linux.iptables.traverse_log import DRAWN, HIT, MISSED, Log
from svclab.linux.netfilter import Hooks
from svclab.linux.skb import Key
from svclab.linux.trace import Conntrack as ConntrackStep
from svclab.linux.trace import Death, Outcome

MOST_COURSES = 4096


class Courses:
    """All courses that one fabric knows, by what was known before the first draw and by what was drawn."""

    def __init__(self) -> None:
        self._begun: dict[object, Fork | Course] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many are known."""
        return self._count

    def __contains__(self, way: object) -> bool:
        """Whether some exchange went this way."""
        return way in self._begun

    def follow(
        self, way: object, source_port: int, dice: Dice, now: float, flow: int
    ) -> list[Exchange] | None:
        """Exchanges that go as some before; None if none did, and then nothing has happened.

        `way`: all that is known of it at first, apart from its source port.
        """
        numbers: Numbers = [source_port]
        before = dice.drawn
        place = self._begun.get(way)
        while place is not None and type(place) is not Course:
            place = place.pass_by(dice, numbers, now)
        exchanges = place.repeat(numbers, now, flow) if place is not None else None
        if exchanges is None:
            dice.go_back(before)
        return exchanges

    def keep(self, way: object, recorder: Recorder, course: "Course") -> None:
        """Remember a course, under what was asked and answered on the way."""
        if self._count >= MOST_COURSES:
            self._begun.clear()
            self._count = 0
        ways, answer = self._begun, way
        for fork, answered in recorder.asked:
            known = ways.get(answer)
            if known != fork:
                known = ways[answer] = fork
            ways, answer = known.ways, answered
        ways[answer] = course
        self._count += 1


@dataclass(frozen=True, slots=True)
class Course:
    """How the exchanges of a socket went, and by `ports` which others go the same way.

    `hosts`: those that they passed, with the rules of then. `own_ports`: those that are always the same.
    """

    hosts: tuple[tuple[Host, Hooks], ...]
    ports: tuple["PortBounds", ...]
    own_ports: tuple[int, ...]
    connections: tuple["Connection", ...]
    parts: tuple[Part, ...]

    def repeat(self, numbers: Numbers, now: float, flow: int) -> list[Exchange] | None:
        """Exchanges with these numbers; None, and nothing has happened, where they would go another way."""
        if not self._is_open_to(numbers):
            return None
        numbers += self.own_ports
        coming = []
        for connection in self.connections:
            table, entry = connection.host.state.conntrack, connection.entry_of(numbers, now)
            over = table.over_for(entry, now)
            if over is None:
                return None
            coming.append((table, entry, over))
        for table, entry, over in coming:
            for each in over:
                table.remove(each)
            table.put(entry)
        return [Exchange(flow, part, numbers) for part in self.parts]

    def _is_open_to(self, numbers: Numbers) -> bool:
        for host, rules in self.hosts:
            if host.hooks is not rules:
                return False
        ports = set()
        for place, low, high, others in self.ports:
            port = numbers[place]
            if not low <= port <= high or port in others:
                return False
            ports.add(port)
        return len(ports) == len(self.ports)


class PortBounds(NamedTuple):
    """Which ports go a course: from `low` to `high` without the `others`. `place`: among the numbers."""

    place: int
    low: int
    high: int
    others: frozenset[int]


@dataclass(frozen=True, slots=True)
class Connection:
    """What an exchange leaves in a host's connection table: an entry like `entry`, but with other ports.

    In the headers `original` and `reply`, places among the exchange's numbers stand for ports.
    """

    host: Host
    entry: Entry
    original: Key
    reply: Key
    timeout: int

    def entry_of(self, numbers: Numbers, now: float) -> Entry:
        """The entry of an exchange with these numbers."""
        protocol, source, source_place, destination, place = self.original
        original = (protocol, source, numbers[source_place], destination, numbers[place])
        protocol, source, source_place, destination, place = self.reply
        reply = (protocol, source, numbers[source_place], destination, numbers[place])
        return self.entry.twin(original, reply, now, now + self.timeout)


# ---- the first to go a course ----


def course_of(recorder: Recorder, hosts: Mapping[str, Host], parts: tuple[Part, ...]) -> Course | None:
    """The course of exchanges that were just run with a recorder over these hosts; None where no others can
    follow it.

    Puts plain numbers into the entries that they left.
    """
    noted = [entry for part in parts for entry in part.notes.blank]
    opened, meets_others = _tracked(noted)
    tables = [(hosts[name], hosts[name].state.conntrack.entries.get(key)) for name, key in opened]
    left = [(host, entry) for host, entry in tables if entry]
    _, _, first, *_ = noted[0]
    own_ports = _own_ports([first[1], *(key for _, each in left for key in (each.original, each.reply))])
    connections = tuple(_connection(host, entry, recorder, own_ports) for host, entry in left)
    for host, entry in left:
        original, reply = filled(entry.original, recorder.numbers), filled(entry.reply, recorder.numbers)
        host.state.conntrack.rename(entry, original, reply)
    is_usual = not meets_others and len(left) == len(opened) and _is_repeatable(recorder, own_ports)
    if not is_usual or any(map(_asks_memory, noted)) or any(host.balancer for host in hosts.values()):
        return None
    rules = tuple((host, host.hooks) for host in hosts.values())
    bounds = tuple(
        PortBounds(port.place, port.low, port.high, frozenset((*port.others, *own_ports)))
        for port in recorder.ports
    )
    return Course(rules, bounds, own_ports, connections, parts)


def _tracked(noted: Log) -> tuple[list[tuple[str, Key]], bool]:
    """The connections that an exchange opened, as (host's name, original header), and whether connection
    tables said anything of others.
    """
    opened: dict[tuple[str, Key], None] = {}
    meets_others = False
    for entry in noted:
        if entry[0] is ConntrackStep:
            _, name, _, _, original, _, note = entry
            if note == CREATED:
                opened[name, original] = None
            elif (name, original) not in opened:
                meets_others = True
    return list(opened), meets_others


def _is_repeatable(recorder: Recorder, own_ports: tuple[int, ...]) -> bool:
    """Whether another exchange would be asked the same, and no drawn port is mistaken for another."""
    ports = [int(port) for port in recorder.ports]
    return recorder.is_repeatable and len({*ports, *own_ports}) == len(ports) + len(own_ports)


def _own_ports(headers: list[Key]) -> tuple[int, ...]:
    """The ports in headers that are not drawn, in ascending order."""
    ports = [header[place] for header in headers for place in (2, 4)]
    return tuple(sorted({port for port in ports if type(port) is not DrawnPort}))


def _connection(host: Host, entry: Entry, recorder: Recorder, own_ports: tuple[int, ...]) -> Connection:
    def placed(header: Key) -> Key:
        protocol, source, source_port, destination, port = header
        return (protocol, source, place(source_port), destination, place(port))

    def place(port: int) -> int:
        if isinstance(port, DrawnPort):
            return port.place
        return len(recorder.numbers) + own_ports.index(port)

    timeout = round(entry.expires - entry.created)  # the kernel's are whole seconds
    return Connection(host, entry.copy(), placed(entry.original), placed(entry.reply), timeout)


def _asks_memory(entry: tuple[Any, ...]) -> bool:
    """Whether the note is about what asks or changes more of a host's memory than its connection table."""
    match entry:
        case (found, _, _, code, *_) if found is Death:
            return code in (Outcome.REJECTED, Outcome.UNREACHABLE)  # it keeps the refused connection in mind
        case (int(code), Chain() as chain, int(first), int(stop)) if code == MISSED:
            return any(volatile for *_, volatile in chain.compiled[first:stop])
        case (int(code), Chain() as chain, int(number), *_) if code in (HIT, DRAWN):
            return chain.compiled[number][3]
        case _:
            return False
