"""The JSONPath dialect of kubectl: what templates such as `{.items[*].metadata.name}` find in a document.

Source: client-go util/jsonpath (kubectl 1.33). A missing key gives nothing, unless none may be missing;
an index out of bounds is an error.
"""

import json
import re

from svclab.kube.jsonpath_syntax import (
    Chain,
    Constant,
    Field,
    Filter,
    Json,
    JsonPathError,
    Recursive,
    Slice,
    Step,
    Template,
    Text,
    Union,
    Wildcard,
    Word,
    parse,
)

__all__ = ["JsonPathError", "find", "go_json", "parse", "printed", "relaxed", "render", "results", "text"]


def results(template: Template, document: Json, *, allow_missing: bool = True) -> list[list[Json]]:
    """What each node of a template finds, ranges unrolled. Raises JsonPathError."""
    return _Evaluation(template, allow_missing=allow_missing).found(0, [document])


def render(template: Template, document: Json, *, allow_missing: bool = True) -> str:
    """The template's text for a document. Raises JsonPathError for an index out of bounds."""
    found = results(template, document, allow_missing=allow_missing)
    return "".join(" ".join(text(value) for value in values) for values in found)


def find(expression: str, document: Json) -> list[Json]:
    """The values that a path finds, in order; used by custom columns, sorting and `wait --for=jsonpath`."""
    return [value for values in results(parse(relaxed(expression)), document) for value in values]


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
    return go_json(value)


def go_json(value: Json) -> str:
    """Compact JSON with sorted keys and Go's escapes for `<`, `>` and `&`."""
    plain = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for character in "<>&":
        plain = plain.replace(character, f"\\u{ord(character):04x}")
    return plain


def printed(value: Json) -> str:
    """A value as Go's fmt prints it: `map[a:1]`, `[x y]`, `<nil>`."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case dict():
            return "map[" + " ".join(f"{key}:{printed(value[key])}" for key in sorted(value)) + "]"
        case list():
            return "[" + " ".join(printed(item) for item in value) + "]"
    return str(value)


# evaluating


class _Evaluation:
    """One use of a template. `range` and `end` are found while walking, so a range without an end is played
    again afterwards, outside of it, as with kubectl.
    """

    def __init__(self, template: Template, *, allow_missing: bool) -> None:
        self._template = template
        self._allow_missing = allow_missing
        self._begun = self._inside = self._ended = 0
        self._last_end = -1

    def found(self, at: int, current: list[Json]) -> list[list[Json]]:
        """The results of the nodes from `at` to the end, or to the end of the range."""
        all_results: list[list[Json]] = []
        while at < len(self._template):
            node = self._template[at]
            values = [node.text] if isinstance(node, Text) else self._walk(node, current)
            if self._ended and self._ended <= self._inside:
                self._ended -= 1
                self._last_end = at
                break
            if self._begun:
                all_results += self._range(at, values)
                at = self._last_end if self._last_end > at else at
            else:
                all_results.append(values)
            at += 1
        return all_results

    def _range(self, at: int, values: list[Json]) -> list[list[Json]]:
        self._begun -= 1
        self._inside += 1
        unrolled = [found for value in values for found in self.found(at + 1, [value])]
        if not values:  # walked all the same, to learn where it ends
            self.found(at + 1, [])
        self._inside -= 1
        return unrolled

    def _walk(self, chain: Chain, values: list[Json]) -> list[Json]:
        for step in chain:
            values = self._apply(step, values)
        return values

    def _apply(self, step: Step, values: list[Json]) -> list[Json]:
        match step:
            case Text():
                return [step.text]
            case Constant():
                return [step.value for _ in values]
            case Field():
                return self._field(step.name, values)
            case Wildcard():
                return [child for value in values for child in _children(value)]
            case Recursive():
                return [found for value in values for found in _containers(value)]
            case Slice():
                return _sliced(step, values)
            case Filter():
                return self._filtered(step, values)
            case Union():
                return [found for part in step.parts for found in self._walk(part, values)]
            case Word():
                return self._word(step.name, values)

    def _field(self, name: str, values: list[Json]) -> list[Json]:
        found = [value[name] for value in values if isinstance(value, dict) and name in value]
        if values and not found and not self._allow_missing:
            raise JsonPathError(f"{name} is not found")
        return found

    def _word(self, name: str, values: list[Json]) -> list[Json]:
        if name == "range":
            self._begun += 1
            return values
        if name != "end":
            raise JsonPathError(f"unrecognized identifier {name}")
        if not self._inside:
            raise JsonPathError("not in range, nothing to end")
        self._ended += 1
        return []

    def _filtered(self, condition: Filter, values: list[Json]) -> list[Json]:
        kept = []
        for value in values:
            if not isinstance(value, list):
                raise JsonPathError(f"{printed(value)} is not array or slice and cannot be filtered")
            kept += [item for item in value if self._holds(condition, item)]
        return kept

    def _holds(self, condition: Filter, item: Json) -> bool:
        if condition.operator == "exists":
            try:
                return bool(self._walk(condition.left, [item]))
            except JsonPathError:
                return False
        left = self._walk(condition.left, [item])
        right = self._walk(condition.right, [item]) if len(left) == 1 else []
        if len(left) > 1 or len(right) > 1:
            raise JsonPathError("can only compare one element at a time")
        return bool(right) and _compare(left[0], condition.operator, right[0])


def _children(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _containers(value: Json) -> list[Json]:
    children = _children(value)
    return [value, *(found for child in children for found in _containers(child))] if children else []


def _sliced(step: Slice, values: list[Json]) -> list[Json]:
    found: list[Json] = []
    for value in values:
        if value is None:
            continue
        if not isinstance(value, list):
            raise JsonPathError(f"{_go_type(value)} is not array or slice")
        start, stop = _range_of(step, len(value))
        if start == stop:
            return found
        _check_range(start, stop, len(value))
        if step.step is not None and step.step <= 0:
            raise JsonPathError("step must be > 0")
        found += value[start : stop : step.step or 1]
    return found


def _range_of(step: Slice, length: int) -> tuple[int, int]:
    start = step.start or 0
    stop = start + 1 if step.single else length if step.stop is None else step.stop
    if stop < 0 or (stop == 0 and step.single):
        stop += length
    return (start + length if start < 0 else start), stop


def _check_range(start: int, stop: int, length: int) -> None:
    for index, wrong in ((start, not 0 <= start < length), (stop - 1, not 0 <= stop <= length)):
        if wrong:
            raise JsonPathError(f"array index out of bounds: index {index}, length {length}")
    if start > stop:
        raise JsonPathError(f"starting index {start} is greater than ending index {stop}")


def _go_type(value: Json) -> str:
    if isinstance(value, dict):
        return "map[string]interface {}"
    return {str: "string", bool: "bool", int: "int64"}.get(type(value), "float64")


def _compare(left: Json, operator: str, right: Json) -> bool:
    if operator not in ("==", "!=", "<", "<=", ">", ">="):
        raise JsonPathError(f"unrecognized filter operator {operator}")
    if not all(isinstance(value, str | bool | int | float) for value in (left, right)):
        raise JsonPathError("invalid type for comparison")
    if type(left) is not type(right):
        raise JsonPathError("incompatible types for comparison")
    if operator in ("==", "!="):
        return (left == right) == (operator == "==")
    if isinstance(left, bool):
        raise JsonPathError("invalid type for comparison")
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
