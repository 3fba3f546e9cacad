"""Questions and answers in the form of the recordings, for scripts.

What CoreDNS says, and what a pod's look-up asks.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from svclab.dns.message import TYPE_NUMBERS, Question, Record
from svclab.dns.name import BadName, absolute, check
from svclab.dns.resolver import Resolution, resolve
from svclab.kube.coredns import NameServer
from svclab.kube.coredns.corefile import DNS_SERVICE
from svclab.kube.listeners import listeners_of
from svclab.kube.nameserver import COREDNS, Asker, ResolverSetup, resolver_setup
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.kube.wiring import host_name, pod_address
from svclab.kube.world import World
from svclab.linux.dice import Dice
from svclab.linux.exchange import Exchange
from svclab.linux.trace import Answer, Query, Step

Json = dict[str, Any]


class BadQuestion(ValueError):
    """An item that is no question; the text says what is wrong with it."""


def question_of(item: Any) -> Question:
    """A question from `{"name", "type"}`. Raises BadQuestion."""
    name = typed_name(item)
    kind = item.get("type", "A") if isinstance(item, dict) else "A"
    if not isinstance(kind, str) or kind.upper() not in TYPE_NUMBERS:
        raise BadQuestion(f"{kind!r} is no record type")
    return Question(absolute(name), kind.upper())


def typed_name(item: Any) -> str:
    """The name of an item, a string or `{"name"}`. Raises BadQuestion."""
    name = item.get("name") if isinstance(item, dict) else item
    if not isinstance(name, str) or not name:
        raise BadQuestion(f"{item!r} has no name")
    try:
        return check(name)
    except BadName as bad:
        raise BadQuestion(str(bad)) from None


def answers(snapshot: Snapshot, questions: list[Question]) -> list[Json]:
    """CoreDNS's replies, nothing cut off, records as sorted rows [name, ttl, type, data].

    As in the recordings the data of a SOA in the authority section is the word SOA: its serial is a time.
    """
    server = NameServer(snapshot)
    found: list[Json] = []
    for question in questions:
        message = server.answer(question, tcp=True)
        authority = [[r.name, r.ttl, r.type, "SOA" if r.type == "SOA" else r.data] for r in message.authority]
        found.append(
            {
                "name": question.name,
                "type": question.type,
                "rcode": message.rcode.value,
                "aa": message.aa,
                "answer": _rows(message.answer),
                "authority": sorted(authority),
                "additional": _rows(message.additional),
            }
        )
    return found


def _rows(records: tuple[Record, ...]) -> list[list[Any]]:
    return sorted([r.name, r.ttl, r.type, r.data] for r in records)


def look_up(
    snapshot: Snapshot, host: str, typed: str, world: Callable[[], World], dice: Dice, now: datetime
) -> Json:
    """getaddrinfo for a name as typed on a host: the questions in order, and how it ended.

    Where the snapshot has nodes and CoreDNS pods, the questions are packets through `world()`; without them
    CoreDNS is asked as if nothing lay between. Raises KeyError for a pod that does not exist.
    """
    setup = resolver_setup(snapshot, host)
    if is_laid_out(snapshot, host):
        around = world()
        asker = Asker(around.fabric, around.names, host, dice, now)
        end = asker.look_up(typed, setup.conf, setup.hosts, setup.library)
        queries = _queries(asker.parts)
    else:
        end, queries = _directly(typed, setup, NameServer(snapshot))
    return {"name": typed, "resolver": setup.library, "queries": queries, "result": _result(end)}


def _queries(parts: list[Step | Exchange]) -> list[Json]:
    """The questions of a look-up; rcode None for one that nobody answered."""
    found: list[Json] = []
    for step in parts:
        match step:
            case Query():
                found.append({"name": step.name, "type": step.type, "rcode": None, "answers": 0})
            case Answer():
                found[-1] |= {"rcode": step.rcode, "answers": len(step.records)}
            case _:
                continue
    return found


def is_laid_out(snapshot: Snapshot, host: str) -> bool:
    """Whether the snapshot has all that a question needs: the asking pod, the DNS Service and a CoreDNS
    pod, both pods with an address and on a node that is there.
    """
    if snapshot.get("Service", *DNS_SERVICE) is None:
        return False
    placed = [pod for pod in snapshot.list("Pod") if _is_placed(pod, snapshot)]
    return any(host_name(pod) == host for pod in placed) and any(
        COREDNS in listeners_of(pod).values() for pod in placed
    )


def _is_placed(pod: Manifest, snapshot: Snapshot) -> bool:
    node = (pod.get("spec") or {}).get("nodeName") or ""
    return pod_address(pod) is not None and snapshot.get("Node", "", node) is not None


def _directly(typed: str, setup: ResolverSetup, server: NameServer) -> tuple[Resolution, list[Json]]:
    """A look-up with every question answered by one server, whatever resolv.conf names."""
    walk, replies = resolve(typed, setup.conf, setup.hosts, setup.library), None
    queries: list[Json] = []
    while True:
        try:
            questions = next(walk) if replies is None else walk.send(replies)
        except StopIteration as end:
            return end.value, queries
        replies = [server.answer(question, tcp=True) for question in questions]
        queries += [
            {"name": q.name, "type": q.type, "rcode": r.rcode.value, "answers": len(r.answer)}
            for q, r in zip(questions, replies, strict=True)
        ]


def _result(end: Resolution) -> Json:
    return {
        "ok": bool(end.addresses),
        "addresses": sorted(end.addresses),
        "error": end.error,
        "code": end.code.value,
    }
