"""The shells behind the API's exec and attach: what runs in a pod when a real kubectl asks."""

import threading
from collections.abc import Callable
from typing import Any

from svclab.apiserver.streams import Command
from svclab.terminal.commands.registry import is_installed
from svclab.terminal.interactive import InteractiveShell
from svclab.terminal.places import Location
from svclab.terminal.session import Session
from svclab.terminal.shells import NOT_EXECUTABLE, is_interactive_shell
from svclab.terminal.streams import Input
from svclab.terminal.turns import in_thread

Emit = Callable[[int, bytes], object]


def start(cluster: Any, command: Command, output: Emit, on_exit: Callable[[int], object]) -> Any:
    """Run a command in its container; with a terminal, as one."""
    metadata = command.pod["metadata"]
    location = Location(
        "pod", metadata["namespace"], metadata["name"], command.container["name"], command.container["image"]
    )
    if not command.attached and not is_installed(command.argv[0], location):
        output(1 if command.tty else 2, f"{NOT_EXECUTABLE.format(command.argv[0])}\n".encode())
        on_exit(126)
        return _Nothing()
    if command.tty:
        return _Terminal(cluster, location, command, output, on_exit)
    return _Piped(cluster, location, command, output, on_exit)


class _Nothing:
    """A process that could not be started."""

    def feed(self, data: bytes) -> None:
        """Nobody reads."""

    def end_of_input(self) -> None:
        """Nobody waits for it."""

    def resize(self, rows: int, columns: int) -> None:
        """Nothing is drawn."""

    def close(self) -> None:
        """It has ended already."""


class _Terminal:
    """A process on a terminal: keystrokes in, screen out."""

    def __init__(
        self,
        cluster: Any,
        location: Location,
        command: Command,
        output: Emit,
        on_exit: Callable[[int], object],
    ) -> None:
        self._shell = InteractiveShell(
            cluster,
            location,
            argv=command.argv,
            output=lambda data: output(1, data),
            on_exit=on_exit,
        )
        self._shell.start()

    def feed(self, data: bytes) -> None:
        self._shell.feed(data)

    def end_of_input(self) -> None:
        self._shell.feed(b"\x04")

    def resize(self, rows: int, columns: int) -> None:
        self._shell.resize(rows, columns)

    def close(self) -> None:
        if not self._shell.closed:
            self._shell.close()


class _PipeInput(Input):
    """Standard input that comes over the wire, piece by piece."""

    def __init__(self, check: Callable[[], bool]) -> None:
        self._check = check
        self._waiting = bytearray()
        self._ended = False
        self._changed = threading.Condition()

    def put(self, data: bytes) -> None:
        """More has come."""
        with self._changed:
            self._waiting += data
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def readline(self) -> str:
        """The next line; what is left at the end; "" then."""
        with self._changed:
            while b"\n" not in self._waiting and not self._ended and not self._check():
                self._changed.wait(0.05)
            line, newline, rest = bytes(self._waiting).partition(b"\n")
            self._waiting[:] = rest
            return (line + newline).decode("utf-8", "replace")


class _Piped:
    """A process without a terminal: streams apart, and an exit code."""

    def __init__(
        self,
        cluster: Any,
        location: Location,
        command: Command,
        output: Emit,
        on_exit: Callable[[int], object],
    ) -> None:
        self._gone = threading.Event()
        self._stdin = _PipeInput(self._gone.is_set)
        if not command.stdin:
            self._stdin.end()
        self._session = Session(cluster, location=location, shell=command.argv[0].rpartition("/")[2])

        def work() -> None:
            on_exit(self._run(command, output))

        in_thread(work)

    def _run(self, command: Command, output: Emit) -> int:
        streams = {
            "err": lambda text: output(2, text.encode(errors="replace")),
            "stdin": self._stdin,
            "cancelled": self._gone.is_set,
        }

        def out(text: str) -> None:
            output(1, text.encode(errors="replace"))

        if not is_interactive_shell(list(command.argv)):
            return self._session.execute(list(command.argv), out, **streams)
        while not self._session.closed and (line := self._stdin.readline()):
            self._session.run(line, out, tty=False, **streams)
        return self._session.status

    def feed(self, data: bytes) -> None:
        self._stdin.put(data)

    def end_of_input(self) -> None:
        self._stdin.end()

    def resize(self, rows: int, columns: int) -> None:
        self._session.rows, self._session.columns = rows, columns

    def close(self) -> None:
        self._gone.set()
        self._stdin.end()
