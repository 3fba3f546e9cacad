"""The Endpoints controller: the older, deprecated list of a Service's addresses, which kubectl still shows.

Source: kube-controller-manager 1.36, pkg/controller/endpoint: subsets by common ports, of the Service's first
address family. (The real one lists 1000 addresses at most, more than the cluster has pods.)
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from svclab.kube import pods
from svclab.kube.meta import condition
from svclab.kube.podhash import endpoints_port_hash
from svclab.kube.reconcile import Change, Create, Delete, Result, Update, with_metadata
from svclab.kube.selectors import from_labels
from svclab.kube.services import ResolvedPort, resolved_ports, selects
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_MANAGED_BY = "endpoints.kubernetes.io/managed-by"
_MANAGER = "endpoint-controller"
_HEADLESS = "service.kubernetes.io/headless"
_TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"

Address = tuple[str, str]  # (IP, uid of the pod)


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """The Services whose addresses a change may move; Endpoints bear their Service's name."""
    if change.kind in ("Service", "Endpoints"):
        yield change.key
    elif change.kind == "Pod":
        yield from selects(snapshot, change)


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """Make the Endpoints of a Service with a selector say which pods are ready and which are not."""
    result = Result()
    service, current = snapshot.get("Service", *key), snapshot.get("Endpoints", *key)
    if service is None:
        if current is not None and _is_managed(current):
            result.add(Delete("Endpoints", key, current["metadata"]["uid"]))
        return result
    if not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName":
        return result
    chosen = [pod for pod in snapshot.list("Pod", key[0]) if _belongs(service, pod)]
    subsets = _subsets(service, chosen)
    labels = {k: v for k, v in (service["metadata"].get("labels") or {}).items() if k != _HEADLESS}
    labels[_MANAGED_BY] = _MANAGER
    if service["spec"].get("clusterIP") == "None":
        labels[_HEADLESS] = ""
    trigger = _trigger(service, chosen, current)
    annotations = {_TRIGGER: trigger} if trigger else {}
    if current is None:
        result.add(Create(_endpoints(key, labels, annotations, subsets)))
    elif current.get("subsets", []) != subsets or (current["metadata"].get("labels") or {}) != labels:
        before = current["metadata"].get("annotations") or {}
        kept = {k: v for k, v in before.items() if k != _TRIGGER} | annotations
        updated = with_metadata(current, labels=labels, annotations=kept or None)
        updated.pop("subsets", None)
        result.add(Update({**updated, **({"subsets": subsets} if subsets else {})}))
    return result


def _is_managed(endpoints: Manifest) -> bool:
    return (endpoints["metadata"].get("labels") or {}).get(_MANAGED_BY) == _MANAGER


def _endpoints(
    key: Key, labels: dict[str, str], annotations: dict[str, str], subsets: list[dict[str, Any]]
) -> Manifest:
    namespace, name = key
    metadata = {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations}
    made = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
    return made | {"subsets": subsets} if subsets else made


def _belongs(service: Manifest, pod: Manifest) -> bool:
    """Chosen pods with an address; terminating ones only where the Service publishes whatever there is."""
    if not from_labels(service["spec"]["selector"])(pod) or pods.is_terminal(pod):
        return False
    is_leaving = pods.is_terminating(pod) and not service["spec"].get("publishNotReadyAddresses")
    return _ip(service, pod) is not None and not is_leaving


def _ip(service: Manifest, pod: Manifest) -> str | None:
    """The pod's address of the Service's first family."""
    family = (service["spec"].get("ipFamilies") or ["IPv4"])[0]
    return next((each for each in pods.addresses(pod) if (":" in each) == (family == "IPv6")), None)


def _is_listed_ready(service: Manifest, pod: Manifest) -> bool:
    return bool(service["spec"].get("publishNotReadyAddresses")) or pods.is_ready(pod)


def _trigger(service: Manifest, chosen: list[Manifest], current: Manifest | None) -> str | None:
    """The time of the earliest change that the object does not show yet; that a pod goes has none."""
    if current is None:
        return service["metadata"]["creationTimestamp"]
    known = {
        (address.get("targetRef") or {}).get("uid"): field == "addresses"
        for subset in current.get("subsets") or ()
        for field in ("addresses", "notReadyAddresses")
        for address in subset.get(field) or ()
    }
    times = [
        (condition(pod, "Ready") or {}).get("lastTransitionTime")
        for pod in chosen
        if known.get(pod["metadata"]["uid"]) is not _is_listed_ready(service, pod)
    ]
    return min((time for time in times if time), default=None)


def _subsets(service: Manifest, chosen: list[Manifest]) -> list[dict[str, Any]]:
    """Addresses grouped by the set of ports at which all of them are reached, as Kubernetes repacks them."""
    entries: dict[Address, tuple[dict[str, Any], bool]] = {}
    by_port: dict[ResolvedPort | None, set[Address]] = {}
    headless = service["spec"].get("clusterIP") == "None"
    for pod in chosen:
        entry = _address(service, pod)
        address = (entry["ip"], pod["metadata"]["uid"])
        entries[address] = (entry, _is_listed_ready(service, pod))
        ports = resolved_ports(service, pod)
        for port in ports or ([None] if headless and not service["spec"].get("ports") else []):
            by_port.setdefault(port, set()).add(address)
    grouped: dict[frozenset[Address], list[ResolvedPort | None]] = {}
    for port, addresses in by_port.items():
        grouped.setdefault(frozenset(addresses), []).append(port)
    subsets = [_subset(sorted(addresses), ports, entries) for addresses, ports in grouped.items()]
    return sorted(subsets, key=_port_order)


def _address(service: Manifest, pod: Manifest) -> dict[str, Any]:
    address: dict[str, Any] = {"ip": _ip(service, pod)}
    if pod["spec"].get("hostname") and pod["spec"].get("subdomain") == service["metadata"]["name"]:
        address["hostname"] = pod["spec"]["hostname"]
    address["nodeName"] = pod["spec"]["nodeName"]
    namespace, name = key_of(pod)
    address["targetRef"] = {
        "kind": "Pod",
        "namespace": namespace,
        "name": name,
        "uid": pod["metadata"]["uid"],
    }
    return address


def _subset(
    addresses: list[Address],
    ports: list[ResolvedPort | None],
    entries: dict[Address, tuple[dict[str, Any], bool]],
) -> dict[str, Any]:
    subset: dict[str, Any] = {}
    ready = [entries[address][0] for address in addresses if entries[address][1]]
    not_ready = [entries[address][0] for address in addresses if not entries[address][1]]
    if ready:
        subset["addresses"] = ready
    if not_ready:
        subset["notReadyAddresses"] = not_ready
    listed = [
        ({"name": port.name} if port.name else {})
        | {"port": port.number, "protocol": port.protocol}
        | ({"appProtocol": port.app_protocol} if port.app_protocol else {})
        for port in ports
        if port is not None
    ]
    if listed:
        subset["ports"] = sorted(listed, key=endpoints_port_hash)
    return subset


def _port_order(subset: dict[str, Any]) -> tuple[int, str]:
    """By the first port; in a real cluster by a hash with the pods' uids in it, so in no order of its own."""
    first = (subset.get("ports") or [{"port": 0}])[0]
    return first["port"], first.get("name", "")
