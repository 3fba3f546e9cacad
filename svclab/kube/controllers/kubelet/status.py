"""A pod's status as its kubelet writes it: phase, conditions, container states."""

from datetime import datetime
from typing import Any

from svclab.kube.meta import timestamp
from svclab.kube.snapshot import Manifest

Status = dict[str, Any]
_ORDER = ("Initialized", "Ready", "ContainersReady", "PodScheduled")


def fresh_container(container: Manifest, reason: str) -> Status:
    """A container that has not run yet."""
    return {
        "name": container["name"],
        "state": {"waiting": {"reason": reason}},
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": container["image"],
        "imageID": "",
        "started": False,
    }


def waiting(status: Status, reason: str, message: str = "") -> Status:
    """The container, waiting for this reason; what it was before becomes its last state."""
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    last = status["state"] if "terminated" in status["state"] else status["lastState"]
    return {**status, "state": state, "lastState": last, "ready": False, "started": False}


def running(status: Status, now: datetime, *, started: bool, ready: bool) -> Status:
    """The container, just started; a start after an end counts as a restart."""
    last = status["state"] if "terminated" in status["state"] else status["lastState"]
    return {
        **status,
        "state": {"running": {"startedAt": timestamp(now)}},
        "lastState": last,
        "ready": ready,
        "restartCount": status["restartCount"] + (1 if last else 0),
        "started": started,
    }


def terminated(status: Status, exit_code: int, now: datetime, *, reason: str = "") -> Status:
    """The container, ended: Completed or Error by its exit code, unless another reason is given."""
    started = (status["state"].get("running") or {}).get("startedAt") or timestamp(now)
    state = {
        "exitCode": exit_code,
        "reason": reason or ("Completed" if exit_code == 0 else "Error"),
        "startedAt": started,
        "finishedAt": timestamp(now),
    }
    return {**status, "state": {"terminated": state}, "ready": False, "started": False}


def phase(pod: Manifest, init: list[Status], main: list[Status]) -> str:
    """Pending until every container has run once, then Running, until all have ended for good."""
    policy = pod["spec"].get("restartPolicy", "Always")
    if policy != "Always":
        ended = [s["state"]["terminated"]["exitCode"] for s in main if "terminated" in s["state"]]
        if len(ended) == len(main) and (policy == "Never" or all(code == 0 for code in ended)):
            return "Succeeded" if all(code == 0 for code in ended) else "Failed"
        if policy == "Never" and any(_failed(s) for s in init):
            return "Failed"
    begun = [s for s in main if "running" in s["state"] or "terminated" in s["state"] or s["lastState"]]
    return "Running" if len(begun) == len(main) else "Pending"


def is_initialized(pod: Manifest, init: Status) -> bool:
    """Whether an init container has done its part: ended well, or as a sidecar (restartPolicy Always)
    started.
    """
    sidecars = {
        c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"
    }
    if init["name"] in sidecars:
        return init["started"]
    return (init["state"].get("terminated") or {}).get("exitCode") == 0


def _failed(status: Status) -> bool:
    return (status["state"].get("terminated") or {}).get("exitCode", 0) != 0


def conditions(
    pod: Manifest, phase_now: str, init: list[Status], main: list[Status], now: datetime
) -> list[Status]:
    """The four conditions; a time moves only with its status."""
    unready = [s["name"] for s in main if not s["ready"]]
    reason, message = "", ""
    if phase_now == "Succeeded":
        reason = "PodCompleted"
    elif phase_now == "Failed":
        reason = "PodFailed"
    elif unready:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    ready = not unready and phase_now == "Running"
    gates = _closed_gates(pod)
    incomplete = [s["name"] for s in init if not is_initialized(pod, s)]
    wanted = {
        "Initialized": (
            "False",
            "ContainersNotInitialized",
            f"containers with incomplete status: [{' '.join(incomplete)}]",
        )
        if incomplete
        else ("True", "PodCompleted" if phase_now == "Succeeded" else "", ""),
        "Ready": ("True", "", "")
        if ready and not gates
        else ("False", reason or "ReadinessGatesNotReady", message or gates),
        "ContainersReady": ("True", "", "") if ready else ("False", reason, message),
        "PodScheduled": ("True", "", ""),
    }
    before = {c["type"]: c for c in pod["status"].get("conditions") or ()}
    others = [c for kind, c in before.items() if kind not in _ORDER]
    return [_condition(before.get(kind), kind, *wanted[kind], now) for kind in _ORDER] + others


def _closed_gates(pod: Manifest) -> str:
    true = {c["type"] for c in pod["status"].get("conditions") or () if c["status"] == "True"}
    closed = [
        g["conditionType"] for g in pod["spec"].get("readinessGates") or () if g["conditionType"] not in true
    ]
    return "".join(
        f'corresponding condition of pod readiness gate "{kind}" does not exist.' for kind in closed
    )


def _condition(
    before: Status | None, kind: str, status: str, reason: str, message: str, now: datetime
) -> Status:
    since = (
        before["lastTransitionTime"] if before is not None and before["status"] == status else timestamp(now)
    )
    made: Status = {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made
