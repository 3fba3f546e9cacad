"""The packets that passed a host's interfaces, read off the steps of recorded traces."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_GAP = timedelta(microseconds=37)  # between two steps of a trace, for want of a real clock


@dataclass(frozen=True, slots=True)
class Captured:
    """One packet at one interface. `direction` is "In" or "Out"; `note` is a DNS question or answer in
    words.
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


def packets(trace: dict[str, Any], start: datetime, host: str) -> Iterator[Captured]:
    """What an observer with tcpdump on `host` sees of one trace, in order."""
    interface = "eth0"
    question: dict[int, str] = {}
    for place, step in enumerate(trace["steps"]):
        kind = step["kind"]
        if kind == "query":
            question[step["flow"]] = f"{step['type']}? {step['name'].rstrip('.')}."
        elif kind == "answer":
            question[step["flow"]] = _answer(step)
        elif kind == "route" and step["host"] == host:
            interface = "lo" if step["local"] else step["interface"] or "eth0"
        packet = step.get("packet")
        if packet is None:
            continue
        time = start + _GAP * place
        if kind == "hop" and step["host"] == host:
            yield _captured(packet, time, step["interface"], "In", question.get(step["flow"], ""))
        if kind == "hop" and step["source"] == host:
            out = interface if interface != "lo" else "eth0"
            yield _captured(packet, time - _GAP, out, "Out", question.get(step["flow"], ""))


def _answer(step: dict[str, Any]) -> str:
    records = step["records"]
    if step["rcode"] != "NOERROR":
        return "NXDomain" if step["rcode"] == "NXDOMAIN" else step["rcode"].title()
    shown = ", ".join(f"{kind} {data}" for _, _, kind, data in records)
    return f"{len(records)}/0/0 {shown}".rstrip()


def _captured(packet: dict[str, Any], time: datetime, interface: str, direction: str, note: str) -> Captured:
    return Captured(
        time, interface, direction, packet["protocol"], packet["src"], packet["sport"], packet["dst"],
        packet["dport"], packet["kind"], note,
    )  # fmt: skip


def interface_of(name: str) -> str:
    """An interface's name without what `ip` shows after the `@`."""
    return re.sub(r"@.*", "", name)
