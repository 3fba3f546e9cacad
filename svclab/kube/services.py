"""What the endpoint controllers ask of a Service: which pods it selects, which port of a pod it means."""

from collections.abc import Iterable
from dataclasses import dataclass

from svclab.kube.podhash import slice_port_hash
from svclab.kube.reconcile import Change
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of


@dataclass(frozen=True, slots=True)
class ResolvedPort:
    """One Service port as a number on one pod."""

    name: str
    protocol: str
    number: int
    app_protocol: str = ""


def resolved_ports(service: Manifest, pod: Manifest) -> list[ResolvedPort]:
    """The pod's ports behind the Service's, in the Service's order; a name that the pod lacks is left out."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = target_number(port, pod)
        if number is not None:
            protocol = port.get("protocol", "TCP")
            found.append(
                ResolvedPort(port.get("name") or "", protocol, number, port.get("appProtocol") or "")
            )
    return found


def target_number(port: Manifest, pod: Manifest) -> int | None:
    """The number behind a Service port's targetPort on a pod; None when the pod has no port of that name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    protocol = port.get("protocol", "TCP")
    for container in (*pod["spec"]["containers"], *_sidecars(pod)):
        for declared in container.get("ports") or ():
            if declared.get("name") == target and declared.get("protocol", "TCP") == protocol:
                return declared["containerPort"]
    return None


def ports_in_order(ports: list[ResolvedPort]) -> list[ResolvedPort]:
    """Ports in the order in which a slice lists them, whatever the order of the Service's: by their hash."""
    return sorted(
        ports, key=lambda port: slice_port_hash(port.name, port.protocol, port.number, port.app_protocol)
    )


def _sidecars(pod: Manifest) -> Iterable[Manifest]:
    return (c for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always")


def selects(snapshot: Snapshot, change: Change) -> Iterable[Key]:
    """The Services of the namespace whose selector matches the pod's labels as they are or were."""
    sides = [side["metadata"].get("labels") or {} for side in (change.new, change.old) if side is not None]
    for service in snapshot.list("Service", change.key[0]):
        selector = service["spec"].get("selector") or {}
        if selector and any(all(labels.get(k) == v for k, v in selector.items()) for labels in sides):
            yield key_of(service)
