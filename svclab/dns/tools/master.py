"""Records in columns, as dig prints them.

Source: BIND 9.18 masterdump.c, dig's style (columns 24, 32, 40, 48).
"""

from svclab.dns.message import Question, Record

TTL_COLUMN, CLASS_COLUMN, TYPE_COLUMN, DATA_COLUMN = 24, 32, 40, 48
TAB = 8


def record_line(record: Record) -> str:
    """Owner, ttl, class, type and data; a field that is late pushes the next ones by one space each."""
    line = _Line(record.name)
    for column, text in (
        (TTL_COLUMN, str(record.ttl)),
        (CLASS_COLUMN, "IN"),
        (TYPE_COLUMN, record.type),
        (DATA_COLUMN, record.data),
    ):
        line.put(column, text)
    return line.text


def question_line(question: Question) -> str:
    """The question section's line: a semicolon, which takes no column, then name, class and type."""
    line = _Line(question.name)
    line.put(CLASS_COLUMN, "IN")
    line.put(TYPE_COLUMN, question.type)
    return ";" + line.text


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
