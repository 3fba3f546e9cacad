"""Times as Go reads them: what is wrong with one, in Go's words.

Source: Go time (Parse with the layout RFC3339).
"""

import re
from datetime import date

_LAYOUT = "2006-01-02T15:04:05Z07:00"
_PARTS = (
    ("2006", r"\d{4}"), ("-", "-"), ("01", r"\d\d"), ("-", "-"), ("02", r"\d\d"), ("T", "T"), ("15", r"\d\d"),
    (":", ":"), ("04", r"\d\d"), (":", ":"), ("05", r"\d\d"),
)  # fmt: skip
_FRACTION = re.compile(r"[.,]\d+")
_ZONE = re.compile(r"Z|[+-]\d\d:\d\d")
_MOST = {"01": (12, "month"), "15": (23, "hour"), "04": (59, "minute"), "05": (59, "second")}


def time_problem(text: str) -> str:
    """Why a text is no time of RFC 3339; "" when it is one."""
    rest, numbers = text, dict[str, int]()
    for name, pattern in _PARTS:
        found = re.match(pattern, rest, re.ASCII)
        if found is None:
            return _unread(text, rest, name)
        if name.isdigit():
            numbers[name] = int(found[0])
        most, word = _MOST.get(name, (9999, ""))
        if numbers.get(name, 0) > most or (name == "01" and not numbers[name]):
            return _parsing(text, f": {word} out of range")
        rest = rest[found.end() :]
    fraction = _FRACTION.match(rest)
    rest = rest[fraction.end() :] if fraction else rest
    zone = _ZONE.match(rest)
    if zone is None:
        return _unread(text, rest, "Z07:00")
    if rest := rest[zone.end() :]:
        return _parsing(text, f': extra text: "{rest}"')
    return _parsing(text, ": day out of range") if not _is_day(numbers) else ""


def _is_day(numbers: dict[str, int]) -> bool:
    try:
        date(numbers["2006"] or 4, numbers["01"], numbers["02"])
    except ValueError:
        return False
    return True


def _unread(text: str, rest: str, part: str) -> str:
    return _parsing(text, f' as "{_LAYOUT}": cannot parse "{rest}" as "{part}"')


def _parsing(text: str, why: str) -> str:
    return f'parsing time "{text}"{why}'
