"""Editing one line in a terminal: keys in, escape sequences out. Source: the emacs mode of readline 8.2.

Pure: it knows no cluster and no socket. The caller feeds decoded text; `feed` gives what happened to it.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_KEYS = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|\x1b[\x7f\x08a-zA-Z.]|\x1b|.", re.DOTALL)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_UNFINISHED = re.compile(r"\x1b(\[[0-9;]*|O)?$")
_NAMES = {
    "\x01": "home", "\x1b[H": "home", "\x1bOH": "home", "\x1b[1~": "home",
    "\x05": "end", "\x1b[F": "end", "\x1bOF": "end", "\x1b[4~": "end",
    "\x02": "left", "\x1b[D": "left", "\x1bOD": "left", "\x06": "right", "\x1b[C": "right", "\x1bOC": "right",
    "\x10": "older", "\x1b[A": "older", "\x1bOA": "older", "\x0e": "newer", "\x1b[B": "newer",
    "\x1bOB": "newer",
    "\x1bb": "word left", "\x1b[1;5D": "word left", "\x1b[1;3D": "word left",
    "\x1bf": "word right", "\x1b[1;5C": "word right", "\x1b[1;3C": "word right",
    "\x7f": "backspace", "\x08": "backspace", "\x1b[3~": "delete",
    "\x15": "kill to start", "\x0b": "kill to end", "\x17": "kill word", "\x1b\x7f": "kill word back",
    "\x1b\x08": "kill word back", "\x1bd": "kill word forward", "\x19": "yank", "\x14": "transpose",
    "\x1b.": "last word", "\x0c": "clear", "\x12": "search",
}  # fmt: skip
MAX_LINE = 64 * 1024
_NEWLINE = "⏎"  # how a newline within a recalled command is shown


@dataclass(frozen=True, slots=True)
class Entered:
    """Enter was pressed: the line as it stood. What was fed after it is in `rest`."""

    line: str
    rest: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Ctrl-C: the line is dropped."""

    rest: str


@dataclass(frozen=True, slots=True)
class EndOfInput:
    """Ctrl-D on an empty line."""

    rest: str


Event = Entered | Interrupted | EndOfInput


def width_of(text: str) -> int:
    """How many columns `text` takes on the screen; escape sequences take none."""
    plain = _ANSI.sub("", text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in plain
    )


@dataclass(slots=True)
class LineEditor:
    """One prompt's line. `write` gets what the screen must show; `complete` gives candidates for the word
    before the cursor, `history` the lines typed before."""

    write: Callable[[str], None]
    complete: Callable[[str], list[str]]
    history: list[str]
    columns: int = 80
    prompt: str = ""
    _text: str = ""
    _at: int = 0
    _row: int = 0  # of the cursor, counted from the prompt's
    _place: int | None = None  # in the history
    _kept: str = ""  # the line that was being typed before walking through the history
    _killed: str = ""
    _begun: str = ""  # an escape sequence that has not come whole
    _tabs: int = 0
    _search: str | None = None
    _passed: int = 0  # matches that Ctrl-R has gone past

    def start(self, prompt: str) -> None:
        """Show a fresh prompt with an empty line."""
        self.prompt, self._text, self._at, self._row = prompt, "", 0, 0
        self._place, self._tabs, self._search = None, 0, None
        self.write(prompt)
        self._row = self._position(0)[0]

    def feed(self, text: str) -> Event | None:
        """Work through typed keys; stops at the first event, whose `rest` has what is left of them."""
        text = self._begun + text
        self._begun = ""
        match = _UNFINISHED.search(text)
        if match and (len(text) > 1 or match[0] != "\x1b"):
            self._begun = match[0]
            text = text[: match.start()]
        for match in _KEYS.finditer(text):
            event = self._key(match[0], text[match.end() :])
            if event is not None:
                return event
        return None

    def _key(self, key: str, rest: str) -> Event | None:
        if self._search is not None and self._searching(key):
            return None
        self._tabs = self._tabs + 1 if key == "\t" else 0
        if key in ("\r", "\n"):
            return self._enter(rest.removeprefix("\n") if key == "\r" else rest)
        if key == "\x03":
            self._move(len(self._text))
            self.write("^C\r\n")
            return Interrupted(rest)
        if key == "\x04":
            if not self._text:
                return EndOfInput(rest)
            key = "\x1b[3~"
        if key == "\t":
            self._completion()
        elif key in _NAMES:
            self._edit(_NAMES[key])
        elif key >= " " and not key.startswith("\x1b"):
            self._insert(key)
        return None

    def _enter(self, rest: str) -> Event:
        self._move(len(self._text))
        self.write("\r\n")
        return Entered(self._text, rest)

    # -- changing the line -----------------------------------------------------------------------------------

    def _insert(self, text: str) -> None:
        if len(self._text) + len(text) > MAX_LINE:
            return
        at_end = self._at == len(self._text)
        before = self._position(self._at)
        self._text = self._text[: self._at] + text + self._text[self._at :]
        self._at += len(text)
        after = self._position(self._at)
        if at_end and before[0] == after[0]:
            self.write(text)
        else:
            self._draw()

    def _edit(self, name: str) -> None:
        match name:
            case "home":
                self._move(0)
            case "end":
                self._move(len(self._text))
            case "left":
                self._move(max(self._at - 1, 0))
            case "right":
                self._move(min(self._at + 1, len(self._text)))
            case "word left":
                self._move(self._word_left(r"\w"))
            case "word right":
                self._move(self._word_right())
            case "older" | "newer":
                self._walk(-1 if name == "older" else 1)
            case "clear":
                self.write("\x1b[2J\x1b[H")
                self._row = 0
                self._draw()
            case "search":
                self._search, self._passed = "", 0
                self._show_search()
            case _:
                self._change(name)

    def _change(self, name: str) -> None:
        at, text = self._at, self._text
        match name:
            case "backspace" if at:
                self._replace(at - 1, at, keep=False)
            case "delete" if at < len(text):
                self._replace(at, at + 1, keep=False)
            case "kill to start":
                self._replace(0, at)
            case "kill to end":
                self._replace(at, len(text))
            case "kill word":
                self._replace(self._word_left(r"\S"), at)
            case "kill word back":
                self._replace(self._word_left(r"\w"), at)
            case "kill word forward":
                self._replace(at, self._word_right())
            case "yank":
                self._insert(self._killed)
            case "last word":
                self._insert(
                    self.history[-1].split()[-1] if self.history and self.history[-1].split() else ""
                )
            case "transpose" if at and len(text) > 1:
                at = min(at, len(text) - 1)
                self._text = text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]
                self._at = at + 1
                self._draw()

    def _replace(self, start: int, end: int, *, keep: bool = True) -> None:
        if keep and start < end:
            self._killed = self._text[start:end]
        last_only = end == len(self._text) == self._at and end - start == 1
        simple = last_only and width_of(self._text[start:end]) == 1 and self._position(end)[1] > 0
        self._text = self._text[:start] + self._text[end:]
        self._at = start
        if simple:
            self.write("\b\x1b[K")
        else:
            self._draw()

    def _word_left(self, kind: str) -> int:
        match = re.search(r"\w+\W*$" if kind == r"\w" else r"\S+\s*$", self._text[: self._at])
        return match.start() if match else 0

    def _word_right(self) -> int:
        match = re.compile(r"\W*\w+").match(self._text, self._at)
        return match.end() if match else len(self._text)

    def _walk(self, step: int) -> None:
        place = len(self.history) if self._place is None else self._place
        if self._place is None:
            self._kept = self._text
        place = min(max(place + step, 0), len(self.history))
        self._place = None if place == len(self.history) else place
        self._text = self._kept if self._place is None else self.history[place]
        self._at = len(self._text)
        self._draw()

    # -- searching the history -------------------------------------------------------------------------------

    def _searching(self, key: str) -> bool:
        """Takes a key while Ctrl-R is on; False where the key ends the search and is to be obeyed."""
        assert self._search is not None
        if key == "\x12":
            self._passed += 1 if self._search and self._passed + 1 < len(self._matching()) else 0
        elif key in ("\x7f", "\x08"):
            self._search, self._passed = self._search[:-1], 0
        elif key >= " " and not key.startswith("\x1b"):
            self._search += key
            self._passed = 0
        else:
            found = self._found()
            self._search = None
            if key in ("\x07", "\x03"):
                found = ""
            self._text = found
            self._at = len(found)
            self._draw()
            return key == "\x07"
        self._show_search()
        return True

    def _matching(self) -> list[str]:
        """The lines of the history that have what is searched for, the newest first, each once."""
        found = (line for line in reversed(self.history) if self._search and self._search in line)
        return list(dict.fromkeys(found))

    def _found(self) -> str:
        return next(iter(self._matching()[self._passed :]), "")

    def _show_search(self) -> None:
        self._clear()
        failed = "failed " if self._search and not self._matching() else ""
        shown = f"({failed}reverse-i-search)`{self._search}': {self._found()}"[: max(self.columns - 1, 1)]
        self.write(shown)
        self._row = 0

    # -- completion ------------------------------------------------------------------------------------------

    def _completion(self) -> None:
        before = self._text[: self._at]
        candidates = self.complete(before)
        begun = re.search(r"[^\s;&|<>('\"`]*$", before)
        word = begun[0] if begun else ""
        candidates = [c for c in candidates if c.startswith(word)]
        if not candidates:
            self.write("\a")
            return
        common = _common_start(candidates)
        if len(candidates) == 1:
            self._insert(common[len(word) :] + ("" if common.endswith(("/", "=", ":")) else " "))
        elif len(common) > len(word):
            self._insert(common[len(word) :])
            self._tabs = 0
        elif self._tabs >= 2:
            self._list(candidates)
        else:
            self.write("\a")

    def _list(self, candidates: list[str]) -> None:
        shown = [
            c.rstrip("/").rpartition("/")[2] + ("/" if c.endswith("/") else "") for c in candidates[:200]
        ]
        width = max(width_of(name) for name in shown) + 2
        across = max(self.columns // width, 1)
        down = -(-len(shown) // across)
        rows = ["".join(name.ljust(width) for name in shown[row::down]).rstrip() for row in range(down)]
        self._move(len(self._text))
        more = [f"… and {len(candidates) - 200} more"] if len(candidates) > 200 else []
        self.write("\r\n" + "\r\n".join(rows + more) + "\r\n")
        self._row = 0
        self._draw()

    # -- the screen ------------------------------------------------------------------------------------------

    def _position(self, at: int) -> tuple[int, int]:
        """Row (from the prompt's) and column of an index of the line."""
        width = width_of(self.prompt.rpartition("\n")[2]) + width_of(self._text[:at])
        return divmod(width, max(self.columns, 1))

    def _move(self, at: int) -> None:
        row, column = self._position(at)
        if (at, row) == (self._at, self._row) and column:
            return
        self.write(_vertical(row - self._row) + "\r" + (f"\x1b[{column}C" if column else ""))
        self._at, self._row = at, row

    def _clear(self) -> None:
        self.write(_vertical(-self._row) + "\r\x1b[J")

    def _draw(self) -> None:
        self._clear()
        prompt = self.prompt.rpartition("\n")[2]
        end_row, end_column = self._position(len(self._text))
        # A full row: a space makes the terminal itself go on to the next, and know both as one line.
        onward = " \r" if end_column == 0 and end_row else ""
        self.write(prompt + self._text.replace("\n", _NEWLINE) + onward)
        self._row = end_row
        if self._at < len(self._text):
            at, self._at = self._at, len(self._text)
            self._move(at)


def _vertical(rows: int) -> str:
    return f"\x1b[{rows}B" if rows > 0 else f"\x1b[{-rows}A" if rows < 0 else ""


def _common_start(words: list[str]) -> str:
    first, last = min(words), max(words)
    for i, char in enumerate(first):
        if last[i : i + 1] != char:
            return first[:i]
    return first
