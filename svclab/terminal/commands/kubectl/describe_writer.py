"""What all of `kubectl describe` is written with: indented lines in columns, labels, annotations, events.

Source: kubectl 1.33 pkg/describe.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from svclab.kube.meta import age, controller_of, moment
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.tabwriter import align

Manifest = dict[str, Any]

_HIDDEN_ANNOTATIONS = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
_LONGEST_ANNOTATION = 140


@dataclass(slots=True)
class Description:
    """Text in the making. Cells are separated by tabs; `flush` ends a stretch of common columns."""

    now: datetime
    aligned: bool = True
    _pending: list[str] = field(default_factory=list)
    _done: list[str] = field(default_factory=list)

    def write(self, text: str, level: int = 0) -> None:
        """Some text at an indentation of `level` times two spaces; give line ends yourself."""
        self._pending.append("  " * level + text)

    def line(self, text: str = "", level: int = 0) -> None:
        """One line."""
        self.write(text + "\n", level)

    def field(self, name: str, value: Any, level: int = 0) -> None:
        """`Name:  value`."""
        self.line(f"{name}:\t{value}", level)

    def flush(self) -> None:
        """What follows is laid out by itself."""
        text = "".join(self._pending)
        self._done.append(align(text) if self.aligned else text)
        self._pending.clear()

    def text(self) -> str:
        """Everything written."""
        self.flush()
        return "".join(self._done)

    # common parts

    def head(self, manifest: Manifest) -> None:
        """Name and Namespace."""
        self.field("Name", manifest["metadata"]["name"])
        self.field("Namespace", manifest["metadata"].get("namespace", ""))

    def labels(self, labels: Mapping[str, str] | None, title: str = "Labels") -> None:
        """One label on each line, or `<none>`."""
        lines = [f"{key}={value}" for key, value in sorted((labels or {}).items())] or ["<none>"]
        self.line(f"{title}:\t" + "\n\t".join(lines))

    def annotations(self, annotations: Mapping[str, str] | None, title: str = "Annotations") -> None:
        """One annotation on each line; long ones below their key. kubectl's own is not shown."""
        shown = sorted((k, v) for k, v in (annotations or {}).items() if k not in _HIDDEN_ANNOTATIONS)
        if not shown:
            self.line(f"{title}:\t<none>")
            return
        self.write(f"{title}:\t")
        for index, (key, value) in enumerate(shown):
            if index:
                self.write("\t")
            value = value.removesuffix("\n")
            if len(value) + len(key) + 2 > _LONGEST_ANNOTATION or "\n" in value:
                self.line(f"{key}:")
                for part in value.split("\n"):
                    self.line(f"\t  {_shortened(part)}")
            else:
                self.line(f"{key}: {value}")

    def controller(self, manifest: Manifest) -> None:
        """`Controlled By:` when there is a controller."""
        owner = controller_of(manifest)
        if owner is not None:
            self.field("Controlled By", f"{owner['kind']}/{owner['name']}")

    def events(self, events: list[Manifest] | None) -> None:
        """The Events table; nothing at all for None."""
        if events is None:
            return
        if not events:
            self.line("Events:\t<none>")
            return
        self.flush()
        self.line("Events:")
        self.line("Type\tReason\tAge\tFrom\tMessage", 1)
        self.line("----\t------\t----\t----\t-------", 1)
        for event in sorted(events, key=last_seen):
            source = (event.get("source") or {}).get("component") or event.get("reportingComponent", "")
            cells = [event.get("type", ""), event.get("reason", ""), self._interval(event), source]
            self.line("\t".join([*cells, event.get("message", "").strip()]), 1)

    def _interval(self, event: Manifest) -> str:
        first = age(event.get("eventTime") or event.get("firstTimestamp"), self.now)
        series = event.get("series")
        if series:
            return f"{age(series.get('lastObservedTime'), self.now)} (x{series.get('count', 0)} over {first})"
        if event.get("count", 0) > 1:
            return f"{age(event.get('lastTimestamp'), self.now)} (x{event['count']} over {first})"
        return first


def _shortened(text: str) -> str:
    longest = _LONGEST_ANNOTATION - 2
    return text if len(text) <= longest else text[:longest] + "..."


def last_seen(event: Manifest) -> str:
    """The time by which events are ordered."""
    series = event.get("series") or {}
    return series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or ""


def rfc1123(timestamp: str | None) -> str:
    """`Mon, 23 Nov 2026 14:53:03 +0000`."""
    when = moment(timestamp)
    return when.strftime("%a, %d %b %Y %H:%M:%S %z") if when else "Mon, 01 Jan 0001 00:00:00 +0000"


def events_of(client: Client, manifest: Manifest, *, with_kind: bool = True) -> list[Manifest]:
    """The events about an object, asked of the server as kubectl asks."""
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace", "")
    terms = [f"involvedObject.name={metadata['name']}"]
    if namespace:
        terms.append(f"involvedObject.namespace={namespace}")
    if with_kind:
        terms.append(f"involvedObject.kind={manifest['kind']}")
    terms.append(f"involvedObject.uid={metadata.get('uid', '')}")
    path = f"/api/v1/namespaces/{namespace}/events" if namespace else "/api/v1/events"
    query = [("fieldSelector", ",".join(sorted(terms))), ("limit", "500")]
    return client.get(path, query).get("items") or []
