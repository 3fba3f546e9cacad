"""What all controllers ask of a pod: is it active, ready, available; and how a pod is made from a
template.
"""

import copy
from datetime import datetime, timedelta
from typing import Any

from svclab.kube.defaults_pod import default_pod
from svclab.kube.meta import condition, is_true, moment
from svclab.kube.quantity import parse
from svclab.kube.reconcile import owner_reference
from svclab.kube.snapshot import Manifest, Snapshot

_DEFAULT_TOLERATIONS = tuple(
    {
        "key": f"node.kubernetes.io/{key}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    for key in ("not-ready", "unreachable")
)
_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def phase(pod: Manifest) -> str:
    """Pending, Running, Succeeded, Failed or Unknown."""
    return pod.get("status", {}).get("phase", "Pending")


def is_terminal(pod: Manifest) -> bool:
    """Whether its containers have ended for good."""
    return phase(pod) in ("Succeeded", "Failed")


def is_terminating(pod: Manifest) -> bool:
    """Whether it is being deleted."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_active(pod: Manifest) -> bool:
    """Whether it counts towards a controller's replicas."""
    return not is_terminal(pod) and not is_terminating(pod)


def is_ready(pod: Manifest) -> bool:
    """Whether its Ready condition is true."""
    return is_true(pod, "Ready")


def addresses(pod: Manifest) -> list[str]:
    """Its addresses, of both families where it has both."""
    status = pod.get("status", {})
    listed = [each["ip"] for each in status.get("podIPs") or ()]
    return listed or ([status["podIP"]] if status.get("podIP") else [])


def available_at(pod: Manifest, min_ready_seconds: int) -> datetime | None:
    """When it counts, or will count, as available; None while it is not ready."""
    ready = condition(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    since = moment(ready.get("lastTransitionTime"))
    return since + timedelta(seconds=min_ready_seconds) if since else None


def is_available(pod: Manifest, min_ready_seconds: int, now: datetime) -> bool:
    """Whether it has been ready for so long."""
    if min_ready_seconds == 0:
        return is_ready(pod)
    since = available_at(pod, min_ready_seconds)
    return since is not None and since <= now


def owned_by(snapshot: Snapshot, owner: Manifest) -> list[Manifest]:
    """The pods whose controller is `owner`, by name."""
    uid = owner["metadata"]["uid"]
    return [
        pod
        for pod in snapshot.list("Pod", owner["metadata"]["namespace"])
        if any(
            ref["uid"] == uid and ref.get("controller")
            for ref in pod["metadata"].get("ownerReferences") or ()
        )
    ]


def from_template(
    owner: Manifest, template: Manifest, name: str, *, generate_name: str | None = None
) -> Manifest:
    """A pod of `owner`, defaulted, with all that admission fills in: tolerations, priority, QoS class."""
    metadata: dict[str, Any] = {"name": name}
    if generate_name:
        metadata["generateName"] = generate_name
    metadata["namespace"] = owner["metadata"]["namespace"]
    metadata["generation"] = 1
    written = copy.deepcopy(template.get("metadata") or {})
    metadata |= {key: written[key] for key in ("labels", "annotations", "finalizers") if written.get(key)}
    metadata["ownerReferences"] = [owner_reference(owner)]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy.deepcopy(template["spec"])}
    default_pod(pod)
    spec = admitted_spec(pod["spec"])
    return {**pod, "spec": spec, "status": {"phase": "Pending", "qosClass": qos_class(spec)}}


def admitted_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """A defaulted pod spec with what admission plugins add (DefaultTolerationSeconds, Priority)."""
    tolerations = list(spec.get("tolerations") or ())
    for added in _DEFAULT_TOLERATIONS:
        if not any(_tolerates(existing, added["key"], "NoExecute") for existing in tolerations):
            tolerations.append(dict(added))
    spec["tolerations"] = tolerations
    spec.setdefault("priority", _PRIORITIES.get(spec.get("priorityClassName", ""), 0))
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    return spec


def _tolerates(toleration: dict[str, Any], key: str, effect: str) -> bool:
    return toleration.get("key") in (None, "", key) and toleration.get("effect") in (None, "", effect)


def tolerates(pod: Manifest, taint: dict[str, Any]) -> bool:
    """Whether one of the pod's tolerations is for this taint."""
    return any(matches_taint(t, taint) for t in pod["spec"].get("tolerations") or ())


def matches_taint(toleration: dict[str, Any], taint: dict[str, Any]) -> bool:
    """Whether a toleration is for a taint: key, effect and, unless it says Exists, value."""
    if not _tolerates(toleration, taint["key"], taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def qos_class(spec: dict[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort, by the requests and limits of cpu and memory."""
    containers = [*spec.get("containers", ()), *(spec.get("initContainers") or ())]
    resources = [container.get("resources") or {} for container in containers]
    if not any(_counted(r.get(part)) for r in resources for part in ("requests", "limits")):
        return "BestEffort"
    for resource in resources:
        requests, limits = _counted(resource.get("requests")), _counted(resource.get("limits"))
        if set(limits) != {"cpu", "memory"} or any(
            parse(requests.get(k, v)).amount != parse(v).amount for k, v in limits.items()
        ):
            return "Burstable"
    return "Guaranteed"


def _counted(amounts: dict[str, str] | None) -> dict[str, str]:
    return {key: amount for key, amount in (amounts or {}).items() if key in ("cpu", "memory")}


def requested(pod: Manifest, resource: str) -> float:
    """How much of "cpu" (cores) or "memory" (bytes) its containers ask for together."""
    return sum(
        float(parse((container.get("resources") or {}).get("requests", {}).get(resource, "0")).amount)
        for container in pod["spec"]["containers"]
    )
