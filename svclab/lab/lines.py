"""At which line of a manifest an API error points, out of the field path in its words."""

import re
from collections.abc import Iterator

import yaml

from svclab.apiserver.yaml_body import YamlError, load
from svclab.kube import quantity
from svclab.kube.resources import by_kind

_DOCUMENT = re.compile(r"^---([ \t].*)?$", re.MULTILINE)
_YAML_LINE = re.compile(r"\bline (\d+)\b")
_NO_KIND = re.compile(r'no matches for kind "([^"]*)" in version')
_NO_NAMESPACE = re.compile(r'namespaces "[^"]*" not found')
_PATCHED = re.compile(
    r'patch: Invalid value: "map\[.*?(\w+):([^\s\[\]:]+)\]+": ', re.DOTALL
)  # the last value in it
_TYPED = re.compile(r"Go struct field [\w.]+ of type (int|string|bool)")
_TAGS = {"int": "tag:yaml.org,2002:int", "string": "tag:yaml.org,2002:str", "bool": "tag:yaml.org,2002:bool"}
_TOLD = re.compile(r'(?:\[[^\]]*\])*: (?:Invalid|Unsupported|Duplicate) value: "([^"\\]*)"')
_AMOUNTS = ("limits", "requests")
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
    root = _composed(document)
    if root is None:
        return None
    for pattern in _PATHS:
        if found := pattern.search(words):
            typed, told = _TYPED.search(words), _TOLD.match(words, found.end(1))
            where = _RENAMED.get(found[1], found[1])
            return _line_at(root, where, _TAGS[typed[1]] if typed else "", told[1] if told else None)
    if found := _NO_KIND.search(words):
        return _line_at(root, "kind" if by_kind(found[1]) is None else "apiVersion")
    if _NO_NAMESPACE.search(words):
        return _line_at(root, "metadata.namespace")
    if "quantities must match" in words:
        wrong = (key for key, value in _amounts(root) if _is_no_quantity(value))
        return next((key.start_mark.line + 1 for key in wrong), None)
    if found := _PATCHED.search(words):
        lines = [
            key.start_mark.line + 1
            for key, value in _scalars(root)
            if (key.value, value.value) == found.groups()
        ]
        return lines[0] if len(lines) == 1 else None
    return None


def _composed(document: str) -> yaml.Node | None:
    try:
        load(document)  # within its limits of depth and size: composing has none
        return yaml.compose(document, Loader=yaml.CSafeLoader)
    except (YamlError, yaml.YAMLError):
        return None


def _scalars(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Every key with a plain value, at any depth."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(value, yaml.ScalarNode):
                yield key, value
            else:
                yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)


def _amounts(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """What stands in limits and requests, at any depth."""
    inner = [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else node.value
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if getattr(key, "value", None) in _AMOUNTS and isinstance(value, yaml.MappingNode):
                yield from value.value
    if isinstance(inner, list):
        for child in inner:
            yield from _amounts(child)


def _is_no_quantity(value: yaml.Node) -> bool:
    try:
        quantity.parse(value.value)
    except (quantity.QuantityError, TypeError, AttributeError):
        return True
    return False


def _line_at(node: yaml.Node, path: str, tag: str = "", told: str | None = None) -> int | None:
    """The line of the deepest existing step of a field path like spec.ports[0].nodePort.

    Go's decoder leaves the index out (spec.ports.port): then it is the first item that has the field, with
    another type than `tag` if one is given. Where the path ends at a map, it is the entry that has the key
    or the value `told`, or another type than `tag`.
    """
    line: int | None = None
    for name, index in _STEP.findall(path):
        if isinstance(node, yaml.SequenceNode) and name:
            node = _item_with(node, name, tag) or node
        if isinstance(node, yaml.MappingNode):
            pair = _entry(node, name or index.strip('"'))
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and index.isdigit() and int(index) < len(node.value):
            node = node.value[int(index)]
            line = node.start_mark.line + 1
        else:
            break
    return _line_within(node, tag, told) or line


def _entry(node: yaml.MappingNode, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    """A map's entry of this name; some errors write it otherwise, or name the list beside a single value."""
    named = [(pair[0].value, pair) for pair in node.value if isinstance(pair[0], yaml.ScalarNode)]
    other = name.lower()
    for wanted, spelt in ((name, str), (other, str.lower), (other.removesuffix("s"), str.lower)):
        if found := next((pair for written, pair in named if spelt(written) == wanted), None):
            return found
    return None


def _line_within(node: yaml.Node, tag: str, told: str | None) -> int | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in node.value:
        if told is not None and told in (getattr(key, "value", None), getattr(value, "value", None)):
            return key.start_mark.line + 1
        if tag and isinstance(value, yaml.ScalarNode) and value.tag != tag:
            return key.start_mark.line + 1
    return None


def _item_with(items: yaml.SequenceNode, name: str, tag: str) -> yaml.Node | None:
    have = [
        (item, value)
        for item in items.value
        if isinstance(item, yaml.MappingNode)
        for key, value in item.value
        if getattr(key, "value", None) == name
    ]
    other = [item for item, value in have if value.tag != tag]
    return other[0] if other else have[0][0] if have else None
