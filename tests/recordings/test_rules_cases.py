"""kube-proxy's iptables mode against the rules that its real code wrote for given objects
(kube-proxy-cases.json).
"""

import pytest

from svclab.kube.proxy.iptables import compile_rules
from svclab.kube.proxy.rules import rules_in
from tests.recordings.cases import comparable, config_of, proxy_cases

SMALL = [name for name, case in proxy_cases().items() if "rules" in case]
LARGE = [name for name, case in proxy_cases().items() if "rulesSample" in case]


def written(name: str) -> dict[str, dict[str, list[str]]]:
    """Our rules for a case, by table and chain."""
    case = proxy_cases()[name]
    ruleset = compile_rules(case["services"], case["endpointSlices"], config_of(case))
    return {
        table: {chain: rules_in(chain, block) for chain, block in chains.items()}
        for table, chains in ruleset.written.items()
    }


@pytest.mark.parametrize("name", SMALL)
def test_the_rules_are_those_that_kube_proxy_hands_to_iptables_restore(name):
    assert comparable(written(name)) == comparable(proxy_cases()[name]["rules"]["restore"])


@pytest.mark.parametrize("name", LARGE)
def test_a_large_cluster_has_as_many_chains_and_rules_as_kube_proxy_made(name):
    counts = {
        table: {"chains": len(chains), "rules": sum(map(len, chains.values()))}
        for table, chains in written(name).items()
    }

    assert counts == proxy_cases()[name]["ruleCounts"]["restore"]


@pytest.mark.parametrize("name", LARGE)
def test_more_than_a_thousand_endpoints_lose_the_comments_of_their_rules(name):
    ours = written(name)
    sample = proxy_cases()[name]["rulesSample"]["restore"]

    shortened = {
        table: {
            chain: [*ours[table][chain][:5], "...", *ours[table][chain][-3:]]
            if "..." in rules
            else ours[table][chain]
            for chain, rules in chains.items()
        }
        for table, chains in sample.items()
    }

    assert comparable(shortened) == comparable(sample)


@pytest.mark.parametrize("name", [name for name in SMALL if proxy_cases()[name]["config"]["nfacct"]])
def test_the_counted_rule_for_loopback_stands_before_the_node_ports_general_rule(name):
    rules = written(name)["nat"]["KUBE-NODEPORTS"]
    loopback = [rule for rule in rules if "-d 127.0.0.0/8" in rule]

    general = [rule.replace(" -d 127.0.0.0/8", "").replace(COUNTER, "") for rule in loopback]

    assert loopback
    assert all(rules.index(first) < rules.index(then) for first, then in zip(loopback, general, strict=True))


COUNTER = " -m nfacct --nfacct-name localhost_nps_accepted_pkts"
