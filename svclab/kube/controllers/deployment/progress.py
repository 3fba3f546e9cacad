"""A Deployment's status: how many pods there are of which kind, and whether it gets on."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from svclab.kube.controllers.deployment.rollout import Rollout
from svclab.kube.meta import moment
from svclab.kube.reconcile import Result, Update, with_condition, with_status
from svclab.kube.snapshot import Manifest


def counts_of(rollout: Rollout) -> dict[str, int]:
    """The numbers of the status, in its order, summed over the ReplicaSets' own statuses."""

    def total(field: str, among: Iterable[Manifest]) -> int:
        return sum(found.get("status", {}).get(field, 0) for found in among)

    new = [rollout.new] if rollout.new is not None else []
    available, replicas = total("availableReplicas", rollout.all), total("replicas", rollout.all)
    return {
        "replicas": replicas,
        "updatedReplicas": total("replicas", new),
        "readyReplicas": total("readyReplicas", rollout.all),
        "availableReplicas": available,
        "unavailableReplicas": max(sum(found["spec"]["replicas"] for found in rollout.all) - available, 0),
        "terminatingReplicas": total("terminatingReplicas", rollout.all),
    }


def is_complete(rollout: Rollout, counts: dict[str, int]) -> bool:
    """Whether all pods are of the new template and available."""
    wanted = rollout.replicas
    return counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == wanted


def write_status(rollout: Rollout, now: datetime, result: Result) -> Result:
    """Write the status down if anything in it is new."""
    deployment, before = rollout.deployment, rollout.deployment.get("status", {})
    counts = counts_of(rollout)
    conditions = _availability(rollout, counts, before.get("conditions", []), now)
    conditions = _progress(rollout, counts, before, conditions, now, result)
    status = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{name: n for name, n in counts.items() if n or name == "terminatingReplicas"},
        **({"conditions": conditions} if conditions else {}),
        **({"collisionCount": before["collisionCount"]} if before.get("collisionCount") else {}),
    }
    if status != before:
        result.add(Update(with_status(deployment, status)))
    return result


def _availability(
    rollout: Rollout, counts: dict[str, int], conditions: list[dict[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    if counts["availableReplicas"] >= rollout.replicas - rollout.max_unavailable:
        words = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        words = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    return with_condition(conditions, "Available", *words, now)


def _progress(
    rollout: Rollout,
    counts: dict[str, int],
    before: dict[str, Any],
    conditions: list[dict[str, Any]],
    now: datetime,
    result: Result,
) -> list[dict[str, Any]]:
    deadline = rollout.deployment["spec"].get("progressDeadlineSeconds")
    current = next((c for c in conditions if c["type"] == "Progressing"), None)
    if deadline is None or rollout.deployment["spec"].get("paused"):
        return _pause_condition(rollout, conditions, current, now)
    if rollout.new is None:
        return conditions
    replica_set = f'ReplicaSet "{rollout.new["metadata"]["name"]}"'
    done = current is not None and current["reason"] == "NewReplicaSetAvailable"
    if done and counts["replicas"] == counts["updatedReplicas"]:
        return conditions
    if current is not None and current["reason"] == "DeploymentPaused":
        words = ("Unknown", "DeploymentResumed", "Deployment is resumed")
        conditions = with_condition(conditions, "Progressing", *words, now)
        current = conditions[-1]
    if is_complete(rollout, counts):
        message = f"{replica_set} has successfully progressed."
        return with_condition(conditions, "Progressing", "True", "NewReplicaSetAvailable", message, now)
    if _has_progressed(counts, before) or current is None:
        return _progressing(conditions, current, f"{replica_set} is progressing.", now)
    late = moment(current["lastUpdateTime"]) + timedelta(seconds=deadline)
    if current["status"] != "False" and now < late:
        result.again(late)
        return conditions
    message = f"{replica_set} has timed out progressing."
    return with_condition(conditions, "Progressing", "False", "ProgressDeadlineExceeded", message, now)


def _progressing(
    conditions: list[dict[str, Any]], current: dict[str, Any] | None, message: str, now: datetime
) -> list[dict[str, Any]]:
    """Progress is noted anew each time, so that the deadline counts from it; the transition keeps its
    time.
    """
    others = [c for c in conditions if c["type"] != "Progressing"]
    noted = with_condition(others, "Progressing", "True", "ReplicaSetUpdated", message, now)
    if current is not None and current["status"] == "True":
        noted[-1] = {**noted[-1], "lastTransitionTime": current["lastTransitionTime"]}
    return noted


def _has_progressed(counts: dict[str, int], before: dict[str, Any]) -> bool:
    old = counts["replicas"] - counts["updatedReplicas"]
    old_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    return (
        counts["updatedReplicas"] > before.get("updatedReplicas", 0)
        or old < old_before
        or counts["readyReplicas"] > before.get("readyReplicas", 0)
        or counts["availableReplicas"] > before.get("availableReplicas", 0)
    )


def _pause_condition(
    rollout: Rollout, conditions: list[dict[str, Any]], current: dict[str, Any] | None, now: datetime
) -> list[dict[str, Any]]:
    paused = rollout.deployment["spec"].get("paused")
    if not paused or rollout.deployment["spec"].get("progressDeadlineSeconds") is None:
        return conditions
    if current is not None and current["reason"] == "ProgressDeadlineExceeded":
        return conditions
    return with_condition(
        conditions, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", now
    )
