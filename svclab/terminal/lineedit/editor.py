"""The editor of one line: each key in, what happened out."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile

from svclab.terminal.lineedit.buffer import Buffer
from svclab.terminal.lineedit.display import Display, width_of
from svclab.terminal.lineedit.keys import KEYS, NAMES, PASTE_BEGINS, PASTE_ENDS, UNFINISHED
from svclab.terminal.lineedit.recall import Recall, Search

MAX_LINE = 64 * 1024  # characters
_LONG = 2 * MAX_LINE
_MANY = 100  # candidates that are listed without asking
_MOST_TIMES = 1000  # a key is repeated for a number typed before it
_CHANGES = frozenset(
    {
        "backspace", "delete", "kill to start", "kill to end", "kill word", "kill word back",
        "kill word forward", "yank", "yank older", "transpose", "transpose words", "upper", "lower",
        "capital", "delete blanks",
        "last word", "insert all", "complete",
    }
)  # fmt: skip


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


class LineEditor:
    """One prompt's line. `write` gets what the screen must show; `complete` gives candidates for the word
    before the cursor, `history` is the list of the lines typed before, the newest last.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        complete: Callable[[str], list[str]],
        history: list[str],
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        self._write, self._complete = write, complete
        self._display = Display(write, rows, columns)
        self._buffer = Buffer()
        self._recall = Recall(history)
        self._search: Search | None = None
        self._sought = ""  # in the search before
        self._prompt = ""
        self._begun = ""  # a key's sequence, or a paste, that has not come whole
        self._count: int | None = None  # a number typed before a key
        self._last = ""  # name of the key before
        self._times_same = 0  # how often it came in a row
        self._marked = (0, 0)  # what was just pasted
        self._next: int | None = None  # the place in the history where the next line begins
        self._asked: list[str] = []  # candidates that wait for a yes

    def start(self, prompt: str, history: list[str] | None = None, *, pastes: bool = True) -> None:
        """Show a fresh prompt with an empty line. `pastes`: the terminal is to mark what is pasted."""
        if history is not None:
            self._recall.lines = history
        self._prompt = prompt.rpartition("\n")[2]
        self._buffer.begin()
        self._recall.begin()
        self._search, self._count, self._last, self._marked = None, None, "", (0, 0)
        self._asked = []
        self._pastes = pastes
        if pastes:
            self._write("\x1b[?2004h")
        self._display.begin(prompt)
        if self._next is not None and self._next < len(self._recall.lines):
            self._go(self._next)
            self._show()
        self._next = None

    def resize(self, rows: int, columns: int, *, shown: bool) -> None:
        """The screen has another size; `shown`: the line stands on it now."""
        self._display.resize(rows, columns, draw=shown)

    @property
    def within_a_key(self) -> bool:
        """Whether only a part of a key's sequence, or of a paste, has come."""
        return bool(self._begun)

    def feed(self, text: str) -> Event | None:
        """Work through typed keys; stops at the first event, whose `rest` has what is left of them."""
        text = self._begun + text
        self._begun = ""
        at = 0
        while at < len(text):
            if text.startswith(PASTE_BEGINS, at):
                end = text.find(PASTE_ENDS, at)
                if end < 0:
                    self._begun = text[at:] if len(text) - at < _LONG else text[at : at + _LONG] + text[-5:]
                    break  # of what is too long anyhow, the start and perhaps half of the end's mark
                self._paste(text[at + len(PASTE_BEGINS) : end])
                at = end + len(PASTE_ENDS)
                continue
            if UNFINISHED.fullmatch(text, at) and not (self._search and text[at:] == "\x1b"):
                self._begun = text[at:]
                break
            found = KEYS.match(text, at)
            assert found
            at = found.end()
            event = self._key(found[0], text[at:])
            if event is not None:
                return event
        self._show()
        return None

    def _show(self) -> None:
        if self._search is not None:
            self._display.show(self._search.prompt, self._search.text, self._search.at)
        else:
            self._display.show(self._prompt, self._buffer.text, self._buffer.at, self._marked)

    # -- keys ------------------------------------------------------------------------------------------------

    def _key(self, key: str, rest: str) -> Event | None:
        self._marked = (0, 0)
        if self._asked:
            self._answered(key)
            return None
        if self._search is not None and key != "\x03" and self._searched(key):
            return None
        if len(key) == 2 and key[0] == "\x1b" and (key[1].isdigit() or key[1] == "-"):
            typed = f"{self._count or ''}{key[1]}"
            self._count = min(int(typed), _MOST_TIMES) if typed.isdigit() else None
            return None
        times, self._count = self._count or 1, None
        name = NAMES.get(key, "")
        if not name and key[:1] >= " " and key != "\x7f":
            self._typed(key * times)
        elif not name and len(key) == 2 and key[0] in "\x16\x11":
            self._typed(key[1])
        elif not name and len(key) == 2 and key[0] == "\x1d":
            self._seek(key[1])
        elif name in ("enter", "enter and next", "interrupt", "end of input", "comment"):
            return self._ended(name, rest.removeprefix("\n") if key == "\r" else rest)
        elif name:
            self._named(name, times)
        return None

    def _typed(self, text: str) -> None:
        if len(self._buffer.text) + len(text) > MAX_LINE:
            self._write("\a")
            return
        if self._last != "typed":
            self._buffer.keep()
        self._buffer.insert(text)
        self._last = "typed"

    def _named(self, name: str, times: int) -> None:
        self._times_same = self._times_same + 1 if name == self._last else 1
        if name in _CHANGES:
            self._buffer.keep()
            for _ in range(times):
                self._change(name)
        else:
            for _ in range(times):
                self._move(name)
        self._last = name

    def _ended(self, name: str, rest: str) -> Event | None:
        buffer = self._buffer
        if name == "end of input" and buffer.text:
            self._named("delete", 1)
            return None
        if name == "comment":
            buffer.text = "#" + buffer.text
        self._last = name
        if name == "interrupt":
            self._show()
            self._write("^C")
            self._leave()
            return Interrupted(rest)
        if name == "enter and next":
            self._next = self._recall.place + 1
        buffer.at = len(buffer.text)
        self._show()
        if name == "end of input":
            self._write("\x1b[?2004l" if self._pastes else "")
            return EndOfInput(rest)
        self._leave()
        return Entered(buffer.text, rest)

    def _leave(self) -> None:
        self._display.leave()
        if self._pastes:
            self._write("\x1b[?2004l\r")

    def _paste(self, text: str) -> None:
        """What the terminal says was pasted is no key: it is only inserted."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if self._search is not None:
            self._search_ends()
        buffer = self._buffer
        if len(buffer.text) + len(text) > MAX_LINE:
            self._show()
            self._leave()
            self._write(f"svclab: a line may have {MAX_LINE:,} characters, so this was not pasted\r\n")
            self._write("\x1b[?2004h" if self._pastes else "")
            self._display.begin(self._prompt)
            return
        buffer.keep()
        start = buffer.at
        buffer.insert(text)
        self._marked = (start, buffer.at)
        self._last = "paste"

    # -- moving ----------------------------------------------------------------------------------------------

    def _move(self, name: str) -> None:
        buffer, recall = self._buffer, self._recall
        match name:
            case "home":
                buffer.at = 0
            case "end":
                buffer.at = len(buffer.text)
            case "left":
                buffer.at = buffer.before(buffer.at)
            case "right":
                buffer.at = buffer.after(buffer.at)
            case "word left":
                buffer.at = buffer.word_left()
            case "word right":
                buffer.at = buffer.word_right()
            case "older" | "newer":
                self._go(recall.place + (-1 if name == "older" else 1))
            case "oldest" | "newest":
                self._go(0 if name == "oldest" else len(recall.lines))
            case "set mark":
                buffer.mark = buffer.at
            case "exchange mark":
                buffer.at, buffer.mark = min(buffer.mark, len(buffer.text)), buffer.at
            case "clear":
                self._show()
                self._display.clear_screen()
            case "search":
                self._search = Search(recall, buffer.text, buffer.at, recall.place)
            case "list":
                self._list(self._candidates()[1])
            case "undo":
                self._bell_unless(done=buffer.undo())
            case "revert":
                buffer.revert()
            case _:
                self._write("\a")

    def _seek(self, char: str) -> None:
        found = self._buffer.text.find(char, self._buffer.at + 1)
        self._buffer.at = found if found >= 0 else self._buffer.at
        self._last = "seek"

    def _go(self, place: int) -> None:
        line = self._recall.go(place, self._buffer.text)
        if line is None:
            self._write("\a")
        else:
            self._buffer.begin(line)

    def _bell_unless(self, *, done: bool) -> None:
        if not done:
            self._write("\a")

    # -- changing the line -----------------------------------------------------------------------------------

    def _change(self, name: str) -> None:
        buffer = self._buffer
        at, length = buffer.at, len(buffer.text)
        go_on = self._last.startswith("kill")
        match name:
            case "backspace" if at:
                buffer.delete(buffer.before(at), at)
            case "delete" if at < length:
                buffer.delete(at, buffer.after(at))
            case "kill to start":
                buffer.kill(0, at, go_on=go_on)
            case "kill to end":
                buffer.kill(at, length, go_on=go_on)
            case "kill word":
                buffer.kill(buffer.blank_word_left(), at, go_on=go_on)
            case "kill word back":
                buffer.kill(buffer.word_left(), at, go_on=go_on)
            case "kill word forward":
                buffer.kill(at, buffer.word_right(), go_on=go_on)
            case "yank":
                self._bell_unless(done=buffer.yank())
            case "yank older" if self._last.startswith("yank"):
                buffer.yank_older()
            case "transpose":
                self._bell_unless(done=buffer.transpose())
            case "transpose words":
                self._bell_unless(done=buffer.transpose_words())
            case "upper" | "lower" | "capital":
                buffer.change_case(name)
            case "delete blanks":
                buffer.delete_blanks()
            case "last word":
                self._last_word()
            case "insert all":
                start, candidates = self._candidates()
                if candidates:
                    buffer.replace(start, buffer.at, " ".join(candidates) + " ")
            case "complete":
                self._completion()
            case _:
                self._write("\a")
        self._last = name

    def _last_word(self) -> None:
        """The last word of the line before; pressed again, of the line before that."""
        buffer = self._buffer
        word = self._recall.last_word(self._times_same)
        if word is None:
            self._write("\a")
        before = (self._recall.last_word(self._times_same - 1) or "") if self._times_same > 1 else ""
        buffer.replace(buffer.at - len(before), buffer.at, word or "")

    # -- searching the history -------------------------------------------------------------------------------

    def _searched(self, key: str) -> bool:
        """Takes a key while Ctrl-R is on; False where the key ends the search and is to be obeyed."""
        search = self._search
        assert search is not None
        if key == "\x12":
            further = bool(search.wanted)
            search.wanted = search.wanted or self._sought
            search.look(further=further)
        elif key in ("\x7f", "\x08"):
            search.wanted = search.wanted[:-1]
            search.look()
        elif key[:1] >= " ":
            search.wanted += key
            search.look()
        elif key == "\x07":
            self._search = None
        else:
            self._search_ends()
            return key in ("\x1b", "\n")
        if search.failed:
            self._write("\a")
        return True

    def _search_ends(self) -> None:
        search = self._search
        assert search is not None
        self._sought, self._search = search.wanted, None
        if search.place != self._recall.place:
            self._go(search.place)
        self._buffer.at = search.at

    # -- completion ------------------------------------------------------------------------------------------

    def _candidates(self) -> tuple[int, list[str]]:
        """Where the word begins that is completed, and what it may become."""
        before = self._buffer.text[: self._buffer.at]
        begun = re.search(r"[^\s;&|<>('\"`]*$", before)
        word = begun[0] if begun else ""
        found = [candidate for candidate in self._complete(before) if candidate.startswith(word)]
        return len(before) - len(word), found

    def _completion(self) -> None:
        buffer = self._buffer
        start, candidates = self._candidates()
        common = _common_start(candidates)
        if not candidates:
            self._write("\a")
        elif len(candidates) == 1:
            buffer.replace(start, buffer.at, common)
            if not common.endswith(("/", "=", ":")):
                self._after_word(start)
        elif start + len(common) > buffer.at:
            buffer.replace(start, buffer.at, common)
            self._times_same = 0
        elif self._times_same >= 2:
            self._list(candidates)
        else:
            self._write("\a")

    def _after_word(self, start: int) -> None:
        """A quote that was open before the word is closed, and a blank follows, if none is there."""
        buffer = self._buffer
        quote = buffer.text[start - 1 : start]
        if quote in ("'", '"') and buffer.text[:start].count(quote) % 2:
            buffer.insert(quote)
        if buffer.text[buffer.at : buffer.at + 1] != " ":
            buffer.insert(" ")

    def _list(self, candidates: list[str]) -> None:
        if not candidates:
            self._write("\a")
        elif len(candidates) > _MANY:
            self._show()
            self._display.leave()
            self._write(f"Display all {len(candidates)} possibilities? (y or n)")
            self._asked = candidates
        else:
            self._show()
            self._display.leave()
            self._print(candidates)

    def _answered(self, key: str) -> None:
        if key not in "yYnN \t\x7f\x08\x03\x07\r\n":
            self._write("\a")
            return
        candidates, self._asked = self._asked, []
        self._write("\r\n")
        self._print(candidates if key in "yY " else [])

    def _print(self, candidates: list[str]) -> None:
        shown = [c.rstrip("/").rpartition("/")[2] + ("/" if c.endswith("/") else "") for c in candidates]
        width = max(map(width_of, shown), default=0) + 2
        across = max(self._display.columns // width, 1)
        down = -(-len(shown) // across)
        for row in range(down):
            cells = (name + " " * (width - width_of(name)) for name in shown[row::down])
            self._write("".join(cells) + "\r\n")
        self._display.begin(self._prompt)


def _common_start(words: list[str]) -> str:
    first, last = min(words, default=""), max(words, default="")
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(char for char, _ in same)
