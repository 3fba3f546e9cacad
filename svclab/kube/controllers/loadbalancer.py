"""The cloud's service controller: a Service of type LoadBalancer gets an address from outside, after a while.

Source: k8s.io/cloud-provider controllers/service, 1.36. There is none on bare metal: the address stays
pending.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from svclab.kube.meta import moment
from svclab.kube.reconcile import Change, Event, Result, Update, with_metadata, with_status
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_COMPONENT = "service-controller"
_FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
POOL = tuple(str(IPv4Address("203.0.113.100") + n) for n in range(100))
_SLOWEST = 2.0  # seconds beyond the least that the cloud takes
_LEAST = timedelta(seconds=4)


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """The Service; and those still without an address when another one gives its own back."""
    if change.kind != "Service":
        return
    yield change.key
    if change.old is not None and _ingress(change.old) and (change.new is None or not _ingress(change.new)):
        yield from (
            key_of(found) for found in snapshot.list("Service") if _wants(found) and not _ingress(found)
        )


def _wants(service: Manifest) -> bool:
    return service["spec"].get("type") == "LoadBalancer" and not service["spec"].get("loadBalancerClass")


def _ingress(service: Manifest) -> list[Manifest]:
    return ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """Announce the work, do it some seconds later, and clean up when the Service no longer wants it."""
    result = Result()
    service = snapshot.get("Service", *key)
    if service is None:
        return result
    finalizers = service["metadata"].get("finalizers") or []
    if service["metadata"].get("deletionTimestamp") or not _wants(service):
        if _FINALIZER in finalizers:
            _release(service, result)
        return result
    if _ingress(service):
        return result
    begun = _begun(snapshot, service)
    if begun is None:
        result.add(Event(service, "EnsuringLoadBalancer", "Ensuring load balancer", _COMPONENT))
        if _FINALIZER not in finalizers:
            result.add(Update(with_metadata(service, finalizers=[*finalizers, _FINALIZER])))
        return result.again(now + _duration(service))
    ready_at = begun + _duration(service)
    if now < ready_at:
        return result.again(ready_at)
    return _assign(snapshot, service, result)


def _duration(service: Manifest) -> timedelta:
    """How long the cloud takes for this Service: the same whenever it is asked."""
    return _LEAST + timedelta(seconds=Dice(service["metadata"]["uid"]).draw() * _SLOWEST)


def _begun(snapshot: Snapshot, service: Manifest) -> datetime | None:
    """When the controller said that it has begun with this Service."""
    said = [
        event["lastTimestamp"]
        for event in snapshot.of_kind("Event").values()
        if event["reason"] == "EnsuringLoadBalancer"
        and event["involvedObject"]["uid"] == service["metadata"]["uid"]
    ]
    return moment(max(said)) if said else None


def _assign(snapshot: Snapshot, service: Manifest, result: Result) -> Result:
    taken = {entry.get("ip") for other in snapshot.list("Service") for entry in _ingress(other)}
    wanted = service["spec"].get("loadBalancerIP")
    free = [address for address in POOL if address not in taken]
    if wanted in POOL and wanted not in taken:
        free = [wanted]
    if not free:
        message = "Error syncing load balancer: failed to ensure load balancer: no address left"
        return result.add(Event(service, "SyncLoadBalancerFailed", message, _COMPONENT, "Warning"))
    finalizers = service["metadata"].get("finalizers") or []
    if _FINALIZER not in finalizers:
        service = with_metadata(service, finalizers=[*finalizers, _FINALIZER])
    status = {"loadBalancer": {"ingress": [{"ip": free[0], "ipMode": "VIP"}]}}
    return result.add(
        Update(with_status(service, {**(service.get("status") or {}), **status})),
        Event(service, "EnsuredLoadBalancer", "Ensured load balancer", _COMPONENT),
    )


def _release(service: Manifest, result: Result) -> None:
    """Give the address back, if there is one already, and let the Service go."""
    finalizers = [name for name in service["metadata"]["finalizers"] if name != _FINALIZER]
    released = with_metadata(service, finalizers=finalizers or None)
    if not _ingress(service):
        result.add(Update(released))
        return
    result.add(
        Event(service, "DeletingLoadBalancer", "Deleting load balancer", _COMPONENT),
        Update(with_status(released, {**(service.get("status") or {}), "loadBalancer": {}})),
        Event(service, "DeletedLoadBalancer", "Deleted load balancer", _COMPONENT),
    )
