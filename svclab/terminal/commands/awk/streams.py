"""What an awk program reads and writes beside its standard output: files, commands, the next record.

Source: POSIX.1-2017 `awk`, and gawk 5.2 for `/dev/stderr`.
"""

import re
from collections.abc import Callable, Iterator

from svclab.terminal.commands.registry import Context, Usage
from svclab.terminal.files import FileError
from svclab.terminal.regex import compile_regex
from svclab.terminal.streams import Input, Output, TextInput

_MAX_HELD = 4_000_000
_SETTING = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


class Records:
    """The records of one stream; the separator may change between two of them."""

    def __init__(self, stream: Input) -> None:
        self._stream = stream
        self._held: str | None = None  # what was read ahead, where records are not lines

    def next(self, separator: str) -> str | None:
        """The next record, None at the end."""
        if separator == "\n" and self._held is None:
            line = self._stream.readline()
            return line.removesuffix("\n") if line else None
        if self._held is None:
            self._held = self._stream.read()
        if separator == "":
            self._held = self._held.lstrip("\n")
        if not self._held:
            return None
        pattern = "\n\n+" if separator == "" else separator
        if len(pattern) == 1:
            record, _, self._held = self._held.partition(pattern)
            return record
        match = compile_regex(pattern).search(self._held)
        if match is None:
            record, self._held = self._held, ""
            return record.rstrip("\n") if separator == "" else record
        record, self._held = self._held[: match.start], self._held[match.end :]
        return record


class Streams:
    """Files and commands that the program has opened, by name; they stay open until `close` or the end."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._written: dict[tuple[str, str], list[str]] = {}  # (operator, name) -> parts
        self._read: dict[tuple[str, str], Records] = {}
        self._held = 0

    def write(self, operator: str, name: str, text: str) -> None:
        """`print > name`, `print >> name`, `print | name`."""
        if name in ("/dev/stdout", "/dev/stderr", "-") and operator != "|":
            stream = self._context.stderr if name == "/dev/stderr" else self._context.stdout
            stream.write(text)
            return
        if operator == "|" and name in ("cat 1>&2", "cat >&2"):
            self._context.stderr.write(text)
            return
        self._count(text)
        self._written.setdefault((operator, name), []).append(text)

    def read(self, kind: str, name: str) -> Records | None:
        """What `getline < name` (kind "<") or `name | getline` reads; None for a file that is not there."""
        if (kind, name) not in self._read:
            if kind == "|":
                self._read[kind, name] = Records(TextInput(self._output_of(name)))
            else:
                try:
                    stream = self._context.stdin if name == "-" else TextInput(self._text(name))
                except FileError:
                    return None
                self._read[kind, name] = Records(stream)
        return self._read[kind, name]

    def _output_of(self, command: str) -> str:
        parts: list[str] = []

        def keep(text: str) -> None:
            self._count(text)
            parts.append(text)

        self._run(command, Output(keep))
        return "".join(parts)

    def _count(self, text: str) -> None:
        """Everything that the program holds for files and commands has a limit. Raises Usage."""
        self._held += len(text)
        if self._held > _MAX_HELD:
            raise Usage(f"svclab: more than {_MAX_HELD:,} characters to and from files and commands")

    def _text(self, name: str) -> str:
        self._flush(">", name)
        text: str = self._context.files.read(self._context.path(name))
        return text

    def _run(self, command: str, stdout: Output | None = None, stdin: Input | None = None) -> int:
        return self._context.run(["sh", "-c", command], stdin=stdin, stdout=stdout)

    def system(self, command: str) -> int:
        """`system(command)`: its exit code."""
        return self._run(command)

    def close(self, name: str) -> int:
        """`close(name)`; -1 for what is not open."""
        found = [key for key in (*self._written, *self._read) if key[1] == name]
        for key in found:
            self._flush(*key)
            self._read.pop(key, None)
        return 0 if found else -1

    def close_all(self) -> None:
        """The program ends: files are written, commands get their input."""
        for operator, name in list(self._written):
            self._flush(operator, name)

    def _flush(self, operator: str, name: str) -> None:
        parts = self._written.pop((operator, name), None)
        if parts is None:
            return
        text = "".join(parts)
        if operator == "|":
            self._run(name, stdin=TextInput(text))
            return
        path = self._context.path(name)
        try:
            before = (
                self._context.files.read(path)
                if operator == ">>" and self._context.files.exists(path)
                else ""
            )
            self._context.files.write(path, before + text)
        except FileError as error:
            raise Usage(f"fatal: cannot redirect to `{name}': {error}") from None


class MainInput:
    """The files named on the command line, one record after the other; `name=value` among them assigns."""

    def __init__(
        self,
        operands: list[str],
        opened: Callable[[list[str]], Iterator[tuple[str, Input]]],
        assign: Callable[[str, str], None],
    ) -> None:
        self._operands, self._opened, self._assign = list(operands), opened, assign
        self._records: Records | None = None
        self._any = False
        self.is_new_file = False
        self.name = ""

    def next(self, separator: str) -> str | None:
        """The next record, None after the last file; `is_new_file` says that it is a file's first."""
        self.is_new_file = False
        while True:
            if self._records is not None:
                record = self._records.next(separator)
                if record is not None:
                    return record
                self._records = None
            if not self._open_next():
                return None

    def _open_next(self) -> bool:
        while self._operands:
            operand = self._operands.pop(0)
            if match := _SETTING.fullmatch(operand):
                self._assign(match[1], match[2])
                continue
            self._any = True
            for name, stream in self._opened([operand]):
                self._records, self.name, self.is_new_file = Records(stream), name, True
                return True
        if self._any:
            return False
        self._any = True
        for name, stream in self._opened([]):
            self._records, self.name, self.is_new_file = Records(stream), name, True
        return True
