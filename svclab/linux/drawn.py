"""Numbers that chance gave to one exchange and will give otherwise to the next of its kind.

The first exchange of a kind runs with these in place of plain numbers. They behave as the numbers that they
are, but know their place among all that the exchange drew, and stand in texts as a blank for that place. A
port also keeps which others would have come out of each comparison alike. So what was noted and told of the
first can be told of others, by filling the blanks, and it is known of which.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

MOST = 0xFFFF
_BLANK = re.compile("\0([0-9]+):([^\0]*)\0")


def _blank(place: int, spec: str) -> str:
    return f"\0{place}:{spec}\0"


class DrawnNumber(float):
    """What a statistic match drew."""

    place: int

    def __new__(cls, value: float, place: int) -> "DrawnNumber":
        found = super().__new__(cls, value)
        found.place = place
        return found

    def __format__(self, spec: str) -> str:
        return _blank(self.place, spec)


class DrawnPort(int):
    """A port. Any from `low` to `high` that is none of `others` would have taken the same way.

    Two drawn ports are no bounds for one another: an exchange in which two are equal is of another kind.
    """

    place: int
    low: int
    high: int
    others: set[int]

    def __new__(cls, value: int, place: int) -> "DrawnPort":
        found = super().__new__(cls, value)
        found.place, found.low, found.high, found.others = place, 0, MOST, set()
        return found

    def __str__(self) -> str:
        return _blank(self.place, "")

    def __format__(self, spec: str) -> str:
        return _blank(self.place, spec)

    def looked_for(self, among: Iterable[int]) -> None:
        """It was looked up by its hash among these ports: as good as compared with each."""
        for other in among:
            self._is(other)

    def _is(self, other: object) -> bool:
        is_equal = int.__eq__(self, other)
        if type(other) is int:
            if is_equal:
                self.low = self.high = other
            else:
                self.others.add(other)
        return is_equal

    def __eq__(self, other: object) -> bool:
        return self._is(other)

    def __ne__(self, other: object) -> bool:
        return not self._is(other)

    def __gt__(self, other: int) -> bool:
        is_over = int.__gt__(self, other)
        if is_over:
            self.low = max(self.low, int(other) + 1)
        else:
            self.high = min(self.high, int(other))
        return is_over

    def __le__(self, other: int) -> bool:
        return not self > other

    def __ge__(self, other: int) -> bool:
        return self > other or self._is(other)

    def __lt__(self, other: int) -> bool:
        return not self >= other

    __hash__ = int.__hash__


def filled(value: Any, numbers: Sequence[float]) -> Any:
    """`value` with plain numbers, by their places, for the drawn ones and the blanks in it.

    Looks into tuples, lists and dicts.
    """
    kind = type(value)
    if kind is DrawnPort or kind is DrawnNumber:
        return numbers[value.place]
    if kind is tuple:
        return tuple([filled(item, numbers) for item in value])
    if kind is dict:
        return {name: filled(item, numbers) for name, item in value.items()}
    if kind is list:
        return [filled(item, numbers) for item in value]
    if kind is str and "\0" in value:
        return _BLANK.sub(lambda blank: format(numbers[int(blank[1])], blank[2]), value)
    return value


def has_blanks(value: Any) -> bool:
    """Whether filling changes it."""
    match value:
        case DrawnPort() | DrawnNumber():
            return True
        case str():
            return "\0" in value
        case tuple() | list():
            return any(map(has_blanks, value))
        case dict():
            return any(map(has_blanks, value.values()))
        case _:
            return False
