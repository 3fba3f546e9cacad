"""YAML as the API server and kubectl read it: YAML 1.1 scalars, go-yaml's words for errors, bounded work.

Also for the page's own kubectl and editor: `load`, `load_all`. Source: sigs.k8s.io/yaml (goyaml.v2).
"""

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from svclab.kube.decoding_json import Decimal

MAX_BYTES = 3 * 1024 * 1024  # as a request of the real API server
MAX_DEPTH = 100
MAX_DOCUMENTS = 1000
MAX_VALUES = 250_000  # of a whole text; ten times what a full cluster's own List has
_ALIASED_NODES = 10_000
_INT64 = range(-(2**63), 2**64)  # go-yaml reads these as integers, all others as floats
_LONGEST_INTEGER = 70  # digits; binary numbers of 64 bits have most
_TAG = "tag:yaml.org,2002:"
_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_INFINITE = {".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}
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


class Document:
    """One YAML document: its value, and the keys that stood twice in one map, in go-yaml's words."""

    __slots__ = ("duplicates", "line", "value")

    def __init__(self, value: Any, duplicates: list[str], line: int) -> None:
        self.value = value
        self.duplicates = duplicates
        self.line = line


def load(text: str | bytes) -> Document:
    """The first document of a text; None's value when there is none.

    Raises YamlError ("yaml: line 4: found character that cannot start any token").
    """
    return next(iter(load_all(text)), Document(None, [], 1))


def load_all(text: str | bytes) -> Iterator[Document]:
    """The documents of a text, one after the other. Raises YamlError."""
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
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._duplicates: list[str] = []
        self._aliased = self._aliased_characters = 0
        self._built = self._characters = 0  # with what aliases stand for

    def document(self) -> Document:
        start = self._next()
        value = self._node(0)
        self._next()
        return Document(value, self._duplicates, start.start_mark.line + 1)

    def _next(self) -> Any:
        return _at(self._loader, self._loader.get_event)

    def _peek(self) -> Any:
        return _at(self._loader, self._loader.peek_event)

    def _node(self, depth: int) -> Any:
        event, before, characters = self._next(), self._built, self._characters
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1
            raise YamlError(f"yaml: line {line}: exceeded max depth of {MAX_DEPTH}", line)
        self.read += 1
        if self.read > MAX_VALUES:
            raise YamlError(f"yaml: more than {MAX_VALUES} values", event.start_mark.line + 1)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._built += 1
        match event:
            case yaml.ScalarEvent():
                value = _scalar(event)
                self._characters += len(event.value)
            case yaml.SequenceStartEvent():
                value = self._sequence(event, depth)
            case _:
                value = self._mapping(event, depth)
        if event.anchor:
            size = (self._built - before, self._characters - characters)
            self._anchors[event.anchor] = (value, *size)
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            line = event.start_mark.line
            raise YamlError(f"yaml: unknown anchor '{event.anchor}' referenced", line + 1)
        value, size, characters = self._anchors[event.anchor]
        self._aliased += size
        self._built += size
        self._aliased_characters += characters
        self._characters += characters
        if self._aliased > _ALIASED_NODES or self._aliased_characters > MAX_BYTES:
            raise YamlError("yaml: document contains excessive aliasing", event.start_mark.line + 1)
        return value

    def _sequence(self, event: Any, depth: int) -> list[Any]:
        _check_tag(event, "seq")
        items = []
        while not isinstance(self._peek(), yaml.SequenceEndEvent):
            items.append(self._node(depth + 1))
        self._next()
        return items

    def _mapping(self, event: Any, depth: int) -> dict[str, Any]:
        _check_tag(event, "map")
        found: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        while not isinstance(self._peek(), yaml.MappingEndEvent):
            key_event = self._peek()
            key = self._key(depth)
            value = self._node(depth + 1)
            if key == "<<" and getattr(key_event, "style", "") is None:
                merged += _mergeable(value)
                continue
            if key in found:
                line = key_event.start_mark.line + 1
                self._duplicates.append(f'line {line}: key "{key}" already set in map')
            found[key] = value
        self._next()
        for source in merged:
            for key, value in source.items():
                found.setdefault(key, value)
        return {key: found[key] for key in sorted(found)}

    def _key(self, depth: int) -> str:
        event = self._peek()
        key = self._node(depth + 1)
        if isinstance(key, str):
            return key
        if isinstance(key, bool):
            return "true" if key else "false"
        if isinstance(key, Decimal | int):
            return key.text if isinstance(key, Decimal) else str(key)
        kind = "map" if isinstance(key, dict) else "slice" if isinstance(key, list) else "null"
        line = event.start_mark.line + 1
        raise YamlError(f"yaml: line {line}: unsupported map key of type: {kind}", line)


def _mergeable(value: Any) -> list[dict[str, Any]]:
    sources = value if isinstance(value, list) else [value]
    if not all(isinstance(source, dict) for source in sources):
        raise YamlError("yaml: map merge requires map or sequence of maps as the value")
    return sources


def _check_tag(event: Any, name: str) -> None:
    if event.tag not in (None, "!", f"{_TAG}{name}"):
        raise _unknown_tag(event)


def _unknown_tag(event: Any) -> YamlError:
    line = event.start_mark.line + 1
    return YamlError(f"yaml: line {line}: unknown tag {event.tag}", line)


def _scalar(event: Any) -> Any:
    text, tag = event.value, event.tag
    if tag is None and event.style in (None, ""):
        return _plain(text)
    if tag in (None, "!", f"{_TAG}str"):
        return text
    if tag == f"{_TAG}binary":
        return _binary(event)
    if tag in (f"{_TAG}int", f"{_TAG}float", f"{_TAG}bool", f"{_TAG}null"):
        return _plain(text)
    if tag == f"{_TAG}timestamp":
        return text
    raise _unknown_tag(event)


def _binary(event: Any) -> str:
    try:
        return base64.b64decode(event.value, validate=True).decode("latin-1")
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
        raise YamlError(f"error converting YAML to JSON: unsupported value: {plain.lower().strip('.')}")
    return _float(plain, text) if _FLOAT.fullmatch(plain) else text


def _float(plain: str, text: str) -> Any:
    """A number with a fraction or an exponent; text where it is too large for a float, as in go-yaml."""
    number = float(plain)
    if math.isinf(number):
        return text
    whole = number.is_integer() and abs(number) < 2**53 and "e" in plain.lower()
    return int(number) if whole else Decimal(plain)
