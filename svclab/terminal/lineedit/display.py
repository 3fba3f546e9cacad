"""What the screen shows of the line that is edited: where each character stands, and the least that must be
written when the line changes.

A row that is full goes on in the next without a line break, so the terminal knows both as one line and copies
it as one; a newline within the text begins a row of its own.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NOTHING = frozenset({"Mn", "Me", "Cf"})  # categories of characters that take no column of their own
_TAB = 8
_REVERSE, _PLAIN = "\x1b[7m", "\x1b[27m"


@lru_cache(maxsize=4096)
def width_of_character(char: str) -> int:
    """Columns of one character: 0, 1 or 2."""
    if char < "\x7f":
        return 1
    if unicodedata.category(char) in _NOTHING and char != "\xad":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width_of(text: str) -> int:
    """How many columns `text` takes on the screen; escape sequences take none."""
    plain = _ANSI.sub("", text)
    return len(plain) if plain.isascii() else sum(map(width_of_character, plain))


class Display:
    """One prompt and its text on a screen of `rows` and `columns`.

    Rows are counted from the prompt's; of a text that is higher than the screen only the part around the
    cursor is drawn.
    """

    def __init__(self, write: Callable[[str], None], rows: int, columns: int) -> None:
        self._write = write
        self.rows, self.columns = max(rows, 1), max(columns, 1)
        self._nothing()

    def _nothing(self) -> None:
        self._prompt, self._text, self._at, self._marked = "", "", 0, (0, 0)
        self._top = self._row = 0  # the first row that is drawn, and the cursor's row
        self._places = [(0, 0)]

    def begin(self, prompt: str) -> None:
        """The cursor stands where a prompt is to be written; what was shown before is left as it is."""
        self._nothing()
        above, newline, last = prompt.rpartition("\n")
        self._write((above + newline).replace("\n", "\r\n"))
        self._draw(last, "", 0, (0, 0))

    def show(self, prompt: str, text: str, at: int, marked: tuple[int, int] = (0, 0)) -> None:
        """Make the screen show this, with the cursor before index `at`; `marked` is shown in reverse."""
        same = prompt == self._prompt and marked == self._marked and marked[0] == marked[1]
        if same and text == self._text:
            self._move(at)
        elif same and self._at == len(self._text) and at == len(text) and self._at_the_end(text):
            return
        else:
            self._draw(prompt, text, at, marked)

    def resize(self, rows: int, columns: int, *, draw: bool) -> None:
        """The screen has another size; `draw`: the line stands on it, and must be drawn anew."""
        self.rows, self.columns = max(rows, 1), max(columns, 1)
        if draw:
            self._draw(self._prompt, self._text, self._at, self._marked)

    def leave(self) -> None:
        """To the start of the row below the text; an empty row at its end is that row."""
        self._move(len(self._text))
        row, column = self._places[-1]
        self._write("\r\n" if column or not row else "\r")

    def clear_screen(self) -> None:
        """Wipe the whole screen; the line stands at its top."""
        self._write("\x1b[H\x1b[2J")
        self._top = self._row = 0
        self._draw(self._prompt, self._text, self._at, self._marked)

    # -- within ----------------------------------------------------------------------------------------------

    def _at_the_end(self, text: str) -> bool:
        """Append to the text or take its last character away, where this stays within a row."""
        old = self._text
        row, column = self._places[-1]
        if text.startswith(old):
            added = text[len(old) :]
            width = len(added)
            if not (added.isascii() and added.isprintable()) or column + width >= self.columns:
                return False
            self._write(added)
            self._places.extend((row, column + i) for i in range(1, width + 1))
        elif old.startswith(text) and len(old) == len(text) + 1:
            before = self._places[-2]
            if before[0] != row or column - before[1] != 1:
                return False
            self._write("\b\x1b[K")
            self._places.pop()
        else:
            return False
        self._text, self._at = text, len(text)
        return True

    def _move(self, at: int) -> None:
        row, column = self._places[at]
        if not self._top <= row < self._top + self.rows:
            self._draw(self._prompt, self._text, at, self._marked)
            return
        if at == self._at:
            return
        steps = row - self._row
        self._write(_vertical(steps) + "\r" + (f"\x1b[{column}C" if column else ""))
        self._at, self._row = at, row

    def _draw(self, prompt: str, text: str, at: int, marked: tuple[int, int]) -> None:
        if self._prompt or self._text:  # otherwise nothing is there, or what a command left without a newline
            self._write(_vertical(self._top - self._row) + "\r\x1b[J")
        drawn = _Drawn(prompt, text, marked, self.columns)
        self._prompt, self._text, self._marked, self._places = prompt, text, marked, drawn.places
        row, column = drawn.places[at]
        last = len(drawn.rows) - 1
        if last < self.rows:
            self._top = 0
        else:
            self._top = min(max(self._top, row - self.rows + 1), row, last)
        bottom = min(self._top + self.rows - 1, last)
        self._write(drawn.between(self._top, bottom))
        end_column = drawn.places[-1][1] if bottom == last else None
        if (row, column) != (bottom, end_column):
            self._write(_vertical(row - bottom) + "\r" + (f"\x1b[{column}C" if column else ""))
        self._at, self._row = at, row


class _Drawn:
    """A prompt and a text cut into rows of the screen; `places` is row and column of each index."""

    def __init__(self, prompt: str, text: str, marked: tuple[int, int], columns: int) -> None:
        self.rows: list[str] = []
        self._ends: list[str] = []  # what goes from a row to the next: nothing, or a line break
        self.places: list[tuple[int, int]] = []
        self._columns = columns
        self._parts: list[str] = []
        self._column = 0
        for piece in re.split(r"(\x1b\[[0-9;?]*[A-Za-z])", prompt):
            if piece.startswith("\x1b"):
                self._parts.append(piece)
            else:
                self._put_all(piece)
        self._put_text(text, marked)
        self._next_row("")

    def between(self, first: int, last: int) -> str:
        """What draws these rows, the last without its end."""
        pairs = zip(self.rows[first : last + 1], [*self._ends[first:last], ""], strict=True)
        return "".join(row + end for row, end in pairs)

    def _put_text(self, text: str, marked: tuple[int, int]) -> None:
        start, end = marked
        for index, char in enumerate(text):
            if start < end and index in (start, end):
                self._parts.append(_REVERSE if index == start else _PLAIN)
            self.places.append((len(self.rows), self._column))
            if char == "\n":
                self._next_row("\r\n")
            elif char == "\t":
                self._put_all(" " * (_TAB - self._column % _TAB))
            elif char < " " or char == "\x7f":
                self._put_all("^" + chr(ord(char) ^ 64))
            else:
                self._put(char)
                if len(self.rows) > self.places[-1][0] and self._column == 2:
                    self.places[-1] = (len(self.rows), 0)  # a wide character had no room in the row before
        if start < end == len(text):
            self._parts.append(_PLAIN)
        self.places.append((len(self.rows), self._column))

    def _put_all(self, text: str) -> None:
        for char in text:
            self._put(char)

    def _put(self, char: str) -> None:
        width = width_of_character(char)
        if self._column + width > self._columns:
            self._next_row("")
        self._parts.append(char)
        self._column += width
        if self._column == self._columns:
            self._next_row("")

    def _next_row(self, end: str) -> None:
        # Nothing after a full row: a space makes the terminal itself go on to the next.
        onward = " \r" if self._column == 0 and self._ends[-1:] == [""] else ""
        self.rows.append("".join(self._parts) + onward)
        self._ends.append(end)
        self._parts = []
        self._column = 0


def _vertical(rows: int) -> str:
    return f"\x1b[{rows}B" if rows > 0 else f"\x1b[{-rows}A" if rows < 0 else ""
