"""kube-proxy's nftables mode against what `nft -s list table ip kube-proxy` printed on recorded nodes."""

import re

import pytest

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.nftables import compile_nftables
from tests.recordings.cases import node_of, objects_of, recorded_nodes, recording

BLOCK = re.compile(r"^\t(?:set|map|chain) (\S+) \{\n.*?^\t\}$", re.M | re.S)
OF_ONE_PORT = re.compile(r"(service|local|external|firewall|endpoint|affinity)-[A-Z2-7]{8}-")


def printed(name: str, node: str) -> str:
    """Our table of a recorded node."""
    config = ProxyConfig.for_node(node_of(name, node))
    return str(compile_nftables(objects_of(name, "Service"), objects_of(name, "EndpointSlice"), config))


def blocks(text: str) -> list[tuple[str, str]]:
    """(name, text) of each set, map and chain, in order."""
    return [(match[1], match[0]) for match in BLOCK.finditer(text)]


@pytest.mark.parametrize(("name", "node"), recorded_nodes())
def test_every_set_map_and_chain_is_printed_as_nft_printed_it(name, node):
    recorded, ours = recording(name)["nftables"][node], printed(name, node)

    assert dict(blocks(ours)) == dict(blocks(recorded))
    assert len(blocks(ours)) == len(blocks(recorded))
    assert ours.partition("\tset")[0] == recorded.partition("\tset")[0]


@pytest.mark.parametrize(("name", "node"), recorded_nodes())
def test_what_does_not_belong_to_a_service_port_stands_in_the_recorded_order(name, node):
    recorded, ours = recording(name)["nftables"][node], printed(name, node)

    fixed = [
        [block for block, _ in blocks(text) if not OF_ONE_PORT.match(block)] for text in (ours, recorded)
    ]

    assert fixed[0] == fixed[1]


def test_where_there_is_one_service_the_table_is_the_recorded_one_byte_for_byte():
    recorded = recording("lb-source-ranges")["nftables"]

    assert {node: printed("lb-source-ranges", node) for node in recorded} == {
        node: text.strip() + "\n" for node, text in recorded.items()
    }
