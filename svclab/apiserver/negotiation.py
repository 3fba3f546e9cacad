"""Which form a client wants and which it sends: JSON, YAML, protobuf, Table, aggregated discovery."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from svclab.apiserver.messages import JSON_TYPE, ApiRequest, ApiResponse
from svclab.kube.status import Refusal, failure

YAML_TYPE = "application/yaml"
PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf"
OBJECT_TYPES = (JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE)
_PATCH_TYPES = (
    "application/json-patch+json", "application/merge-patch+json",
    "application/strategic-merge-patch+json", "application/apply-patch+yaml",
)  # fmt: skip
_STREAM_TYPES = (f"{JSON_TYPE};stream=watch", f"{PROTOBUF_TYPE};stream=watch")

_FORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


@dataclass(frozen=True, slots=True)
class MediaType:
    """One entry of an Accept header: `application/json;as=Table;v=v1;g=meta.k8s.io`."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """A parameter's value, or ""."""
        return dict(self.parameters).get(name, "")


@dataclass(frozen=True, slots=True)
class Format:
    """How to answer: as `application/json` or YAML, the object itself or as a Table."""

    media_type: str = JSON_TYPE
    as_kind: str = ""


PLAIN = Format()


@lru_cache(maxsize=1024)  # clients send few different ones
def accepted(header: str) -> tuple[MediaType, ...]:
    """The entries of an Accept header, most wanted first."""
    weighted = []
    for entry in header.split(","):
        name, *parameters = [part.strip() for part in entry.split(";")]
        pairs = tuple((k.strip(), v.strip()) for k, _, v in (part.partition("=") for part in parameters))
        weighted.append((-_weight(dict(pairs).get("q", "1")), MediaType(name.lower(), pairs)))
    return tuple(media for _, media in sorted(weighted, key=lambda pair: pair[0]) if media.name)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def answer_format(request: ApiRequest, *, watchable: bool = False) -> Format:
    """The form of the answer to a request for objects. Raises Refusal (406)."""
    header = request.headers.get("accept", "")
    entries = accepted(header) or (MediaType("*/*"),)
    known = [entry for entry in entries if entry.name in ("*/*", "application/*", *OBJECT_TYPES)]
    if not known:
        raise _not_acceptable((*OBJECT_TYPES, *(_STREAM_TYPES if watchable else ())))
    for entry in known:
        kind, yaml_wanted = entry.get("as"), entry.name == YAML_TYPE
        if not kind:
            return Format(YAML_TYPE if yaml_wanted else JSON_TYPE)
        if kind in _FORMS and _is_meta(entry) and not (kind == "Table" and entry.name == PROTOBUF_TYPE):
            return Format(YAML_TYPE if yaml_wanted else JSON_TYPE, kind)
    raise _only(OBJECT_TYPES)


def check_stream(format_: Format) -> None:
    """A watch's events cannot be YAML. Raises Refusal (406)."""
    if format_.media_type == YAML_TYPE:
        raise _only(_STREAM_TYPES)


def _only(types: tuple[str, ...]) -> Refusal:
    message = f"only the following media types are accepted: {', '.join(types)}"
    return failure(406, "NotAcceptable", message)


def not_acceptable(format_: Format, why: str) -> Refusal:
    """406: metadata of one object was asked for and there are many, or the other way about."""
    message = f"you requested {format_.as_kind}, but the requested object {why}"
    return failure(406, "NotAcceptable", message)


def _is_meta(entry: MediaType) -> bool:
    return entry.get("g") == "meta.k8s.io" and entry.get("v") in ("v1", "v1beta1")


def check_offered(request: ApiRequest, types: tuple[str, ...]) -> None:
    """go-restful's own look at what a client accepts, whatever its parameters. Raises Refusal (406)."""
    entries = accepted(request.headers.get("accept", "")) or (MediaType("*/*"),)
    if not any(entry.name in ("*/*", *types) for entry in entries):
        raise _not_acceptable(types)


def plain_format(request: ApiRequest) -> Format:
    """The form of an answer that comes as nothing but itself. Raises Refusal (406)."""
    entries = accepted(request.headers.get("accept", "")) or (MediaType("*/*"),)
    for entry in entries:
        if entry.name in ("*/*", "application/*", *OBJECT_TYPES) and not entry.get("as"):
            return Format(YAML_TYPE if entry.name == YAML_TYPE else JSON_TYPE)
    raise _only(OBJECT_TYPES)


def _not_acceptable(types: tuple[str, ...]) -> Refusal:
    message = f"406: Not Acceptable\n\nAvailable representations: {', '.join(types)}"
    return failure(406, "NotAcceptable", message, {})


def body_type(request: ApiRequest) -> str:
    """The type of a request's body, JSON when unsaid. Raises Refusal (415)."""
    name = request.headers.get("content-type", JSON_TYPE).partition(";")[0].strip().lower() or JSON_TYPE
    if name not in OBJECT_TYPES:
        message = (
            "the body of the request was in an unknown format - accepted media types include: "
            f"{', '.join(OBJECT_TYPES)}"
        )
        raise failure(415, "UnsupportedMediaType", message)
    return name


def patch_type(request: ApiRequest) -> str:
    """The type of a patch. Raises Refusal (415)."""
    name = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if name not in _PATCH_TYPES:
        raise failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    return name


def answer(format_: Format, status: int, manifest: dict[str, Any], warnings: list[str]) -> ApiResponse:
    """An answer in the negotiated type."""
    if format_.media_type == YAML_TYPE:
        text = yaml.safe_dump(manifest, allow_unicode=True)
        return ApiResponse(status, {"Content-Type": YAML_TYPE}, text.encode(), warnings)
    return ApiResponse.of(status, manifest, warnings)
