"""kube-proxy's iptables mode against what iptables-save printed on recorded nodes and after loading cases."""

import pytest

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.iptables import Ruleset, compile_rules
from svclab.linux.iptables.save import parse_rule, print_rule
from tests.recordings.cases import (
    comparable,
    config_of,
    node_of,
    objects_of,
    proxy_cases,
    recorded_nodes,
    recording,
)

CASES = [name for name, case in proxy_cases().items() if "rules" in case]
CANARY = "KUBE-PROXY-CANARY"


def saved(ruleset: Ruleset) -> dict[str, dict[str, list[str]]]:
    """Our tables in the spelling of iptables-save."""
    version = ruleset.config.ip_version
    return {
        table.name: {
            chain: [print_rule(parse_rule(rule.text, version)) for rule in table.rules_of(chain)]
            for chain in table.chains
        }
        for table in ruleset.tables
    }


def read_save(text: str) -> dict[str, dict[str, list[str]]]:
    """The recorded text by table and chain, as it stands."""
    tables: dict[str, dict[str, list[str]]] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            chains = tables.setdefault(line[1:], {})
        elif line.startswith(":"):
            chains[line[1:].split()[0]] = []
        elif line.startswith("-A"):
            _, chain, rule = line.split(" ", 2)
            chains[chain].append(rule)
    return tables


@pytest.mark.parametrize(("name", "node"), recorded_nodes())
def test_a_node_holds_the_recorded_chains_and_rules_to_the_letter(name, node):
    config = ProxyConfig.for_node(node_of(name, node))
    ruleset = compile_rules(objects_of(name, "Service"), objects_of(name, "EndpointSlice"), config)

    ours, recorded = saved(ruleset), read_save(recording(name)["iptables"][node])

    assert comparable(ours) == comparable(recorded)
    assert {table: list(chains) for table, chains in ours.items()} == {
        table: list(chains) for table, chains in recorded.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_the_rules_of_a_case_are_what_iptables_save_printed_after_loading_them(name):
    case = proxy_cases()[name]
    config = config_of(case)
    ours = saved(compile_rules(case["services"], case["endpointSlices"], config))

    for table, chains in case["rules"]["save"].items():
        own = {
            chain: rules
            for chain, rules in ours[table].items()
            if chain != CANARY and (rules or chain in chains)
        }
        assert comparable({table: loaded(own, case)}) == comparable({table: chains})


def loaded(chains: dict[str, list[str]], case: dict) -> dict[str, list[str]]:
    """The kernel that took the cases had no nfacct counters: those matches were taken out before loading."""
    if "nfacct" not in case.get("saveLacks", ()):
        return chains
    return {
        chain: [" ".join(without_counter(rule.split(" "))) for rule in rules]
        for chain, rules in chains.items()
    }


def without_counter(words: list[str]) -> list[str]:
    """A rule's words without "-m nfacct --nfacct-name", a blank and the counter's name."""
    if "nfacct" not in words:
        return words
    at = words.index("nfacct") - 1
    return words[:at] + words[at + 5 :]
