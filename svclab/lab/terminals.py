"""The terminals of one page: shells behind xterm.js. Their output is gathered for a moment, then sent."""

import asyncio
import codecs
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from svclab.cluster.store import ClusterHandle
from svclab.lab import protocol, work
from svclab.lab.protocol import Message, TermClosed, TermDone, TermEdit, TermOpened, TermOutput
from svclab.terminal.interactive import InteractiveShell

_GATHER_SECONDS = 0.008
_KEEP_SECONDS = 3.0  # after a command the lines typed are written down: a server that is killed can no more
_COMMAND_BEGINS = "\x1b]697;{}\x07"  # an OSC sequence of ours, which shows nothing: the page marks the line


@dataclass(slots=True)
class Terminal:
    """A shell, and what it has written that is not yet sent."""

    shell: InteractiveShell
    decoder: Any = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))
    unsent: list[bytes] = field(default_factory=list)
    due: bool = False
    keeping: asyncio.Future[None] | None = None  # the lines typed will soon be written down
    waiting: list[tuple[str, str]] = field(default_factory=list)  # (id, line) of term.run, oldest first
    commands: int = 0  # begun so far
    line: str = ""  # the one that runs


class Terminals:
    """By the page's own names. Called from worker threads, but for `echo`; `say` is called on the event loop
    only.
    """

    def __init__(
        self, cluster: ClusterHandle, say: Callable[[Message], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._cluster, self._say, self._loop = cluster, say, loop
        self._open: dict[str, Terminal] = {}
        self._guard = threading.Lock()

    def open(self, message: protocol.TermOpen) -> None:
        """Start a shell; a name that is in use gets a new one. Raises Refused beyond the quota."""
        name = message.session
        self._end(name)
        _keep_histories(self._cluster)
        if _open_shells(self._cluster) >= protocol.MAX_TERMINALS:
            raise work.Refused(
                f"Your pages have {protocol.MAX_TERMINALS} terminals open, the most there may be. Close one."
            )
        shell = InteractiveShell(
            self._cluster,
            rows=message.rows,
            columns=message.cols,
            output=lambda data: self._written(name, shell, data),
            on_start=lambda line: self._started(name, shell, line),
            on_done=lambda status, flows: self._done(name, status, flows),
            on_exit=lambda code: self._exited(name, code),
        )
        shell.session.editor.on_event = lambda event: self._tell(
            TermEdit(name, event["id"], event["title"], event["text"])
        )
        self._open[name] = Terminal(shell)
        with _counting:
            _shells.setdefault(self._cluster.id, []).append(shell)
        self._tell(TermOpened(name))
        shell.start()

    def input(self, message: protocol.TermInput) -> None:
        """Keys for a shell. A shell that is gone hears nothing."""
        if terminal := self._open.get(message.session):
            terminal.shell.feed(message.data.encode())

    def echo(self, message: protocol.TermInput) -> bool:
        """Keys that only edit a line, handled on the event loop; False where `input` must, in a thread."""
        terminal = self._open.get(message.session)
        if terminal is None:
            return False
        terminal.due = True  # below, so nobody need have it sent later
        try:
            return terminal.shell.type_at_once(message.data)
        finally:
            self._flush(message.session)

    def run(self, message: protocol.TermRun) -> None:
        """Run a line as if typed."""
        terminal = self._open.get(message.session)
        if terminal is None:
            raise work.Refused("This terminal is closed.")
        terminal.waiting.append((message.id, message.line))
        terminal.shell.paste_line(message.line)

    def resize(self, message: protocol.TermResize) -> None:
        """A new size."""
        if terminal := self._open.get(message.session):
            terminal.shell.resize(message.rows, message.cols)

    def edited(self, message: protocol.TermEdited) -> None:
        """What `vi` waits for."""
        if terminal := self._open.get(message.session):
            terminal.shell.session.editor.finish(message.id, message.text)

    def close(self, message: protocol.TermClose) -> None:
        """End a shell."""
        self._end(message.session)

    def close_all(self) -> None:
        """The page is gone."""
        for name in list(self._open):
            self._end(name)

    def _end(self, name: str) -> None:
        if terminal := self._open.pop(name, None):
            terminal.shell.close()

    # ---- from the shell's threads ----

    def _written(self, name: str, shell: InteractiveShell, data: bytes) -> None:
        with self._guard:
            terminal = self._open.get(name)
            if terminal is None or terminal.shell is not shell:
                return
            terminal.unsent.append(data)
            if terminal.due:
                return
            terminal.due = True
        self._loop.call_soon_threadsafe(self._loop.call_later, _GATHER_SECONDS, self._flush, name)

    def _flush(self, name: str) -> None:
        with self._guard:
            terminal = self._open.get(name)
            if terminal is None:
                return
            terminal.due = False
            data = b"".join(terminal.unsent)
            terminal.unsent.clear()
            text = terminal.decoder.decode(data)
        if text:
            self._say(TermOutput(name, text))

    def _started(self, name: str, shell: InteractiveShell, line: str) -> None:
        if terminal := self._open.get(name):
            terminal.commands += 1
            terminal.line = line
            self._written(name, shell, _COMMAND_BEGINS.format(terminal.commands).encode())

    def _done(self, name: str, status: int, flows: list[Any]) -> None:
        terminal = self._open.get(name)
        if terminal is None:
            return
        number, line = terminal.waiting.pop(0) if terminal.waiting else ("", terminal.line)
        found = work.flows(self._cluster, flows)
        self._loop.call_soon_threadsafe(self._flush, name)  # what it printed comes before its end
        place = str(terminal.shell.session.location)
        self._tell(TermDone(name, status, found, number, line, place, terminal.commands))
        self._loop.call_soon_threadsafe(self._keep_soon, terminal)

    def _keep_soon(self, terminal: Terminal) -> None:
        if terminal.keeping is None:
            terminal.keeping = asyncio.ensure_future(self._keep(terminal))

    async def _keep(self, terminal: Terminal) -> None:
        await asyncio.sleep(_KEEP_SECONDS)
        terminal.keeping = None
        await work.run(terminal.shell.session.keep_history)

    def _exited(self, name: str, code: int) -> None:
        self._loop.call_soon_threadsafe(self._flush, name)
        self._tell(TermClosed(name, f"the shell has ended with exit code {code}"))

    def _tell(self, message: Message) -> None:
        self._loop.call_soon_threadsafe(self._say, message)


_shells: dict[UUID, list[InteractiveShell]] = {}  # of all pages in this process, by cluster
_counting = threading.Lock()


def _keep_histories(cluster: ClusterHandle) -> None:
    """Lines typed in other shells are written down, in those too that just end: so a page that was loaded
    again begins with all of them.
    """
    with _counting:
        shells = list(_shells.get(cluster.id, ()))
    for shell in shells:
        shell.session.keep_history()


def _open_shells(cluster: ClusterHandle) -> int:
    """How many terminals the pages of a cluster's learner have open; those that have ended are forgotten."""
    with _counting:
        for owner in list(_shells):
            _shells[owner] = [shell for shell in _shells[owner] if not shell.closed]
            if not _shells[owner]:
                del _shells[owner]
        return len(_shells.get(cluster.id, ()))
