"""Protobuf bodies, which kubectl 1.32 and later sends for `create ...` and `auth can-i`: decoded to plain
JSON.

A body is "k8s\\0" and an envelope with apiVersion, kind and the object. The tables below hold field numbers
of the generated.proto files of kubernetes/api and kubernetes/apimachinery 1.36, for the messages kubectl
sends.
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from svclab.apiserver.protobuf_fields import KINDS, MESSAGES
from svclab.kube.decoding import unrecognized
from svclab.kube.resources import Resource
from svclab.kube.status import failure

_MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class ProtobufError(ValueError):
    """Bytes that are not the message they should be."""


def read(body: bytes, resource: Resource) -> Any:
    """The object of a protobuf body as JSON. Raises Refusal (400, 415)."""
    if not body.startswith(_MAGIC):
        why = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        raise unrecognized(body, resource.kind, why)
    try:
        return _object(body[len(_MAGIC) :])
    except (ProtobufError, UnicodeDecodeError) as error:
        raise unrecognized(body, resource.kind, f"proto: {error}") from None


def _object(envelope: bytes) -> Any:
    type_meta, raw = b"", b""
    for number, _, value in _fields(envelope):
        if number == 1:
            type_meta = _as_bytes(value)
        elif number == 2:
            raw = _as_bytes(value)
    names = {number: _as_bytes(value).decode() for number, _, value in _fields(type_meta)}
    api_version, kind = names.get(1, ""), names.get(2, "")
    message = KINDS.get(kind)
    if message is None:
        text = f"{kind} in {api_version} cannot be read from protobuf here: send application/json"
        raise failure(415, "UnsupportedMediaType", text)
    return {**_message(raw, message), "apiVersion": api_version, "kind": kind}


def _message(data: bytes, name: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    table = MESSAGES[name]
    for number, _, value in _fields(data):
        if number not in table:
            continue
        field, type_ = table[number]
        if type_.startswith("inline:"):
            result.update(_message(_as_bytes(value), type_.removeprefix("inline:")))
        elif type_.startswith("[]"):
            result.setdefault(field, []).append(_value(value, type_[2:]))
        elif type_.startswith("map:"):
            key, inner = _entry(_as_bytes(value), type_.removeprefix("map:"))
            result.setdefault(field, {})[key] = inner
        else:
            found = _value(value, type_)
            if found not in ("", None) or type_ == "bytes":
                result[field] = found
    return result


def _value(value: int | bytes, type_: str) -> Any:
    match type_:
        case "string":
            return _as_bytes(value).decode()
        case "int":
            number = value if isinstance(value, int) else int.from_bytes(value, "little")
            return number - (1 << 64) if number >= 1 << 63 else number
        case "bool":
            return bool(value)
        case "bytes":
            return base64.b64encode(_as_bytes(value)).decode()
        case "quantity":
            return next((_as_bytes(v).decode() for n, _, v in _fields(_as_bytes(value)) if n == 1), "0")
        case "time":
            return _time(_as_bytes(value))
        case "int-or-string":
            return _int_or_string(_as_bytes(value))
    return _message(_as_bytes(value), type_)


def _entry(data: bytes, type_: str) -> tuple[str, Any]:
    key, inner = "", _value(b"", type_)
    for number, _, value in _fields(data):
        if number == 1:
            key = _as_bytes(value).decode()
        elif number == 2:
            inner = _value(value, type_)
    return key, inner


def _time(data: bytes) -> str | None:
    seconds = next((_value(value, "int") for number, _, value in _fields(data) if number == 1), 0)
    if not seconds or not -(1 << 36) < seconds < 1 << 37:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _int_or_string(data: bytes) -> int | str:
    found = {number: value for number, _, value in _fields(data)}
    if found.get(1, 0) == 1:
        return _as_bytes(found.get(3, b"")).decode()
    return _value(found.get(2, 0), "int")


def _fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """(field number, wire type, value) of a message, in order."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == _VARINT:
            value, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
            value, at = data[at : at + size], at + size
        elif wire == _BYTES:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ProtobufError(f"illegal wireType {wire}")
        if at > len(data):
            raise ProtobufError("unexpected EOF")
        yield number, wire, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ProtobufError("unexpected EOF")
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & ((1 << 64) - 1), at
    raise ProtobufError("integer overflow")


def _as_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ProtobufError("wrong wireType = 0")
    return value
