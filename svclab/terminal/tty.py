"""A terminal's line discipline: what is typed while a command runs, and what the command reads of it.

Source: termios(3) in its usual state (ICANON, ECHO, ECHOE, ECHOK, ECHOCTL, IEXTEN): keys are echoed as they
are typed, Backspace, Ctrl-W and Ctrl-U edit the line, Enter hands it over, and so does Ctrl-D.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from svclab.terminal.lineedit import width_of
from svclab.terminal.streams import Input

_MAX_WAITING = 256 * 1024  # characters typed ahead


class TtyInput(Input):
    """Standard input of a command on a terminal.

    `typed` takes what the keyboard sends; what no command reads is given back by `rest`, for the next prompt.
    """

    def __init__(self, echo: Callable[[str], None], check: Callable[[], None]) -> None:
        self._echo, self._check = echo, check
        self._handed: deque[str] = deque()  # lines, parts of lines that Ctrl-D ended, and "": the end
        self._waiting = 0  # characters in them
        self._line = ""  # that is being typed
        self._literal = False  # Ctrl-V: the next key is no command
        self._silent = False
        self._raw = 0  # readers that want each key at once
        self._changed = Condition()

    def isatty(self) -> bool:
        return True

    def typed(self, text: str) -> None:
        """Take keystrokes in."""
        shown: list[str] = []
        with self._changed:
            for key in text[: _MAX_WAITING - self._waiting - len(self._line)]:
                shown.append(self._key(key))
            self._changed.notify_all()
        if not self._silent and (echoed := "".join(shown)):
            self._echo(echoed)

    def rest(self) -> str:
        """What was typed and not read; it is forgotten here."""
        with self._changed:
            rest = "".join(part.replace("\n", "\r") if part else "\x04" for part in self._handed) + self._line
            self._handed.clear()
            self._waiting, self._line, self._literal = 0, "", False
            return rest

    def readline(self) -> str:
        line = ""
        while not line.endswith("\n"):
            part = self._take(lambda part: len(part))
            if not part:
                return line
            line += part
            if not part.endswith("\n"):
                return line  # Ctrl-D hands over what was typed so far
        return line

    def read_character(self) -> str:
        """One key, without waiting for the end of its line (`read -n 1`)."""
        with self._changed:
            self._raw += 1
            if self._line:
                self._hand_over(self._line)
                self._line = ""
        try:
            return self._take(lambda part: 1)
        finally:
            self._raw -= 1

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Within it nothing is echoed (`read -s`)."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False

    def _take(self, length_of: Callable[[str], int]) -> str:
        """So many characters of what was handed over first, "" at the end of input."""
        with self._changed:
            while not self._handed:
                self._changed.wait(0.05)
                self._check()
            part = self._handed.popleft()
            length = length_of(part)
            if part[length:]:
                self._handed.appendleft(part[length:])
            self._waiting -= len(part[:length])
            return part[:length]

    def _hand_over(self, part: str) -> None:
        self._handed.append(part)
        self._waiting += len(part)

    def _key(self, key: str) -> str:
        """Take one key in; what the screen is to show of it."""
        if key == "\r" and not self._literal:
            key = "\n"
        if self._raw:
            self._hand_over("" if key == "\x04" else key)
            return _shown(key)
        if self._literal:
            self._literal = False
            self._line += key
            return _shown(key)
        match key:
            case "\n":
                self._hand_over(self._line + "\n")
                self._line = ""
                return "\r\n"
            case "\x04":
                self._hand_over(self._line)
                self._line = ""
                return ""
            case "\x7f" | "\x08":
                return self._erase(len(self._line) - 1)
            case "\x17":
                found = re.search(r"\w+\W*\Z", self._line)
                return self._erase(found.start() if found else 0)
            case "\x15":
                return self._erase(0)
            case "\x16":
                self._literal = True
                return "^\b"
            case "\x12":
                return "^R\r\n" + "".join(map(_shown, self._line))
        self._line += key
        return _shown(key)

    def _erase(self, until: int) -> str:
        gone = self._line[max(until, 0) :]
        self._line = self._line[: max(until, 0)]
        return "\b \b" * sum(width_of(_shown(key)) for key in gone)


def _shown(key: str) -> str:
    if key == "\n":
        return "\r\n"
    if key == "\t":
        return key
    return "^" + chr(ord(key) ^ 64) if key < " " or key == "\x7f" else key
