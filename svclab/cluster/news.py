"""News of clusters, after commit: to listeners in this process, and over the channel layer to the others.

News only say where to look. Whoever waits for them also looks now and then unasked, so losing some loses time
and nothing else.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer

log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 2  # with a channel layer that does not take a message
_AGAIN_SECONDS = 1  # until a channel layer that went away is asked again
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
    if _to_others() is not None:
        try:
            async_to_sync(_tell_others)(cluster_id, message)
        except Exception as error:
            # The write is committed: a channel layer that is away delays the news, it undoes nothing.
            log.warning("other processes were not told of cluster %s: %r", cluster_id, error)


async def hear_others(cluster_id: UUID, wake: Callable[[], None]) -> None:
    """Call `wake` whenever another process may have written to the cluster, until cancelled.

    Returns at once where there are no other processes. While the channel layer is away there are no news; as
    soon as it is back, `wake` is called for what was missed.
    """
    was_there = True
    while (layer := _to_others()) is not None:
        try:
            async for _ in _heard(layer, group(cluster_id)):
                was_there = True
                wake()
        except Exception as error:
            if was_there:
                log.warning("no news of other processes for the moment: %r", error)
            was_there = False
            await asyncio.sleep(_AGAIN_SECONDS)


async def _heard(layer: Any, name: str) -> AsyncIterator[None]:
    """Once when listening has begun, then at every message."""
    channel = await layer.new_channel()
    await layer.group_add(name, channel)
    try:
        while True:
            yield
            await layer.receive(channel)
    finally:
        with contextlib.suppress(Exception):  # the layer may be what went away
            await layer.group_discard(name, channel)


async def _tell_others(cluster_id: UUID, message: Message) -> None:
    layer = _to_others()
    assert layer is not None
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await layer.group_send(group(cluster_id), message)


def _to_others() -> Any:
    """The channel layer, if it reaches other processes."""
    layer = get_channel_layer()
    return None if isinstance(layer, InMemoryChannelLayer) else layer


def changed(cluster_id: UUID, version: int) -> None:
    """Objects were written, up to this resourceVersion, or the clock or a switch was set."""
    announce(cluster_id, {"type": "cluster.changed", "cluster": str(cluster_id), "rv": version})


def trace_recorded(cluster_id: UUID, number: int, origin: str) -> None:
    """A request was sent and its trace is stored."""
    announce(
        cluster_id,
        {"type": "trace.recorded", "cluster": str(cluster_id), "trace": number, "origin": origin},
    )
