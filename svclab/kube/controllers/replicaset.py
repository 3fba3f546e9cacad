"""The ReplicaSet controller: as many pods as the ReplicaSet says, with its labels, under its ownership.

Source: kube-controller-manager 1.36, pkg/controller/replicaset.
"""

from collections.abc import Iterable
from datetime import datetime

from svclab.kube import names, pods
from svclab.kube.meta import controller_of, is_controlled_by, moment
from svclab.kube.reconcile import (
    Change,
    Create,
    Delete,
    Event,
    Result,
    Update,
    controller_key,
    owner_reference,
    with_metadata,
    with_status,
)
from svclab.kube.selectors import from_object
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_COMPONENT = "replicaset-controller"
_BURST = 500  # writes in one pass, as --concurrent... of the real one


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """The ReplicaSets that a change concerns: itself, a pod's owner, or those that may adopt an orphan."""
    if change.kind == "ReplicaSet":
        yield change.key
    elif change.kind == "Pod":
        yield from controller_key(change, "ReplicaSet")
        if change.new is not None and controller_of(change.new) is None:
            labels = change.new["metadata"].get("labels")
            for replica_set in snapshot.list("ReplicaSet", change.key[0]):
                selector = from_object(replica_set["spec"]["selector"])
                if selector is not None and selector.matches(labels):
                    yield key_of(replica_set)


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """Adopt, release, create or delete pods, then write down how many there are."""
    result = Result()
    replica_set = snapshot.get("ReplicaSet", *key)
    if replica_set is None:
        return result
    terminating = bool(replica_set["metadata"].get("deletionTimestamp"))
    if not terminating:
        _adopt_and_release(snapshot, replica_set, result)
        if result.writes:
            return result
    owned = pods.owned_by(snapshot, replica_set)
    active = [pod for pod in owned if pods.is_active(pod)]
    if not terminating:
        _scale(snapshot, replica_set, active, now, dice, result)
    _count(replica_set, owned, active, now, result)
    return result


def _adopt_and_release(snapshot: Snapshot, replica_set: Manifest, result: Result) -> None:
    """Orphans whose labels match are adopted; own pods whose labels no longer match are let go."""
    selector = from_object(replica_set["spec"]["selector"])
    for pod in snapshot.list("Pod", replica_set["metadata"]["namespace"]):
        if not pods.is_active(pod) or selector is None:
            continue
        matches = selector.matches(pod["metadata"].get("labels"))
        owners = pod["metadata"].get("ownerReferences") or []
        if controller_of(pod) is None and matches:
            adopted = [*owners, owner_reference(replica_set)]
            result.add(Update(with_metadata(pod, ownerReferences=adopted)))
        elif is_controlled_by(pod, replica_set) and not matches:
            kept = [owner for owner in owners if owner["uid"] != replica_set["metadata"]["uid"]]
            result.add(Update(with_metadata(pod, ownerReferences=kept or None)))


def _scale(
    snapshot: Snapshot,
    replica_set: Manifest,
    active: list[Manifest],
    now: datetime,
    dice: Dice,
    result: Result,
) -> None:
    missing = replica_set["spec"].get("replicas", 1) - len(active)
    if missing > 0:
        _create(snapshot, replica_set, min(missing, _BURST), dice, result)
    elif missing < 0:
        crowds = _crowds(snapshot, replica_set)
        for pod in _doomed(active, -missing, crowds, now):
            message = f"Deleted pod: {pod['metadata']['name']}"
            result.add(
                Delete("Pod", key_of(pod), pod["metadata"]["uid"]),
                Event(replica_set, "SuccessfulDelete", message, _COMPONENT),
            )


def _create(snapshot: Snapshot, replica_set: Manifest, count: int, dice: Dice, result: Result) -> None:
    namespace, name = key_of(replica_set)
    prefix, made = f"{name}-", set()
    while len(made) < count:
        pod_name = names.generated(prefix, dice)
        if pod_name in made or snapshot.get("Pod", namespace, pod_name) is not None:
            continue
        made.add(pod_name)
        pod = pods.from_template(replica_set, replica_set["spec"]["template"], pod_name, generate_name=prefix)
        result.add(
            Create(pod),
            Event(replica_set, "SuccessfulCreate", f"Created pod: {pod_name}", _COMPONENT),
        )


def _crowds(snapshot: Snapshot, replica_set: Manifest) -> dict[str, int]:
    """How many pods of the same Deployment, of whichever ReplicaSet, are on each node.

    Those of a ReplicaSet without an owner are not counted.
    """
    owner, on_node = controller_of(replica_set), dict[str, int]()
    for found in snapshot.list("ReplicaSet", replica_set["metadata"]["namespace"]) if owner else ():
        if (controller_of(found) or {}).get("uid") == owner["uid"]:
            for pod in filter(pods.is_active, pods.owned_by(snapshot, found)):
                node = pod["spec"].get("nodeName", "")
                on_node[node] = on_node.get(node, 0) + 1
    return on_node


def _doomed(active: list[Manifest], count: int, crowds: dict[str, int], now: datetime) -> list[Manifest]:
    """Which pods to delete first: unassigned, pending, not ready, cheap, crowded, ready for least time,
    youngest.
    """

    def rank(pod: Manifest) -> tuple[float, ...]:
        metadata, since = pod["metadata"], pods.available_at(pod, 0)
        cost = (metadata.get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", "0")
        restarts = sum(c.get("restartCount", 0) for c in pod.get("status", {}).get("containerStatuses") or ())
        return (
            1 if pod["spec"].get("nodeName") else 0,
            {"Pending": 0, "Unknown": 1}.get(pods.phase(pod), 2),
            1 if since else 0,
            int(cost),
            -crowds.get(pod["spec"].get("nodeName", ""), 0),
            (now - since).total_seconds() if since else 0.0,
            -restarts,
            (now - (moment(metadata.get("creationTimestamp")) or now)).total_seconds(),
        )

    return sorted(active, key=rank)[:count]


def _count(
    replica_set: Manifest, owned: list[Manifest], active: list[Manifest], now: datetime, result: Result
) -> None:
    """The status; zero counts are left out, as the API server does with omitempty fields."""
    spec, metadata = replica_set["spec"], replica_set["metadata"]
    wanted_labels = from_object({"matchLabels": (spec["template"].get("metadata") or {}).get("labels") or {}})
    min_ready = spec.get("minReadySeconds", 0)
    counts = {
        "fullyLabeledReplicas": sum(1 for p in active if wanted_labels and wanted_labels(p)),
        "readyReplicas": sum(1 for p in active if pods.is_ready(p)),
        "availableReplicas": sum(1 for p in active if pods.is_available(p, min_ready, now)),
    }
    terminating = sum(1 for p in owned if pods.is_terminating(p) and not pods.is_terminal(p))
    before = replica_set.get("status", {})
    status = {
        "replicas": len(active),
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": terminating,
        "observedGeneration": metadata.get("generation", 1),
        **({"conditions": before["conditions"]} if before.get("conditions") else {}),
    }
    if status != before:
        result.add(Update(with_status(replica_set, status)))
    if min_ready:
        for pod in active:
            at = pods.available_at(pod, min_ready)
            if at is not None and at > now:
                result.again(at)
