"""The EndpointSlice controller: which pods stand behind a Service, and in what condition.

Source: kube-controller-manager 1.36, pkg/controller/endpointslice and k8s.io/endpointslice: at most 100
endpoints a slice, one set of slices for each set of port numbers, zones and hints from the nodes.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from svclab.kube import names, nodes, pods
from svclab.kube.meta import condition
from svclab.kube.reconcile import Change, Create, Delete, Result, Update, owner_reference, with_metadata
from svclab.kube.selectors import from_labels
from svclab.kube.services import ports_in_order, resolved_ports, selects
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_MANAGER = "endpointslice-controller.k8s.io"
_SERVICE_NAME = "kubernetes.io/service-name"
_HEADLESS = "service.kubernetes.io/headless"
_TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
_MOST = 100
_RESERVED = (_MANAGED_BY, _SERVICE_NAME, _HEADLESS)

PortKey = tuple[tuple[str, str, int, str], ...]


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """The Services whose endpoints a change may move."""
    if change.kind == "Service":
        yield change.key
    elif change.kind == "EndpointSlice":
        name = (change.either["metadata"].get("labels") or {}).get(_SERVICE_NAME)
        if name and (change.either["metadata"].get("labels") or {}).get(_MANAGED_BY) == _MANAGER:
            yield (change.key[0], name)
    elif change.kind == "Pod":
        yield from selects(snapshot, change)
    elif change.kind == "Node" and _zone_moved(change):
        yield from (key_of(service) for service in snapshot.list("Service"))


def _zone_moved(change: Change) -> bool:
    if change.new is None or change.old is None:
        return True
    return nodes.zone(change.new) != nodes.zone(change.old)


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """Make the Service's slices say what its pods are."""
    result = Result()
    service = snapshot.get("Service", *key)
    if service is None:
        return result
    if not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName":
        return result
    if service["metadata"].get("deletionTimestamp"):
        return result
    existing = [s for s in snapshot.list("EndpointSlice", key[0]) if _is_ours(s, service)]
    wanted, trigger = _wanted(snapshot, service)
    for family in _families(service):
        _write(
            service,
            family,
            [s for s in existing if s["addressType"] == family],
            wanted,
            trigger,
            dice,
            result,
        )
    for stale in existing:
        if stale["addressType"] not in _families(service):
            result.add(Delete("EndpointSlice", key_of(stale), stale["metadata"]["uid"]))
    return result


def _is_ours(slice_: Manifest, service: Manifest) -> bool:
    labels = slice_["metadata"].get("labels") or {}
    return labels.get(_SERVICE_NAME) == service["metadata"]["name"] and labels.get(_MANAGED_BY) == _MANAGER


def _families(service: Manifest) -> list[str]:
    return service["spec"].get("ipFamilies") or ["IPv4"]


# ---- what should be ----


def _wanted(snapshot: Snapshot, service: Manifest) -> tuple[dict[PortKey, list[dict[str, Any]]], str]:
    """Endpoints by the ports that they offer, and the time of the latest change behind them."""
    found: dict[PortKey, list[dict[str, Any]]] = {}
    trigger = service["metadata"]["creationTimestamp"]
    selector = from_labels(service["spec"]["selector"])
    for pod in snapshot.list("Pod", service["metadata"]["namespace"]):
        if not selector(pod) or pods.is_terminal(pod) or not pod.get("status", {}).get("podIP"):
            continue
        ports = _port_key(service, pod)
        found.setdefault(ports, []).append(_endpoint(snapshot, service, pod))
        ready = condition(pod, "Ready")
        trigger = max(trigger, (ready or {}).get("lastTransitionTime") or trigger)
    _hint(snapshot, service, found)
    return found, trigger


def _port_key(service: Manifest, pod: Manifest) -> PortKey:
    ports = resolved_ports(service, pod)
    return tuple((p.name, p.protocol, p.number, p.app_protocol) for p in ports_in_order(ports))


def _endpoint(snapshot: Snapshot, service: Manifest, pod: Manifest) -> dict[str, Any]:
    serving, terminating = pods.is_ready(pod), pods.is_terminating(pod)
    publish = bool(service["spec"].get("publishNotReadyAddresses"))
    namespace, name = key_of(pod)
    endpoint: dict[str, Any] = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": publish or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
    }
    spec = pod["spec"]
    if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]:
        endpoint["hostname"] = spec["hostname"]
    uid = pod["metadata"]["uid"]
    endpoint["targetRef"] = {"kind": "Pod", "namespace": namespace, "name": name, "uid": uid}
    if spec.get("nodeName"):
        endpoint["nodeName"] = spec["nodeName"]
        zone = nodes.zone(snapshot.get("Node", "", spec["nodeName"]))
        if zone:
            endpoint["zone"] = zone
    return endpoint


def _hint(snapshot: Snapshot, service: Manifest, found: dict[PortKey, list[dict[str, Any]]]) -> None:
    """Hints for trafficDistribution: keep to the zone, or to the node; for ready endpoints only."""
    distribution = service["spec"].get("trafficDistribution")
    if distribution not in ("PreferClose", "PreferSameZone", "PreferSameNode"):
        return
    for endpoints in found.values():
        for endpoint in endpoints:
            if not endpoint["conditions"]["ready"]:
                continue
            hints: dict[str, Any] = {}
            if endpoint.get("zone"):
                hints["forZones"] = [{"name": endpoint["zone"]}]
            if distribution == "PreferSameNode" and endpoint.get("nodeName"):
                hints["forNodes"] = [{"name": endpoint["nodeName"]}]
            if hints:
                endpoint["hints"] = hints


# ---- what is, and what to write ----


def _write(
    service: Manifest,
    family: str,
    existing: list[Manifest],
    wanted: dict[PortKey, list[dict[str, Any]]],
    trigger: str,
    dice: Dice,
    result: Result,
) -> None:
    """Bring the slices of one family to what is wanted; slices that can be kept keep their name and order."""
    mine = {ports: [e for e in es if _family_of(e) == family] for ports, es in wanted.items()}
    mine = {ports: es for ports, es in mine.items() if es} or {(): []}
    spare = list(existing)
    for ports, endpoints in mine.items():
        same = [s for s in spare if _key_of_ports(s) == ports] or [s for s in spare if _is_empty(s)][:1]
        for part in _parts(endpoints, same):
            slice_ = same.pop(0) if same else None
            if slice_ is not None:
                spare.remove(slice_)
            _put(service, family, slice_, ports, part, trigger, dice, result)
    for left in spare:
        result.add(Delete("EndpointSlice", key_of(left), left["metadata"]["uid"]))


def _family_of(endpoint: dict[str, Any]) -> str:
    return "IPv6" if ":" in endpoint["addresses"][0] else "IPv4"


def _is_empty(slice_: Manifest) -> bool:
    return not slice_.get("endpoints")


def _key_of_ports(slice_: Manifest) -> PortKey:
    return tuple(
        (p.get("name") or "", p.get("protocol", "TCP"), p["port"], p.get("appProtocol") or "")
        for p in slice_.get("ports") or ()
    )


def _parts(endpoints: list[dict[str, Any]], existing: list[Manifest]) -> list[list[dict[str, Any]]]:
    """Endpoints dealt out to slices: each stays in the slice and place where it is, new ones fill up."""
    new = {_who(endpoint): endpoint for endpoint in endpoints}
    parts = []
    for slice_ in existing:
        kept = [new.pop(_who(old)) for old in slice_.get("endpoints") or () if _who(old) in new]
        parts.append(kept)
    for endpoint in new.values():
        part = next((part for part in parts if len(part) < _MOST), None)
        if part is None:
            parts.append([endpoint])
        else:
            part.append(endpoint)
    filled = [part for part in parts if part]
    return filled or [[]]


def _who(endpoint: dict[str, Any]) -> tuple[str, str]:
    return endpoint["addresses"][0], (endpoint.get("targetRef") or {}).get("uid", "")


def _put(
    service: Manifest,
    family: str,
    slice_: Manifest | None,
    ports: PortKey,
    endpoints: list[dict[str, Any]],
    trigger: str,
    dice: Dice,
    result: Result,
) -> None:
    metadata = service["metadata"]
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k not in _RESERVED}
    labels |= {_MANAGED_BY: _MANAGER, _SERVICE_NAME: metadata["name"]}
    if service["spec"].get("clusterIP") == "None":
        labels[_HEADLESS] = ""
    body = {"addressType": family, "endpoints": endpoints or None, "ports": _ports(ports)}
    if slice_ is None:
        prefix = f"{metadata['name']}-"
        new = {
            "name": names.generated(prefix, dice),
            "generateName": prefix,
            "namespace": metadata["namespace"],
            "generation": 1,
            "labels": labels,
            "annotations": {_TRIGGER: trigger},
            "ownerReferences": [owner_reference(service)],
        }
        result.add(
            Create({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": new, **body})
        )
        return
    same_body = all(slice_.get(field) == value for field, value in body.items())
    if same_body and slice_["metadata"].get("labels") == labels:
        return
    annotations = {**(slice_["metadata"].get("annotations") or {}), _TRIGGER: trigger}
    result.add(Update({**with_metadata(slice_, labels=labels, annotations=annotations), **body}))


def _ports(ports: PortKey) -> list[dict[str, Any]] | None:
    listed = [
        {"name": name, "protocol": protocol, "port": number} | ({"appProtocol": app} if app else {})
        for name, protocol, number, app in ports
    ]
    return listed or None
