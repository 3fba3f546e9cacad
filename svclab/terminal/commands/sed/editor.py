"""sed at work: pattern space, hold space, and the cycle over lines. Source: POSIX.1-2017 and GNU sed 4.9."""

import re
from collections.abc import Callable, Iterator

from svclab.terminal.commands.registry import Context, Usage
from svclab.terminal.commands.sed.script import Address, Command, Count, Step
from svclab.terminal.files import FileError
from svclab.terminal.regex import Match, Regex, substitute

_MAX_JUMPS = 100_000
_MAX_TEXT = 1_000_000


class _Quit(Exception):
    """`q` (`silent`: `Q`) with its exit code."""

    def __init__(self, status: int = 0, *, silent: bool = False) -> None:
        super().__init__(status)
        self.status, self.silent = status, silent


class _Delete(Exception):
    """`d`: on to the next cycle; `again`: with what is left of the pattern space."""

    def __init__(self, *, again: bool = False) -> None:
        super().__init__()
        self.again = again


class _Jump(Exception):
    """`b`, `t` and `T` on their way to a label."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label


class Editor:
    """Runs a script over lines; `status` is what `q` asked for."""

    def __init__(
        self,
        context: Context,
        commands: list[Command],
        write: Callable[[str], object],
        *,
        quiet: bool,
        end: str,
    ) -> None:
        self._context, self._commands, self._write = context, commands, write
        self._quiet, self._end = quiet, end
        self._number, self._hold, self._space = 0, "", ""
        self._after: list[str] = []
        self._files: dict[str, list[str]] = {}
        self._substituted = False
        self._last: Regex | None = None
        self._missing_end = False  # the last line came without its newline, and so it goes out
        self.status = 0

    def run(self, lines: Iterator[str]) -> None:
        """Edit these lines; may be called again for another file."""
        self._lines = lines
        self._next = next(lines, None)
        again = False
        try:
            while again or self._advance():
                again = False
                try:
                    self._cycle()
                except _Delete as deleted:
                    self._flush()
                    again = deleted.again
                    continue
                self._finish()
        except _Quit as ended:
            self.status = ended.status
            if not ended.silent:
                self._finish()
        finally:
            for name, parts in self._files.items():
                _store(self._context, name, "".join(parts))

    def _cycle(self) -> None:
        start = 0
        for _ in range(_MAX_JUMPS):
            try:
                self._apply(self._commands[start:])
            except _Jump as jump:
                if not jump.label:
                    return
                start = self._place(jump.label)
                self._context.check()
                continue
            return
        raise Usage("svclab: a loop without end", 1)

    def _place(self, label: str) -> int:
        return next(i for i, item in enumerate(self._commands) if item.name == ":" and item.text == label)

    def _advance(self) -> bool:
        if self._next is None:
            return False
        self._missing_end = not self._next.endswith(self._end)
        self._space = self._next.removesuffix(self._end)
        self._number += 1
        self._next = next(self._lines, None)
        return True

    def _finish(self) -> None:
        if not self._quiet:
            self._print(self._space)
        self._flush()

    def _print(self, text: str) -> None:
        last = self._missing_end and self._next is None
        self._write(text + ("" if last and not self._after else self._end))

    def _flush(self) -> None:
        for text in self._after:
            self._write(text)
        self._after = []

    # -- addresses -------------------------------------------------------------------------------------------

    def _selected(self, item: Command) -> bool:
        if item.first is None:
            chosen = True
        elif item.last is None:
            chosen = self._at(item.first)
        else:
            chosen = self._within(item)
        return chosen != item.negated

    def _within(self, item: Command) -> bool:
        assert item.first is not None
        if item.until is not None:
            return self._goes_on(item)
        if item.first == 0:
            item.first = -1  # `0,/x/` may end with the first line
            item.until = 0
            return self._goes_on(item)
        if not self._at(item.first):
            return False
        match item.last:
            case int() as number:
                item.until = number if number > self._number else None
            case Count(lines):
                item.until = self._number + lines if lines else None
            case Step(_, step):
                item.until = -(-self._number // step) * step if step and self._number % step else None
            case _:
                item.until = 0
        return True

    def _goes_on(self, item: Command) -> bool:
        assert item.until is not None
        if item.until > 0:
            within = self._number <= item.until
            item.until = None if self._number >= item.until else item.until
            return within
        assert item.last is not None
        if self._at(item.last):
            item.until = None
        return True

    def _at(self, address: Address) -> bool:
        match address:
            case int():
                return self._number == address
            case "$":
                return self._next is None
            case "":
                return self._regex(None).search(self._space) is not None
            case Step(first, step):
                return (
                    self._number == first
                    if not step
                    else self._number >= first and (self._number - first) % step == 0
                )
            case Count():
                return False
            case str():
                raise AssertionError(address)
            case _:
                return self._regex(address).search(self._space) is not None

    def _regex(self, given: Regex | None) -> Regex:
        """The expression to use: the one given, or for an empty one that which was used last."""
        if given is None and self._last is None:
            raise Usage("no previous regular expression", 1)
        self._last = given or self._last
        assert self._last is not None
        return self._last

    # -- commands --------------------------------------------------------------------------------------------

    def _apply(self, commands: list[Command]) -> None:
        for item in commands:
            if self._selected(item):
                self._one(item)

    def _one(self, item: Command) -> None:
        match item.name:
            case "s":
                self._replace(item)
            case "y":
                self._space = self._space.translate(str.maketrans(item.flags, item.text))
            case "{":
                self._apply(item.body)
            case "b":
                raise _Jump(item.text)
            case "t" | "T":
                jumps, self._substituted = self._substituted == (item.name == "t"), False
                if jumps:
                    raise _Jump(item.text)
            case "d":
                raise _Delete
            case "D":
                _, newline, rest = self._space.partition("\n")
                self._space = rest
                raise _Delete(again=bool(newline))
            case "q" | "Q":
                raise _Quit(item.number or 0, silent=item.name == "Q")
            case "n" | "N":
                self._read_on(item.name)
            case "h" | "H" | "g" | "G" | "x" | "z":
                self._exchange(item.name)
            case _:
                self._output(item)

    def _read_on(self, name: str) -> None:
        before = self._space
        if self._next is None:
            if name == "n" or not self._quiet:
                raise _Quit
            raise _Quit(silent=True)
        if name == "n":
            self._finish()
        else:
            self._flush()
        self._advance()
        self._space = self._space if name == "n" else f"{before}\n{self._space}"

    def _exchange(self, name: str) -> None:
        if len(self._hold) + len(self._space) > _MAX_TEXT:
            raise Usage(f"svclab: more than {_MAX_TEXT:,} characters in the two spaces", 1)
        match name:
            case "h":
                self._hold = self._space
            case "H":
                self._hold += "\n" + self._space
            case "g":
                self._space = self._hold
            case "G":
                self._space += "\n" + self._hold
            case "z":
                self._space = ""
            case _:
                self._space, self._hold = self._hold, self._space

    def _output(self, item: Command) -> None:
        match item.name:
            case "p":
                self._write(self._space + self._end)
            case "P":
                self._write(self._space.partition("\n")[0] + self._end)
            case "=":
                self._write(f"{self._number}\n")
            case "l":
                self._write(_visible(self._space, 70 if item.number is None else item.number))
            case "a":
                self._after.append(item.text + "\n")
            case "i":
                self._write(item.text + "\n")
            case "c":
                if item.last is None or item.negated or item.until is None:
                    self._write(item.text + "\n")
                raise _Delete
            case "r":
                self._after.append(_read(self._context, item.file))
            case "w":
                self._keep(item.file, self._space)
            case "F":
                self._write("-\n")

    def _keep(self, name: str, text: str) -> None:
        if name in ("/dev/stdout", "/dev/stderr"):
            stream = self._context.stdout if name == "/dev/stdout" else self._context.stderr
            stream.write(text + "\n")
        else:
            self._files.setdefault(name, []).append(text + "\n")

    def _replace(self, item: Command) -> None:
        regex = self._regex(item.regex)
        digits = re.search(r"\d+", item.flags)
        changed = False

        def new(match: Match) -> str:
            nonlocal changed
            changed = True
            return replacement(item.text, match)

        self._space = substitute(
            regex, new, self._space, nth=int(digits[0]) if digits else 1, every="g" in item.flags
        )
        self._substituted = self._substituted or changed
        if changed and "p" in item.flags:
            self._write(self._space + self._end)
        if changed and item.file:
            self._keep(item.file, self._space)


_SHOWN = {
    "\n": r"\n", "\t": r"\t", "\\": r"\\", "\r": r"\r", "\a": r"\a", "\b": r"\b", "\f": r"\f", "\v": r"\v",
}  # fmt: skip


def _octal(char: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in char.encode(errors="replace"))


def _visible(text: str, width: int) -> str:
    """What `l` prints: escapes for what is invisible, lines broken with a backslash, `$` at the end."""
    parts = [_SHOWN.get(c) or (c if c.isprintable() else _octal(c)) for c in text]
    lines, line = [], ""
    for part in parts:
        if width > 1 and len(line) + len(part) > width - 1:
            lines.append(line + "\\\n")
            line = ""
        line += part
    return "".join(lines) + line + "$\n"


def _read(context: Context, name: str) -> str:
    """A file's text, "" for one that is not there."""
    try:
        text: str = context.files.read(context.path(name))
    except FileError:
        return ""
    return text


def _store(context: Context, name: str, text: str) -> None:
    try:
        context.files.write(context.path(name), text)
    except FileError as error:
        raise Usage(f"couldn't open file {name}: {error}", 4) from None


_CASES = {"U": str.upper, "L": str.lower}


def replacement(template: str, match: Match) -> str:
    """What `s` puts in: `&`, `\\1`, escapes, and those that change case."""
    parts: list[str] = []
    case, once = "", ""
    for token in re.finditer(r"\\(x[0-9A-Fa-f]{2}|o[0-7]{1,3}|.)|&|[^\\&]+", template, re.DOTALL):
        escape = token[1]
        if escape is not None and escape in "ULEul":
            case, once = ("" if escape == "E" else escape, once) if escape in "ULE" else (case, escape)
            continue
        text = _part(token[0], escape, match)
        if case:
            text = _CASES[case](text)
        if once and text:
            text = (text[0].upper() if once == "u" else text[0].lower()) + text[1:]
            once = ""
        parts.append(text)
    return "".join(parts)


def _part(text: str, escape: str | None, match: Match) -> str:
    if text == "&":
        return match.group()
    if escape is None:
        return text
    if escape.isdigit():
        return match.group(int(escape))
    if len(escape) > 1:
        return chr(int(escape[1:], 16 if escape[0] == "x" else 8))
    return {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "f": "\f", "v": "\v"}.get(escape, escape)
