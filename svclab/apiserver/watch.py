"""A watch: what changes in a collection from some resourceVersion on, as lines of JSON.

The object only remembers how far it has read the cluster's log; whoever serves it asks for `news` again
when the cluster has changed. Encoded events are shared among all watches that see them alike.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from svclab.apiserver.messages import JSON_TYPE, ApiRequest, encoded
from svclab.apiserver.negotiation import Format
from svclab.apiserver.options import ListOptions
from svclab.cluster import leases
from svclab.cluster.errors import Expired
from svclab.kube import printing
from svclab.kube.resources import Resource
from svclab.kube.snapshot import Manifest
from svclab.kube.status import expired

if TYPE_CHECKING:
    from svclab.cluster.store import ClusterHandle

_INITIAL_END = "k8s.io/initial-events-end"
_PARTIAL = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
_SHARED_EVENTS = 4096
_shared: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()


class Watch:
    """One client's watch; `headers` can be sent at once, `news()` gives what there is to tell."""

    def __init__(
        self,
        cluster: "ClusterHandle",
        request: ApiRequest,
        resource: Resource,
        format_: Format,
        options: ListOptions,
        version: int | None,
        chosen: Callable[[Manifest], bool],
        warnings: list[str],
    ) -> None:
        self.cluster = cluster
        self.resource = resource
        self.timeout_seconds = options.timeout_seconds
        self.ended = False
        self.warnings = warnings
        self.headers = {"Content-Type": JSON_TYPE, "Cache-Control": "no-cache, private"}
        self._format = format_
        self._include = request.parameter("includeObject", "Metadata")
        self._chosen = chosen
        self._options = options
        self._cursor = version or 0
        self._wants_initial = not version or options.send_initial_events
        self._columns_sent = False

    def news(self) -> list[bytes]:
        """The encoded events since the last call; the first call also gives the initial state, if wanted."""
        if self.ended:
            return []
        if self.resource.kind == "Lease":
            leases.renew(self.cluster)
        events = self._initial() if self._wants_initial else []
        self._wants_initial = False
        try:
            entries = self.cluster.events_since(self._cursor)
        except Expired:
            current = self.cluster.snapshot().resource_version
            status = expired(f"too old resource version: {self._cursor} ({current})").status
            self.ended = True
            return [*events, encoded({"type": "ERROR", "object": status})]
        for entry in entries:
            self._cursor = entry.rv
            if entry.object["kind"] == self.resource.kind and (verb := self._verb(entry)):
                left = entry.type == "MODIFIED" and verb == "DELETED"
                events.append(self._event(verb, _as_it_was(entry) if left else entry.object, entry.rv))
        return events

    def bookmark(self) -> bytes | None:
        """A BOOKMARK with the version reached, for clients that asked for them."""
        if not self._options.bookmarks or self.ended:
            return None
        return self._bookmark({})

    def _initial(self) -> list[bytes]:
        snapshot = self.cluster.snapshot()
        self._cursor = snapshot.resource_version
        found = [manifest for manifest in snapshot.list(self.resource.kind) if self._chosen(manifest)]
        events = [self._event("ADDED", manifest, None) for manifest in found]
        if self._options.send_initial_events:
            events.append(self._bookmark({_INITIAL_END: "true"}))
        return events

    def _bookmark(self, annotations: dict[str, str]) -> bytes:
        metadata: Manifest = {"resourceVersion": str(self._cursor)}
        if annotations:
            metadata["annotations"] = annotations
        kind = {"kind": self.resource.kind, "apiVersion": self.resource.api_version}
        if self._format.as_kind == "PartialObjectMetadata":
            kind = _PARTIAL
        return encoded({"type": "BOOKMARK", "object": {**kind, "metadata": metadata}})

    def _verb(self, entry: Any) -> str | None:
        """What an entry of the log means to this client: an object may leave or enter its selection."""
        now = self._chosen(entry.object)
        before = self._chosen(entry.previous) if entry.previous is not None else now
        if entry.type == "ADDED":
            return "ADDED" if now else None
        if entry.type == "DELETED":
            return "DELETED" if before else None
        if now:
            return "MODIFIED" if before else "ADDED"
        return "DELETED" if before else None

    def _event(self, verb: str, manifest: Manifest, version: int | None) -> bytes:
        if self._format.as_kind == "Table":
            return encoded({"type": verb, "object": self._table(manifest)})
        metadata = manifest["metadata"]
        # Clusters of one seed have the same uids and count versions alike: only the cluster tells them apart.
        version = version or metadata["resourceVersion"]
        key = (self.cluster.id, metadata["uid"], version, verb, self._format.as_kind)
        found = _shared.get(key)
        if found is None:
            found = encoded({"type": verb, "object": self._object(manifest)})
            _shared[key] = found
            while len(_shared) > _SHARED_EVENTS:
                _shared.popitem(last=False)
        return found

    def _object(self, manifest: Manifest) -> Manifest:
        if self._format.as_kind:
            return {**_PARTIAL, "metadata": manifest["metadata"]}
        kind = {"kind": self.resource.kind, "apiVersion": self.resource.api_version}
        return {**kind, **{key: value for key, value in manifest.items() if key not in kind}}

    def _table(self, manifest: Manifest) -> Manifest:
        metadata = {"resourceVersion": manifest["metadata"]["resourceVersion"]}
        with_columns, self._columns_sent = not self._columns_sent, True
        return printing.table(
            self.resource, [manifest], self.cluster.now(), self._include,
            with_columns=with_columns, metadata=metadata,
        )  # fmt: skip


def _as_it_was(entry: Any) -> Manifest:
    """An object that left a selection, as those who watch that selection last saw it."""
    metadata = {**entry.previous["metadata"], "resourceVersion": str(entry.rv)}
    return {**entry.previous, "metadata": metadata}
