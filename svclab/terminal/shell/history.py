"""History expansion at a line's start: `!!`, `!7`, `!kub`, and `!$` anywhere. Source: bash 5.2 manual,
9.3.
"""

import re
from collections.abc import Callable

from svclab.terminal.shell.lexer import Incomplete, tokens

_GOES_ON = re.compile(r"(^|[\s;])(do|then|else|in|\{|\(|&&|\|\|?|;;)$|[|&;({]$")
_EVENT = re.compile(r"!(!|-?\d+|[A-Za-z]\S*)")


def expanded(line: str, history: list[str], show: Callable[[str], object]) -> str:
    """`line` with its references replaced; a replaced line is shown. Raises KeyError for one not found."""
    result = line
    match = _EVENT.match(line)
    if match:
        result = _event(match, history) + line[match.end() :]
    if re.search(r"(?<![\\'])!\$", result) and history:
        result = re.sub(r"!\$", lambda _: _last_word(history[-1]), result)
    if result != line:
        show(result)
    return result


def one_line(text: str) -> str:
    """A command of several lines as the history keeps it: joined by `;`, but for here-documents and
    quotes.
    """
    lines = [line.strip() for line in text.split("\n")]
    if len(lines) == 1 or "<<" in text or any(line.count(q) % 2 for line in lines for q in "'\""):
        return text
    joined = lines[0]
    for line in lines[1:]:
        if line:
            joined += (" " if _GOES_ON.search(joined) else "; ") + line
    return joined


def _event(match: re.Match[str], history: list[str]) -> str:
    name = match[1]
    if name == "!":
        found = history[-1:]
    elif name.lstrip("-").isdigit():
        number = int(name)
        found = history[number - 1 : number] if number > 0 else history[len(history) + number :][:1]
    else:
        found = [line for line in history if line.startswith(name)][-1:]
    if not found:
        raise KeyError(match[0])
    return found[0]


def _last_word(line: str) -> str:
    try:
        words = [token.text for token in tokens(line) if token.kind == "word"]
    except Incomplete:
        words = line.split()
    return words[-1] if words else ""
