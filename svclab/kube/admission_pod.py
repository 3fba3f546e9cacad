"""What admission adds to a pod: tolerations for failing nodes, priority; and its class of service.

Source: plugins DefaultTolerationSeconds, Priority and RuntimeClass; k8s.io/kubernetes
pkg/apis/core/v1/helper/qos, 1.36.
"""

from typing import Any

from svclab.kube import quantity
from svclab.kube.resources import by_kind
from svclab.kube.status import Refusal, forbidden, go_quote

Manifest = dict[str, Any]

_PATIENCE_SECONDS = 300
_NODE_TROUBLES = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def admit_pod(pod: Manifest) -> None:
    """Add tolerations and priority in place. Raises Refusal for an unknown priority or runtime class."""
    spec = pod["spec"]
    tolerations = spec.setdefault("tolerations", [])
    for key in _NODE_TROUBLES:
        if not any(_tolerates(toleration, key) for toleration in tolerations):
            tolerations.append({
                "key": key, "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": _PATIENCE_SECONDS,
            })  # fmt: skip
    spec["priority"] = _priority(pod)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    if (runtime := spec.get("runtimeClassName")) is not None:  # there are no RuntimeClasses here
        raise _forbidden(pod, f"pod rejected: RuntimeClass {go_quote(runtime)} not found")


def _tolerates(toleration: Manifest, key: str) -> bool:
    effect = toleration.get("effect", "")
    return toleration.get("key", "") in ("", key) and effect in ("", "NoExecute")


def _forbidden(pod: Manifest, why: str) -> Refusal:
    resource = by_kind("Pod")
    assert resource is not None
    return forbidden(resource, pod["metadata"].get("name", ""), why)


def _priority(pod: Manifest) -> int:
    name = pod["spec"].get("priorityClassName", "")
    if name and name not in _PRIORITIES:
        raise _forbidden(pod, f"no PriorityClass with name {name} was found")
    priority = _PRIORITIES.get(name, 0)
    given = pod["spec"].get("priority", priority)
    if given != priority:
        why = (
            f"the integer value of priority ({given}) must not be provided in pod spec; priority admission "
            f"controller computed {priority} from the given PriorityClass name"
        )
        raise _forbidden(pod, why)
    return priority


def qos_class(spec: Manifest) -> str:
    """Guaranteed, Burstable or BestEffort, by the cpu and memory that containers ask for and are held to."""
    containers = [*spec.get("containers", ()), *spec.get("initContainers", ())]
    limited = all(_is_guaranteed(container.get("resources", {})) for container in containers)
    if not any(_amounts(container.get("resources", {})) for container in containers):
        return "BestEffort"
    return "Guaranteed" if limited else "Burstable"


def _amounts(resources: Manifest) -> bool:
    both = (resources.get("requests", {}), resources.get("limits", {}))
    return any(
        quantity.parse(amounts[name]).amount > 0
        for amounts in both
        for name in ("cpu", "memory")
        if name in amounts
    )


def _is_guaranteed(resources: Manifest) -> bool:
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    return all(
        name in limits
        and quantity.parse(requests.get(name, limits[name])).amount == quantity.parse(limits[name]).amount
        for name in ("cpu", "memory")
    )
