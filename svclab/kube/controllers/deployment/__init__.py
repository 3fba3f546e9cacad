"""The Deployment controller: one ReplicaSet for each template, and the way from the old to the new.

Source: kube-controller-manager 1.36, pkg/controller/deployment.
"""

from collections.abc import Iterable
from datetime import datetime

from svclab.kube.controllers.deployment.progress import write_status
from svclab.kube.controllers.deployment.replicasets import clean_up, ensure_new, scale
from svclab.kube.controllers.deployment.rollout import Rollout, rollout_of
from svclab.kube.controllers.deployment.scaling import is_scaling_event, scale_in_proportion
from svclab.kube.reconcile import Change, Result, controller_key
from svclab.kube.snapshot import Key, Snapshot
from svclab.linux.dice import Dice


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """The Deployments that a change concerns; a pod that goes matters to one that waits (Recreate)."""
    if change.kind == "Deployment":
        yield change.key
    elif change.kind == "ReplicaSet":
        yield from controller_key(change, "Deployment")
    elif change.kind == "Pod" and change.new is None:
        for namespace, name in controller_key(change, "ReplicaSet"):
            replica_set = snapshot.get("ReplicaSet", namespace, name)
            if replica_set is not None:
                yield from controller_key(
                    Change("ReplicaSet", (namespace, name), replica_set, None), "Deployment"
                )


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """One step of the rollout; every step changes a ReplicaSet, whose change brings the next one."""
    result = Result()
    deployment = snapshot.get("Deployment", *key)
    if deployment is None:
        return result
    rollout = rollout_of(snapshot, deployment)
    if deployment["metadata"].get("deletionTimestamp"):
        return write_status(rollout, now, result)
    is_paused = deployment["spec"].get("paused")
    if is_paused or is_scaling_event(rollout):
        scale_in_proportion(rollout, result)
        if is_paused and not result.writes:
            clean_up(rollout, result)
        if is_paused or result.writes:
            return result if result.writes else write_status(rollout, now, result)
    if rollout.is_rolling:
        _roll(rollout, snapshot, now, result)
    else:
        _recreate(rollout, snapshot, now, result)
    if not result.writes:
        clean_up(rollout, result)
    return result if result.writes else write_status(rollout, now, result)


def _roll(rollout: Rollout, snapshot: Snapshot, now: datetime, result: Result) -> None:
    if ensure_new(rollout, snapshot, _new_replicas(rollout), now, result):
        return
    new = rollout.new
    if new is None:
        return
    wanted = _new_replicas(rollout)
    if new["spec"]["replicas"] != wanted:
        scale(rollout, new, wanted, result)
    else:
        _scale_down_old(rollout, result)


def _new_replicas(rollout: Rollout) -> int:
    """How many the new ReplicaSet may have now: the rest of the surge, but no more than asked for."""
    has = rollout.new["spec"]["replicas"] if rollout.new is not None else 0
    if has > rollout.replicas or not rollout.is_rolling:
        return rollout.replicas
    current = sum(found["spec"]["replicas"] for found in rollout.all)
    room = rollout.replicas + rollout.max_surge - current
    return has if room <= 0 else min(has + room, rollout.replicas)


def _scale_down_old(rollout: Rollout, result: Result) -> None:
    """First old pods that are not even healthy, then as many healthy ones as availability allows."""
    new = rollout.new
    old = [found for found in rollout.old if found["spec"]["replicas"] > 0]
    if not old or new is None:
        return
    minimum = rollout.replicas - rollout.max_unavailable
    unavailable_new = new["spec"]["replicas"] - new.get("status", {}).get("availableReplicas", 0)
    total = sum(found["spec"]["replicas"] for found in rollout.all)
    allowed = total - minimum - unavailable_new
    if allowed <= 0:
        return
    targets = {found["metadata"]["name"]: found["spec"]["replicas"] for found in old}
    for found in old:
        available = found.get("status", {}).get("availableReplicas", 0)
        unhealthy = min(allowed, max(targets[found["metadata"]["name"]] - available, 0))
        targets[found["metadata"]["name"]] -= unhealthy
        allowed -= unhealthy
    spare = sum(found.get("status", {}).get("availableReplicas", 0) for found in rollout.all) - minimum
    for found in old:
        less = max(min(spare, targets[found["metadata"]["name"]]), 0)
        targets[found["metadata"]["name"]] -= less
        spare -= less
    for found in old:
        if targets[found["metadata"]["name"]] != found["spec"]["replicas"]:
            scale(rollout, found, targets[found["metadata"]["name"]], result)


def _recreate(rollout: Rollout, snapshot: Snapshot, now: datetime, result: Result) -> None:
    for found in rollout.old:
        if found["spec"]["replicas"] > 0:
            scale(rollout, found, 0, result)
    if result.writes or _old_pods_remain(rollout, snapshot):
        return
    if not ensure_new(rollout, snapshot, rollout.replicas, now, result) and rollout.new is not None:
        scale(rollout, rollout.new, rollout.replicas, result)


def _old_pods_remain(rollout: Rollout, snapshot: Snapshot) -> bool:
    old = {found["metadata"]["uid"] for found in rollout.old}
    return any(
        owner["uid"] in old
        for pod in snapshot.list("Pod", rollout.deployment["metadata"]["namespace"])
        for owner in pod["metadata"].get("ownerReferences") or ()
        if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
    )
