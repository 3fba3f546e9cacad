"""Brace expansion: `{a,b}` and `{1..5..2}`, before everything else. Source: bash 5.2 manual, 3.5.1."""

import re

from svclab.terminal.shell.lexer import end_of_dollar, end_of_double
from svclab.terminal.shell.state import ShellError

MAX_WORDS = 10_000
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?|([A-Za-z])\.\.([A-Za-z])(?:\.\.(-?\d+))?")


def expand_braces(word: str) -> list[str]:
    """The words that one word stands for. Raises ShellError beyond 10,000 of them."""
    if "{" not in word:
        return [word]
    i = 0
    while i < len(word):
        char = word[i]
        if char == "{" and (found := _alternatives(word, i)):
            middles, end = found
            rest = expand_braces(word[end:])
            if len(middles) * len(rest) > MAX_WORDS:
                raise ShellError(f"brace expansion: more than {MAX_WORDS:,} words")
            return [word[:i] + middle + tail for middle in middles for tail in rest]
        i = _next(word, i)
    return [word]


def _next(word: str, i: int) -> int:
    """The index after the character, quotation or expansion at `i`."""
    match word[i]:
        case "\\":
            return i + 2
        case "'":
            return word.index("'", i + 1) + 1
        case '"':
            return end_of_double(word, i)
        case "$" | "`":
            return end_of_dollar(word, i, ansi=True)
        case _:
            return i + 1


def _alternatives(word: str, i: int) -> tuple[list[str], int] | None:
    """What the braces that open at `i` stand for, and the index after them; None where they are plain
    text.
    """
    depth, start, parts, place = 0, i + 1, [], i
    while place < len(word):
        char = word[place]
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                parts.append(word[start:place])
                break
        elif char == "," and depth == 1:
            parts.append(word[start:place])
            start = place + 1
        place = _next(word, place)
    else:
        return None
    if len(parts) == 1:
        sequence = _sequence(parts[0])
        return (sequence, place + 1) if sequence is not None else None
    return [middle for part in parts for middle in expand_braces(part)], place + 1


def _sequence(text: str) -> list[str] | None:
    match = _RANGE.fullmatch(text)
    if not match:
        return None
    if match[4]:
        first, last, step = ord(match[4]), ord(match[5]), abs(int(match[6] or 1)) or 1
    else:
        first, last, step = int(match[1]), int(match[2]), abs(int(match[3] or 1)) or 1
    if abs(last - first) // step >= MAX_WORDS:
        raise ShellError(f"brace expansion: more than {MAX_WORDS:,} words")
    numbers = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    if match[4]:
        return [chr(number) for number in numbers]
    padded = any(part.lstrip("-").startswith("0") and len(part.lstrip("-")) > 1 for part in match.group(1, 2))
    width = max(len(match[1]), len(match[2])) if padded else 0
    return [f"{number:0{width}d}" for number in numbers]
