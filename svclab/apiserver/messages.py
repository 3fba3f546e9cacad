"""Requests and answers of the API, as values: no HTTP library knows of them, the page's kubectl uses them
too."""

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Manifest = dict[str, Any]

JSON_TYPE = "application/json"
ADMIN = "kubernetes-admin"
ANONYMOUS = "system:anonymous"
UNKNOWN = ""  # whoever sends credentials that are nobody's
_ALL_WARNINGS, _LONG_WARNING = 4096, 256  # characters


@dataclass(slots=True)
class ApiRequest:
    """One request. `path` may carry a query; `headers` have lower-case names; `user` is who asks."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: str = ADMIN

    def __post_init__(self) -> None:
        if isinstance(self.query, dict):
            self.query = list(self.query.items())
        if "?" in self.path:
            parts = urlsplit(self.path)
            self.path = parts.path
            self.query = [*parse_qsl(parts.query, keep_blank_values=True), *self.query]
        self.headers = {name.lower(): value for name, value in self.headers.items()}

    @classmethod
    def of(cls, method: str, path: str, body: Any = None, **headers: str) -> "ApiRequest":
        """A request with a JSON body, as most of kubectl's are; `content_type=` names another type."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is None:
            return cls(method, path, headers=named)
        named.setdefault("content-type", JSON_TYPE)
        return cls(method, path, headers=named, body=json.dumps(body).encode())

    def parameter(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def parameters(self, name: str) -> list[str]:
        """All values of a query parameter, in order."""
        return [value for key, value in self.query if key == name]

    def flag(self, name: str) -> bool:
        """A boolean parameter: anything but "0", "false" and absence is true; so is `?watch`."""
        value = next((value for key, value in self.query if key == name), None)
        return value is not None and value.lower() not in ("0", "false")


@dataclass(slots=True)
class ApiResponse:
    """One answer. Several warnings become several Warning headers."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, status: int, manifest: Manifest, warnings: list[str] | None = None) -> "ApiResponse":
        """An answer in JSON."""
        return cls(status, {"Content-Type": JSON_TYPE}, encoded(manifest), warnings or [])

    @classmethod
    def text(cls, status: int, text: str) -> "ApiResponse":
        """An answer in plain text."""
        return cls(status, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)

    def header_list(self) -> list[tuple[str, str]]:
        """All headers as they go out, warnings quoted as RFC 7234 wants."""
        escaped = [text.replace("\\", "\\\\").replace('"', '\\"') for text in sent_warnings(self.warnings)]
        return [*self.headers.items(), *(("Warning", f'299 - "{text}"') for text in escaped)]


def sent_warnings(warnings: Iterable[str]) -> list[str]:
    """Those warnings that go out: each once, none with a control character, all cut when they are too much.

    Source: apiserver endpoints/filters/warning.go, apimachinery util/net (NewWarningHeader).
    """
    once = [
        text for text in dict.fromkeys(warnings) if not any(unicodedata.category(c) == "Cc" for c in text)
    ]
    if sum(map(len, once)) <= _ALL_WARNINGS:
        return once
    cut, written = [], 0
    for text in once:
        if written >= _ALL_WARNINGS:
            break
        cut.append(text[:_LONG_WARNING])
        written += len(cut[-1])
    return cut


def encoded(manifest: Any) -> bytes:
    """Compact JSON with a line feed, as the API server writes it."""
    return json.dumps(manifest, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
