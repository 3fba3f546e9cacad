"""kube-proxy's ipvs mode, by its documented design (nothing of it was recorded)."""

import os
import shutil
import subprocess

import pytest
from hypothesis import given

from svclab.kube.node_rules import kernel_ipvs
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.ipvs import IpvsRuleset, compile_ipvs
from svclab.linux.iptables.save import parse_rule, print_rule, print_save
from tests.kernel.clusters import random_node
from tests.kube.proxy.clusters import CONFIG, clusters
from tests.recordings.cases import config_of, node_of, objects_of, proxy_cases


def compiled(name: str, node: str) -> IpvsRuleset:
    """The ipvs mode of a recorded cluster's node."""
    config = ProxyConfig.for_node(node_of(name, node))
    return compile_ipvs(objects_of(name, "Service"), objects_of(name, "EndpointSlice"), config)


def test_each_address_of_a_service_is_a_virtual_server_over_its_endpoints():
    assert compiled("lb-source-ranges", "node2").ipvsadm_text().splitlines()[3:] == [
        "TCP  10.96.0.1:443 rr",
        "TCP  10.107.236.60:80 rr",
        "  -> 10.244.1.4:80                Masq    1      0          0",
        "  -> 10.244.2.4:80                Masq    1      0          0",
        "TCP  10.244.2.1:30222 rr",
        "  -> 10.244.1.4:80                Masq    1      0          0",
        "  -> 10.244.2.4:80                Masq    1      0          0",
        "TCP  192.168.64.12:30222 rr",
        "  -> 10.244.1.4:80                Masq    1      0          0",
        "  -> 10.244.2.4:80                Masq    1      0          0",
        "TCP  203.0.113.200:80 rr",
        "  -> 10.244.1.4:80                Masq    1      0          0",
        "  -> 10.244.2.4:80                Masq    1      0          0",
    ]


def test_a_node_port_is_served_on_every_local_address_but_those_of_kube_ipvs0():
    """Source: kube-proxy's ipvs proxier, syncProxyRules: nodeAddressSet is what GetAllLocalAddressesExcept finds."""
    ports = {s.address for s in compiled("lb-source-ranges", "node2").servers if s.port >= 30000}

    assert ports == {"192.168.64.12", "10.244.2.1"}


def test_without_an_address_for_node_ports_a_service_opens_neither_them_nor_its_health_check():
    """Source: kube-proxy's ipvs proxier, syncProxyRules: with no nodeIPs it continues with the next Service."""
    services, slices = objects_of("lb-local", "Service"), objects_of("lb-local", "EndpointSlice")
    opened = ("KUBE-NODE-PORT-TCP", "KUBE-NODE-PORT-LOCAL-TCP", "KUBE-HEALTH-CHECK-NODE-PORT")

    def entries(**settings):
        config = ProxyConfig.for_node(node_of("lb-local", "node1"), **settings)
        ipsets = compile_ipvs(services, slices, config).ipsets
        return [bool(ipsets[name].entries) for name in opened]

    assert entries() == [True, True, True]
    assert entries(node_port_addresses=("172.16.0.0/16",)) == [False, False, False]


def test_a_set_is_listed_and_saved_as_ipset_does():
    """Source: ipset 7.17; the seed of a hash is the kernel's draw."""
    ranges = compiled("lb-source-ranges", "node1").ipsets["KUBE-LOAD-BALANCER-SOURCE-CIDR"]
    ranges.entries["203.0.113.200,tcp:80,192.0.2.50/32"] = next(iter(ranges.entries.values()))

    lines = ranges.listing(4, references=1).splitlines()

    header = "family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x"
    assert lines[:3] == ["Name: KUBE-LOAD-BALANCER-SOURCE-CIDR", "Type: hash:ip,port,net", "Revision: 8"]
    assert lines[3].startswith(f"Header: {header}")
    assert lines[4:] == [
        "Size in memory: 624", "References: 1", "Number of entries: 3", "Members:",
        "203.0.113.200,tcp:80,192.0.2.50", "203.0.113.200,tcp:80,198.51.100.0/24",
        "203.0.113.200,tcp:80,203.0.113.0/28",
    ]  # fmt: skip
    assert ranges.lines(4)[0].startswith(f"create KUBE-LOAD-BALANCER-SOURCE-CIDR hash:ip,port,net {header}")
    assert compiled("no-endpoints", "node1").ipsets["KUBE-NODE-PORT-TCP"].lines(4)[0] == (
        "create KUBE-NODE-PORT-TCP bitmap:port range 0-65535"
    )


def test_session_affinity_is_persistence():
    heads = [
        line
        for line in compiled("session-affinity", "node1").ipvsadm_text().splitlines()
        if "persistent" in line
    ]

    assert heads == ["TCP  10.98.225.37:80 rr persistent 300"]


def test_a_local_policy_takes_local_endpoints_or_all_where_there_are_none():
    real = {
        node: {
            server.address: [end.address for end in server.real_servers]
            for server in compiled("lb-local", node).servers
            if server.port == 80 and server.address.startswith("203.0.113.")
        }
        for node in ("node1", "node2")
    }

    assert real == {
        "node1": {"203.0.113.201": ["10.244.2.4", "10.244.2.5"]},
        "node2": {"203.0.113.201": ["10.244.2.4", "10.244.2.5"]},
    }


def test_source_ranges_become_set_entries_and_shut_the_node_out_where_its_address_is_not_in_them():
    ruleset = compiled("lb-source-ranges", "node1")
    (out_filter,) = [
        rule for table in ruleset.tables for rule in table.rules if rule.chain == "KUBE-IPVS-OUT-FILTER"
    ]

    assert list(ruleset.ipsets["KUBE-LOAD-BALANCER-SOURCE-CIDR"].entries) == [
        "203.0.113.200,tcp:80,203.0.113.0/28",
        "203.0.113.200,tcp:80,198.51.100.0/24",
    ]
    assert out_filter.text == "-s 203.0.113.200 -m ipvs --vaddr 203.0.113.200 --vproto tcp --vport 80 -j DROP"


@given(clusters())
def test_the_number_of_rules_does_not_grow_with_the_services(cluster):
    ruleset = compile_ipvs(*cluster, CONFIG)
    rules = [rule for table in ruleset.tables for rule in table.rules if rule.chain != "KUBE-IPVS-OUT-FILTER"]

    assert len(rules) <= 50


@given(clusters())
def test_service_addresses_are_bound_to_the_node_and_filtered_by_one_set(cluster):
    ruleset = compile_ipvs(*cluster, CONFIG)
    serving = {server.address for server in ruleset.servers}

    assert set(ruleset.bound) == serving - set(CONFIG.local_addresses)


@pytest.mark.parametrize("name", [name for name, case in proxy_cases().items() if "rules" in case])
def test_every_rule_can_be_read_and_printed(name):
    case = proxy_cases()[name]
    config = config_of(case)
    ruleset = compile_ipvs(case["services"], case["endpointSlices"], config)

    for table in ruleset.tables:
        for rule in table.rules:
            once = print_rule(parse_rule(rule.text, config.ip_version))
            assert print_rule(parse_rule(once, config.ip_version)) == once


def test_a_node_port_is_served_on_the_node_s_addresses_but_never_on_loopback():
    config = config_of(proxy_cases()["nodeport-addresses-lo-s"])
    case = proxy_cases()["nodeport-addresses-lo-s"]
    ruleset = compile_ipvs(case["services"], case["endpointSlices"], config)

    assert [server.address for server in ruleset.servers if server.port >= 30000] == ["172.18.0.3"]


IPSET = shutil.which("ipset") and shutil.which("iptables-restore") and os.geteuid() == 0


@pytest.mark.kernel
@pytest.mark.skipif(not IPSET, reason="needs root, ipset and iptables: the kernel takes sets and rules")
@pytest.mark.parametrize("number", range(8))
def test_the_kernel_takes_the_sets_of_a_random_cluster_and_the_rules_that_look_up_in_them(number, tmp_path):
    snapshot, config = random_node(f"text-{number}")
    ruleset = compile_ipvs(snapshot.list("Service"), snapshot.list("EndpointSlice"), config)
    tables = kernel_ipvs(ruleset).tables
    rules = [line for line in print_save(tables).splitlines() if "-m ipvs" not in line]  # a module apart
    (tmp_path / "sets").write_text(ruleset.ipset_text())
    (tmp_path / "rules").write_text("\n".join([*rules, ""]))

    load = f"ipset restore < {tmp_path}/sets && iptables-restore --test < {tmp_path}/rules && ipset save"
    run = subprocess.run(["unshare", "-n", "sh", "-c", load], capture_output=True, text=True, check=False)

    assert run.stderr == ""
    assert _as_set(run.stdout) == _as_set(ruleset.ipset_text())


def _as_set(saved):
    """The lines of `ipset save`: the order of a hash's entries is the kernel's."""
    return set(saved.splitlines())
