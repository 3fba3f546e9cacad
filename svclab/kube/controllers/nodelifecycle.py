"""The node lifecycle controller: conditions and cordons become taints, and taints evict pods.

Keys are ("", node). Source: kube-controller-manager 1.36, pkg/controller/nodelifecycle and tainteviction.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from svclab.kube import pods
from svclab.kube.meta import condition, moment, timestamp
from svclab.kube.reconcile import Change, Delete, Event, Result, Update
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_COMPONENT = "node-controller"
_PREFIX = "node.kubernetes.io/"
_PRESSURES = {
    "MemoryPressure": "memory-pressure",
    "DiskPressure": "disk-pressure",
    "PIDPressure": "pid-pressure",
}


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """The node itself, and the node of a pod that has just been bound."""
    if change.kind == "Node":
        yield change.key
    elif change.kind == "Pod" and change.new is not None:
        node = change.new["spec"].get("nodeName")
        if node and (change.old is None or not change.old["spec"].get("nodeName")):
            yield ("", node)


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """Set the taints that the node's state asks for; evict what does not tolerate them; bury what it left."""
    result = Result()
    node = snapshot.get("Node", *key)
    here = [pod for pod in snapshot.list("Pod") if pod["spec"].get("nodeName") == key[1]]
    if node is None:
        for pod in here:
            result.add(Delete("Pod", key_of(pod), pod["metadata"]["uid"], grace_seconds=0))
        return result
    taints = _taints(node, now)
    if taints != (node["spec"].get("taints") or []):
        spec = {k: v for k, v in node["spec"].items() if k != "taints"}
        result.add(Update({**node, "spec": spec | ({"taints": taints} if taints else {})}))
        if _is_lost(taints) and not _is_lost(node["spec"].get("taints") or ()):
            message = f"Node {key[1]} status is now: NodeNotReady"
            result.add(Event(node, "NodeNotReady", message, _COMPONENT))
        return result
    if _is_lost(taints):
        _mark_not_ready(here, now, result)
    for pod in here:
        _evict(pod, [taint for taint in taints if taint["effect"] == "NoExecute"], now, result)
    return result


def _taints(node: Manifest, now: datetime) -> list[dict[str, Any]]:
    """The node's taints, with those of its conditions as they are and everybody else's left alone."""
    wanted: list[tuple[str, str]] = []
    ready = (condition(node, "Ready") or {}).get("status")
    if ready == "False":
        wanted += [("not-ready", "NoSchedule"), ("not-ready", "NoExecute")]
    elif ready == "Unknown":
        wanted += [("unreachable", "NoSchedule"), ("unreachable", "NoExecute")]
    for kind, name in _PRESSURES.items():
        if (condition(node, kind) or {}).get("status") == "True":
            wanted.append((name, "NoSchedule"))
    if node["spec"].get("unschedulable"):
        wanted.append(("unschedulable", "NoSchedule"))
    current = node["spec"].get("taints") or []
    managed = {_PREFIX + name for name in ("not-ready", "unreachable", "unschedulable", *_PRESSURES.values())}
    kept = [
        taint
        for taint in current
        if taint["key"] not in managed or (taint["key"].removeprefix(_PREFIX), taint["effect"]) in wanted
    ]
    have = {(taint["key"].removeprefix(_PREFIX), taint["effect"]) for taint in kept}
    return kept + [
        {"key": _PREFIX + name, "effect": effect, "timeAdded": timestamp(now)}
        for name, effect in wanted
        if (name, effect) not in have
    ]


def _is_lost(taints: Iterable[dict[str, Any]]) -> bool:
    """Whether the node's kubelet says that it is not ready, or says nothing any more."""
    keys = {taint["key"] for taint in taints if taint["effect"] == "NoExecute"}
    return bool(keys & {f"{_PREFIX}not-ready", f"{_PREFIX}unreachable"})


def _mark_not_ready(here: list[Manifest], now: datetime, result: Result) -> None:
    """Nobody knows how the pods of a lost node are, so no Service is to count on them."""
    for pod in here:
        status = pod.get("status") or {}
        conditions = status.get("conditions") or []
        if not pods.is_ready(pod):
            continue
        marked = [
            {**each, "status": "False", "lastTransitionTime": timestamp(now)}
            if each["type"] == "Ready"
            else each
            for each in conditions
        ]
        result.add(
            Update({**pod, "status": {**status, "conditions": marked}}),
            Event(pod, "NodeNotReady", "Node is not ready", _COMPONENT, "Warning"),
        )


def _evict(pod: Manifest, taints: list[dict[str, Any]], now: datetime, result: Result) -> None:
    if not taints or pods.is_terminating(pod) or pods.is_terminal(pod):
        return
    tolerations = pod["spec"].get("tolerations") or []
    ends: list[datetime] = []
    for taint in taints:
        fitting = [t for t in tolerations if pods.matches_taint(t, taint)]
        if not fitting:
            ends.append(now)
        limited = [t["tolerationSeconds"] for t in fitting if t.get("tolerationSeconds") is not None]
        if limited:
            ends.append((moment(taint.get("timeAdded")) or now) + timedelta(seconds=min(limited)))
    if not ends:
        return
    if min(ends) > now:
        result.again(min(ends))
        return
    message = f"Marking for deletion Pod {'/'.join(key_of(pod))}"
    result.add(
        Event(pod, "TaintManagerEviction", message, "taint-eviction-controller"),
        Delete("Pod", key_of(pod), pod["metadata"]["uid"]),
    )
