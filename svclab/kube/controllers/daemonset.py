"""The DaemonSet controller: one pod for every node that takes it.

Source: kube-controller-manager 1.36, pkg/controller/daemon. The pods are bound by the scheduler, which each
pod's node affinity leaves one node.
"""

from collections.abc import Iterable
from datetime import datetime

from svclab.kube import names, nodes, pods
from svclab.kube.defaults import TEMPLATE_GENERATION
from svclab.kube.meta import is_true
from svclab.kube.podhash import pod_template_hash
from svclab.kube.reconcile import Change, Create, Delete, Event, Result, Update, controller_key, with_status
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_COMPONENT = "daemonset-controller"
_HASH = "controller-revision-hash"
_TOLERATED = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """Itself, the owner of a pod, and all of them when a node comes, goes or is labelled."""
    if change.kind == "DaemonSet":
        yield change.key
    elif change.kind == "Pod":
        yield from controller_key(change, "DaemonSet")
    elif change.kind == "Node":
        yield from (key_of(found) for found in snapshot.list("DaemonSet"))


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """Pods for nodes that lack one, none where they do not belong, old ones replaced one at a time."""
    result = Result()
    daemon_set = snapshot.get("DaemonSet", *key)
    if daemon_set is None:
        return result
    owned = pods.owned_by(snapshot, daemon_set)
    by_node: dict[str, list[Manifest]] = {}
    for pod in owned:
        by_node.setdefault(_node_of(pod), []).append(pod)
    wanted = [node["metadata"]["name"] for node in snapshot.list("Node") if _belongs(daemon_set, node)]
    revision = pod_template_hash(
        daemon_set["spec"]["template"], daemon_set.get("status", {}).get("collisionCount")
    )
    if not daemon_set["metadata"].get("deletionTimestamp"):
        _place(snapshot, daemon_set, wanted, by_node, revision, dice, result)
        if not result.writes:
            _replace_old(daemon_set, wanted, by_node, revision, now, result)
    if not result.writes:
        _count(snapshot, daemon_set, wanted, by_node, revision, now, result)
    return result


def _node_of(pod: Manifest) -> str:
    """The node that a pod is for: where it is bound, or the one that its affinity names."""
    if pod["spec"].get("nodeName"):
        return pod["spec"]["nodeName"]
    affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0]


def _belongs(daemon_set: Manifest, node: Manifest) -> bool:
    spec = daemon_set["spec"]["template"]["spec"]
    tolerant = {"spec": {"tolerations": _tolerations(spec)}}
    return nodes.is_chosen(spec, node) and all(
        taint["effect"] == "PreferNoSchedule" or pods.tolerates(tolerant, taint)
        for taint in node["spec"].get("taints") or ()
    )


def _tolerations(spec: Manifest) -> list[Manifest]:
    tolerations = list(spec.get("tolerations") or ())
    for key, effect in _TOLERATED:
        added = {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}
        if added not in tolerations:
            tolerations.append(added)
    if spec.get("hostNetwork"):
        unavailable = "node.kubernetes.io/network-unavailable"
        tolerations.append({"key": unavailable, "operator": "Exists", "effect": "NoSchedule"})
    return tolerations


def _place(
    snapshot: Snapshot,
    daemon_set: Manifest,
    wanted: list[str],
    by_node: dict[str, list[Manifest]],
    revision: str,
    dice: Dice,
    result: Result,
) -> None:
    for node in wanted:
        if not by_node.get(node):
            _create(snapshot, daemon_set, node, revision, dice, result)
    for node, found in by_node.items():
        active = [pod for pod in found if not pods.is_terminating(pod)]
        surplus = active if node not in wanted else active[1:]
        failed = [pod for pod in active if pods.phase(pod) == "Failed" and pod not in surplus]
        for pod in (*surplus, *failed):
            _delete(daemon_set, pod, result)


def _create(
    snapshot: Snapshot, daemon_set: Manifest, node: str, revision: str, dice: Dice, result: Result
) -> None:
    namespace, name = key_of(daemon_set)
    pod_name = names.generated(f"{name}-", dice)
    while snapshot.get("Pod", namespace, pod_name) is not None:
        pod_name = names.generated(f"{name}-", dice)
    pod = pods.from_template(daemon_set, daemon_set["spec"]["template"], pod_name, generate_name=f"{name}-")
    generation = (daemon_set["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "1")
    labels = {**(pod["metadata"].get("labels") or {}), _HASH: revision, "pod-template-generation": generation}
    pod["metadata"]["labels"] = labels
    only = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    pod["spec"]["affinity"] = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [only]}}
    }
    pod["spec"]["tolerations"] = _tolerations(daemon_set["spec"]["template"]["spec"])
    result.add(Create(pod), Event(daemon_set, "SuccessfulCreate", f"Created pod: {pod_name}", _COMPONENT))


def _delete(daemon_set: Manifest, pod: Manifest, result: Result) -> None:
    message = f"Deleted pod: {pod['metadata']['name']}"
    result.add(
        Delete("Pod", key_of(pod), pod["metadata"]["uid"]),
        Event(daemon_set, "SuccessfulDelete", message, _COMPONENT),
    )


def _is_current(pod: Manifest, revision: str) -> bool:
    return (pod["metadata"].get("labels") or {}).get(_HASH) == revision


def _replace_old(
    daemon_set: Manifest,
    wanted: list[str],
    by_node: dict[str, list[Manifest]],
    revision: str,
    now: datetime,
    result: Result,
) -> None:
    strategy = daemon_set["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return
    allowed = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
    if isinstance(allowed, str):
        allowed = -(-int(allowed.rstrip("%")) * len(wanted) // 100)
    min_ready = daemon_set["spec"].get("minReadySeconds", 0)
    here = [pod for node in wanted for pod in by_node.get(node, ())]
    room = allowed - sum(
        1 for pod in here if not pods.is_available(pod, min_ready, now) or pods.is_terminating(pod)
    )
    for pod in here:
        if _is_current(pod, revision) or pods.is_terminating(pod):
            continue
        if room > 0 or not pods.is_ready(pod):
            _delete(daemon_set, pod, result)
            room -= 1


def _count(
    snapshot: Snapshot,
    daemon_set: Manifest,
    wanted: list[str],
    by_node: dict[str, list[Manifest]],
    revision: str,
    now: datetime,
    result: Result,
) -> None:
    min_ready = daemon_set["spec"].get("minReadySeconds", 0)
    here = [by_node[node][0] for node in wanted if by_node.get(node)]
    available = sum(1 for pod in here if pods.is_available(pod, min_ready, now))
    counts = {
        "updatedNumberScheduled": sum(1 for pod in here if _is_current(pod, revision)),
        "numberAvailable": available,
        "numberUnavailable": len(wanted) - available,
    }
    status = {
        "currentNumberScheduled": len(here),
        "numberMisscheduled": sum(
            1 for node in by_node if node not in wanted and snapshot.get("Node", "", node)
        ),
        "desiredNumberScheduled": len(wanted),
        "numberReady": sum(1 for pod in here if is_true(pod, "Ready")),
        "observedGeneration": daemon_set["metadata"].get("generation", 1),
        **{name: count for name, count in counts.items() if count},
    }
    if status != daemon_set.get("status", {}):
        result.add(Update(with_status(daemon_set, status)))
    if min_ready:
        for pod in here:
            at = pods.available_at(pod, min_ready)
            if at is not None and at > now:
                result.again(at)
