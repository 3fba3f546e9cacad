"""Table cells of pods, nodes, workloads, events and configuration.

Source: Kubernetes 1.36 pkg/printers/internalversion/printers.go.
"""

from datetime import datetime, timedelta
from typing import Any

from svclab.kube.meta import age, condition, duration, is_true, moment
from svclab.kube.selectors import format_labels, format_object

Manifest = dict[str, Any]
Cells = list[Any]

_ROLE_LABEL = "node-role.kubernetes.io/"
_RESTARTABLE_INIT = "Always"
# What the row of a pod that has ended says beside its cells.
POD_ENDS: dict[str, Manifest] = {
    "Succeeded": {
        "type": "Completed", "status": "True", "reason": "Succeeded",
        "message": "The pod has completed successfully.",
    },
    "Failed": {"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."},
}  # fmt: skip


def name_and_age_cells(manifest: Manifest, now: datetime) -> Cells:
    """Name, Age."""
    return [manifest["metadata"]["name"], _age(manifest, now)]


def created_at_cells(manifest: Manifest, now: datetime) -> Cells:
    """Name, Created At: what a kind without a printer of its own gets."""
    return [manifest["metadata"]["name"], manifest["metadata"].get("creationTimestamp", "")]


def pod_cells(pod: Manifest, now: datetime) -> Cells:
    """Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    ready, total = _ready_containers(pod)
    return [
        pod["metadata"]["name"],
        f"{ready}/{total}",
        pod_status(pod),
        _restarts(pod, now),
        _age(pod, now),
        status.get("podIP") or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        _readiness_gates(pod),
    ]


def pod_status(pod: Manifest) -> str:
    """The STATUS cell: the phase, or what a container waits for, or how it ended, or Terminating."""
    status, metadata = pod.get("status") or {}, pod["metadata"]
    reason = status.get("reason") or status.get("phase") or ""
    scheduled = condition(pod, "PodScheduled")
    if scheduled is not None and scheduled.get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    init_reason = _init_reason(pod)
    if init_reason is not None and not is_true(pod, "Initialized"):
        reason = init_reason
    else:
        reason = _container_reason(pod, reason)
    if metadata.get("deletionTimestamp") and status.get("reason") == "NodeLost":
        return "Unknown"
    ends = metadata.get("deletionTimestamp") and status.get("phase") not in ("Succeeded", "Failed")
    return "Terminating" if ends else reason


def _container_reason(pod: Manifest, reason: str) -> str:
    has_running = False
    for container in reversed((pod.get("status") or {}).get("containerStatuses") or []):
        state = container.get("state") or {}
        waiting, terminated = state.get("waiting"), state.get("terminated")
        if waiting and waiting.get("reason"):
            reason = waiting["reason"]
        elif terminated is not None:
            reason = _ended(terminated)
        elif container.get("ready") and state.get("running") is not None:
            has_running = True
    if reason == "Completed" and has_running:
        return "Running" if is_true(pod, "Ready") else "NotReady"
    return reason


def _ended(terminated: Manifest) -> str:
    if terminated.get("reason"):
        return terminated["reason"]
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _sidecars(pod: Manifest) -> set[str]:
    """Names of the init containers that go on running."""
    init_containers = (pod.get("spec") or {}).get("initContainers") or []
    return {c["name"] for c in init_containers if c.get("restartPolicy") == _RESTARTABLE_INIT}


def _place_of_init(pod: Manifest) -> int | None:
    """Which init container a pod has come to, or None."""
    sidecars = _sidecars(pod)
    for index, container in enumerate((pod.get("status") or {}).get("initContainerStatuses") or []):
        terminated = _state(container).get("terminated")
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if not (container.get("name") in sidecars and container.get("started")):
            return index
    return None


def _init_reason(pod: Manifest) -> str | None:
    """Why a pod is still in its init containers (`Init:0/1`), or None."""
    place = _place_of_init(pod)
    if place is None:
        return None
    state = _state(pod["status"]["initContainerStatuses"][place])
    terminated, waiting = state.get("terminated"), state.get("waiting") or {}
    if terminated is not None:
        return f"Init:{_ended(terminated)}"
    if waiting.get("reason") and waiting["reason"] != "PodInitializing":
        return f"Init:{waiting['reason']}"
    return f"Init:{place}/{len((pod.get('spec') or {}).get('initContainers') or [])}"


def _ready_containers(pod: Manifest) -> tuple[int, int]:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    total = len(spec.get("containers") or [])
    ready = sum(bool(c.get("ready")) for c in status.get("containerStatuses") or [] if "running" in _state(c))
    for container in spec.get("initContainers") or []:
        if container.get("restartPolicy") == _RESTARTABLE_INIT:
            total += 1
            ready += any(
                c.get("name") == container["name"] and c.get("started") and c.get("ready")
                for c in status.get("initContainerStatuses") or []
            )
    return ready, total


def _state(container: Manifest) -> Manifest:
    return container.get("state") or {}


def _restarts(pod: Manifest, now: datetime) -> str:
    containers = _counted_containers(pod)
    count = sum(container.get("restartCount", 0) for container in containers)
    ends = [(container.get("lastState") or {}).get("terminated") or {} for container in containers]
    times = [found for end in ends if (found := moment(end.get("finishedAt"))) is not None]
    if count and times:
        return f"{count} ({duration((now - max(times)) / timedelta(seconds=1))} ago)"
    return str(count)


def _counted_containers(pod: Manifest) -> list[Manifest]:
    """Whose restarts count: while a pod initialises those of its init containers so far, then the others'."""
    status = pod.get("status") or {}
    statuses = status.get("initContainerStatuses") or []
    place = _place_of_init(pod)
    if place is not None and not is_true(pod, "Initialized"):
        return statuses[: place + 1]
    sidecars = [container for container in statuses if container.get("name") in _sidecars(pod)]
    return [*sidecars, *(status.get("containerStatuses") or [])]


def _readiness_gates(pod: Manifest) -> str:
    gates = (pod.get("spec") or {}).get("readinessGates") or []
    if not gates:
        return "<none>"
    return f"{sum(is_true(pod, gate.get('conditionType', '')) for gate in gates)}/{len(gates)}"


def node_cells(node: Manifest, now: datetime) -> Cells:
    """Name, Status, Roles, Age, Version, both addresses, OS-Image, Kernel-Version, Container-Runtime."""
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return [
        node["metadata"]["name"],
        node_status(node),
        ",".join(node_roles(node)) or "<none>",
        _age(node, now),
        info.get("kubeletVersion", ""),
        _node_address(node, "InternalIP"),
        _node_address(node, "ExternalIP"),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def node_status(node: Manifest) -> str:
    """`Ready`, `NotReady` or `Unknown`, and `SchedulingDisabled` when cordoned."""
    ready = condition(node, "Ready")
    words = ["Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"]
    if (node.get("spec") or {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def node_roles(node: Manifest) -> list[str]:
    """Role names from the node's labels, sorted."""
    labels = node["metadata"].get("labels") or {}
    roles = {key.removeprefix(_ROLE_LABEL) for key in labels if key.startswith(_ROLE_LABEL)}
    if labels.get("kubernetes.io/role"):
        roles.add(labels["kubernetes.io/role"])
    return sorted(role for role in roles if role)


def _node_address(node: Manifest, kind: str) -> str:
    addresses = (node.get("status") or {}).get("addresses") or []
    return next((a["address"] for a in addresses if a.get("type") == kind), "<none>")


def namespace_cells(namespace: Manifest, now: datetime) -> Cells:
    """Name, Status, Age."""
    return [
        namespace["metadata"]["name"],
        (namespace.get("status") or {}).get("phase", ""),
        _age(namespace, now),
    ]


def deployment_cells(deployment: Manifest, now: datetime) -> Cells:
    """Name, Ready, Up-to-date, Available, Age, Containers, Images, Selector."""
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    return [
        deployment["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        _age(deployment, now),
        *_template(spec),
        format_object(spec.get("selector")),
    ]


def replicaset_cells(replicaset: Manifest, now: datetime) -> Cells:
    """Name, Desired, Current, Ready, Age, Containers, Images, Selector."""
    spec, status = replicaset.get("spec") or {}, replicaset.get("status") or {}
    return [
        replicaset["metadata"]["name"],
        spec.get("replicas", 1),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        _age(replicaset, now),
        *_template(spec),
        format_object(spec.get("selector")),
    ]


def statefulset_cells(statefulset: Manifest, now: datetime) -> Cells:
    """Name, Ready, Age, Containers, Images."""
    spec, status = statefulset.get("spec") or {}, statefulset.get("status") or {}
    return [
        statefulset["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}",
        _age(statefulset, now),
        *_template(spec),
    ]


def daemonset_cells(daemonset: Manifest, now: datetime) -> Cells:
    """Name, the five numbers, Node Selector, Age, Containers, Images, Selector."""
    spec, status = daemonset.get("spec") or {}, daemonset.get("status") or {}
    pod_spec = (spec.get("template") or {}).get("spec") or {}
    return [
        daemonset["metadata"]["name"],
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        format_labels(pod_spec.get("nodeSelector")),
        _age(daemonset, now),
        *_template(spec),
        format_object(spec.get("selector")),
    ]


def _template(spec: Manifest) -> tuple[str, str]:
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or []
    return ",".join(c["name"] for c in containers), ",".join(c.get("image", "") for c in containers)


def event_cells(event: Manifest, now: datetime) -> Cells:
    """Last Seen, Type, Reason, Object, Subobject, Source, Message, First Seen, Count, Name."""
    series = event.get("series") or {}
    involved = event.get("involvedObject") or event.get("regarding") or {}
    first = event.get("firstTimestamp") or event.get("eventTime")
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or first
    subject = involved.get("kind", "").lower()
    if involved.get("name"):
        subject += f"/{involved['name']}"
    return [
        age(last, now),
        event.get("type", ""),
        event.get("reason", ""),
        subject,
        involved.get("fieldPath", ""),
        event_source(event),
        event.get("message", "").strip(),
        age(first, now),
        series.get("count") or event.get("count") or 1,
        event["metadata"]["name"],
    ]


def event_source(event: Manifest) -> str:
    """`component, host` of whoever reported an event."""
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return ", ".join(word for word in (component, host) if word)


def configmap_cells(configmap: Manifest, now: datetime) -> Cells:
    """Name, Data, Age."""
    entries = len(configmap.get("data") or {}) + len(configmap.get("binaryData") or {})
    return [configmap["metadata"]["name"], entries, _age(configmap, now)]


def secret_cells(secret: Manifest, now: datetime) -> Cells:
    """Name, Type, Data, Age."""
    return [
        secret["metadata"]["name"],
        secret.get("type", "Opaque"),
        len(secret.get("data") or {}),
        _age(secret, now),
    ]


def lease_cells(lease: Manifest, now: datetime) -> Cells:
    """Name, Holder, Age."""
    holder = (lease.get("spec") or {}).get("holderIdentity", "")
    return [lease["metadata"]["name"], holder, _age(lease, now)]


def _age(manifest: Manifest, now: datetime) -> str:
    return age(manifest["metadata"].get("creationTimestamp"), now)
