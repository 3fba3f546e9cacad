"""Server-side apply: who manages which field, what conflicts, and what goes when a manager lets go.

Field sets are kept in the form of FieldsV1, a tree of `f:NAME`, `k:{KEYS}` and `v:VALUE`; an empty node or a
node with "." is a field of the set. Source: structured-merge-diff v6, apimachinery util/managedfields.
"""

from copy import deepcopy
from datetime import datetime
from typing import Any

from svclab.kube import field_sets as fields
from svclab.kube.field_sets import Fields, Path
from svclab.kube.meta import timestamp

Manifest = dict[str, Any]

_NEVER_OWNED = (
    ("f:apiVersion",),
    ("f:kind",),
    *(
        ("f:metadata", f"f:{name}")
        for name in (
            "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink",
            "managedFields",
        )
    ),
)  # fmt: skip


class ApplyConflict(Exception):
    """Fields of an apply that other managers set to other values.

    `message` and `causes` are those of the API server's Status (409, reason Conflict).
    """

    def __init__(self, conflicts: list[tuple[Manifest, Path]]) -> None:
        self.causes = [
            {
                "reason": "FieldManagerConflict",
                "message": f"conflict with {_manager_words(entry)}",
                "field": fields.path_text(path),
            }
            for entry, path in conflicts
        ]
        self.message = _conflict_message(conflicts)
        super().__init__(self.message)


def server_side_apply(
    live: Manifest | None,
    applied: Manifest,
    manager: str,
    now: datetime,
    *,
    force: bool = False,
    subresource: str = "",
) -> Manifest:
    """The object after `manager` applied a configuration, with its managedFields.

    Values that others manage and the configuration would change are conflicts: ApplyConflict is raised, or
    with `force` they change hands. Fields that this manager applied before and now leaves out are removed
    unless somebody else manages them. The result still lacks defaults and validation.
    """
    configuration = _owned_part(applied, subresource)
    kind = applied["kind"]
    wanted = fields.of_object(kind, configuration)
    before = live or {"apiVersion": applied["apiVersion"], "kind": kind, "metadata": {}}
    entries = _readable(before["metadata"])
    mine = next((e for e in entries if _is_applier(e, manager, subresource)), None)
    others = [entry for entry in entries if entry is not mine]
    merged = fields.merge(kind, before, configuration)
    changed = fields.difference(kind, before, merged)
    _settle_conflicts(others, fields.intersection(wanted, changed), force=force)
    if mine is not None:
        _let_go(kind, merged, fields.subtract(mine["fieldsV1"], fields.with_parents(wanted)), others)
    entry = _entry(applied, manager, "Apply", wanted, now, subresource)
    if mine is not None and mine["fieldsV1"] == wanted and merged == before:
        entry["time"] = mine["time"]
    kept = [other for other in others if other["fieldsV1"]]
    merged["metadata"] = {**merged["metadata"], "managedFields": _sorted([*kept, entry])}
    return merged


def track_update(
    live: Manifest | None, new: Manifest, manager: str, now: datetime, *, subresource: str = ""
) -> Manifest:
    """An updated or created object with managedFields that credit `manager` with what it changed.

    Call it when everything else (defaults, allocation) is done. An update that changes nothing keeps the
    entries as they are.
    """
    kind = new["kind"]
    before = live or {"metadata": {}, "spec": {}, "status": {}}  # which nobody has to write
    entries = _readable(new["metadata"]) or _readable(before["metadata"])
    changed = fields.with_containers(kind, before, new, fields.difference(kind, before, new))
    changed = _without(changed, _NEVER_OWNED)
    removed = fields.removed(kind, before, new)
    for entry in entries:
        entry["fieldsV1"] = fields.subtract(entry["fieldsV1"], fields.union(changed, removed))
    if changed:
        mine = next((e for e in entries if _is_updater(e, manager, new, subresource)), None)
        if mine is None:
            entries.append(_entry(new, manager, "Update", changed, now, subresource))
        else:
            mine["fieldsV1"] = fields.union(mine["fieldsV1"], changed)
            mine["time"] = timestamp(now)
    kept = [entry for entry in entries if entry["fieldsV1"]]
    metadata = {key: value for key, value in new["metadata"].items() if key != "managedFields"}
    if kept:
        metadata["managedFields"] = _sorted(kept)
    return {**new, "metadata": metadata}


def _readable(metadata: Manifest) -> list[Manifest]:
    """A copy of an object's entries; none if one cannot be read, as a client may write what it likes."""
    entries: list[Manifest] = deepcopy(metadata.get("managedFields") or [])
    for entry in entries:
        entry.setdefault("fieldsV1", {})
        for name in ("manager", "operation", "apiVersion"):
            entry.setdefault(name, "")
        if entry.get("fieldsType") != "FieldsV1" or not fields.are_fields(entry["fieldsV1"]):
            return []
    return entries


def _owned_part(applied: Manifest, subresource: str) -> Manifest:
    """What an apply may own: a status only through its own path."""
    metadata = dict(applied.get("metadata") or {})
    metadata.pop("managedFields", None)
    owned = {**applied, "metadata": metadata}
    if subresource != "status":
        owned.pop("status", None)
    return owned


def _settle_conflicts(others: list[Manifest], contested: Fields, *, force: bool) -> None:
    contested = _without(contested, _NEVER_OWNED)
    conflicts: list[tuple[Manifest, Path]] = []
    for entry in others:
        theirs = fields.intersection(entry["fieldsV1"], contested)
        conflicts += [(entry, path) for path in fields.paths(theirs)]
    if conflicts and not force:
        raise ApplyConflict(sorted(conflicts, key=lambda found: (_manager_words(found[0]), _order(found[1]))))
    if conflicts:
        for entry in others:
            entry["fieldsV1"] = fields.subtract(entry["fieldsV1"], contested)


def _order(path: Path) -> list[tuple[bool, str]]:
    """Sorts paths as sets are walked: at each level first what is a field itself, then what lies below."""
    return [(place < len(path) - 1, element) for place, element in enumerate(path)]


def _let_go(kind: str, merged: Manifest, released: Fields, others: list[Manifest]) -> None:
    for entry in others:
        released = fields.subtract(released, fields.with_parents(entry["fieldsV1"]))
    fields.remove(kind, merged, released)


def _without(found: Fields, unwanted: tuple[Path, ...]) -> Fields:
    for path in unwanted:
        found = fields.without_path(found, path)
    return found


def _entry(
    manifest: Manifest, manager: str, operation: str, owned: Fields, now: datetime, subresource: str
) -> Manifest:
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": manifest["apiVersion"],
        "time": timestamp(now),
        "fieldsType": "FieldsV1",
        "fieldsV1": _without(owned, _NEVER_OWNED),
    }
    return {**entry, "subresource": subresource} if subresource else entry


def _is_applier(entry: Manifest, manager: str, subresource: str) -> bool:
    return (entry["manager"], entry["operation"], entry.get("subresource", "")) == (
        manager,
        "Apply",
        subresource,
    )


def _is_updater(entry: Manifest, manager: str, manifest: Manifest, subresource: str) -> bool:
    wanted = (manager, "Update", manifest["apiVersion"], subresource)
    return (entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", "")) == wanted


def _sorted(entries: list[Manifest]) -> list[Manifest]:
    return sorted(entries, key=lambda e: (e["operation"], e.get("time", ""), e["manager"]))


def _manager_words(entry: Manifest) -> str:
    words = f'"{entry["manager"]}"'
    if entry.get("subresource"):
        words += f' with subresource "{entry["subresource"]}"'
    return f"{words} using {entry['apiVersion']}" if entry["operation"] == "Update" else words


def _conflict_message(conflicts: list[tuple[Manifest, Path]]) -> str:
    if len(conflicts) == 1:
        entry, path = conflicts[0]
        return (
            f"Apply failed with 1 conflict: conflict with {_manager_words(entry)}: {fields.path_text(path)}"
        )
    lines: list[str] = []
    for entry, path in conflicts:
        heading = f"conflicts with {_manager_words(entry)}:"
        if heading not in lines:
            lines.append(heading)
        lines.append(f"- {fields.path_text(path)}")
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
