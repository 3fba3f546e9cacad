"""All pages of this process that look at one cluster: news are read and encoded once, then sent to each.

The room also lets time pass: it sleeps until the next thing is due in the cluster, then advances it. It ends
with its last page.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

from svclab.apiserver import requestlog
from svclab.apiserver.requestlog import LogLine
from svclab.cluster import news
from svclab.lab import work
from svclab.lab.protocol import Error, Message, encode

log = logging.getLogger(__name__)
Listener = Callable[[str], None]  # takes a text at once, without waiting

_LONGEST_SLEEP = 20.0  # seconds; then the room looks again, in case another process's news were lost
_AFTER_ERROR = 5.0
_rooms: dict[tuple[int, UUID], "Room"] = {}


class Room:
    """One cluster's pages in this event loop."""

    def __init__(self, cluster_id: UUID) -> None:
        self.cluster_id = cluster_id
        self._members: set[Listener] = set()
        self._seq = count(1)
        self._seen: work.Seen | None = None
        self._wake = asyncio.Event()
        self._looked = asyncio.Event()  # at least once
        self._tasks: list[asyncio.Task[None]] = []
        self._stop_listening: list[Callable[[], None]] = []
        self.onlookers: set[Callable[[], None]] = set()  # called after anything has happened

    def encoded(self, message: Message) -> str:
        """The text of a message, under the room's next number."""
        return encode(message, next(self._seq))

    def count_from(self, last_seq: int) -> None:
        """Go on above what a returning page has seen, so that numbers only grow for it."""
        self._seq = count(max(next(self._seq), last_seq + 1))

    async def join(self, member: Listener) -> None:
        """A page is there; it gets everything that happens after this returns, and perhaps some of before.

        So a page first joins and then asks for the whole: nothing falls between the two.
        """
        self._members.add(member)
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._stop_listening = [
                news.listen(self.cluster_id, lambda _: loop.call_soon_threadsafe(self._wake.set)),
                requestlog.listen(self.cluster_id, lambda line: loop.call_soon_threadsafe(self._log, line)),
            ]
            self._tasks = [
                loop.create_task(self._live()),
                loop.create_task(news.hear_others(self.cluster_id, self._wake.set)),
            ]
        await self._looked.wait()

    def leave(self, member: Listener) -> None:
        """A page has gone; the last one ends the room."""
        self._members.discard(member)
        if self._members:
            return
        _rooms.pop((id(asyncio.get_running_loop()), self.cluster_id), None)
        for task in self._tasks:
            task.cancel()
        for stop in self._stop_listening:
            stop()

    def _log(self, line: LogLine) -> None:
        time = datetime.now(UTC).isoformat()
        self.spread([work.api_entry(time, line)])

    def spread(self, messages: Iterable[Message]) -> None:
        """Encode once, hand to every page."""
        for message in messages:
            text = self.encoded(message)
            for member in list(self._members):
                member(text)

    async def _live(self) -> None:
        while True:
            self._wake.clear()
            try:
                found = await work.read(work.look, self.cluster_id, self._seen)
            except work.NoSuchCluster:
                self._looked.set()
                self.spread([Error("This cluster is gone. Reload the page for a new one.")])
                return
            except Exception:
                # One bad look (a locked database, say) must not end the page's life.
                log.exception("looking at cluster %s failed", self.cluster_id)
                self._looked.set()
                await asyncio.sleep(_AFTER_ERROR)
                continue
            happened = self._seen != found.seen
            self._seen = found.seen
            self._looked.set()
            self.spread(found.messages)
            if happened:
                for look in list(self.onlookers):
                    look()
            try:
                await asyncio.wait_for(self._wake.wait(), min(found.sleep_seconds, _LONGEST_SLEEP))
            except TimeoutError:
                continue


def room_of(cluster_id: UUID) -> Room:
    """The room of a cluster in the running event loop."""
    return _rooms.setdefault((id(asyncio.get_running_loop()), cluster_id), Room(cluster_id))
