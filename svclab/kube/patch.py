"""The three patch formats of the API: JSON patch, JSON merge patch and strategic merge patch.

Sources: RFC 6902, RFC 7386, apimachinery pkg/util/strategicpatch. All functions leave their arguments alone.
"""

import re
from copy import deepcopy
from typing import Any

from svclab.kube.patch_types import FieldType, field_type
from svclab.kube.unstructured import go_map

Json = Any
Manifest = dict[str, Any]

_ORDER = "$setElementOrder/"
_DELETE_VALUES = "$deleteFromPrimitiveList/"
_MISSING = object()


class PatchError(ValueError):
    """A patch that cannot be applied to this object; the message says why."""


class PatchFormatError(PatchError):
    """A directive of a strategic merge patch that has not the form it must have."""


class ListOfLists(PatchError):
    """A strategic merge patch would merge lists that hold lists."""


# JSON patch


def json_patch(original: Json, operations: list[Manifest]) -> Json:
    """The document after these RFC 6902 operations.

    Raises PatchError when a path does not exist or a test fails; the API server answers that with
    "the server rejected our request due to an error in our request".
    """
    document = deepcopy(original)
    for operation in operations:
        document = _apply_operation(document, operation)
    return document


def _apply_operation(document: Json, operation: Manifest) -> Json:
    verb, path = operation.get("op"), _pointer(operation.get("path"))
    match verb:
        case "add":
            return _add(document, path, deepcopy(operation.get("value")))
        case "remove":
            return _remove(document, path)
        case "replace":
            _get(document, path)
            return _replace(document, path, deepcopy(operation.get("value")))
        case "test":
            if _get(document, path, missing=None) != operation.get("value"):
                raise PatchError(f"testing value {operation.get('path')} failed")
            return document
        case "move":
            source = _pointer(operation.get("from"))
            moved = _get(document, source)
            return _add(_remove(document, source), path, moved)
        case "copy":
            return _add(document, path, deepcopy(_get(document, _pointer(operation.get("from")))))
    raise PatchError(f"unexpected kind: {verb}")


def _pointer(path: Any) -> list[str]:
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise PatchError(f"invalid path: {path}")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _get(document: Json, path: list[str], missing: Json = _MISSING) -> Json:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and (index := _index(part, len(document))) is not None:
            document = document[index]
        elif missing is not _MISSING:
            return missing
        else:
            raise PatchError(f"missing path: {part}")
    return document


def _index(part: str, length: int) -> int | None:
    """A place in a list of this length; -1 is the last one, as in evanphx/json-patch."""
    if not re.fullmatch(r"[-+]?[0-9]+", part) or not -length <= (index := int(part)) < length:
        return None
    return index % length


def _parent(document: Json, path: list[str]) -> Json:
    return _get(document, path[:-1])


def _add(document: Json, path: list[str], value: Json) -> Json:
    if not path:
        return value
    parent, last = _parent(document, path), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and last == "-":
        parent.append(value)
    elif isinstance(parent, list) and (index := _index(last, len(parent) + 1)) is not None:
        parent.insert(index, value)
    else:
        raise PatchError(f"cannot add at {last}")
    return document


def _remove(document: Json, path: list[str]) -> Json:
    if not path:
        return None
    _get(document, path)
    parent = _parent(document, path)
    del parent[int(path[-1]) if isinstance(parent, list) else path[-1]]
    return document


def _replace(document: Json, path: list[str], value: Json) -> Json:
    if not path:
        return value
    parent = _parent(document, path)
    parent[int(path[-1]) if isinstance(parent, list) else path[-1]] = value
    return document


# JSON merge patch


def merge_patch(original: Json, patch: Json) -> Json:
    """The document after an RFC 7386 patch: objects merge, null deletes, everything else replaces."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    merged = dict(original) if isinstance(original, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


# Strategic merge patch


def strategic_merge(kind: str, original: Manifest, patch: Manifest) -> Manifest:
    """An object of a kind after a strategic merge patch.

    Lists merge by the keys of patch_types. Directives: `$patch` (replace, delete, merge), `$retainKeys`,
    `$setElementOrder/LIST`, `$deleteFromPrimitiveList/LIST`. Raises PatchError for a patch item without its
    merge key or a directive that is not one.
    """
    return _merge_map(kind, original, patch)


def _merge_map(type_name: str, original: Manifest, patch: Manifest) -> Manifest:
    directive = patch.get("$patch")
    if directive == "replace":
        return _without_directives({k: v for k, v in patch.items() if k != "$patch"})
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchError(f"Unknown patch type found: {directive} in map")
    merged = _retained(original, patch)
    for key, value in patch.items():
        if not key.startswith("$"):
            _merge_key(type_name, merged, key, value, patch)
    for key, values in patch.items():
        if key.startswith(_DELETE_VALUES):
            _delete_values(merged, key.removeprefix(_DELETE_VALUES), values)
    for key, order in patch.items():
        if key.startswith(_ORDER):
            if not isinstance(order, list):
                raise PatchFormatError("invalid patch format of setElementOrder list")
            _reorder(type_name, merged, key.removeprefix(_ORDER), order, original)
    return merged


def _retained(original: Manifest, patch: Manifest) -> Manifest:
    if "$retainKeys" not in patch:
        return dict(original)
    retain = patch["$retainKeys"]
    named = [key for key in patch if not key.startswith("$")]
    if not isinstance(retain, list) or any(key not in retain for key in named):
        raise PatchFormatError("invalid patch format of retainKeys")
    return {key: value for key, value in original.items() if key in retain}


def _merge_key(type_name: str, merged: Manifest, key: str, value: Json, patch: Manifest) -> None:
    field = field_type(type_name, key)
    if value is None:
        merged.pop(key, None)
    elif isinstance(value, dict):
        before = merged.get(key)
        merged[key] = _merge_map(field.type, before if isinstance(before, dict) else {}, value)
        if value.get("$patch") == "delete":
            del merged[key]
    elif isinstance(value, list) and _is_mergeable(field):
        before = merged.get(key)
        explicit = patch.get(_ORDER + key)
        merged[key] = _merge_list(field, before if isinstance(before, list) else [], value, explicit)
    else:
        merged[key] = _without_directives(value)


def _is_mergeable(field: FieldType) -> bool:
    return bool(field.merge_key) or field.is_set


def _merge_list(field: FieldType, original: list, patch: list, explicit_order: list | None) -> list:
    _check_elements([*original, *patch])
    _check_order(field.merge_key, patch, explicit_order)
    if field.is_set and not any(isinstance(value, dict) for value in patch):
        merged = original + [value for value in patch if value not in original]
        return _in_order(merged, explicit_order or patch, original, "")
    key = field.merge_key
    if any(item.get("$patch") == "replace" for item in patch):
        return [_without_directives(item) for item in patch if item.get("$patch") != "replace"]
    merged = list(original)
    for item in patch:
        _merge_item(field, merged, item)
    order = explicit_order or [item for item in patch if item.get("$patch") != "delete"]
    return _in_order(merged, order, original, key)


def _check_elements(items: list) -> None:
    """What is merged must be of one type, and not lists. Raises PatchError."""
    if any(isinstance(item, list) for item in items):
        raise ListOfLists("lists of lists are not supported")
    if len({type(item) for item in items}) > 1:
        raise PatchError("list element types are not identical")


def _check_order(key: str, patch: list, explicit_order: list | None) -> None:
    """What a patch sets must stand in the order that it tells. Raises PatchError."""
    if not explicit_order or not isinstance(explicit_order, list):
        return
    named = [item for item in patch if not (isinstance(item, dict) and "$patch" in item)]
    told = iter([item.get(key) if isinstance(item, dict) else item for item in explicit_order])
    if not all((item.get(key) if isinstance(item, dict) else item) in told for item in named):
        shown, order = go_map(patch), go_map(explicit_order)
        raise PatchError(
            f"The order in patch list:\n{shown}\n doesn't match $setElementOrder list:\n{order}\n"
        )


def _merge_item(field: FieldType, merged: list, item: Manifest) -> None:
    key = field.merge_key
    if key not in item:
        raise PatchError(f"map: {go_map(item)} does not contain declared merge key: {key}")
    found = next((index for index, old in enumerate(merged) if old.get(key) == item[key]), None)
    if item.get("$patch") == "delete":
        merged[:] = [old for old in merged if old.get(key) != item[key]]
    elif found is None:
        merged.append(_merge_map(field.type, {}, item))
    else:
        merged[found] = _merge_map(field.type, merged[found], item)


def _delete_values(merged: Manifest, key: str, values: Json) -> None:
    if isinstance(merged.get(key), list) and isinstance(values, list):
        merged[key] = [value for value in merged[key] if value not in values]


def _reorder(type_name: str, merged: Manifest, key: str, order: list, original: Manifest) -> None:
    if isinstance(merged.get(key), list):
        server_order = original.get(key) if isinstance(original.get(key), list) else []
        merged[key] = _in_order(merged[key], order, server_order, field_type(type_name, key).merge_key)


def _in_order(items: list, patch_order: list, server_order: list, key: str) -> list:
    """Items named by the patch in its order, the others in the server's, merged as strategicpatch does.

    What the server did not know comes before what it keeps.
    """

    def identity(item: Json) -> Json:
        return item.get(key) if key and isinstance(item, dict) else item

    def place(item: Json, order: list) -> int:
        wanted = identity(item)
        return next((index for index, other in enumerate(order) if identity(other) == wanted), -1)

    patched = sorted((i for i in items if place(i, patch_order) >= 0), key=lambda i: place(i, patch_order))
    kept = sorted((i for i in items if place(i, patch_order) < 0), key=lambda i: place(i, server_order))
    result = []
    while kept and patched:
        left, right = place(kept[0], server_order), place(patched[0], server_order)
        result.append((kept if 0 <= left < right else patched).pop(0))
    return result + kept + patched


def _without_directives(value: Json) -> Json:
    if isinstance(value, dict):
        kept = {key: child for key, child in value.items() if not key.startswith("$") and child is not None}
        return {key: _without_directives(child) for key, child in kept.items()}
    if isinstance(value, list):
        return [_without_directives(child) for child in value if not _is_deletion(child)]
    return value


def _is_deletion(item: Json) -> bool:
    return isinstance(item, dict) and item.get("$patch") == "delete"
