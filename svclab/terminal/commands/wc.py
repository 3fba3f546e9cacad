"""wc. Source: GNU coreutils 9.1."""

from svclab.terminal.commands.arguments import Inputs, options
from svclab.terminal.commands.registry import Context, command

_LONG = {"--lines": "l", "--words": "w", "--chars": "m", "--bytes": "c", "--max-line-length": "L"}


@command("wc")
def wc(context: Context, argv: list[str]) -> int:
    """Counts lines (-l), words (-w), characters (-m), bytes (-c), the longest line (-L)."""
    given, names = options(argv, "lwmcL", tuple(name[2:] for name in _LONG))
    wanted = {_LONG.get(name, name[1:]) for name, _ in given} or {"l", "w", "c"}
    rows: list[tuple[list[int], str]] = []
    sizes = 0
    inputs = Inputs(context, names)
    for name, stream in inputs:
        text = stream.read()
        counts = {
            "l": text.count("\n"),
            "w": len(text.split()),
            "m": len(text),
            "c": len(text.encode(errors="replace")),
            "L": max(map(len, text.split("\n"))),
        }
        sizes += counts["c"]
        rows.append(([counts[letter] for letter in "lwmcL" if letter in wanted], name if names else ""))
    if len(names) > 1:
        places = list(zip(*(row for row, _ in rows), strict=True))
        order = [letter for letter in "lwmcL" if letter in wanted]
        totals = [max(p) if letter == "L" else sum(p) for letter, p in zip(order, places, strict=False)]
        rows.append((totals or [0] * len(order), "total"))
    width = _width(context, rows, names, sizes)
    for counts_, name in rows:
        context.print(" ".join([*(f"{count:{width}d}" for count in counts_), *([name] if name else [])]))
    return inputs.status


def _width(context: Context, rows: list[tuple[list[int], str]], names: list[str], sizes: int) -> int:
    """GNU's columns are as wide as the files' sizes in bytes need, seven for what comes over a pipe."""
    if len(rows) == 1 and len(rows[0][0]) == 1:
        return 1
    if not names and not context.stdin.is_file():
        return 7
    return max(len(str(sizes)), 7 if "-" in names else 1)
