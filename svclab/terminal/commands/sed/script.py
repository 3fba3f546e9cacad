"""sed's scripts: addresses and commands as values. Source: POSIX.1-2017 and GNU sed 4.9."""

import re
from dataclasses import dataclass, field

from svclab.terminal.commands.registry import Usage
from svclab.terminal.regex import BadRegex, Regex, compile_regex

_PLAIN = frozenset("pdgGhHxnNDPlz=F")
_WITH_NUMBER = frozenset("qQlL")
_WITH_FILE = frozenset("rRwW")
_WITH_LABEL = frozenset("btT:")


@dataclass(frozen=True, slots=True)
class Step:
    """`first~step` as an address, or `~multiple` as the end of a range."""

    first: int
    step: int


@dataclass(frozen=True, slots=True)
class Count:
    """`+count`: so many lines after the range's first."""

    lines: int


Address = int | str | Regex | Step | Count  # a line number, "$", "" for the last pattern, a pattern, …


@dataclass(slots=True)
class Command:
    """One command; `text` is what stands after it, `flags` those of `s` (and what `y` translates)."""

    name: str
    first: Address | None = None
    last: Address | None = None
    negated: bool = False
    regex: Regex | None = None
    text: str = ""
    flags: str = ""
    file: str = ""
    number: int | None = None
    body: "list[Command]" = field(default_factory=list)
    until: int | None = None  # the last line of the range that is open


class Script:
    """Reads a script's text."""

    def __init__(self, text: str, *, extended: bool) -> None:
        self._text, self._i, self._extended = text, 0, extended
        self._what = ""  # what is being read, for complaints

    def commands(self, *, nested: bool = False) -> list[Command]:
        """The commands up to the end, or to the brace that closes a group. Raises Usage."""
        found: list[Command] = []
        while True:
            self._skip(" \t\n;")
            if self._i >= len(self._text):
                if nested:
                    self._i = 0
                    raise self._error("unmatched `{'")
                return found
            if self._text[self._i] == "}":
                self._i += 1
                if not nested:
                    raise self._error("unexpected `}'")
                self._end_of_command()
                return found
            found.append(self._command())

    def _error(self, what: str) -> Usage:
        return Usage(f"-e expression #1, char {self._i}: {what}", 1)

    def _skip(self, characters: str) -> None:
        while self._i < len(self._text) and self._text[self._i] in characters:
            self._i += 1

    def _peek(self) -> str:
        return self._text[self._i : self._i + 1]

    def _take(self) -> str:
        if self._i >= len(self._text):
            raise self._error(f"unterminated {self._what}")
        self._i += 1
        return self._text[self._i - 1]

    def _command(self) -> Command:
        first = self._address()
        last = None
        if first is not None and self._peek() == ",":
            self._i += 1
            last = self._address(end=True)
            if last is None:
                self._i += 1
                raise self._error("unexpected `,'")
        self._skip(" \t")
        negated = self._peek() == "!"
        if negated:
            self._i += 1
            self._skip(" \t!")
        if self._i >= len(self._text):
            raise self._error("missing command")
        found = Command(self._take(), first, last, negated)
        self._rest(found)
        return found

    def _rest(self, found: Command) -> None:
        name = found.name
        if name in "sy":
            self._substitution(found)
        elif name in "aic":
            found.text = self._lines()
        elif name == "{":
            found.body = self.commands(nested=True)
        elif name in _WITH_FILE:
            found.file = self._word(" \t", "\n")
            if not found.file:
                raise self._error("missing filename in r/R/w/W commands")
        elif name in _WITH_LABEL:
            found.text = self._word(" \t", "\n;}")
            if name == ":" and not found.text:
                raise self._error('":" lacks a label')
        elif name == "#":
            self._word("", "\n")
        elif name in _PLAIN | _WITH_NUMBER:
            self._skip(" \t")
            if name in _WITH_NUMBER and (match := re.compile(r"\d+").match(self._text, self._i)):
                found.number, self._i = int(match[0]), match.end()
            self._end_of_command()
        else:
            raise self._error(f"unknown command: `{name}'")

    def _word(self, before: str, end: str) -> str:
        self._skip(before)
        start = self._i
        while self._i < len(self._text) and self._text[self._i] not in end:
            self._i += 1
        return self._text[start : self._i].rstrip() if ";" in end else self._text[start : self._i]

    def _end_of_command(self) -> None:
        self._skip(" \t")
        if self._i < len(self._text) and self._text[self._i] not in ";\n}#":
            self._i += 1
            raise self._error("extra characters after command")

    def _number(self) -> int:
        match = re.compile(r"\d*").match(self._text, self._i)
        assert match is not None
        self._i = match.end()
        return int(match[0] or 0)

    def _address(self, *, end: bool = False) -> Address | None:
        self._skip(" \t")
        char = self._peek()
        if char.isdigit():
            first = self._number()
            if self._peek() == "~" and not end:
                self._i += 1
                return Step(first, self._number())
            if first == 0 and not end and self._peek() != ",":
                self._i += 1
                raise self._error("invalid usage of line address 0")
            return first
        if end and char in ("+", "~") and char:
            self._i += 1
            number = self._number()
            return Count(number) if char == "+" else Step(0, number)
        if char == "$":
            self._i += 1
            return "$"
        if char in ("/", "\\") and char:
            self._i += 1
            self._what = "address regex"
            pattern = self._until("/" if char == "/" else self._take())
            ignore = self._peek() == "I"
            self._i += ignore
            return self._compiled(pattern, ignore=ignore) if pattern else ""
        return None

    def _compiled(self, pattern: str, *, ignore: bool) -> Regex:
        try:
            return compile_regex(pattern, extended=self._extended, ignore_case=ignore)
        except BadRegex as error:
            raise self._error(str(error)) from None

    def _until(self, delimiter: str) -> str:
        parts: list[str] = []
        within = False  # a bracket expression, where the delimiter stands for itself
        while True:
            if self._i >= len(self._text):
                raise self._error(f"unterminated {self._what}")
            char = self._take()
            if char == "\\" and self._i < len(self._text):
                following = self._take()
                parts.append(following if following == delimiter else char + following)
                continue
            if char == delimiter and not within:
                return "".join(parts)
            within = (within or char == "[") and not (within and char == "]")
            parts.append(char)

    def _replacement(self, delimiter: str) -> str:
        """Up to the delimiter, where a bracket has no meaning of its own."""
        parts: list[str] = []
        while (char := self._take()) != delimiter:
            if char == "\\":
                following = self._take()
                parts.append(following if following == delimiter and delimiter != "&" else char + following)
            else:
                parts.append(char)
        return "".join(parts)

    def _substitution(self, found: Command) -> None:
        self._what = f"`{found.name}' command"
        delimiter = self._take()
        pattern, found.text = self._until(delimiter), self._replacement(delimiter)
        if found.name == "y":
            found.flags, found.text = _unescaped(pattern), _unescaped(found.text)
            if len(found.flags) != len(found.text):
                raise self._error("strings for `y' command are different lengths")
            self._end_of_command()
            return
        match = re.compile(r"[gpIiemM\d]*").match(self._text, self._i)
        assert match is not None
        found.flags = match[0]
        self._i = match.end()
        if self._peek() == "w":
            self._i += 1
            found.file = self._word(" \t", "\n")
        elif self._peek().isalpha():
            self._i += 1
            raise self._error("unknown option to `s'")
        self._end_of_command()
        if not pattern:
            return  # the expression that was used last
        found.regex = self._compiled(pattern, ignore=bool(set("Ii") & set(found.flags)))
        groups = max((int(digit) for digit in re.findall(r"\\(\d)", found.text)), default=0)
        opened = pattern.count("(") if self._extended else pattern.count("\\(")
        if groups > opened:
            raise self._error(f"invalid reference \\{groups} on `s' command's RHS")

    def _lines(self) -> str:
        """The text of `a`, `i` and `c`: to the end of the line, further lines after a backslash."""
        self._skip(" \t")
        if match := re.compile(r"\\[ \t]*\n").match(self._text, self._i):
            self._i = match.end()
        elif self._peek() == "\\":
            self._i += 1
        if self._i >= len(self._text):
            raise self._error("expected \\ after `a', `c' or `i'")
        match = re.compile(r"(?:[^\\\n]|\\.|\\\n)*", re.DOTALL).match(self._text, self._i)
        assert match is not None
        self._i = match.end()
        return re.sub(r"\\(.)", lambda m: {"t": "\t"}.get(m[1], m[1]), match[0], flags=re.DOTALL)


def _unescaped(text: str) -> str:
    return re.sub(
        r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text, flags=re.DOTALL
    )
