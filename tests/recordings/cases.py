"""Reads kube-proxy-cases.json and the recordings of whole clusters for the tests in this folder."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from svclab.kube.proxy.config import ProxyConfig

FOLDER = Path(__file__).parent
# kube-proxy walks a Go map to fill these: their entries are compared without regard to order.
UNORDERED = {
    ("nat", "KUBE-SERVICES"),
    ("nat", "KUBE-NODEPORTS"),
    ("filter", "KUBE-NODEPORTS"),
    ("filter", "KUBE-SERVICES"),
    ("filter", "KUBE-EXTERNAL-SERVICES"),
    ("filter", "KUBE-PROXY-FIREWALL"),
}
FIELDS = {
    "nodeName": "node_name",
    "nodeIPs": "node_ips",
    "ipFamily": "ip_family",
    "clusterCIDR": "cluster_cidr",
    "detectLocalMode": "detect_local_mode",
    "podCIDR": "pod_cidr",
    "bridgeInterface": "bridge_interface",
    "interfaceNamePrefix": "interface_name_prefix",
    "masqueradeAll": "masquerade_all",
    "masqueradeBit": "masquerade_bit",
    "localhostNodePorts": "localhost_node_ports",
    "nodePortAddresses": "node_port_addresses",
    "conntrackTCPBeLiberal": "conntrack_tcp_be_liberal",
    "nfacct": "nfacct",
    "randomFully": "random_fully",
    "topologyLabels": "topology_labels",
}


@cache
def proxy_cases() -> dict[str, dict[str, Any]]:
    """The cases of kube-proxy-cases.json by id."""
    cases = json.loads((FOLDER / "kube-proxy-cases.json").read_text())["cases"]
    return {case["id"]: case for case in cases}


def config_of(case: dict[str, Any]) -> ProxyConfig:
    """The configuration of a case."""
    values = {FIELDS[key]: tuple(v) if isinstance(v, list) else v for key, v in case["config"].items()}
    return ProxyConfig(**values)


def recording_names() -> list[str]:
    """The names of the recorded clusters here."""
    names = sorted(path.stem for path in FOLDER.glob("*.json"))
    return [name for name in names if "iptables" in recording(name)]


@cache
def recording(name: str) -> dict[str, Any]:
    """One recorded cluster."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def recorded_nodes() -> list[tuple[str, str]]:
    """(recording, node) of every node of every recorded cluster."""
    return [(name, node) for name in recording_names() for node in recording(name)["iptables"]]


def objects_of(name: str, kind: str) -> list[dict[str, Any]]:
    """The objects of one kind in a recorded cluster."""
    return [manifest for manifest in recording(name)["objects"] if manifest["kind"] == kind]


def node_of(name: str, node: str) -> dict[str, Any]:
    """The Node object of a recorded node."""
    return next(manifest for manifest in objects_of(name, "Node") if manifest["metadata"]["name"] == node)


def comparable(tables: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
    """Rules by table and chain, with those sorted whose order means nothing (a must-be-last rule stays
    last).
    """
    return {
        table: {chain: _ordered(table, chain, rules) for chain, rules in chains.items()}
        for table, chains in tables.items()
    }


def _ordered(table: str, chain: str, rules: list[str]) -> list[str]:
    if (table, chain) not in UNORDERED:
        return rules
    last = [rule for rule in rules if "must be the last rule" in rule]
    assert rules[len(rules) - len(last) :] == last
    return [*sorted(rule for rule in rules if rule not in last), *sorted(last)]
