"""A cluster as it would be after a bad day, played on in memory; the learner's own stays as it is."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from svclab.cluster import dataplane, worlds
from svclab.cluster.agenda import Agenda
from svclab.cluster.batch import Batch
from svclab.cluster.clock import real_now
from svclab.cluster.settle import Circumstances, play
from svclab.cluster.store import ClusterHandle
from svclab.kube.meta import timestamp
from svclab.kube.request import Request
from svclab.kube.snapshot import Snapshot
from svclab.kube.world import World

_UNTIL = timedelta(minutes=2)  # after the blow: by then new pods are ready and all nodes have their rules
_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True, slots=True)
class Shaken:
    """A copy of a cluster, two minutes after a namespace lost all its pods and its Deployments were updated.

    What a controller keeps has come back by then. What was written by hand, or names what is gone, has not.
    """

    snapshot: Snapshot
    world: World
    seed: str
    now: datetime

    def probe(self, source: str, target: str, via: str | None, times: int) -> list[dict[str, Any]]:
        """As `dataplane.probe`, in the copy."""
        return dataplane.probed(self.world, self.seed, self.now, Request(source, target, via=via), times)


def shaken(cluster: ClusterHandle, namespace: str) -> Shaken:
    """The copy of a cluster as it is at this moment, shaken."""
    state = cluster.state()
    now = state.now(real_now())
    # Versions of the copy are none of the cluster's: whatever is remembered by seed and version stays apart.
    seed = f"{state.settings.random_seed}/shaken/{state.snapshot.resource_version}/{now}"
    batch = Batch(state.snapshot, now, seed, hosts=state.hosts)
    _shake(batch, namespace)
    agenda = Agenda.for_everything(batch.snapshot, now)
    play(batch, agenda, now + _UNTIL, Circumstances.of(state.settings))
    settings = replace(state.settings, random_seed=seed)
    world = worlds.built(replace(state, snapshot=batch.snapshot, hosts=batch.hosts, settings=settings))
    return Shaken(batch.snapshot, world, seed, batch.now)


def _shake(batch: Batch, namespace: str) -> None:
    """As `kubectl rollout restart` and the loss of every pod: the new ones have other names and hashes."""
    for deployment in batch.snapshot.list("Deployment", namespace):
        spec = deployment["spec"]
        metadata = spec["template"]["metadata"]
        annotations = {**metadata.get("annotations", {}), _RESTARTED_AT: timestamp(batch.now)}
        template = {**spec["template"], "metadata": {**metadata, "annotations": annotations}}
        batch.update({**deployment, "spec": {**spec, "template": template}})
    for pod in batch.snapshot.list("Pod", namespace):
        batch.remove("Pod", namespace, pod["metadata"]["name"])
