"""Text in columns, as Go's text/tabwriter lays it out: elastic tabstops.

A column is a run of neighbouring lines that have a cell there; its width is that of its widest cell plus the
padding. The last cell of a line belongs to no column.
"""

from dataclasses import dataclass, field


def align(text: str, *, min_width: int = 0, padding: int = 2) -> str:
    """Lay out lines whose cells are separated by tabs (kubectl describe: minimum 0, padding 2)."""
    lines = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[0] * (len(line) - 1) for line in lines]
    _measure(lines, widths, 0, len(lines), 0, min_width, padding)
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(line, line_widths, strict=False)) + line[-1]
        for line, line_widths in zip(lines, widths, strict=True)
    )


def _measure(
    lines: list[list[str]],
    widths: list[list[int]],
    first: int,
    last: int,
    column: int,
    min_width: int,
    padding: int,
) -> None:
    at = first
    while at < last:
        if column >= len(lines[at]) - 1:
            at += 1
            continue
        end, width = at, min_width
        while end < last and column < len(lines[end]) - 1:
            width = max(width, len(lines[end][column]) + padding)
            end += 1
        for line in range(at, end):
            widths[line][column] = width
        _measure(lines, widths, at, end, column + 1, min_width, padding)
        at = end


@dataclass(slots=True)
class TableWriter:
    """The writer of `kubectl get`: columns at least 6 wide, padding 3; widths are remembered."""

    widths: list[int] = field(default_factory=list)

    def format(self, rows: list[list[str]]) -> str:
        """The rows as lines of text; the last cell of a row is not padded."""
        for row in rows:
            for column, cell in enumerate(row[:-1]):
                if column >= len(self.widths):
                    self.widths.append(6)
                self.widths[column] = max(self.widths[column], len(cell) + 3)
        return "".join(self._line(row) for row in rows)

    def _line(self, row: list[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], self.widths, strict=False)]
        return "".join(padded) + (row[-1] if row else "") + "\n"
