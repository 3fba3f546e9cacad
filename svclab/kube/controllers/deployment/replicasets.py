"""The ReplicaSets of a Deployment: made from its template, annotated with revision and size, scaled,
forgotten.
"""

from datetime import datetime
from typing import Any

from svclab.kube.controllers.deployment.progress import counts_of, is_complete
from svclab.kube.controllers.deployment.rollout import HASH, Rollout
from svclab.kube.podhash import pod_template_hash
from svclab.kube.reconcile import (
    Create,
    Delete,
    Event,
    Result,
    Update,
    owner_reference,
    with_condition,
    with_metadata,
    with_status,
)
from svclab.kube.snapshot import Manifest, Snapshot, key_of

_COMPONENT = "deployment-controller"
_REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX = "deployment.kubernetes.io/max-replicas"
_HISTORY = "deployment.kubernetes.io/revision-history"
_NOT_COPIED = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", _REVISION, _HISTORY, DESIRED, MAX}
    | {"deprecated.deployment.rollback.to"}
)


def ensure_new(rollout: Rollout, snapshot: Snapshot, replicas: int, now: datetime, result: Result) -> bool:
    """Make the ReplicaSet for the template, or bring its revision up to date; True when something was
    written.
    """
    revision = str(max((_revision(found) for found in rollout.old), default=0) + 1)
    new = rollout.new
    if new is None:
        _create_new(rollout, snapshot, replicas, revision, now, result)
        return True
    annotations = _annotations(rollout, new, str(max(int(revision), _revision(new))))
    spec = _with_patience(new["spec"], rollout.deployment["spec"].get("minReadySeconds", 0))
    if annotations != (new["metadata"].get("annotations") or {}) or spec != new["spec"]:
        result.add(Update({**with_metadata(new, annotations=annotations), "spec": spec}))
    _mark_revision(rollout, annotations[_REVISION], result)
    return bool(result.writes)


def _with_patience(spec: Manifest, seconds: int) -> Manifest:
    """How long pods must be ready may change without a new template."""
    rest = {key: value for key, value in spec.items() if key != "minReadySeconds"}
    return {**rest, "minReadySeconds": seconds} if seconds else rest


def _create_new(
    rollout: Rollout, snapshot: Snapshot, replicas: int, revision: str, now: datetime, result: Result
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
    labels = {**(template_metadata.get("labels") or {}), HASH: template_hash}
    selector = dict(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH: template_hash}
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


def _annotations(rollout: Rollout, replica_set: Manifest, revision: str) -> dict[str, str]:
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


def _size_annotations(rollout: Rollout) -> dict[str, str]:
    return {DESIRED: str(rollout.replicas), MAX: str(rollout.replicas + rollout.max_surge)}


def _mark_revision(rollout: Rollout, revision: str, result: Result) -> None:
    annotations = rollout.deployment["metadata"].get("annotations") or {}
    if annotations.get(_REVISION) != revision:
        result.add(
            Update(with_metadata(rollout.deployment, annotations={**annotations, _REVISION: revision}))
        )


def scale(rollout: Rollout, replica_set: Manifest, replicas: int, result: Result) -> None:
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


def clean_up(rollout: Rollout, result: Result) -> None:
    """Forget the oldest revisions over the limit, once the rollout is complete."""
    limit = rollout.deployment["spec"].get("revisionHistoryLimit", 10)
    if not is_complete(rollout, counts_of(rollout)):
        return
    empty = [
        found
        for found in rollout.old
        if found["spec"]["replicas"] == 0 and found.get("status", {}).get("replicas", 0) == 0
    ]
    empty.sort(key=_revision)
    for found in empty[: max(len(empty) - limit, 0)]:
        result.add(Delete("ReplicaSet", key_of(found), found["metadata"]["uid"]))
