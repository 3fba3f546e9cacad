"""The part of Go's text/template that people use with `-o go-template`: fields, range, if, with, functions.

Source: Go's text/template documentation. What is not known here is refused by name.
"""

import json
import re
from base64 import b64decode
from html import escape
from typing import Any
from urllib.parse import quote_plus

from svclab.terminal.commands.kubectl.errors import KubectlError

Json = Any

_ACTION = re.compile(r"\{\{(-\s)?\s*(.*?)\s*(\s-)?\}\}", re.S)
_TOKEN = re.compile(
    r"""\s*("(?:\\.|[^"\\])*"|`[^`]*`|\$?[A-Za-z_][\w]*(?:\.[\w]+)*|\$(?:\.[\w]+)*|(?:\.[A-Za-z_]\w*)+|\.|-?\d+(?:\.\d+)?|:=|\||\(|\)|,)"""
)
_BLOCKS = ("range", "if", "with")


class _Block:
    """`range`, `if` or `with`, its body and what follows `else`."""

    def __init__(self, keyword: str, pipeline: str) -> None:
        self.keyword, self.pipeline = keyword, pipeline
        self.body: list[Any] = []
        self.otherwise: list[Any] = []


def render(template: str, document: Json) -> str:
    """The template's text for a document. Raises KubectlError for a template that cannot be read."""
    try:
        return _Renderer(document).nodes(_parse(template), document)
    except TemplateError as problem:
        raise KubectlError(f"error parsing template {template}, template: output:1: {problem}") from None


class TemplateError(ValueError):
    """A template that cannot be read."""


def _error(problem: str) -> TemplateError:
    return TemplateError(problem)


def _parse(template: str) -> list[Any]:
    root: list[Any] = []
    stack: list[tuple[_Block | None, list[Any]]] = [(None, root)]
    at, trim_next = 0, False
    for action in _ACTION.finditer(template):
        text = template[at : action.start()]
        text = text.lstrip() if trim_next else text
        stack[-1][1].append(text.rstrip() if action[1] else text)
        trim_next, at = bool(action[3]), action.end()
        _add(action[2], stack)
    text = template[at:]
    root.append(text.lstrip() if trim_next else text)
    if len(stack) > 1:
        raise _error("unexpected EOF")
    if "{{" in text:
        raise _error("unclosed action")
    return root


def _add(content: str, stack: list[tuple[_Block | None, list[Any]]]) -> None:
    keyword, _, rest = content.partition(" ")
    block, nodes = stack[-1]
    if content.startswith("/*"):
        return
    if keyword in _BLOCKS:
        new = _Block(keyword, rest)
        nodes.append(new)
        stack.append((new, new.body))
    elif keyword == "else":
        if block is None:
            raise _error("unexpected {{else}}")
        stack[-1] = (block, block.otherwise)
        if rest:
            new = _Block(*rest.split(" ", 1))
            block.otherwise.append(new)
            stack[-1] = (new, new.body)
    elif content == "end":
        if block is None:
            raise _error("unexpected {{end}}")
        stack.pop()
    else:
        nodes.append(("action", content))


class _LeaveRound(Exception):
    """`{{break}}` and `{{continue}}`; `text` is what the round has printed so far."""

    def __init__(self, *, ends: bool) -> None:
        super().__init__()
        self.ends, self.text = ends, ""


class _Renderer:
    def __init__(self, root: Json) -> None:
        self._variables: dict[str, Json] = {"$": root}

    def nodes(self, nodes: list[Any], dot: Json) -> str:
        parts: list[str] = []
        for node in nodes:
            try:
                parts.append(self._node(node, dot))
            except _LeaveRound as leaving:
                leaving.text = "".join(parts) + leaving.text
                raise
        return "".join(parts)

    def _node(self, node: Any, dot: Json) -> str:
        if isinstance(node, str):
            return node
        if isinstance(node, _Block):
            return self._block(node, dot)
        if node[1] in ("break", "continue"):
            raise _LeaveRound(ends=node[1] == "break")
        name, declared, pipeline = self._declaration(node[1])
        value = self._evaluate(pipeline, dot)
        if declared:
            self._variables[name] = value
            return ""
        return printed(value)

    def _declaration(self, content: str) -> tuple[str, bool, str]:
        shape = re.match(r"(\$\w+)\s*:?=\s*(.*)", content, re.S)
        return (shape[1], True, shape[2]) if shape else ("", False, content)

    def _block(self, block: _Block, dot: Json) -> str:
        if block.keyword == "range":
            return self._range(block, dot)
        name, declared, pipeline = self._declaration(block.pipeline)
        value = self._evaluate(pipeline, dot)
        if declared:
            self._variables[name] = value
        if not _is_true(value):
            return self.nodes(block.otherwise, dot)
        return self.nodes(block.body, value if block.keyword == "with" else dot)

    def _range(self, block: _Block, dot: Json) -> str:
        shape = re.match(r"(?:(\$\w+)\s*,\s*)?(\$\w+)\s*:=\s*(.*)", block.pipeline, re.S)
        pipeline = shape[3] if shape else block.pipeline
        value = self._evaluate(pipeline, dot)
        pairs = _pairs(value)
        if not pairs:
            return self.nodes(block.otherwise, dot)
        parts = []
        for key, item in pairs:
            if shape:
                self._variables[shape[2]] = item
                if shape[1]:
                    self._variables[shape[1]] = key
            try:
                parts.append(self.nodes(block.body, item))
            except _LeaveRound as leaving:
                parts.append(leaving.text)
                if leaving.ends:
                    break
        return "".join(parts)

    def _evaluate(self, pipeline: str, dot: Json) -> Json:
        tokens = _tokens(pipeline)
        value, first = None, True
        while tokens:
            value = self._command(tokens, dot, [] if first else [value])
            first = False
            if tokens and tokens[0] == "|":
                tokens.pop(0)
            elif tokens:
                raise _error(f"unexpected {tokens[0]!r} in operand")
        if first:
            raise _error("missing value for command")
        return value

    def _command(self, tokens: list[str], dot: Json, piped: list[Json]) -> Json:
        word = tokens[0]
        if re.fullmatch(r"[A-Za-z_]\w*", word) and word not in ("true", "false", "nil"):
            tokens.pop(0)
            arguments = []
            while tokens and tokens[0] not in ("|", ")"):
                arguments.append(self._operand(tokens, dot))
            return _call(word, arguments + piped)
        return self._operand(tokens, dot)

    def _operand(self, tokens: list[str], dot: Json) -> Json:
        word = tokens.pop(0)
        if word == "(":
            value = self._command(tokens, dot, [])
            while tokens and tokens[0] == "|":
                tokens.pop(0)
                value = self._command(tokens, dot, [value])
            if not tokens or tokens.pop(0) != ")":
                raise _error("unclosed left paren")
            if tokens and re.match(r"\.\w", tokens[0]):
                value = _walk(value, tokens.pop(0)[1:].split("."))
            return value
        if word[0] in '"`':
            return word[1:-1].encode().decode("unicode_escape") if word[0] == '"' else word[1:-1]
        if word in ("true", "false", "nil"):
            return {"true": True, "false": False, "nil": None}[word]
        if re.fullmatch(r"-?\d+(\.\d+)?", word):
            return float(word) if "." in word else int(word)
        if word.startswith("$"):
            name, *path = word.split(".")
            if name not in self._variables:
                raise _error(f'undefined variable "{name}"')
            return _walk(self._variables[name], path)
        return _walk(dot, [part for part in word.split(".") if part])


def _tokens(pipeline: str) -> list[str]:
    tokens, at = [], 0
    while at < len(pipeline.rstrip()):
        shape = _TOKEN.match(pipeline, at)
        if shape is None:
            raise _error(f"unexpected {pipeline[at:].strip()[:1]!r} in command")
        tokens.append(shape[1])
        at = shape.end()
    return tokens


def _walk(value: Json, path: list[str]) -> Json:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _is_true(value: Json) -> bool:
    return bool(value)


def _pairs(value: Json) -> list[tuple[Json, Json]]:
    """What a range goes through: keys in order, positions, or the numbers below one."""
    if isinstance(value, dict):
        return sorted(value.items())
    if isinstance(value, int) and not isinstance(value, bool):
        return [(number, number) for number in range(value)]
    return list(enumerate(value or []))


def _index(value: Json, *keys: Json) -> Json:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
            value = value[key]
        elif value is not None:
            raise KubectlError(f"error executing template: error calling index: index out of range: {key}")
    return value


def _printf(form: str, *values: Json) -> str:
    remaining = list(values)

    def put(shape: re.Match[str]) -> str:
        if shape[0] == "%%":
            return "%"
        style, letter = shape[1], shape[2]
        if not remaining:
            return f"%!{letter}(MISSING)"
        value = remaining.pop(0)
        if letter in "xXofeEgGd" and isinstance(value, int | float) and not isinstance(value, bool):
            return f"%{style}{letter}" % value
        text = json.dumps(value, ensure_ascii=False) if letter == "q" else printed(value)
        return f"%{style}s" % text

    return re.sub(r"%([-+ 0#]*\d*(?:\.\d+)?)([svdqtxXofeEgG])|%%", put, form)


def _printed_together(*values: Json) -> str:
    """As Go's Sprint: spaces only between two neighbours that are no texts."""
    text = ""
    for at, value in enumerate(values):
        spaced = at and not isinstance(value, str) and not isinstance(values[at - 1], str)
        text += (" " if spaced else "") + printed(value)
    return text


def _sliced(value: Json, *bounds: int) -> Json:
    return value[slice(*(bounds if len(bounds) > 1 else (*bounds, None)))] if bounds else value


def _call(name: str, arguments: list[Json]) -> Json:
    functions = {
        "len": lambda value: len(value or []),
        "index": _index,
        "printf": _printf,
        "print": _printed_together,
        "println": lambda *values: " ".join(printed(value) for value in values) + "\n",
        "eq": lambda first, *others: any(first == other for other in others),
        "ne": lambda left, right: left != right,
        "lt": lambda left, right: left < right,
        "le": lambda left, right: left <= right,
        "gt": lambda left, right: left > right,
        "ge": lambda left, right: left >= right,
        "and": lambda *values: next((v for v in values if not v), values[-1]),
        "or": lambda *values: next((v for v in values if v), values[-1]),
        "not": lambda value: not value,
        "exists": lambda value, *keys: _index(value, *keys) is not None,
        "base64decode": _base64decode,
        "html": lambda *values: (
            escape(_printed_together(*values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
        ),
        "js": lambda *values: (
            _printed_together(*values).replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"')
        ),
        "urlquery": lambda *values: quote_plus(_printed_together(*values)),
        "slice": _sliced,
    }
    if name not in functions:
        raise _error(f'function "{name}" not defined')
    try:
        return functions[name](*arguments)
    except TypeError as problem:
        raise KubectlError(f"error executing template: error calling {name}: {problem}") from None


def _base64decode(value: str) -> str:
    return b64decode(value).decode(errors="replace")


def printed(value: Json) -> str:
    """A value as Go's fmt prints it: `map[a:1]`, `[x y]`, `<no value>`."""
    match value:
        case None:
            return "<no value>"
        case bool():
            return str(value).lower()
        case dict():
            return "map[" + " ".join(f"{key}:{_inner(value[key])}" for key in sorted(value)) + "]"
        case list():
            return "[" + " ".join(_inner(item) for item in value) + "]"
    return str(value)


def _inner(value: Json) -> str:
    return "<nil>" if value is None else printed(value)
