"""A cluster's birth and rebirth, and the learner's files that live beside it."""

import secrets
from datetime import datetime
from uuid import UUID

from django.db import transaction

from svclab.cluster import abandoned, hosts, memory, models, news, rows, seeds
from svclab.cluster.batch import Batch
from svclab.cluster.clock import real_now
from svclab.cluster.errors import NoSuchCluster
from svclab.cluster.files import delete_file, list_files, read_file, read_files, write_file
from svclab.cluster.store import ClusterHandle
from svclab.kube.snapshot import Snapshot

__all__ = [
    "delete_cluster",
    "delete_file",
    "keep_seed",
    "list_files",
    "new_cluster",
    "read_file",
    "read_files",
    "reset",
    "write_file",
]


def new_cluster(
    owner: str,
    seed: str = "standard",
    flavour: str = "cloud",
    *,
    random_seed: str | None = None,
    at: datetime | None = None,
) -> ClusterHandle:
    """A cluster for a learner, everything in it running. Raises KeyError for an unknown seed, Full.

    `random_seed` decides every draw in it; by default nobody can guess it. `at` is the virtual time at which
    its life with the learner begins; by default the real one.
    """
    real = real_now()
    now = at or real
    abandoned.make_room(real)
    sown = seeds.seed(seed, flavour, _grow)
    with memory.transaction():
        row = models.Cluster.objects.create(
            owner=owner,
            seed=seed,
            flavour=flavour,
            random_seed=random_seed or secrets.token_hex(16),
            clock_virtual=now,
            clock_real=real,
            settled_at=now,
        )
        _plant(row, sown, now)
        models.LearnerFile.objects.bulk_create(
            models.LearnerFile(cluster_id=row.id, path=path, text=text)
            for path, text in seeds.files().items()
        )
    return ClusterHandle(row.id)


def reset(cluster_id: UUID) -> ClusterHandle:
    """The cluster as on its first day, under the same id and secret; the learner's files stay.

    resourceVersions go on counting, so whoever watches the old one hears that its version has expired.
    """
    now = real_now()
    with memory.lock(cluster_id), memory.transaction():
        row = models.Cluster.objects.select_for_update().filter(id=cluster_id).first()
        if row is None:
            raise NoSuchCluster(str(cluster_id))
        rows.clear(cluster_id)
        row.runtime, row.proxy_mode = models.Cluster.Runtime.LENIENT, models.Cluster.ProxyMode.IPTABLES
        row.clock_virtual = row.clock_real = row.settled_at = now
        row.clock_rate, row.clock_paused = 1.0, False
        row.random_seed = secrets.token_hex(16)
        _plant(row, seeds.seed(row.seed, row.flavour, _grow), now)
        version = row.resource_version
        transaction.on_commit(lambda: news.changed(cluster_id, version))
    return ClusterHandle(cluster_id)


def delete_cluster(cluster_id: UUID) -> None:
    """Remove a cluster with all that belongs to it."""
    models.Cluster.objects.filter(id=cluster_id).delete()
    memory.forget(cluster_id)


def keep_seed(seed: str, flavour: str = "cloud") -> None:
    """Grow a seed now and keep it on disk, so that no visitor need wait for it."""
    seeds.keep(seed, flavour, _grow)


def _grow(batch: Batch, until: datetime) -> None:
    from svclab.cluster.settle import grow  # noqa: PLC0415 (all controllers: a seed that is kept needs none)

    grow(batch, until)


def _plant(row: models.Cluster, sown: seeds.Seed, now: datetime) -> None:
    version, planted = row.resource_version, sown.planted(now)
    for manifest in planted:
        version += 1
        manifest["metadata"]["resourceVersion"] = str(version)
    rows.insert(row.id, planted)
    row.resource_version = row.compacted_version = version
    row.revision += 1
    row.save()
    _program_nodes(row, sown, Batch(Snapshot.of(planted, version), now, row.random_seed))


def _program_nodes(row: models.Cluster, sown: seeds.Seed, batch: Batch) -> None:
    """Every kube-proxy has long written its rules when the learner arrives."""
    for node, address in sown.last_addresses:
        batch.reserve(node, address)
        batch.program(node)
    hosts.write(row.id, {}, batch.hosts)
