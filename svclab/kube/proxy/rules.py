"""The shape of what kube-proxy's iptables mode writes: rules, each with the object and field that produced
it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from svclab.linux.trace import Origin

ChainKey = tuple[str, str]  # (table, chain)


class ProxyRule(NamedTuple):
    """One rule as kube-proxy hands it to iptables-restore, without the "-A CHAIN" in `text`.

    A NamedTuple, as a large cluster has hundreds of thousands of them. `origin` is the object and field
    behind it.
    """

    chain: str
    text: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ProxyTable:
    """One table: its chains in order, built-in ones first, each with its rules in order."""

    name: str
    by_chain: Mapping[str, tuple[ProxyRule, ...]]

    @property
    def chains(self) -> tuple[str, ...]:
        """The names of the chains."""
        return tuple(self.by_chain)

    @property
    def rules(self) -> Iterator[ProxyRule]:
        """All rules, chain by chain."""
        return (rule for rules in self.by_chain.values() for rule in rules)


def restore_lines(table: str, by_chain: Iterable[tuple[str, tuple[ProxyRule, ...]]]) -> list[str]:
    """One table as iptables-restore reads it."""
    chains = list(by_chain)
    lines = [f"*{table}"]
    lines.extend(f":{chain} - [0:0]" for chain, _ in chains)
    lines.extend(f"-A {chain} {rule[1]}" for chain, rules in chains for rule in rules)
    lines.append("COMMIT")
    return lines
