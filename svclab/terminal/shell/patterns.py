"""The shell's patterns (`*`, `?`, `[…]`): whether a text matches, and the file names that do.

In a pattern a backslash takes the next character's meaning away. A pattern becomes a POSIX regular
expression,
so that no pattern can hang the shell (svclab.terminal.regex). Source: POSIX.1-2017, 2.13.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from svclab.terminal.regex import BadRegex, compile_regex, substitute

Names = Callable[[str], list[str]]
_MAGIC = re.compile(r"(?<!\\)(?:\\\\)*[*?[]")
_SPECIAL = frozenset(".[]\\()*+?{}|^$")


def is_pattern(text: str) -> bool:
    """Whether `text` has a character that matches more than itself."""
    return bool(_MAGIC.search(text))


def escaped(text: str) -> str:
    """`text` as a pattern that matches only itself."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)


def unescaped(text: str) -> str:
    """The text that a pattern without magic stands for."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _literal(char: str) -> str:
    return "\\" + char if char in _SPECIAL else char


@lru_cache(maxsize=1024)
def as_regex(pattern: str) -> str:
    """The extended regular expression (unanchored) of a pattern."""
    parts: list[str] = []
    i = 0
    while i < len(pattern):
        char = pattern[i]
        i += 1
        if char == "\\" and i < len(pattern):
            parts.append(_literal(pattern[i]))
            i += 1
        elif char == "*":
            if parts[-1:] != ["(.|\\n)*"]:
                parts.append("(.|\\n)*")
        elif char == "?":
            parts.append("(.|\\n)")
        elif char == "[" and (match := re.compile(r"([!^]?)(\]?(?:\[:\w+:\]|[^]])*)\]").match(pattern, i)):
            parts.append(f"[{'^' if match[1] else ''}{match[2]}]")
            i = match.end()
        else:
            parts.append(_literal(char))
    return "".join(parts)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of `text` matches `pattern`."""
    if not is_pattern(pattern):
        return unescaped(pattern) == text
    try:
        return compile_regex(f"^({as_regex(pattern)})$").search(text) is not None
    except BadRegex:
        return unescaped(pattern) == text


def replace(text: str, pattern: str, new: str, *, every: bool, at: str) -> str:
    """`text` with the first match (or every match) of `pattern` replaced; `at` "#" or "%" anchors it."""
    expression = as_regex(pattern)
    expression = {"#": f"^({expression})", "%": f"({expression})$"}.get(at, expression)
    try:
        return substitute(compile_regex(expression), lambda _: new, text, every=every)
    except BadRegex:
        return text


def glob(pattern: str, cwd: str, names_in: Names) -> list[str]:
    """The existing paths that match a pattern, sorted; hidden files only where the pattern says the dot.

    `names_in(directory)` gives the names in an absolute directory (none when there is no such directory).
    """
    absolute = pattern.startswith("/")
    found = [("/" if absolute else "", "/" if absolute else cwd)]  # as written, and where it is
    for part in (part for part in pattern.split("/") if part):
        found = [
            (f"{prefix}{name}/", f"{directory.rstrip('/')}/{name}")
            for prefix, directory in found
            for name in _matching(part, names_in(directory))
        ]
    if pattern.endswith("/"):  # directories only: the names in the others are none
        return sorted(prefix for prefix, directory in found if names_in(directory))
    return sorted(prefix.rstrip("/") for prefix, _ in found)


def _matching(part: str, names: list[str]) -> list[str]:
    if not is_pattern(part):
        literal = unescaped(part)
        return [literal] if literal in names or literal in (".", "..") else []
    hidden = part.startswith(".")
    return [name for name in names if (hidden or not name.startswith(".")) and matches(part, name)]
