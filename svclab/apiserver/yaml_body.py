"""YAML as the API server and kubectl read it: YAML 1.1 scalars, go-yaml's words for errors, bounded work.

Also for the page's own kubectl and editor: `load`, `load_all`. Source: sigs.k8s.io/yaml (goyaml.v2).
"""

import base64
import binascii
import decimal
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from svclab.kube.decoding_json import Decimal
from svclab.kube.status import go_quote

MAX_BYTES = 3 * 1024 * 1024  # as a request of the real API server
MAX_DEPTH = 100
MAX_DOCUMENTS = 1000
MAX_VALUES = 250_000  # of a whole text; ten times what a full cluster's own List has
_ALIASED_NODES = 10_000
_INT64 = range(-(2**63), 2**64)  # go-yaml reads these as integers, all others as floats
_LONGEST_INTEGER = 70  # digits; binary numbers of 64 bits have most
_TAG = "tag:yaml.org,2002:"
_RESOLVED_TAGS = {f"{_TAG}{name}": f"!!{name}" for name in ("int", "float", "bool", "null")}
_KNOWN_TAGS = {
    None,
    "!",
    *_RESOLVED_TAGS,
    *(f"{_TAG}{name}" for name in ("str", "binary", "timestamp", "seq", "map")),
}
_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_INFINITE = {".inf": "+Inf", "+.inf": "+Inf", "-.inf": "-Inf", ".nan": "NaN"}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGERS = (
    (re.compile(r"([-+]?)0b([01]+)"), 2),
    (re.compile(r"([-+]?)0x([0-9a-fA-F]+)"), 16),
    (re.compile(r"([-+]?)0o?([0-7]+)"), 8),
    (re.compile(r"([-+]?)([1-9][0-9]*|0)"), 10),
)


class YamlError(ValueError):
    """A text that is not (acceptable) YAML; `line` counts from 1 where it is known, 0 where not."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class YamlTooLarge(YamlError):
    """A text that may be YAML, but asks for more than is read."""


class Document:
    """One YAML document: its value, the keys that stood twice in one map, in go-yaml's words, and the first
    tag that nobody knows: go-yaml reads over it, we take no such document."""

    __slots__ = ("duplicates", "line", "unknown_tag", "value")

    def __init__(
        self, value: Any, duplicates: list[str], line: int, unknown_tag: YamlError | None = None
    ) -> None:
        self.value = value
        self.duplicates = duplicates
        self.line = line
        self.unknown_tag = unknown_tag


def load(text: str | bytes) -> Document:
    """The first document of a text; None's value when there is none.

    Raises YamlError ("yaml: line 4: found character that cannot start any token").
    """
    return next(load_all(text), Document(None, [], 1))


def load_all(text: str | bytes) -> Iterator[Document]:
    """The documents of a text, one after the other. Raises YamlError."""
    for document in read_all(text):
        if document.unknown_tag is not None:
            raise document.unknown_tag
        yield document


def read_all(text: str | bytes) -> Iterator[Document]:
    """The same, for a caller that sees to unknown tags itself. Raises YamlError."""
    loader, read = yaml.CSafeLoader(_readable(text)), 0
    try:
        for count in range(MAX_DOCUMENTS + 1):
            if not _at(loader, lambda: loader.check_event(yaml.StreamStartEvent)) and count == 0:
                return
            if count == 0:
                _at(loader, loader.get_event)
            if _at(loader, lambda: loader.check_event(yaml.StreamEndEvent)):
                return
            if count == MAX_DOCUMENTS:
                raise YamlError(f"yaml: more than {MAX_DOCUMENTS} documents")
            builder = _Builder(loader, read)
            yield builder.document()
            read = builder.read
    finally:
        loader.dispose()


def _readable(text: str | bytes) -> str:
    if len(text) > MAX_BYTES:
        raise YamlError(f"yaml: the text is larger than {MAX_BYTES >> 20} MiB")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            line = text.count(b"\n", 0, error.start) + 1
            raise YamlError("yaml: invalid leading UTF-8 octet", line) from None
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise YamlError("yaml: control characters are not allowed", line)
    return text.removeprefix("\ufeff")


def _at(loader: Any, step: Any) -> Any:
    """One step of the parser, with its errors in go-yaml's form."""
    try:
        return step()
    except yaml.MarkedYAMLError as error:
        raise _translated(error) from None
    except yaml.YAMLError as error:
        raise YamlError(f"yaml: {error}") from None


def _translated(error: yaml.MarkedYAMLError) -> YamlError:
    """go-yaml counts a scanner's lines from 1 and a parser's from 0."""
    mark = error.problem_mark or error.context_mark
    line = 0 if mark is None else mark.line
    shown = line + 1 if isinstance(error, yaml.scanner.ScannerError) else line
    where = f"line {shown}: " if line else ""
    return YamlError(f"yaml: {where}{error.problem}", line + 1)


class _Builder:
    """Builds one document's value from parser events. The parser itself does not recurse; we do, so deep."""

    def __init__(self, loader: Any, read: int) -> None:
        self.read = read  # values of the whole text so far
        self._loader = loader
        self._anchors: dict[str, tuple[Any, int, int] | None] = {}
        self._duplicates: list[str] = []
        self._unknown_tag: YamlError | None = None
        self._aliased = self._aliased_characters = 0
        self._built = self._characters = 0  # with what aliases stand for

    def document(self) -> Document:
        start = self._next()
        value = self._node(0)
        self._next()
        return Document(value, self._duplicates, start.start_mark.line + 1, self._unknown_tag)

    def _next(self) -> Any:
        return _at(self._loader, self._loader.get_event)

    def _peek(self) -> Any:
        return _at(self._loader, self._loader.peek_event)

    def _node(self, depth: int) -> Any:
        event, before, characters = self._next(), self._built, self._characters
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1
            raise YamlTooLarge(f"yaml: line {line}: exceeded max depth of {MAX_DEPTH}", line)
        self.read += 1
        if self.read > MAX_VALUES:
            raise YamlTooLarge(f"yaml: more than {MAX_VALUES} values", event.start_mark.line + 1)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._built += 1
        if self._unknown_tag is None and event.tag not in _KNOWN_TAGS:
            line = event.start_mark.line + 1
            self._unknown_tag = YamlError(f"yaml: line {line}: unknown tag {event.tag}", line)
        if event.anchor:
            self._anchors[event.anchor] = None  # until its value is whole
        match event:
            case yaml.ScalarEvent():
                value = _scalar(event)
                self._characters += len(event.value)
            case yaml.SequenceStartEvent():
                value = self._sequence(depth)
            case _:
                value = self._mapping(depth)
        if event.anchor:
            size = (self._built - before, self._characters - characters)
            self._anchors[event.anchor] = (value, *size)
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            line = event.start_mark.line
            raise YamlError(f"yaml: unknown anchor '{event.anchor}' referenced", line + 1)
        known = self._anchors[event.anchor]
        if known is None:
            why = f"yaml: anchor '{event.anchor}' value contains itself"
            raise YamlError(why, event.start_mark.line + 1)
        value, size, characters = known
        self._aliased += size
        self._built += size
        self._aliased_characters += characters
        self._characters += characters
        if self._aliased > _ALIASED_NODES or self._aliased_characters > MAX_BYTES:
            raise YamlTooLarge("yaml: document contains excessive aliasing", event.start_mark.line + 1)
        return value

    def _sequence(self, depth: int) -> list[Any]:
        items = []
        while not isinstance(self._peek(), yaml.SequenceEndEvent):
            items.append(self._node(depth + 1))
        self._next()
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(self._peek(), yaml.MappingEndEvent):
            merges = _is_merge(self._peek())
            key = self._node(depth + 1)
            value_event = self._peek()
            value = self._node(depth + 1)
            if merges:
                for source in _mergeable(value):
                    found.update(source)
                continue
            name = _key(key, value)
            if name in found:
                line = value_event.start_mark.line + 1  # go-yaml's line is that of the value
                shown = go_quote(key) if isinstance(key, str) else name
                self._duplicates.append(f"line {line}: key {shown} already set in map")
            found[name] = value
        self._next()
        return {name: found[name] for name in sorted(found)}


def _is_merge(event: Any) -> bool:
    plain = isinstance(event, yaml.ScalarEvent) and event.tag is None and event.style in (None, "")
    return plain and event.value == "<<"


def _key(key: Any, value: Any) -> str:
    """A key as JSON has it. Raises YamlError for one that JSON cannot have."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, Decimal | int):
        return key.text if isinstance(key, Decimal) else str(key)
    if key is None:
        shown = _go_syntax(value)
        raise YamlError(f"unsupported map key of type: %!s(<nil>), key: <nil>, value: {shown}")
    raise YamlError(f"yaml: invalid map key: {_go_syntax(key)}")


def _go_syntax(value: Any) -> str:
    """A value as Go prints it with %#v."""
    if isinstance(value, dict):
        inner = ", ".join(f"{go_quote(key)}:{_go_inner(item)}" for key, item in value.items())
        return f"map[interface {{}}]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_go_inner, value))}}}"
    if isinstance(value, str):
        return go_quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else getattr(value, "text", str(value))


def _go_inner(value: Any) -> str:
    return "interface {}(nil)" if value is None else _go_syntax(value)


def _mergeable(value: Any) -> list[dict[str, Any]]:
    """What a `<<` brings in, in the order in which it is written; of a list the first item wins."""
    sources = value[::-1] if isinstance(value, list) else [value]
    if not all(isinstance(source, dict) for source in sources):
        raise YamlError("yaml: map merge requires map or sequence of maps as the value")
    return sources


def _scalar(event: Any) -> Any:
    text, tag = event.value, event.tag
    if tag is None and event.style in (None, ""):
        return _plain(text)
    if tag == f"{_TAG}binary":
        return _binary(event)
    name = _RESOLVED_TAGS.get(tag)
    if name is None:
        return text
    value = _plain(text)
    if _tag_of(value) not in (name, "!!int" if name == "!!float" else name):
        line = event.start_mark.line + 1
        raise YamlError(f"yaml: cannot decode {_tag_of(value)} `{text}` as a {name}", line)
    return value


def _tag_of(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "!!null" if value is None else "!!bool"
    return "!!str" if isinstance(value, str) else "!!float" if isinstance(value, Decimal) else "!!int"


def _binary(event: Any) -> str:
    try:
        return base64.b64decode(event.value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        line = event.start_mark.line + 1
        raise YamlError("yaml: !!binary value contains invalid base64 data", line) from None


def _plain(text: str) -> Any:
    """An unquoted scalar as YAML 1.1 reads it: `no` is false, `0120` is 80, `1e3` a float."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    first = text[0]
    if first not in "+-.0123456789":
        return text
    plain = text.replace("_", "")
    for shape, base in _INTEGERS if len(plain) <= _LONGEST_INTEGER else ():
        if match := shape.fullmatch(plain):
            number = int(match[1] + match[2], base)
            if number in _INT64:
                return number
            return _float(plain, text) if base == 10 else text
    if plain.lower() in _INFINITE:
        raise YamlError(f"json: unsupported value: {_INFINITE[plain.lower()]}")
    return _float(plain, text) if _FLOAT.fullmatch(plain) else text


def _float(plain: str, text: str) -> Any:
    """A number with a fraction or an exponent, as Go writes it in JSON: `80.0` is 80, `1.50` is 1.5.

    Text where it is too large for a float, as in go-yaml.
    """
    number = float(plain)
    if math.isinf(number):
        return text
    if number.is_integer() and abs(number) < 1e21:
        return int(number)
    shown = repr(number).replace("e-0", "e-")
    return Decimal(format(decimal.Decimal(shown), "f") if 1e-6 <= abs(number) < 1e-4 else shown)
