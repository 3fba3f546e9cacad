"""The lines that were typed: what is kept of them, and how a new one refers to them: `!!`, `!7`, `!kub`,
`!?web?`, `!$`, `!!:s/old/new/`, `^old^new`. Source: bash 5.2 manual, 9.1 to 9.3.
"""

import re
from dataclasses import dataclass, field

from svclab.terminal.shell.lexer import Incomplete, tokens

MAX_LINES = 1000
_GOES_ON = re.compile(r"(^|[\s;])(do|then|else|in|\{|\(|&&|\|\|?|;;)$|[|&;({]$")
_NOT_AN_EVENT = frozenset(" \t\n\r=;&|()<>")
_ENDS_EVENT = r"\s:;&()|<>"
_DESIGNATOR = re.compile(r":?(\d*\*|\d*-\d*\$?|[\^$%])|:(\d+)")
_MODIFIER = re.compile(r":(g?)(s(.)(.*?)\3(.*?)(?:\3|$)|[htrep&])")
_QUICK = re.compile(r"\^(.*?)\^(.*?)(?:\^|$)")


class NotFound(Exception):
    """What an expansion refers to is not there; the words are bash's."""


@dataclass(slots=True)
class History:
    """The lines of one shell, the oldest first; the list itself is what its editor walks through."""

    lines: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)  # of them, those that are not in the file yet

    def note(self, line: str, control: str) -> None:
        """Keep a line that was entered, unless HISTCONTROL's words say otherwise."""
        wanted = set(control.split(":"))
        both = "ignoreboth" in wanted
        if not line.strip() or (line[0] == " " and (both or "ignorespace" in wanted)):
            return
        line = one_line(line)
        if line in self.lines[-1:] and (both or "ignoredups" in wanted):
            return
        if "erasedups" in wanted:
            self.lines[:] = [other for other in self.lines if other != line]
        self.lines.append(line)
        self.fresh.append(line)
        del self.lines[:-MAX_LINES]

    def clear(self) -> None:
        """Forget all."""
        self.lines.clear()
        self.fresh.clear()


def one_line(text: str) -> str:
    """A command of several lines as the history keeps it: joined by `;`, but for here-documents and
    quotes.
    """
    lines = text.rstrip("\n").split("\n")
    if len(lines) == 1 or "<<" in text or any(line.count(q) % 2 for line in lines for q in "'\""):
        return text
    joined = lines[0]
    for line in lines[1:]:
        if joined.endswith("\\"):
            joined = joined[:-1] + line
        elif line.strip():
            joined = joined.rstrip() + (" " if _GOES_ON.search(joined.rstrip()) else "; ") + line
    return joined


@dataclass(frozen=True, slots=True)
class Expanded:
    """A line with its references replaced; `only_shown`: `:p` asked not to run it."""

    text: str
    only_shown: bool = False


def expanded(line: str, history: list[str]) -> Expanded:
    """Replace the references to lines before. Raises NotFound."""
    if line.startswith("^") and (quick := _QUICK.match(line)):
        before = _newest(history, line)
        if quick[1] not in before:
            raise NotFound(f":s{line}: substitution failed")
        return Expanded(before.replace(quick[1], quick[2], 1) + line[quick.end() :])
    parts: list[str] = []
    only_shown = False
    quoted = ""
    i = 0
    while i < len(line):
        char = line[i]
        if char == "\\" and quoted != "'":
            parts.append(line[i : i + 2])
            i += 2
        elif char in ("'", '"') and quoted in ("", char):
            quoted = "" if quoted else char
            parts.append(char)
            i += 1
        elif char == "!" and quoted != "'" and _is_event(line, i, quoted):
            text, i, shown = _reference(line, i, history, quoted)
            only_shown = only_shown or shown
            parts.append(text)
        else:
            parts.append(char)
            i += 1
    return Expanded("".join(parts), only_shown)


def _is_event(line: str, i: int, quoted: str) -> bool:
    after = line[i + 1 : i + 2]
    if not after or after in _NOT_AN_EVENT or (quoted and after == quoted):
        return False
    return not line[:i].endswith(("$", "${", "["))  # $!, ${!name}, [!a-z]


def _newest(history: list[str], reference: str) -> str:
    if not history:
        raise NotFound(f"{reference}: event not found")
    return history[-1]


def _reference(line: str, start: int, history: list[str], quoted: str) -> tuple[str, int, bool]:
    """What stands for the reference at `start`, where it ends, and whether it is only to be shown."""
    event, i = _event(line, start, history, quoted)
    words = _words(event)
    text = event
    if designator := _DESIGNATOR.match(line, i):
        text = _chosen(words, designator[1] or designator[2], designator[0])
        i = designator.end()
    only_shown = False
    while modifier := _MODIFIER.match(line, i):
        only_shown = only_shown or modifier[2] == "p"
        text = _modified(text, modifier)
        i = modifier.end()
    return text, i, only_shown


def _event(line: str, start: int, history: list[str], quoted: str) -> tuple[str, int]:
    rest = line[start + 1 :]
    if rest[0] == "!":
        return _newest(history, "!!"), start + 2
    if rest[0] == "#":
        return line[:start], start + 2
    if rest[0] in "^$*:" or re.match(r"-(?!\d)", rest):
        return _newest(history, f"!{rest.split()[0]}"), start + 1
    if number := re.match(r"-?\d+", rest):
        place = int(number[0])
        found = history[place - 1 : place] if place > 0 else history[max(len(history) + place, -1) :][:1]
        if place == 0 or -place > len(history):
            found = []
        end = number.end()
        name = number[0]
    elif rest[0] == "?":
        wanted = re.match(r"\?([^?\n]*)\??", rest)
        assert wanted
        found = [one for one in history if wanted[1] in one][-1:]
        name, end = wanted[0], wanted.end()
    else:
        wanted = re.match(rf"[^{_ENDS_EVENT}{quoted}]+", rest)
        assert wanted
        found = [one for one in history if one.startswith(wanted[0])][-1:]
        name, end = wanted[0], wanted.end()
    if not found:
        raise NotFound(f"!{name}: event not found")
    return found[0], start + 1 + end


def _words(line: str) -> list[str]:
    try:
        return [f"{token.descriptor or ''}{token.text}" for token in tokens(line)]
    except Incomplete:
        return line.split()


def _chosen(words: list[str], which: str, written: str) -> str:
    last = len(words) - 1
    if which in ("^", "$", "%"):
        first = end = 1 if which == "^" else last
    elif which.endswith("*"):
        first, end = int(which[:-1] or 1), last
        if first == last + 1:
            return ""
    elif "-" in which:
        left, _, right = which.partition("-")
        first = int(left or 0)
        end = last if right == "$" else int(right) if right else last - 1
    else:
        first = end = int(which)
    if not 0 <= first <= end <= last:
        raise NotFound(f"{written}: bad word specifier")
    return " ".join(words[first : end + 1])


def _modified(text: str, modifier: re.Match[str]) -> str:
    match modifier[2][0]:
        case "h":
            return text.rpartition("/")[0] or text
        case "t":
            return text.rpartition("/")[2]
        case "r":
            return re.sub(r"\.[^./]*$", "", text)
        case "e":
            found = re.search(r"\.[^./]*$", text)
            return found[0] if found else ""
        case "s":
            if modifier[4] not in text:
                raise NotFound(f"{modifier[0]}: substitution failed")
            return text.replace(modifier[4], modifier[5], -1 if modifier[1] else 1)
    return text
