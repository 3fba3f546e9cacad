"""Server-side apply: who manages which field, what conflicts, and what goes when a manager lets go.

Field sets are kept in the form of FieldsV1, a tree of `f:NAME`, `k:{KEYS}` and `v:VALUE`; an empty node or a
node with "." is a field of the set. Source: structured-merge-diff v6, apimachinery util/managedfields.
"""

import json
from copy import deepcopy
from datetime import datetime
from functools import reduce
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


KUBECTL = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


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
    if live is not None and not entries:
        entries = _before_first_apply(live, now)
    mine = next((e for e in entries if _is_applier(e, manager, subresource)), None)
    others = [entry for entry in entries if entry is not mine]
    merged = fields.merge(kind, before, configuration)
    if mine is not None and mine["fieldsV1"]:
        managed = reduce(fields.union, (entry["fieldsV1"] for entry in others), wanted)
        merged = fields.prune(kind, merged, mine["fieldsV1"], managed)
    changed, removed = fields.difference(kind, before, merged), fields.removed(kind, before, merged)
    _refuse_conflicts(_conflicts(others, changed), _own_before(before, manager), force=force)
    for entry in others:
        entry["fieldsV1"] = fields.subtract(entry["fieldsV1"], fields.union(changed, removed))
    entry = _entry(applied, manager, "Apply", wanted, now, subresource)
    if not changed and not removed:
        merged = deepcopy(before)
        entry.pop("time")
        entry |= {name: mine[name] for name in ("time",) if mine and name in mine}
    kept = [one for one in (*others, entry) if one["fieldsV1"]]
    merged["metadata"] = {**merged["metadata"], "managedFields": _sorted(kept)}
    return _with_last_applied(merged, applied) if manager == KUBECTL else merged


def track_update(
    live: Manifest | None, new: Manifest, manager: str, now: datetime, *, subresource: str = ""
) -> Manifest:
    """An updated or created object with managedFields that credit `manager` with what it changed.

    Call it when everything else (defaults, allocation) is done. An update that changes nothing keeps the
    entries as they are.
    """
    kind = new["kind"]
    before = live or {"metadata": {}, "spec": {}, "status": {}}  # which nobody has to write
    if not subresource and _is_reset(new["metadata"]):
        return {**new, "metadata": {k: v for k, v in new["metadata"].items() if k != "managedFields"}}
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


Conflicts = list[tuple[Manifest, Path]]


def _conflicts(others: list[Manifest], changed: Fields) -> Conflicts:
    """Who manages what would change."""
    contested = _without(changed, _NEVER_OWNED)
    found: Conflicts = []
    for entry in others:
        theirs = fields.intersection(entry["fieldsV1"], contested)
        found += [(entry, path) for path in fields.paths(theirs)]
    return sorted(found, key=lambda one: (_manager_words(one[0]), _order(one[1])))


def _refuse_conflicts(conflicts: Conflicts, own: list[Path], *, force: bool) -> None:
    """Raise those that neither force nor an earlier client-side apply answers for."""
    left = [(entry, path) for entry, path in conflicts if path not in own]
    if left and not force:
        raise ApplyConflict(left)


def _own_before(before: Manifest, manager: str) -> list[Path]:
    """What kubectl applied on the client's side, as its annotation tells, and is still so: it may change."""
    if manager != KUBECTL:
        return []
    text = (before["metadata"].get("annotations") or {}).get(LAST_APPLIED, "")
    try:
        last = json.loads(text)
    except ValueError:
        return []
    if not isinstance(last, dict) or last.get("apiVersion") != before["apiVersion"]:
        return []
    kind = before["kind"]
    changed = fields.union(fields.difference(kind, last, before), fields.removed(kind, last, before))
    return list(fields.paths(fields.subtract(fields.of_object(kind, last), changed)))


def _with_last_applied(merged: Manifest, applied: Manifest) -> Manifest:
    """The annotation of kubectl's client-side apply, if there is one, tells what has been applied now."""
    annotations = merged["metadata"].get("annotations") or {}
    if not annotations.get(LAST_APPLIED):
        return merged
    metadata = dict(applied["metadata"])
    if metadata.get("annotations") is not None:
        others = {key: value for key, value in metadata["annotations"].items() if key != LAST_APPLIED}
        metadata["annotations"] = others
    text = json.dumps(
        {**applied, "metadata": metadata}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    metadata = {**merged["metadata"], "annotations": {**annotations, LAST_APPLIED: f"{text}\n"}}
    return {**merged, "metadata": metadata}


def _before_first_apply(live: Manifest, now: datetime) -> list[Manifest]:
    """The entry of an object that nobody is known to have written, as the server makes one up."""
    return track_update(None, _owned_part(live, ""), "before-first-apply", now)["metadata"].get(
        "managedFields", []
    )


def _is_reset(metadata: Manifest) -> bool:
    """Whether a client throws the record away: an empty list, or one empty entry."""
    return metadata.get("managedFields") in ([], [{}])


def _order(path: Path) -> list[tuple[bool, str]]:
    """Sorts paths as sets are walked: at each level first what is a field itself, then what lies below."""
    return [(place < len(path) - 1, element) for place, element in enumerate(path)]


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
