"""Reads coredns-cases.json and the `dns` rows of the recordings for the tests in this folder."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from svclab.dns.message import Message, Question
from svclab.kube.coredns import DnsOptions, Internet
from svclab.kube.coredns.options import Caching, Upstream
from svclab.kube.snapshot import Snapshot

FOLDER = Path(__file__).parent
UNKNOWN_SERVER = "198.18.0.53"  # "an address that backs no Service"
TUPLES = ("zones", "fallthrough", "local_ips")
Row = tuple[str, int | None, str, str]


@cache
def dns_file() -> dict[str, Any]:
    """The whole of coredns-cases.json."""
    return json.loads((FOLDER / "coredns-cases.json").read_text())


@cache
def cluster(name: str) -> Snapshot:
    """One of the file's clusters."""
    return Snapshot.of(dns_file()["clusters"][name]["objects"])


@cache
def recording(name: str) -> dict[str, Any]:
    """One recorded cluster."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def recorded_clusters() -> list[str]:
    """Names of the recordings that have `dns` rows."""
    names = sorted(path.stem for path in FOLDER.glob("*.json") if not path.stem.endswith("-cases"))
    return [name for name in names if recording(name).get("dns")]


def options_of(case_options: dict[str, Any]) -> DnsOptions:
    """A case's options as the server takes them."""
    given = dict(case_options)
    given.pop("zonal", None)
    given.setdefault("local_ips", [UNKNOWN_SERVER])
    truncated, records = given.pop("upstream_truncated", False), given.pop("upstream", None)
    if records is not None:
        given["upstream"] = upstream(records, truncated=truncated)
    if "namespaces" in given:
        given["namespaces"] = frozenset(given["namespaces"])
    if seconds := given.pop("cache_seconds", 0):
        given["caching"] = Caching.of(seconds, tuple(given.pop("cache_disabled_zones", ())))
    return DnsOptions(**{key: tuple(value) if key in TUPLES else value for key, value in given.items()})


def upstream(records: list[dict[str, Any]], *, truncated: bool = False) -> Upstream:
    """The stub that the cases ran against: authoritative, knowing these records."""
    internet = Internet.of(records, authoritative=True, recursive=False)

    def answer(question: Question) -> Message:
        return replace(internet(question), tc=truncated)

    return answer


def rows(records: Any) -> set[Row]:
    """Records, ours or recorded, as a set of rows with the SOA's serial left out."""
    found: set[Row] = set()
    for record in records:
        if isinstance(record, list):
            name, ttl, kind, data = record
        elif isinstance(record, dict):
            name, ttl, kind, data = record["name"], record["ttl"], record["type"], record["data"]
        else:
            name, ttl, kind, data = record.name, record.ttl, record.type, record.data
        if kind == "SOA":
            parts = data.split()
            data = "SOA" if len(parts) < 7 else " ".join([*parts[:2], "*", *parts[3:]])
        found.add((name, ttl, kind, data))
    return found
