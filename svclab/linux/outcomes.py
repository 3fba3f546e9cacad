"""Every way in which a request can end, with exact probabilities: each random draw is followed both ways."""

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from ipaddress import ip_address

from svclab.linux.dice import Dice
from svclab.linux.fabric import Fabric
from svclab.linux.nat import Replies
from svclab.linux.packet import Packet
from svclab.linux.trace import Outcome, Verdict

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PossibleOutcome:
    """One end of a request. `source_seen`: the client's address as the server sees it."""

    verdict: Verdict
    endpoint: str | None
    source_seen: str | None
    probability: Fraction
    code: Outcome


class Explorer:
    """Answers draws by a script of choices and, past its end, with the first choice, noting what else there
    was.

    Ports are drawn off a fixed seed: they do not decide who answers.
    """

    def __init__(self, script: tuple[int, ...]) -> None:
        self.script = script
        self.made: list[tuple[int, tuple[Fraction, ...]]] = []  # choice taken, chances of all choices
        self.ports = Dice("outcomes")

    def _choose(self, chances: tuple[Fraction, ...]) -> int:
        at = len(self.made)
        choice = self.script[at] if at < len(self.script) else next(i for i, c in enumerate(chances) if c)
        self.made.append((choice, chances))
        return choice

    def happens(self, threshold: int) -> tuple[bool, float]:
        """Follow one branch of a statistic match."""
        chance = Fraction(min(threshold, 1 << 31), 1 << 31)
        happened = self._choose((chance, 1 - chance)) == 0
        return happened, 0.0 if happened else 1.0

    def one_of(self, count: int) -> int:
        """Follow one of `count` equal branches."""
        return self._choose((Fraction(1, count),) * count)

    def port(self, low: int, high: int, replies: Replies, now: float) -> int:
        """A port, which decides nothing."""
        return self.ports.port(low, high, replies, now)

    def integer(self, below: int) -> int:
        """A number that decides nothing: another port in place of one that is taken."""
        return self.ports.integer(below)

    @property
    def probability(self) -> Fraction:
        """How likely exactly these choices are."""
        product = Fraction(1)
        for choice, chances in self.made:
            product *= chances[choice]
        return product

    def next_script(self) -> tuple[int, ...] | None:
        """The next unexplored branch in order, or None when all have been seen."""
        made = [choice for choice, _ in self.made]
        while made:
            chances = self.made[len(made) - 1][1]
            following = next((i for i in range(made[-1] + 1, len(chances)) if chances[i]), None)
            if following is not None:
                return (*made[:-1], following)
            made.pop()
        return None


def outcomes(
    fabric: Fabric, source: str, packet: Packet, via: str | None = None, now: datetime = EPOCH
) -> list[PossibleOutcome]:
    """All possible ends of this request, the likeliest first, probabilities summing to 1.

    Starts each time from what the hosts remember now (fresh hosts: no affinity), and leaves that as it was.
    """
    found: dict[tuple[Verdict, str | None, str | None, Outcome], Fraction] = {}
    script: tuple[int, ...] | None = ()
    remembered = {name: host.state for name, host in fabric.hosts.items()}
    try:
        while script is not None:
            for name, state in remembered.items():
                fabric.hosts[name].state = state.copy()
            explorer = Explorer(script)
            result = fabric.exchange(source, packet, explorer, now, via=via)
            key = (result.verdict, result.endpoint, result.source_seen, result.code)
            found[key] = found.get(key, Fraction(0)) + explorer.probability
            script = explorer.next_script()
    finally:
        for name, state in remembered.items():
            fabric.hosts[name].state = state
    return [
        PossibleOutcome(verdict, endpoint, seen, chance, code)
        for (verdict, endpoint, seen, code), chance in sorted(found.items(), key=_by_endpoint)
    ]


def _by_endpoint(
    item: tuple[tuple[Verdict, str | None, str | None, Outcome], Fraction],
) -> tuple[object, ...]:
    (verdict, endpoint, _, code), chance = item
    likelihood = -round(chance, 6)  # the kernel's thresholds make equals differ in the tenth decimal
    if endpoint is None:
        return (likelihood, 0, 0, verdict, code)
    address, _, port = endpoint.rpartition(":")
    return (likelihood, int(ip_address(address.strip("[]"))), int(port), verdict, code)
