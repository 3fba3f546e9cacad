"""The Endpoints controller: the older, deprecated list of a Service's addresses, which kubectl still shows.

Source: kube-controller-manager 1.36, pkg/controller/endpoint: at most 1000 addresses, subsets by common
ports.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from svclab.kube import pods
from svclab.kube.meta import condition
from svclab.kube.reconcile import Change, Create, Delete, Result, Update, with_metadata
from svclab.kube.selectors import from_labels
from svclab.kube.services import ResolvedPort, resolved_ports, selects
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_MANAGED_BY = "endpoints.kubernetes.io/managed-by"
_MANAGER = "endpoint-controller"
_HEADLESS = "service.kubernetes.io/headless"
_TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
_MOST = 1000

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
    subsets, trigger = _subsets(snapshot, service)
    labels = {k: v for k, v in (service["metadata"].get("labels") or {}).items() if k != _HEADLESS}
    labels[_MANAGED_BY] = _MANAGER
    if service["spec"].get("clusterIP") == "None":
        labels[_HEADLESS] = ""
    annotations = {_TRIGGER: trigger}
    if current is None:
        result.add(Create(_endpoints(key, labels, annotations, subsets)))
    elif current.get("subsets", []) != subsets or (current["metadata"].get("labels") or {}) != labels:
        kept = {**(current["metadata"].get("annotations") or {}), **annotations}
        updated = with_metadata(current, labels=labels, annotations=kept)
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


def _subsets(snapshot: Snapshot, service: Manifest) -> tuple[list[dict[str, Any]], str]:
    """Addresses grouped by the set of ports at which all of them are reached, as Kubernetes repacks them."""
    entries: dict[Address, tuple[dict[str, Any], bool]] = {}
    by_port: dict[ResolvedPort | None, set[Address]] = {}
    trigger = service["metadata"]["creationTimestamp"]
    selector = from_labels(service["spec"]["selector"])
    headless = service["spec"].get("clusterIP") == "None"
    for pod in snapshot.list("Pod", service["metadata"]["namespace"])[:_MOST]:
        if not selector(pod) or not _belongs(service, pod):
            continue
        address = (pod["status"]["podIP"], pod["metadata"]["uid"])
        publish = bool(service["spec"].get("publishNotReadyAddresses"))
        entries[address] = (_address(service, pod), publish or pods.is_ready(pod))
        ports = resolved_ports(service, pod)
        for port in ports or ([None] if headless and not service["spec"].get("ports") else []):
            by_port.setdefault(port, set()).add(address)
        trigger = max(trigger, (condition(pod, "Ready") or {}).get("lastTransitionTime") or trigger)
    grouped: dict[frozenset[Address], list[ResolvedPort | None]] = {}
    for port, addresses in by_port.items():
        grouped.setdefault(frozenset(addresses), []).append(port)
    subsets = [_subset(sorted(addresses), ports, entries) for addresses, ports in grouped.items()]
    return sorted(subsets, key=_port_order), trigger


def _belongs(service: Manifest, pod: Manifest) -> bool:
    """Terminating pods are left out, unless the Service publishes whatever there is."""
    if not pod.get("status", {}).get("podIP") or pods.is_terminal(pod):
        return False
    return not pods.is_terminating(pod) or bool(service["spec"].get("publishNotReadyAddresses"))


def _address(service: Manifest, pod: Manifest) -> dict[str, Any]:
    address: dict[str, Any] = {"ip": pod["status"]["podIP"]}
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
        subset["ports"] = listed
    return subset


def _port_order(subset: dict[str, Any]) -> tuple[int, str]:
    first = (subset.get("ports") or [{"port": 0}])[0]
    return first["port"], first.get("name", "")
