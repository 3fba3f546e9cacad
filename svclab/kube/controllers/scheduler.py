"""The scheduler: finds each new pod a node, and says why when there is none.

Filters: schedulable, taints, node selector and required affinity, resources, required pod anti-affinity.
Scores: first the node with the fewest pods of the same controller, then the one with the fewest pods.
Source: kube-scheduler 1.36; messages as its plugins give them.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from svclab.kube import nodes, pods
from svclab.kube.meta import condition, controller_of, timestamp
from svclab.kube.quantity import parse
from svclab.kube.reconcile import Change, Event, Result, Update, with_metadata
from svclab.kube.selectors import from_object
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_COMPONENT = "default-scheduler"
_ZONE_LABELS = (nodes.ZONE, "topology.kubernetes.io/region")


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """A new pod; and every waiting pod when a node changes or another pod gives up its room."""
    if change.kind == "Pod" and change.new is not None and _is_waiting(change.new):
        yield change.key
    freed = change.kind == "Pod" and (change.new is None or pods.is_terminal(change.new))
    if change.kind == "Node" or freed:
        yield from (key_of(pod) for pod in snapshot.list("Pod") if _is_waiting(pod))


def _is_waiting(pod: Manifest) -> bool:
    spec = pod["spec"]
    return (
        not spec.get("nodeName")
        and not pods.is_terminating(pod)
        and not pods.is_terminal(pod)
        and spec.get("schedulerName", "default-scheduler") == "default-scheduler"
        and not spec.get("schedulingGates")
    )


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """Bind the pod to the best node that takes it, or write down why none does."""
    result = Result()
    pod = snapshot.get("Pod", *key)
    if pod is None or not _is_waiting(pod):
        return result
    candidates = snapshot.list("Node")
    refusals = {node["metadata"]["name"]: _refusal(snapshot, pod, node) for node in candidates}
    fitting = [node for node in candidates if not refusals[node["metadata"]["name"]]]
    if fitting:
        return _bind(pod, min(fitting, key=lambda node: _crowd(snapshot, pod, node)), now, result)
    return _give_up(pod, [why for why in refusals.values() if why], len(candidates), now, result)


def _bind(pod: Manifest, node: Manifest, now: datetime, result: Result) -> Result:
    namespace, name = key_of(pod)
    node_name = node["metadata"]["name"]
    message = f"Successfully assigned {namespace}/{name} to {node_name}"
    event = Event(pod, "Scheduled", message, _COMPONENT, action="Binding")
    return result.add(Update(bound(pod, node_name, node, now)), event)


def bound(pod: Manifest, node_name: str, node: Manifest | None, now: datetime) -> Manifest:
    """What the binding subresource does: the node's name, its zone as a label, the condition.

    Nobody asks whether there is such a node.
    """
    there = nodes.labels(node) if node is not None else {}
    zone = {label: there[label] for label in _ZONE_LABELS if label in there}
    made = with_metadata(pod, labels={**(pod["metadata"].get("labels") or {}), **zone} or None)
    spec, status = {**pod["spec"], "nodeName": node_name}, _with_scheduled(pod["status"], "True", now)
    return {**made, "spec": spec, "status": status}


def _with_scheduled(status: Manifest, value: str, now: datetime, message: str = "") -> Manifest:
    entry: dict[str, Any] = {
        "type": "PodScheduled",
        "status": value,
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(now),
    }
    if message:
        entry |= {"reason": "Unschedulable", "message": message}
    others = [c for c in status.get("conditions") or () if c["type"] != "PodScheduled"]
    return {**status, "conditions": [*others, entry]}


def _give_up(pod: Manifest, reasons: list[str], of: int, now: datetime, result: Result) -> Result:
    counted = sorted(f"{reasons.count(why)} {why}" for why in set(reasons))
    preemption = f"preemption: 0/{of} nodes are available: {of} Preemption is not helpful for scheduling."
    message = f"0/{of} nodes are available: {', '.join(counted)}. no new claims to deallocate, {preemption}"
    if not of:
        message = "no nodes available to schedule pods"
    said = condition(pod, "PodScheduled")
    if said is not None and said.get("message") == message:
        return result
    updated = {**pod, "status": _with_scheduled(pod["status"], "False", now, message)}
    failed = Event(pod, "FailedScheduling", message, _COMPONENT, "Warning", action="Scheduling")
    return result.add(Update(updated), failed)


# ---- filters ----


def _refusal(snapshot: Snapshot, pod: Manifest, node: Manifest) -> str:
    """Why the node does not take the pod, in the words of the plugin that says no first; "" if it does."""
    unschedulable = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    if node["spec"].get("unschedulable") and not pods.tolerates(pod, unschedulable):
        return "node(s) were unschedulable"
    if any(
        taint["effect"] in ("NoSchedule", "NoExecute") and not pods.tolerates(pod, taint)
        for taint in node["spec"].get("taints") or ()
    ):
        return "node(s) had untolerated taint(s)"
    if not nodes.is_chosen(pod["spec"], node):
        return "node(s) didn't match Pod's node affinity/selector"
    if not nodes.is_ready(node):
        return "node(s) were not ready"
    return _shortage(snapshot, pod, node) or _aversion(snapshot, pod, node)


def _shortage(snapshot: Snapshot, pod: Manifest, node: Manifest) -> str:
    present = _present(snapshot, node)
    allocatable = node["status"].get("allocatable") or {}
    if len(present) >= int(allocatable.get("pods", 110)):
        return "Too many pods"
    for resource in ("cpu", "memory"):
        wanted = pods.requested(pod, resource)
        if not wanted or resource not in allocatable:
            continue
        used = sum(pods.requested(other, resource) for other in present)
        if used + wanted > float(parse(allocatable[resource]).amount):
            return f"Insufficient {resource}"
    return ""


def _aversion(snapshot: Snapshot, pod: Manifest, node: Manifest) -> str:
    """Required pod anti-affinity of the new pod, by topology key."""
    anti = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
    for term in anti.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
        selector, topology = from_object(term.get("labelSelector")), term["topologyKey"]
        place = nodes.labels(node).get(topology)
        for other in snapshot.list("Pod", pod["metadata"]["namespace"]):
            if selector is None or not selector(other) or not pods.is_active(other):
                continue
            beside = snapshot.get("Node", "", other["spec"].get("nodeName", ""))
            if beside and place and nodes.labels(beside).get(topology) == place:
                return "node(s) didn't match pod anti-affinity rules"
    return ""


# ---- scores ----


def _crowd(snapshot: Snapshot, pod: Manifest, node: Manifest) -> tuple[int, int, str]:
    present = _present(snapshot, node)
    controller = controller_of(pod)
    alike = [
        other
        for other in present
        if controller is not None and (controller_of(other) or {}).get("uid") == controller["uid"]
    ]
    workload = [other for other in present if other["metadata"]["namespace"] != "kube-system"]
    return len(alike), len(workload), node["metadata"]["name"]


def _present(snapshot: Snapshot, node: Manifest) -> list[Manifest]:
    name = node["metadata"]["name"]
    return [
        pod
        for pod in snapshot.list("Pod")
        if pod["spec"].get("nodeName") == name and not pods.is_terminal(pod)
    ]
