"""The Deployment controller: one ReplicaSet for each template, and the way from the old to the new.

Source: kube-controller-manager 1.36, pkg/controller/deployment.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from svclab.kube.meta import is_controlled_by, moment
from svclab.kube.podhash import pod_template_hash
from svclab.kube.reconcile import (
    Change,
    Create,
    Delete,
    Event,
    Result,
    Update,
    controller_key,
    owner_reference,
    with_condition,
    with_metadata,
    with_status,
)
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_COMPONENT = "deployment-controller"
_HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAX = "deployment.kubernetes.io/max-replicas"
_HISTORY = "deployment.kubernetes.io/revision-history"
_NOT_COPIED = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", _REVISION, _HISTORY, _DESIRED, _MAX}
    | {"deprecated.deployment.rollback.to"}
)


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


@dataclass(frozen=True, slots=True)
class _Rollout:
    """A Deployment with its ReplicaSets: `new` has its template, `old` are the others, oldest first."""

    deployment: Manifest
    new: Manifest | None
    old: tuple[Manifest, ...]

    @property
    def all(self) -> list[Manifest]:
        return [*self.old, *([self.new] if self.new is not None else [])]

    @property
    def replicas(self) -> int:
        return self.deployment["spec"].get("replicas", 1)

    @property
    def is_rolling(self) -> bool:
        return self.deployment["spec"].get("strategy", {}).get("type", "RollingUpdate") == "RollingUpdate"

    @property
    def max_surge(self) -> int:
        return self._fenceposts()[0]

    @property
    def max_unavailable(self) -> int:
        return self._fenceposts()[1] if self.is_rolling and self.replicas else 0

    def _fenceposts(self) -> tuple[int, int]:
        """maxSurge rounds up, maxUnavailable down; both zero would stand still, so one may be unavailable."""
        if not self.is_rolling:
            return 0, 0
        rolling = self.deployment["spec"].get("strategy", {}).get("rollingUpdate") or {}
        surge = _share(rolling.get("maxSurge", "25%"), self.replicas, math.ceil)
        unavailable = _share(rolling.get("maxUnavailable", "25%"), self.replicas, math.floor)
        if surge == unavailable == 0:
            unavailable = 1
        return surge, min(unavailable, self.replicas) if self.replicas else unavailable


def _share(value: int | str, of: int, rounded: Any) -> int:
    if isinstance(value, int):
        return value
    return int(rounded(int(value.rstrip("%")) * of / 100))


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """One step of the rollout; every step changes a ReplicaSet, whose change brings the next one."""
    result = Result()
    deployment = snapshot.get("Deployment", *key)
    if deployment is None:
        return result
    rollout = _rollout(snapshot, deployment)
    if deployment["metadata"].get("deletionTimestamp"):
        return _write_status(rollout, now, result)
    if deployment["spec"].get("paused"):
        _scale_in_proportion(rollout, now, result)
        return result if result.writes else _write_status(rollout, now, result)
    if rollout.is_rolling:
        _roll(rollout, snapshot, now, result)
    else:
        _recreate(rollout, snapshot, now, result)
    if not result.writes:
        _clean_up(rollout, result)
    return result if result.writes else _write_status(rollout, now, result)


def _rollout(snapshot: Snapshot, deployment: Manifest) -> _Rollout:
    owned = [
        found
        for found in snapshot.list("ReplicaSet", deployment["metadata"]["namespace"])
        if is_controlled_by(found, deployment)
    ]
    owned.sort(key=lambda found: (found["metadata"]["creationTimestamp"], found["metadata"]["name"]))
    new = next((found for found in owned if _same_template(found, deployment)), None)
    return _Rollout(deployment, new, tuple(found for found in owned if found is not new))


def _same_template(replica_set: Manifest, deployment: Manifest) -> bool:
    return _without_hash(replica_set["spec"]["template"]) == _without_hash(deployment["spec"]["template"])


def _without_hash(template: Manifest) -> Manifest:
    metadata = {k: v for k, v in (template.get("metadata") or {}).items() if k != "creationTimestamp"}
    metadata["labels"] = {k: v for k, v in (metadata.get("labels") or {}).items() if k != _HASH}
    return {**template, "metadata": metadata}


# ---- the two strategies ----


def _roll(rollout: _Rollout, snapshot: Snapshot, now: datetime, result: Result) -> None:
    if _ensure_new(rollout, snapshot, _new_replicas(rollout), now, result):
        return
    new = rollout.new
    if new is None:
        return
    wanted = _new_replicas(rollout)
    if new["spec"]["replicas"] != wanted:
        _scale(rollout, new, wanted, result)
    elif _is_scaling_event(rollout):
        _scale_in_proportion(rollout, now, result)
    else:
        _scale_down_old(rollout, result)


def _new_replicas(rollout: _Rollout) -> int:
    """How many the new ReplicaSet may have now: the rest of the surge, but no more than asked for."""
    has = rollout.new["spec"]["replicas"] if rollout.new is not None else 0
    if has > rollout.replicas or not rollout.is_rolling:
        return rollout.replicas
    current = sum(found["spec"]["replicas"] for found in rollout.all)
    room = rollout.replicas + rollout.max_surge - current
    return has if room <= 0 else min(has + room, rollout.replicas)


def _is_scaling_event(rollout: _Rollout) -> bool:
    return any(
        found["spec"]["replicas"] > 0
        and int((found["metadata"].get("annotations") or {}).get(_DESIRED, rollout.replicas))
        != rollout.replicas
        for found in rollout.all
    )


def _scale_down_old(rollout: _Rollout, result: Result) -> None:
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
            _scale(rollout, found, targets[found["metadata"]["name"]], result)


def _recreate(rollout: _Rollout, snapshot: Snapshot, now: datetime, result: Result) -> None:
    for found in rollout.old:
        if found["spec"]["replicas"] > 0:
            _scale(rollout, found, 0, result)
    if result.writes or _old_pods_remain(rollout, snapshot):
        return
    if not _ensure_new(rollout, snapshot, rollout.replicas, now, result) and rollout.new is not None:
        _scale(rollout, rollout.new, rollout.replicas, result)


def _old_pods_remain(rollout: _Rollout, snapshot: Snapshot) -> bool:
    old = {found["metadata"]["uid"] for found in rollout.old}
    return any(
        owner["uid"] in old
        for pod in snapshot.list("Pod", rollout.deployment["metadata"]["namespace"])
        for owner in pod["metadata"].get("ownerReferences") or ()
        if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
    )


def _scale_in_proportion(rollout: _Rollout, now: datetime, result: Result) -> None:
    """Scaling in the middle of a rollout: each ReplicaSet gets its share, the largest the rest."""
    active = [found for found in rollout.all if found["spec"]["replicas"] > 0]
    if len(active) <= 1:
        only = active[0] if active else rollout.new
        if only is not None:
            _scale(rollout, only, rollout.replicas, result)
        return
    total = sum(found["spec"]["replicas"] for found in active)
    goal = rollout.replicas + rollout.max_surge if rollout.replicas else 0
    left = goal - total
    active.sort(key=lambda found: -found["spec"]["replicas"])
    targets = []
    for found in active:
        share = round(found["spec"]["replicas"] * goal / total) - found["spec"]["replicas"]
        share = max(min(share, left), 0) if left > 0 else min(max(share, left), 0)
        targets.append(found["spec"]["replicas"] + share)
        left -= share
    targets[0] = max(targets[0] + left, 0)
    for found, target in zip(active, targets, strict=True):
        _scale(rollout, found, target, result)


# ---- ReplicaSets ----


def _ensure_new(rollout: _Rollout, snapshot: Snapshot, replicas: int, now: datetime, result: Result) -> bool:
    """Make the ReplicaSet for the template, or bring its revision up to date; True when something was
    written.
    """
    revision = str(max((_revision(found) for found in rollout.old), default=0) + 1)
    new = rollout.new
    if new is None:
        _create_new(rollout, snapshot, replicas, revision, now, result)
        return True
    annotations = _annotations(rollout, new, str(max(int(revision), _revision(new))))
    if annotations != (new["metadata"].get("annotations") or {}):
        result.add(Update(with_metadata(new, annotations=annotations)))
    _mark_revision(rollout, annotations[_REVISION], result)
    return bool(result.writes)


def _create_new(
    rollout: _Rollout, snapshot: Snapshot, replicas: int, revision: str, now: datetime, result: Result
) -> None:
    deployment = rollout.deployment
    template, status = deployment["spec"]["template"], deployment.get("status", {})
    template_hash = pod_template_hash(template, status.get("collisionCount"))
    namespace, name = deployment["metadata"]["namespace"], f"{deployment['metadata']['name']}-{template_hash}"
    if snapshot.get("ReplicaSet", namespace, name) is not None:
        collisions = status.get("collisionCount", 0) + 1
        result.add(Update(with_status(deployment, {**status, "collisionCount": collisions})))
        return
    if rollout.is_rolling:
        current = sum(found["spec"]["replicas"] for found in rollout.old)
        replicas = max(min(rollout.replicas + rollout.max_surge - current, rollout.replicas), 0)
    new = _replica_set(deployment, name, template_hash, replicas)
    new["metadata"]["annotations"] = _annotations(rollout, new, revision)
    result.add(Create(new))
    if replicas:
        message = f"Scaled up replica set {name} from 0 to {replicas}"
        result.add(Event(deployment, "ScalingReplicaSet", message, _COMPONENT))
    conditions = with_condition(
        status.get("conditions", []),
        "Progressing",
        "True",
        "NewReplicaSetCreated",
        f'Created new replica set "{name}"',
        now,
    )
    annotations = {**(deployment["metadata"].get("annotations") or {}), _REVISION: revision}
    marked = with_metadata(deployment, annotations=annotations)
    result.add(Update(with_status(marked, {**status, "conditions": conditions})))


def _replica_set(deployment: Manifest, name: str, template_hash: str, replicas: int) -> Manifest:
    spec = deployment["spec"]
    template_metadata = dict(spec["template"].get("metadata") or {})
    labels = {**(template_metadata.get("labels") or {}), _HASH: template_hash}
    selector = dict(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), _HASH: template_hash}
    body: dict[str, Any] = {"replicas": replicas}
    if spec.get("minReadySeconds"):
        body["minReadySeconds"] = spec["minReadySeconds"]
    body["selector"] = selector
    body["template"] = {**spec["template"], "metadata": {**template_metadata, "labels": labels}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": deployment["metadata"]["namespace"],
            "generation": 1,
            "labels": labels,
            "annotations": {},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": body,
        "status": {"replicas": 0},
    }


def _revision(replica_set: Manifest) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(_REVISION, 0))


def _annotations(rollout: _Rollout, replica_set: Manifest, revision: str) -> dict[str, str]:
    """The annotations of the new ReplicaSet: the Deployment's own, its size, and the revisions that it
    was.
    """
    before = replica_set["metadata"].get("annotations") or {}
    copied = rollout.deployment["metadata"].get("annotations") or {}
    annotations = {**before, **{k: v for k, v in copied.items() if k not in _NOT_COPIED}}
    if before.get(_REVISION) and before[_REVISION] != revision:
        history = [entry for entry in (before.get(_HISTORY), before[_REVISION]) if entry]
        annotations[_HISTORY] = ",".join(history)
    if not before:
        annotations |= _size_annotations(rollout)
    annotations[_REVISION] = revision
    return annotations


def _size_annotations(rollout: _Rollout) -> dict[str, str]:
    return {_DESIRED: str(rollout.replicas), _MAX: str(rollout.replicas + rollout.max_surge)}


def _mark_revision(rollout: _Rollout, revision: str, result: Result) -> None:
    annotations = rollout.deployment["metadata"].get("annotations") or {}
    if annotations.get(_REVISION) != revision:
        result.add(
            Update(with_metadata(rollout.deployment, annotations={**annotations, _REVISION: revision}))
        )


def _scale(rollout: _Rollout, replica_set: Manifest, replicas: int, result: Result) -> None:
    """Set a ReplicaSet's size and the annotations that remember for which size of the Deployment it was."""
    before, name = replica_set["spec"]["replicas"], replica_set["metadata"]["name"]
    annotations = {**(replica_set["metadata"].get("annotations") or {}), **_size_annotations(rollout)}
    scaled = with_metadata(replica_set, annotations=annotations)
    scaled["spec"] = {**replica_set["spec"], "replicas": replicas}
    if scaled == replica_set:
        return
    result.add(Update(scaled))
    if before != replicas:
        direction = "up" if replicas > before else "down"
        message = f"Scaled {direction} replica set {name} from {before} to {replicas}"
        result.add(Event(rollout.deployment, "ScalingReplicaSet", message, _COMPONENT))


def _clean_up(rollout: _Rollout, result: Result) -> None:
    """Forget the oldest revisions over the limit, once the rollout is complete."""
    limit = rollout.deployment["spec"].get("revisionHistoryLimit", 10)
    if not _is_complete(rollout, _counts(rollout)):
        return
    empty = [
        found
        for found in rollout.old
        if found["spec"]["replicas"] == 0 and found.get("status", {}).get("replicas", 0) == 0
    ]
    empty.sort(key=_revision)
    for found in empty[: max(len(empty) - limit, 0)]:
        result.add(Delete("ReplicaSet", key_of(found), found["metadata"]["uid"]))


# ---- status ----


def _counts(rollout: _Rollout) -> dict[str, int]:
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


def _is_complete(rollout: _Rollout, counts: dict[str, int]) -> bool:
    wanted = rollout.replicas
    return counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == wanted


def _write_status(rollout: _Rollout, now: datetime, result: Result) -> Result:
    deployment, before = rollout.deployment, rollout.deployment.get("status", {})
    counts = _counts(rollout)
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
    rollout: _Rollout, counts: dict[str, int], conditions: list[dict[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    if counts["availableReplicas"] >= rollout.replicas - rollout.max_unavailable:
        words = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        words = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    return with_condition(conditions, "Available", *words, now)


def _progress(
    rollout: _Rollout,
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
    if _is_complete(rollout, counts):
        message = f"{replica_set} has successfully progressed."
        return with_condition(conditions, "Progressing", "True", "NewReplicaSetAvailable", message, now)
    if _has_progressed(counts, before) or current is None or current["reason"] == "DeploymentPaused":
        return _progressing(conditions, current, f"{replica_set} is progressing.", now)
    late = moment(current["lastUpdateTime"]) + timedelta(seconds=deadline)
    if current["status"] == "True" and now < late:
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
    rollout: _Rollout, conditions: list[dict[str, Any]], current: dict[str, Any] | None, now: datetime
) -> list[dict[str, Any]]:
    paused = rollout.deployment["spec"].get("paused")
    if not paused or rollout.deployment["spec"].get("progressDeadlineSeconds") is None:
        return conditions
    if current is not None and current["reason"] == "ProgressDeadlineExceeded":
        return conditions
    return with_condition(
        conditions, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", now
    )
