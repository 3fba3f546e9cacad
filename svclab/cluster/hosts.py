"""What nodes remember, between NodeMemory and its tables."""

import json
import zlib
from collections.abc import Mapping
from uuid import UUID

from svclab.cluster import models
from svclab.cluster.rows import text_of
from svclab.kube.nodememory import NodeMemory
from svclab.kube.snapshot import Manifest

OTHER_HOSTS = "host:"  # begins the names of hosts that are no nodes, e.g. the router


def load(cluster_id: UUID, known: Mapping[str, NodeMemory]) -> dict[str, NodeMemory]:
    """Every node's memory; programmed rules that are known already are not read again."""
    bodies = {memory.digest: memory.manifests for memory in known.values()}
    found = {}
    rows = models.HostState.objects.filter(cluster_id=cluster_id).defer("kernel").order_by("node")
    for row in rows.exclude(node__startswith=OTHER_HOSTS):
        if row.digest not in bodies:
            bodies[row.digest] = _read_rules(cluster_id, row.digest)
        found[row.node] = NodeMemory(
            row.digest, bodies[row.digest], row.stale_since, row.last_address, row.mode
        )
    return found


def write(cluster_id: UUID, before: Mapping[str, NodeMemory], after: Mapping[str, NodeMemory]) -> None:
    """Bring the tables from one state of memories to another."""
    changed = {node: memory for node, memory in after.items() if before.get(node) != memory}
    if not changed:
        return
    known = {memory.digest for memory in before.values()}
    for digest in {memory.digest for memory in changed.values()} - known - {""}:
        manifests = next(memory.manifests for memory in changed.values() if memory.digest == digest)
        models.ProgrammedRules.objects.get_or_create(
            cluster_id=cluster_id, digest=digest, defaults={"body": _compressed(manifests)}
        )
    models.HostState.objects.bulk_create(
        [
            models.HostState(
                cluster_id=cluster_id,
                node=node,
                digest=memory.digest,
                stale_since=memory.stale_since,
                last_address=memory.last_address,
                mode=memory.mode,
            )
            for node, memory in changed.items()
        ],
        update_conflicts=True,
        unique_fields=["cluster", "node"],
        update_fields=["digest", "stale_since", "last_address", "mode"],
    )
    in_use = {memory.digest for memory in after.values()}
    if known - in_use:
        models.ProgrammedRules.objects.filter(cluster_id=cluster_id, digest__in=known - in_use).delete()


def _compressed(manifests: tuple[Manifest, ...]) -> bytes:
    return zlib.compress(f"[{','.join(map(text_of, manifests))}]".encode(), 1)


def _read_rules(cluster_id: UUID, digest: str) -> tuple[Manifest, ...]:
    row = models.ProgrammedRules.objects.filter(cluster_id=cluster_id, digest=digest).first()
    return tuple(json.loads(zlib.decompress(row.body))) if row is not None else ()
