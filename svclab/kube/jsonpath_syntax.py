"""The syntax of kubectl's JSONPath templates: their nodes, and the reading of them.

Source: client-go util/jsonpath (kubectl 1.33). What stands between braces is a chain of steps, each for
what the one before it found; a quoted text in it replaces what was found.
"""

import re
from dataclasses import dataclass
from typing import Any

Json = Any


class JsonPathError(ValueError):
    """A template that cannot be read, or a value that is not there; the message is kubectl's."""


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text."""

    text: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number or a truth value."""

    value: Json


@dataclass(frozen=True, slots=True)
class Field:
    """`.name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`.*`."""


@dataclass(frozen=True, slots=True)
class Recursive:
    """`..`: everything below, containers only."""


@dataclass(frozen=True, slots=True)
class Slice:
    """`[start:stop:step]`; a single index `[i]` has `single` set."""

    start: int | None
    stop: int | None
    step: int | None
    single: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(left operator right)]`; operator "exists" has no right side."""

    left: "Chain"
    operator: str
    right: "Chain"


@dataclass(frozen=True, slots=True)
class Union:
    """`[a,b]`: the results of several selectors one after the other."""

    parts: tuple["Chain", ...]


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word: `range`, `end`, or a mistake that is told when the template is used."""

    name: str


Step = Text | Constant | Field | Wildcard | Recursive | Slice | Filter | Union | Word
Chain = tuple[Step, ...]
Template = tuple[Text | Chain, ...]

_TERMINATORS = frozenset(" \t\r\n.,[]$@{}")
_OUTSIDE_OPERATOR = re.compile(r"([^!<>=]+)([!<>=]+)(.+)")
_SLICE = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.|$)", re.S)


def parse(template: str) -> Template:
    """The nodes of a template. Raises JsonPathError ("unclosed action", "unterminated array" ...)."""
    return _Parser(template).template()


def unquoted(quoted: str) -> str:
    """What a quoted text of Go means. Raises JsonPathError for an unknown escape."""
    quote, inner = quoted[0], quoted[1:-1]

    def meant(shape: re.Match[str]) -> str:
        escape = shape[1]
        if escape in _ESCAPES or escape == quote:
            return _ESCAPES.get(escape, escape)
        if len(escape) == 3:
            return chr(int(escape[1:], 16) if escape[0] == "x" else int(escape, 8))
        if len(escape) > 3:
            return chr(int(escape[1:], 16))
        raise JsonPathError(f"unquote string {quoted} error invalid syntax")

    return _ESCAPE.sub(meant, inner)


class _Parser:
    """Reads a template from left to right."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def template(self) -> Template:
        nodes: list[Text | Chain] = []
        while self._at < len(self._source):
            opening = self._source.find("{", self._at)
            until = len(self._source) if opening < 0 else opening
            if until > self._at:
                nodes.append(Text(self._source[self._at : until]))
            self._at = until
            if opening >= 0:
                self._at += 1
                nodes.append(self._chain())
        return tuple(nodes)

    def _chain(self) -> Chain:
        """The steps up to the closing brace."""
        steps: list[Step] = []
        while not self._take("}"):
            if self._take("[?("):
                steps.append(self._filter())
            elif self._take(".."):
                steps += self._recursive(steps)
            else:
                steps += self._step()
        return tuple(steps)

    def _step(self) -> list[Step]:
        character = self._peek()
        if character in ("", "\r", "\n"):
            raise JsonPathError("unclosed action")
        if character in " @$":
            self._at += 1
            return []
        if self._take("["):
            return self._bracket()
        if character in "\"'":
            return [Text(self._quoted(character))]
        if self._take("."):
            return [self._field()]
        if character in "+-" or character.isdigit():
            return [self._number()]
        if character == "_" or character.isalpha():
            return [self._word()]
        raise JsonPathError(f"unrecognized character in action: {_described(character)}")

    def _recursive(self, steps: list[Step]) -> list[Step]:
        if steps and isinstance(steps[-1], Recursive):
            raise JsonPathError("invalid multiple recursive descent")
        following = self._peek()
        if following == "_" or following.isalnum():
            return [Recursive(), self._field()]
        return [Recursive()]

    def _field(self) -> Step:
        name = self._until_terminator(escapes=True)
        return Wildcard() if name == "*" else Field(name.replace("\\", ""))

    def _word(self) -> Step:
        name = self._until_terminator()
        return Constant(name == "true") if name in ("true", "false") else Word(name)

    def _number(self) -> Step:
        shape = re.compile(r"[-+]?[\d.]*").match(self._source, self._at)
        assert shape is not None
        self._at = shape.end()
        if re.fullmatch(r"[-+]?\d+", shape[0]):
            return Constant(int(shape[0]))
        if re.fullmatch(r"[-+]?(\d+\.\d*|\.\d+)", shape[0]):
            return Constant(float(shape[0]))
        raise JsonPathError(f"cannot parse number {shape[0]}")

    def _bracket(self) -> list[Step]:
        shape = re.compile(r"[^\]\n]*\]").match(self._source, self._at)
        if shape is None:
            raise JsonPathError("unterminated array")
        self._at = shape.end()
        content = shape[0][:-1]
        parts = content.split(",")
        if len(parts) > 1:
            return [Union(tuple(_braced(f"[{part.strip(' ')}]") for part in parts))]
        return _selector(content)

    def _filter(self) -> Step:
        start = self._at
        self._skip_to_bracket()
        if not self._take("]"):
            raise JsonPathError("unclosed array expect ]")
        content = self._source[start : self._at - 2]
        shape = _OUTSIDE_OPERATOR.fullmatch(content)
        if shape is None:
            return Filter(_braced(content), "exists", ())
        return Filter(_braced(shape[1]), shape[2], _braced(shape[3]))

    def _skip_to_bracket(self) -> None:
        """To behind the `)` of a filter; one inside the first quoted text does not count."""
        quote, closed = "", False
        while self._at < len(self._source) and self._source[self._at] != "\n":
            character, self._at = self._source[self._at], self._at + 1
            if character in "\"'" and not quote:
                quote = character
            elif character == quote and self._source[self._at - 2] != "\\":
                closed = True
            elif character == ")" and bool(quote) == closed:
                return
        raise JsonPathError("unterminated filter")

    def _quoted(self, quote: str) -> str:
        start = self._at
        self._at += 1
        while self._at < len(self._source) and self._source[self._at] != "\n":
            character, self._at = self._source[self._at], self._at + 1
            if character == quote and self._source[self._at - 2] != "\\":
                return unquoted(self._source[start : self._at])
        raise JsonPathError("unterminated quoted string")

    def _until_terminator(self, *, escapes: bool = False) -> str:
        start = self._at
        while self._at < len(self._source) and self._source[self._at] not in _TERMINATORS:
            self._at += 2 if escapes and self._source[self._at] == "\\" else 1
        self._at = min(self._at, len(self._source))
        return self._source[start : self._at]

    def _peek(self) -> str:
        return self._source[self._at : self._at + 1]

    def _take(self, expected: str) -> bool:
        found = self._source.startswith(expected, self._at)
        self._at += len(expected) if found else 0
        return found


def _braced(content: str) -> Chain:
    """The first action of a text put into braces, as a part of a filter or a union is read."""
    chain = parse("{" + content + "}")[0]
    assert not isinstance(chain, Text)
    return chain


def _selector(content: str) -> list[Step]:
    """What stands between brackets, without a comma in it."""
    if content == "*":
        return [Slice(None, None, None)]
    if key := re.fullmatch(r"'([^']*)'", content):
        return list(_braced("." + key[1]))
    shape = _SLICE.fullmatch(content)
    if shape is None:
        raise JsonPathError(f"invalid array index {content}")
    if "-" in (shape[1], (shape[2] or "")[1:], (shape[3] or "")[1:]):
        raise JsonPathError("array index - is not a number")
    start, stop, step = (int(part) if part else None for part in (shape[1], *_bounds(shape)))
    return [Slice(start, stop, step, single=shape[2] is None)]


def _bounds(shape: re.Match[str]) -> list[str]:
    return [(shape[group] or "")[1:] for group in (2, 3)]


def _described(character: str) -> str:
    """A character as Go's %#U shows it."""
    code = f"U+{ord(character):04X}"
    return f"{code} '{character}'" if character.isprintable() else code
