"""Reads a cluster's objects from a file: a recording, a Kubernetes List, or manifests in YAML as kubectl
prints them.

What is read is checked for the shape that the engine relies on, so that a bad file is refused here, in one
line.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from svclab.cluster.shapes import NAME, WrongShape, check, check_manifest, described
from svclab.kube.snapshot import Manifest, Snapshot

CLUSTER_SCOPED = {"Node", "Namespace", "IngressClass", "PersistentVolume", "ServiceCIDR"}
LARGEST_BYTES = 256 * 1024 * 1024
DEEPEST = 100  # levels of nesting; no Kubernetes object comes near
MOST_ALIASED = 10_000  # nodes that aliases stand for


class BadFile(Exception):
    """What is wrong with a file, in one line for the person who gave it."""


def read_text(name: str) -> str:
    """The text of a file, or of standard input for "-". Raises BadFile."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(LARGEST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise BadFile(f"{name}: {error.strerror or error}") from None
    if len(data) > LARGEST_BYTES:
        raise BadFile(f"{name}: larger than {LARGEST_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(f"{name}: not UTF-8 text (byte {error.start})") from None


def read_cluster(name: str) -> Snapshot:
    """The objects in a file ("-": standard input). Raises BadFile."""
    text = read_text(name)
    try:
        return Snapshot.of(manifests(parse(text)))
    except BadFile as error:
        raise BadFile(f"{name}: {error}") from None


def parse(text: str) -> list[Any]:
    """The documents of a text: those of JSON, one after the other, or of YAML, empty ones left out. Raises
    BadFile.
    """
    json_error = None
    if text.lstrip().startswith(("{", "[")):
        try:
            return list(_json_documents(text.strip()))
        except (ValueError, RecursionError) as error:
            json_error = error
    try:
        _check_bounds(text)
        return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    except (yaml.YAMLError, ValueError) as error:
        raise BadFile(_where(json_error or error)) from None


def _json_documents(text: str) -> Iterator[Any]:
    """What `kubectl get -o json` prints, once or several times."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        document, end = decoder.raw_decode(text, at)
        yield document
        at = len(text) - len(text[end:].lstrip())


def manifests(documents: list[Any]) -> list[Manifest]:
    """Every object in the documents, Lists taken apart, in the order of the file. Raises BadFile."""
    found: list[Manifest] = []
    for document in documents:
        for manifest in _items(document):
            found.append(_checked(manifest))
    if not found:
        raise BadFile("there is no object in it")
    return found


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):
    """Plain data only, and times stay text as in Kubernetes."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _check_bounds(text: str) -> None:
    """Raises BadFile for nesting that libyaml would follow until its stack overflows, taking Python with
    it, and for aliases that stand for more than a reader could hold.
    """
    open_nodes: list[tuple[str | None, int]] = []  # (anchor, nodes before it)
    sizes: dict[str, int] = {}  # nodes under each anchor whose node is closed
    nodes = aliased = 0
    for event in yaml.parse(text, Loader=_Loader):
        match event:
            case yaml.AliasEvent():
                if event.anchor not in sizes:
                    raise BadFile(f"line {event.start_mark.line + 1}: unknown anchor {event.anchor!r}")
                nodes += sizes[event.anchor]
                aliased += sizes[event.anchor]
                if aliased > MOST_ALIASED:
                    raise BadFile(f"line {event.start_mark.line + 1}: aliases stand for too much")
            case yaml.CollectionStartEvent():
                open_nodes.append((event.anchor, nodes))
                nodes += 1
                if len(open_nodes) > DEEPEST:
                    raise BadFile(f"line {event.start_mark.line + 1}: nested too deeply")
            case yaml.CollectionEndEvent():
                anchor, before = open_nodes.pop()
                if anchor:
                    sizes[anchor] = nodes - before
            case yaml.ScalarEvent():
                nodes += 1
                if event.anchor:
                    sizes[event.anchor] = 1


def _where(error: Exception) -> str:
    """A parser's complaint in one line."""
    match error:
        case yaml.MarkedYAMLError() if error.problem_mark:
            return f"line {error.problem_mark.line + 1}: {error.problem}"
        case json.JSONDecodeError():
            return f"line {error.lineno}: {error.msg}"
        case RecursionError():
            return "nested too deeply"
        case _:
            return " ".join(str(error).split())


def _items(document: Any) -> list[Any]:
    """The objects of one document: a recording's, a List's, an array's, or the document itself."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        raise BadFile(f"expected Kubernetes objects, found {described(document)}")
    if "kind" not in document and "objects" in document:
        return _list(document["objects"], "objects")
    kind = document.get("kind")
    if "items" in document and isinstance(kind, str) and kind.endswith("List"):
        known = {"apiVersion": document.get("apiVersion"), "kind": kind.removesuffix("List")}
        items = _list(document["items"], "items")
        # The API leaves apiVersion and kind out of the items of a typed list such as ServiceList.
        return [known | item if isinstance(item, dict) and known["kind"] else item for item in items]
    return [document]


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadFile(f"{name} must be a list, not {described(value)}")
    return value


def _checked(manifest: Any) -> Manifest:
    """The object with its namespace filled in. Raises BadFile if the engine could not read it."""
    if not isinstance(manifest, dict):
        raise BadFile(f"expected a Kubernetes object, found {described(manifest)}")
    manifest = _without_nulls(manifest)
    kind, metadata = manifest.get("kind"), manifest.get("metadata")
    if not isinstance(kind, str) or not kind:
        raise BadFile("an object has no kind")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise BadFile(f"a {kind} has no metadata.name")
    try:
        check(metadata, {"name": NAME, "namespace": NAME}, "metadata", kind)
        if kind in CLUSTER_SCOPED:
            about = f"{kind} {metadata['name']}"
        else:
            metadata["namespace"] = metadata.get("namespace") or "default"
            about = f"{kind} {metadata['namespace']}/{metadata['name']}"
        check_manifest(manifest, about)
    except WrongShape as error:
        raise BadFile(str(error)) from None
    return manifest


def _without_nulls(value: Any) -> Any:
    """The same, copied, without keys whose value is null: to the API they are absent."""
    if isinstance(value, dict):
        return {str(key): _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
