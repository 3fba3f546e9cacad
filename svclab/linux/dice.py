"""The only randomness in svclab: draws counted off a seed, so that every run can be repeated."""

from dataclasses import dataclass, field
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from svclab.linux.nat import Replies

_WORDS = Struct(">8Q").unpack
FINENESS = 2.0**-53
PORT_TRIES = 128


@dataclass(slots=True)
class Dice:
    """A stream of numbers that depends only on `seed` and on how many were drawn before.

    Each is made of 64 bits; one digest of the seed and a count gives eight of them.
    """

    seed: str
    drawn: int = field(default=0, init=False)
    words: tuple[int, ...] = field(default=(), init=False, repr=False, compare=False)

    def draw(self) -> float:
        """The next number, uniform in [0, 1) with 53 bits."""
        place = self.drawn & 7
        if not place:
            self.words = self.read(self.drawn)
        self.drawn += 1
        return (self.words[place] >> 11) * FINENESS

    def integer(self, below: int) -> int:
        """The next number, uniform in 0..below-1 (bias under 2**-40 for any bound met here)."""
        place = self.drawn & 7
        if not place:
            self.words = self.read(self.drawn)
        self.drawn += 1
        return self.words[place] % below

    def port(self, low: int, high: int, replies: "Replies", now: float) -> int:
        """A port from `low` to `high` on which no other connection gets replies; any port where PORT_TRIES
        found none.
        """
        for _ in range(PORT_TRIES):
            port = low + self.integer(high - low + 1)
            if not replies.are_used(port, now):
                break
        return port

    def happens(self, threshold: int) -> tuple[bool, float]:
        """Whether something of chance threshold/2**31 happens, and the number drawn (xt_statistic's way)."""
        drawn = self.draw()
        return drawn * (1 << 31) < threshold, drawn

    def one_of(self, count: int) -> int:
        """One of `count` equally likely choices, as a number from 0."""
        return self.integer(count)

    def letters(self, count: int, alphabet: str = "bcdfghjklmnpqrstvwxz2456789") -> str:
        """`count` characters, by default of the alphabet that Kubernetes uses for generated names."""
        return "".join(alphabet[self.integer(len(alphabet))] for _ in range(count))

    def go_back(self, drawn: int) -> None:
        """As if only so many had been drawn yet."""
        self.drawn = drawn
        self.words = self.read(drawn)

    def read(self, place: int) -> tuple[int, ...]:
        """The words that one digest gives, that of this place in the stream among them."""
        return _WORDS(blake2b(f"{self.seed}/{place >> 3}".encode()).digest())
