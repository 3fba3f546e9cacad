"""The command sed. Source: GNU sed 4.9."""

import re
from collections.abc import Iterator

from svclab.terminal.commands.arguments import Inputs, options
from svclab.terminal.commands.registry import BadOption, Context, Usage, command
from svclab.terminal.commands.sed.editor import Editor
from svclab.terminal.commands.sed.script import Command, Script
from svclab.terminal.files import FileError
from svclab.terminal.streams import split_lines

_USAGE = "Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]..."
_LONG = (
    "quiet", "silent", "regexp-extended", "in-place", "in-place=", "expression=", "file=", "separate",
    "unbuffered", "null-data", "posix", "debug", "sandbox", "line-length=",
)  # fmt: skip


@command("sed")
def sed(context: Context, argv: list[str]) -> int:
    """Edits a stream by a script."""
    argv, backup = _backup(argv)
    try:
        given, words = options(argv, "nrEie:f:suzl:", _LONG)
    except BadOption as wrong:
        return context.fail(f"sed: {wrong}\n{_USAGE}")
    flags = {name for name, _ in given}
    scripts = []
    for name, value in given:
        if name in ("-e", "--expression"):
            scripts.append(value)
        elif name in ("-f", "--file"):
            scripts.append(_script_file(context, value))
    if not scripts:
        if not words:
            return context.fail(_USAGE)
        scripts = [words.pop(0)]
    extended = bool(flags & {"-r", "-E", "--regexp-extended"})
    commands = Script("\n".join(scripts), extended=extended).commands()
    _check_labels(commands)
    end = "\0" if flags & {"-z", "--null-data"} else "\n"
    quiet = bool(flags & {"-n", "--quiet", "--silent"}) or scripts[0].startswith("#n\n")
    if flags & {"-i", "--in-place"}:
        return _in_place(context, commands, words, quiet=quiet, end=end, backup=backup)
    return _stream(
        context, commands, words, quiet=quiet, end=end, separate=bool(flags & {"-s", "--separate"})
    )


_IN_PLACE = re.compile(r"(-[nrEsuz]*i)(.*)|(--in-place)=(.*)", re.DOTALL)


def _backup(argv: list[str]) -> tuple[list[str], str]:
    """The arguments without the ending that `-i.bak` gives to the files' old selves, and that ending."""
    backup = ""
    plain: list[str] = []
    for word in argv:
        if match := _IN_PLACE.fullmatch(word):
            backup = match[2] or match[4] or backup
            word = match[1] or match[3]
        plain.append(word)
    return plain, backup


def _script_file(context: Context, name: str) -> str:
    try:
        text: str = context.stdin.read() if name == "-" else context.files.read(context.path(name))
    except FileError as error:
        raise Usage(f"couldn't open file {name}: {error}", 4) from None
    return text.removesuffix("\n")


def _check_labels(commands: list[Command]) -> None:
    """Raises Usage for a jump to nowhere. A label may stand outside groups only."""
    known = {item.text for item in commands if item.name == ":"}

    def check(found: list[Command]) -> None:
        for item in found:
            if item.name in ("b", "t", "T") and item.text and item.text not in known:
                raise Usage(f"can't find label for jump to `{item.text}'", 4)
            check(item.body)

    check(commands)


def _stream(
    context: Context, commands: list[Command], names: list[str], *, quiet: bool, end: str, separate: bool
) -> int:
    inputs = Inputs(context, names)
    editor = Editor(context, commands, context.stdout.write, quiet=quiet, end=end)
    if not separate:
        editor.run(_records(inputs.lines(), end))
        return editor.status or (2 if inputs.status else 0)
    for _, stream in inputs:
        editor = Editor(context, commands, context.stdout.write, quiet=quiet, end=end)
        editor.run(_records(iter(stream), end))
    return editor.status or (2 if inputs.status else 0)


def _records(lines: Iterator[str], end: str) -> Iterator[str]:
    if end == "\n":
        yield from lines
        return
    parts = "".join(lines).split(end)
    yield from [part + end for part in parts[:-1]]
    if parts[-1]:
        yield parts[-1]


def _in_place(
    context: Context, commands: list[Command], names: list[str], *, quiet: bool, end: str, backup: str
) -> int:
    status = 0
    for name in names:
        path = context.path(name)
        try:
            parts: list[str] = []
            text = context.files.read(path)
            editor = Editor(context, commands, parts.append, quiet=quiet, end=end)
            editor.run(_records(iter(split_lines(text)), end))
            if backup:
                folder, _, base = path.rpartition("/")
                kept = backup.replace("*", base) if "*" in backup else base + backup
                context.files.write(f"{folder}/{kept}", text)
            context.files.write(path, "".join(parts))
            status = status or editor.status
        except FileError as error:
            status = context.fail(f"sed: can't read {name}: {error}", 2)
    return status
