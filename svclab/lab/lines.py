"""At which line of a manifest an API error points, out of the field path in its words."""

import re
from collections.abc import Iterator

import yaml

from svclab.apiserver.yaml_body import YamlError, load

_DOCUMENT = re.compile(r"^---([ \t].*)?$", re.MULTILINE)
_YAML_LINE = re.compile(r"\bline (\d+)\b")
_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")
_RENAMED = {"name": "metadata.name"}
_PATHS = (
    re.compile(r'(?:unknown|duplicate) field "([^"]+)"'),
    re.compile(r"Go struct field [A-Za-z]+\.([A-Za-z0-9_.]+)"),
    re.compile(
        r"(?:^|[\s\[*])((?:spec|metadata|status|data|subsets|rules)(?:\.[A-Za-z0-9_/-]+|\[[^\]]*\])+): "
    ),
    re.compile(r"(?:^|[\s\[*])(spec|metadata|apiVersion|kind)(?:: |\b not set)"),
    re.compile(r"resource (name) may not be empty"),
)


def documents(text: str) -> Iterator[tuple[int, str]]:
    """The documents of a text with the number (from 0) of each one's first line; empty ones are left out."""
    start = 0
    edges = [*((found.start(), found.end()) for found in _DOCUMENT.finditer(text)), (len(text), len(text))]
    for end, next_start in edges:
        part = text[start:end]
        if any(line.strip() and not line.lstrip().startswith("#") for line in part.splitlines()):
            first = text.count("\n", 0, start)
            yield first, part
        start = next_start


def line_of(document: str, words: str) -> int | None:
    """The line (from 1, within the document) that an error's words are about; None where they do not say."""
    if (found := _YAML_LINE.search(words)) and "yaml:" in words:
        return int(found[1])
    for pattern in _PATHS:
        if found := pattern.search(words):
            return _line_at(document, _RENAMED.get(found[1], found[1]))
    return None


def _line_at(document: str, path: str) -> int | None:
    """The line of the deepest existing step of a field path like spec.ports[0].nodePort."""
    try:
        load(document)  # within its limits of depth and size: composing has none
        node = yaml.compose(document, Loader=yaml.CSafeLoader)
    except (YamlError, yaml.YAMLError):
        return None
    line: int | None = None
    for name, index in _STEP.findall(path):
        if isinstance(node, yaml.MappingNode):
            wanted = name or index.strip('"')
            pair = next((pair for pair in node.value if getattr(pair[0], "value", None) == wanted), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and index.isdigit() and int(index) < len(node.value):
            node = node.value[int(index)]
            line = node.start_mark.line + 1
        else:
            break
    return line
