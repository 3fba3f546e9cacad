"""wc. Source: GNU coreutils 9.1."""

from svclab.terminal.commands.arguments import Inputs, options
from svclab.terminal.commands.registry import Context, command

_LONG = {"--lines": "-l", "--words": "-w", "--bytes": "-c", "--chars": "-m"}


@command("wc")
def wc(context: Context, argv: list[str]) -> int:
    """Counts lines, words and bytes."""
    given, names = options(argv, "lwcm", ("lines", "words", "bytes", "chars"))
    flags = {_LONG.get(name, name) for name, _ in given} or {"-l", "-w", "-c"}
    inputs = Inputs(context, names)
    rows: list[tuple[list[int], str]] = []
    for name, stream in inputs:
        text = stream.read()
        counts = {"-l": text.count("\n"), "-w": len(text.split()), "-m": len(text)}
        counts["-c"] = len(text.encode(errors="replace"))
        rows.append(([counts[flag] for flag in ("-l", "-w", "-m", "-c") if flag in flags], name))
    if len(rows) > 1:
        rows.append(([sum(column) for column in zip(*(r for r, _ in rows), strict=True)], "total"))
    width = max((len(str(n)) for numbers, _ in rows for n in numbers), default=1)
    if not names and len(flags) > 1:
        width = max(width, 7)
    for numbers, name in rows:
        label = "" if not names else f" {name}"
        context.print(
            " ".join(str(n).rjust(width if len(numbers) > 1 or len(rows) > 1 else 1) for n in numbers) + label
        )
    return inputs.status
