"""The EndpointSlice controller: which pods stand behind a Service, and in what condition.

Source: kube-controller-manager 1.36, pkg/controller/endpointslice and k8s.io/endpointslice: one set of slices
for each set of port numbers, zones and hints from the nodes.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from svclab.kube import names, nodes, pods
from svclab.kube.meta import condition
from svclab.kube.reconcile import Change, Create, Delete, Result, Update, owner_reference, with_metadata
from svclab.kube.selectors import from_labels
from svclab.kube.services import ports_in_order, resolved_ports, selects
from svclab.kube.slicepacking import Endpoints, PortKey, packed
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_MANAGER = "endpointslice-controller.k8s.io"
_SERVICE_NAME = "kubernetes.io/service-name"
_HEADLESS = "service.kubernetes.io/headless"
_TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
_RESERVED = (_MANAGED_BY, _SERVICE_NAME, _HEADLESS)

Wanted = dict[PortKey, Endpoints]


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
    chosen = _pods(snapshot, service)
    trigger = _trigger(service, chosen, existing)
    for family in _families(service):
        wanted = _wanted(snapshot, service, chosen, family)
        here = [s for s in existing if s["addressType"] == family]
        _write(service, family, here, wanted, trigger, dice, result)
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


def _pods(snapshot: Snapshot, service: Manifest) -> list[Manifest]:
    """The pods behind the Service: chosen, alive, with an address, and on a node that there is."""
    selector = from_labels(service["spec"]["selector"])
    publish = bool(service["spec"].get("publishNotReadyAddresses"))
    return [
        pod
        for pod in snapshot.list("Pod", service["metadata"]["namespace"])
        if selector(pod) and not pods.is_terminal(pod) and pods.addresses(pod)
        if publish or snapshot.get("Node", "", pod["spec"].get("nodeName") or "") is not None
    ]


def _trigger(service: Manifest, chosen: list[Manifest], existing: list[Manifest]) -> str | None:
    """The time of the earliest change that the slices do not show yet: a pod's that became ready or unready,
    or the Service's creation where there is no slice. A pod that goes, or a changed label, has no such time.
    """
    if not existing:
        return service["metadata"]["creationTimestamp"]
    known = {
        (endpoint.get("targetRef") or {}).get("uid"): (endpoint.get("conditions") or {}).get("serving")
        for slice_ in existing
        for endpoint in slice_.get("endpoints") or ()
    }
    times = [
        (condition(pod, "Ready") or {}).get("lastTransitionTime")
        for pod in chosen
        if known.get(pod["metadata"]["uid"]) is not pods.is_ready(pod)
    ]
    return min((time for time in times if time), default=None)


def _wanted(snapshot: Snapshot, service: Manifest, chosen: list[Manifest], family: str) -> Wanted:
    """The endpoints of one address family by the ports that they offer."""
    found: Wanted = {}
    for pod in chosen:
        addresses = [each for each in pods.addresses(pod) if _family_of(each) == family]
        if addresses:
            endpoint = _endpoint(snapshot, service, pod, addresses)
            found.setdefault(_port_key(service, pod), []).append(endpoint)
    return found


def _family_of(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def _port_key(service: Manifest, pod: Manifest) -> PortKey:
    ports = resolved_ports(service, pod)
    return tuple((p.name, p.protocol, p.number, p.app_protocol) for p in ports_in_order(ports))


def _endpoint(snapshot: Snapshot, service: Manifest, pod: Manifest, addresses: list[str]) -> dict[str, Any]:
    serving, terminating = pods.is_ready(pod), pods.is_terminating(pod)
    publish = bool(service["spec"].get("publishNotReadyAddresses"))
    namespace, name = key_of(pod)
    endpoint: dict[str, Any] = {
        "addresses": addresses,
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
    hints = _hints(service, endpoint)
    return endpoint | ({"hints": hints} if hints else {})


def _hints(service: Manifest, endpoint: dict[str, Any]) -> dict[str, Any]:
    """Hints for trafficDistribution: keep to the zone, or to the node; for ready endpoints only."""
    distribution = service["spec"].get("trafficDistribution")
    if distribution not in ("PreferClose", "PreferSameZone", "PreferSameNode"):
        return {}
    if not endpoint["conditions"]["ready"]:
        return {}
    hints: dict[str, Any] = {}
    if endpoint.get("zone"):
        hints["forZones"] = [{"name": endpoint["zone"]}]
    if distribution == "PreferSameNode" and endpoint.get("nodeName"):
        hints["forNodes"] = [{"name": endpoint["nodeName"]}]
    return hints


# ---- what is, and what to write ----


def _write(
    service: Manifest,
    family: str,
    existing: list[Manifest],
    wanted: Wanted,
    trigger: str | None,
    dice: Dice,
    result: Result,
) -> None:
    """Bring the slices of one family to what is wanted; those of an older Service of this name go."""
    labels = _labels(service)
    owned = [s for s in existing if _is_owned(s, service)]
    packing = packed(owned, wanted, labels)
    for ports, endpoints in packing.made:
        result.add(Create(_slice(service, family, labels, trigger, dice) | _body(ports, endpoints)))
    for slice_, ports, endpoints in packing.changed:
        annotations = {
            k: v for k, v in (slice_["metadata"].get("annotations") or {}).items() if k != _TRIGGER
        }
        annotations |= {_TRIGGER: trigger} if trigger else {}
        updated = with_metadata(slice_, labels=labels, annotations=annotations or None)
        result.add(Update({**updated, **_body(ports, endpoints)}))
    for gone in [*packing.drained, *(s for s in existing if s not in owned)]:
        result.add(Delete("EndpointSlice", key_of(gone), gone["metadata"]["uid"]))


def _is_owned(slice_: Manifest, service: Manifest) -> bool:
    owners = slice_["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == service["metadata"]["uid"] for owner in owners)


def _labels(service: Manifest) -> dict[str, str]:
    metadata = service["metadata"]
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k not in _RESERVED}
    labels |= {_MANAGED_BY: _MANAGER, _SERVICE_NAME: metadata["name"]}
    return labels | ({_HEADLESS: ""} if service["spec"].get("clusterIP") == "None" else {})


def _slice(
    service: Manifest, family: str, labels: dict[str, str], trigger: str | None, dice: Dice
) -> dict[str, Any]:
    """A new slice, its ports and endpoints still to be put in."""
    prefix = f"{service['metadata']['name']}-"
    metadata = {
        "name": names.generated(prefix, dice),
        "generateName": prefix,
        "namespace": service["metadata"]["namespace"],
        "generation": 1,
        "labels": labels,
        **({"annotations": {_TRIGGER: trigger}} if trigger else {}),
        "ownerReferences": [owner_reference(service)],
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": family,
    }


def _body(ports: PortKey, endpoints: Endpoints) -> dict[str, Any]:
    listed = [
        {"name": name, "protocol": protocol, "port": number} | ({"appProtocol": app} if app else {})
        for name, protocol, number, app in ports
    ]
    return {"endpoints": endpoints or None, "ports": listed or None}
