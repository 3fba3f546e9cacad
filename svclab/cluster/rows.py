"""Between manifests and tables: reading a whole cluster, writing what a Batch changed."""

import json
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Sum
from django.db.models.functions import Length

from svclab.cluster import models
from svclab.cluster.batch import Batch, LogEntry
from svclab.kube.snapshot import Manifest, key_of

TABLES: dict[str, type[models.KubeObject]] = {
    table.__name__: table
    for table in (
        models.Namespace,
        models.Node,
        models.Pod,
        models.Service,
        models.EndpointSlice,
        models.Deployment,
        models.ReplicaSet,
        models.StatefulSet,
        models.DaemonSet,
        models.Event,
    )
}
_ALL_TABLES = (*TABLES.values(), models.OtherObject)


def text_of(manifest: Manifest) -> str:
    """A manifest as it is stored: compact JSON, keys in their order."""
    return json.dumps(manifest, ensure_ascii=False, separators=(",", ":"))


def load(cluster_id: UUID) -> list[Manifest]:
    """Every object of a cluster."""
    first, *others = (
        table.objects.filter(cluster_id=cluster_id).order_by().values_list("manifest", flat=True)
        for table in _ALL_TABLES
    )
    return [json.loads(text) for text in first.union(*others, all=True)]


def load_log(cluster_id: UUID, after: int, until: int) -> list[LogEntry]:
    """The log's entries with a version over `after`, up to `until`, without their previous states."""
    lines = models.WatchEvent.objects.filter(
        cluster_id=cluster_id, resource_version__gt=after, resource_version__lte=until
    ).order_by("resource_version")
    return [
        LogEntry(version, verb, json.loads(text))
        for version, verb, text in lines.values_list("resource_version", "verb", "manifest")
    ]


def stored_bytes(cluster_id: UUID) -> int:
    """The length of all manifests and files of a cluster, in characters."""
    total = 0
    for table, column in (*((table, "manifest") for table in _ALL_TABLES), (models.LearnerFile, "text")):
        total += table.objects.filter(cluster_id=cluster_id).aggregate(n=Sum(Length(column)))["n"] or 0
    return total


def write(cluster_id: UUID, batch: Batch) -> int:
    """Bring the tables to the batch's final state and append its log; returns the longest manifest's
    length.
    """
    texts = {entry.rv: text_of(entry.object) for entry in batch.entries}
    upserts: dict[type[models.KubeObject], list[models.KubeObject]] = {}
    gone: dict[tuple[str, str], list[str]] = {}
    for (kind, namespace, name), manifest in batch.changed().items():
        if manifest is None:
            gone.setdefault((kind, namespace), []).append(name)
        else:
            row = _row(cluster_id, manifest, texts[int(manifest["metadata"]["resourceVersion"])])
            upserts.setdefault(type(row), []).append(row)
    _release(cluster_id, batch)
    for (kind, namespace), names in gone.items():
        _of_kind(cluster_id, kind).filter(namespace=namespace, name__in=names).delete()
    for table, rows in upserts.items():
        _upsert(table, rows)
    _allocate(cluster_id, batch)
    models.WatchEvent.objects.bulk_create(
        models.WatchEvent(
            cluster_id=cluster_id, resource_version=entry.rv, verb=entry.type, manifest=texts[entry.rv]
        )
        for entry in batch.entries
    )
    return max(map(len, texts.values()), default=0)


def insert(cluster_id: UUID, manifests: Iterable[Manifest]) -> None:
    """Write the objects of a fresh cluster, which has none yet."""
    by_table: dict[type[models.KubeObject], list[models.KubeObject]] = {}
    services = []
    for manifest in manifests:
        row = _row(cluster_id, manifest, text_of(manifest))
        by_table.setdefault(type(row), []).append(row)
        if manifest["kind"] == "Service":
            services.append(manifest)
    for table, rows in by_table.items():
        table.objects.bulk_create(rows)
    _insert_allocations(cluster_id, services)


def clear(cluster_id: UUID) -> None:
    """Remove everything that belongs to a cluster, but the cluster itself and its learner's files."""
    for table in (
        *_ALL_TABLES,
        models.IpAllocation,
        models.PortAllocation,
        models.WatchEvent,
        models.ProgrammedRules,
        models.HostState,
        models.TraceRecord,
        models.ContainerRun,
    ):
        table.objects.filter(cluster_id=cluster_id).delete()


def compact(cluster_id: UUID, version: int) -> None:
    """Forget the log up to and including `version`."""
    models.WatchEvent.objects.filter(cluster_id=cluster_id, resource_version__lte=version).delete()


def _row(cluster_id: UUID, manifest: Manifest, text: str) -> models.KubeObject:
    kind, (namespace, name) = manifest["kind"], key_of(manifest)
    metadata = manifest["metadata"]
    columns = {
        "cluster_id": cluster_id,
        "namespace": namespace,
        "name": name,
        "uid": metadata["uid"],
        "resource_version": int(metadata["resourceVersion"]),
        "manifest": text,
    }
    table = TABLES.get(kind)
    return models.OtherObject(kind=kind, **columns) if table is None else table(**columns)


def _of_kind(cluster_id: UUID, kind: str):
    table = TABLES.get(kind)
    if table is None:
        return models.OtherObject.objects.filter(cluster_id=cluster_id, kind=kind)
    return table.objects.filter(cluster_id=cluster_id)


def _upsert(table: type[models.KubeObject], rows: list[models.KubeObject]) -> None:
    kind = ["kind"] if table is models.OtherObject else []
    table.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["cluster", *kind, "namespace", "name"],
        update_fields=["uid", "resource_version", "manifest"],
    )


def _release(cluster_id: UUID, batch: Batch) -> None:
    uids = {
        e.object["metadata"]["uid"]
        for e in batch.entries
        if e.object["kind"] == "Service" and e.type != "ADDED"
    }
    if uids:
        models.IpAllocation.objects.filter(cluster_id=cluster_id, service_uid__in=uids).delete()
        models.PortAllocation.objects.filter(cluster_id=cluster_id, service_uid__in=uids).delete()


def _allocate(cluster_id: UUID, batch: Batch) -> None:
    _insert_allocations(
        cluster_id, [m for (kind, _, _), m in batch.changed().items() if kind == "Service" and m is not None]
    )


def _insert_allocations(cluster_id: UUID, services: list[Manifest]) -> None:
    models.IpAllocation.objects.bulk_create(
        models.IpAllocation(cluster_id=cluster_id, address=address, service_uid=service["metadata"]["uid"])
        for service in services
        for address in cluster_ips(service)
    )
    models.PortAllocation.objects.bulk_create(
        models.PortAllocation(
            cluster_id=cluster_id, port=port, protocol=protocol, service_uid=service["metadata"]["uid"]
        )
        for service in services
        for port, protocol in node_ports(service)
    )


def cluster_ips(service: Manifest) -> list[str]:
    """The addresses that a Service holds in the cluster: none for headless and ExternalName ones."""
    spec = service["spec"]
    found = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [address for address in dict.fromkeys(found) if address and address != "None"]


def node_ports(service: Manifest) -> list[tuple[int, str]]:
    """The (port, protocol) pairs that a Service holds on every node, its health check port among them."""
    spec = service["spec"]
    found = [(p["nodePort"], p.get("protocol", "TCP")) for p in spec.get("ports") or [] if p.get("nodePort")]
    if spec.get("healthCheckNodePort"):
        found.append((spec["healthCheckNodePort"], "TCP"))
    return list(dict.fromkeys(found))
