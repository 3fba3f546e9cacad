"""JSON as Go reads it: the same syntax errors in the same words, duplicate keys kept, numbers with their
text.

Source: Go encoding/json (scanner) and sigs.k8s.io/json.
"""

import json
import re
from typing import Any

from svclab.kube.status import go_quote

MAX_DEPTH = 10000
_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """A text that is not JSON; the message is Go's."""


class Decimal(float):
    """A number written with a fraction or an exponent; `text` is how."""

    text: str

    def __new__(cls, text: str) -> "Decimal":
        number = super().__new__(cls, text)
        number.text = text
        return number


class Repeated(dict[str, Any]):
    """An object in which some keys stand twice; `keys_again` names them in order."""

    keys_again: tuple[str, ...] = ()


def parse(data: bytes) -> Any:
    """The value of a JSON text in UTF-8. Broken characters become U+FFFD, as in Go.

    Raises JsonError.
    """
    try:
        value = json.loads(
            data.decode("utf-8", "replace"),
            object_pairs_hook=_object,
            parse_float=Decimal,
            parse_constant=_no_constant,
        )
        return _without_lone_surrogates(value) if _SURROGATE.search(data) else value
    except RecursionError:
        raise JsonError(_syntax_error(data) or "invalid character '{' exceeded max depth") from None
    except ValueError:
        raise JsonError(_syntax_error(data) or "unexpected end of JSON input") from None


def _without_lone_surrogates(value: Any) -> Any:
    """Halves of characters, which only an escape can write, become U+FFFD as in Go."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_without_lone_surrogates(inner) for inner in value]
    if isinstance(value, dict):
        pairs = [
            (_without_lone_surrogates(key), _without_lone_surrogates(inner)) for key, inner in value.items()
        ]
        clean = _object(pairs)
        if isinstance(value, Repeated):
            repeated = Repeated(clean)
            repeated.keys_again = tuple(_without_lone_surrogates(key) for key in value.keys_again)
            return repeated
        return clean
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated, seen, again = Repeated(found), set[str](), dict[str, None]()
    for key, _ in pairs:
        if key in seen:
            again[key] = None
        seen.add(key)
    repeated.keys_again = tuple(again)
    return repeated


def repeated_fields(value: Any, path: str = "") -> list[str]:
    """Where keys stand twice: `duplicate field "spec.type"`, in order."""
    found: list[str] = []
    if isinstance(value, list):
        for index, inner in enumerate(value):
            found += repeated_fields(inner, f"{path}[{index}]")
    elif isinstance(value, dict):
        prefix = f"{path}." if path else ""
        for key, inner in value.items():
            found += repeated_fields(inner, prefix + key)
        if isinstance(value, Repeated):
            found += [f'duplicate field "{prefix}{key}"' for key in value.keys_again]
    return found


def once(value: Any) -> Any:
    """A value with plain objects: what a second key overwrote is forgotten."""
    if isinstance(value, list):
        return [once(inner) for inner in value]
    if isinstance(value, dict):
        return {key: once(inner) for key, inner in value.items()}
    return value


def _no_constant(word: str) -> None:
    raise ValueError(word)


def syntax_error(data: bytes) -> str | None:
    """Go's words for the first syntax error of a text, or None."""
    return _syntax_error(data)


def _syntax_error(data: bytes) -> str | None:
    return _Scanner(data).error()


def syntax_error_of_value(data: bytes) -> tuple[str, int] | None:
    """Go's words for what is wrong with a text's first value, and the bytes read; None if it is whole."""
    scanner = _Scanner(data)
    words = scanner.error()
    if words is None or words.endswith(" after top-level value"):
        return None
    return words, scanner.read


class _Stop(Exception):
    """Carries the first error out of the scanner."""


class _Scanner:
    """Walks over one JSON value byte by byte, only to say what is wrong with it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def read(self) -> int:
        """The bytes read, with the one that is wrong."""
        return min(self._at + 1, len(self._data))

    def error(self) -> str | None:
        try:
            self._document()
        except _Stop as stop:
            return str(stop)
        return None

    def _document(self) -> None:
        open_brackets: list[int] = []
        self._space()
        self._value(open_brackets)
        while open_brackets:
            self._space()
            self._continue(open_brackets)
        self._space()
        if self._at < len(self._data):
            raise self._bad("after top-level value")

    def _continue(self, open_brackets: list[int]) -> None:
        """One step inside the innermost bracket, after one of its values."""
        inside_object = open_brackets[-1] == ord("{")
        byte = self._byte()
        if byte == (ord("}") if inside_object else ord("]")):
            open_brackets.pop()
            self._at += 1
        elif byte == ord(","):
            self._at += 1
            self._space()
            if inside_object:
                self._key()
            self._value(open_brackets)
        else:
            raise self._bad("after object key:value pair" if inside_object else "after array element")

    def _value(self, open_brackets: list[int]) -> None:
        while True:
            byte = self._byte()
            if byte not in b"{[":
                return self._scalar(byte)
            if len(open_brackets) >= MAX_DEPTH:
                raise self._bad("exceeded max depth")
            open_brackets.append(byte)
            self._at += 1
            self._space()
            if self._byte() == (ord("}") if byte == ord("{") else ord("]")):
                open_brackets.pop()
                self._at += 1
                return None
            if byte == ord("{"):
                self._key()

    def _key(self) -> None:
        if self._byte() != ord('"'):
            raise self._bad("looking for beginning of object key string")
        self._string()
        self._space()
        if self._byte() != ord(":"):
            raise self._bad("after object key")
        self._at += 1
        self._space()

    def _scalar(self, byte: int) -> None:
        words = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
        if byte == ord('"'):
            self._string()
        elif byte in words:
            self._literal(words[byte])
        elif byte == ord("-") or byte in _DIGITS:
            self._number()
        else:
            raise self._bad("looking for beginning of value")

    def _literal(self, word: bytes) -> None:
        for expected in word:
            if self._byte() != expected:
                raise self._bad(f"in literal {word.decode()} (expecting {quote_char(expected)})")
            self._at += 1

    def _string(self) -> None:
        self._at += 1
        while (byte := self._byte()) != ord('"'):
            if byte < 0x20:
                raise self._bad("in string literal")
            self._at += 1
            if byte == ord("\\"):
                self._escape()
        self._at += 1

    def _escape(self) -> None:
        if self._byte() not in b'bfnrt\\/"u':
            raise self._bad("in string escape code")
        hexadecimal = self._byte() == ord("u")
        self._at += 1
        for _ in range(4 if hexadecimal else 0):
            if self._byte() not in b"0123456789abcdefABCDEF":
                raise self._bad("in \\u hexadecimal character escape")
            self._at += 1

    def _number(self) -> None:
        if self._byte() == ord("-"):
            self._at += 1
        if self._byte() not in _DIGITS:
            raise self._bad("in numeric literal")
        if self._byte() == ord("0"):
            self._at += 1
        else:
            self._digits()
        if self._peek() == ord("."):
            self._at += 1
            self._one_digit("after decimal point in numeric literal")
        if self._peek() in (ord("e"), ord("E")):
            self._at += 1
            if self._byte() in b"+-":
                self._at += 1
            self._one_digit("in exponent of numeric literal")

    def _one_digit(self, where: str) -> None:
        if self._byte() not in _DIGITS:
            raise self._bad(where)
        self._digits()

    def _digits(self) -> None:
        while (byte := self._peek()) is not None and byte in _DIGITS:
            self._at += 1

    def _space(self) -> None:
        while (byte := self._peek()) is not None and byte in _SPACE:
            self._at += 1

    def _peek(self) -> int | None:
        return self._data[self._at] if self._at < len(self._data) else None

    def _byte(self) -> int:
        if self._at >= len(self._data):
            raise _Stop("unexpected end of JSON input")
        return self._data[self._at]

    def _bad(self, where: str) -> _Stop:
        return _Stop(f"invalid character {quote_char(self._byte())} {where}")


def quote_char(byte: int) -> str:
    """One byte as Go's scanner quotes it: 'x', '\\'' for an apostrophe, '\\n' for a line feed."""
    if byte == ord("'"):
        return "'\\''"
    if byte == ord('"'):
        return "'\"'"
    return f"'{go_quote(chr(byte))[1:-1]}'"


def go_kind(value: Any) -> str:
    """What Go calls a JSON value: bool, string, number, array or object."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"
