"""The JSONPath dialect of kubectl: templates with `{.items[*].metadata.name}`, `range`, filters and slices.

Source: client-go util/jsonpath (Kubernetes 1.36). A missing key gives nothing; an index out of bounds is an
error, as with `kubectl get -o jsonpath`.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

Json = Any


class JsonPathError(ValueError):
    """A template that cannot be read, or an index that is not there; the message is kubectl's."""


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text."""

    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """`.name`; the empty name is the object itself."""

    name: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`.*` or `[*]`."""


@dataclass(frozen=True, slots=True)
class Recursive:
    """`..`: the object and everything below it."""


@dataclass(frozen=True, slots=True)
class Slice:
    """`[from:to:step]`; a single index has `single` set."""

    start: int | None
    stop: int | None
    step: int | None
    single: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(left operator right)]`; operator "exists" has no right side."""

    left: "Path"
    operator: str
    right: "Path | None"


@dataclass(frozen=True, slots=True)
class Union:
    """`[a,b]`: the results of several selectors one after the other."""

    parts: tuple["Path", ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal in a filter or a `{"\\n"}` in a template."""

    value: Json


@dataclass(frozen=True, slots=True)
class StrayEnd:
    """An `{end}` without a range: an error only when the template is used."""


@dataclass(frozen=True, slots=True)
class Range:
    """`{range PATH}...{end}`."""

    path: "Path"
    body: tuple["Node", ...]


Path = tuple[Any, ...]
Node = Text | Range | Path

_INDEX = re.compile(r"(-?\d*)(:(-?\d*))?(:(-?\d*))?")
_NAME = re.compile(r"(?:\\.|[^\s.\[\]'\"(){}=!<>,?@$*])+")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "a": "\a", "b": "\b", "v": "\v"}


def parse(template: str) -> tuple[Node, ...]:
    """The nodes of a template. Raises JsonPathError ("unclosed action", "unterminated array" ...)."""
    nodes, rest = _body(_pieces(template), inside_range=False)
    assert not rest
    return nodes


def render(nodes: tuple[Node, ...], document: Json) -> str:
    """The template's text for a document. Raises JsonPathError for an index out of bounds."""
    return "".join(_render(node, document) for node in nodes)


def find(expression: str, document: Json) -> list[Json]:
    """The values that a path finds, in order; used by custom columns, sorting and `wait --for=jsonpath`."""
    found: list[Json] = []
    for node in parse(relaxed(expression)):
        if isinstance(node, tuple):
            found += walk(node, [document])
    return found


def walk(path: Path, values: list[Json]) -> list[Json]:
    """The values that a path of `parse` finds below each of these values."""
    for step in path:
        if isinstance(step, Union):
            values = [found for part in step.parts for found in walk(part, values)]
        else:
            values = [found for value in values for found in _apply(step, value)]
    return values


def relaxed(expression: str) -> str:
    """`{.x.y}` for any of `x.y`, `.x.y`, `{x.y}` and `{.x.y}`.

    Raises JsonPathError for anything else.
    """
    if not expression:
        return expression
    shape = re.fullmatch(r"\{\.?([^{}]+)\}|\.?([^{}]+)", expression)
    if shape is None:
        raise JsonPathError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or "
            "'{.name1.name2}'"
        )
    return "{." + (shape.group(1) or shape.group(2)) + "}"


def text(value: Json) -> str:
    """A value as a template prints it: text bare, objects and lists as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    return go_json(value)


def go_json(value: Json) -> str:
    """Compact JSON with sorted keys and Go's escapes for `<`, `>` and `&`."""
    plain = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for character in "<>&":
        plain = plain.replace(character, f"\\u{ord(character):04x}")
    return plain


# reading


def _pieces(template: str) -> list[tuple[str, str]]:
    """("text", ...) and ("action", ...) in turn."""
    pieces, at = [], 0
    while at < len(template):
        opening = template.find("{", at)
        if opening < 0:
            pieces.append(("text", template[at:]))
            break
        if opening > at:
            pieces.append(("text", template[at:opening]))
        closing = _closing(template, opening + 1)
        pieces.append(("action", template[opening + 1 : closing].strip()))
        at = closing + 1
    return pieces


def _closing(template: str, at: int) -> int:
    quote = ""
    while at < len(template):
        character = template[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == "}":
            return at
        at += 1
    raise JsonPathError("unterminated quoted string" if quote else "unclosed action")


def _body(pieces: list[tuple[str, str]], *, inside_range: bool) -> tuple[tuple[Node, ...], list]:
    nodes: list[Node] = []
    while pieces:
        (form, content), pieces = pieces[0], pieces[1:]
        if form == "text":
            nodes.append(Text(content))
        elif content == "end":
            if not inside_range:
                nodes.append((StrayEnd(),))
                continue
            return tuple(nodes), pieces
        elif content.startswith("range"):
            body, pieces = _body(pieces, inside_range=True)
            nodes.append(Range(_PathParser(content.removeprefix("range").strip()).whole(), body))
        else:
            nodes += _PathParser(content).all()
    return tuple(nodes), []


class _PathParser:
    """Reads what stands between braces."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def all(self) -> list[Path]:
        """The paths and literals of an action, one after the other."""
        found = []
        while self._skip_blanks():
            found.append(self._path())
        return found

    def whole(self) -> Path:
        path = self._path()
        if self._skip_blanks():
            raise JsonPathError(f"unrecognized character in action: {self._describe()}")
        return path

    def _skip_blanks(self) -> bool:
        while self._peek().isspace():
            self._at += 1
        return bool(self._peek())

    def _path(self) -> Path:
        steps: list[Any] = []
        self._skip_blanks()
        first = self._peek()
        if first in "'\"" and first:
            return (Constant(self._quoted()),)
        if first and first in "$@":
            self._at += 1
        elif number := re.match(r"-?\d+(\.\d+)?", self._source[self._at :]):
            self._at += number.end()
            return (Constant(float(number[0]) if "." in number[0] else int(number[0])),)
        elif word := re.match(r"(true|false)\b", self._source[self._at :]):
            self._at += word.end()
            return (Constant(word[1] == "true"),)
        elif first and first not in ".[":
            steps.append(Field(self._name()))
        while step := self._step():
            steps.append(step)
        return tuple(steps) or (Field(""),)

    def _step(self) -> Any:
        if self._take(".."):
            return Recursive() if self._peek() == "[" else Union(((Recursive(), self._dotted()),))
        if self._take("."):
            return self._dotted()
        if self._take("["):
            return self._bracket()
        return None

    def _dotted(self) -> Any:
        if self._take("*"):
            return Wildcard()
        if self._peek() in ("", " ", "["):
            return Field("")
        return Field(self._name())

    def _name(self) -> str:
        shape = _NAME.match(self._source, self._at)
        if shape is None:
            raise JsonPathError(f"unrecognized character in action: {self._describe()}")
        self._at = shape.end()
        return re.sub(r"\\(.)", r"\1", shape[0])

    def _bracket(self) -> Any:
        content = self._until_bracket()
        if content.startswith("?("):
            if not content.endswith(")"):
                raise JsonPathError("unterminated filter")
            return _filter(content[2:-1].strip())
        parts = tuple(_selector(part.strip()) for part in _split(content))
        return parts[0][0] if len(parts) == 1 and len(parts[0]) == 1 else Union(parts)

    def _until_bracket(self) -> str:
        start, depth, quote = self._at, 1, ""
        while self._at < len(self._source):
            character = self._source[self._at]
            if quote:
                quote = "" if character == quote else quote
            elif character in "'\"":
                quote = character
            depth += 0 if quote else {"[": 1, "]": -1}.get(character, 0)
            self._at += 1
            if not depth:
                return self._source[start : self._at - 1].strip()
        raise JsonPathError("unterminated array")

    def _quoted(self) -> str:
        quote, self._at = self._source[self._at], self._at + 1
        characters = []
        while self._peek() != quote:
            if not self._peek():
                raise JsonPathError("unterminated quoted string")
            if self._take("\\"):
                characters.append(_ESCAPES.get(self._peek(), self._peek()))
            else:
                characters.append(self._peek())
            self._at += 1
        self._at += 1
        return "".join(characters)

    def _peek(self) -> str:
        return self._source[self._at] if self._at < len(self._source) else ""

    def _take(self, expected: str) -> bool:
        found = self._source.startswith(expected, self._at)
        self._at += len(expected) if found else 0
        return found

    def _describe(self) -> str:
        return f"U+{ord(self._peek() or ' '):04X} '{self._peek()}'"


def _split(content: str) -> list[str]:
    return re.findall(r"(?:'[^']*'|\"[^\"]*\"|[^,])+", content) or [""]


def _selector(part: str) -> Path:
    if part == "*":
        return (Wildcard(),)
    if part[:1] in "'\"" and part[-1:] == part[:1] and len(part) > 1:
        return _PathParser("." + part[1:-1]).whole()
    shape = _INDEX.fullmatch(part)
    if shape is None or not part:
        raise JsonPathError(f"invalid array index {part}")
    start, stop, step = (int(found) if found else None for found in shape.group(1, 3, 5))
    return (Slice(start, stop, step, single=shape.group(2) is None),)


def _filter(content: str) -> Filter:
    shape = re.fullmatch(r"((?:'[^']*'|\"[^\"]*\"|[^!<>='\"])+?)\s*(==|!=|<=|>=|<|>|=)\s*(.+)", content)
    if shape is None:
        return Filter(_PathParser(content).whole(), "exists", None)
    if shape.group(2) == "=":
        raise JsonPathError("unrecognized filter operator =")
    left, right = _PathParser(shape.group(1)).whole(), _PathParser(shape.group(3)).whole()
    return Filter(left, shape.group(2), right)


# evaluating


def _render(node: Node, document: Json) -> str:
    if isinstance(node, Text):
        return node.text
    if isinstance(node, Range):
        items = walk(node.path, [document])
        return "".join(render(node.body, item) for item in items)
    return " ".join(text(value) for value in walk(node, [document]))


def _apply(step: Any, value: Json) -> list[Json]:
    match step:
        case Constant():
            return [step.value]
        case StrayEnd():
            raise JsonPathError("not in range, nothing to end")
        case Field():
            return _field(step.name, value)
        case Wildcard():
            return _values_of(value)
        case Recursive():
            return _descendants(value)
        case Slice():
            return _slice(step, value)
        case Filter():
            items = value if isinstance(value, list) else []
            return [item for item in items if _holds(step, item)]
    raise JsonPathError(f"unexpected Node {step}")


def _field(name: str, value: Json) -> list[Json]:
    if not name:
        return [value]
    return [value[name]] if isinstance(value, dict) and name in value else []


def _values_of(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _descendants(value: Json) -> list[Json]:
    return [value, *(found for child in _values_of(value) for found in _descendants(child))]


def _slice(step: Slice, value: Json) -> list[Json]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise JsonPathError(f"{_go_type(value)} is not array or slice")
    if not step.single:
        return value[step.start : step.stop : step.step or 1]
    index = step.start or 0
    if not -len(value) <= index < len(value):
        raise JsonPathError(f"array index out of bounds: index {index}, length {len(value)}")
    return [value[index]]


def _go_type(value: Json) -> str:
    if isinstance(value, dict):
        return "map[string]interface {}"
    return {str: "string", bool: "bool", int: "int64"}.get(type(value), "float64")


def _holds(condition: Filter, item: Json) -> bool:
    left = walk(condition.left, [item])
    if condition.right is None:
        return bool(left)
    right = walk(condition.right, [item])
    if len(left) > 1 or len(right) > 1:
        raise JsonPathError("can only compare one element at a time")
    if not left or not right:
        return False
    return _compare(left[0], condition.operator, right[0])


def _compare(left: Json, operator: str, right: Json) -> bool:
    if operator == "==":
        return left == right
    if operator == "!=":
        return left != right
    if isinstance(left, str) != isinstance(right, str):
        return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
