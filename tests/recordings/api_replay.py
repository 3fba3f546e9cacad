"""Replays recorded API requests against a cluster of ours and normalises both answers for comparison."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from svclab.apiserver.dispatch import ApiRequest, ApiResponse, Watch, handle
from svclab.apiserver.messages import ADMIN, ANONYMOUS, UNKNOWN
from svclab.cluster.store import ClusterHandle
from svclab.kube.resources import by_kind

FOLDER = Path(__file__).parent / "api"
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_NUMBERS = {"nodePort": "<nodePort>", "healthCheckNodePort": "<healthCheckNodePort>"}


@cache
def records(name: str) -> list[dict[str, Any]]:
    """The records of one file."""
    return json.loads((FOLDER / name).read_text())["records"]


def body_of(request: dict[str, Any]) -> bytes:
    """The bytes that were sent."""
    if "bodyText" in request:
        return request["bodyText"].encode()
    if repeat := request.get("bodyRepeat"):
        return f"{repeat['prefix']}{repeat['repeat'] * repeat['times']}{repeat['suffix']}".encode()
    return json.dumps(request["body"]).encode() if "body" in request else b""


def request_of(recorded: dict[str, Any]) -> ApiRequest:
    """The recorded request as ours."""
    headers = {"accept": recorded.get("accept", "application/json"), **recorded.get("headers", {})}
    if recorded.get("contentType"):
        headers["content-type"] = recorded["contentType"]
    user = ADMIN if "token" not in recorded else UNKNOWN if recorded["token"] else ANONYMOUS
    return ApiRequest(
        recorded["method"], recorded["path"], headers=headers, body=body_of(recorded), user=user
    )


def do_given(cluster: ClusterHandle, step: dict[str, Any]) -> None:
    """One of the things that were done first."""
    if "kind" in step:
        resource = by_kind(step["kind"], step["apiVersion"])
        assert resource is not None
        path = resource.path(step["metadata"].get("namespace", ""))
        answer = handle(cluster, ApiRequest.of("POST", path, step))
        assert isinstance(answer, ApiResponse)
        assert answer.status == 201, answer.body
    elif "method" in step:
        content_type = step.get("ctype") or "application/json"
        handle(
            cluster, ApiRequest.of(step["method"], step["path"], step.get("body"), content_type=content_type)
        )
    if wait := step.get("wait"):
        cluster.set_clock(lambda clock, real: clock.step(wait, real))


def answer_to(cluster: ClusterHandle, recorded: dict[str, Any]) -> dict[str, Any]:
    """Our answer in the form of a record's `response`."""
    answer = handle(cluster, request_of(recorded))
    if isinstance(answer, Watch):
        events = [json.loads(line) for line in answer.news()]
        return {"status": 200, "headers": answer.headers, "events": events}
    headers: dict[str, Any] = dict(answer.headers)
    warnings = [value for name, value in answer.header_list() if name == "Warning"]
    if warnings:
        headers["Warning"] = warnings[0] if len(warnings) == 1 else warnings
    if answer.body[:1] == b"{":
        return {"status": answer.status, "headers": headers, "body": answer.json}
    return {"status": answer.status, "headers": headers, "bodyText": answer.body.decode()}


def normalised(value: Any, kept: str) -> Any:
    """A document with placeholders for what no two runs share, but for what the request itself names."""
    if isinstance(value, dict):
        return {
            key: _placeholder(key, inner, kept)
            for key, inner in value.items()
            if key not in ("managedFields", "selfLink")
        }
    if isinstance(value, list):
        return [normalised(inner, kept) for inner in value]
    return _words(value, kept) if isinstance(value, str) else value


def _placeholder(key: str, value: Any, kept: str) -> Any:
    if key in _NUMBERS and isinstance(value, int) and str(value) not in kept:
        return _NUMBERS[key]
    if key == "resourceVersion" and value and f'"{value}"' not in kept:
        return "<resourceVersion>"
    if key == "clusterIP" and isinstance(value, str) and value not in ("None", "") and value not in kept:
        return "<clusterIP>"
    if key == "clusterIPs" and isinstance(value, list):
        return [v if v in ("None", "") or v in kept else "<clusterIP>" for v in value]
    return normalised(value, kept)


def _words(text: str, kept: str) -> str:
    text = _UID.sub(lambda match: match[0] if match[0] in kept else "<uid>", text)
    text = _TIME.sub("<time>", text)
    text = re.sub(r"current: \d+$", "current: <resourceVersion>", text)
    text = re.sub(
        r"too old resource version: (\d+) \(\d+\)", r"too old resource version: \1 (<resourceVersion>)", text
    )
    return re.sub(r'IPAddress.networking.k8s.io "[0-9.]+"', 'IPAddress.networking.k8s.io "<clusterIP>"', text)
