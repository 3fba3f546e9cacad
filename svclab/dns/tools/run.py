"""How a tool runs without sending anything: it yields what it asks, is sent what came back, and returns its
output.

Also the walk over the search list that nslookup, host and dig share. Source: BIND 9.18 dighost.c.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from svclab.dns.hosts import HostsFile
from svclab.dns.message import RCODE_NUMBERS, Answered, Edns, Message, Question, Rcode, Unanswered
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.resolver import resolve

PORT = 53
NO_HOSTS = HostsFile()
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ask:
    """One question on its way to a server; `timeout_seconds` is how long the tool waits for the answer."""

    question: Question
    server: str
    edns: Edns | None = None
    tcp: bool = False
    timeout_seconds: int = 5


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool printed, and its exit code."""

    stdout: str
    stderr: str = ""
    exit: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a tool finds where it runs. `draw(n)` gives a number in 0..n-1, for message ids and times."""

    conf: ResolvConf
    now: datetime
    draw: Callable[[int], int]
    hosts: HostsFile = NO_HOSTS
    library: str = "musl"


Run = Generator[Ask, Answered, ToolResult]
Asking = Generator[Ask, Answered, Message | Unanswered]


@dataclass(slots=True)
class Client:
    """The part of BIND that sends: retries, truncation, servers in turn. `out` collects what it says on the
    way.

    `on_reply` is called with every message and the server that sent it, before anything else is done with it.
    """

    around: Surroundings
    servers: tuple[str, ...]
    tries: int = 3
    timeout_seconds: int = 5
    tcp: bool = False
    cookie: bytes = b""
    edns: bool = False
    udp_bytes: int = 1232
    out: list[str] = field(default_factory=list)
    on_reply: Callable[[Message, str], None] = lambda message, server: None
    used_tcp: bool = False
    answered_by: str = ""

    def ask(self, question: Question) -> Asking:
        """One question until a server answers, or until all tries with all servers are over."""
        why = Unanswered.TIMED_OUT
        for _ in range(self.tries):
            for server in self.servers:
                reply = yield from self._once(question, server)
                if isinstance(reply, Message):
                    return reply
                why = reply
                self.out.append(f";; communications error to {server}#{PORT}: {why.value}\n")
        return why

    def _once(self, question: Question, server: str) -> Asking:
        edns = Edns(self.udp_bytes, self.cookie) if self.edns else None
        reply = yield Ask(question, server, edns, self.tcp, self.timeout_seconds)
        self.used_tcp, self.answered_by = self.tcp, server
        if isinstance(reply, Message) and reply.tc and not self.tcp:
            self.out.append(";; Truncated, retrying in TCP mode.\n")
            self.used_tcp = True
            reply = yield Ask(question, server, edns, True, self.timeout_seconds)
        if isinstance(reply, Message):
            self.on_reply(reply, server)
            return reply
        return reply or Unanswered.TIMED_OUT

    def search(self, typed: str, kind: str, *, use_search_list: bool = True) -> Asking:
        """Candidates in order; only a name error leads on to the next one. With ndots dots: as it is only."""
        conf = self.around.conf if use_search_list else ResolvConf()
        reply: Message | Unanswered = Unanswered.TIMED_OUT
        for name in conf.candidates(typed, search_after_dots=False):
            reply = yield from self.ask(Question(name, kind))
            if not isinstance(reply, Message) or reply.rcode is not Rcode.NXDOMAIN:
                break
        return reply


def follow(
    walk: Generator[list[Question], Sequence[Answered], Result], conf: ResolvConf
) -> Generator[Ask, Answered, Result]:
    """Send a library's walk to the servers of resolv.conf, each question until one of them answers."""
    answers: list[Answered] | None = None
    while True:
        try:
            questions = next(walk) if answers is None else walk.send(answers)
        except StopIteration as end:
            return end.value
        answers = []
        for question in questions:
            answers.append((yield from _in_turn(question, conf)))


def _in_turn(question: Question, conf: ResolvConf) -> Generator[Ask, Answered, Answered]:
    reply: Answered = None
    for _ in range(conf.attempts):
        for server in conf.servers:
            reply = yield Ask(question, server, timeout_seconds=conf.timeout_seconds)
            if isinstance(reply, Message):
                return reply
    return reply


def server_addresses(named: str, around: Surroundings) -> Generator[Ask, Answered, tuple[str, ...]]:
    """The addresses of a server given on the command line; none if the name does not resolve."""
    found = yield from follow(resolve(named, around.conf, around.hosts, around.library), around.conf)
    return found.addresses


def finish(work: Run, send: Callable[[Ask], Answered]) -> ToolResult:
    """Run a tool to its end, its questions sent by `send`."""
    try:
        ask = next(work)
        while True:
            ask = work.send(send(ask))
    except StopIteration as end:
        return end.value


def rcode_words(rcode: Rcode) -> str:
    """An rcode as host prints it: number and name."""
    return f"{RCODE_NUMBERS[rcode]}({rcode.value})"
