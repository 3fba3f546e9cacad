"""The only randomness in svclab: draws counted off a seed, so that every run can be repeated."""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

_FINENESS = 1 << 53


@dataclass(slots=True)
class Dice:
    """A stream of numbers in [0, 1) that depends only on `seed` and on how many were drawn before."""

    seed: str
    drawn: int = field(default=0)
    _begun: Any = field(default=None, init=False, repr=False, compare=False)  # the digest, up to the count

    def draw(self) -> float:
        """The next number, uniform in [0, 1) with 53 bits."""
        return self.integer(_FINENESS) / _FINENESS

    def integer(self, below: int) -> int:
        """The next number, uniform in 0..below-1 (bias under 2**-64 for any bound met here)."""
        if self._begun is None:
            self._begun = blake2b(f"{self.seed}/".encode(), digest_size=16)
        digest = self._begun.copy()
        digest.update(b"%d" % self.drawn)
        self.drawn += 1
        return int.from_bytes(digest.digest(), "big") % below

    def port(self, low: int, high: int) -> int:
        """A port from `low` to `high`."""
        return low + self.integer(high - low + 1)

    def happens(self, threshold: int) -> tuple[bool, float]:
        """Whether something of chance threshold/2**31 happens, and the number drawn (xt_statistic's way)."""
        drawn = self.integer(_FINENESS) / _FINENESS
        return drawn * (1 << 31) < threshold, drawn

    def one_of(self, count: int) -> int:
        """One of `count` equally likely choices, as a number from 0."""
        return self.integer(count)

    def letters(self, count: int, alphabet: str = "bcdfghjklmnpqrstvwxz2456789") -> str:
        """`count` characters, by default of the alphabet that Kubernetes uses for generated names."""
        return "".join(alphabet[self.integer(len(alphabet))] for _ in range(count))
