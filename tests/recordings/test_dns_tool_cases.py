"""nslookup, host, dig and getent: what they ask, print and return. Source: coredns-cases.json (BIND
9.18.49, glibc).

Masked as in the recording: ids, cookies, times, serials, versions. For outside names the recording's
upstream was a stub: TTLs, authority sections and with them the message's size are left out of the
comparison.
"""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from svclab.dns.message import Answered, Message, Question
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.tools.dig import dig
from svclab.dns.tools.getent import getent
from svclab.dns.tools.host import host
from svclab.dns.tools.nslookup import nslookup
from svclab.dns.tools.run import Surroundings, ToolResult
from svclab.kube.coredns import Cache, CoreDns
from tests.recordings.dns_cases import cluster, dns_file, options_of

TOOLS = {"dig": dig, "getent": getent, "host": host, "nslookup": nslookup}
CASES = [case for case in dns_file()["resolver_cases"] if "argv" in case]
NOW = datetime(2026, 11, 24, 2, 49, tzinfo=UTC)
MASKS = [
    (r"(?m)^(; <<>> DiG )\S+", r"\1<version>"),
    (r"(id: )\d+", r"\1<id>"),
    (r"(COOKIE: )[0-9a-f]+", r"\1<cookie>"),
    (r"(Query time: )\d+", r"\1<ms>"),
    (r"(?m)^(;; WHEN: ).*", r"\1<when>"),
    (r"(hostmaster\.\S+ )\d+", r"\1<serial>"),
]
OUTSIDE = [
    (r"(?m)^;; AUTHORITY SECTION:\n(.+\n)+\n", ""),
    (r"AUTHORITY: \d+", "AUTHORITY: *"),
    (r"rcvd: \d+", "rcvd: *"),
    (r"(?m)^(\S+\t+)\d+(\tIN)", r"\1*\2"),
]


def run(case: dict[str, Any]) -> tuple[ToolResult, list[dict[str, Any]]]:
    setup = dns_file()["resolver_setup"]
    options = options_of(setup["options"] | {"upstream": setup["upstream"]})
    server, queries = CoreDns(cluster(case["cluster"]), options, Cache()), []
    around = Surroundings(
        ResolvConf.parse(case["resolv_conf"]), NOW, lambda below: below // 3, library="glibc"
    )
    name, *argv = case["argv"]
    work = TOOLS[name](argv, around)
    reply: Answered = None
    try:
        while True:
            ask = work.send(reply) if queries else next(work)
            reply = server.answer(ask.question, edns=ask.edns, tcp=ask.tcp, now=NOW)
            queries.append(_query(ask.question, reply))
    except StopIteration as end:
        return end.value, queries


def _query(question: Question, reply: Message) -> dict[str, Any]:
    answers = len(reply.answer)
    return {"name": question.name, "type": question.type, "rcode": reply.rcode.value, "answers": answers}


def masked(text: str, masks: list[tuple[str, str]]) -> str:
    for pattern, replacement in masks:
        text = re.sub(pattern, replacement, text)
    return text


def comparable(text: str, *, outside: bool) -> list[str]:
    """Lines in order, but neighbours that differ only in an address or a data field sorted."""
    lines = masked(text, MASKS + (OUTSIDE if outside else [])).splitlines()
    is_record = re.compile(r"(\S+\s+(\d+|\*)\s+IN\s|\S+ has address|Address: 10\.244|[\d.]+ +(STREAM|\S+\.))")
    return lines if not all(is_record.match(line) for line in lines) else sorted(lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_tool_asks_prints_and_returns_as_recorded(case: dict[str, Any]) -> None:
    result, queries = run(case)

    outside = not queries[-1]["name"].endswith((".cluster.local.", ".in-addr.arpa."))
    assert queries == case["queries"]
    assert comparable(result.stdout, outside=outside) == comparable(case["stdout"], outside=outside)
    assert result.exit == case["exit"]
    assert result.stderr == ""
