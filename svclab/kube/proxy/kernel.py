"""kube-proxy's rules as a node's kernel holds them: the tables that `svclab.linux` walks and prints.

Rules are read chain by chain when somebody asks for one, as a packet meets few of a large cluster's chains.
"""

from collections.abc import Iterator, Mapping

from svclab.kube.proxy.iptables import Ruleset
from svclab.kube.proxy.rules import ChainKey, ProxyRule, ProxyTable
from svclab.linux.iptables.rules import Chain, Rule, Table
from svclab.linux.iptables.save import parse_rule


class ChainsOnDemand(Mapping[str, Chain]):
    """The chains of one table. Iterating gives names only; a chain's rules are read at its first look-up."""

    def __init__(self, table: ProxyTable, version: int, appended: Mapping[str, tuple[Rule, ...]]) -> None:
        self._table = table
        self._version = version
        self._policies = dict.fromkeys(table.built_in, "ACCEPT")
        self._appended = appended
        self._read: dict[str, Chain] = {}

    def __getitem__(self, name: str) -> Chain:
        if name not in self._read:
            own = (read_rule(rule, self._version) for rule in self._table.rules_of(name))
            rules = (*own, *self._appended.get(name, ()))
            self._read[name] = Chain(name, self._policies.get(name), rules)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._table.blocks

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.blocks)

    def __len__(self) -> int:
        return len(self._table.blocks)


def kernel_tables(
    ruleset: Ruleset, appended: Mapping[ChainKey, tuple[Rule, ...]] | None = None
) -> dict[str, Table]:
    """The node's tables after kube-proxy's sync.

    `appended` are other programs' rules by table and chain, each after kube-proxy's: a CNI's masquerade
    rule, say.
    """
    by_table: dict[str, dict[str, tuple[Rule, ...]]] = {}
    for (table, chain), rules in (appended or {}).items():
        by_table.setdefault(table, {})[chain] = rules
    version = ruleset.config.ip_version
    return {
        table.name: Table(table.name, ChainsOnDemand(table, version, by_table.get(table.name, {})))
        for table in ruleset.tables
    }


def read_rule(rule: ProxyRule, version: int) -> Rule:
    """One rule of kube-proxy's, structured, with its origin."""
    return parse_rule(rule.text, version, rule.origin)
