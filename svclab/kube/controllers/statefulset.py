"""The StatefulSet controller: pods with ordinals, made and unmade in order, and names that stay.

Source: kube-controller-manager 1.36, pkg/controller/statefulset. Volume claims are not simulated.
"""

from collections.abc import Iterable
from datetime import datetime

from svclab.kube import pods
from svclab.kube.podhash import controller_revision_hash
from svclab.kube.reconcile import Change, Create, Delete, Event, Result, Update, controller_key, with_status
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_COMPONENT = "statefulset-controller"
_REVISION = "controller-revision-hash"


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """Itself and the owner of a pod."""
    if change.kind == "StatefulSet":
        yield change.key
    elif change.kind == "Pod":
        yield from controller_key(change, "StatefulSet")


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """The next pod up, the next pod down, or the next pod to be updated: one step at a time when ordered."""
    result = Result()
    stateful_set = snapshot.get("StatefulSet", *key)
    if stateful_set is None:
        return result
    spec = stateful_set["spec"]
    owned = {_ordinal(pod): pod for pod in pods.owned_by(snapshot, stateful_set)}
    revision = _revision(stateful_set)
    if not stateful_set["metadata"].get("deletionTimestamp"):
        first = (spec.get("ordinals") or {}).get("start", 0)
        wanted = range(first, first + spec.get("replicas", 1))
        ordered = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        settled = _grow(stateful_set, owned, wanted, ordered, revision, now, result)
        settled = settled and _shrink(stateful_set, owned, wanted, ordered, now, result)
        if settled:
            _update(stateful_set, owned, wanted, revision, now, result)
    if not result.writes:
        _count(stateful_set, owned, revision, now, result)
    return result


def _ordinal(pod: Manifest) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _is_healthy(stateful_set: Manifest, pod: Manifest, now: datetime) -> bool:
    min_ready = stateful_set["spec"].get("minReadySeconds", 0)
    return not pods.is_terminating(pod) and pods.is_available(pod, min_ready, now)


def _grow(
    stateful_set: Manifest,
    owned: dict[int, Manifest],
    wanted: range,
    ordered: bool,
    revision: str,
    now: datetime,
    result: Result,
) -> bool:
    """Create what is missing; True when every wanted pod is there and, if ordered, healthy."""
    for ordinal in wanted:
        pod = owned.get(ordinal)
        if pod is not None and pods.is_terminal(pod) and not pods.is_terminating(pod):
            _delete(stateful_set, pod, result)
            return False
        if pod is None:
            _create(stateful_set, ordinal, _revision_for(stateful_set, ordinal, revision), result)
        if ordered and (pod is None or not _is_healthy(stateful_set, pod, now)):
            _wait_for_availability(stateful_set, pod, now, result)
            return False
    return True


def _wait_for_availability(
    stateful_set: Manifest, pod: Manifest | None, now: datetime, result: Result
) -> None:
    min_ready = stateful_set["spec"].get("minReadySeconds", 0)
    at = pods.available_at(pod, min_ready) if pod is not None else None
    if at is not None and at > now:
        result.again(at)


def _shrink(
    stateful_set: Manifest,
    owned: dict[int, Manifest],
    wanted: range,
    ordered: bool,
    now: datetime,
    result: Result,
) -> bool:
    """Delete what is too much, the highest ordinal first; in order, one that is not healthy waits for those
    below it that are not either. True when nothing is too much.
    """
    surplus = sorted((n for n in owned if n not in wanted), reverse=True)
    unhealthy = [n for n in surplus if not _is_healthy(stateful_set, owned[n], now)]
    for ordinal in surplus:
        pod = owned[ordinal]
        if ordered and ordinal in unhealthy[:-1] and not pods.is_terminating(pod):
            return False
        if not pods.is_terminating(pod):
            _delete(stateful_set, pod, result)
        if ordered:
            return False
    return not surplus


def _update(
    stateful_set: Manifest,
    owned: dict[int, Manifest],
    wanted: range,
    revision: str,
    now: datetime,
    result: Result,
) -> None:
    """Replace pods of an older revision, the highest ordinal first, down to the partition."""
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    for ordinal in reversed(wanted):
        pod = owned.get(ordinal)
        if pod is None or ordinal < partition:
            return
        if not _is_of(pod, revision):
            if not pods.is_terminating(pod):
                _delete(stateful_set, pod, result)
            return
        if not _is_healthy(stateful_set, pod, now):
            return


def _revision_for(stateful_set: Manifest, ordinal: int, revision: str) -> str:
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    current = stateful_set.get("status", {}).get("currentRevision", revision)
    return revision if ordinal >= partition else current


def _is_of(pod: Manifest, revision: str) -> bool:
    return (pod["metadata"].get("labels") or {}).get(_REVISION) == revision


def _revision(stateful_set: Manifest) -> str:
    """The name of the template's ControllerRevision."""
    collisions = stateful_set.get("status", {}).get("collisionCount", 0)
    template_hash = controller_revision_hash(stateful_set["spec"]["template"], collisions)
    return f"{stateful_set['metadata']['name']}-{template_hash}"


def _create(stateful_set: Manifest, ordinal: int, revision: str, result: Result) -> None:
    name = stateful_set["metadata"]["name"]
    pod_name = f"{name}-{ordinal}"
    pod = pods.from_template(
        stateful_set, stateful_set["spec"]["template"], pod_name, generate_name=f"{name}-"
    )
    pod["metadata"]["labels"] = {
        **(pod["metadata"].get("labels") or {}),
        "apps.kubernetes.io/pod-index": str(ordinal),
        _REVISION: revision,
        "statefulset.kubernetes.io/pod-name": pod_name,
    }
    pod["spec"]["hostname"] = pod_name
    if stateful_set["spec"].get("serviceName"):
        pod["spec"]["subdomain"] = stateful_set["spec"]["serviceName"]
    message = f"create Pod {pod_name} in StatefulSet {name} successful"
    result.add(Create(pod), Event(stateful_set, "SuccessfulCreate", message, _COMPONENT))


def _delete(stateful_set: Manifest, pod: Manifest, result: Result) -> None:
    name, pod_name = stateful_set["metadata"]["name"], pod["metadata"]["name"]
    message = f"delete Pod {pod_name} in StatefulSet {name} successful"
    result.add(
        Delete("Pod", key_of(pod), pod["metadata"]["uid"]),
        Event(stateful_set, "SuccessfulDelete", message, _COMPONENT),
    )


def _count(
    stateful_set: Manifest, owned: dict[int, Manifest], revision: str, now: datetime, result: Result
) -> None:
    """Pods that are on their way out still count as replicas, and as ready while they are."""
    before, spec = stateful_set.get("status", {}), stateful_set["spec"]
    min_ready = spec.get("minReadySeconds", 0)
    running = [pod for pod in owned.values() if pods.phase(pod) == "Running"]
    staying = [pod for pod in owned.values() if not pods.is_terminating(pod)]
    current = before.get("currentRevision", revision)
    updated = sum(1 for pod in staying if _is_of(pod, revision))
    ready = sum(1 for pod in running if pods.is_ready(pod))
    is_rolling = (spec.get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
    if is_rolling and updated == ready == len(owned) == spec.get("replicas", 1):
        current = revision
    counts = {
        "readyReplicas": ready,
        "currentReplicas": sum(1 for pod in staying if _is_of(pod, current)),
        "updatedReplicas": updated,
    }
    status = {
        "observedGeneration": stateful_set["metadata"].get("generation", 1),
        "replicas": len(owned),
        **{name: count for name, count in counts.items() if count},
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
        "availableReplicas": sum(1 for pod in running if pods.is_available(pod, min_ready, now)),
    }
    if status != before:
        result.add(Update(with_status(stateful_set, status)))
