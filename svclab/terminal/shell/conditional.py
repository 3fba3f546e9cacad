"""The tests of `test`, `[ … ]` and `[[ … ]]`. Source: POSIX.1-2017 `test`; bash 5.2 for `[[`."""

from collections.abc import Callable
from typing import Protocol


class FileTests(Protocol):
    """What the file operators ask; paths as the learner wrote them."""

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory."""

    def is_directory(self, path: str) -> bool:
        """Whether it is a directory."""

    def size(self, path: str) -> int:
        """Bytes in the file, 0 where there is none."""

    def is_executable(self, path: str) -> bool:
        """Whether it may be run, or entered."""

    def is_set(self, name: str) -> bool:
        """Whether a variable has a value."""

    def has_option(self, name: str) -> bool:
        """Whether an option of the shell is on."""

    def is_terminal(self, descriptor: str) -> bool:
        """Whether a stream is a terminal."""


class BadTest(Exception):
    """The words are not a test; the message is bash's."""


_INTEGER: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
_AGE = frozenset({"-nt", "-ot", "-ef"})
_BINARY = frozenset(_INTEGER) | frozenset(_TEXT) | _AGE


def unary(operator: str, operand: str, files: FileTests) -> bool:
    """`operator operand`. Raises BadTest for an unknown operator."""
    match operator:
        case "-z":
            return not operand
        case "-n":
            return bool(operand)
        case "-e" | "-r" | "-w" | "-a":
            return files.exists(operand)
        case "-f":
            return files.exists(operand) and not files.is_directory(operand)
        case "-d":
            return files.is_directory(operand)
        case "-s":
            return files.size(operand) > 0
        case "-x":
            return files.is_executable(operand)
        case "-h" | "-L" | "-p" | "-S" | "-b" | "-c":
            return False
        case "-t":
            return files.is_terminal(operand)
        case "-v":
            return files.is_set(operand)
        case "-o":
            return files.has_option(operand)
        case "-O" | "-G" | "-N":
            return files.exists(operand)
        case _:
            raise BadTest(f"{operator}: unary operator expected")


def is_unary(operator: str) -> bool:
    """Whether this is an operator with one operand."""
    return len(operator) == 2 and operator[0] == "-" and operator[1] in "znerwafdsxhLpSbctvoOGN"


def binary(left: str, operator: str, right: str, files: FileTests) -> bool:
    """`left operator right`. Raises BadTest."""
    if operator in _AGE:
        return _age(left, operator, right, files)
    if operator in _TEXT:
        return _TEXT[operator](left, right)
    if operator not in _INTEGER:
        raise BadTest(f"{operator}: binary operator expected")
    return _INTEGER[operator](_integer(left), _integer(right))


def _age(left: str, operator: str, right: str, files: FileTests) -> bool:
    """Files here have no age: one that exists is newer than one that does not."""
    here, there = files.exists(left), files.exists(right)
    if operator == "-ef":
        return here and there and left == right
    return (here and not there) if operator == "-nt" else (there and not here)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadTest(f"{text}: integer expression expected") from None


def evaluate(words: list[str], files: FileTests) -> bool:
    """The truth of `test words…`; up to four words are read by their number. Raises BadTest."""
    match words:
        case []:
            return False
        case [word]:
            return word != ""
        case ["!", *rest] if len(rest) < 4:
            return not evaluate(rest, files)
        case [operator, operand]:
            if not is_unary(operator):
                raise BadTest(f"{operator}: unary operator expected")
            return unary(operator, operand, files)
        case [left, operator, right] if operator in _BINARY:
            return binary(left, operator, right, files)
        case [left, "-a" | "-o" as operator, right]:
            return (left != "" and right != "") if operator == "-a" else (left != "" or right != "")
        case ["(", word, ")"]:
            return word != ""
        case [_, operator, _]:
            raise BadTest(f"{operator}: binary operator expected")
        case _:
            return _Test(words, files).value()


class _Test:
    """`-o` binds loosest, then `-a`, then `!`."""

    def __init__(self, words: list[str], files: FileTests) -> None:
        self._words, self._files, self._i = words, files, 0

    def value(self) -> bool:
        if not self._words:
            return False
        result = self._or()
        if self._i < len(self._words):
            raise BadTest("too many arguments")
        return result

    def _peek(self, ahead: int = 0) -> str | None:
        place = self._i + ahead
        return self._words[place] if place < len(self._words) else None

    def _or(self) -> bool:
        result = self._and()
        while self._peek() == "-o":
            self._i += 1
            result = self._and() or result
        return result

    def _and(self) -> bool:
        result = self._not()
        while self._peek() == "-a":
            self._i += 1
            result = self._not() and result
        return result

    def _not(self) -> bool:
        if self._peek() == "!" and self._peek(1) is not None:
            self._i += 1
            return not self._not()
        return self._primary()

    def _primary(self) -> bool:
        word = self._peek()
        if word is None:
            raise BadTest("argument expected")
        following, third = self._peek(1), self._peek(2)
        if following in _BINARY and third is not None:
            self._i += 3
            return binary(word, following, third, self._files)
        if word == "(" and following is not None:
            self._i += 1
            result = self._or()
            if self._peek() != ")":
                raise BadTest("`)' expected")
            self._i += 1
            return result
        if is_unary(word) and following is not None:
            self._i += 2
            return unary(word, following, self._files)
        self._i += 1
        return bool(word)
