"""The patch that `kubectl apply` sends: what changed between the last applied, the new and the live object.

Source: apimachinery strategicpatch.CreateThreeWayMergePatch. The result is a strategic merge patch.
"""

from typing import Any

from svclab.kube.patch_types import FieldType, field_type

Json = Any
Manifest = dict[str, Any]


def three_way_patch(kind: str, original: Manifest, modified: Manifest, current: Manifest) -> Manifest:
    """Additions and changes of `modified` against `current`, deletions of `modified` against `original`."""
    changes = _changes(FieldType(kind), current, modified)
    deletions = _deletions(FieldType(kind), original, modified)
    return _joined(deletions, changes)


def _changes(field: FieldType, current: Manifest, modified: Manifest) -> Manifest:
    """What must be set so that everything in `modified` holds; nothing is deleted."""
    patch: Manifest = {}
    for key, wanted in modified.items():
        child = field_type(field.type, key)
        present = current.get(key)
        if key not in current:
            if wanted is not None:
                patch[key] = wanted
        elif isinstance(wanted, dict) and isinstance(present, dict):
            below = _changes(child, present, wanted)
            if child.retain_keys:
                _retain(below, present, wanted)
            if below:
                patch[key] = below
        elif isinstance(wanted, list) and isinstance(present, list):
            _list_changes(child, key, present, wanted, patch)
        elif wanted != present:
            patch[key] = wanted
    return patch


def _retain(patch: Manifest, present: Manifest, wanted: Manifest) -> None:
    """Where only the wanted keys may stay, others in the live object are a change by themselves."""
    kept = [key for key, value in wanted.items() if value is not None]
    if kept and (patch or any(value is not None and key not in wanted for key, value in present.items())):
        patch["$retainKeys"] = sorted(kept)


def _list_changes(field: FieldType, key: str, present: list, wanted: list, patch: Manifest) -> None:
    if field.is_set:
        added = [value for value in wanted if value not in present]
        if added:
            patch[key] = added
            patch[f"$setElementOrder/{key}"] = wanted
    elif field.merge_key:
        items = _item_changes(field, present, wanted)
        if items or _order(field, present, wanted) != [item.get(field.merge_key) for item in wanted]:
            patch[f"$setElementOrder/{key}"] = [
                {field.merge_key: item.get(field.merge_key)} for item in wanted
            ]
        if items:
            patch[key] = items
    elif wanted != present:
        patch[key] = wanted


def _order(field: FieldType, present: list, wanted: list) -> list:
    names = [item.get(field.merge_key) for item in wanted]
    return [item.get(field.merge_key) for item in present if item.get(field.merge_key) in names]


def _item_changes(field: FieldType, present: list, wanted: list) -> list[Manifest]:
    known = {item.get(field.merge_key): item for item in present}
    found = []
    for item in wanted:
        name = item.get(field.merge_key)
        if name not in known:
            found.append(item)
            continue
        below = _changes(FieldType(field.type), known[name], item)
        if field.retain_keys:
            _retain(below, known[name], item)
        if below:
            found.append({**below, field.merge_key: name})
    return found


def _deletions(field: FieldType, original: Manifest, modified: Manifest) -> Manifest:
    """Nulls and delete directives for what `original` had and `modified` has not."""
    patch: Manifest = {}
    for key, had in original.items():
        child = field_type(field.type, key)
        if key not in modified or modified[key] is None:
            if had is not None:
                patch[key] = None
        elif isinstance(had, dict) and isinstance(modified[key], dict):
            below = _deletions(child, had, modified[key])
            if below:
                patch[key] = below
        elif isinstance(had, list) and isinstance(modified[key], list):
            _list_deletions(child, key, had, modified[key], patch)
    return patch


def _list_deletions(field: FieldType, key: str, had: list, wanted: list, patch: Manifest) -> None:
    if field.is_set:
        gone = [value for value in had if value not in wanted]
        if gone:
            patch[f"$deleteFromPrimitiveList/{key}"] = gone
    elif field.merge_key:
        known = {item.get(field.merge_key): item for item in wanted}
        items = []
        for item in had:
            name = item.get(field.merge_key)
            if name not in known:
                items.append({"$patch": "delete", field.merge_key: name})
                continue
            below = _deletions(FieldType(field.type), item, known[name])
            if below:
                items.append({**below, field.merge_key: name})
        if items:
            patch[key] = items
            patch[f"$setElementOrder/{key}"] = [
                {field.merge_key: item.get(field.merge_key)} for item in wanted
            ]


def _joined(left: Json, right: Json) -> Json:
    """Two patches as one: the right one's values win, lists of items join by being put together."""
    merged = dict(left)
    for key, value in right.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _joined(merged[key], value)
        elif isinstance(value, list) and isinstance(merged.get(key), list) and not key.startswith("$"):
            merged[key] = _joined_items(merged[key], value)
        else:
            merged[key] = value
    return merged


def _joined_items(left: list, right: list) -> list:
    if not all(isinstance(item, dict) for item in (*left, *right)):
        return right
    result = list(left)
    for item in right:
        twin = next((i for i, other in enumerate(result) if _same_item(other, item)), None)
        if twin is None:
            result.append(item)
        else:
            result[twin] = _joined(result[twin], item)
    return result


def _same_item(left: Manifest, right: Manifest) -> bool:
    return any(
        left.get(key) == right.get(key) is not None for key in ("name", "port", "containerPort", "mountPath")
    )
