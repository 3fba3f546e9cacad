"""A Deployment's new size in the middle of a rollout: each ReplicaSet gets its share.

Source: kube-controller-manager 1.36, pkg/controller/deployment/sync.go and util/deployment_util.go.
"""

import math

from svclab.kube.controllers.deployment.replicasets import DESIRED, MAX, scale
from svclab.kube.controllers.deployment.rollout import Rollout
from svclab.kube.reconcile import Result
from svclab.kube.snapshot import Manifest


def is_scaling_event(rollout: Rollout) -> bool:
    """Whether a ReplicaSet with pods was sized for another number of replicas than the Deployment's."""
    return any(
        _annotation(found, DESIRED) not in (None, rollout.replicas)
        for found in rollout.all
        if found["spec"]["replicas"] > 0
    )


def scale_in_proportion(rollout: Rollout, result: Result) -> None:
    """One ReplicaSet takes all; a new one that has all its pods ends the old ones; else each its share."""
    only = _active_or_latest(rollout)
    if only is not None:
        scale(rollout, only, rollout.replicas, result)
        return
    active = [found for found in rollout.all if found["spec"]["replicas"] > 0]
    if _is_saturated(rollout):
        for found in active:
            if found is not rollout.new:
                scale(rollout, found, 0, result)
        return
    if not rollout.is_rolling:
        return
    missing = (rollout.replicas + rollout.max_surge if rollout.replicas else 0) - sum(
        found["spec"]["replicas"] for found in active
    )
    if missing >= 0:
        active.reverse()  # of equals the newest grows first, and the oldest shrinks first
    active.sort(key=lambda found: -found["spec"]["replicas"])
    added, targets = 0, list[int]()
    for found in active:
        share = _share(rollout, found, missing, added)
        targets.append(found["spec"]["replicas"] + share)
        added += share
    targets[0] = max(targets[0] + missing - added, 0)
    for found, target in zip(active, targets, strict=True):
        scale(rollout, found, target, result)


def _active_or_latest(rollout: Rollout) -> Manifest | None:
    """The one ReplicaSet with pods, or the newest where none has any; None where several have some."""
    active = [found for found in rollout.all if found["spec"]["replicas"] > 0]
    if active:
        return active[0] if len(active) == 1 else None
    return rollout.new or next(reversed(rollout.old), None)


def _is_saturated(rollout: Rollout) -> bool:
    new, wanted = rollout.new, rollout.replicas
    return (
        new is not None
        and new["spec"]["replicas"] == wanted == _annotation(new, DESIRED)
        and new.get("status", {}).get("availableReplicas", 0) == wanted
    )


def _share(rollout: Rollout, found: Manifest, missing: int, added: int) -> int:
    """How many more pods a ReplicaSet may have, or (below zero) must lose, of those still to be dealt out."""
    has, left = found["spec"]["replicas"], missing - added
    if not left:
        return 0
    if not rollout.replicas:
        share = -has
    else:
        before = _annotation(found, MAX) or rollout.deployment.get("status", {}).get("replicas", 0)
        goal = rollout.replicas + rollout.max_surge
        share = math.floor(has * goal / before + 0.5) - has if before else 0
    return min(share, left) if missing > 0 else max(share, left)


def _annotation(found: Manifest, name: str) -> int | None:
    value = (found["metadata"].get("annotations") or {}).get(name)
    return int(value) if value is not None else None
