"""sort and uniq. Source: GNU coreutils 9.1, locale C."""

import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

from svclab.terminal.commands.arguments import Inputs, options, whole_number
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.files import FileError

_SCALES = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def _month(text: str) -> int:
    name = text.strip()[:3].upper()
    return _MONTHS.index(name) + 1 if name in _MONTHS else 0


def _number(text: str) -> float:
    match = re.match(r"\s*(-?\d*\.?\d+)", text)
    return float(match[1]) if match else 0.0


def _human(text: str) -> tuple[int, float]:
    match = re.match(r"\s*(-?\d*\.?\d+)([kKMGTPE]?)", text)
    return (_SCALES[match[2]], float(match[1])) if match else (-1, 0.0)


def _version(text: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", text)]


def _key(letters: str) -> Callable[[str], Any]:
    if "V" in letters:
        return _version
    if "M" in letters:
        return _month
    if "h" in letters:
        return _human
    if "n" in letters or "g" in letters:
        return _number
    change = (lambda text: text.upper()) if "f" in letters else str
    return (lambda text: change(text.lstrip())) if "b" in letters else change


def _field(line: str, spec: str, separator: str | None) -> tuple[str, str]:
    """The text of a sort key (`-k 2`, `-k 2,2n`, `-k 1.3`) in a line, and its own letters."""
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?([a-zA-Z]*)(?:,(\d+)(?:\.(\d+))?([a-zA-Z]*))?", spec)
    if not match:
        raise Usage(f"invalid number at field start: invalid count at start of '{spec}'")
    if match[1] == "0":
        raise Usage(f"field number is zero: invalid field specification '{spec}'")
    parts = line.split(separator) if separator is not None else re.findall(r"\s*\S+", line)
    joint = separator if separator is not None else ""
    first = int(match[1]) - 1
    last = int(match[4]) if match[4] else len(parts)
    text = joint.join(parts[first:last])
    if match[2]:
        text = (text if separator is not None else text.lstrip())[int(match[2]) - 1 :]
    return text, match[3] + (match[6] or "")


@command("sort")
def sort(context: Context, argv: list[str]) -> int:
    """Sorts lines: -n numbers, -h sizes, -V versions, -r reversed, -u once each, -k by a field, -t
    separator.
    """
    given, names = options(
        argv, "nrufbhVgsk:t:o:cCmdiMR", ("numeric-sort", "reverse", "unique", "ignore-case",
        "human-numeric-sort",
        "version-sort", "key=", "field-separator=", "output=", "stable", "check", "merge", "random-sort",
        "general-numeric-sort", "dictionary-order", "month-sort", "ignore-leading-blanks", "parallel="),
    )  # fmt: skip
    short = {"--numeric-sort": "-n", "--reverse": "-r", "--unique": "-u", "--ignore-case": "-f",
             "--human-numeric-sort": "-h", "--version-sort": "-V", "--key": "-k", "--field-separator": "-t",
             "--output": "-o", "--stable": "-s", "--check": "-c", "--merge": "-m", "--random-sort": "-R",
             "--general-numeric-sort": "-g", "--dictionary-order": "-d", "--month-sort": "-M",
             "--ignore-leading-blanks": "-b"}  # fmt: skip
    given = [(short.get(name, name), value) for name, value in given]
    letters = "".join(name[1] for name, _ in given if name[1] in "nrfbhVgdM")
    keys = [value for name, value in given if name == "-k"]
    flags = dict(given)
    if len(separator := flags.get("-t", ":").replace("\\0", "\0")) != 1:
        raise Usage(f"multi-character tab '{separator}'" if separator else "empty tab")
    for spec in keys:
        _field("", spec, None)
    inputs = Inputs(context, names)
    lines = [line.removesuffix("\n") for line in inputs.lines()]
    found = _sorted(lines, keys, letters, flags.get("-t"), stable="-s" in flags or "-u" in flags)
    if {"-c", "-C"} & flags.keys():
        return _checked(context, lines, found, names, quiet="-C" in flags)
    if "-u" in flags:
        whole = _comparison(keys[:1], letters, flags.get("-t"))
        found = [next(group) for _, group in groupby(found, whole)]
    text = "".join(line + "\n" for line in found)
    if "-o" in flags:
        try:
            context.files.write(context.path(flags["-o"]), text)
        except FileError as error:
            raise Usage(f"open failed: {flags['-o']}: {error}") from None
    else:
        context.stdout.write(text)
    return 2 if inputs.status else 0


def _checked(context: Context, lines: list[str], found: list[str], names: list[str], *, quiet: bool) -> int:
    """`sort -c`: the first line that is out of order."""
    place = next((i for i, (a, b) in enumerate(zip(lines, found, strict=True)) if a != b), None)
    if place is None:
        return 0
    wrong = next(i for i in range(1, len(lines)) if found.index(lines[i]) < found.index(lines[i - 1]))
    return (
        1
        if quiet
        else context.fail(f"sort: {names[0] if names else '-'}:{wrong + 1}: disorder: {lines[wrong]}")
    )


def _comparison(keys: list[str], letters: str, separator: str | None) -> Callable[[str], Any]:
    if not keys:
        return _key(letters)

    def value(line: str) -> Any:
        text, own = _field(line, keys[0], separator)
        return _key(own or letters)(text)

    return value


def _sorted(
    lines: list[str], keys: list[str], letters: str, separator: str | None, *, stable: bool
) -> list[str]:
    """By the last key first, so that the first counts most; whole lines decide between equals."""
    reverse = "r" in letters
    found = list(lines) if stable else sorted(lines, reverse=reverse)
    for spec in reversed(keys or [""]):
        own = re.sub(r"[^a-zA-Z]", "", spec)
        compare = _comparison([spec] if spec else [], letters, separator)
        found.sort(key=compare, reverse="r" in own or (reverse and not own))
    return found


@command("uniq")
def uniq(context: Context, argv: list[str]) -> int:
    """Joins equal neighbours: -c counts, -d only repeated ones, -u only single ones, -i without case."""
    given, names = options(
        argv, "cdiuDf:s:w:", ("count", "repeated", "unique", "ignore-case", "skip-fields=", "check-chars=")
    )
    flags = {name for name, _ in given}
    skip = whole_number(
        next((v for n, v in given if n in ("-f", "--skip-fields")), "0"), "number of fields to skip"
    )

    settings = dict(given)
    past = whole_number(settings.get("-s", "0"), "number of bytes to skip")
    width = whole_number(
        settings.get("-w", settings.get("--check-chars", "1000000")), "number of bytes to compare"
    )

    def compared(line: str) -> str:
        text = re.sub(rf"^(\s*\S+){{{skip}}}", "", line) if skip else line
        text = text[past : past + width]
        return text.lower() if flags & {"-i", "--ignore-case"} else text

    inputs = Inputs(context, names[:1])
    for _, group in groupby((line.removesuffix("\n") for line in inputs.lines()), compared):
        lines = list(group)
        if (flags & {"-d", "--repeated"} and len(lines) == 1) or (
            flags & {"-u", "--unique"} and len(lines) > 1
        ):
            continue
        if "-D" in flags:
            context.stdout.write("".join(line + "\n" for line in lines) if len(lines) > 1 else "")
            continue
        context.print(f"{len(lines):7d} {lines[0]}" if flags & {"-c", "--count"} else lines[0])
    return inputs.status
