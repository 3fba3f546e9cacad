"""One nftables rule, from its text as nft lists it. Source: nft(8) 1.0.6."""

import re
from collections.abc import Callable, Mapping

from svclab.linux.iptables.headers import Match, RuleError
from svclab.linux.iptables.options import nat_range
from svclab.linux.iptables.rules import Rule
from svclab.linux.iptables.targets import (
    REJECT_KINDS,
    Accept,
    Dnat,
    Drop,
    Goto,
    Jump,
    Masquerade,
    Reject,
    Return,
    SetMark,
    Snat,
    Target,
)
from svclab.linux.nftables.selectors import SELECTORS, Ranges, Selector
from svclab.linux.nftables.sets import NamedSet
from svclab.linux.nftables.statements import (
    ChangeMark,
    Comparison,
    FromLookup,
    FromNumgen,
    Numgen,
    SetLookup,
    Several,
    UpdateSet,
    VerdictLookup,
)
from svclab.linux.packet import Protocol
from svclab.linux.trace import Origin

_TOKEN = re.compile(r'"[^"]*"|\{[^{}]*\}|[^\s{}]+')
_PORT_SELECTOR = {"tcp": Protocol.TCP, "udp": Protocol.UDP, "sctp": Protocol.SCTP}
_LONGEST = 3  # words of a selector


class _Lazy(dict[str, Target]):
    """Verdict text -> target, read when first needed."""

    def __missing__(self, text: str) -> Target:
        self[text] = verdict(text)
        return self[text]


VERDICTS: Mapping[str, Target] = _Lazy()


def verdict(text: str) -> Target:
    """`drop`, `accept`, `return`, `goto X`, `jump X`. Raises RuleError."""
    match text.split():
        case ["drop"]:
            return Drop()
        case ["accept"]:
            return Accept()
        case ["return"]:
            return Return()
        case ["goto", chain]:
            return Goto(chain)
        case ["jump", chain]:
            return Jump(chain)
        case _:
            raise RuleError(f"'{text}' is not a verdict")


def parse_rule(
    text: str,
    sets: Mapping[str, NamedSet],
    version: int = 4,
    origin: Origin | None = None,
    drawn: tuple[Origin, ...] = (),
) -> Rule:
    """The rule; `sets` are those of its table, `drawn` is what made each of the choices that it draws from.
    Raises RuleError with the word that cannot be read.
    """
    return _Reader(text, sets, version, drawn).read(origin)


class _Reader:
    """Takes a rule's words one by one."""

    def __init__(
        self, text: str, sets: Mapping[str, NamedSet], version: int, drawn: tuple[Origin, ...] = ()
    ) -> None:
        self.text = text
        self.sets = sets
        self.drawn = drawn
        self.version = version
        self.words: list[str] = _TOKEN.findall(text)
        self.at = 0
        self.matches: list[Match] = []
        self.targets: list[Target] = []

    @property
    def word(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def take(self) -> str:
        if self.at >= len(self.words):
            raise RuleError(f"the rule ends too early: {self.text}")
        self.at += 1
        return self.words[self.at - 1]

    def expect(self, *words: str) -> None:
        for word in words:
            if self.take() != word:
                raise RuleError(f"'{word}' was expected in: {self.text}")

    def read(self, origin: Origin | None) -> Rule:
        while self.at < len(self.words):
            statement = _STATEMENTS.get(self.word)
            if statement:
                self.take()
                statement(self)
            elif not self._mark_statement():
                self._comparison()
        target = None
        if self.targets:
            target = self.targets[0] if len(self.targets) == 1 else Several(tuple(self.targets))
        return Rule(tuple(self.matches), target, origin, self.text)

    # -- what is compared ------------------------------------------------------------------------------------

    def _selectors(self) -> tuple[Selector, ...]:
        found = [self._selector()]
        while self.word == ".":
            self.take()
            found.append(self._selector())
        return tuple(found)

    def _selector(self) -> Selector:
        if self.word in _PORT_SELECTOR and self.words[self.at + 1 : self.at + 2] in (["dport"], ["sport"]):
            protocol = _PORT_SELECTOR[self.take()]
            self.matches.append(Comparison(SELECTORS["meta l4proto"], protocol))
            return SELECTORS[f"th {self.take()}"]
        for length in range(_LONGEST, 0, -1):
            words = " ".join(self.words[self.at : self.at + length])
            if words in SELECTORS:
                self.at += length
                return SELECTORS[words]
        raise RuleError(f"'{self.word}' is not known in: {self.text}")

    def _comparison(self) -> None:
        selectors = self._selectors()
        if self.word == "vmap":
            self.take()
            self._vmap(selectors)
            return
        mask = None
        if self.word == "&":
            self.take()
            mask = int(self.take(), 0)
        negated = self.word == "!="
        if self.word in ("!=", "=="):
            self.take()
        value = self.take()
        if value.startswith("@"):
            self.matches.append(SetLookup(selectors, self._set(value), negated))
            return
        if len(selectors) != 1:
            raise RuleError(f"several values are compared with '{value}' in: {self.text}")
        self.matches.append(Comparison(selectors[0], self._value(selectors[0], value), negated, mask))

    def _value(self, selector: Selector, text: str) -> object:
        if selector.kind in ("address", "port") and (text.startswith("{") or "/" in text or "-" in text):
            return Ranges.read(text)
        if selector.kind == "word" and selector.text.startswith(("ct ", "fib ")):
            return frozenset(part.strip() for part in text.strip("{} ").split(","))
        return selector.read(text, self.version)

    def _set(self, word: str) -> NamedSet:
        found = self.sets.get(word.removeprefix("@"))
        if found is None:
            raise RuleError(f"there is no set '{word}'")
        return found

    def _vmap(self, selectors: tuple[Selector, ...]) -> None:
        self.matches.append(VerdictLookup(selectors, self._set(self.take()), VERDICTS))
        self.targets.append(FromLookup(VERDICTS))

    # -- what is done ----------------------------------------------------------------------------------------

    def _mark_statement(self) -> bool:
        if self.words[self.at : self.at + 3] != ["meta", "mark", "set"]:
            return False
        self.at += 3
        if self.words[self.at : self.at + 2] == ["meta", "mark"]:
            self.at += 2
            operator, value = self.take(), int(self.take(), 0)
            change = SetMark(value, value if operator == "|" else 0)
            if operator == "&":
                change = SetMark(0, ~value & 0xFFFFFFFF)
        else:
            change = SetMark(int(self.take(), 0), 0xFFFFFFFF)
        self.targets.append(ChangeMark(change))
        return True

    def _jump(self) -> None:
        self.targets.append(Jump(self.take()))

    def _goto(self) -> None:
        self.targets.append(Goto(self.take()))

    def _reject(self) -> None:
        kind = "icmp-port-unreachable" if self.version == 4 else "icmp6-port-unreachable"
        if self.word == "with":
            self.take()
            words = [self.take()]
            while self.word and self.word != "comment":
                words.append(self.take())
            kind = _reject_kind(words, self.version)
        self.targets.append(Reject(kind))

    def _masquerade(self) -> None:
        flags = self._flags()
        self.targets.append(Masquerade(None, None, self.version, "random" in flags, "fully-random" in flags))

    def _flags(self) -> set[str]:
        found: set[str] = set()
        while self.word.strip(",") in ("random", "fully-random", "persistent"):
            found.add(self.take().strip(","))
        return found

    def _nat(self, kind: type[Dnat] | type[Snat]) -> None:
        if self.word in ("ip", "ip6"):
            self.take()
        self.expect("to")
        if self.word == "numgen":
            self.take()
            self._numgen_map(kind)
            return
        spelled = self.take()
        addresses, ports = nat_range(spelled, self.version)
        flags = self._flags()
        self.targets.append(
            kind(addresses, ports, self.version, "random" in flags, "fully-random" in flags, False, spelled)
        )

    def _numgen(self) -> None:
        count = self._count()
        self.expect("vmap")
        choices = [verdict(text) for text in self._choices(count)]
        self.matches.append(Numgen(count, self.drawn))
        self.targets.append(FromNumgen(tuple(choices)))

    def _numgen_map(self, kind: type[Dnat] | type[Snat]) -> None:
        count = self._count()
        self.expect("map")
        choices: list[Target] = []
        for text in self._choices(count):
            address, _, port = text.partition(" . ")
            spelled = (f"[{address}]:{port}" if ":" in address else f"{address}:{port}") if port else address
            addresses, ports = nat_range(spelled, self.version)
            choices.append(kind(addresses, ports, self.version, spelled=spelled))
        self.matches.append(Numgen(count, self.drawn))
        self.targets.append(FromNumgen(tuple(choices)))

    def _count(self) -> int:
        self.expect("random", "mod")
        return int(self.take())

    def _choices(self, count: int) -> list[str]:
        """The values of `{ 0 : A, 1 : B }` in the order of their keys."""
        pairs = (part.strip().split(" : ", 1) for part in self.take().strip("{} ").split(","))
        found = {int(key): value.strip() for key, value in pairs}
        if sorted(found) != list(range(count)):
            raise RuleError(f"not every number is in the map: {self.text}")
        return [found[number] for number in range(count)]

    def _update(self) -> None:
        into = self._set(self.take())
        inner = _Reader(self.take().strip("{} "), self.sets, self.version)
        self.targets.append(UpdateSet(inner._selectors(), into))

    def _skip(self) -> None:
        self.take()

    def _decide(self, text: str) -> None:
        self.targets.append(VERDICTS[text])


def _reject_kind(words: list[str], version: int) -> str:
    """nft's `icmp port-unreachable`, `icmpx admin-prohibited`, `tcp reset` in iptables' words."""
    if words == ["tcp", "reset"]:
        return "tcp-reset"
    name = words[-1]
    for candidate in (f"icmp-{name}", f"icmp6-{name}"):
        if candidate in REJECT_KINDS:
            return candidate
    raise RuleError(f"unknown reject type '{' '.join(words)}'")


_STATEMENTS: dict[str, Callable[[_Reader], None]] = {
    "jump": _Reader._jump,
    "goto": _Reader._goto,
    "reject": _Reader._reject,
    "masquerade": _Reader._masquerade,
    "dnat": lambda reader: reader._nat(Dnat),
    "snat": lambda reader: reader._nat(Snat),
    "numgen": _Reader._numgen,
    "update": _Reader._update,
    "comment": _Reader._skip,
    "counter": lambda reader: None,
    "drop": lambda reader: reader._decide("drop"),
    "accept": lambda reader: reader._decide("accept"),
    "return": lambda reader: reader._decide("return"),
}
