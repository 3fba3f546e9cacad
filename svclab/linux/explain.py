"""A log of what happened, turned into the trace's steps: every rule that was compared, with the reason in
words.

The engine notes numbers while it runs (`iptables.traverse`, `host`, `fabric`); the words are made here, on
demand.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from svclab.linux.host import CHOSEN, WALK
from svclab.linux.iptables.headers import Match
from svclab.linux.iptables.matches import StatisticMatch
from svclab.linux.iptables.rules import Chain, Rule
from svclab.linux.iptables.save import print_rule
from svclab.linux.iptables.targets import Effect, Target
from svclab.linux.iptables.traverse_log import DRAWN, ENDED, HIT, MARKED, MISSED, SKIPPED, Log
from svclab.linux.nftables.rule import verdict
from svclab.linux.nftables.sets import Element
from svclab.linux.nftables.statements import FromNumgen, Numgen
from svclab.linux.packet import Packet
from svclab.linux.routing import HostRoute
from svclab.linux.skb import Skb, Wire, address_text, five_tuple, packet_of
from svclab.linux.trace import Conntrack, Mark, Nat, Origin, Route, Skipped, Step
from svclab.linux.trace import Rule as RuleStep


def steps_of(log: Log, flow: int) -> tuple[Step, ...]:
    """All steps of a log, for the flow of this number."""
    return tuple(_Narrator(flow).tell(log))


def _route_words(wire: Wire, next_hop: int | None, why: HostRoute | str | None) -> list[str]:
    """The next hop as text, and the reason: the line of the routing table, or that the address is the
    host's own.
    """
    if next_hop is None:
        return ["", f"{address_text(wire[0], wire[1][3])} is an address of this host"]
    return [address_text(wire[0], next_hop), why.text() if isinstance(why, HostRoute) else str(why)]


class _Narrator:
    """Goes through a log once; remembers where in the chains the walk is."""

    def __init__(self, flow: int) -> None:
        self.flow = flow
        self.host = self.table = self.hook = ""
        self.packet: Packet | None = None
        self.skb: Skb | None = None
        self.path: list[Chain] = []
        self.packets: dict[Wire, Packet] = {}

    def tell(self, log: Log) -> Iterator[Step]:
        for entry in log:
            code = entry[0]
            if code == WALK:
                self._begin_walk(entry)
            elif code == CHOSEN:
                _, host, wire, hook, choice = entry
                yield choice.step(self.flow, host, wire, hook)
            elif isinstance(code, int):
                yield from self._walked(entry)
            elif isinstance(code, Callable) and not isinstance(code, type):
                yield from code(self)
            else:
                yield self._step(entry)

    def _step(self, entry: tuple[Any, ...]) -> Step:
        cls, host, wire, *rest = entry
        if cls is Conntrack:
            rest[1:3] = [five_tuple(wire[0], rest[1]), five_tuple(wire[0], rest[2])]
        elif cls is Nat:
            rest[1] = self._packet(rest[1])
        elif cls is Route:
            rest[2:4] = _route_words(wire, rest[2], rest[3])
        return cls(self.flow, host, self._packet(wire), *rest)

    def _packet(self, wire: Wire) -> Packet:
        found = self.packets.get(wire)
        if found is None:
            found = self.packets[wire] = packet_of(wire)
        return found

    def _begin_walk(self, entry: tuple[Any, ...]) -> None:
        _, self.host, wire, self.table, self.hook, looked = entry
        self.packet = self._packet(wire)
        self.path = []
        host, in_interface, out_interface, mark, state, dnat, snat, now = looked
        skb = Skb(wire, host, now, None)  # type: ignore[arg-type]  # nothing is drawn any more
        skb.in_interface, skb.out_interface, skb.mark = in_interface, out_interface, mark
        skb.state, skb.dnat, skb.snat = state, dnat, snat
        self.skb = skb

    def _walked(self, entry: tuple[Any, ...]) -> Iterable[Step]:
        match entry:
            case (code, Chain() as chain, int(first), int(stop)) if code == MISSED:
                self._enter(chain)
                return [self._missed(chain, number) for number in range(first, stop)]
            case (code, chain, int(first), int(stop)) if code == SKIPPED:
                self._enter(chain)
                return [self._skipped(chain, first, stop)]
            case (code, chain, int(number), note) if code == HIT:
                self._enter(chain)
                return [self._hit(chain, number, note)]
            case (code, chain, int(number), note, failed) if code == DRAWN:
                self._enter(chain)
                return [self._missed(chain, number, note, failed)]
            case (code, int(before), int(after)) if code == MARKED:
                assert self.skb
                self.skb.mark = after
                return [Mark(self.flow, self.host, self.packet, before, after)]
            case (code, chain) if code == ENDED:
                self._enter(chain)
                return [self._ended(chain)]
            case _:
                raise ValueError(f"unknown log entry {entry!r}")

    def _enter(self, chain: Chain) -> None:
        """Keep the path: a chain that is on it was returned to, another one was jumped to."""
        while chain in self.path and self.path[-1] is not chain:
            self.path.pop()
        if not self.path or self.path[-1] is not chain:
            self.path.append(chain)

    def _rule(self, chain: Chain, number: int, matched: bool, why: str, note: object) -> RuleStep:
        rule = chain.rules[number]
        known = _known(rule)
        draw, probability = _chance(known, note)
        decided = _decided(rule, note) if matched else rule.target
        origin = (self._found_in(known) if matched else None) or rule.origin
        text = rule.spelled or f"-A {chain.name} {known.text}".rstrip()
        return RuleStep(
            self.flow, self.host, self.packet, self.hook, self.table, chain.name, self._names(), number + 1,
            text, matched, why, decided.name if decided else None, draw, probability, origin,
        )  # fmt: skip

    def _found_in(self, known: "_Known") -> Origin | None:
        """What made the element in which a rule last found the packet, or the choice that was drawn."""
        assert self.skb
        return next((origin for test in reversed(known.tests) if (origin := test.origin(self.skb))), None)

    def _names(self) -> tuple[str, ...]:
        return tuple(chain.name for chain in self.path)

    def _hit(self, chain: Chain, number: int, note: object) -> RuleStep:
        assert self.skb
        self.skb.note = note
        rule = chain.rules[number]
        facts = [fact for test in _known(rule).tests if (fact := test.fact(self.skb))]
        why = ", ".join(facts) or "every packet fits"
        step = self._rule(chain, number, True, why, note)
        decided = _decided(rule, note)
        if decided and decided.effect is Effect.GOTO:
            self.path.pop()
        return step

    def _missed(
        self, chain: Chain, number: int, note: object = None, failed: Match | None = None
    ) -> RuleStep:
        assert self.skb
        self.skb.note = note
        failed = failed or _first_that_fails(chain.rules[number], self.skb)
        return self._rule(chain, number, False, failed.why_not(self.skb), note)

    def _skipped(self, chain: Chain, first: int, stop: int) -> Skipped:
        assert self.skb
        why = f"{stop - first} rules for other addresses, protocols or ports"
        return Skipped(
            self.flow, self.host, self.packet, self.hook, self.table, chain.name, first + 1, stop - first, why
        )

    def _ended(self, chain: Chain) -> RuleStep:
        if chain.policy is not None:
            text = f"-P {chain.name} {chain.policy}"
            if chain.language == "nft":
                text = f"policy {chain.policy.lower()};"
            why = "no rule decided: the chain's policy"
        else:
            text, why = f":{chain.name}", "the end of the chain: back to the caller"
        step = RuleStep(
            self.flow, self.host, self.packet, self.hook, self.table, chain.name, self._names(), 0, text,
            True, why, chain.policy or "RETURN",
        )  # fmt: skip
        self.path.pop()
        return step


class _Known:
    """What is told of a rule whatever the packet: its tests, its text without the chain, what it draws by."""

    __slots__ = ("draws", "rule", "tests", "text")

    def __init__(self, rule: Rule) -> None:
        self.rule, self.tests = rule, rule.tests
        self.text = "" if rule.spelled else print_rule(rule)
        self.draws = next((m for m in rule.matches if isinstance(m, StatisticMatch | Numgen)), None)


_MOST_KNOWN = 65536
_known_rules: dict[int, _Known] = {}


def _known(rule: Rule) -> _Known:
    """By identity: comparing and hashing a rule with all its matches takes longer than what is looked up."""
    found = _known_rules.get(id(rule))
    if found is None or found.rule is not rule:
        if len(_known_rules) >= _MOST_KNOWN:
            _known_rules.clear()
        found = _known_rules[id(rule)] = _Known(rule)
    return found


def _chance(known: _Known, note: object) -> tuple[float | None, float | None]:
    """The number drawn and the chance, if the rule draws; for numgen which of its choices, and 1/n."""
    match = known.draws
    if match is None:
        return None, None
    if isinstance(match, StatisticMatch):
        return (note if isinstance(note, float) else None), match.probability
    return (note if isinstance(note, int) else None), 1 / match.count


def _decided(rule: Rule, note: object) -> Target | None:
    """What the rule's target came to: in a map or after a draw, the element's."""
    if isinstance(note, Element):
        return verdict(note.verdict)
    if isinstance(rule.target, FromNumgen) and isinstance(note, int):
        return rule.target.choices[note]
    return rule.target


def _first_that_fails(rule: Rule, skb: Skb) -> Match:
    """Of the tests that depend on the packet alone."""
    for test in _known(rule).tests:
        if not test.stateful and not test.holds(skb):
            return test
    raise AssertionError(f"rule was noted as a miss, but fits: {_known(rule).text}")
