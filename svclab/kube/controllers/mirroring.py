"""The EndpointSlice mirroring controller: hand-written Endpoints of a Service without selector become a
slice.

Source: kube-controller-manager 1.36, pkg/controller/endpointslicemirroring.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from svclab.kube import names
from svclab.kube.podhash import slice_port_hash
from svclab.kube.reconcile import Change, Create, Delete, Result, Update, owner_reference, with_metadata
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_MANAGER = "endpointslicemirroring-controller.k8s.io"
_SERVICE_NAME = "kubernetes.io/service-name"
_SKIP = "endpointslice.kubernetes.io/skip-mirror"
_OTHERS = "endpoints.kubernetes.io/managed-by"
_NOT_COPIED = (
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
)
_MOST = 1000


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """Endpoints and Services share their name; a slice names its Service."""
    if change.kind in ("Endpoints", "Service"):
        yield change.key
    elif change.kind == "EndpointSlice":
        labels = change.either["metadata"].get("labels") or {}
        if labels.get(_MANAGED_BY) == _MANAGER and labels.get(_SERVICE_NAME):
            yield (change.key[0], labels[_SERVICE_NAME])


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """One slice for each subset and address family, or none where nothing is to be mirrored."""
    result = Result()
    existing = [s for s in snapshot.list("EndpointSlice", key[0]) if _mirrors(s, key[1])]
    endpoints, service = snapshot.get("Endpoints", *key), snapshot.get("Service", *key)
    wanted: list[Manifest] = []
    if endpoints is not None and service is not None and _is_to_be_mirrored(endpoints, service):
        wanted = [body for subset in endpoints.get("subsets") or () for body in _bodies(subset)]
    for body in wanted:
        same = next(
            (s for s in existing if s["addressType"] == body["addressType"] and s["ports"] == body["ports"]),
            None,
        )
        if same is None:
            result.add(Create(_slice(endpoints or {}, key, body, dice)))
            continue
        existing.remove(same)
        labels, annotations = _labels(endpoints or {}, key[1]), _annotations(endpoints or {})
        updated = {**with_metadata(same, labels=labels, annotations=annotations or None), **body}
        if updated != same:
            result.add(Update(updated))
    for stale in existing:
        result.add(Delete("EndpointSlice", key_of(stale), stale["metadata"]["uid"]))
    return result


def _mirrors(slice_: Manifest, service: str) -> bool:
    labels = slice_["metadata"].get("labels") or {}
    return labels.get(_MANAGED_BY) == _MANAGER and labels.get(_SERVICE_NAME) == service


def _is_to_be_mirrored(endpoints: Manifest, service: Manifest) -> bool:
    labels = endpoints["metadata"].get("labels") or {}
    skipped = labels.get(_SKIP) == "true" or _OTHERS in labels
    leader = "control-plane.alpha.kubernetes.io/leader" in (endpoints["metadata"].get("annotations") or {})
    return not skipped and not leader and not service["spec"].get("selector")


def _bodies(subset: Manifest) -> Iterable[Manifest]:
    addresses = [(a, True) for a in subset.get("addresses") or ()]
    addresses += [(a, False) for a in subset.get("notReadyAddresses") or ()]
    ports = [
        {"name": p.get("name", ""), "protocol": p.get("protocol", "TCP"), "port": p["port"]}
        | ({"appProtocol": p["appProtocol"]} if p.get("appProtocol") else {})
        for p in subset.get("ports") or ()
    ]
    ports.sort(key=lambda p: slice_port_hash(p["name"], p["protocol"], p["port"], p.get("appProtocol", "")))
    for family in ("IPv4", "IPv6"):
        listed = [
            _endpoint(a, ready) for a, ready in addresses[:_MOST] if (":" in a["ip"]) == (family == "IPv6")
        ]
        if listed:
            yield {"addressType": family, "endpoints": listed, "ports": ports or None}


def _endpoint(address: dict[str, Any], ready: bool) -> dict[str, Any]:
    endpoint: dict[str, Any] = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    for field in ("hostname", "targetRef", "nodeName"):
        if address.get(field):
            endpoint[field] = address[field]
    return endpoint


def _labels(endpoints: Manifest, service: str) -> dict[str, str]:
    own = {_MANAGED_BY: _MANAGER, _SERVICE_NAME: service}
    return {**(endpoints["metadata"].get("labels") or {}), **own}


def _annotations(endpoints: Manifest) -> dict[str, str]:
    given = endpoints["metadata"].get("annotations") or {}
    return {name: value for name, value in given.items() if name not in _NOT_COPIED}


def _slice(endpoints: Manifest, key: Key, body: Manifest, dice: Dice) -> Manifest:
    namespace, name = key
    annotations = _annotations(endpoints)
    metadata = {
        "name": names.generated(f"{name}-", dice),
        "generateName": f"{name}-",
        "namespace": namespace,
        "generation": 1,
        "labels": _labels(endpoints, name),
        **({"annotations": annotations} if annotations else {}),
        "ownerReferences": [owner_reference(endpoints)],
    }
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, **body}
