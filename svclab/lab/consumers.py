"""One websocket per page, /ws/lab/: a learner's cluster, its requests, clock, manifests, terminals."""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from svclab.accounts.guests import learner_for
from svclab.cluster import outage
from svclab.lab import protocol, work
from svclab.lab.protocol import BadMessage, Error, Message, Welcome
from svclab.lab.room import Room, room_of
from svclab.lab.terminals import Terminals
from svclab.lessons.catalogue import lessons

log = logging.getLogger(__name__)

TOO_FAST = 4008
TOO_LARGE = 4009
TOO_SLOW = 4013
NOT_YOURS = 4003
_SETTLES_SECONDS = 0.15
_MOST_WAITING = 20
_LONGEST_BACKLOG = 16 * 1024 * 1024  # characters that wait for a page that does not read


class LabConsumer(AsyncWebsocketConsumer):
    """A page of the learner whose cookie opened the connection.

    It needs no channel layer of its own, the room hears other processes; and no database on the event loop.
    """

    channel_layer_alias = None
    room: Room | None = None

    async def connect(self) -> None:
        """Only a page of our own origin, with the cookie of a learner who has a cluster."""
        learner = learner_for(self.scope)
        try:
            cluster = (
                await work.run(work.cluster_of, learner) if same_origin(self.scope) and learner else None
            )
        except DatabaseError as error:
            log.warning("a page's connection was not served: %s", error)
            await self.close()  # before it was accepted, so the page tries again, less and less often
            return
        await self.accept()
        if cluster is None:
            await self.close(code=NOT_YOURS, reason="open the workspace page first")
            return
        self.learner, self.cluster = learner, cluster
        self.session = secrets.token_hex(8)
        self._outbox: deque[str] = deque()
        self._backlog = 0
        self._more = asyncio.Event()
        self._writer = asyncio.ensure_future(self._write())
        self._grading: asyncio.Future[None] | None = None
        self._ungraded = False
        self._turn = asyncio.Lock()
        self._waiting: set[asyncio.Future[None]] = set()
        self._received: deque[float] = deque(maxlen=protocol.MAX_PER_SECOND)
        self.room = room_of(cluster.id)
        self.terminals = Terminals(cluster, self.say, asyncio.get_running_loop())

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Straight to the handler: the database is read in `work.run`'s threads only, which look after their
        connections. Channels looks after this thread's before every message, and that is a thread's turn for
        each keystroke.
        """
        await getattr(self, get_handler_name(message))(message)

    async def disconnect(self, code: int) -> None:
        """The page is gone, and its terminals with it."""
        if self.room is None:
            raise StopConsumer
        self.room.leave(self.take)
        self.room.onlookers.discard(self.grade_soon)
        self._writer.cancel()
        if self._grading:
            self._grading.cancel()
        await work.run(self.terminals.close_all)

    # ---- in ----

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One message: at most 64 KiB, at most 50 a second, of a known type with known fields."""
        if self.room is None:
            return
        if text_data is None or len(text_data.encode(errors="replace")) > protocol.MAX_BYTES:
            await self.close(code=TOO_LARGE, reason="a message may have 64 KiB")
            return
        now = time.monotonic()
        if len(self._received) == protocol.MAX_PER_SECOND and now - self._received[0] < 1:
            await self.close(code=TOO_FAST, reason="at most 50 messages a second")
            return
        self._received.append(now)
        try:
            message = protocol.parse(text_data)
        except BadMessage as error:
            self.say(Error(f"The page sent something that svclab does not understand: {error}."))
            return
        await self.handle(message)

    async def handle(self, message: Message) -> None:
        """The method named like the type answers: term.open -> on_term_open."""
        method = getattr(self, f"on_{message.type.replace('.', '_')}")
        await self.guarded(message, method(message))

    def later(self, message: Message, function: Callable[..., Message | None], *args: Any) -> None:
        """Do what takes longer, one after another, while the page's other messages are answered."""
        if len(self._waiting) >= _MOST_WAITING:
            raise work.Refused("Too much is under way for this page. Wait a moment.")

        async def in_turn() -> None:
            async with self._turn:
                answer = await work.run(function, *args)
            if answer is not None:
                self.say(answer)

        task = asyncio.ensure_future(self.guarded(message, in_turn()))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def guarded(self, message: Message, answering: Awaitable[None]) -> None:
        """Answer a message; whatever goes wrong, the page hears of it and goes on."""
        try:
            await answering
        except work.Refused as error:
            self.say(Error(str(error), message.type, getattr(message, "request", "")))
        except Exception as error:
            if words := outage.words_of(error):
                log.warning("message %s was not served: %s", message.type, error)
                self.say(Error(words, message.type, getattr(message, "request", "")))
                return
            number = secrets.token_hex(4)
            log.exception("message %s failed (%s)", message.type, number)
            self.say(
                Error(f"Sorry, svclab failed here (error {number}). The cluster is as it was.", message.type)
            )

    async def on_hello(self, message: protocol.Hello) -> None:
        """The page is ready: what it missed, or everything."""
        assert self.room
        self.room.count_from(message.last_seq)
        self.say(Welcome(self.session))
        await self.room.join(self.take)
        for found in await work.read(work.greet, self.cluster.id, message):
            self.say(found)

    async def on_send(self, message: protocol.Send) -> None:
        """One request; its trace comes to every page of the learner."""
        await work.run(work.send, self.cluster, message, self.session)

    async def on_send_many(self, message: protocol.SendMany) -> None:
        """Several requests."""
        self.later(message, work.send_many, self.cluster, message)

    async def on_peek(self, message: protocol.Peek) -> None:
        """What would happen."""
        self.say(await work.run(work.peek, self.cluster, message))

    async def on_clock(self, message: protocol.SetClock) -> None:
        """The cluster's clock."""
        await work.run(work.set_clock, self.cluster, message)

    async def on_mode(self, message: protocol.SetMode) -> None:
        """kube-proxy's mode."""
        await work.run(work.set_mode, self.cluster, message)

    async def on_reset(self, message: protocol.Reset) -> None:
        """A fresh cluster; the room tells every page."""
        await work.run(work.reset, self.cluster)

    async def on_apply(self, message: protocol.Apply) -> None:
        """Manifests, as kubectl apply takes them."""
        self.later(message, work.apply, self.cluster, message.name, message.yaml)

    async def on_delete(self, message: protocol.Delete) -> None:
        """Delete an object."""
        await work.run(work.delete, self.cluster, message)

    async def on_trace_get(self, message: protocol.TraceGet) -> None:
        """A recorded trace."""
        self.say(await work.run(work.trace, self.cluster, message.id))

    async def on_lesson_open(self, message: protocol.LessonOpen) -> None:
        """The page shows a lesson: its lamps now, and after everything that happens."""
        if self.room is None or message.lesson not in lessons():
            raise work.Refused("There is no such lesson.")
        self.lesson = message.lesson
        self.room.onlookers.add(self.grade_soon)
        self.grade_soon()

    async def on_term_open(self, message: protocol.TermOpen) -> None:
        """A terminal."""
        await work.read(self.terminals.open, message)

    async def on_term_input(self, message: protocol.TermInput) -> None:
        """Keys. What only edits a line is echoed at once, however many commands run elsewhere."""
        if self.terminals.echo(message):
            return
        await work.run(self.terminals.input, message)

    async def on_term_resize(self, message: protocol.TermResize) -> None:
        """The terminal's size."""
        await work.run(self.terminals.resize, message)

    async def on_term_run(self, message: protocol.TermRun) -> None:
        """A command block."""
        await work.run(self.terminals.run, message)

    async def on_term_edited(self, message: protocol.TermEdited) -> None:
        """A text that a command had opened was saved or closed."""
        await work.run(self.terminals.edited, message)

    async def on_term_close(self, message: protocol.TermClose) -> None:
        """The terminal is gone."""
        await work.run(self.terminals.close, message)

    # ---- lessons ----

    def grade_soon(self) -> None:
        """Look at the lesson's checks once what happens now has settled; one look at a time."""
        self._ungraded = True
        if self._grading is None or self._grading.done():
            self._grading = asyncio.ensure_future(self._grade())

    async def _grade(self) -> None:
        rest = _SETTLES_SECONDS
        while self._ungraded:
            await asyncio.sleep(rest)
            self._ungraded, began = False, time.monotonic()
            try:
                self.say(await work.read(work.progress, self.cluster, self.learner, self.lesson))
            except Exception:
                # The learner goes on; the next thing that happens is looked at again.
                log.exception("grading %s failed", self.lesson)
            rest = max(_SETTLES_SECONDS, 4 * (time.monotonic() - began))  # while something always happens

    # ---- out ----

    def say(self, message: Message) -> None:
        """A message to this page alone."""
        assert self.room
        self.take(self.room.encoded(message))

    def take(self, text: str) -> None:
        """Queue a text for the page; a page that does not read is dropped, and comes back by itself."""
        self._backlog += len(text)
        self._outbox.append(text)
        self._more.set()

    async def _write(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._outbox:
                if self._backlog > _LONGEST_BACKLOG:
                    await self.close(code=TOO_SLOW, reason="the page did not keep up; it may come back")
                    return
                text = self._outbox.popleft()
                self._backlog -= len(text)
                await self.send(text_data=text)


def same_origin(scope: dict[str, Any]) -> bool:
    """Whether the browser says that the page is ours: its Origin has the host it was sent to."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    return bool(origin) and urlsplit(origin).netloc == host
