"""Files of manifests as kubectl reads them: its documents, its words for what is wrong, and line numbers.

YAML itself is read, within its limits, by the API server's reader: kubectl has the same library.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from svclab.apiserver import yaml_body
from svclab.apiserver.yaml_body import MAX_BYTES, MAX_DOCUMENTS
from svclab.kube.decoding_json import syntax_error_of_value


class ManifestError(ValueError):
    """A text that is not a manifest. `message` is kubectl's, without "error: "; `line` is from 1, or None.

    `before` are the documents above it that could be read.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.before: tuple[Document, ...] = ()
        self.is_too_large = False


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file: its JSON form, its place among the documents, and its first line (from 1)."""

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
        try:
            for manifest in _read_part(part, first_line, source):
                if manifest is not None:
                    documents.append(Document(manifest, index, first_line))
        except ManifestError as problem:
            problem.before = tuple(documents)
            raise
    return documents


def _read_part(part: str, first_line: int, source: str) -> Iterator[Any]:
    """The values of one document: several where JSON objects follow each other."""
    if not part.lstrip().startswith("{"):
        yield _read_one(part, first_line, source)
        return
    decoder, at = json.JSONDecoder(), 0
    while part[at:].strip():
        start = len(part) - len(part[at:].lstrip())
        try:
            value, at = decoder.raw_decode(part, start)
        except (ValueError, RecursionError):
            yield _read_after_json(part, start, first_line, source)
            return
        yield value


def _read_after_json(part: str, start: int, first_line: int, source: str) -> Any:
    """YAML that only begins like JSON; what is neither is told as JSON."""
    if start == len(part) - len(part.lstrip()):
        try:
            return _read_one(part, first_line, source)
        except ManifestError as problem:
            if problem.is_too_large:
                raise
            found = problem
    else:
        found = ManifestError("")
    wrong = syntax_error_of_value(part[start:].encode())
    if wrong is None:
        raise found
    words, read = wrong
    line = first_line + part[:start].count("\n")
    if words == "unexpected end of JSON input":
        raise ManifestError(f"error parsing {source}: unexpected EOF", line)
    offset = len(part[:start].encode()) + read
    raise ManifestError(f"error parsing {source}: json: offset {offset}: {words}", line)


def read_one(text: str) -> Any:
    """The JSON value of a single YAML document, e.g. a patch. Raises ManifestError in go-yaml's words."""
    try:
        return _read_one(text, 1, "")
    except ManifestError as problem:
        words = problem.message.removeprefix(_parsing("", ""))
        raise ManifestError(words, problem.line) from None


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
        return _plain(yaml_body.load(part).value)
    except yaml_body.YamlError as problem:
        words = str(problem).removeprefix("error converting YAML to JSON: ")
        last = part.rstrip("\n").count("\n")
        line = first_line + min(problem.line - 1, last) if problem.line else None
        refused = ManifestError(_parsing(source, words), line)
        refused.is_too_large = isinstance(problem, yaml_body.YamlTooLarge)
        raise refused from None


def _read_json(part: str) -> Any:
    try:
        return json.loads(part)
    except (ValueError, RecursionError):
        return None


def _parsing(source: str, problem: str) -> str:
    return f"error parsing {source}: error converting YAML to JSON: {problem}"


def _plain(value: Any) -> Any:
    """The value with a copy for every alias, and with numbers that any printer knows."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else float(value)
    return value
