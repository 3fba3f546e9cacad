"""One look of a kubelet at one of its pods: what it sees, what it says, what it wants done.

Events are its memory: what has been said of a container need not be said, or done, again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from svclab.kube.controllers.kubelet.probes import HttpStatus
from svclab.kube.nodememory import NodeMemory
from svclab.kube.reconcile import Event, Result
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.linux.dice import Dice

Status = dict[str, Any]
STAMP = timedelta(seconds=1)  # timestamps have whole seconds: what they stamp was up to so much later


@dataclass(slots=True)
class Look:
    """See the module. Delays are drawn off the pod's uid, so they are the same at every look."""

    snapshot: Snapshot
    pod: Manifest
    node: Manifest
    now: datetime
    hosts: Mapping[str, NodeMemory]
    strict: bool
    http_status: HttpStatus
    result: Result = field(default_factory=Result)

    def delay(self, what: str, least: float, spread: float) -> float:
        """Seconds that something takes in this pod: from `least` to `least + spread`, always the same."""
        return least + Dice(f"{self.pod['metadata']['uid']}/{what}").draw() * spread

    def field_path(self, container: Manifest) -> str:
        """How events name a container."""
        kind = "spec.containers" if container in self.pod["spec"]["containers"] else "spec.initContainers"
        return f"{kind}{{{container['name']}}}"

    def event(self, reason: str, message: str, container: Manifest) -> Manifest | None:
        """The event that says this of this container, if there is one."""
        uid, path = self.pod["metadata"]["uid"], self.field_path(container)
        for event in self.snapshot.of_kind("Event").values():
            involved = event["involvedObject"]
            if (
                involved.get("uid") == uid
                and event["reason"] == reason
                and involved.get("fieldPath") == path
                and message in ("", event["message"])
            ):
                return event
        return None

    def said(self, reason: str, container: Manifest) -> bool:
        """Whether there is any event of this reason about this container."""
        return self.event(reason, "", container) is not None

    def say(
        self, reason: str, message: str, container: Manifest, *, warning: bool = False, once: bool = False
    ) -> None:
        """Tell an event about a container; with `once` only if it was not told before."""
        if once and self.event(reason, message, container) is not None:
            return
        self.result.add(
            Event(
                self.pod,
                reason,
                message,
                "kubelet",
                "Warning" if warning else "Normal",
                host=self.node["metadata"]["name"],
                field_path=self.field_path(container),
            )
        )

    def warn(self, reason: str, message: str) -> None:
        """Tell a warning about the pod as a whole."""
        host = self.node["metadata"]["name"]
        self.result.add(Event(self.pod, reason, message, "kubelet", "Warning", host=host))

    def as_running(self) -> Manifest:
        """The pod as if all its containers ran, for what listens in it."""
        return {
            **self.pod,
            "status": {k: v for k, v in self.pod["status"].items() if k != "containerStatuses"},
        }
