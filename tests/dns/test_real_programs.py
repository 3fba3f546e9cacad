"""dig, host, nslookup, getent and the C libraries beside the real ones. Source: real-programs.json says how
it was measured.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from svclab.dns.hosts import HostsFile
from svclab.dns.message import Answered, Edns, Message, Question, Rcode, Record, Unanswered
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.resolver import Resolution, resolve
from svclab.dns.servers import ASKING, Wait
from svclab.dns.tools import busybox
from svclab.dns.tools.dig import dig
from svclab.dns.tools.getent import getent
from svclab.dns.tools.host import host
from svclab.dns.tools.nslookup import nslookup
from svclab.dns.tools.run import Ask, Run, Surroundings, finish
from svclab.kube.coredns import Cache, CoreDns
from svclab.kube.snapshot import Snapshot
from tests.recordings.dns_cases import dns_file, options_of

MEASURED = json.loads((Path(__file__).parent / "real-programs.json").read_text())
NOW = datetime(2026, 11, 24, 2, 49, tzinfo=UTC)
TOOLS: dict[str, Callable[[list[str], Surroundings], Run]] = {
    "dig": dig,
    "getent": getent,
    "host": host,
    "nslookup": nslookup,
    "bb-nslookup": busybox.nslookup,
}
MASKS = [
    (r"(?m)^(; <<>> DiG )\S+", r"\1<version>"),
    (r"(id: )\d+", r"\1<id>"),
    (r"(COOKIE: )[0-9a-f]+", r"\1<cookie>"),
    (r"(Query time: )\d+", r"\1<ms>"),
    (r"(?m)^(;; WHEN: ).*", r"\1<when>"),
    (r"(hostmaster\.\S+ )\d+", r"\1<serial>"),
    (r" in \d+ ms", " in <ms> ms"),
]
SERVERS = MEASURED["servers"]
FAILURES = {"SERVFAIL": Rcode.SERVFAIL, "REFUSED": Rcode.REFUSED, "NOTIMP": Rcode.NOTIMP}
ODD_FAMILIES = {"sf6.": Rcode.SERVFAIL, "nx6.": Rcode.NXDOMAIN, "drop6.": None}


class World:
    """The name servers of the measurement; `asked` is what reached one, `seconds` what was waited in vain."""

    def __init__(self) -> None:
        setup = dns_file()["resolver_setup"]["options"] | {"upstream": MEASURED["upstream"]}
        objects = [*dns_file()["clusters"]["tutorial"]["objects"], *MEASURED["objects_added"]]
        self.coredns = CoreDns(Snapshot.of(objects), options_of(setup), Cache())
        self.asked: list[str] = []
        self.seconds = 0.0

    def put(self, server: str, question: Question, edns: Edns | None, *, tcp: bool, port: int) -> Answered:
        mode = SERVERS.get(server)
        if mode is None:
            return Unanswered.UNREACHABLE
        if mode == "port closed" or port != 53:
            return Unanswered.REFUSED
        self.asked.append(f"{question.name} {question.type} {server} {'tcp' if tcp else 'udp'}")
        if mode != "answers":
            failure = FAILURES.get(mode)
            return Message(question, failure).with_edns(edns) if failure else Unanswered.TIMED_OUT
        return self._answer(question, edns, tcp=tcp)

    def _answer(self, question: Question, edns: Edns | None, *, tcp: bool) -> Answered:
        first = question.name.lower().partition(".")[0] + "."
        match first:
            case "drop.":
                return Unanswered.TIMED_OUT
            case "servfail." | "refused.":
                rcode = Rcode(first[:-1].upper())
                return Message(question, rcode, ra=rcode is Rcode.SERVFAIL).with_edns(edns)
            case _ if first in ODD_FAMILIES and question.type == "AAAA":
                failure = ODD_FAMILIES[first]
                return Message(question, failure, ra=True).with_edns(edns) if failure else None
            case _ if first in ODD_FAMILIES:
                record = Record(question.name, 30, "A", "192.0.2.61")
                return Message(question, ra=True, answer=(record,)).with_edns(edns)
            case _:
                return self.coredns.answer(question, edns=edns, tcp=tcp, now=NOW)

    def send(self, ask: Ask) -> Answered:
        return self.put(ask.server, ask.question, ask.edns, tcp=ask.tcp, port=ask.port)

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


def conf_of(case: dict[str, Any]) -> ResolvConf:
    return ResolvConf.parse(case.get("resolv_conf", MEASURED["resolv_conf"]))


def masked(text: str) -> str:
    for pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text)
    return text


def named(case: dict[str, Any]) -> str:
    what = " ".join(case["argv"]) if "argv" in case else f"{case['library']} {case['typed']}"
    servers = re.findall(r"nameserver (\S+)", case.get("resolv_conf", ""))
    return " ".join((what, *servers))


@pytest.mark.parametrize("case", MEASURED["tools"], ids=named)
def test_a_tool_asks_prints_waits_and_ends_as_the_real_one(case: dict[str, Any]) -> None:
    world = World()
    hosts = HostsFile.parse(MEASURED["hosts"])
    around = Surroundings(conf_of(case), NOW, lambda below: below // 3, hosts, library="glibc")
    name, *argv = case["argv"]

    result = finish(TOOLS[name](argv, around), world.send, world.wait)

    assert world.asked == case["queries"]
    assert masked(result.stdout) == case["stdout"]
    assert masked(result.stderr) == case.get("stderr", "")
    assert result.exit == case["exit"]
    assert round(world.seconds) == case.get("seconds", 0)


def look_up(case: dict[str, Any], world: World) -> Resolution:
    conf = conf_of(case)
    walk = resolve(case["typed"], conf, HostsFile.parse(MEASURED["hosts"]), case["library"])
    answers: list[Answered] | None = None
    while True:
        try:
            questions = next(walk) if answers is None else walk.send(answers)
        except StopIteration as end:
            return end.value
        answers = step(ASKING[case["library"]](questions, conf), world)


def step(asking: Any, world: World) -> list[Answered]:
    heard: list[Answered] | None = None
    while True:
        try:
            act = next(asking) if heard is None else asking.send(heard)
        except StopIteration as end:
            return end.value
        if isinstance(act, Wait):
            world.wait(act.seconds)
            heard = []
        else:
            heard = [world.put(act.server, each, None, tcp=act.tcp, port=53) for each in act.questions]


@pytest.mark.parametrize("case", MEASURED["libraries"], ids=named)
def test_a_library_asks_and_waits_as_the_real_one(case: dict[str, Any]) -> None:
    world = World()

    end = look_up(case, world)

    assert world.asked == case["queries"]
    assert sorted(end.addresses) == case["addresses"]
    if "error" in case:
        assert end.error == case["error"]
    assert round(world.seconds) == case.get("seconds", 0)
