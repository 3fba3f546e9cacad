"""Whom a library asks: the servers of resolv.conf in its order, when it asks again, and how long it waits.

Nothing is sent here. Each generator asks one step's questions: it yields a Try (sent the answers, in the
order of its questions) or a Wait (sent None), and returns the step's answers. Sources: glibc 2.36 res_send.c,
musl res_msend.c (over TCP where an answer was cut off, as since 1.2.4), c-ares 1.34 as curl sets it up; tries
and waiting times compared with the real libraries.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from svclab.dns.message import Answered, Message, Question, Rcode, Unanswered
from svclab.dns.resolvconf import ResolvConf

ARES_ROUNDS, ARES_SECONDS = 3, 2


@dataclass(frozen=True, slots=True)
class Try:
    """Questions that leave one socket together; the next Try for the same server leaves the same socket."""

    server: str
    questions: tuple[Question, ...]
    tcp: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """No answer that counts has come, and the library waits in vain."""

    seconds: float


Asking = Generator[Try | Wait, list[Answered] | None, list[Answered]]


def is_usable(answer: Answered) -> bool:
    """Whether a library takes this for an answer instead of asking somebody else."""
    return isinstance(answer, Message) and answer.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)


def glibc_asking(questions: Sequence[Question], conf: ResolvConf) -> Asking:
    """One server after another, `attempts` times over, until one answers a question of the step.

    What was refused (by ICMP) costs no time; the waiting time grows with a server's place.
    """
    heard: list[Answered] = [None for _ in questions]
    for _ in range(conf.attempts):
        for place, server in enumerate(conf.servers):
            over_tcp = conf.has("use-vc")
            answers = yield from _untruncated(server, tuple(questions), tcp=over_tcp)
            heard = [_better(old, new) for old, new in zip(heard, answers, strict=True)]
            if any(map(is_usable, answers)):
                return heard
            if any(map(_is_silence, answers)):
                yield Wait(_glibc_patience(place, conf))
    return heard


def _glibc_patience(place: int, conf: ResolvConf) -> int:
    seconds = conf.timeout_seconds << place
    return max(seconds // len(conf.servers) if place else seconds, 1)


def musl_asking(questions: Sequence[Question], conf: ResolvConf) -> Asking:
    """All servers at once, `attempts` rounds within the timeout; the first usable answer counts.

    A SERVFAIL makes it ask again at once, at most twice a question and round. It does not notice ICMP errors.
    """
    heard: dict[Question, Answered] = dict.fromkeys(questions)
    for _ in range(conf.attempts):
        pending = _unanswered(heard)
        for server in conf.servers:
            yield from _hear(heard, server, pending)
        again = 2 * len(questions)
        for server in conf.servers:
            while again and (failed := _servfailed(heard)):
                yield from _hear(heard, server, failed[:again])
                again -= len(failed[:again])
        if not _unanswered(heard):
            break
        yield Wait(conf.timeout_seconds / conf.attempts)
    return list(heard.values())


def ares_asking(questions: Sequence[Question], conf: ResolvConf) -> Asking:
    """One server after another in three rounds, waiting 2, 4 and 8 seconds for each."""
    heard: dict[Question, Answered] = dict.fromkeys(questions)
    for number in range(ARES_ROUNDS):
        for server in conf.servers:
            yield from _hear(heard, server, _unanswered(heard))
            if any(map(is_usable, heard.values())) and not any(map(_is_silence, heard.values())):
                return list(heard.values())
            if any(map(_is_silence, heard.values())):
                yield Wait(ARES_SECONDS << number)
    return list(heard.values())


ASKING: dict[str, Callable[[Sequence[Question], ResolvConf], Asking]] = {
    "glibc": glibc_asking,
    "musl": musl_asking,
    "c-ares": ares_asking,
}


def _untruncated(server: str, questions: tuple[Question, ...], *, tcp: bool = False) -> Asking:
    """The answers of one server, over TCP at once or where any had been cut off."""
    answers = (yield Try(server, questions, tcp=tcp)) or []
    if not tcp and any(isinstance(answer, Message) and answer.tc for answer in answers):
        answers = (yield Try(server, questions, tcp=True)) or []
    return answers


def _hear(
    heard: dict[Question, Answered], server: str, questions: tuple[Question, ...]
) -> Generator[Try | Wait, list[Answered] | None, None]:
    answers = yield from _untruncated(server, questions)
    for question, answer in zip(questions, answers, strict=True):
        heard[question] = _better(heard[question], answer)


def _better(old: Answered, new: Answered) -> Answered:
    """An answer that counts, else any message, else the last silence."""
    if is_usable(old) or (isinstance(old, Message) and not isinstance(new, Message)):
        return old
    return new


def _is_silence(answer: Answered) -> bool:
    return answer in (None, Unanswered.TIMED_OUT)


def _unanswered(heard: dict[Question, Answered]) -> tuple[Question, ...]:
    return tuple(question for question, answer in heard.items() if not is_usable(answer))


def _servfailed(heard: dict[Question, Answered]) -> tuple[Question, ...]:
    return tuple(
        question
        for question, answer in heard.items()
        if isinstance(answer, Message) and answer.rcode is Rcode.SERVFAIL
    )
