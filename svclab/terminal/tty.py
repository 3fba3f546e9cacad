"""A terminal's line discipline: what is typed while a command runs, and what the command reads of it."""

from collections.abc import Callable
from threading import Condition

from svclab.terminal.streams import Input

_MAX_WAITING = 64 * 1024  # characters typed ahead


class TtyInput(Input):
    """Standard input of a command on a terminal: whole lines, echoed when they are read, `Ctrl-D` ends it.

    `typed` takes what the keyboard sends; what no command reads is given back by `rest`, for the next prompt.
    """

    def __init__(self, echo: Callable[[str], None], check: Callable[[], None]) -> None:
        self._echo, self._check = echo, check
        self._waiting = ""
        self._changed = Condition()

    def isatty(self) -> bool:
        return True

    def typed(self, text: str) -> None:
        """Take keystrokes in."""
        with self._changed:
            self._waiting = (self._waiting + text)[:_MAX_WAITING]
            self._changed.notify_all()

    def rest(self) -> str:
        """What was typed and not read; it is forgotten here."""
        with self._changed:
            rest, self._waiting = self._waiting, ""
            return rest

    def _key(self) -> str:
        with self._changed:
            while not self._waiting:
                self._changed.wait(0.05)
                self._check()
            key, self._waiting = self._waiting[0], self._waiting[1:]
            return key

    def readline(self) -> str:
        line = ""
        while True:
            key = self._key()
            if key in ("\r", "\n"):
                self._echo("\r\n")
                return line + "\n"
            if key == "\x04":
                return line
            if key in ("\x7f", "\x08"):
                if line:
                    self._echo("\b \b")
                line = line[:-1]
            elif key == "\x15":
                self._echo("\b \b" * len(line))
                line = ""
            elif key >= " " or key == "\t":
                line += key
                self._echo(key)

    def read_character(self) -> str:
        """One key, without waiting for the end of its line (`read -n 1`)."""
        key = self._key()
        if key == "\x04":
            return ""
        shown = "\n" if key == "\r" else key
        self._echo("\r\n" if shown == "\n" else shown)
        return shown
