"""Which rules a packet meets at which hook, in the kernel's order of priorities.

Source: Linux 6.18 include/uapi/linux/netfilter_ipv4.h (NF_IP_PRI_*).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from svclab.linux.iptables.rules import Table
from svclab.linux.iptables.save import BUILT_IN
from svclab.linux.iptables.targets import Target
from svclab.linux.iptables.traverse import walk
from svclab.linux.iptables.traverse_log import Log
from svclab.linux.skb import Skb

PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"
CONNTRACK_PRIORITY = -200
PRIORITIES = {"raw": -300, "mangle": -150, "filter": 0}
NAT_PRIORITIES = {PREROUTING: -100, OUTPUT: -100, INPUT: 100, POSTROUTING: 100}

Walker = Callable[[Skb, Log], Target | None]


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A chain that the kernel itself calls. `kind`: "filter" (any packet) or "nat" (new connections only)."""

    hook: str
    priority: int
    kind: str
    table: str
    walk: Walker


def iptables_base_chains(tables: Mapping[str, Table]) -> list[BaseChain]:
    """The base chains of iptables' tables; empty ones with policy ACCEPT are left out, as nothing happens
    there.
    """
    found = []
    for name, table in tables.items():
        for hook in BUILT_IN.get(name, ()):
            chain = table.chains.get(hook)
            if chain is None or (not chain.rules and chain.policy != "DROP"):
                continue
            kind = "nat" if name == "nat" else "filter"
            priority = NAT_PRIORITIES[hook] if name == "nat" else PRIORITIES[name]
            found.append(BaseChain(hook, priority, kind, name, _walker(table, hook)))
    return found


def _walker(table: Table, hook: str) -> Walker:
    chains = table.chains
    return lambda skb, log: walk(chains, hook, skb, log)


class Hooks:
    """All base chains of a host, by hook: those before conntrack, those after it, and the nat ones."""

    __slots__ = ("chains", "is_empty", "nat")

    def __init__(self, chains: list[BaseChain]) -> None:
        self.is_empty = not chains
        ordered = sorted(chains, key=lambda c: c.priority)
        self.chains: dict[str, tuple[BaseChain, ...]] = {}
        self.nat: dict[str, tuple[BaseChain, ...]] = {}
        for hook in (PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING):
            self.chains[hook] = tuple(c for c in ordered if c.hook == hook and c.kind != "nat")
            self.nat[hook] = tuple(c for c in ordered if c.hook == hook and c.kind == "nat")
