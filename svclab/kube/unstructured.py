"""From a map to an object without JSON in between: how a strategic merge patch becomes an object again.

Numbers, words and truths do not change into one another, and the errors name kinds of Go values.
Source: apimachinery pkg/runtime (converter).
"""

import json
from typing import Any

from svclab.kube.decoding import Decoded, Walk, convert
from svclab.kube.openapi_types import GoType, Schemas

_WIDTHS = {"int32": 32, "int64": 64}
_FROM_JSON = ("int-or-string", "quantity", "time", "any")


def from_unstructured(value: dict[str, Any], schemas: Schemas, api_version: str, kind: str) -> Decoded | str:
    """A document as its type holds it, with the unknown fields in alphabetical order; or the first error."""
    found = convert(value, schemas.of_kind(api_version, kind), _Converter())
    if isinstance(found, str):
        return found
    return Decoded(found.manifest, tuple(sorted(found.strict_errors)))


class _Converter(Walk):
    """The walk of Go's converter, which reflects where JSON's decoder parses."""

    def mismatch(self, value: Any, go_type: GoType) -> None:
        """Note that a list, a map or a structure cannot be made of this value."""
        from_ = _go_kind(value)
        match go_type.shape:
            case "struct":
                self.note(f"cannot restore struct from: {from_}")
            case "map":
                self.note(f"cannot restore map from {from_}")
            case _:
                self.note(f"cannot restore slice from {from_}")

    def convert_leaf(self, value: Any, go_type: GoType) -> Any:
        """A value that is neither structure nor list; those that parse themselves still do."""
        shape, kind = go_type.shape, _go_kind(value)
        if shape in _FROM_JSON:
            return self._from_json(value, go_type)
        if shape == "bytes":
            return self._bytes(value, go_type)
        if kind == shape or (shape == "float64" and kind == "int64"):
            return value
        if shape in _WIDTHS and kind in ("int64", "float64"):
            return self._integer_of(value, go_type)
        if shape == "string" and kind == "int64":
            return self.note(f"cannot convert int64 to {go_type.name}")
        return self.note(f"unrecognized type: {shape}")

    def _from_json(self, value: Any, go_type: GoType) -> Any:
        """What reads JSON itself does not know where it stands."""
        reader = Walk()
        found = reader.convert_leaf(value, go_type)
        return found if reader.error is None else self.note(reader.error)

    def _integer_of(self, value: int | float, go_type: GoType) -> int | None:
        """Too large a number loses its upper bits, as a conversion between Go's integers does."""
        if value != int(value):
            return self.note(f"cannot convert float64 to {go_type.name}")
        half = 1 << (_WIDTHS[go_type.shape] - 1)
        return (int(value) + half) % (2 * half) - half

    def _bytes(self, value: Any, go_type: GoType) -> Any:
        if not isinstance(value, str):
            return self.mismatch(value, go_type)
        before = self.error
        found = super().convert_leaf(value, go_type)
        if self.error != before:
            self.error = f"error decoding from json: {self.error}"
        return found


def _go_kind(value: Any) -> str:
    """What reflection calls a value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    return "slice" if isinstance(value, list) else "map"


def go_map(value: Any) -> str:
    """A JSON value as Go prints it with %v: map[port:80 protocol:TCP], keys in order."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_map(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_map, value))}]"
    if value is None:
        return "<nil>"
    return value if isinstance(value, str) else _plain(value)


def _plain(value: bool | int | float) -> str:
    if isinstance(value, float) and value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return json.dumps(value)
