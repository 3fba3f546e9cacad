"""awk's values: str, float, or Text, a str from input that may be a number. Source: POSIX.1-2017 `awk`."""

import math
import re
from typing import Any

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?)")


class Text(str):
    """A field or other input: it compares as a number where it looks like one."""

    __slots__ = ()


Value = str | float


def number(value: Value) -> float:
    """A value as a number: what a text begins with."""
    if isinstance(value, float):
        return value
    match = _NUMBER.match(value)
    return float(match[0]) if match else 0.0


def text(value: Value, form: str = "%.6g") -> str:
    """A value as text: whole numbers without a fraction."""
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return ("-" if value < 0 else "+") + ("nan" if math.isnan(value) else "inf")
    return str(int(value)) if value == int(value) else form % value


def numeric(value: Value) -> bool:
    """Whether a value compares as a number."""
    if isinstance(value, float):
        return True
    return isinstance(value, Text) and bool(re.fullmatch(_NUMBER.pattern + r"\s*", value))


def truth(value: Value) -> bool:
    """Whether a value counts as true."""
    return number(value) != 0 if numeric(value) else value != ""


def compared(op: str, left: Value, right: Value) -> bool:
    """A comparison: of numbers where both sides are, of texts otherwise."""
    a: Any
    b: Any
    if numeric(left) and numeric(right):
        a, b = number(left), number(right)
    else:
        a, b = text(left), text(right)
    return {"<": a < b, "<=": a <= b, "==": a == b, "!=": a != b, ">": a > b, ">=": a >= b}[op]
