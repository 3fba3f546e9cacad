"""How a tool runs without sending anything: it yields what it asks, is sent what came back, and returns its
output.

Also the walk over the search list that nslookup, host and dig share. Source: BIND 9.18 dighost.c.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from svclab.dns.hosts import HostsFile
from svclab.dns.message import RCODE_NUMBERS, Answered, Edns, Message, Question, Rcode, Unanswered
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.resolver import BOTH_FAMILIES, resolve
from svclab.dns.servers import ASKING, Try, Wait

PORT = 53
BIND_TRIES = 3
LOOPBACK_IPV6 = "::1"
NO_SERVERS = ";; no servers could be reached\n"
NO_HOSTS = HostsFile()
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ask:
    """One question on its way to a server; `timeout_seconds` is how long the tool waits for the answer.

    Questions with the same `socket` leave one socket; None stands for one of its own.
    """

    question: Question
    server: str
    edns: Edns | None = None
    tcp: bool = False
    timeout_seconds: float = 5
    socket: object = None
    port: int = PORT


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


Run = Generator[Ask | Wait, Answered, ToolResult]
Work = Generator[Ask | Wait, Answered, Result]
Asking = Generator[Ask | Wait, Answered, Message | Unanswered]


@dataclass(slots=True)
class Client:
    """The part of BIND that sends: retries, truncation, servers in turn. `out` collects what it says on the
    way.

    `tries` and `timeout_seconds` are resolv.conf's where they are None. A `picky` client does not take
    SERVFAIL for final while another server is left, nor, if it `wants_recursion`, an answer that offers
    none; what it thinks of them goes to `remark`. Once an answer was cut off, all further questions go over
    TCP. `on_candidate` is told of every name that is tried, `textname` is the one that was typed.
    """

    around: Surroundings
    servers: tuple[str, ...]
    tries: int | None = None
    timeout_seconds: int | None = None
    tcp: bool = False
    cookie: bytes = b""
    edns: bool = False
    dnssec_ok: bool = False
    class_: str = "IN"
    udp_bytes: int = 1232
    wants_recursion: bool = True
    picky: bool = False
    ignores_truncation: bool = False
    out: list[str] = field(default_factory=list)
    remark: Callable[[str], None] = lambda text: None
    on_candidate: Callable[[str], None] = lambda name: None
    answered_by: str = ""
    port: int = PORT
    textname: str = ""
    left: int = 0  # tries of the look-up under way

    def ask(self, question: Question, *, goes_on: bool = False) -> Asking:
        """One question until a server answers, or until all tries are over.

        The tries are a whole look-up's (`goes_on`: this question belongs to the one before), but every server
        is tried at least once.
        """
        if not goes_on:
            self.left = self.around.conf.option("attempts", BIND_TRIES) if self.tries is None else self.tries
        why = Unanswered.TIMED_OUT
        for server in self.servers:
            is_last = server == self.servers[-1]
            while True:
                reply = yield from self._once(question, server)
                if isinstance(reply, Message):
                    break
                why, self.left = reply, self.left - 1
                self._complain(server, why)
                if self.left < 1:
                    break
                if why is Unanswered.UNREACHABLE:
                    self.out.append(NO_SERVERS)
            if isinstance(reply, Message) and self._is_final(reply, server, is_last=is_last):
                return reply
        return why

    def _complain(self, server: str, why: Unanswered) -> None:
        if why is Unanswered.UNREACHABLE:
            where = f"{server}#{self.port}({server})"
            self.out.append(f";; UDP setup with {where} for {self.textname} failed: {why.value}.\n")
        else:
            self.out.append(f";; communications error to {server}#{self.port}: {why.value}\n")

    def _is_final(self, reply: Message, server: str, *, is_last: bool) -> bool:
        trouble = "recursion not available" if self.wants_recursion and not reply.ra else ""
        trouble = "SERVFAIL reply" if reply.rcode is Rcode.SERVFAIL else trouble
        if not self.picky or not trouble:
            return True
        self.remark(f"Got {trouble} from {server}" + ("" if is_last else ", trying next server"))
        return is_last

    def _once(self, question: Question, server: str) -> Asking:
        if server == LOOPBACK_IPV6:
            return Unanswered.REFUSED  # no pod runs a name server
        question = replace(question, class_=self.class_)
        edns = Edns(self.udp_bytes, self.cookie, self.dnssec_ok) if self.edns else None
        timeout = self.timeout_seconds
        timeout = self.around.conf.timeout_seconds if timeout is None else timeout
        self.answered_by = server
        reply = yield Ask(question, server, edns, self.tcp, timeout, port=self.port)
        if isinstance(reply, Message) and reply.tc and not self.tcp and not self.ignores_truncation:
            self.remark("Truncated, retrying in TCP mode.")
            self.tcp = True
            reply = yield Ask(question, server, edns, True, timeout, port=self.port)
        return reply or Unanswered.TIMED_OUT

    def search(self, typed: str, kind: str, *, use_search_list: bool = True) -> Asking:
        """Candidates in order; only a name error leads on to the next one. With ndots dots: as it is only."""
        conf = self.around.conf if use_search_list else ResolvConf(options=self.around.conf.options)
        reply: Message | Unanswered = Unanswered.TIMED_OUT
        self.textname = typed
        for place, name in enumerate(conf.candidates(typed, search_after_dots=False)):
            self.on_candidate(name)
            reply = yield from self.ask(Question(name, kind), goes_on=place > 0)
            if not isinstance(reply, Message) or reply.rcode is not Rcode.NXDOMAIN:
                break
        return reply


def follow(walk: Generator[list[Question], Sequence[Answered], Result], around: Surroundings) -> Work[Result]:
    """Send a library's walk to the servers of resolv.conf, as that library asks them."""
    answers: list[Answered] | None = None
    while True:
        try:
            questions = next(walk) if answers is None else walk.send(answers)
        except StopIteration as end:
            return end.value
        answers = yield from _step(questions, around)


def _step(questions: Sequence[Question], around: Surroundings) -> Work[list[Answered]]:
    asking = ASKING[around.library](questions, around.conf)
    socket, heard = object(), list[Answered]()
    act = next(asking)
    while True:
        match act:
            case Wait():
                yield act
                heard = []
            case Try():
                heard = []
                for question in act.questions:
                    heard.append((yield Ask(question, act.server, None, act.tcp, 0, socket)))
        try:
            act = asking.send(heard)
        except StopIteration as end:
            return end.value


def server_addresses(named: str, around: Surroundings, types: tuple[str, ...]) -> Work[tuple[str, ...]]:
    """The addresses of a server given on the command line; none if the name does not resolve."""
    found = yield from follow(resolve(named, around.conf, around.hosts, around.library, types), around)
    return found.addresses


def bind_server_addresses(named: str, around: Surroundings) -> Work[tuple[str, ...]]:
    """As BIND's tools look them up, with AI_ADDRCONFIG.

    glibc does not ask AAAA in a pod without a global IPv6 address; musl is content with ::1.
    """
    types = ("A",) if around.library == "glibc" else BOTH_FAMILIES
    return (yield from server_addresses(named, around, types))


def of_family(servers: tuple[str, ...], family: int | None) -> tuple[str, ...]:
    """The servers that -4 or -6 leaves; the machine itself where there is none."""
    if family is None:
        return servers
    left = tuple(server for server in servers if (":" in server) == (family == 6))
    return left or (LOOPBACK_IPV6 if family == 6 else "127.0.0.1",)


def finish(work: Run, send: Callable[[Ask], Answered], wait: Callable[[float], None]) -> ToolResult:
    """Run a tool to its end, its questions sent by `send`; `wait` is told of seconds that pass in vain."""
    try:
        act = next(work)
        while True:
            if isinstance(act, Wait):
                wait(act.seconds)
                act = work.send(None)
                continue
            reply = send(act)
            if reply in (None, Unanswered.TIMED_OUT):
                wait(act.timeout_seconds)
            act = work.send(reply)
    except StopIteration as end:
        return end.value


def rcode_words(rcode: Rcode) -> str:
    """An rcode as host prints it: number and name."""
    return f"{RCODE_NUMBERS[rcode]}({rcode.value})"
