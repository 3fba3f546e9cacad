"""Tables, chains and rules of iptables, structured. `save` reads and writes text, `traverse` walks."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from svclab.linux.drawn import DrawnPort
from svclab.linux.iptables.headers import DestinationMatch, Match, ProtocolMatch, RuleError
from svclab.linux.iptables.matches import CommentMatch, NfacctMatch, PortMatch
from svclab.linux.iptables.targets import Effect, Goto, Jump, Target
from svclab.linux.packet import Protocol
from svclab.linux.skb import Skb
from svclab.linux.trace import Origin

IndexKey = tuple[int | None, Protocol, int]
INDEX_FROM = 24  # rules; shorter chains are walked plainly


@dataclass(frozen=True, slots=True)
class Rule:
    """What must fit, in the order in which the kernel compares, and what then happens (None: counted)."""

    matches: tuple[Match, ...]
    target: Target | None
    origin: Origin | None = None
    spelled: str = ""  # the text of a rule that is not iptables'

    @property
    def tests(self) -> tuple[Match, ...]:
        """The matches that can fail."""
        return tuple(m for m in self.matches if not isinstance(m, CommentMatch | NfacctMatch))

    @property
    def comment(self) -> str | None:
        """The text of its comment match."""
        return next((m.comment for m in self.matches if isinstance(m, CommentMatch)), None)


Compiled = tuple[tuple[Match, ...], Target | None, bool, bool]  # tests, target, stateful, volatile


class Chain:
    """Rules in order. `policy` is ACCEPT or DROP for a built-in chain, None for a user-defined one.

    `rules` may be a function that makes them when they are first asked for; what the walk needs (tests,
    index) is made at the first walk: most chains of a large cluster are never walked.
    """

    __slots__ = (
        "_candidates",
        "_compiled",
        "_index",
        "_made",
        "_rest",
        "_source",
        "language",
        "name",
        "policy",
    )

    def __init__(
        self,
        name: str,
        policy: str | None = None,
        rules: Iterable[Rule] | Callable[[], Iterable[Rule]] = (),
        language: str = "iptables",
    ) -> None:
        self.language = language
        self.name = name
        self.policy = policy
        self._source = rules
        self._made: tuple[Rule, ...] | None = None
        self._compiled: tuple[Compiled, ...] | None = None
        self._index: dict[IndexKey, tuple[int, ...]] | None = None
        self._rest: tuple[int, ...] = ()
        self._candidates: dict[tuple[int, Protocol, int], tuple[int, ...]] = {}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in order."""
        if self._made is None:
            source = self._source
            self._made = tuple(source() if callable(source) else source)
            self._source = ()
        return self._made

    @property
    def compiled(self) -> tuple[Compiled, ...]:
        """Per rule: the tests, the target, whether a test is stateful, whether anything is volatile."""
        if self._compiled is None:
            self._compiled = tuple(_compiled(rule) for rule in self.rules)
        return self._compiled

    @property
    def is_long(self) -> bool:
        """Whether walking it goes through the index."""
        return len(self.compiled) >= INDEX_FROM

    def candidates(self, skb: Skb) -> tuple[int, ...]:
        """The rules (from 0, in order) that might fit; all others are proved not to by address, protocol,
        port.
        """
        port = skb.destination_port
        if type(port) is DrawnPort:
            port.looked_for(key[2] for key in self._indexed())
        key = (skb.destination, skb.protocol, int(port))
        found = self._candidates.get(key)
        if found is None:
            index = self._indexed()
            exact = index.get(key, ())
            any_address = index.get((None, *key[1:]), ())
            found = tuple(sorted((*exact, *any_address, *self._rest)))
            if len(self._candidates) > 4096:
                self._candidates.clear()
            self._candidates[key] = found
        return found

    def _indexed(self) -> dict[IndexKey, tuple[int, ...]]:
        if self._index is None:
            index: dict[IndexKey, list[int]] = {}
            rest: list[int] = []
            for i, rule in enumerate(self.rules):
                key = index_key(rule)
                if key is None:
                    rest.append(i)
                else:
                    index.setdefault(key, []).append(i)
            self._index = {key: tuple(rules) for key, rules in index.items()}
            self._rest = tuple(rest)
        return self._index


def _compiled(rule: Rule) -> Compiled:
    tests, target = rule.tests, rule.target
    volatile = any(m.volatile for m in tests) or (target is not None and target.volatile)
    return tests, target, any(m.stateful for m in tests), volatile


def index_key(rule: Rule) -> IndexKey | None:
    """(destination or None, protocol, destination port) without which the rule cannot fit; None: not
    indexable.
    """
    destination = None
    protocol = port = None
    for match in rule.matches:
        if isinstance(match, DestinationMatch):
            if match.prefix.is_single and not match.negated:
                destination = match.prefix.network
        elif isinstance(match, ProtocolMatch):
            protocol = None if match.negated else match.protocol
        elif isinstance(match, PortMatch) and match.dport:
            ports = match.dport
            port = ports.low if ports.low == ports.high and not ports.negated else None
    return (destination, protocol, port) if protocol and port is not None else None


class Chains(Mapping[str, Chain]):
    """The chains of a table, each made when it is first asked for."""

    __slots__ = ("_made", "_make", "_names")

    def __init__(
        self, names: Collection[str], make: Callable[[str], Chain], made: Mapping[str, Chain] | None = None
    ) -> None:
        self._names = names
        self._make = make
        self._made = dict(made or {})

    def __getitem__(self, name: str) -> Chain:
        chain = self._made.get(name)
        if chain is None:
            if name not in self._names:
                raise KeyError(name)
            chain = self._made[name] = self._make(name)
        return chain

    def __iter__(self) -> Iterator[str]:
        yield from self._names
        yield from (name for name in self._made if name not in self._names)

    def __len__(self) -> int:
        return len(self._names) + sum(name not in self._names for name in self._made)

    def with_chain(self, chain: Chain) -> "Chains":
        """These chains with one replaced or added; what was made already is shared."""
        return Chains(self._names, self._make, {**self._made, chain.name: chain})


@dataclass(frozen=True, slots=True)
class Table:
    """One table (nat, filter, ...) of one host."""

    name: str
    chains: Mapping[str, Chain]

    def check(self) -> None:
        """Raise RuleError where a rule jumps to a chain that does not exist (iptables-restore refuses it)."""
        for chain in self.chains.values():
            for rule in chain.rules:
                match rule.target:
                    case Jump(name) | Goto(name) if name not in self.chains:
                        raise RuleError(f"chain {chain.name}: no chain/target/match by the name '{name}'")
                    case _:
                        pass

    def with_rule(self, chain: str, rule: Rule) -> "Table":
        """This table with one more rule at the end of a chain (made if missing, with policy ACCEPT)."""
        old = self.chains.get(chain) or Chain(chain, "ACCEPT")
        longer = Chain(chain, old.policy, (*old.rules, rule))
        if isinstance(self.chains, Chains):
            return Table(self.name, self.chains.with_chain(longer))
        return Table(self.name, {**self.chains, chain: longer})


__all__ = ["Chain", "Chains", "Effect", "Rule", "RuleError", "Table", "index_key"]
