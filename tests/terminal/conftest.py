"""A terminal over a small cluster that stands still: what does not need the real one is tested without it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from svclab.kube.snapshot import Snapshot
from svclab.linux.dice import Dice
from svclab.terminal.places import LAPTOP, Location
from svclab.terminal.session import Session, Wires

POD = Location("pod", "default", "debug", "debug", "nicolaka/netshoot")
BUSYBOX = Location("pod", "default", "box", "box", "busybox:1.36")
WEB = Location("pod", "default", "web", "nginx", "nginx:1.25")


NODE = Location("node", name="node1")
PLACES = {"laptop": LAPTOP, "netshoot": POD, "busybox": BUSYBOX, "nginx": WEB, "node1": NODE}


def _pod(place: Location, ip: str, node: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": place.name, "namespace": place.namespace, "uid": f"uid-{place.name}"},
        "spec": {
            "nodeName": node,
            "containers": [{"name": place.container, "image": place.image, "ports": [{"containerPort": 80}]}],
        },
        "status": {"podIP": ip, "podIPs": [{"ip": ip}], "phase": "Running"},
    }


def _node(name: str, ip: str, cidr: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr]},
        "status": {
            "addresses": [{"type": "InternalIP", "address": ip}, {"type": "Hostname", "address": name}]
        },
    }


OBJECTS = [
    _node("control-plane", "192.168.64.10", "10.244.0.0/24"),
    _node("node1", "192.168.64.11", "10.244.1.0/24"),
    _node("node2", "192.168.64.12", "10.244.2.0/24"),
    _pod(POD, "10.244.1.9", "node1"),
    _pod(BUSYBOX, "10.244.2.9", "node2"),
    _pod(WEB, "10.244.2.4", "node2"),
]


@dataclass
class StandingCluster:
    """What the terminal asks of a cluster handle, over objects that nobody changes; its clock is set by
    hand.
    """

    id: str = "standing"
    time: datetime = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    objects: list[dict[str, Any]] = field(default_factory=lambda: list(OBJECTS))

    def snapshot(self) -> Snapshot:
        return Snapshot.of(self.objects, 1)

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=50)
        return self.time

    def advance(self) -> None:
        """Nothing happens by itself."""

    def dice(self, purpose: str) -> Dice:
        return Dice(purpose)


class MemoryStore:
    """The learner's files in a dict."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def list_files(self) -> list[str]:
        return sorted(self.texts)

    def read_file(self, name: str) -> str | None:
        return self.texts.get(name)

    def write_file(self, name: str, text: str) -> None:
        self.texts[name] = text

    def delete_file(self, name: str) -> None:
        self.texts.pop(name)


@dataclass
class Typed:
    """A session to type into."""

    session: Session
    store: MemoryStore

    def run(self, line: str) -> tuple[int, str]:
        """Status and output of a line."""
        parts: list[str] = []
        status = self.session.run(line, parts.append)
        return status, "".join(parts)

    def __call__(self, line: str) -> str:
        """Output of a line."""
        return self.run(line)[1]


def nothing_noted(*_: Any) -> None:
    """No container's start was written down: its Services are those of now that are not younger."""


def _nobody(*_: Any) -> None:
    raise AssertionError("this test asks nobody")


@pytest.fixture
def at() -> Callable[..., Typed]:
    """Opens a terminal at a place of a cluster that stands still."""

    def open_at(
        place: str = "laptop", shell: str = "bash", store: MemoryStore | None = None, **wires: Any
    ) -> Typed:
        store = store or MemoryStore()
        told = {"send": _nobody, "api": _nobody, "services_at_start": nothing_noted} | wires
        session = Session(
            StandingCluster(), location=PLACES[place], shell=shell, store=store, wires=Wires(**told)
        )
        return Typed(session, store)

    return open_at


@pytest.fixture
def sh(at: Callable[..., Typed]) -> Typed:
    """A terminal on the laptop."""
    return at()
