"""What the programs on one node remember that no API object says."""

from dataclasses import dataclass
from datetime import datetime

from svclab.kube.snapshot import Manifest


@dataclass(frozen=True, slots=True)
class NodeMemory:
    """kube-proxy's: the Services and slices of its last sync (with their digest), the mode in which it wrote
    them, and since when there is something newer. The CNI plugin's: the pod address that it gave out last.
    """

    digest: str = ""
    manifests: tuple[Manifest, ...] = ()
    stale_since: datetime | None = None
    last_address: str = ""
    mode: str = "iptables"
