"""Go's structures of pod templates, and how spew prints them: what Kubernetes hashes.

Names of fields, their order and their types are those of k8s.io/api core/v1 in 1.36; `+` marks an embedded
structure whose fields stand in the same JSON object. A name without package is of package v1. The printed
form is that of spew's `%#v` with methods disabled, keys sorted and pointer addresses left out
(apimachinery pkg/util/dump, ForHash).
"""

from functools import cache
from typing import Any

from svclab.kube.gotable import STRUCTS
from svclab.kube.quantity import QuantityError, parse

_BUILT_IN = {"string": "", "bool": False, "int32": 0, "int64": 0}
_NO_TIME = "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"
_OTHER_NAMES = {"DeprecatedServiceAccount": "serviceaccount", "ObjectMeta": "metadata"}


def printed(value: Any, kind: str) -> str:
    """A JSON value as spew prints the Go value of this type that it decodes to, without the type in front."""
    if kind.startswith("[]"):
        return _slice(value, kind[2:])
    if kind.startswith("map["):
        return _map(value, "string")
    if kind == "ResourceList":
        return _map(value, "resource.Quantity")
    if kind == "resource.Quantity":
        return _quantity(value)
    if kind == "intstr.IntOrString":
        return _int_or_string(value)
    if kind == "Time":
        return _NO_TIME
    if kind in STRUCTS:
        return _struct(value or {}, kind)
    value = _BUILT_IN.get(kind, "") if value is None else value
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def type_name(kind: str) -> str:
    """A type with its package, as reflection names it."""
    if kind.startswith("[]"):
        return f"[]{type_name(kind[2:])}"
    if kind in _BUILT_IN or "." in kind or kind.startswith("map["):
        return kind
    return f"v1.{kind}"


def _struct(value: dict[str, Any], kind: str) -> str:
    given = {name.lower(): field for name, field in value.items()}
    parts = []
    for name, field_kind, embedded in _fields(kind):
        found = value if embedded else given.get(_OTHER_NAMES.get(name, name.lower()))
        parts.append(f"{name}:{_field(found, field_kind)}")
    return "{" + " ".join(parts) + "}"


def _field(value: Any, kind: str) -> str:
    if not kind.startswith("*"):
        return f"({type_name(kind)}){printed(value, kind)}"
    if value is None:
        return f"(*{type_name(kind[1:])})<nil>"
    return f"(*{type_name(kind[1:])}){printed(value, kind[1:])}"


@cache
def _fields(kind: str) -> tuple[tuple[str, str, bool], ...]:
    """(name, type, embedded) of a structure's fields."""
    found = []
    for entry in STRUCTS[kind].split(","):
        name, _, field_kind = entry.strip().partition(" ")
        found.append((name.lstrip("+"), field_kind or name.lstrip("+"), name.startswith("+")))
    return tuple(found)


def _slice(value: list[Any] | None, kind: str) -> str:
    return f"[{' '.join(printed(item, kind) for item in value)}]" if value else "<nil>"


def _map(value: dict[str, Any] | None, kind: str) -> str:
    if not value:
        return "<nil>"
    return f"map[{' '.join(f'{key}:{printed(value[key], kind)}' for key in sorted(value))}]"


def _int_or_string(value: int | str | None) -> str:
    if isinstance(value, str):
        return f"{{Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string){value}}}"
    return f"{{Type:(intstr.Type)0 IntVal:(int32){value or 0} StrVal:(string)}}"


def _quantity(value: str | int | None) -> str:
    """A decoded resource.Quantity: number and scale as parsed; the text is kept for decimal ones only."""
    text = "0" if value is None else str(value)
    if text == "0":
        return _quantity_parts(0, 0, "" if value is None else text, "")
    digits = text.rstrip("KMGTPEinumk")
    suffix = text[len(digits) :]
    try:
        if suffix.endswith("i"):
            return _quantity_parts(int(parse(text).amount), 0, "", "BinarySI")
        whole, _, fraction = digits.partition(".")
        return _quantity_parts(int(whole + fraction), _SCALES[suffix] - len(fraction), text, "DecimalSI")
    except (QuantityError, KeyError, ValueError):  # an exponent, more digits than fit: Go keeps a big number
        return _quantity_parts(0, 0, text, "DecimalExponent")


_SCALES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def _quantity_parts(number: int, scale: int, text: str, notation: str) -> str:
    return (
        f"{{i:(resource.int64Amount){{value:(int64){number} scale:(resource.Scale){scale}}} "
        f"d:(resource.infDecAmount){{Dec:(*inf.Dec)<nil>}} s:(string){text} "
        f"Format:(resource.Format){notation}}}"
    )
