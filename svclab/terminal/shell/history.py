"""History expansion at a line's start: `!!`, `!7`, `!kub`, and `!$` anywhere. Source: bash 5.2 manual, 9.3."""

import re
from collections.abc import Callable

from svclab.terminal.shell.lexer import Incomplete, tokens

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
