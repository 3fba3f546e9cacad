"""A line of text with a cursor: what the keys that change it do. It knows no screen."""

import re
from dataclasses import dataclass, field

from svclab.terminal.lineedit.display import width_of_character

_LETTER = r"[^\W_]"  # readline's words are of letters and digits only
_WORD = re.compile(rf"{_LETTER}+")
_MAX_UNDO, _MAX_KILLS = 200, 10


@dataclass(slots=True)
class Buffer:
    """The text, the cursor (an index), what was killed, and how to undo."""

    text: str = ""
    at: int = 0
    mark: int = 0
    _undo: list[tuple[str, int]] = field(default_factory=list)
    _kills: list[str] = field(default_factory=list)  # outlives the line
    _yanked: tuple[int, int] = (0, 0)

    def begin(self, text: str = "") -> None:
        """Another line."""
        self.text, self.at, self.mark = text, len(text), 0
        self._undo.clear()

    def keep(self) -> None:
        """Remember the line as it is, for undo."""
        if self._undo[-1:] != [(self.text, self.at)]:
            self._undo.append((self.text, self.at))
            del self._undo[:-_MAX_UNDO]

    def undo(self) -> bool:
        """Take the last change back. False where there is none."""
        while self._undo:
            text, at = self._undo.pop()
            if text != self.text:
                self.text, self.at = text, at
                return True
        return False

    def revert(self) -> None:
        """Take every change back."""
        while self.undo():
            pass

    # -- places ----------------------------------------------------------------------------------------------

    def before(self, at: int) -> int:
        """The index of the character left of `at`; marks that combine belong to their letter."""
        at -= 1
        while at > 0 and width_of_character(self.text[at]) == 0 and self.text[at] != "\n":
            at -= 1
        return max(at, 0)

    def after(self, at: int) -> int:
        """The index behind the character at `at`."""
        at += 1
        while at < len(self.text) and width_of_character(self.text[at]) == 0 and self.text[at] != "\n":
            at += 1
        return min(at, len(self.text))

    def word_left(self) -> int:
        """Where the word at or before the cursor begins."""
        return max((found.start() for found in _WORD.finditer(self.text, 0, self.at)), default=0)

    def word_right(self) -> int:
        """Where the word at or after the cursor ends."""
        found = _WORD.search(self.text, self.at)
        return found.end() if found else len(self.text)

    def blank_word_left(self) -> int:
        """Where the word before the cursor begins that blanks end."""
        found = re.search(r"\S+\s*\Z", self.text[: self.at])
        return found.start() if found else 0

    # -- changes ---------------------------------------------------------------------------------------------

    def insert(self, text: str) -> None:
        """At the cursor, which goes behind it."""
        self.text = self.text[: self.at] + text + self.text[self.at :]
        self.at += len(text)

    def delete(self, start: int, end: int) -> None:
        """Without keeping it."""
        self.text = self.text[:start] + self.text[end:]
        self.at = start

    def kill(self, start: int, end: int, *, go_on: bool) -> None:
        """Delete and keep for yank; `go_on`: together with what the kill just before took."""
        if start >= end:
            return
        killed = self.text[start:end]
        if go_on and self._kills:
            self._kills[-1] = killed + self._kills[-1] if end == self.at else self._kills[-1] + killed
        else:
            self._kills.append(killed)
            del self._kills[:-_MAX_KILLS]
        self.delete(start, end)

    def yank(self) -> bool:
        """Insert what was killed last. False where nothing was."""
        if not self._kills:
            return False
        self._yanked = (self.at, self.at + len(self._kills[-1]))
        self.insert(self._kills[-1])
        return True

    def yank_older(self) -> None:
        """Instead of what was just yanked, what was killed before it."""
        self._kills.insert(0, self._kills.pop())
        self.delete(*self._yanked)
        self.yank()

    def replace(self, start: int, end: int, text: str) -> None:
        """Put `text` in place of a part; the cursor goes behind it."""
        self.delete(start, end)
        self.insert(text)

    def transpose(self) -> bool:
        """The characters around the cursor change places. False where there are not two."""
        at = min(self.at, self.before(len(self.text)))
        if not at:
            return False
        start, end = self.before(at), self.after(at)
        self.replace(start, end, self.text[at:end] + self.text[start:at])
        return True

    def transpose_words(self) -> bool:
        """The word before the cursor and the one at it change places. False where there are not two."""
        words = [found.span() for found in _WORD.finditer(self.text)]
        second = next((i for i, (_, end) in enumerate(words) if end > self.at), len(words) - 1)
        if second < 1:
            return False
        (a, b), (c, d) = words[second - 1], words[second]
        self.replace(a, d, self.text[c:d] + self.text[b:c] + self.text[a:b])
        return True

    def change_case(self, how: str) -> None:
        """The word at or after the cursor becomes "upper", "lower" or "capital"."""
        end = self.word_right()
        word = self.text[self.at : end]
        if how == "capital":
            changed = _WORD.sub(lambda found: found[0].capitalize(), word)
        else:
            changed = word.upper() if how == "upper" else word.lower()
        self.replace(self.at, end, changed)

    def delete_blanks(self) -> None:
        """All blanks around the cursor."""
        start = len(self.text[: self.at].rstrip(" \t"))
        rest = self.text[self.at :]
        self.delete(start, self.at + len(rest) - len(rest.lstrip(" \t")))
