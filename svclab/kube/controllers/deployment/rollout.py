"""A Deployment with its ReplicaSets: which is new, which are old, how many pods there may be on the way."""

import math
from dataclasses import dataclass
from typing import Any

from svclab.kube.meta import is_controlled_by
from svclab.kube.snapshot import Manifest, Snapshot

HASH = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Rollout:
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


def rollout_of(snapshot: Snapshot, deployment: Manifest) -> Rollout:
    """The Deployment's rollout as it stands: its own ReplicaSets, the oldest first."""
    owned = [
        found
        for found in snapshot.list("ReplicaSet", deployment["metadata"]["namespace"])
        if is_controlled_by(found, deployment)
    ]
    owned.sort(key=lambda found: (found["metadata"]["creationTimestamp"], found["metadata"]["name"]))
    new = next((found for found in owned if _same_template(found, deployment)), None)
    return Rollout(deployment, new, tuple(found for found in owned if found is not new))


def _same_template(replica_set: Manifest, deployment: Manifest) -> bool:
    return _without_hash(replica_set["spec"]["template"]) == _without_hash(deployment["spec"]["template"])


def _without_hash(template: Manifest) -> Manifest:
    metadata = {k: v for k, v in (template.get("metadata") or {}).items() if k != "creationTimestamp"}
    metadata["labels"] = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH}
    return {**template, "metadata": metadata}
