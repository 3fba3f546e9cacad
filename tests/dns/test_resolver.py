"""Stub resolvers where servers fail: the recorded cases hold the rest."""

from collections.abc import Mapping

import pytest

from svclab.dns.hosts import HostsFile
from svclab.dns.message import Answered, Message, Question, Rcode, Record, Unanswered
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.resolver import Resolution, resolve

CONF = ResolvConf(("a.example", "b.example"), ("10.96.0.10",), ("ndots:5",))


def end_of(
    typed: str, answers: Mapping[str, Rcode | str | Unanswered | None], library: str, conf: ResolvConf = CONF
) -> tuple[Resolution, list[str]]:
    """The end of a look-up and the names asked for; what is not in `answers` is NXDOMAIN."""
    walk, names, replies = resolve(typed, conf, HostsFile(), library), [], None
    while True:
        try:
            questions = next(walk) if replies is None else walk.send(replies)
        except StopIteration as end:
            return end.value, names
        names.append(questions[0].name)
        replies = [_reply(question, answers.get(question.name, Rcode.NXDOMAIN)) for question in questions]


def _reply(question: Question, answer: Rcode | str | Unanswered | None) -> Answered:
    match answer:
        case None | Unanswered():
            return answer
        case Rcode():
            return Message(question, answer)
        case target if target.endswith("."):
            return Message(question, answer=(Record(question.name, 30, "CNAME", target),))
        case address:
            records = (Record(question.name, 30, "A", address),) if question.type == "A" else ()
            return Message(question, answer=records)


def test_glibc_goes_on_after_servfail_and_musl_gives_up() -> None:
    answers = {"web.a.example.": Rcode.SERVFAIL, "web.b.example.": "192.0.2.1"}

    assert end_of("web", answers, "glibc")[0].addresses == ("192.0.2.1",)
    assert end_of("web", answers, "musl")[0].error == "Try again"


def test_glibc_skips_the_rest_of_the_search_list_when_nobody_answers() -> None:
    resolution, names = end_of("web", {"web.a.example.": None, "web.": None}, "glibc")

    assert names == ["web.a.example.", "web."]
    assert (resolution.code, resolution.error) == ("DNS-TIMEOUT", "Temporary failure in name resolution")


@pytest.mark.parametrize("failure", [Unanswered.REFUSED, Unanswered.UNREACHABLE])
def test_glibc_gives_up_at_once_where_no_server_is(failure: Unanswered) -> None:
    resolution, names = end_of("web", {"web.a.example.": failure}, "glibc")

    assert names == ["web.a.example."]
    assert (resolution.code, resolution.error) == ("DNS-TIMEOUT", "Temporary failure in name resolution")


def test_musl_stops_at_once_when_nobody_answers() -> None:
    resolution, names = end_of("web", {"web.a.example.": None}, "musl")

    assert names == ["web.a.example."]
    assert resolution.code == "DNS-TIMEOUT"


def test_servfail_for_all_candidates_is_a_temporary_failure() -> None:
    answers = {"web.a.example.": Rcode.SERVFAIL}

    assert end_of("web", answers, "glibc")[0].code == "SERVFAIL"


@pytest.mark.parametrize("library", ["glibc", "musl"])
def test_an_alias_without_an_address_at_its_end_is_no_address(library: str) -> None:
    resolution, names = end_of("web", {"web.a.example.": "gone.example."}, library)

    assert names == ["web.a.example."]
    assert (resolution.code, resolution.addresses) == ("NODATA", ())


def test_the_canonical_name_is_the_end_of_the_alias_chain() -> None:
    question = Question("web.", "A")
    message = Message(
        question,
        answer=(Record("web.", 30, "CNAME", "www."), Record("www.", 30, "A", "192.0.2.1")),
    )

    assert message.canonical_name() == "www."


@pytest.mark.parametrize("library", ["glibc", "musl", "c-ares"])
def test_an_address_is_never_asked_for(library: str) -> None:
    resolution, names = end_of("10.96.0.10", {}, library)

    assert (names, resolution.addresses, resolution.source) == ([], ("10.96.0.10",), "literal")


def test_an_unknown_library_is_an_error() -> None:
    with pytest.raises(KeyError):
        end_of("web", {}, "bsd")
