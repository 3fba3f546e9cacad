"""CoreDNS's answers over whole recorded clusters: the `dns` rows. Source: the recordings (see README.md)."""

from typing import Any

import pytest

from svclab.dns.message import Question
from svclab.kube.coredns import KUBEADM, CoreDns
from svclab.kube.snapshot import Snapshot
from tests.recordings.dns_cases import recorded_clusters, recording, rows


def _compared(name: str, server: CoreDns) -> list[tuple[Any, Any]]:
    pairs: list[tuple[Any, Any]] = []
    for row in recording(name)["dns"]:
        message = server.answer(Question(row["name"], row["type"]), tcp=True)
        ours = [message.rcode.value, message.aa]
        theirs = [row["rcode"], row["aa"]]
        for section in ("answer", "authority", "additional"):
            recorded = rows(row[section])
            ours.append(_as_recorded(rows(getattr(message, section)), recorded))
            theirs.append(_as_recorded(recorded, recorded))
        pairs.append(([row["name"], row["type"], *ours], [row["name"], row["type"], *theirs]))
    return pairs


def _as_recorded(found: set[Any], recorded: set[Any]) -> set[Any]:
    """Recorded authority sections keep of a SOA's data only the word SOA."""
    if any(data == "SOA" for *_, data in recorded):
        return {(name, ttl, kind, "SOA" if kind == "SOA" else data) for name, ttl, kind, data in found}
    return found


@pytest.mark.parametrize("name", recorded_clusters())
def test_every_recorded_question_has_the_recorded_answer(name: str) -> None:
    snapshot = Snapshot.of(recording(name)["objects"])

    pairs = _compared(name, CoreDns(snapshot, KUBEADM))

    assert [ours for ours, _ in pairs] == [theirs for _, theirs in pairs]
