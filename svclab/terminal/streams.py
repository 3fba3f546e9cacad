"""What a program reads and writes: text streams, pipes between programs, and the terminal at the end.

A pipe holds at most 64 KiB, as Linux's: a writer waits for its reader, and a writer whose reader has gone is
ended as by SIGPIPE (`BrokenPipe`). So `kubectl get pods -w | head -3` ends.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from threading import Condition

PIPE_CAPACITY = 64 * 1024  # characters


class BrokenPipe(Exception):
    """Somebody wrote into a pipe that nobody reads any more: the writing program ends with status 141."""


class Input:
    """A readable text stream. This base class is an empty one (`/dev/null`)."""

    def readline(self) -> str:
        """The next line with its newline, or "" at the end."""
        return ""

    def read_character(self) -> str:
        """The next character, or "" at the end."""
        line = self.readline()
        self.give_back(line[1:])
        return line[:1]

    def give_back(self, text: str) -> None:
        """Text that was read and is to be read again; there is none where nothing is ever read."""

    def isatty(self) -> bool:
        """Whether a person types what is read."""
        return False

    def silent(self) -> AbstractContextManager[None]:
        """Within it what is typed is not shown."""
        return nullcontext()

    def is_file(self) -> bool:
        """Whether its size is known from the start."""
        return False

    def close(self) -> None:
        """No more will be read."""

    def __iter__(self) -> Iterator[str]:
        while line := self.readline():
            yield line

    def read(self) -> str:
        """Everything up to the end."""
        return "".join(self)


class TextInput(Input):
    """A stream that holds a text from the start: a file, a here-document."""

    def __init__(self, text: str) -> None:
        self._lines = deque(split_lines(text))

    def readline(self) -> str:
        return self._lines.popleft() if self._lines else ""

    def is_file(self) -> bool:
        return True

    def give_back(self, text: str) -> None:
        if text:
            self._lines.appendleft(text)


def split_lines(text: str) -> list[str]:
    """`text` cut after each newline, and nowhere else (str.splitlines cuts at other characters too)."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


class Output:
    """A writable text stream; `write` may raise BrokenPipe, or whatever `sink` raises."""

    def __init__(self, sink: Callable[[str], object], *, tty: bool = False) -> None:
        self._sink = sink
        self._tty = tty

    def write(self, text: str) -> None:
        """Write `text`; it is seen at once."""
        if text:
            self._sink(text)

    def flush(self) -> None:
        """Nothing is ever held back."""

    def isatty(self) -> bool:
        """Whether a person sees what is written."""
        return self._tty

    def close(self) -> None:
        """No more will be written."""


class Pipe(Input):
    """Both ends of a pipe; `writer` is the other end. `check` is called while waiting and may raise."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._chunks: deque[str] = deque()
        self._held = 0
        self._rest = ""
        self._changed = Condition()
        self._write_closed = False
        self._read_closed = False
        self.writer = PipeWriter(self)

    def put(self, text: str) -> None:
        """Take `text` in, waiting for room. Raises BrokenPipe when the reader is gone."""
        with self._changed:
            while self._held > PIPE_CAPACITY and not self._read_closed:
                self._changed.wait(0.1)
                self._check()
            if self._read_closed:
                raise BrokenPipe
            self._chunks.append(text)
            self._held += len(text)
            self._changed.notify_all()

    def reader_is_gone(self) -> bool:
        """Whether whatever is written would be lost."""
        return self._read_closed

    def end(self) -> None:
        """The writer is done."""
        with self._changed:
            self._write_closed = True
            self._changed.notify_all()

    def _more(self) -> str:
        with self._changed:
            while not self._chunks and not self._write_closed:
                self._changed.wait(0.1)
                self._check()
            text = "".join(self._chunks)
            self._chunks.clear()
            self._held = 0
            self._changed.notify_all()
            return text

    def readline(self) -> str:
        parts = [self._rest]
        while "\n" not in parts[-1]:
            chunk = self._more()
            if not chunk:
                self._rest = ""
                return "".join(parts)
            parts.append(chunk)
        line, _, self._rest = "".join(parts).partition("\n")
        return line + "\n"

    def give_back(self, text: str) -> None:
        self._rest = text + self._rest

    def close(self) -> None:
        with self._changed:
            self._read_closed = True
            self._chunks.clear()
            self._changed.notify_all()


class PipeWriter(Output):
    """The end of a pipe that a program writes to."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(pipe.put)
        self._pipe = pipe

    def close(self) -> None:
        self._pipe.end()
