"""News of clusters, after commit: to listeners in this process, and over the channel layer to the others."""

import logging
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer

log = logging.getLogger(__name__)
Message = dict[str, Any]
Listener = Callable[[Message], None]

_listeners: dict[UUID, dict[int, Listener]] = {}
_guard = threading.Lock()
_numbers = iter(range(1, 1 << 62))


def group(cluster_id: UUID) -> str:
    """The channel group that hears of a cluster."""
    return f"cluster.{cluster_id}"


def listen(cluster_id: UUID, listener: Listener) -> Callable[[], None]:
    """Have `listener` called, in the writer's thread, with every message of this process; returns how to
    stop.

    It must only hand the message on (e.g. `loop.call_soon_threadsafe`).
    """
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


def announce(cluster_id: UUID, message: Message) -> None:
    """Tell everybody who listens. Never fails a write that is already committed."""
    with _guard:
        found = list(_listeners.get(cluster_id, {}).values())
    for listener in found:
        listener(message)
    layer = get_channel_layer()
    if layer is not None and not isinstance(layer, InMemoryChannelLayer):  # which no other process hears
        try:
            async_to_sync(layer.group_send)(group(cluster_id), message)
        except Exception:
            # The write is committed: a channel layer that is away delays the news, it undoes nothing.
            log.exception("no news of cluster %s", cluster_id)


def changed(cluster_id: UUID, version: int) -> None:
    """Objects were written, up to this resourceVersion, or the clock or a switch was set."""
    announce(cluster_id, {"type": "cluster.changed", "cluster": str(cluster_id), "rv": version})


def trace_recorded(cluster_id: UUID, number: int, origin: str) -> None:
    """A request was sent and its trace is stored."""
    announce(
        cluster_id,
        {"type": "trace.recorded", "cluster": str(cluster_id), "trace": number, "origin": origin},
    )
