"""Records in columns, as dig prints them.

Source: BIND 9.18 masterdump.c, dig's style (columns 24, 32, 40, 48).
"""

from dataclasses import dataclass

from svclab.dns.message import Question, Record

TAB = 8
UNITS = ((604800, "w"), (86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
LONG_UNITS = ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
SOA_NUMBERS = ("serial", "refresh", "retry", "expire", "minimum")


@dataclass(frozen=True, slots=True)
class Style:
    """What of a record is shown and where: the columns of ttl, class, type and data."""

    ttl: bool = True
    class_: bool = True
    multiline: bool = False
    ttl_units: bool = False

    @property
    def columns(self) -> tuple[int, int, int, int]:
        """Fewer fields move together, and so do all on several lines."""
        if self.multiline or not (self.ttl or self.class_):
            return (24, 24, 24, 32)
        return (24, 32, 40, 48) if self.ttl and self.class_ else (24, 24, 32, 40)


DIG_STYLE = Style()


def record_line(record: Record, style: Style = DIG_STYLE) -> str:
    """Owner, ttl, class, type and data; a field that is late pushes the next ones by one space each."""
    line = _Line(record.name)
    ttl_column, class_column, type_column, data_column = style.columns
    if style.ttl:
        line.put(ttl_column, duration(record.ttl) if style.ttl_units else str(record.ttl))
    if style.class_:
        line.put(class_column, "IN")
    line.put(type_column, record.type)
    data = _soa_lines(record.data) if style.multiline and record.type == "SOA" else record.data
    line.put(data_column, data)
    return line.text


def question_line(question: Question, style: Style = DIG_STYLE) -> str:
    """The question section's line: a semicolon, which takes no column, then name, class and type."""
    line = _Line(question.name)
    _, class_column, type_column, _ = style.columns
    line.put(class_column, question.class_)
    line.put(type_column, question.type)
    return ";" + line.text


def duration(seconds: int) -> str:
    """A time in the units of zone files, such as 1h30m."""
    return "".join(f"{number}{unit}" for number, unit in _in_units(seconds, UNITS)) or "0s"


def _in_units(seconds: int, units: tuple[tuple[int, str], ...]) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for size, unit in units:
        number, seconds = divmod(seconds, size)
        if number:
            found.append((number, unit))
    return found


def _soa_lines(data: str) -> str:
    """A SOA in parentheses, each number on a line with what it means."""
    server, mailbox, *numbers = data.split()
    lines = [f"{server} {mailbox} ("]
    for name, number in zip(SOA_NUMBERS, numbers, strict=True):
        units = [f"{n} {unit}{'s' if n > 1 else ''}" for n, unit in _in_units(int(number), LONG_UNITS)]
        meaning = name if name == "serial" else f"{name} ({' '.join(units) or '0 seconds'})"
        lines.append(f"\t\t\t\t{number:<10} ; {meaning}")
    return "\n".join([*lines, "\t\t\t\t)"])


class _Line:
    """Text that grows towards columns, with tabs where a whole tab stop is passed and spaces otherwise."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.column = len(text)

    def put(self, column: int, text: str) -> None:
        goal = max(column, self.column + 1)
        tabs = goal // TAB - self.column // TAB
        start = goal // TAB * TAB if tabs else self.column
        self.text += "\t" * tabs + " " * (goal - start) + text
        self.column = goal + len(text)
