"""cut. Source: GNU coreutils 9.1."""

from svclab.terminal.commands.arguments import Inputs, options
from svclab.terminal.commands.registry import Context, Usage, command


def _ranges(text: str, what: str) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    for part in text.replace(" ", ",").split(","):
        first, dash, last = part.partition("-")
        try:
            start = int(first or 1)
            end = float(int(last)) if last else (float("inf") if dash else float(start))
        except ValueError:
            raise Usage(f"invalid {what} '{part}'", 1, hint=True) from None
        if start < 1 or part == "-":
            raise Usage("fields are numbered from 1", 1, hint=True)
        if end < start:
            raise Usage("invalid decreasing range", 1, hint=True)
        found.append((start, end))
    return found


_LISTS = frozenset({"-f", "-c", "-b", "--fields", "--characters", "--bytes"})


@command("cut")
def cut(context: Context, argv: list[str]) -> int:
    """Writes parts of lines: -f fields (-d delimiter, -s only lines with one) or -c characters."""
    given, names = options(
        argv, "f:c:b:d:s", ("fields=", "characters=", "bytes=", "delimiter=",
        "only-delimited", "output-delimiter=",
        "complement"),
    )  # fmt: skip
    settings = dict(given)
    wanted = [(name, value) for name, value in given if name in _LISTS]
    delimiter = settings.get("-d", settings.get("--delimiter", "\t"))
    if len(delimiter) != 1:
        raise Usage("the delimiter must be a single character", 1, hint=True)
    if not wanted:
        raise Usage("you must specify a list of bytes, characters, or fields", 1, hint=True)
    by_field = wanted[-1][0] in ("-f", "--fields")
    if len(wanted) > 1:
        raise Usage("only one list may be specified", 1, hint=True)
    ranges = _ranges(wanted[-1][1], "field value" if by_field else "byte/character position")
    joint = settings.get("--output-delimiter", delimiter if by_field else "")
    only = "-s" in settings or "--only-delimited" in settings
    inverted = "--complement" in settings

    def wants(place: int) -> bool:
        return any(start <= place <= end for start, end in ranges) != inverted

    inputs = Inputs(context, names)
    for line in inputs.lines():
        text = line.removesuffix("\n")
        if by_field and delimiter not in text:
            if not only:
                context.print(text)
            continue
        parts = text.split(delimiter) if by_field else list(text)
        context.print(joint.join(part for place, part in enumerate(parts, 1) if wants(place)))
    return inputs.status
