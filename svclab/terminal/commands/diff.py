"""diff and cmp. Source: GNU diffutils 3.8."""

import difflib
from datetime import datetime

from svclab.terminal.commands.arguments import options, whole_number
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.files import FileError

_MAX_LINES = 5000  # a comparison takes time as the square


def _lines(context: Context, name: str) -> list[str]:
    if name == "-":
        return list(context.stdin)
    try:
        return context.files.read(context.path(name)).splitlines(keepends=True)
    except FileError as error:
        raise Usage(f"{name}: {error}") from None


@command("diff", places={"laptop", "node", "netshoot", "busybox", "alpine", "debian", "debian-curl"})
def diff(context: Context, argv: list[str]) -> int:
    """Compares two files; -u prints the unified form, -q only whether they differ. Exit code 1: they do."""
    given, names = options(
        argv, "uqwbBiNrU:y", ("unified", "brief", "ignore-all-space", "color=", "side-by-side")
    )
    settings = dict(given)
    if len(names) != 2:
        raise Usage("missing operand after 'diff'" if not names else "two files are needed")
    left, right = _lines(context, names[0]), _lines(context, names[1])
    if max(len(left), len(right)) > _MAX_LINES:
        raise Usage(f"svclab compares files of up to {_MAX_LINES:,} lines")
    if left == right:
        return 0
    if {"-q", "--brief"} & settings.keys():
        context.print(f"Files {names[0]} and {names[1]} differ")
    elif {"-u", "--unified", "-U"} & settings.keys():
        _unified(context, names, left, right, whole_number(settings.get("-U", "3"), "context length"))
    else:
        _normal(context, left, right)
    return 1


def _ended(line: str) -> str:
    return line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _unified(context: Context, names: list[str], left: list[str], right: list[str], around: int) -> None:
    time = _stamp(context.now())
    for line in difflib.unified_diff(left, right, names[0], names[1], time, time, n=around):
        context.stdout.write(_ended(line))


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.%f000 +0000")


def _normal(context: Context, left: list[str], right: list[str]) -> None:
    def span(start: int, end: int) -> str:
        return str(end) if end - start <= 1 else f"{start + 1},{end}"

    for tag, a, b, c, d in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        letter = {"replace": "c", "delete": "d", "insert": "a"}[tag]
        before = str(a) if tag == "insert" else span(a, b)
        after = str(c) if tag == "delete" else span(c, d)
        context.print(f"{before}{letter}{after}")
        for line in left[a:b]:
            context.stdout.write("< " + _ended(line))
        if tag == "replace":
            context.print("---")
        for line in right[c:d]:
            context.stdout.write("> " + _ended(line))
