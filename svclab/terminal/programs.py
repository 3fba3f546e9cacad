"""Runs the client programs of containers: `kubectl run t --image=busybox -- wget -O- web`, then its log."""

from collections import Counter
from threading import Lock
from uuid import UUID

from svclab.cluster import programs
from svclab.cluster.store import ClusterHandle
from svclab.kube.snapshot import Manifest
from svclab.terminal.machines import is_there
from svclab.terminal.places import Location
from svclab.terminal.session import Session
from svclab.terminal.turns import in_thread

AT_ONCE = 8  # of one cluster; one more ends at once, and its log says why
_running: Counter[UUID] = Counter()
_guard = Lock()


def run(cluster: ClusterHandle, pod: Manifest, container: Manifest, argv: list[str]) -> None:
    """Run a container's program in a thread, and tell how it ended."""
    metadata, name = pod["metadata"], container["name"]
    place = Location("pod", metadata["namespace"], metadata["name"], name, container["image"])

    def work() -> None:
        printed: list[str] = []
        try:
            code = _execute(cluster, place, argv, printed)
        finally:
            with _guard:
                _running[cluster.id] -= 1
        programs.ended(cluster, pod, name, code, "".join(printed))

    with _guard:
        has_room = _running[cluster.id] < AT_ONCE
        _running[cluster.id] += has_room
    if has_room:
        in_thread(work)
    else:
        text = f"svclab: {AT_ONCE} client programs of pods run already, the most there may be at once\n"
        in_thread(lambda: programs.ended(cluster, pod, name, 1, text))


def _execute(cluster: ClusterHandle, place: Location, argv: list[str], printed: list[str]) -> int:
    session = Session(cluster, location=place, shell=argv[0].rpartition("/")[2])
    return session.execute(argv, printed.append, cancelled=lambda: not is_there(place, cluster.snapshot()))
