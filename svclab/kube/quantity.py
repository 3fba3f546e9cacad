"""Resource quantities (`100m`, `64Mi`, `1e3`) as apimachinery's resource.Quantity reads and writes them."""

import re
from dataclasses import dataclass
from fractions import Fraction

_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_DECIMAL_SUFFIX = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY_SUFFIX = {power: suffix for suffix, power in _BINARY.items()}
_SHAPE = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?")


class QuantityError(ValueError):
    """A text that is not a quantity; the message is the API server's."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An exact amount and the notation in which it is written: "decimal", "binary" or "exponent"."""

    amount: Fraction
    notation: str = "decimal"

    def __str__(self) -> str:
        return text(self)

    def __add__(self, other: "Quantity") -> "Quantity":
        notation = other.notation if self.amount == 0 else self.notation
        return Quantity(self.amount + other.amount, notation)


def parse(source: str | int | float) -> Quantity:
    """The quantity that a manifest gives, as text or as a number.

    Raises QuantityError for anything else. Amounts finer than 1n are rounded up, as the server does.
    """
    shape = _SHAPE.fullmatch(str(source))
    if shape is None:
        raise QuantityError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    sign, number, suffix = shape.group(1), shape.group(2), shape.group(3) or ""
    amount = Fraction(number) * (-1 if sign == "-" else 1)
    if suffix in _BINARY:
        return Quantity(_to_nano(amount * 1024 ** _BINARY[suffix]), "binary")
    if suffix in _DECIMAL:
        return Quantity(_to_nano(amount * Fraction(1000) ** _DECIMAL[suffix]))
    exponent = max(-30, min(int(suffix[1:]), 30))
    return Quantity(_to_nano(amount * Fraction(10) ** exponent), "exponent")


def text(quantity: Quantity) -> str:
    """The canonical form: no fraction, the largest suffix that leaves a whole number."""
    amount, notation = quantity.amount, quantity.notation
    if amount == 0:
        return "0"
    if notation == "binary" and (abs(amount) < 1024 or amount.denominator != 1):
        notation = "decimal"
    if notation == "binary":
        power = max(p for p in (0, *_BINARY_SUFFIX) if (amount / 1024**p).denominator == 1)
        return f"{amount / 1024**power}{_BINARY_SUFFIX.get(power, '')}"
    power = max(p for p in _DECIMAL_SUFFIX if (amount / Fraction(1000) ** p).denominator == 1)
    whole = amount / Fraction(1000) ** power
    if notation == "exponent":
        return f"{whole}e{power * 3}" if power else str(whole)
    return f"{whole}{_DECIMAL_SUFFIX[power]}"


def canonical(source: str | int | float) -> str:
    """A manifest's quantity in canonical form: `0.5` is `500m`, `1024Mi` is `1Gi`."""
    return text(parse(source))


def total(sources: list[str | int | float]) -> Quantity:
    """The sum of quantities; zero for none."""
    result = Quantity(Fraction(0))
    for source in sources:
        result = result + parse(source)
    return result


def _to_nano(amount: Fraction) -> Fraction:
    scaled = amount * 10**9
    if scaled.denominator == 1:
        return amount
    away_from_zero = -(-scaled.numerator // scaled.denominator) if amount > 0 else scaled.__floor__()
    return Fraction(away_from_zero, 10**9)
