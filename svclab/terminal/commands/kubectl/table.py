"""Printing the server's Tables: which columns, which headers, labels, namespaces.

Source: cli-runtime's TablePrinter and kubectl pkg/cmd/get.
"""

from dataclasses import dataclass, field
from typing import Any

from svclab.kube.resources import Resource
from svclab.terminal.commands.kubectl.builder import qualified_kind
from svclab.terminal.commands.kubectl.go_template import printed
from svclab.terminal.commands.kubectl.tabwriter import TableWriter

Manifest = dict[str, Any]


@dataclass(slots=True)
class TableStyle:
    """How tables are shown: the flags of `get`."""

    wide: bool = False
    headers: bool = True
    namespaces: bool = False
    kinds: bool = False
    show_labels: bool = False
    label_columns: tuple[str, ...] = ()


@dataclass(slots=True)
class TablePrinter:
    """Prints Tables of one kind; a watch keeps one printer, so that columns stay in place."""

    resource: Resource
    style: TableStyle
    writer: TableWriter = field(default_factory=TableWriter)
    _columns: list[Manifest] = field(default_factory=list)
    _has_headers: bool = False

    def format(self, table: Manifest, events: list[str] | None = None) -> str:
        """The lines of a Table; headers only the first time. `events` are the watch's, one for each row."""
        if table.get("columnDefinitions"):
            self._columns = table["columnDefinitions"]
        rows = table.get("rows") or []
        lines = []
        if self.style.headers and not self._has_headers and rows:
            lines.append((["EVENT   "] if events else []) + self._headers())
            self._has_headers = True
        for index, row in enumerate(rows):
            lines.append(([f"{events[index]:<8}"] if events else []) + self._cells(row))
        return self.writer.format(lines)

    def _shown(self) -> list[int]:
        return [i for i, column in enumerate(self._columns) if self.style.wide or not column.get("priority")]

    def _headers(self) -> list[str]:
        before = ["NAMESPACE"] if self._with_namespace() else []
        after = [label.rpartition("/")[2].upper() for label in self.style.label_columns]
        after += ["LABELS"] if self.style.show_labels else []
        return before + [self._columns[index]["name"].upper() for index in self._shown()] + after

    def _cells(self, row: Manifest) -> list[str]:
        metadata = (row.get("object") or {}).get("metadata") or {}
        labels = metadata.get("labels") or {}
        cells = [metadata.get("namespace", "")] if self._with_namespace() else []
        for index in self._shown():
            text = cell_text(row["cells"][index]) if index < len(row["cells"]) else ""
            if self.style.kinds and self._columns[index].get("format") == "name" and not self._is_event():
                text = f"{qualified_kind(self.resource)}/{text}"
            cells.append(text)
        cells += [labels.get(label, "") for label in self.style.label_columns]
        if self.style.show_labels:
            cells.append(",".join(f"{key}={labels[key]}" for key in sorted(labels)) or "<none>")
        return cells

    def _with_namespace(self) -> bool:
        return self.style.namespaces

    def _is_event(self) -> bool:
        return self.resource.kind == "Event"


def cell_text(value: Any) -> str:
    """A cell in one line: cut at the first line break, without control characters."""
    text = printed(value) if not isinstance(value, str) else value
    for position, character in enumerate(text):
        if character in "\f\n\r":
            text = text[:position] + "..."
            break
    return text.replace("\x1b", "^[")
