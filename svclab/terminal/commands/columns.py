"""column, paste, nl, rev, fold: lines laid out anew. Source: util-linux 2.38 and GNU coreutils 9.1."""

import re

from svclab.terminal.commands.arguments import Inputs, options, whole_number
from svclab.terminal.commands.registry import Context, command
from svclab.terminal.lineedit import width_of


@command("column", places={"laptop", "node", "netshoot"})
def column(context: Context, argv: list[str]) -> int:
    """Makes a table of lines (-t, with -s separator) or fills the screen's columns."""
    given, names = options(argv, "ts:o:", ("table", "separator=", "output-separator="))
    settings = dict(given)
    inputs = Inputs(context, names)
    lines = [line.rstrip("\n") for line in inputs.lines() if line.strip()]
    if not {"-t", "--table"} & set(settings):
        _fill(context, lines)
        return inputs.status
    separator = settings.get("-s", settings.get("--separator"))
    joint = settings.get("-o", settings.get("--output-separator", "  "))
    rows = [re.split(f"[{re.escape(separator)}]", line) if separator else line.split() for line in lines]
    widths = [
        max(width_of(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows), default=0))
    ]
    for row in rows:
        padded = [cell + " " * (widths[i] - width_of(cell)) for i, cell in enumerate(row[:-1])]
        context.print(joint.join([*padded, *row[-1:]]))
    return inputs.status


def _fill(context: Context, lines: list[str]) -> None:
    if not lines:
        return
    width = (max(map(width_of, lines)) // 8 + 1) * 8
    down = -(-len(lines) // max(context.columns // width, 1))
    for row in range(down):
        cells = lines[row::down]
        context.print("".join(c + "\t" * -(-(width - width_of(c)) // 8) for c in cells[:-1]) + cells[-1])


@command("paste")
def paste(context: Context, argv: list[str]) -> int:
    """Joins lines of several files, or with -s those of one; -d says with what."""
    given, names = options(argv, "d:s", ("delimiters=", "serial"))
    settings = dict(given)
    joints = (
        settings.get("-d", settings.get("--delimiters", "\t")).replace("\\n", "\n").replace("\\t", "\t")
        or "\0"
    )
    inputs = Inputs(context, names)
    files = [[line.removesuffix("\n") for line in stream] for _, stream in inputs]
    if {"-s", "--serial"} & set(settings):
        rows = files
    else:
        files = _in_turn(names, files)
        rows = [[f[i] if i < len(f) else "" for f in files] for i in range(max(map(len, files), default=0))]
    for row in rows:
        text = "".join(cell + joints[i % len(joints)] for i, cell in enumerate(row[:-1])) + "".join(row[-1:])
        context.print(text.replace("\0", ""))
    return inputs.status


def _in_turn(names: list[str], files: list[list[str]]) -> list[list[str]]:
    """Standard input that stands there several times is read line by line in turn."""
    turns = [place for place, name in enumerate(names) if name == "-"]
    typed = [line for place in turns for line in files[place]]  # the first has read it all
    return [
        typed[turns.index(place) :: len(turns)] if place in turns else lines
        for place, lines in enumerate(files)
    ]


@command("nl")
def nl(context: Context, argv: list[str]) -> int:
    """Numbers lines; -ba also empty ones."""
    given, names = options(argv, "b:w:s:")
    settings = dict(given)
    width = whole_number(settings.get("-w", "6"), "line number field width")
    inputs = Inputs(context, names)
    number = 0
    for line in inputs.lines():
        if line.strip("\n") or settings.get("-b") == "a":
            number += 1
            context.stdout.write(f"{number:{width}d}{settings.get('-s', chr(9))}{line}")
        else:
            context.stdout.write(" " * (width + 1) + line)
    return inputs.status


@command("rev", places={"laptop", "node", "netshoot", "busybox", "alpine"})
def rev(context: Context, argv: list[str]) -> int:
    """Writes each line backwards."""
    inputs = Inputs(context, options(argv, "")[1])
    for line in inputs.lines():
        context.stdout.write(line.removesuffix("\n")[::-1] + ("\n" if line.endswith("\n") else ""))
    return inputs.status


@command("fold")
def fold(context: Context, argv: list[str]) -> int:
    """Breaks long lines at -w columns."""
    given, names = options(argv, "w:s")
    width = max(whole_number(next((v for n, v in given if n == "-w"), "80"), "number of columns"), 1)
    inputs = Inputs(context, names)
    for line in inputs.lines():
        text = line.removesuffix("\n")
        for start in range(0, max(len(text), 1), width):
            context.print(text[start : start + width])
    return inputs.status
