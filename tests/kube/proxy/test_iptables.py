"""What is true of kube-proxy's iptables rules for every cluster, and of keeping them up with changes."""

import re
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from svclab.kube.proxy.iptables import LARGE_CLUSTER, Ruleset, compile_rules
from svclab.kube.proxy.rules import rules_in
from svclab.kube.proxy.watched import Watched
from svclab.kube.snapshot import key_of
from tests.kube.proxy.clusters import CONFIG, clusters

JUMP = re.compile(r"-j (KUBE-\S+)")
DRAW = re.compile(r"--probability (\S+)")
DNAT = re.compile(r"--to-destination (\S+)")


def nat(ruleset: Ruleset) -> dict[str, list[str]]:
    """The nat table's rules by chain."""
    return {chain: rules_in(chain, block) for chain, block in ruleset.written["nat"].items()}


def state_of(endpoint: dict) -> tuple[bool, bool]:
    """(ready, terminating but serving)."""
    conditions = endpoint["conditions"]
    return conditions["ready"], conditions["serving"] and conditions["terminating"]


@given(clusters())
def test_no_chain_s_name_is_longer_than_iptables_allows_and_every_jump_has_its_chain(cluster):
    tables = {table.name: table for table in compile_rules(*cluster, CONFIG).tables}

    for table in tables.values():
        assert all(len(chain) <= 28 for chain in table.chains)
        targets = {target for rule in table.rules for target in JUMP.findall(rule.text)}
        assert targets <= set(table.chains)


@given(clusters())
def test_every_endpoint_of_a_chain_is_drawn_with_the_same_probability(cluster):
    for chain, rules in nat(compile_rules(*cluster, CONFIG)).items():
        if not chain.startswith(("KUBE-SVC-", "KUBE-SVL-")):
            continue
        draws = [rule for rule in rules if "-j KUBE-SEP-" in rule and "--rcheck" not in rule]
        left, chances = Fraction(1), []
        for rule in draws:
            found = DRAW.search(rule)
            taken = Fraction(found[1]) if found else Fraction(1)
            chances.append(left * taken)
            left *= 1 - taken
        assert left == 0
        assert all(abs(chance - Fraction(1, len(draws))) < Fraction(1, 10**8) for chance in chances)


@given(clusters(most=1))
def test_dnat_leads_to_a_ready_endpoint_unless_none_is_ready_where_the_policy_looks(cluster):
    everywhere = [endpoint for slice_ in cluster[1] for endpoint in slice_["endpoints"]]
    for number, endpoint in enumerate(everywhere, 1):
        endpoint["addresses"] = [f"10.244.0.{number}"]  # each endpoint only once
    found = {endpoint["addresses"][0]: endpoint for endpoint in everywhere}
    any_ready = any(state_of(endpoint)[0] for endpoint in everywhere)
    local_ready = any(state_of(e)[0] for e in everywhere if e["nodeName"] == CONFIG.node_name)
    rules = nat(compile_rules(*cluster, CONFIG))

    for target in {
        t.rsplit(":", 1)[0] for rules_ in rules.values() for rule in rules_ for t in DNAT.findall(rule)
    }:
        ready, fallback = state_of(found[target])
        assert ready or fallback
        if any_ready and not ready:
            assert found[target]["nodeName"] == CONFIG.node_name
            assert not local_ready


@given(clusters())
def test_each_rule_names_an_object_that_there_is(cluster):
    names = {f"{o['metadata']['namespace']}/{o['metadata']['name']}" for part in cluster for o in part}

    for table in compile_rules(*cluster, CONFIG).tables:
        for rule in table.rules:
            assert rule.origin.kind == "KubeProxyConfiguration" or rule.origin.name in names


def by_key(manifests: list[dict]) -> dict:
    return {key_of(manifest): manifest for manifest in manifests}


@given(st.lists(clusters(), min_size=2, max_size=4))
def test_rules_that_follow_changes_are_those_of_a_full_sync(history):
    watched = Watched(CONFIG)
    ruleset = Ruleset(watched)

    for services, slices in history:
        before = {(t.name, chain): t.rules_of(chain) for t in ruleset.tables for chain in t.chains}
        changed = ruleset.follow(by_key(services), by_key(slices))
        after = {(t.name, chain): t.rules_of(chain) for t in ruleset.tables for chain in t.chains}
        whole = compile_rules(services, slices, CONFIG)

        assert after == {(t.name, chain): t.rules_of(chain) for t in whole.tables for chain in t.chains}
        texts = [
            {key: [rule.text for rule in rules] for key, rules in found.items()} for found in (before, after)
        ]
        assert {k for k in before.keys() | after.keys() if texts[0].get(k) != texts[1].get(k)} <= changed


def cluster_of(services: int, endpoints: int) -> tuple[dict, dict]:
    """Services with that many endpoints each, by key."""
    made = [
        {
            "kind": "Service",
            "metadata": {"namespace": "load", "name": f"svc-{n}"},
            "spec": {"clusterIP": f"10.96.{n // 256}.{n % 256}", "ports": [{"port": 80}]},
        }
        for n in range(services)
    ]
    slices = [
        {
            "kind": "EndpointSlice",
            "metadata": {
                "namespace": "load",
                "name": f"svc-{n}-x",
                "labels": {"kubernetes.io/service-name": f"svc-{n}"},
            },
            "addressType": "IPv4",
            "ports": [{"name": "", "port": 80}],
            "endpoints": [{"addresses": [f"10.{n // 256}.{n % 256}.{e}"]} for e in range(endpoints)],
        }
        for n in range(services)
    ]
    return by_key(made), by_key(slices)


@given(st.randoms(use_true_random=False))
def test_what_stays_as_it_is_may_stand_anywhere_among_what_comes_and_goes(random):
    services, slices = cluster_of(6, 2)
    ruleset = Ruleset(Watched(CONFIG))

    for _ in range(6):
        now = {key: slices[key] for key in random.sample(list(slices), random.randint(1, 6))}
        changed = random.choice(list(now))
        now[changed] = slices[changed] | {"endpoints": random.sample(slices[changed]["endpoints"], 1)}
        ruleset.follow(services, now)

        whole = compile_rules(services.values(), now.values(), CONFIG)
        assert sorted(ruleset.restore_text().splitlines()) == sorted(whole.restore_text().splitlines())
        slices |= now


def test_one_endpoint_that_goes_rewrites_the_draw_and_takes_its_own_chain_along():
    services, slices = cluster_of(20, 5)
    ruleset = Ruleset(Watched(CONFIG))
    ruleset.follow(services, slices)
    key = ("load", "svc-7-x")

    changed = ruleset.follow(
        services, slices | {key: slices[key] | {"endpoints": slices[key]["endpoints"][1:]}}
    )

    assert sorted(chain[:9] for _, chain in changed) == ["KUBE-SEP-", "KUBE-SVC-"]


def test_the_thousand_and_first_endpoint_takes_the_comments_of_all():
    services, slices = cluster_of(10, 100)
    ruleset = Ruleset(Watched(CONFIG))
    ruleset.follow(services, slices)
    assert ruleset.restore_text().count(" -> ") == LARGE_CLUSTER
    key = ("load", "svc-0-x")
    more = [*slices[key]["endpoints"], {"addresses": ["10.9.9.9"]}]

    ruleset.follow(services, slices | {key: slices[key] | {"endpoints": more}})

    assert ruleset.restore_text().count(" -> ") == 0


@settings(max_examples=20)
@given(clusters())
def test_what_goes_to_iptables_restore_names_each_chain_once_before_its_rules(cluster):
    text = compile_rules(*cluster, CONFIG).restore_text()

    for table in text.split("COMMIT\n")[:-1]:
        lines = table.splitlines()
        named = [line.split()[0][1:] for line in lines if line.startswith(":")]
        used = [line.split()[1] for line in lines if line.startswith("-A")]
        assert len(named) == len(set(named))
        assert set(used) <= set(named)
        assert lines[1 : len(named) + 1] == [line for line in lines if line.startswith(":")]
