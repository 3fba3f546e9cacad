"""What glibc and musl ask for a typed name, and what they make of the answers. Source: coredns-cases.json."""

from typing import Any

import pytest

from svclab.dns.hosts import HostsFile
from svclab.dns.message import Message, Question
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.resolver import Resolution, resolve
from svclab.kube.coredns import CoreDns
from tests.recordings.dns_cases import cluster, dns_file, options_of

CASES = [case for case in dns_file()["resolver_cases"] if case["client"].startswith("getaddrinfo")]


def server(name: str) -> CoreDns:
    setup = dns_file()["resolver_setup"]
    return CoreDns(cluster(name), options_of(setup["options"] | {"upstream": setup["upstream"]}))


def asked(question: Question, message: Message) -> dict[str, Any]:
    return {
        "name": question.name,
        "type": question.type,
        "rcode": message.rcode.value,
        "answers": len(message.answer),
    }


def run(case: dict[str, Any]) -> tuple[Resolution, list[dict[str, Any]]]:
    coredns, queries = server(case["cluster"]), []
    walk = resolve(
        case["typed"],
        ResolvConf.parse(case["resolv_conf"]),
        HostsFile.parse("\n".join(case["etc_hosts"])),
        "glibc" if "glibc" in case["client"] else "musl",
    )
    answers: list[Message] | None = None
    while True:
        try:
            questions = walk.send(answers) if answers is not None else next(walk)
        except StopIteration as end:
            return end.value, queries
        answers = [coredns.answer(question) for question in questions]
        queries += [asked(question, message) for question, message in zip(questions, answers, strict=True)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_library_sends_the_recorded_questions_in_order(case: dict[str, Any]) -> None:
    _, queries = run(case)

    assert queries == case["queries"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_getaddrinfo_ends_as_recorded(case: dict[str, Any]) -> None:
    resolution, _ = run(case)

    assert {
        "ok": resolution.code == "OK",
        "addresses": sorted(resolution.addresses),
        "error": resolution.error,
    } == case["result"]
