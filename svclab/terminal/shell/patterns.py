"""The shell's patterns (`*`, `?`, `[…]`) as regular expressions, and the file names that match them.

In a pattern a backslash takes the next character's meaning away. Source: POSIX.1-2017, 2.13.
"""

import re
from collections.abc import Callable
from functools import lru_cache

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z",
    "space": r"\s", "blank": r" \t", "punct": re.escape("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"), "xdigit": "0-9A-Fa-f",
}  # fmt: skip
Names = Callable[[str], list[str]]
_MAGIC = re.compile(r"(?<!\\)(?:\\\\)*[*?[]")


def is_pattern(text: str) -> bool:
    """Whether `text` has a character that matches more than itself."""
    return bool(_MAGIC.search(text))


def escaped(text: str) -> str:
    """`text` as a pattern that matches only itself."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)


def unescaped(text: str) -> str:
    """The text that a pattern without magic stands for."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


@lru_cache(maxsize=1024)
def as_regex(pattern: str, *, greedy: bool = True, names: bool = False) -> str:
    """The regular expression (unanchored) of a pattern; with `names`, `*` and `?` do not match a slash.

    Runs of `*` become one, so that matching cannot take exponential time in their number.
    """
    parts: list[str] = []
    any_one = "[^/]" if names else "."
    i = 0
    while i < len(pattern):
        char = pattern[i]
        i += 1
        if char == "\\" and i < len(pattern):
            parts.append(re.escape(pattern[i]))
            i += 1
        elif char == "*":
            star = any_one + ("*" if greedy else "*?")
            if not parts or parts[-1] != star:
                parts.append(star)
        elif char == "?":
            parts.append(any_one)
        elif char == "[" and (found := _bracket(pattern, i)):
            text, i = found
            parts.append(text)
        else:
            parts.append(re.escape(char))
    return "".join(parts)


def _bracket(pattern: str, i: int) -> tuple[str, int] | None:
    """The bracket expression whose first character is at `i`, and the index after it; None for a lone `[`."""
    start = i
    negated = pattern[i : i + 1] in ("!", "^")
    i += negated
    parts: list[str] = []
    while i < len(pattern):
        if pattern[i] == "]" and i > start + negated:
            return f"[{'^' if negated else ''}{''.join(parts)}]", i + 1
        if match := re.compile(r"\[:(\w+):\]").match(pattern, i):
            parts.append(_CLASSES.get(match[1], ""))
            i = match.end()
            continue
        if pattern[i] == "\\" and i + 1 < len(pattern):
            i += 1
        parts.append(pattern[i] if pattern[i] == "-" else re.escape(pattern[i]))
        i += 1
    return None


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of `text` matches `pattern`."""
    try:
        return re.fullmatch(as_regex(pattern), text, re.DOTALL) is not None
    except re.error:
        return pattern == text


def glob(pattern: str, cwd: str, names_in: Names) -> list[str]:
    """The existing paths that match a pattern, sorted; hidden files only where the pattern says the dot.

    `names_in(directory)` gives the names in an absolute directory (none when there is no such directory).
    """
    absolute = pattern.startswith("/")
    found = [("/" if absolute else "", "/" if absolute else cwd)]  # as written, and where it is
    for part in (part for part in pattern.split("/") if part):
        found = [
            (prefix + name + "/", f"{directory.rstrip('/')}/{name}")
            for prefix, directory in found
            for name in _matching(part, names_in(directory))
        ]
    return sorted(prefix.rstrip("/") for prefix, _ in found)


def _matching(part: str, names: list[str]) -> list[str]:
    if not is_pattern(part):
        literal = unescaped(part)
        return [literal] if literal in names or literal in (".", "..") else []
    regex = re.compile(as_regex(part, names=True), re.DOTALL)
    hidden = part.startswith(".")
    return [name for name in names if regex.fullmatch(name) and (hidden or not name.startswith("."))]
