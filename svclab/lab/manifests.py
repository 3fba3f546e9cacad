"""`kubectl apply` from the page's editor: one result a document, with the line that an error is about."""

from typing import Any

from svclab.apiserver import dispatch
from svclab.apiserver.dispatch import ApiRequest, ApiResponse
from svclab.apiserver.yaml_body import MAX_DOCUMENTS
from svclab.cluster.store import ClusterHandle
from svclab.kube.resources import by_kind
from svclab.lab.lines import documents, line_of
from svclab.terminal.session import Session
from svclab.terminal.streams import TextInput

Result = dict[str, Any]


def apply(cluster: ClusterHandle, text: str) -> list[Result]:
    """Apply every document as `kubectl apply -f -` does, and say for each what kubectl printed.

    A result has `message` or `error`, and `line` (from 1, in the whole text) where it is known.
    """
    if "\0" in text:
        return [
            {
                "error": "error: the manifest contains a NUL character",
                "line": text.count("\n", 0, text.index("\0")) + 1,
            }
        ]
    parts = list(documents(text))
    if not parts:
        return [{"error": "error: no objects passed to apply", "line": None}]
    if len(parts) > MAX_DOCUMENTS:
        return [
            {"error": f"error: the editor applies at most {MAX_DOCUMENTS} documents at once", "line": None}
        ]
    session = Session(cluster, "editor")
    return [result for first, document in parts for result in _apply_one(session, first, document)]


def _apply_one(session: Session, first_line: int, document: str) -> list[Result]:
    printed: list[str] = []
    errors: list[str] = []
    status = session.execute(
        ["kubectl", "apply", "-f", "-"], printed.append, err=errors.append, stdin=TextInput(document)
    )
    results: list[Result] = [
        {"message": line, "line": None} for line in "".join(printed).splitlines() if line
    ]
    words = "".join(errors).strip()
    if status == 0:
        return results + ([{"message": words, "line": None}] if words else [])
    line = line_of(document, words)
    return [
        *results,
        {"error": words or f"kubectl ended with status {status}", "line": line and line + first_line},
    ]


def delete(cluster: ClusterHandle, kind: str, namespace: str, name: str) -> str | None:
    """Delete one object through the API; the API server's words if it refuses, else None."""
    resource = by_kind(kind)
    if resource is None:
        return f"the server doesn't have a resource type {kind!r}"
    group = f"/apis/{resource.group}" if resource.group else "/api"
    place = f"/namespaces/{namespace}" if resource.namespaced else ""
    path = f"{group}/{resource.version}{place}/{resource.plural}/{name}"
    answer = dispatch.handle(cluster, ApiRequest("DELETE", path, [], {}, b""))
    if isinstance(answer, ApiResponse) and answer.status >= 400:
        return str(answer.json.get("message", "refused"))
    return None
