"""How much one learner's cluster may hold, and the words in which it says no: a ResourceQuota's."""

from dataclasses import dataclass

from svclab.cluster import errors
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.kube.status import Refusal

CLUSTERS = 10_000  # on one server, over a gigabyte of them; who comes then is told that it is full
QUOTA_NAME = "svclab-learner"
_UNCOUNTED = ("Event",)  # kept in bounds by their age and number instead


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits of one cluster. Events are bounded by dropping the oldest."""

    objects: int = 500
    pods: int = 200
    services: int = 50
    stored_bytes: int = 20 * 1024 * 1024
    events: int = 1000
    trace_events: int = 10_000
    background_events: int = 5_000  # of traces that client programs of pods leave, beside those

    def admit(self, snapshot: Snapshot, manifest: Manifest) -> None:
        """Raises a Refusal (403) when one more object of this kind, or of any, is one too many."""
        kind = manifest["kind"]
        if kind in _UNCOUNTED:
            return
        limit = {"Pod": self.pods, "Service": self.services}.get(kind)
        if limit is not None:
            self._check(manifest, f"{kind.lower()}s", len(snapshot.of_kind(kind)), limit)
        used = sum(len(snapshot.of_kind(k)) for k in snapshot.kinds() if k not in _UNCOUNTED)
        self._check(manifest, "count/objects", used, self.objects)

    def admit_bytes(self, manifest: Manifest, stored: int) -> None:
        """Raises a Refusal (403) when the cluster's manifests and files take more bytes than allowed."""
        if stored > self.stored_bytes:
            over, limit = str(stored - self.stored_bytes), str(self.stored_bytes)
            raise _refusal(manifest, "stored-bytes", over, limit, limit)

    @staticmethod
    def _check(manifest: Manifest, what: str, used: int, limit: int) -> None:
        if used >= limit:
            raise _refusal(manifest, what, "1", str(used), str(limit))


def _refusal(manifest: Manifest, what: str, requested: str, used: str, limit: str) -> Refusal:
    amounts = f"requested: {what}={requested}, used: {what}={used}, limited: {what}={limit}"
    why = f"exceeded quota: {QUOTA_NAME}, {amounts}"
    return errors.over_quota(manifest["kind"], manifest["metadata"]["name"], why)
