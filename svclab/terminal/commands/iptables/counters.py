"""Packets and bytes that each rule of a node has matched: counted from the traces of this cluster's requests.

Sizes are those of the packets on the wire: 60 bytes for a TCP SYN with options, 52 for an acknowledgement,
more with data. A rule is known by its chain and text, so a rule that kube-proxy rewrites starts at zero, as
with `iptables-restore`. Hosts remember from which request on they count after `iptables -Z`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from uuid import UUID

from svclab.cluster import dataplane
from svclab.linux.host import Host

_BYTES = {"SYN": 60, "SYN-ACK": 60, "DATA": 132, "DATAGRAM": 80, "ECHO-REQUEST": 84, "ECHO-REPLY": 84}
_MOST_CLUSTERS = 256

Key = tuple[str, str, str, str]  # host, table, chain, rule's text ("" for the chain's policy)


@dataclass(slots=True)
class Counters:
    """Packets and bytes by rule, up to the trace with number `seen`; `zeroed` as the hosts had it then."""

    seen: int = 0
    packets: Counter[Key] = field(default_factory=Counter)
    bytes: Counter[Key] = field(default_factory=Counter)
    zeroed: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, host: str, table: str, chain: str, text: str) -> tuple[int, int]:
        """Packets and bytes of one rule, or with "" of a built-in chain's policy."""
        key = (host, table, chain, text)
        return self.packets[key], self.bytes[key]


_counters: dict[UUID, Counters] = {}
_lock = Lock()


def counters_of(cluster: Any) -> Counters:
    """The counters of a cluster as of now; only traces that are new since the last look are read."""
    with _lock:
        found = _counters.pop(cluster.id, None) or Counters()
        hosts = dataplane.world(cluster).fabric.hosts
        zeroed = {name: dict(host.state.zeroed) for name, host in hosts.items()}
        if dataplane.newest(cluster) < found.seen or found.zeroed != zeroed:
            found = Counters()  # the cluster was made anew, or something is to be left out
        found.zeroed = zeroed
        _counters[cluster.id] = found
        while len(_counters) > _MOST_CLUSTERS:
            _counters.pop(next(iter(_counters)))
        for record in dataplane.traces(cluster, found.seen):
            found.seen = record.id
            for step in record.trace["steps"]:
                if step["kind"] == "rule" and step["matched"]:
                    _count(found, step, record.id, hosts)
    return found


def zero(cluster: Any, host: str, words: Sequence[str]) -> None:
    """Let the counters of a host's table, or of a chain of it, or of a rule of that, begin anew."""
    dataplane.change_memory(cluster, host, lambda state: state.zero(words, dataplane.newest(cluster)))


def _count(found: Counters, step: dict[str, Any], number: int, hosts: Mapping[str, Host]) -> None:
    text = step["text"].removeprefix(f"-A {step['chain']} ") if step["number"] else ""
    key = (step["host"], step["table"], step["chain"], text)
    if step["host"] in hosts and number <= hosts[step["host"]].state.zero_point(*key[1:]):
        return
    kind = (step.get("packet") or {}).get("kind", "")
    found.packets[key] += 1
    found.bytes[key] += _BYTES.get(kind, 60)
