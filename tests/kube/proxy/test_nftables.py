"""kube-proxy's nftables mode: how nft prints what it holds, and configurations that no recording has."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given

from svclab.kube.proxy.addresses import parse_network
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.nft_objects import NftTable, address_set, duration, element_order
from svclab.kube.proxy.nftables import compile_nftables
from tests.kernel.clusters import random_node
from tests.kube.proxy.clusters import CONFIG, clusters
from tests.recordings.cases import config_of, proxy_cases


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "1m30s"), (300, "5m"), (10800, "3h"), (86400, "1d"), (90061, "1d1h1m1s")],
)
def test_a_timeout_is_written_in_days_hours_minutes_and_seconds(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("ranges", "text"),
    [
        (["203.0.113.0/28"], "203.0.113.0/28"),
        (["1.2.3.4/32"], "1.2.3.4"),
        (["203.0.113.0/28", "198.51.100.0/24"], "{ 198.51.100.0/24, 203.0.113.0/28 }"),
        (["10.0.0.0/25", "10.0.0.128/25"], "{ 10.0.0.0/24 }"),
        (["10.0.0.0/25", "10.0.0.128/26"], "{ 10.0.0.0-10.0.0.191 }"),
        (["10.1.0.0/16", "10.0.0.0/8"], "{ 10.0.0.0/8 }"),
        (["fd00:1::/108", "fd00::/108"], "{ fd00::/108, fd00:1::/108 }"),
    ],
)
def test_ranges_are_merged_and_ordered_as_nft_does(ranges, text):
    assert address_set(parse_network(range_) for range_ in ranges) == text


def test_keys_of_several_parts_are_ordered_by_their_last_byte_first():
    keys = [
        ("tcp", "30840"),
        ("tcp", "32166"),
        ("tcp", "31639"),
        ("udp", "80"),
        ("sctp", "80"),
        ("tcp", "80"),
    ]

    assert sorted(keys, key=element_order) == [
        ("tcp", "80"),
        ("udp", "80"),
        ("sctp", "80"),
        ("tcp", "30840"),
        ("tcp", "31639"),
        ("tcp", "32166"),
    ]


def chain(name: str, config: ProxyConfig) -> list[str]:
    """The rules of one chain without Services."""
    return [
        rule.text
        for found in compile_nftables([], [], config).chains
        if found.name == name
        for rule in found.rules
    ]


def variant(**settings) -> ProxyConfig:
    """CONFIG with other settings."""
    return ProxyConfig("node1", ("192.168.64.11", "192.168.65.11"), **settings)


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        ({"masquerade_all": True}, "ip daddr @cluster-ips meta mark set"),
        (
            {"detect_local_mode": "NodeCIDR", "pod_cidr": "10.244.1.0/24"},
            "ip daddr @cluster-ips ip saddr != 10.244.1.0/24",
        ),
        (
            {"detect_local_mode": "InterfaceNamePrefix", "interface_name_prefix": "veth"},
            'ip daddr @cluster-ips iifname != "veth*"',
        ),
        ({"cluster_cidr": ""}, "ip daddr . meta l4proto . th dport vmap @service-ips"),
    ],
)
def test_who_is_masqueraded_follows_the_way_pods_are_recognised(settings, first):
    assert chain("services", variant(**settings))[0].startswith(first)


@pytest.mark.parametrize(
    ("addresses", "ips"),
    [
        ((), ["192.168.64.11"]),
        (("primary",), ["192.168.64.11"]),
        (("192.168.65.0/24", "fd00::/64"), ["192.168.65.11"]),
        (("127.0.0.0/8", "192.168.0.0/16"), ["192.168.64.11", "192.168.65.11"]),
        (("10.0.0.0/8",), []),
    ],
)
def test_node_ports_are_open_on_the_node_ip_unless_told_otherwise(addresses, ips):
    config = variant(node_port_addresses=addresses)
    table = compile_nftables([], [], config)

    match = "ip daddr @nodeport-ips meta l4proto . th dport"
    assert chain("services", config)[-1] == f"{match} vmap @service-nodeports"
    assert chain("nodeport-endpoints-check", config) == [f"{match} vmap @no-endpoint-nodeports"]
    assert [e.key[0] for found in table.sets if found.name == "nodeport-ips" for e in found.elements] == ips


@pytest.mark.parametrize(
    ("addresses", "family", "but"),
    [
        (("192.168.65.0/24", "0.0.0.0/0"), "IPv4", "ip daddr != 127.0.0.0/8"),
        (("fd00::/64",), "IPv4", "ip daddr != 127.0.0.0/8"),
        (("192.168.65.0/24",), "IPv6", "ip6 daddr != ::1"),
    ],
)
def test_node_ports_are_open_on_every_address_where_no_range_of_the_family_limits_them(
    addresses, family, but
):
    config = variant(node_port_addresses=addresses, ip_family=family)

    match = f"{but} meta l4proto . th dport"
    assert chain("services", config)[-1] == f"fib daddr type local {match} vmap @service-nodeports"
    assert chain("nodeport-endpoints-check", config) == [f"{match} vmap @no-endpoint-nodeports"]
    assert "nodeport-ips" not in {found.name for found in compile_nftables([], [], config).sets}


@given(clusters())
def test_every_map_leads_to_a_chain_that_there_is(cluster):
    table = compile_nftables(*cluster, CONFIG)
    names = {found.name for found in table.chains}

    verdicts = {element.verdict for found in table.sets for element in found.elements if found.verdicts}

    assert {verdict.removeprefix("goto ") for verdict in verdicts} <= names | {"drop"}


NFT = shutil.which("nft") and shutil.which("unshare") and os.geteuid() == 0


needs_nft = pytest.mark.skipif(
    not NFT, reason="needs root, unshare and nft: the kernel lists the table that we print"
)


def listed(table: NftTable, folder: Path) -> str:
    """What nft says to our table and lists of it."""
    file = folder / "table.nft"
    file.write_text(str(table))
    script = f"nft -f {file} && nft -s list table {table.family} kube-proxy"
    run = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, check=False)
    return run.stderr + run.stdout


@pytest.mark.kernel
@needs_nft
@pytest.mark.parametrize("name", [name for name, case in proxy_cases().items() if "rules" in case])
def test_the_kernel_takes_the_table_and_lists_it_as_we_print_it(name, tmp_path):
    case = proxy_cases()[name]
    table = compile_nftables(case["services"], case["endpointSlices"], config_of(case))

    assert listed(table, tmp_path) == str(table)


LONG = {"namespace": "n" * 63, "name": "s" * 63}
LONG_SERVICE = {
    "kind": "Service",
    "metadata": LONG,
    "spec": {
        "clusterIP": "fd00:10:96::9",
        "internalTrafficPolicy": "Local",
        "sessionAffinity": "ClientIP",
        "externalIPs": ["2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
        "ports": [{"name": "p" * 15, "protocol": "SCTP", "port": 65535}],
    },
}
LONG_SLICE = {
    "kind": "EndpointSlice",
    "metadata": {
        "namespace": LONG["namespace"],
        "name": "slice",
        "labels": {"kubernetes.io/service-name": LONG["name"]},
    },
    "addressType": "IPv6",
    "endpoints": [{"addresses": ["fd00:10:244:ffff:ffff:ffff:ffff:ffff"]}],
    "ports": [{"name": "p" * 15, "protocol": "SCTP", "port": 65535}],
}


def of_longest_names() -> NftTable:
    """The table of a Service whose names are as long as the API allows."""
    config = ProxyConfig("node1", ("2001:db8::11",), ip_family="IPv6", cluster_cidr="")
    return compile_nftables([LONG_SERVICE], [LONG_SLICE], config)


def test_a_comment_is_cut_to_what_the_kernel_takes():
    """Source: kubernetes issue 139515."""
    comments = [e.comment for found in of_longest_names().sets for e in found.elements if e.comment]

    assert comments == [f"{'n' * 63}/{'s' * 63}:"]


@pytest.mark.kernel
@needs_nft
def test_the_kernel_takes_the_longest_names_and_lists_them_as_we_print_them(tmp_path):
    table = of_longest_names()

    assert listed(table, tmp_path) == str(table)


@pytest.mark.kernel
@needs_nft
@pytest.mark.parametrize("number", range(8))
def test_the_kernel_lists_the_table_of_a_random_cluster_as_we_print_it(number, tmp_path):
    snapshot, config = random_node(f"text-{number}")
    table = compile_nftables(snapshot.list("Service"), snapshot.list("EndpointSlice"), config)

    # Several ranges that nft merged into one stay a set; read again, a set of one is a plain comparison.
    once_more = re.sub(r"!= \{ ([^,{}]+) \} drop", r"!= \1 drop", str(table))

    assert listed(table, tmp_path) == once_more
