"""All ends that a request can have, names included, with exact probabilities.

First every way in which the look-up can go (each of its packets may reach another CoreDNS pod), then for
each address every way of the connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from fractions import Fraction
from ipaddress import ip_address

from svclab.dns.name import parse_address
from svclab.kube.nameserver import Asker, resolver_setup
from svclab.kube.request import Request, Target, read_target
from svclab.kube.world import World
from svclab.linux.dice import Dice
from svclab.linux.fabric import Fabric, NoAddress
from svclab.linux.outcomes import Explorer, PossibleOutcome, outcomes
from svclab.linux.trace import Outcome, Verdict

Found = tuple[str | None, Outcome]  # an address, or why there is none


def possible_outcomes(world: World, request: Request, now: datetime) -> list[PossibleOutcome]:
    """The ends of a request, the likeliest first, probabilities summing to 1.

    Hosts remember afterwards what they remembered before. A headless Service's addresses come in random
    order, so each is the first, the one that is tried, equally often. Raises BadTarget, and KeyError for an
    unknown source or via.
    """
    target = read_target(request.target, request.port)
    world.fabric.host(request.source)
    chances: dict[tuple[Verdict, str | None, str | None, Outcome], Fraction] = {}
    for (address, code), chance in _look_ups(world, request, target, now).items():
        for end in _connections(world, request, target, address, code, now):
            key = (end.verdict, end.endpoint, end.source_seen, end.code)
            chances[key] = chances.get(key, Fraction(0)) + chance * end.probability
    ends = [
        PossibleOutcome(verdict, endpoint, seen, chance, code)
        for (verdict, endpoint, seen, code), chance in chances.items()
    ]
    return sorted(ends, key=lambda end: -round(end.probability, 6))


def _connections(
    world: World, request: Request, target: Target, address: str | None, code: Outcome, now: datetime
) -> list[PossibleOutcome]:
    """The ends of connecting to an address; one certain end if there is none."""
    if address is None:
        return [PossibleOutcome(Verdict.ERROR, None, None, Fraction(1), code)]
    fabric, source, port = world.fabric, request.source, target.port
    try:
        packet = fabric.first_packet(source, ip_address(address), port, request.protocol, Dice("possible"))
    except NoAddress:
        return [PossibleOutcome(Verdict.ERROR, None, None, Fraction(1), Outcome.UNREACHABLE)]
    return outcomes(fabric, source, packet, request.via, now)


def _look_ups(world: World, request: Request, target: Target, now: datetime) -> dict[Found, Fraction]:
    """What looking the target up can give, with probabilities."""
    known = request.address or (target.host if parse_address(target.host) else None)
    if known:
        return {(None, Outcome.NODATA) if ":" in known else (known, Outcome.OK): Fraction(1)}
    setup = resolver_setup(world.snapshot, request.source, request.container, world.kubelet)
    library = request.resolver or setup.library
    found: dict[Found, Fraction] = {}
    for explorer in _branches(world):
        asker = Asker(world.fabric, world.names, request.source, explorer, now)  # type: ignore[arg-type]
        end = asker.look_up(target.host, setup.conf, setup.hosts, library)
        addresses = [address for address in end.addresses if ":" not in address]
        code = Outcome(end.code.value)
        ends: list[Found] = [(address, Outcome.OK) for address in addresses]
        if not ends:
            ends = [(None, Outcome.NODATA if code is Outcome.OK else code)]
        for each in ends:
            found[each] = found.get(each, Fraction(0)) + explorer.probability / len(ends)
    return found


def _branches(world: World) -> Iterator[Explorer]:
    """An Explorer for each way in which the hosts' draws can fall, from what they remember now."""
    script: tuple[int, ...] | None = ()
    while script is not None:
        explorer = Explorer(script)
        with forgetting(world.fabric):
            yield explorer
        script = explorer.next_script()


@contextmanager
def forgetting(fabric: Fabric) -> Iterator[None]:
    """What hosts learn inside (connections, affinity) is forgotten afterwards."""
    remembered = {name: host.state for name, host in fabric.hosts.items()}
    for name, state in remembered.items():
        fabric.hosts[name].state = state.copy()
    try:
        yield
    finally:
        for name, state in remembered.items():
            fabric.hosts[name].state = state
