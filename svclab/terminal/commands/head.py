"""head and tail. Source: GNU coreutils 9.1."""

import re
from collections import deque

from svclab.terminal.commands.arguments import Inputs, options, whole_number
from svclab.terminal.commands.registry import Context, command
from svclab.terminal.files import FileError
from svclab.terminal.streams import Input


def _wanted(argv: list[str], extra: str = "") -> tuple[str, str, set[str], list[str]]:
    """What to count ("lines" or "bytes"), how many as written, other flags, and the files."""
    counting = ("-n", "-c", "--lines", "--bytes")
    argv = [
        word if before in counting else re.sub(r"^-(\d+)$", r"-n\1", word)
        for before, word in zip(["", *argv], argv, strict=False)
    ]
    if extra and argv and re.fullmatch(r"\+\d+", argv[0]):
        argv = [f"-n{argv[0]}", *argv[1:]]
    given, names = options(argv, "n:c:qv" + extra, ("lines=", "bytes=", "quiet", "verbose", "follow"))
    unit, count = "lines", "10"
    for name, value in given:
        if name in ("-n", "--lines", "-c", "--bytes"):
            unit, count = ("lines" if name in ("-n", "--lines") else "bytes"), value
    return unit, count, {name for name, _ in given}, names


def _scaled(count: str) -> str:
    """A count without its unit: 1k is 1024."""
    scales = {"b": 512, "k": 1024, "K": 1024, "M": 1024**2, "kB": 1000, "MB": 1000**2}
    match = re.fullmatch(r"(-?\d+)(kB|MB|[bkKM])", count)
    return str(int(match[1]) * scales[match[2]]) if match else count


def _titled(context: Context, names: list[str], flags: set[str], name: str, *, first: bool) -> None:
    if ("-v" in flags or len(names) > 1) and "-q" not in flags:
        context.print(("" if first else "\n") + f"==> {'standard input' if name == '-' else name} <==")


@command("head")
def head(context: Context, argv: list[str]) -> int:
    """Writes the first ten lines, or as many as -n (or -c) says; a negative number: all but the last."""
    unit, count, flags, names = _wanted(argv)
    number = whole_number(_scaled(count), f"number of {unit}")
    inputs = Inputs(context, names)
    for place, (name, stream) in enumerate(inputs):
        _titled(context, names, flags, name, first=place == 0)
        if unit == "bytes" and number >= 0:
            _first_characters(context, stream, number)
        elif unit == "bytes" or number < 0:
            text = stream.read()
            lines = text if unit == "bytes" else text.splitlines(keepends=True)
            context.stdout.write("".join(lines[:number]))
        else:
            _first_lines(context, stream, number)
    return inputs.status


def _first_characters(context: Context, stream: Input, number: int) -> None:
    while number > 0 and (line := stream.readline()):
        context.stdout.write(line[:number])
        number -= len(line)


def _first_lines(context: Context, stream: Input, number: int) -> None:
    for _ in range(number):
        line = stream.readline()
        if not line:
            return
        context.stdout.write(line)


@command("tail")
def tail(context: Context, argv: list[str]) -> int:
    """Writes the last ten lines, or as many as -n says; `-n +3` starts at the third; -f waits for more."""
    unit, count, flags, names = _wanted(argv, "fF")
    number = whole_number(_scaled(count.lstrip("+")), f"number of {unit}")
    inputs = Inputs(context, names)
    for place, (name, stream) in enumerate(inputs):
        _titled(context, names, flags, name, first=place == 0)
        if unit == "bytes":
            text = stream.read()
            context.stdout.write(
                text[number - 1 :] if count.startswith("+") else text[len(text) - abs(number) :]
            )
        elif count.startswith("+"):
            for line_number, line in enumerate(stream, 1):
                if line_number >= number:
                    context.stdout.write(line)
        else:
            context.stdout.write("".join(deque(stream, maxlen=abs(number))))
    if flags & {"-f", "-F", "--follow"} and names:
        _follow(context, names[-1])
    return inputs.status


def _follow(context: Context, name: str) -> None:
    """Wait for the file to grow, until Ctrl-C."""
    path = context.path(name)
    shown = len(context.files.read(path)) if context.files.exists(path) else 0
    while True:
        while _length(context, path) <= shown:
            context.sleep(0.5)
        text = context.files.read(path)
        context.stdout.write(text[shown:])
        shown = len(text)


def _length(context: Context, path: str) -> int:
    try:
        return len(context.files.read(path))
    except FileError:
        return 0
