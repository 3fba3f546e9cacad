"""A shell behind a terminal's wire: bytes of keystrokes in, bytes for the screen out.

The page's xterm and `kubectl exec -it` from a learner's own machine both use `InteractiveShell`, so what a
key
does is decided here and nowhere else. A command runs in a thread; keys keep coming in meanwhile.
"""

import codecs
import re
from collections.abc import Callable
from threading import Event as Flag
from threading import RLock
from typing import Any

from svclab.terminal.lineedit import EndOfInput, Entered, LineEditor
from svclab.terminal.places import LAPTOP, Location
from svclab.terminal.process import Stopped
from svclab.terminal.session import Session
from svclab.terminal.shell.grammar import needs_more
from svclab.terminal.shells import is_interactive_shell
from svclab.terminal.tty import TtyInput
from svclab.terminal.turns import in_thread, turn

# Keys that make a shell do something: complete, run, interrupt, end.
_WORK = re.compile(r"[\t\r\n\x03\x04\x0f\x1c]|\x1b[#*?=]")
_SIGNALS = re.compile(r"([\x03\x1c])")
_FEW_KEYS = 64
_WAITING_LIMIT = 256 * 1024  # bytes for the screen that nobody has fetched


class InteractiveShell:
    """One terminal with a shell (or, given other words in `argv`, one command) at its end.

    `output(bytes)` is called with what the screen shows, from the thread that calls `feed` or from a
    command's;
    without it, `feed` and `read` give these bytes. `on_start(line)` is called when a line that was entered
    begins, `on_done(status, flows)` is called after each command
    line,
    `on_exit(code)` when the shell has ended.
    `feed` reads the cluster (for completion and the prompt): call it where that may block.
    """

    def __init__(
        self,
        cluster: Any,
        location: Location = LAPTOP,
        tty: bool = True,
        *,
        argv: tuple[str, ...] | list[str] = ("bash",),
        rows: int = 24,
        columns: int = 80,
        output: Callable[[bytes], object] | None = None,
        on_start: Callable[[str], object] | None = None,
        on_done: Callable[[int, list[Any]], object] | None = None,
        on_exit: Callable[[int], object] | None = None,
        session: Session | None = None,
        run_in: Callable[[Callable[[], None]], object] = in_thread,
    ) -> None:
        shell = argv[0].rpartition("/")[2] if is_interactive_shell(list(argv)) else "sh"
        self.session = session or Session(cluster, rows=rows, columns=columns, location=location, shell=shell)
        self.tty = tty
        self._argv = list(argv)
        self._output, self._on_exit = output, on_exit
        self._on_start, self._on_done = on_start, on_done
        self._run_in = run_in
        self._lock = RLock()
        self._unread = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._editor = LineEditor(self._screen, self.session.complete, [], columns, rows)
        self._lines: list[str] = []  # of a command that is not yet whole
        self._stdin: TtyInput | None = None  # while a command runs
        self._cancelled = Flag()
        self._quit = False  # by Ctrl-\, not by Ctrl-C
        self.exit_code: int | None = None

    # -- the wire --------------------------------------------------------------------------------------------

    def start(self) -> bytes:
        """Show the first prompt, or start the command."""
        with self._lock:
            if is_interactive_shell(self._argv):
                self._prompt(self.session.prompt())
            else:
                self._begin(lambda stdin: self._execute(stdin))
        return self.read()

    def feed(self, data: bytes) -> bytes:
        """Keystrokes. Gives what is to be shown, unless `output` gets that."""
        with self._lock:
            if not self.closed:
                self._typed(self._decoder.decode(data))
        return self.read()

    def type_at_once(self, text: str) -> bool:
        """Keys that only edit a line or are typed ahead, without waiting for anything; False, and nothing
        done, where they may be more than that, or many: then `feed` them.
        """
        if len(text) > _FEW_KEYS or _WORK.search(text) or not self._lock.acquire(blocking=False):
            return False
        try:
            if self.closed or self._editor.within_a_key:
                return False
            if self._stdin is not None:
                self._stdin.typed(text)
            else:
                self._editor.feed(text)
            return True
        finally:
            self._lock.release()

    def paste_line(self, line: str) -> bytes:
        """Run `line` as if it had been typed at an empty prompt: a command block of a lesson."""
        return self.feed(b"\x15" + line.encode() + b"\r")

    def read(self) -> bytes:
        """What is to be shown and has not been fetched (always empty with `output`)."""
        with self._lock:
            data = bytes(self._unread)
            self._unread.clear()
            return data

    def resize(self, rows: int, columns: int) -> None:
        """The terminal has another size now."""
        with self._lock:
            self.session.rows, self.session.columns = max(rows, 1), max(columns, 1)
            self._editor.resize(rows, columns, shown=self._stdin is None and not self.closed)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.feed(b"\x03")

    def close(self) -> None:
        """The other end is gone: what runs is cancelled, places are left."""
        self._cancelled.set()
        with self._lock:
            if self.exit_code is None:
                self.exit_code = 137
        self.session.close()

    @property
    def closed(self) -> bool:
        """Whether the shell has ended; `exit_code` is set then."""
        return self.exit_code is not None

    @property
    def running(self) -> bool:
        """Whether a command runs now."""
        return self._stdin is not None

    # -- within ----------------------------------------------------------------------------------------------

    def _screen(self, text: str) -> None:
        data = text.encode(errors="replace")
        if self._output is not None:
            self._output(data)
            return
        with self._lock:
            self._unread += data
            del self._unread[: max(len(self._unread) - _WAITING_LIMIT, 0)]

    def _show(self, text: str) -> None:
        """What a command writes: newlines become carriage return and newline on a terminal."""
        self._screen(text.replace("\r\n", "\n").replace("\n", "\r\n") if self.tty else text)

    def _typed(self, text: str) -> None:
        while text and not self.closed:
            if self._stdin is not None:
                self._typed_ahead(text)
                return
            event = self._editor.feed(text)
            if event is None:
                return
            text = event.rest
            if isinstance(event, Entered):
                self._entered(event.line)
            elif isinstance(event, EndOfInput):
                self._end_of_input()
            else:
                self._lines = []
                self.session.places[-1].state.status = 130
                self._prompt(self.session.prompt())

    def _typed_ahead(self, text: str) -> None:
        r"""Keys while a command runs: Ctrl-C and Ctrl-\ end it and drop what was typed before."""
        assert self._stdin is not None
        *_, after = signals = _SIGNALS.split(text)
        if len(signals) > 1:
            self._stdin.rest()
            self._quit = signals[-2] == "\x1c"
            self._cancelled.set()
            self._screen("^\\" if self._quit else "^C")
        if after:
            self._stdin.typed(after)

    def _end_of_input(self) -> None:
        """Ctrl-D on an empty line ends the shell, or a command that is not yet whole."""
        lines, self._lines = self._lines, []
        if lines:
            self._screen("\r\n")
        self._begin_line("\n".join(lines) if lines else "exit")

    def _prompt(self, prompt: str) -> None:
        self._editor.start(prompt, self.session.history, pastes=self.session.pastes)

    def _entered(self, line: str) -> None:
        self._lines.append(line)
        whole = "\n".join(self._lines)
        if needs_more(whole):
            self._prompt("> ")
            return
        self._lines = []
        if not whole.strip():
            self._prompt(self.session.prompt())
            return
        self._begin_line(whole)

    def _begin_line(self, line: str) -> None:
        def run(stdin: TtyInput) -> int:
            return self.session.run(line, self._show, cancelled=self._cancelled.is_set, stdin=stdin)

        if self._on_start:
            self._on_start(line)
        self._begin(run)

    def _execute(self, stdin: TtyInput) -> int:
        status = self.session.execute(
            self._argv, self._show, cancelled=self._cancelled.is_set, stdin=stdin, tty=self.tty
        )
        if len(self.session.places) == 1:
            self.session.closed = True
        return status

    def _begin(self, run: Callable[[TtyInput], int]) -> None:
        self._cancelled.clear()
        self._quit = False
        stdin = TtyInput(self._screen, self._check)
        self._stdin = stdin

        def work() -> None:
            with turn():
                status = run(stdin)
                if self._quit:
                    status = self.session.places[-1].state.status = 131
                if self._on_done:
                    self._on_done(status, self.session.flows)
                self._finished(stdin, status)

        self._run_in(work)

    def _check(self) -> None:
        if self._cancelled.is_set() or self.closed:
            raise Stopped("")

    def _finished(self, stdin: TtyInput, status: int) -> None:
        with self._lock:
            if self._cancelled.is_set() and not self.closed:
                self._screen("Quit\r\n" if self._quit else "\r\n")
            if self.session.closed:
                self._stdin = None
                if self.exit_code is None:
                    self.exit_code = status
                if self._on_exit:
                    self._on_exit(self.exit_code)
                return
            self._prompt(self.session.prompt())
            self._stdin = None
            self._typed(stdin.rest())
