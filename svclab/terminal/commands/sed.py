"""sed: addresses, s, y, p, d, q, a, i, c, =, n, groups; options -n -e -E -i. Source: POSIX.1-2017 and GNU
sed 4.9.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from svclab.terminal.commands.arguments import Inputs, options
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.files import FileError
from svclab.terminal.regex import BadRegex, Match, Regex, compile_regex, substitute
from svclab.terminal.streams import TextInput

Address = int | str | Regex  # a line number, "$", or a pattern


@dataclass(slots=True)
class _Command:
    name: str
    first: Address | None = None
    last: Address | None = None
    negated: bool = False
    regex: Regex | None = None
    text: str = ""
    flags: str = ""
    body: "list[_Command]" = field(default_factory=list)
    active: bool = False  # between the two addresses


class _Script:
    """Reads a script's text."""

    def __init__(self, text: str, *, extended: bool) -> None:
        self._text, self._i, self._extended = text, 0, extended
        self._what = ""  # what is being read, for complaints

    def commands(self, *, nested: bool = False) -> list[_Command]:
        """The commands up to the end, or to the brace that closes a group."""
        found: list[_Command] = []
        while True:
            self._skip(" \t\n;")
            if self._i >= len(self._text):
                if nested:
                    raise self._error("unmatched `{'")
                return found
            if self._text[self._i] == "}":
                self._i += 1
                if not nested:
                    raise self._error("unexpected `}'")
                return found
            found.append(self._command())

    def _error(self, what: str) -> Usage:
        return Usage(f"-e expression #1, char {self._i}: {what}", 1)

    def _skip(self, characters: str) -> None:
        while self._i < len(self._text) and self._text[self._i] in characters:
            self._i += 1

    def _take(self) -> str:
        if self._i >= len(self._text):
            raise self._error("unexpected end of the script")
        self._i += 1
        return self._text[self._i - 1]

    def _command(self) -> _Command:
        first = self._address()
        last = None
        if first is not None and self._text[self._i : self._i + 1] == ",":
            self._i += 1
            last = self._address()
            if last is None:
                raise self._error("unexpected `,'")
        self._skip(" \t")
        negated = self._text[self._i : self._i + 1] == "!"
        if negated:
            self._i += 1
            self._skip(" \t")
        if self._i >= len(self._text):
            raise self._error("missing command")
        found = _Command(self._take(), first, last, negated)
        match found.name:
            case "s" | "y":
                self._substitution(found)
            case "a" | "i" | "c":
                found.text = self._rest_of_line()
            case "{":
                found.body = self.commands(nested=True)
            case "p" | "d" | "q" | "=" | "n" | "N" | "G" | "h" | "H" | "g" | "x" | "D" | "P" | "l":
                self._end_of_command()
            case "#":
                self._rest_of_line()
            case name:
                raise self._error(f"unknown command: `{name}'")
        return found

    def _end_of_command(self) -> None:
        self._skip(" \t")
        if self._i < len(self._text) and self._text[self._i] not in ";\n}#":
            raise self._error("extra characters after command")

    def _address(self) -> Address | None:
        self._skip(" \t")
        rest = self._text[self._i :]
        if match := re.match(r"\d+", rest):
            self._i += match.end()
            return int(match[0])
        if rest[:1] == "$":
            self._i += 1
            return "$"
        if rest[:1] in ("/", "\\"):
            self._i += 1
            delimiter = "/" if rest[0] == "/" else self._take()
            self._what = "address regex"
            pattern = self._until(delimiter)
            ignore = self._text[self._i : self._i + 1] == "I"
            self._i += ignore
            return compile_regex(pattern, extended=self._extended, ignore_case=ignore)
        return None

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

    def _substitution(self, found: _Command) -> None:
        delimiter = self._take()
        self._what = f"`{found.name}' command"
        pattern, found.text = self._until(delimiter), self._until(delimiter)
        if found.name == "y":
            if len(pattern) != len(found.text):
                raise self._error("strings for `y' command are different lengths")
            found.flags = pattern
            return
        match = re.compile(r"[gpIie\d]*").match(self._text, self._i)
        assert match is not None
        found.flags = match[0]
        self._i = match.end()
        self._end_of_command()
        found.regex = compile_regex(
            pattern, extended=self._extended, ignore_case=bool(set("Ii") & set(found.flags))
        )

    def _rest_of_line(self) -> str:
        self._skip(" \t")
        if self._text.startswith("\\\n", self._i):
            self._i += 2
        elif self._text.startswith("\\", self._i):
            self._i += 1
        end = self._text.find("\n", self._i)
        end = end if end >= 0 else len(self._text)
        text = self._text[self._i : end]
        self._i = end
        return text.replace("\\t", "\t").replace("\\n", "\n")


class _Quit(Exception):
    pass


class _Delete(Exception):
    pass


class _Editor:
    """Runs a script over lines."""

    def __init__(self, commands: list[_Command], write: Callable[[str], None], *, quiet: bool) -> None:
        self._commands, self._write, self._quiet = commands, write, quiet
        self._number, self._hold, self._space = 0, "", ""
        self._after: list[str] = []

    def run(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._next = next(lines, None)
        while self._advance():
            try:
                self._apply(self._commands)
            except _Delete:
                self._flush()
                continue
            except _Quit:
                self._finish()
                return
            self._finish()

    def _advance(self) -> bool:
        if self._next is None:
            return False
        self._space = self._next.removesuffix("\n")
        self._number += 1
        self._next = next(self._lines, None)
        return True

    def _finish(self) -> None:
        if not self._quiet:
            self._write(self._space + "\n")
        self._flush()

    def _flush(self) -> None:
        for text in self._after:
            self._write(text + "\n")
        self._after = []

    def _selected(self, item: _Command) -> bool:
        if item.first is None:
            chosen = True
        elif item.last is None:
            chosen = self._at(item.first)
        elif item.active:
            chosen = True
            item.active = not (
                self._at(item.last) or (isinstance(item.last, int) and self._number >= item.last)
            )
        else:
            chosen = self._at(item.first)
            item.active = chosen and not (isinstance(item.last, int) and item.last <= self._number)
        return chosen != item.negated

    def _at(self, address: Address) -> bool:
        if isinstance(address, int):
            return self._number == address
        if isinstance(address, str):
            return self._next is None
        return address.search(self._space) is not None

    def _apply(self, commands: list[_Command]) -> None:
        for item in commands:
            if self._selected(item):
                self._one(item)

    def _one(self, item: _Command) -> None:
        match item.name:
            case "s":
                self._replace(item)
            case "y":
                self._space = self._space.translate(str.maketrans(item.flags, item.text))
            case "p":
                self._write(self._space + "\n")
            case "P":
                self._write(self._space.partition("\n")[0] + "\n")
            case "d" | "D":
                raise _Delete
            case "q":
                raise _Quit
            case "=":
                self._write(f"{self._number}\n")
            case "a":
                self._after.append(item.text)
            case "i":
                self._write(item.text + "\n")
            case "c":
                if not item.active:
                    self._write(item.text + "\n")
                raise _Delete
            case "{":
                self._apply(item.body)
            case "n":
                self._finish()
                if not self._advance():
                    raise _Delete
            case "N":
                before = self._space
                if not self._advance():
                    raise _Quit
                self._space = f"{before}\n{self._space}"
            case name:
                self._held(name)

    def _held(self, name: str) -> None:
        match name:
            case "h":
                self._hold = self._space
            case "H":
                self._hold += "\n" + self._space
            case "g":
                self._space = self._hold
            case "G":
                self._space += "\n" + self._hold
            case "x":
                self._space, self._hold = self._hold, self._space

    def _replace(self, item: _Command) -> None:
        assert item.regex is not None
        digits = re.search(r"\d+", item.flags)
        changed = False

        def new(match: Match) -> str:
            nonlocal changed
            changed = True
            return _replacement(item.text, match)

        self._space = substitute(
            item.regex, new, self._space, nth=int(digits[0]) if digits else 1, every="g" in item.flags
        )
        if changed and "p" in item.flags:
            self._write(self._space + "\n")


def _replacement(template: str, match: Match) -> str:
    def part(found: re.Match[str]) -> str:
        text = found[0]
        if text == "&":
            return match.group()
        if text[1].isdigit():
            return match.group(int(text[1]))
        return {"n": "\n", "t": "\t"}.get(text[1], text[1])

    return re.sub(r"\\.|&", part, template, flags=re.DOTALL)


@command("sed")
def sed(context: Context, argv: list[str]) -> int:
    """Edits a stream by a script."""
    argv = [re.sub(r"^-i(\..*)?$", "-i", word) for word in argv]
    given, words = options(
        argv, "nrEie:f:su", ("quiet", "silent", "regexp-extended", "in-place", "expression=", "file=")
    )
    flags = {name for name, _ in given}
    scripts = [value for name, value in given if name in ("-e", "--expression")]
    scripts += [context.files.read(context.path(value)) for name, value in given if name in ("-f", "--file")]
    if not scripts:
        if not words:
            raise Usage("usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...", 1)
        scripts = [words.pop(0)]
    quiet = bool(flags & {"-n", "--quiet", "--silent"})
    try:
        extended = bool(flags & {"-r", "-E", "--regexp-extended"})
        commands = _Script("\n".join(scripts), extended=extended).commands()
        if flags & {"-i", "--in-place"}:
            return _in_place(context, commands, words, quiet=quiet)
        inputs = Inputs(context, words)
        _Editor(commands, context.stdout.write, quiet=quiet).run(inputs.lines())
        return 2 if inputs.status else 0
    except BadRegex as error:
        raise Usage(f"-e expression #1: {error}", 1) from None


def _in_place(context: Context, commands: list[_Command], names: list[str], *, quiet: bool) -> int:
    status = 0
    for name in names:
        path = context.path(name)
        try:
            parts: list[str] = []
            _Editor(commands, parts.append, quiet=quiet).run(iter(TextInput(context.files.read(path))))
            context.files.write(path, "".join(parts))
        except FileError as error:
            status = context.fail(f"sed: can't read {name}: {error}", 2)
    return status
