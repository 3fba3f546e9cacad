"""Events as components write them: a new one for news, a higher count for what was said before.

Source: client-go tools/record (v1 events) and tools/events (events.k8s.io, the scheduler's).
"""

from typing import Any

from svclab.cluster.batch import Batch
from svclab.kube.meta import micro_timestamp, timestamp
from svclab.kube.names import event_name
from svclab.kube.reconcile import Event
from svclab.kube.snapshot import Manifest


def record(batch: Batch, event: Event) -> Manifest:
    """Write an Event, or count it with an earlier one that said the same of the same object."""
    reference = _reference(event)
    said = _said_before(batch, event, reference)
    if said is None:
        return batch.create(_fresh(batch, event, reference))
    if event.action:
        count = said.get("series", {}).get("count", 1) + 1
        series = {"count": count, "lastObservedTime": micro_timestamp(batch.now)}
        return batch.update({**said, "series": series})
    return batch.update({**said, "lastTimestamp": timestamp(batch.now), "count": said["count"] + 1})


def _reference(event: Event) -> dict[str, Any]:
    metadata = event.involved["metadata"]
    reference = {
        "kind": event.involved["kind"],
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": event.involved["apiVersion"],
        "resourceVersion": metadata["resourceVersion"],
        "fieldPath": event.field_path,
    }
    return {field: value for field, value in reference.items() if value}


def _said_before(batch: Batch, event: Event, reference: dict[str, Any]) -> Manifest | None:
    for found in batch.snapshot.of_kind("Event").values():
        involved = found["involvedObject"]
        if (
            involved.get("uid") == reference["uid"]
            and found.get("reason") == event.reason
            and found.get("message") == event.message
            and found.get("type") == event.type
            and found.get("reportingComponent") == event.component
            and involved.get("fieldPath", "") == event.field_path
            and (found.get("source", {}).get("host", "") == event.host or event.action)
        ):
            return found
    return None


def _fresh(batch: Batch, event: Event, reference: dict[str, Any]) -> Manifest:
    namespace, when = reference.get("namespace") or "default", timestamp(batch.now)
    metadata = {"name": _free_name(batch, namespace, reference["name"]), "namespace": namespace}
    common = {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": reference}
    words = {"reason": event.reason, "message": event.message}
    if event.action:
        return {
            **common,
            **words,
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "type": event.type,
            "eventTime": micro_timestamp(batch.now),
            "action": event.action,
            "reportingComponent": event.component,
            "reportingInstance": f"{event.component}-control-plane",
        }
    return {
        **common,
        **words,
        "source": {"component": event.component, **({"host": event.host} if event.host else {})},
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
        "type": event.type,
        "eventTime": None,
        "reportingComponent": event.component,
        "reportingInstance": event.host,
    }


def _free_name(batch: Batch, namespace: str, involved: str) -> str:
    """Events of one moment are told apart, and kept in their order, by the nanoseconds of their names."""
    place = len(batch.entries)
    while batch.snapshot.get("Event", namespace, name := event_name(involved, batch.now, place % 1000)):
        place += 1
    return name
