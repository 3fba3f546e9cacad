"""The order in which Go's sort.Sort leaves things: where keys are equal it is its own, and kubectl shows it.

Source: Go's package sort (pattern-defeating quicksort, Go 1.19 and later).
"""

from collections.abc import Callable
from typing import Any

Less = Callable[[Any, Any], bool]

_INSERTION = 12  # shorter ranges are sorted by insertion, which keeps equals in place
_NINTHER = 50
_MAX_SWAPS = 12
_WORD = (1 << 64) - 1


def go_sorted(items: list[Any], less: Less) -> list[Any]:
    """A sorted copy of `items`."""
    sorting = _Sorting(list(items), less)
    sorting.sort(0, len(items), len(items).bit_length())
    return sorting.items


class _Sorting:
    """A list while it is being sorted. Ranges are half open: [first, last)."""

    def __init__(self, items: list[Any], less: Less) -> None:
        self.items = items
        self._compare = less

    def sort(self, first: int, last: int, limit: int) -> None:
        balanced = partitioned = True
        while True:
            length = last - first
            if length <= _INSERTION:
                return self._insertion(first, last)
            if limit == 0:
                return self._heap(first, last)
            if not balanced:
                self._break_patterns(first, last)
                limit -= 1
            pivot, swaps = self._pivot(first, last)
            if swaps == _MAX_SWAPS:
                self.items[first:last] = self.items[first:last][::-1]
                pivot, swaps = last - 1 - (pivot - first), 0
            if balanced and partitioned and swaps == 0 and self._nearly_sorted(first, last):
                return None
            if first > 0 and not self._less(first - 1, pivot):
                first = self._skip_equals(first, last, pivot)
                continue
            middle, partitioned = self._partition(first, last, pivot)
            left, right = middle - first, last - middle
            balanced = min(left, right) >= length // 8
            if left < right:
                self.sort(first, middle, limit)
                first = middle + 1
            else:
                self.sort(middle + 1, last, limit)
                last = middle

    def _less(self, one: int, other: int) -> bool:
        return self._compare(self.items[one], self.items[other])

    def _swap(self, one: int, other: int) -> None:
        self.items[one], self.items[other] = self.items[other], self.items[one]

    def _insertion(self, first: int, last: int) -> None:
        for start in range(first + 1, last):
            at = start
            while at > first and self._less(at, at - 1):
                self._swap(at, at - 1)
                at -= 1

    def _heap(self, first: int, last: int) -> None:
        length = last - first
        for root in range((length - 1) // 2, -1, -1):
            self._sift_down(root, length, first)
        for end in range(length - 1, -1, -1):
            self._swap(first, first + end)
            self._sift_down(0, end, first)

    def _sift_down(self, root: int, end: int, first: int) -> None:
        while (child := 2 * root + 1) < end:
            if child + 1 < end and self._less(first + child, first + child + 1):
                child += 1
            if not self._less(first + root, first + child):
                return
            self._swap(first + root, first + child)
            root = child

    def _break_patterns(self, first: int, last: int) -> None:
        """Shuffles three elements around, by a random number made from the length alone."""
        length = last - first
        draw, around = length, first + length // 4 * 2
        for offset in (-1, 0, 1):
            draw ^= draw << 13 & _WORD
            draw ^= draw >> 7
            draw ^= draw << 17 & _WORD
            other = draw & ((1 << length.bit_length()) - 1)
            self._swap(around + offset, first + (other - length if other >= length else other))

    def _pivot(self, first: int, last: int) -> tuple[int, int]:
        """A pivot, and how many comparisons found a descent: 0 suggests sorted, all of them reversed."""
        length, self._swaps = last - first, 0
        one, middle, three = (first + length // 4 * quarter for quarter in (1, 2, 3))
        if length >= _NINTHER:
            one, middle, three = (self._median(at - 1, at, at + 1) for at in (one, middle, three))
        return self._median(one, middle, three), self._swaps

    def _median(self, one: int, two: int, three: int) -> int:
        one, two = self._ordered(one, two)
        two, three = self._ordered(two, three)
        return self._ordered(one, two)[1]

    def _ordered(self, one: int, two: int) -> tuple[int, int]:
        if not self._less(two, one):
            return one, two
        self._swaps += 1
        return two, one

    def _nearly_sorted(self, first: int, last: int) -> bool:
        """Mends up to five places; whether the range is sorted then."""
        at = first + 1
        for _ in range(5):
            while at < last and not self._less(at, at - 1):
                at += 1
            if at == last or last - first < _NINTHER:
                return at == last
            self._swap(at, at - 1)
            self._shift_to_both_sides(first, at, last)
        return False

    def _shift_to_both_sides(self, first: int, at: int, last: int) -> None:
        if at - first >= 2:
            for lower in range(at - 1, 0, -1):
                if not self._less(lower, lower - 1):
                    break
                self._swap(lower, lower - 1)
        if last - at >= 2:
            for upper in range(at + 1, last):
                if not self._less(upper, upper - 1):
                    break
                self._swap(upper, upper - 1)

    def _skip_equals(self, first: int, last: int, pivot: int) -> int:
        """Puts what equals the pivot first; where the rest begins."""
        self._swap(first, pivot)
        low, high = first + 1, last - 1
        while True:
            while low <= high and not self._less(first, low):
                low += 1
            while low <= high and self._less(first, high):
                high -= 1
            if low > high:
                return low
            self._swap(low, high)
            low, high = low + 1, high - 1

    def _partition(self, first: int, last: int, pivot: int) -> tuple[int, bool]:
        """Where the pivot ends up, and whether nothing had to be swapped."""
        self._swap(first, pivot)
        low, high, untouched = first + 1, last - 1, True
        while True:
            while low <= high and self._less(low, first):
                low += 1
            while low <= high and not self._less(high, first):
                high -= 1
            if low > high:
                self._swap(high, first)
                return high, untouched
            self._swap(low, high)
            low, high, untouched = low + 1, high - 1, False
