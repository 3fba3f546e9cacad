"""The packets that passed a host's interfaces, read off the steps of recorded traces."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_SOA_BYTES = 93  # cluster.local's, with ns.dns and hostmaster written out
_GAP = timedelta(microseconds=37)  # between two steps of a trace, for want of a real clock


@dataclass(frozen=True, slots=True)
class Captured:
    """One packet at one interface. `direction` is "In" or "Out"; `note` is a DNS question or answer in
    words. `stream` names the bytes that one end sends in a connection, `opposite` those of the other end,
    whatever becomes of their addresses on the way.
    """

    time: datetime
    interface: str
    direction: str
    protocol: str
    source: str
    sport: int
    destination: str
    dport: int
    kind: str
    note: str = ""
    stream: str = ""
    opposite: str = ""


def packets(trace: dict[str, Any], start: datetime, host: str) -> Iterator[Captured]:
    """What an observer with tcpdump on `host` sees of one trace, in order."""
    interface = "eth0"
    said = {
        (step["flow"], step["kind"]): step for step in trace["steps"] if step["kind"] in ("query", "answer")
    }
    for place, step in enumerate(trace["steps"]):
        kind = step["kind"]
        if kind == "route" and step["host"] == host:
            interface = "lo" if step["local"] else step["interface"] or "eth0"
        packet = step.get("packet")
        if packet is None:
            continue
        time = start + _GAP * place
        note = _note(packet, said, step["flow"])
        if kind != "hop":
            continue
        connection = f"{trace['seed']}/{step['flow']}"
        streams = (f"{connection}/{step['reply']}", f"{connection}/{not step['reply']}")
        if step["host"] == host:
            yield _captured(packet, time, step["interface"], "In", note, streams)
        if step["source"] == host:
            out = interface if interface != "lo" else "eth0"
            yield _captured(packet, time - _GAP, out, "Out", note, streams)


def _note(packet: dict[str, Any], said: dict[tuple[int, str], dict[str, Any]], flow: int) -> str:
    """What a DNS packet says: flags, contents and length, as tcpdump has them after the query's number."""
    query, answer = said.get((flow, "query")), said.get((flow, "answer"))
    if packet["dport"] == 53 and query:
        return f"+ {query['type']}? {_rooted(query['name'])} ({_question_bytes(query['name'])})"
    if packet["sport"] == 53 and answer:
        return _answer(answer)
    return ""


def _rooted(name: str) -> str:
    return name.rstrip(".") + "."


def _question_bytes(name: str) -> int:
    return 12 + len(_rooted(name)) + 1 + 4


def _answer(step: dict[str, Any]) -> str:
    """CoreDNS answers from the cluster with authority, without recursion, and writes each name out."""
    records = step["records"]
    own = step["authoritative"]
    flags = {"NOERROR": "", "NXDOMAIN": " NXDomain", "SERVFAIL": " ServFail", "REFUSED": " Refused"}
    mark = flags.get(step["rcode"], f" {step['rcode']}") + ("*-" if own else "")
    size = _question_bytes(step["name"]) + sum(
        _record_bytes(name, kind, data) for name, _, kind, data in records
    )
    soa = 1 if own and not records and step["rcode"] in ("NOERROR", "NXDOMAIN") else 0
    shown = ", ".join(f"{kind} {data}" for _, _, kind, data in records)
    return f"{mark} {len(records)}/{soa}/0{' ' + shown if shown else ''} ({size + soa * _SOA_BYTES})"


def _record_bytes(name: str, kind: str, data: str) -> int:
    content = {"A": 4, "AAAA": 16}.get(kind, len(_rooted(data)) + 1 + (6 if kind == "SRV" else 0))
    return len(_rooted(name)) + 1 + 10 + content


def _captured(
    packet: dict[str, Any],
    time: datetime,
    interface: str,
    direction: str,
    note: str,
    streams: tuple[str, str],
) -> Captured:
    return Captured(
        time, interface, direction, packet["protocol"], packet["src"], packet["sport"], packet["dst"],
        packet["dport"], packet["kind"], note, *streams,
    )  # fmt: skip


def interface_of(name: str) -> str:
    """An interface's name without what `ip` shows after the `@`."""
    return re.sub(r"@.*", "", name)
