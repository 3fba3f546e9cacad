"""Sets of fields of an object, in the form of FieldsV1, and typed merging of one object into another.

A set is a tree: `f:NAME` for a field, `k:{"port":80}` for an item of a list by its keys, `v:"x"` for a member
of a set. A node without children, or with the child ".", is itself in the set.
Source: structured-merge-diff v6 (fieldpath, typed).
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from svclab.kube.patch_types import KEY_DEFAULTS, PLAIN, FieldType, field_type

Json = Any
Manifest = dict[str, Any]
Fields = dict[str, Any]
Path = tuple[str, ...]

# Fields that Go's types always write, so that setting something below them does not add them.
_ALWAYS_WRITTEN = frozenset({"metadata", "spec", "status", "template", "strategy", "containers", "resources",
                             "loadBalancer"})  # fmt: skip


def of_object(kind: str, manifest: Manifest) -> Fields:
    """All fields that a configuration names."""
    return _of_value(FieldType(kind), manifest)


def _of_value(field: FieldType, value: Json) -> Fields:
    children = _children(field, value)
    found: Fields = {}
    for element, child_field, child in children:
        if child == [] and (child_field.map_keys or child_field.is_set):
            continue  # a list that merges is nothing without its items
        node = _of_value(child_field, child)
        if element.startswith("k:"):
            node = {".": {}, **node}
        found[element] = node
    return found


def nodes_of(kind: str, manifest: Manifest) -> Fields:
    """All fields of an object, and every map and list in which they stand."""
    return _with_inner_nodes(of_object(kind, manifest))


def _with_inner_nodes(found: Fields) -> Fields:
    return {element: {".": {}, **_with_inner_nodes(node)} if node else {} for element, node in found.items()}


def _children(field: FieldType, value: Json) -> list[tuple[str, FieldType, Json]]:
    """The separately owned parts of a value: none for a scalar and for what is owned whole."""
    if isinstance(value, dict) and not field.atomic:
        return [(f"f:{key}", field_type(field.type, key), child) for key, child in value.items()]
    if isinstance(value, list) and field.map_keys:
        return [(_item_key(field, item), FieldType(field.type), item) for item in value]
    if isinstance(value, list) and field.is_set:
        return [(f"v:{json.dumps(item)}", PLAIN, item) for item in value]
    return []


def element_of(field: FieldType, item: Json) -> str | None:
    """What an item of a list is known by; None in a list that is owned whole."""
    if field.map_keys:
        return _item_key(field, item)
    return f"v:{json.dumps(item)}" if field.is_set else None


def keys_of(field: FieldType, item: Manifest) -> dict[str, Json]:
    """The keys of an item and their values, with those that the API fills in."""
    keys = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in sorted(field.map_keys)}
    return {key: value for key, value in keys.items() if value is not None}


def _item_key(field: FieldType, item: Manifest) -> str:
    return "k:" + json.dumps(keys_of(field, item), separators=(",", ":"))


def merge(kind: str, live: Manifest, applied: Manifest) -> Manifest:
    """`applied` laid over `live`: lists by their keys, maps key by key, atomic values whole."""
    return _merge_value(FieldType(kind), deepcopy(live), applied)


def _merge_value(field: FieldType, live: Json, applied: Json) -> Json:
    if isinstance(live, dict) and not field.atomic and isinstance(applied, dict | None):
        for key, value in (applied or {}).items():
            live[key] = _merge_value(field_type(field.type, key), live.get(key), value)
        return live
    if isinstance(live, list) and (field.map_keys or field.is_set) and isinstance(applied, list | None):
        return _merge_items(field, live, applied or [])
    return deepcopy(applied)


def _merge_items(field: FieldType, live: list[Json], applied: list[Json]) -> list[Json]:
    """The items of both: in the order of `applied` what it names, and what only `live` has where it stood."""
    old = [(element_of(field, item), item) for item in live]
    new = {element_of(field, item): item for item in applied}
    first, names = dict(reversed(old)), list(new)
    shared = [element for element in names if element in first]  # still to come
    merged: list[Json] = []
    place = turn = 0
    while place < len(old) or turn < len(names):
        here, item = old[place] if place < len(old) else (None, None)
        if here is not None and here not in new:
            merged.append(item)
            place += 1
        elif turn == len(names) or (here is not None and here in shared[1:] and here != names[turn]):
            place += 1  # it has its place among what is applied
        else:
            name = names[turn]
            merged.append(_merge_value(FieldType(field.type), first.get(name), new[name]))
            place += here is not None and (here == name or here not in shared)
            turn += 1
            shared = shared[1:] if shared[:1] == [name] else shared
    return merged


def difference(kind: str, before: Manifest, after: Manifest) -> Fields:
    """Fields whose value in `after` is new or another than in `before`."""
    return _difference(FieldType(kind), before, after)


def _difference(field: FieldType, before: Json, after: Json) -> Fields:
    old = {element: (child_field, child) for element, child_field, child in _children(field, before)}
    found: Fields = {}
    for element, child_field, child in _children(field, after):
        known = old.get(element)
        if known is None:
            found[element] = _of_value(child_field, child)
            if element.startswith("k:"):
                found[element] = {".": {}, **found[element]}
        elif known[1] != child:
            nested = _difference(child_field, known[1], child)
            inner = _children(child_field, child) or _children(child_field, known[1])
            if nested or not inner:
                found[element] = nested
    return found


def removed(kind: str, before: Manifest, after: Manifest) -> Fields:
    """Fields of `before` that `after` no longer has, and the maps and lists that have gone with them."""
    return subtract(nodes_of(kind, before), nodes_of(kind, after))


def with_containers(kind: str, before: Manifest, after: Manifest, changed: Fields) -> Fields:
    """The changed fields, and the lists and maps themselves that are new: what an update comes to own."""
    return _with_containers(FieldType(kind), before, after, changed)


def _with_containers(field: FieldType, before: Json, after: Json, changed: Fields) -> Fields:
    old = {element: child for element, _, child in _children(field, before)}
    found: Fields = {}
    values = {element: (child_field, child) for element, child_field, child in _children(field, after)}
    for element, node in changed.items():
        if element not in values:
            found[element] = node
            continue
        child_field, child = values[element]
        nested = _with_containers(child_field, old.get(element), child, node)
        if nested and element not in old and element.removeprefix("f:") not in _ALWAYS_WRITTEN:
            nested = {".": {}, **nested}
        found[element] = nested
    return found


def prune(kind: str, merged: Manifest, last: Fields, managed: Fields) -> Manifest:
    """An object without what its applier named the last time and nobody manages any more.

    `managed` is what all managers name by now. With a map or a list goes what stands in it unmanaged, such
    as defaults.
    """
    last = _with_named_parents(last)
    there = _with_named_parents(of_object(kind, merged))
    rest = _with_named_parents(of_object(kind, _remaining(FieldType(kind), merged, last)))
    kept = union(rest, _with_named_parents(managed))
    rest = of_object(kind, _remaining(FieldType(kind), merged, subtract(there, kept)))
    gone = intersection(subtract(there, _with_named_parents(rest)), last)
    return _remaining(FieldType(kind), merged, gone)


def _with_named_parents(found: Fields) -> Fields:
    """The set and every map with a name in which a field of it stands, but not the items of lists."""
    return {
        element: {".": {}, **_with_named_parents(node)}
        if node and element.startswith("f:")
        else _with_named_parents(node)
        for element, node in found.items()
    }


def _remaining(field: FieldType, value: Json, unwanted: Fields) -> Json:
    """A value without some fields; None where nothing is left."""
    children = _children(field, value)
    if not children:
        return value
    left: list[tuple[str, Json]] = []
    for element, child_field, child in children:
        node = unwanted.get(element)
        if node is None:
            left.append((element, child))
        elif node and "." not in node:
            left.append((element, _remaining(child_field, child, node)))
    if isinstance(value, list):
        return [child for _, child in left] or None
    return {element.removeprefix("f:"): child for element, child in left} or None


def paths(found: Fields, prefix: Path = ()) -> Iterator[Path]:
    """Every field of a set, as a path."""
    for element, node in found.items():
        if element == ".":
            yield prefix
        elif node:
            yield from paths(node, (*prefix, element))
        else:
            yield (*prefix, element)


def union(left: Fields, right: Fields) -> Fields:
    """Fields of either set."""
    merged = dict(left)
    for element, node in right.items():
        if element == ".":
            merged[element] = {}
        elif element in merged:
            merged[element] = union(_explicit(merged[element]), _explicit(node))
            if set(merged[element]) == {"."} and not element.startswith("k:"):
                merged[element] = {}
        else:
            merged[element] = node
    return merged


def intersection(left: Fields, right: Fields) -> Fields:
    """Fields of both sets."""
    found: Fields = {}
    for element in left.keys() & right.keys():
        if element == ".":
            found["."] = {}
            continue
        mine, theirs = _explicit(left[element]), _explicit(right[element])
        both = intersection(mine, theirs)
        if set(both) == {"."}:
            both = {}
        elif not both:
            continue
        found[element] = both
    return found


def subtract(left: Fields, right: Fields) -> Fields:
    """Fields of `left` that are not in `right`."""
    found: Fields = {}
    for element, node in left.items():
        if element not in right:
            found[element] = node
            continue
        if element == ".":
            continue
        rest = subtract(_explicit(node), _explicit(right[element]))
        if rest:
            found[element] = {} if set(rest) == {"."} and not element.startswith("k:") else rest
    return found


def without_path(found: Fields, path: Path) -> Fields:
    """The set without one path and everything below it."""
    head, *rest = path
    if head not in found:
        return found
    others = {element: node for element, node in found.items() if element != head}
    if not rest:
        return others
    below = without_path(found[head], tuple(rest))
    return {**others, head: below} if below else others


def are_fields(value: Json) -> bool:
    """Whether a value that a client wrote has the form of a set."""
    if not isinstance(value, dict):
        return False
    return all((key == "." or key[:2] in ("f:", "v:", "i:") or _is_keys(key)) and are_fields(child)
               for key, child in value.items())  # fmt: skip


def _is_keys(element: str) -> bool:
    if element[:2] != "k:":
        return False
    try:
        return isinstance(json.loads(element[2:]), dict)
    except ValueError:
        return False


def path_text(path: Path) -> str:
    """`.spec.ports[port=80,protocol="TCP"].name`, as conflicts name a field."""
    return "".join(_element_text(element) for element in path)


def _element_text(element: str) -> str:
    form, _, rest = element.partition(":")
    if form == "f":
        return f".{rest}"
    if form == "v":
        return f"[={rest}]"
    return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items()) + "]"


def _explicit(node: Fields) -> Fields:
    """A node with "." written out where it stands for itself."""
    return node or {".": {}}
