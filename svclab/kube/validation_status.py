"""What a status may say when a client writes it through its own path.

Sources: the status strategies in k8s.io/kubernetes pkg/registry and what they call in
pkg/apis/{core,apps,networking}/validation of 1.36 (ValidatePodStatusUpdate, ValidateLoadBalancerStatus,
ValidateDeploymentStatus and so on).
"""

from collections.abc import Callable
from typing import Any

from svclab.kube.selectors import key_problems
from svclab.kube.status import FieldError, duplicate, forbidden_field, invalid, not_supported, required
from svclab.kube.validation import any_update
from svclab.kube.validation_addresses import ip, parsed
from svclab.kube.validation_meta import (
    non_negative,
    object_meta_update,
    standard_finalizer,
    subdomain_name,
    wrong,
)

Manifest = dict[str, Any]
Comparison = Callable[[Manifest, Manifest], list[FieldError]]

_IP_MODES = ("Proxy", "VIP")
_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_TOO_MANY = "cannot be greater than status.replicas"
# Kind -> its counts in the order in which they are looked at, and those that `replicas` bounds.
_COUNTS = {
    "Deployment": (
        ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas",
         "unavailableReplicas", "terminatingReplicas", "collisionCount"),
        ("updatedReplicas", "readyReplicas", "availableReplicas"),
    ),
    "ReplicaSet": (
        ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "terminatingReplicas",
         "observedGeneration"),
        ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
    ),
    "StatefulSet": (
        ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas",
         "observedGeneration", "collisionCount"),
        ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
    ),
    "DaemonSet": (
        ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
         "observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable",
         "collisionCount"),
        (),
    ),
}  # fmt: skip
_FIRST = ("StatefulSet",)  # kinds whose strategy looks at the status before the metadata


def validate_status_update(new: Manifest, old: Manifest) -> list[FieldError]:
    """Everything wrong with replacing the status of `old` by that of `new`, in the order of the server."""
    metadata = object_meta_update(new["metadata"], old["metadata"])
    look = _LOOKS.get(new["kind"])
    status = look(new, old) if look else []
    parts = (status, metadata) if new["kind"] in _FIRST else (metadata, status)
    return [*any_update(new, old), *parts[0], *parts[1]]


def validate_finalizers_update(new: Manifest, old: Manifest) -> list[FieldError]:
    """Everything wrong with changing a Namespace's own finalizers."""
    errors = [*any_update(new, old), *object_meta_update(new["metadata"], old["metadata"])]
    for index, finalizer in enumerate(new.get("spec", {}).get("finalizers", ())):
        field = f"spec.finalizers[{index}]"
        problems = wrong(field, finalizer, key_problems(finalizer))
        errors += problems or standard_finalizer(field, finalizer)
    return errors


def _service(new: Manifest, old: Manifest) -> list[FieldError]:
    ingress, field = _ingress(new), "status.loadBalancer.ingress"
    if new["spec"].get("type") != "LoadBalancer":
        why = "may only be used when `spec.type` is 'LoadBalancer'"
        return [forbidden_field(field, why)] if ingress else []
    errors, kept = [], {entry.get("ip") for entry in _ingress(old)}
    for index, entry in enumerate(ingress):
        errors += _ingress_address(f"{field}[{index}]", entry, kept)
        errors += _ip_mode(f"{field}[{index}].ipMode", entry)
        errors += _ingress_name(f"{field}[{index}]", entry)
    return errors


def _ingress_status(new: Manifest, old: Manifest) -> list[FieldError]:
    errors, kept = [], {entry.get("ip") for entry in _ingress(old)}
    for index, entry in enumerate(_ingress(new)):
        field = f"status.loadBalancer.ingress[{index}]"
        errors += [*_ingress_address(field, entry, kept), *_ingress_name(field, entry)]
    return errors


def _ingress(manifest: Manifest) -> list[Manifest]:
    return manifest.get("status", {}).get("loadBalancer", {}).get("ingress", [])


def _ingress_address(field: str, entry: Manifest, kept: set[str | None]) -> list[FieldError]:
    address = entry.get("ip", "")
    return ip(f"{field}.ip", address) if address and address not in kept else []


def _ip_mode(field: str, entry: Manifest) -> list[FieldError]:
    mode, address = entry.get("ipMode"), entry.get("ip")
    if mode is None:
        return [required(field, "must be specified when `ip` is set")] if address else []
    if not address:
        return [forbidden_field(field, "may not be specified when `ip` is not set")]
    return [] if mode in _IP_MODES else [not_supported(field, mode, _IP_MODES)]


def _ingress_name(field: str, entry: Manifest) -> list[FieldError]:
    name = entry.get("hostname", "")
    if not name:
        return []
    errors = wrong(f"{field}.hostname", name, subdomain_name(name))
    if parsed(name) is not None:
        errors.append(invalid(f"{field}.hostname", name, "must be a DNS name, not an IP address"))
    return errors


def _counts(new: Manifest, old: Manifest) -> list[FieldError]:
    names, bounded = _COUNTS[new["kind"]]
    status = new.get("status", {})
    errors = [error for name in names for error in non_negative(f"status.{name}", status.get(name))]
    for name in bounded:
        if status.get(name, 0) > status.get("replicas", 0):
            errors.append(invalid(f"status.{name}", status[name], _TOO_MANY))
    available = status.get("availableReplicas", 0)
    if bounded and available > status.get("readyReplicas", 0):
        ready = "status.readyReplicas" if new["kind"] == "StatefulSet" else "readyReplicas"
        errors.append(invalid("status.availableReplicas", available, f"cannot be greater than {ready}"))
    return errors


def _collisions(new: Manifest, old: Manifest) -> list[FieldError]:
    errors = _counts(new, old)
    count, before = (m.get("status", {}).get("collisionCount") for m in (new, old))
    if before is not None and (count is None or count < before):
        errors.append(invalid("status.collisionCount", count or 0, "cannot be decremented"))
    return errors


def _namespace(new: Manifest, _: Manifest) -> list[FieldError]:
    ends, phase = "deletionTimestamp" in new["metadata"], new.get("status", {}).get("phase", "")
    wanted, word = ("Terminating", "not empty") if ends else ("Active", "empty")
    if phase == wanted:
        return []
    # The server writes the field like this.
    return [invalid("status.Phase", phase, f"may only be '{wanted}' if `deletionTimestamp` is {word}")]


def _pod(new: Manifest, old: Manifest) -> list[FieldError]:
    status, before, errors = new.get("status", {}), old.get("status", {}), []
    for index, condition in enumerate(status.get("conditions", ())):
        field, kind = f"status.conditions[{index}]", condition.get("type", "")
        errors += _generation(f"{field}.observedGeneration", condition)
        if kind not in _SYSTEM_CONDITIONS:
            errors += wrong(f"{field}.Type", kind, key_problems(kind))
    errors += _nominated(status, before, bound=bool(old["spec"].get("nodeName")))
    errors += _generation("status.observedGeneration", status)
    if status.get("qosClass") and status["qosClass"] != before.get("qosClass"):
        errors.append(invalid("status.qosClass", status["qosClass"], "field is immutable"))
    for name in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        errors += _ended_stay_so(name, status, before, old["spec"])
    return [*errors, *_pod_addresses(status, before), *_host_addresses(status, before)]


def _generation(field: str, holder: Manifest) -> list[FieldError]:
    number = holder.get("observedGeneration", 0)
    return [invalid(field, number, "must be a non-negative integer")] if number < 0 else []


def _nominated(status: Manifest, before: Manifest, *, bound: bool) -> list[FieldError]:
    field, name = "status.nominatedNodeName", status.get("nominatedNodeName", "")
    if not name or name == before.get("nominatedNodeName"):
        return []
    errors = wrong(field, name, subdomain_name(name))
    if bound:
        errors.append(forbidden_field(field, "may not be set on pods that are already bound to a node"))
    return errors


def _ended_stay_so(name: str, status: Manifest, before: Manifest, spec: Manifest) -> list[FieldError]:
    """A container that has ended runs again only if its restart policy lets it."""
    errors, now = [], {entry.get("name"): entry for entry in status.get(name, ())}
    for index, entry in enumerate(before.get(name, ())):
        ended, after = entry.get("state", {}).get("terminated"), now.get(entry.get("name"))
        if ended is None or after is None or after.get("state", {}).get("terminated") is not None:
            continue
        if not _restarts(name, entry["name"], ended.get("exitCode", 0), spec):
            why = "may not be transitioned to non-terminated state"
            errors.append(forbidden_field(f"status.{name}[{index}].state", why))
    return errors


def _restarts(name: str, container: str, exit_code: int, spec: Manifest) -> bool:
    if name == "ephemeralContainerStatuses":
        return False
    of_kind = "containers" if name == "containerStatuses" else "initContainers"
    own = next((c for c in spec.get(of_kind, ()) if c.get("name") == container), {})
    policy = own.get("restartPolicy") or spec.get("restartPolicy", "Always")
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def _pod_addresses(status: Manifest, before: Manifest) -> list[FieldError]:
    field, shown = "status.podIPs", _addresses(status, "podIP")
    errors = _new_addresses(field, shown, _addresses(before, "podIP"))
    if len(shown) < 2:
        return errors
    families = {found.version for text in shown if (found := parsed(text)) is not None}
    whole = [{"IP": text} for text in shown]
    if len(families) < 2 or len(shown) > 2:
        errors.append(invalid(field, whole, "may specify no more than one IP for each IP family"))
    for index, text in enumerate(shown):
        if text in shown[:index]:
            errors.append(duplicate(f"{field}[{index}]", {"IP": text}))
    return errors


def _host_addresses(status: Manifest, before: Manifest) -> list[FieldError]:
    field, shown = "status.hostIPs", [entry.get("ip", "") for entry in status.get("hostIPs", ())]
    if not shown:
        return []
    errors = []
    if status.get("hostIP", "") != shown[0]:
        errors.append(invalid(f"{field}[0].ip", shown[0], "must be equal to `hostIP`"))
    return errors + _new_addresses(field, shown, [entry.get("ip", "") for entry in before.get("hostIPs", ())])


def _addresses(status: Manifest, name: str) -> list[str]:
    """All addresses; where the single one is another than the first, it is the only one."""
    all_, one = [entry.get("ip", "") for entry in status.get(f"{name}s", ())], status.get(name, "")
    return [one] if one and one != (all_ or [""])[0] else all_


def _new_addresses(field: str, shown: list[str], before: list[str]) -> list[FieldError]:
    return [
        error
        for index, text in enumerate(shown)
        if text not in before
        for error in ip(f"{field}[{index}]", text)
    ]


_LOOKS: dict[str, Comparison] = {
    "DaemonSet": _collisions,
    "Deployment": _collisions,
    "Ingress": _ingress_status,
    "Namespace": _namespace,
    "Pod": _pod,
    "ReplicaSet": _counts,
    "Service": _service,
    "StatefulSet": _collisions,
}
