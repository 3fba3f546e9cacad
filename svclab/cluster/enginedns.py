"""`manage.py engine dns`: questions in JSON, answers in the recordings' form; or names as typed in a pod."""

import json
from datetime import UTC, datetime
from typing import Any

from svclab.cluster.importing import BadFile
from svclab.kube.dnsanswers import BadQuestion, answers, look_up, question_of, typed_name
from svclab.kube.node_rules import kernel_tables
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.iptables import compile_rules
from svclab.kube.snapshot import Snapshot
from svclab.kube.wiring import NodeRules, build_fabric
from svclab.kube.world import World, internet_addresses
from svclab.linux.dice import Dice

NOW = datetime(2026, 1, 1, tzinfo=UTC)  # nothing here ages; every run asks at the same moment


def dns_text(snapshot: Snapshot, pod: str | None, questions: str) -> str:
    """The answers as a JSON list. Raises BadFile for questions or a pod that it cannot use."""
    try:
        items = json.loads(questions)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"standard input: not JSON ({error})") from None
    if not isinstance(items, list):
        raise BadFile("standard input: expected a JSON list of questions")
    try:
        found = _answers(snapshot, pod, items)
    except BadQuestion as error:
        raise BadFile(f"standard input: {error}") from None
    return json.dumps(found, indent=1) + "\n"


def _answers(snapshot: Snapshot, pod: str | None, items: list[Any]) -> list[dict[str, Any]]:
    if pod is None:
        return answers(snapshot, [question_of(item) for item in items])
    namespace, slash, name = pod.rpartition("/")
    if snapshot.get("Pod", namespace if slash else "default", name) is None:
        raise BadFile(f"there is no pod {pod}")
    host = f"pod/{namespace if slash else 'default'}/{name}"

    def world() -> World:
        return world_of(snapshot)

    return [look_up(snapshot, host, typed_name(item), world, Dice("engine"), NOW) for item in items]


def world_of(snapshot: Snapshot) -> World:
    """The cluster with kube-proxy in iptables mode on every node, nothing remembered."""
    services, slices = snapshot.list("Service"), snapshot.list("EndpointSlice")
    nodes = {node["metadata"]["name"]: node for node in snapshot.list("Node")}

    def rules_of(name: str) -> NodeRules:
        ruleset = compile_rules(services, slices, ProxyConfig.for_node(nodes[name]))
        return NodeRules(kernel_tables(ruleset))

    fabric = build_fabric(snapshot, rules_of, internet=internet_addresses(), every_endpoint_answers=False)
    return World(snapshot, fabric)
