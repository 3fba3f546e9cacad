"""What an exchange draws on its way: kept while the first of a kind runs, and asked again for the others."""

from dataclasses import dataclass, field
from typing import Any

from svclab.linux.dice import FINENESS, Dice
from svclab.linux.drawn import DrawnNumber, DrawnPort
from svclab.linux.nat import Replies

Numbers = list[Any]  # what an exchange drew, by place; its source port first


@dataclass(frozen=True, slots=True)
class Happening:
    """Whether something of this chance happens, and how it went on after yes and after no."""

    chance: float
    ways: dict[object, Any] = field(default_factory=dict, compare=False)

    def pass_by(self, dice: Dice, numbers: Numbers, now: float) -> Any:
        """Draw, keep the number and go on, past all of this kind in a row; None where nobody went yet."""
        place: Any = self
        words, drawn = dice.words, dice.drawn
        while type(place) is Happening:  # as dice.draw, but without a call at every endpoint's rule
            if not drawn & 7:
                words = dice.words = dice.read(drawn)
            number = (words[drawn & 7] >> 11) * FINENESS
            drawn += 1
            numbers.append(number)
            place = place.ways.get(number < place.chance)
        dice.drawn = drawn
        return place


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `count`, and how it went on after each."""

    count: int
    ways: dict[object, Any] = field(default_factory=dict, compare=False)

    def pass_by(self, dice: Dice, numbers: Numbers, now: float) -> Any:
        """As Happening."""
        chosen = dice.one_of(self.count)
        numbers.append(chosen)
        return self.ways.get(chosen)


@dataclass(frozen=True, slots=True)
class Port:
    """A port that is free, which by itself decides nothing."""

    low: int
    high: int
    replies: Replies
    ways: dict[object, Any] = field(default_factory=dict, compare=False)

    def pass_by(self, dice: Dice, numbers: Numbers, now: float) -> Any:
        """As Happening."""
        numbers.append(dice.port(self.low, self.high, self.replies, now))
        return self.ways.get(None)


Fork = Happening | Choice | Port


class Recorder:
    """Draws for an exchange that goes a way for the first time, and keeps what was asked and answered."""

    def __init__(self, dice: Dice, source_port: int) -> None:
        self.dice = dice
        self.source_port = DrawnPort(source_port, 0)
        self.ports = [self.source_port]
        self.numbers: Numbers = [source_port]
        self.asked: list[tuple[Fork, object]] = []
        self.is_repeatable = True

    def happens(self, threshold: int) -> tuple[bool, float]:
        """As Dice."""
        happened, drawn = self.dice.happens(threshold)
        return happened, DrawnNumber(drawn, self._kept(Happening(threshold / (1 << 31)), happened, drawn))

    def one_of(self, count: int) -> int:
        """As Dice."""
        chosen = self.dice.one_of(count)
        self._kept(Choice(count), chosen, chosen)
        return chosen

    def port(self, low: int, high: int, replies: Replies, now: float) -> int:
        """As Dice."""
        drawn = self.dice.port(low, high, replies, now)
        if any(type(each) is DrawnPort for each in replies.head):  # another exchange would look for others
            self.is_repeatable = False
            return drawn
        self.ports.append(DrawnPort(drawn, self._kept(Port(low, high, replies), None, drawn)))
        return self.ports[-1]

    def integer(self, below: int) -> int:
        """As Dice: a draw that the next exchange may not have to make, so that no course can foresee it."""
        self.is_repeatable = False
        return self.dice.integer(below)

    def _kept(self, fork: Fork, answer: object, number: float) -> int:
        """The place of the number among all."""
        self.asked.append((fork, answer))
        self.numbers.append(number)
        return len(self.numbers) - 1
