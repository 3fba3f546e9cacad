"""From what kube-proxy writes to what a node's kernel holds: its rules as the packet engine walks them."""

from collections.abc import Mapping

from svclab.kube.proxy.iptables import Ruleset
from svclab.kube.proxy.rules import ProxyTable
from svclab.linux.iptables.rules import Chain, Chains, Table
from svclab.linux.iptables.save import parse_rule


def kernel_tables(ruleset: Ruleset) -> Mapping[str, Table]:
    """The tables of a node in iptables mode. A chain's rules are read when a packet first comes to it."""
    version = ruleset.config.ip_version
    return {table.name: _table(table, version) for table in ruleset.tables}


def _table(table: ProxyTable, version: int) -> Table:
    def make(name: str) -> Chain:
        rules = [parse_rule(rule.text, version, rule.origin) for rule in table.rules_of(name)]
        return Chain(name, "ACCEPT" if name in table.built_in else None, rules)

    return Table(table.name, Chains(frozenset(table.chains), make))
