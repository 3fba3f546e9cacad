"""The API log: every answered request, told to whoever listens to the cluster (the page shows it)."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from svclab.apiserver.messages import ApiRequest, ApiResponse


@dataclass(frozen=True, slots=True)
class LogLine:
    """One request as the log shows it: what was asked, by which command, and how it ended."""

    method: str
    path: str
    status: int
    reason: str
    agent: str
    command: str
    user: str


Listener = Callable[[LogLine], None]
_listeners: dict[Any, dict[int, Listener]] = {}
_guard = threading.Lock()
_numbers = iter(range(1, 1 << 62))


def listen(cluster_id: Any, listener: Listener) -> Callable[[], None]:
    """Have `listener` called with each line, in the thread that answers the request; returns how to stop."""
    with _guard:
        number = next(_numbers)
        _listeners.setdefault(cluster_id, {})[number] = listener

    def stop() -> None:
        with _guard:
            remaining = _listeners.get(cluster_id, {})
            remaining.pop(number, None)
            if not remaining:
                _listeners.pop(cluster_id, None)

    return stop


def report(cluster: Any, request: ApiRequest, answer: Any) -> None:
    """Tell the cluster's listeners of an answered request."""
    with _guard:
        found = list(_listeners.get(cluster.id, {}).values())
    if not found:
        return
    query = "&".join(f"{name}={value}" for name, value in request.query)
    status = answer.status if isinstance(answer, ApiResponse) else 200  # else a watch
    reason = (
        answer.json.get("reason", "")
        if isinstance(answer, ApiResponse) and status >= 400 and answer.body[:1] == b"{"
        else ""
    )
    line = LogLine(
        request.method,
        request.path + (f"?{query}" if query else ""),
        status,
        reason,
        request.headers.get("user-agent", ""),
        request.headers.get("kubectl-command", ""),
        request.user,
    )
    for listener in found:
        listener(line)
