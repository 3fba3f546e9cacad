"""What server-side apply has against a configuration that does not keep to the schema.

Nothing is converted here: a word is no number and no unknown field passes.
Source: structured-merge-diff v6 (typed, value).
"""

from typing import Any

from svclab.kube import field_sets
from svclab.kube.decoding_json import Decimal
from svclab.kube.openapi_types import GoType
from svclab.kube.patch_types import PLAIN, FieldType, field_type
from svclab.kube.status import go_quote
from svclab.kube.unstructured import go_map

_NUMBERS = ("int32", "int64", "float64")
_WORDS = ("string", "bytes")
_ANY_SCALAR = ("int-or-string", "quantity", "time")


def typed_errors(value: dict[str, Any], go_type: GoType) -> str:
    """The errors of a configuration, as one text; "" when it keeps to its type."""
    errors = _errors(value, go_type, FieldType(go_type.short), "")
    if len(errors) < 2:
        return "".join(errors)
    return "errors:\n" + "\n".join(f"  {error}" for error in errors)


def _errors(value: Any, go_type: GoType, field: FieldType, path: str) -> list[str]:
    if value is None or go_type.shape == "any":
        return []
    match go_type.shape:
        case "struct" | "map":
            if not isinstance(value, dict):
                return [_error(path, f"expected map, got {_pointed(value)}")]
            return _map_errors(value, go_type, field, path)
        case "list":
            if not isinstance(value, list):
                return [_error(path, f"expected list, got {_pointed(value)}")]
            return _list_errors(value, go_type, field, path)
    why = _scalar_error(value, go_type.shape)
    return [_error(path, why)] if why else []


def _error(path: str, why: str) -> str:
    return f"{path}: {why}" if path else why


def _pointed(value: Any) -> str:
    """A value behind a pointer, as Go prints it with %v."""
    return "&{" + go_map(value) + "}"


def _map_errors(value: dict[str, Any], go_type: GoType, field: FieldType, path: str) -> list[str]:
    """The first unknown field ends the look at a structure."""
    errors = []
    for key, inner in value.items():
        if go_type.element is not None:
            errors += _errors(inner, go_type.element, PLAIN, f"{path}.{key}")
        elif known := go_type.fields.get(key):
            errors += _errors(inner, known.type, field_type(field.type, key), f"{path}.{key}")
        else:
            return [*errors, f"{path}.{key}: field not declared in schema"]
    return errors


def _list_errors(value: list[Any], go_type: GoType, field: FieldType, path: str) -> list[str]:
    errors, seen = [], set()
    assert go_type.element is not None
    for index, item in enumerate(value):
        if why := _no_element(item, field):
            return [*errors, _error(path, f"element {index}: {why}")]
        element = field_sets.element_of(field, item)
        if element is None:
            errors += _errors(item, go_type.element, FieldType(field.type), f"{path}[{index}]")
            continue
        name = field_sets.path_text((element,))
        if name in seen:
            errors.append(_error(path, f"duplicate entries for key {name}"))
        seen.add(name)
        errors += _errors(item, go_type.element, FieldType(field.type), path + name)
    return errors


def _no_element(item: Any, field: FieldType) -> str:
    """Why an item cannot be told from others of a list that merges; "" when it can."""
    if field.map_keys:
        if item is None:
            return "associative list with keys may not have a null element"
        if not isinstance(item, dict):
            return "associative list with keys may not have non-map elements"
        if not field_sets.keys_of(field, item):
            keys = " ".join(go_quote(key) for key in field.map_keys)
            return (
                f"associative list with keys has an element that omits all key fields [{keys}] "
                "(and doesn't have default values for any key fields)"
            )
    elif field.is_set:
        if isinstance(item, dict):
            return "associative list without keys has an element that's a map type"
        if isinstance(item, list):
            return "not supported: associative list with lists as elements"
        if item is None:
            return "associative list without keys has an element that's an explicit null"
    return ""


def _scalar_error(value: Any, shape: str) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if shape in _NUMBERS:
        return "" if number else f"expected numeric (int or float), got {_go_type(value)}"
    if shape in _WORDS:
        if isinstance(value, str):
            return ""
        return f"expected string, got &value.valueUnstructured{{Value:{_go_syntax(value)}}}"
    if shape == "bool":
        return "" if isinstance(value, bool) else f"expected boolean, got {_pointed(value)}"
    if shape in _ANY_SCALAR and isinstance(value, dict | list):
        return f"expected any scalar, got {_pointed(value)}"
    return ""


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"


def _go_syntax(value: Any) -> str:
    """A JSON value as Go prints it with %#v."""
    if isinstance(value, dict):
        inner = ", ".join(f"{go_quote(key)}:{_go_syntax(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_go_syntax, value))}}}"
    if isinstance(value, str):
        return go_quote(value)
    if value is None:
        return "interface {}(nil)"
    return value.text if isinstance(value, Decimal) else go_map(value)
