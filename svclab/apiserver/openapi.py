"""The OpenAPI documents of kube/openapi, loaded once: schemas for the decoder, documents for clients."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from svclab.apiserver.messages import JSON_TYPE, ApiRequest, ApiResponse
from svclab.kube import openapi
from svclab.kube.openapi_types import Schemas

# GET /openapi/v2 as kubectl before 1.29 wants it: protobuf field 1, the text "2.0", and nothing else.
_V2 = b"\x0a\x032.0"
_V2_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


_SAME_IN_ALL = (
    ("apiVersion", "The version of the API in which the object is written."),
    ("kind", "What sort of object this is."),
    ("metadata", "Name, labels and the like."),
    ("spec", "What is wanted."),
    ("status", "What is, as controllers last saw it."),
)


@cache
def documents() -> dict[str, dict[str, Any]]:
    """The documents by key, e.g. `api/v1`, `apis/apps/v1`, with our own descriptions in them."""
    folder, told = Path(openapi.__file__).parent, _descriptions()
    found = {_key(path.stem): json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}
    for document in found.values():
        for name, schema in document["components"]["schemas"].items():
            _describe(schema, name.rpartition(".")[2], told)
    return found


def _descriptions() -> dict[str, str]:
    """`Type` or `Type.field` -> words."""
    text = (Path(openapi.__file__).parent / "descriptions.txt").read_text()
    lines = text.replace("\n  ", " ").splitlines()
    pairs = (line.partition(": ") for line in lines if line and not line.startswith("#"))
    return {name: words for name, _, words in pairs}


def _describe(schema: dict[str, Any], type_: str, told: dict[str, str]) -> None:
    if type_ in told:
        schema["description"] = told[type_]
    for name, inner in schema.get("properties", {}).items():
        words = told.get(f"{type_}.{name}") or dict(_SAME_IN_ALL).get(name)
        if words:
            inner["description"] = words


@cache
def _texts() -> dict[str, bytes]:
    return {
        key: json.dumps(document, separators=(",", ":")).encode() for key, document in documents().items()
    }


def _key(stem: str) -> str:
    """`apis.discovery.k8s.io.v1` -> `apis/discovery.k8s.io/v1`."""
    root, _, rest = stem.partition(".")
    group, _, version = rest.rpartition(".")
    return "/".join(part for part in (root, group, version) if part)


@cache
def schemas() -> Schemas:
    """The types that the decoder knows."""
    return Schemas(documents())


@cache
def _hash(key: str) -> str:
    return hashlib.sha512(_texts()[key]).hexdigest().upper()


def answer(request: ApiRequest) -> ApiResponse | None:
    """The answer to a path below /openapi, or None."""
    if request.path == "/openapi/v2":
        return ApiResponse(200, {"Content-Type": _V2_TYPE}, _V2)
    key = request.path.removeprefix("/openapi/v3").strip("/")
    if not key:
        return ApiResponse.of(200, {"paths": {name: _entry(name) for name in _texts()}})
    if key not in _texts():
        return None
    headers = {"Content-Type": JSON_TYPE, "Cache-Control": "no-cache, private"}
    if request.parameter("hash") == _hash(key):
        headers["Cache-Control"] = "public, immutable"
        headers["Expires"] = "Fri, 31 Dec 2038 23:59:59 GMT"
    return ApiResponse(200, headers, _texts()[key])


def _entry(key: str) -> dict[str, str]:
    return {"serverRelativeURL": f"/openapi/v3/{key}?hash={_hash(key)}"}
