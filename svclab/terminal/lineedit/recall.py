"""The lines typed before, as an editor walks through them and searches them."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Recall:
    """A walk through the history that begins below its newest line, at the line being typed.

    A line that was changed on the way stays changed until another line is entered.
    """

    lines: list[str]
    place: int = 0  # index in `lines`; their number stands for the line being typed
    _changed: dict[int, str] = field(default_factory=dict)

    def begin(self) -> None:
        """A new line is typed."""
        self.place = len(self.lines)
        self._changed = {}

    def line(self, place: int) -> str:
        """A line as it would be shown; "" for the new one."""
        if place in self._changed:
            return self._changed[place]
        return self.lines[place] if place < len(self.lines) else ""

    def go(self, place: int, text: str) -> str | None:
        """Leave the present line, which reads `text` now, for another; None where there is none."""
        if not 0 <= place <= len(self.lines) or place == self.place:
            return None
        if text != self.line(self.place):
            self._changed[self.place] = text
        self.place = place
        return self.line(place)

    def last_word(self, back: int) -> str | None:
        """The last word of the line `back` lines before the present one; None beyond the oldest."""
        if not 0 < back <= len(self.lines):
            return None
        words = self.lines[-back].split()
        return words[-1] if words else ""


@dataclass(slots=True)
class Search:
    """Ctrl-R: the newest line before `place` that has `wanted`, and where in it."""

    recall: Recall
    text: str  # what was found last, at first the line itself
    at: int
    place: int
    wanted: str = ""
    failed: bool = False

    @property
    def prompt(self) -> str:
        """What stands before the line while it is searched."""
        return f"({'failed ' if self.failed else ''}reverse-i-search)`{self.wanted}': "

    def look(self, *, further: bool = False) -> None:
        """Search from the present place, or (`further`) from the one before it."""
        if not self.wanted:
            return
        until = self.at + len(self.wanted) - (1 if further else 0)
        for place in range(self.place, -1, -1):
            line = self.text if place == self.place else self.recall.line(place)
            if further and place != self.place and line == self.text:
                continue
            found = (
                line.rfind(self.wanted, 0, max(until, 0)) if place == self.place else line.rfind(self.wanted)
            )
            if found >= 0:
                self.text, self.at, self.place, self.failed = line, found, place, False
                return
        self.failed = True
