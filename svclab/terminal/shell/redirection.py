"""Redirections: which stream stands at which file descriptor while one command runs."""

from collections.abc import Callable
from contextlib import ExitStack

from svclab.terminal.files import FileError, Files
from svclab.terminal.shell.expansion import Expander
from svclab.terminal.shell.state import ShellError
from svclab.terminal.shell.syntax import Redirect
from svclab.terminal.streams import Input, Output, TextInput

Descriptors = dict[int, Input | Output]


class FileOutput(Output):
    """A file open for writing; what was written is stored when it is closed, or somebody reads the file."""

    def __init__(self, files: Files, path: str, *, append: bool) -> None:
        super().__init__(self._keep)
        self._files, self._path = files, path
        self._parts: list[str] = [files.read(path)] if append and files.exists(path) else []
        self._size = sum(map(len, self._parts))
        self._stored = self._size
        self._is_open = True
        files.write(path, "".join(self._parts))
        files.open_for_writing(path, self._store)

    def _keep(self, text: str) -> None:
        self._size += len(text)
        self._files.check_size(self._size)
        self._parts.append(text)

    def _store(self) -> None:
        if self._stored != self._size:
            self._stored = self._size
            self._files.write(self._path, "".join(self._parts))

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._files.closed(self._path, self._store)
            self._store()


def redirected(
    descriptors: Descriptors,
    redirects: tuple[Redirect, ...],
    expander: Expander,
    files: Files,
    absolute: Callable[[str], str],
    opened: ExitStack,
) -> Descriptors:
    """The descriptors after `redirects`, from left to right; files are closed with `opened`.

    Raises ShellError with bash's words where a file cannot be opened.
    """
    found = dict(descriptors)
    for redirect in redirects:
        _apply(found, redirect, expander, files, absolute, opened)
    return found


def _apply(
    found: Descriptors,
    redirect: Redirect,
    expander: Expander,
    files: Files,
    absolute: Callable[[str], str],
    opened: ExitStack,
) -> None:
    if redirect.document is not None:
        body = redirect.document.body
        found[redirect.descriptor or 0] = TextInput(
            body if redirect.document.quoted else expander.document(body)
        )
        return
    target = expander.text(redirect.target)
    match redirect.operator:
        case "<<<":
            found[redirect.descriptor or 0] = TextInput(target + "\n")
        case "<" | "<>":
            found[redirect.descriptor or 0] = _reader(target, files, absolute)
        case ">&" | "<&" if target.isdigit() or target == "-":
            place = redirect.descriptor if redirect.descriptor is not None else int(redirect.operator == ">&")
            _duplicate(found, place, target)
        case operator:
            if operator == ">" and "C" in expander.state.options and files.exists(absolute(target)):
                raise ShellError(f"{target}: cannot overwrite existing file")
            output = _writer(target, files, absolute, found, append=operator in (">>", "&>>"))
            opened.callback(output.close)
            found[redirect.descriptor if redirect.descriptor is not None else 1] = output
            if operator in ("&>", "&>>", ">&"):
                found[2] = output


def _duplicate(found: Descriptors, place: int, target: str) -> None:
    if target == "-":
        closing = found.pop(place, None)
        if closing is not None and closing not in found.values() and place > 2:
            closing.close()
        if place < 3:
            found[place] = Input() if place == 0 else Output(lambda _: None)
    elif int(target) in found:
        found[place] = found[int(target)]
    else:
        raise ShellError(f"{target}: Bad file descriptor")


def _reader(target: str, files: Files, absolute: Callable[[str], str]) -> Input:
    if target == "/dev/null":
        return Input()
    if not target:
        raise ShellError(": No such file or directory")
    try:
        return TextInput(files.read(absolute(target)))
    except FileError as error:
        raise ShellError(f"{target}: {error}") from None


def _writer(
    target: str, files: Files, absolute: Callable[[str], str], found: Descriptors, *, append: bool
) -> Output:
    special = {"/dev/stdout": 1, "/dev/stderr": 2, "/dev/tty": 1}.get(target)
    if target == "/dev/null":
        return Output(lambda _: None)
    if special is not None:
        stream = found[special]
        assert isinstance(stream, Output)
        return Output(stream.write, tty=stream.isatty())
    if not target:
        raise ShellError(": No such file or directory")
    try:
        return FileOutput(files, absolute(target), append=append)
    except FileError as error:
        raise ShellError(f"{target}: {error}") from None
