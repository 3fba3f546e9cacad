"""What stands in an nftables rule: comparisons, look-ups, draws, and what is done with the packet.

Source: nft(8) 1.0.6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from svclab.linux.iptables.headers import Match
from svclab.linux.iptables.targets import Effect, SetMark, Target
from svclab.linux.iptables.traverse_log import Log
from svclab.linux.nftables.selectors import Ranges, Selector, Value
from svclab.linux.nftables.sets import Key, NamedSet
from svclab.linux.skb import Skb
from svclab.linux.trace import Origin


@dataclass(frozen=True, slots=True)
class Comparison(Match):
    """`SELECTOR [& MASK] [!=] VALUE`."""

    selector: Selector
    value: Value
    negated: bool = False
    mask: int | None = None

    def holds(self, skb: Skb) -> bool:
        found = self.selector.get(skb)
        if self.mask is not None:
            found &= self.mask
        return self._fits(found) != self.negated

    def _fits(self, found: Value) -> bool:
        if isinstance(self.value, Ranges):
            return found in self.value
        if isinstance(self.value, frozenset):
            return not self.value.isdisjoint(found.split(","))
        if isinstance(self.value, str) and self.value.endswith("*"):
            return found.startswith(self.value[:-1])
        return found == self.value

    def _said(self, skb: Skb) -> str:
        if isinstance(self.value, Ranges):
            return self.value.text.strip("{} ")
        if isinstance(self.value, frozenset):
            return " or ".join(sorted(self.value))
        return self.selector.say(self.value, skb.version)

    def fact(self, skb: Skb) -> str:
        return f"{self.selector.words} is {self.selector.say(self.selector.get(skb), skb.version) or 'none'}"

    def why_not(self, skb: Skb) -> str:
        found = self.selector.say(self.selector.get(skb), skb.version)
        if self.mask is not None:
            return f"the mark {found} has {'' if self.negated is False else 'no '}{self.mask:#x}"
        verb = "is in" if isinstance(self.value, Ranges) else "is"
        verb = verb if self.negated else verb.replace("is", "is not")
        return f"{self.selector.words} {found or 'none'} {verb} {self._said(skb)}"


def key_text(selectors: tuple[Selector, ...], skb: Skb) -> str:
    """The packet's values as nft writes a key: `10.96.0.1 . tcp . 443`."""
    return " . ".join(selector.say(selector.get(skb), skb.version) for selector in selectors)


def key_of(selectors: tuple[Selector, ...], skb: Skb) -> Key:
    """The packet's values."""
    return tuple(selector.get(skb) for selector in selectors)


@dataclass(frozen=True, slots=True)
class SetLookup(Match):
    """`SELECTORS [!=] @SET`."""

    selectors: tuple[Selector, ...]
    found_in: NamedSet
    negated: bool = False

    @property
    def stateful(self) -> bool:  # type: ignore[override]
        """Sets that packets fill depend on what was remembered."""
        return self.found_in.timeout_seconds is not None

    @property
    def volatile(self) -> bool:  # type: ignore[override]
        """As `stateful`."""
        return self.found_in.timeout_seconds is not None

    def holds(self, skb: Skb) -> bool:
        return self.found_in.has(key_of(self.selectors, skb), skb) != self.negated

    def fact(self, skb: Skb) -> str:
        return f"{key_text(self.selectors, skb)} is {'not ' if self.negated else ''}in {self.found_in.name}"

    def why_not(self, skb: Skb) -> str:
        return f"{key_text(self.selectors, skb)} is {'' if self.negated else 'not '}in {self.found_in.name}"

    def origin(self, skb: Skb) -> Origin | None:
        element = self.found_in.by_key.get(key_of(self.selectors, skb))
        return element.origin if element else None


@dataclass(frozen=True, slots=True)
class VerdictLookup(Match):
    """`SELECTORS vmap @MAP`: fits if the map has an element; `FromLookup` then does what that says."""

    selectors: tuple[Selector, ...]
    found_in: NamedSet
    verdicts: Mapping[str, Target]
    stateful: ClassVar[bool] = True

    def holds(self, skb: Skb) -> bool:
        skb.note = element = self.found_in.find(key_of(self.selectors, skb))
        return element is not None

    def fact(self, skb: Skb) -> str:
        return f"{key_text(self.selectors, skb)} is in {self.found_in.name}: {skb.note.verdict}"

    def why_not(self, skb: Skb) -> str:
        return f"{key_text(self.selectors, skb)} is not in {self.found_in.name}"

    def origin(self, skb: Skb) -> Origin | None:
        return skb.note.origin


@dataclass(frozen=True, slots=True)
class Numgen(Match):
    """`numgen random mod N`: draws one of 0 to N-1 and always fits. `origins`: what made each choice."""

    count: int
    origins: tuple[Origin, ...] = ()
    stateful: ClassVar[bool] = True

    def holds(self, skb: Skb) -> bool:
        skb.note = skb.chance.one_of(self.count)
        return True

    def fact(self, skb: Skb) -> str:
        return f"drew {skb.note} of 0 to {self.count - 1}"

    def origin(self, skb: Skb) -> Origin | None:
        return self.origins[skb.note] if self.origins else None


@dataclass(frozen=True, slots=True)
class Acting(Target):
    """A target that does something to the packet or to memory, and may lead to a deciding one."""

    acts: ClassVar[bool] = True
    effect: ClassVar[Effect] = Effect.CONTINUE


@dataclass(frozen=True, slots=True)
class ChangeMark(Acting):
    """`meta mark set meta mark | VALUE` (or `^`)."""

    change: SetMark

    @property
    def name(self) -> str:
        return "meta mark set"

    def perform(self, skb: Skb, log: Log) -> Target | None:
        return self.change.perform(skb, log)


@dataclass(frozen=True, slots=True)
class UpdateSet(Acting):
    """`update @SET { SELECTORS }`: remember the packet's values for the set's timeout."""

    selectors: tuple[Selector, ...]
    into: NamedSet
    volatile: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"update @{self.into.name}"

    def perform(self, skb: Skb, log: Log) -> Target | None:
        self.into.update(key_of(self.selectors, skb), skb)
        return None


@dataclass(frozen=True, slots=True)
class FromLookup(Acting):
    """What the element found by `VerdictLookup` says."""

    verdicts: Mapping[str, Target]

    @property
    def name(self) -> str:
        return "vmap"

    def perform(self, skb: Skb, log: Log) -> Target | None:
        return self.verdicts[skb.note.verdict]


@dataclass(frozen=True, slots=True)
class FromNumgen(Acting):
    """What belongs to the number drawn by `Numgen`."""

    choices: tuple[Target, ...]

    @property
    def name(self) -> str:
        return self.choices[0].name if len(self.choices) == 1 else "numgen"

    def perform(self, skb: Skb, log: Log) -> Target | None:
        return self.choices[skb.note]


@dataclass(frozen=True, slots=True)
class Several(Acting):
    """Statements one after another; the last may decide."""

    parts: tuple[Target, ...]

    @property
    def volatile(self) -> bool:  # type: ignore[override]
        """Whether one of the parts is."""
        return any(part.volatile for part in self.parts)

    @property
    def name(self) -> str:
        return self.parts[-1].name

    def perform(self, skb: Skb, log: Log) -> Target | None:
        for part in self.parts:
            decided = part.perform(skb, log) if part.acts else part
            if decided is not None:
                return decided
        return None
