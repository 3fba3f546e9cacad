"""Reading the YAML of manifests: with limits, with kubectl's words for what is wrong, and with line "
"numbers."""

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

MAX_BYTES = 3 * 1024 * 1024
MAX_DOCUMENTS = 1000
MAX_DEPTH = 100
MAX_NODES_FROM_ALIASES = 10_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KNOWN_TAGS = frozenset({"null", "bool", "int", "float", "binary", "timestamp", "str", "seq", "map", "merge"})
_BOOLEANS = re.compile(r"y|Y|yes|Yes|YES|on|On|ON|true|True|TRUE")
_NOT_BOOLEANS = re.compile(r"n|N|no|No|NO|off|Off|OFF|false|False|FALSE")


class ManifestError(ValueError):
    """A text that is not a manifest. `message` is kubectl's, without "error: "; `line` counts from 1, "
    "or None."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file: its JSON form, its place among the file's documents, and its first line "
    "(from 1)."""

    manifest: Any
    index: int
    line: int


def read_manifests(text: str, source: str = "STDIN") -> list[Document]:
    """All documents of a file, empty ones left out; JSON is read as well.

    Raises ManifestError: "error parsing f.yaml: error converting YAML to JSON: yaml: line 5: ...".
    """
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise ManifestError(f"error parsing {source}: the file is larger than 3 MiB")
    _check_separators(text, source)
    parts = _split(text)
    if len(parts) > MAX_DOCUMENTS:
        raise ManifestError(f"error parsing {source}: more than {MAX_DOCUMENTS} documents in one file")
    documents = []
    for index, (first_line, part) in enumerate(parts):
        manifest = _read_one(part, first_line, source)
        if manifest is not None:
            documents.append(Document(manifest, index, first_line))
    return documents


def read_one(text: str) -> Any:
    """The JSON value of a single YAML document, e.g. a patch. Raises ManifestError with go-yaml's "
    "words alone."""
    try:
        return _read_one(text, 1, "")
    except ManifestError as problem:
        words = problem.message.removeprefix(_parsing("", ""))
        raise ManifestError(words, problem.line) from None


def line_of(text: str, document_index: int, path: str) -> int | None:
    """The line (from 1) of a field such as `spec.ports[0].port` in the n-th document of a file.

    The nearest line above where the field itself is not written; None when the text cannot be read.
    """
    parts = _split(text)
    if not 0 <= document_index < len(parts):
        return None
    first_line, part = parts[document_index]
    try:
        node = yaml.compose(part, Loader=_Loader)
    except yaml.YAMLError:
        return None
    if node is None:
        return None
    line = node.start_mark.line
    for step in re.findall(r"[^.\[\]]+", path):
        found = _child(node, step)
        if found is None:
            break
        line, node = found
    return first_line + line


def _child(node: yaml.Node, step: str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line, value
    elif isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
        item = node.value[int(step)]
        return item.start_mark.line, item
    return None


def _split(text: str) -> list[tuple[int, str]]:
    """The documents of a file with their first lines.

    As kubectl does: a line that begins with `---` ends a document; before the first one it belongs to it.
    """
    parts: list[tuple[int, str]] = []
    lines: list[str] = []
    first = 1
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("---") and lines:
            parts.append((first, "\n".join(lines) + "\n"))
            lines, first = [], number + 1
        else:
            lines.append(line)
    parts.append((first, "\n".join(lines)))
    return parts


def _check_separators(text: str, source: str) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        rest = line[3:].strip() if line.startswith("---") else ""
        if rest and not rest.startswith("#"):
            raise ManifestError(f"error parsing {source}: invalid Yaml document separator: {rest}", number)


def _read_one(part: str, first_line: int, source: str) -> Any:
    if part.lstrip().startswith("{"):
        found = _read_json(part)
        if found is not None:
            return found
    try:
        node = yaml.compose(part, Loader=_Loader)
    except yaml.MarkedYAMLError as problem:
        raise _syntax_error(problem, part, first_line, source) from None
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise ManifestError(_parsing(source, f"yaml: {_reader_words(problem)}")) from None
    if node is None:
        return None
    return _Converter(source, first_line).convert(node)


def _read_json(part: str) -> Any:
    try:
        return json.loads(part)
    except (ValueError, RecursionError):
        return None


def _parsing(source: str, problem: str) -> str:
    return f"error parsing {source}: error converting YAML to JSON: {problem}"


def _reader_words(problem: Exception) -> str:
    if isinstance(problem, RecursionError):
        return f"exceeded max depth of {MAX_DEPTH}"
    return "control characters are not allowed" if "special characters" in str(problem) else "invalid Unicode"


def _syntax_error(problem: yaml.MarkedYAMLError, part: str, first_line: int, source: str) -> ManifestError:
    place = problem.problem_mark.line if problem.problem_mark else 0
    words = problem.problem or "unknown problem parsing YAML content"
    if isinstance(problem, yaml.composer.ComposerError):
        anchor = re.search(r"alias '?([^']+)'?", words)
        return ManifestError(
            _parsing(source, f"yaml: unknown anchor '{anchor[1] if anchor else ''}' referenced"),
            first_line + place,
        )
    # go-yaml counts from 0 and adds one for errors of its scanner only.
    counted = place + 1 if isinstance(problem, yaml.scanner.ScannerError) else place
    if not counted and problem.context_mark:
        counted = problem.context_mark.line
    where = f"line {counted}: " if counted else ""
    last = part.rstrip("\n").count("\n")
    return ManifestError(_parsing(source, f"yaml: {where}{words}"), first_line + min(place, last))


class _Converter:
    """Makes JSON of a YAML node, counting what aliases expand to."""

    def __init__(self, source: str, first_line: int) -> None:
        self._source = source
        self._first_line = first_line
        self._seen: set[int] = set()
        self._open: set[int] = set()
        self._expanded = 0

    def convert(self, node: yaml.Node, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise self._error(node, f"yaml: exceeded max depth of {MAX_DEPTH}")
        self._count(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._error(node, f"yaml: anchor '{node.anchor}' value contains itself")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.convert(child, depth + 1) for child in node.value]
            return self._mapping(node, depth)
        finally:
            self._open.discard(id(node))

    def _count(self, node: yaml.Node) -> None:
        if id(node) in self._seen:
            self._expanded += 1
        self._seen.add(id(node))
        if self._expanded > MAX_NODES_FROM_ALIASES:
            raise ManifestError(_parsing(self._source, "yaml: document contains excessive aliasing"))

    def _mapping(self, node: yaml.Node, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    result = {**self.convert(merged, depth + 1), **result}
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "yaml: invalid map key")
            result[self._key(key)] = self.convert(value, depth + 1)
        return result

    def _key(self, node: yaml.ScalarNode) -> str:
        value = self._scalar(node)
        if isinstance(value, bool):
            return str(value).lower()
        return "null" if value is None else str(value)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind not in _KNOWN_TAGS:
            raise self._error(node, f"unknown tag {node.tag!r}: only plain YAML is read")
        if kind == "str":
            return _old_boolean(node)
        if kind in ("timestamp", "merge", "binary"):
            return node.value
        try:
            return _plain(kind, node)
        except (ValueError, OverflowError):
            return node.value

    def _error(self, node: yaml.Node, problem: str) -> ManifestError:
        return ManifestError(_parsing(self._source, problem), self._first_line + node.start_mark.line)


def _old_boolean(node: yaml.ScalarNode) -> str | bool:
    """`y` and `n` are booleans for go-yaml and text for PyYAML."""
    if not node.style and len(node.value) == 1:
        if _BOOLEANS.fullmatch(node.value):
            return True
        if _NOT_BOOLEANS.fullmatch(node.value):
            return False
    return node.value


def _plain(kind: str, node: yaml.ScalarNode) -> Any:
    text = node.value.replace("_", "")
    if kind == "null":
        return None
    if kind == "bool":
        return bool(_BOOLEANS.fullmatch(node.value))
    if ":" in text:
        return node.value
    if kind == "int":
        return _integer(text)
    number = float(re.sub(r"^([-+]?)\.(inf|nan)$", r"\1\2", text.lower()))
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _integer(text: str) -> int:
    bare = text.lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if re.fullmatch(r"0[0-7]+", bare):
        return sign * int(bare, 8)
    return sign * int(bare, 0)
