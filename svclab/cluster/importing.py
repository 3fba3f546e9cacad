"""Reads a cluster's objects from a file: a recording, a Kubernetes List, or manifests in YAML as kubectl
prints them.

What is read is checked for the shape that the engine relies on, so that a bad file is refused here, in one
line.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from svclab.kube.snapshot import Manifest, Snapshot

CLUSTER_SCOPED = {"Node", "Namespace", "IngressClass", "PersistentVolume", "ServiceCIDR"}
LARGEST_BYTES = 256 * 1024 * 1024
DEEPEST = 100  # levels of nesting; no Kubernetes object comes near

# What the engine reads of each kind. A "!" after a key: it must be there. None counts as absent everywhere
# else.
_STRINGS = [str]
_LABELS = {"*": str}
_PORT = range(65536)
_PROTOCOL = ("TCP", "UDP", "SCTP")
_NAME = re.compile(r"[A-Za-z0-9._:-]*")
SHAPES: dict[str, dict] = {
    "Node": {
        "spec": {"podCIDR": str, "podCIDRs": _STRINGS},
        "status": {"addresses": [{"type!": str, "address!": str}]},
    },
    "Service": {
        "spec": {
            "type": str,
            "clusterIP": str,
            "clusterIPs": _STRINGS,
            "externalName": str,
            "externalIPs": _STRINGS,
            "externalTrafficPolicy": str,
            "internalTrafficPolicy": str,
            "healthCheckNodePort": _PORT,
            "loadBalancerSourceRanges": _STRINGS,
            "publishNotReadyAddresses": bool,
            "selector": _LABELS,
            "sessionAffinity": str,
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": int}},
            "ports": [{"name": _NAME, "protocol": _PROTOCOL, "port!": _PORT, "nodePort": _PORT}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": str, "hostname": str, "ipMode": str}]}},
    },
    "EndpointSlice": {
        "addressType": str,
        "ports": [{"name": _NAME, "protocol": _PROTOCOL, "port": _PORT}],
        "endpoints": [
            {
                "addresses!": _STRINGS,
                "conditions": {"ready": bool, "serving": bool, "terminating": bool},
                "hostname": str,
                "nodeName": str,
                "targetRef": {"kind": str, "namespace": str, "name": str},
                "hints": {"forZones": [{"name!": str}], "forNodes": [{"name!": str}]},
            }
        ],
    },
    "Pod": {
        "spec": {
            "nodeName": str,
            "hostname": str,
            "subdomain": str,
            "hostNetwork": bool,
            "dnsPolicy": str,
            "dnsConfig": {
                "nameservers": _STRINGS,
                "searches": _STRINGS,
                "options": [{"name!": str, "value": str}],
            },
            "containers": [{"name": str, "image": str, "ports": [{"name": _NAME, "containerPort!": _PORT}]}],
        },
        "status": {"phase": str, "podIP": str, "hostIP": str, "podIPs": [{"ip": str}]},
    },
}
WORDS = {str: "text", int: "a whole number", bool: "true or false"}


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
    """The documents of a text: one if it is JSON, else those of YAML, empty ones left out. Raises BadFile."""
    json_error = None
    if text.lstrip().startswith(("{", "[")):
        try:
            return [json.loads(text)]
        except (ValueError, RecursionError) as error:
            json_error = error
    try:
        _check_depth(text)
        return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    except (yaml.YAMLError, ValueError) as error:
        raise BadFile(_where(json_error or error)) from None


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


def _check_depth(text: str) -> None:
    """Raises BadFile for nesting that libyaml would follow until its stack overflows, taking Python with
    it.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise BadFile(f"line {event.start_mark.line + 1}: nested too deeply")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


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
        raise BadFile(f"expected Kubernetes objects, found {_kind_of(document)}")
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
        raise BadFile(f"{name} must be a list, not {_kind_of(value)}")
    return value


def _checked(manifest: Any) -> Manifest:
    """The object with its namespace filled in. Raises BadFile if the engine could not read it."""
    if not isinstance(manifest, dict):
        raise BadFile(f"expected a Kubernetes object, found {_kind_of(manifest)}")
    kind, metadata = manifest.get("kind"), manifest.get("metadata")
    if not isinstance(kind, str) or not kind:
        raise BadFile("an object has no kind")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise BadFile(f"a {kind} has no metadata.name")
    _check(metadata, {"name": _NAME, "namespace": _NAME}, "metadata", kind)
    namespace = metadata.get("namespace")
    if kind in CLUSTER_SCOPED:
        about = f"{kind} {metadata['name']}"
    else:
        metadata = metadata | {"namespace": namespace or "default"}
        manifest = manifest | {"metadata": metadata}
        about = f"{kind} {metadata['namespace']}/{metadata['name']}"
    _check(
        manifest, {"metadata": {"labels": _LABELS, "annotations": _LABELS}} | SHAPES.get(kind, {}), "", about
    )
    return manifest


def _check(value: Any, shape: Any, path: str, about: str) -> None:
    """Raises BadFile where `value` does not have the shape."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise BadFile(f"{about}: {path} must be an object, not {_kind_of(value)}")
        for key, inner in _fields(value, shape):
            required = key.endswith("!")
            key = key.removesuffix("!")
            here = f"{path}.{key}".lstrip(".")
            if value.get(key) is not None:
                _check(value[key], inner, here, about)
            elif required:
                raise BadFile(f"{about}: {here} is missing")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise BadFile(f"{about}: {path} must be a list, not {_kind_of(value)}")
        for index, item in enumerate(value):
            _check(item, shape[0], f"{path}[{index}]", about)
    elif not _fits(value, shape):
        raise BadFile(f"{about}: {path} must be {_wanted(shape)}, not {_kind_of(value)}")


def _fits(value: Any, shape: Any) -> bool:
    """Is this the kind of text or number that is wanted?"""
    match shape:
        case range() | tuple():
            return not isinstance(value, bool | float) and value in shape
        case re.Pattern():
            return isinstance(value, str) and bool(shape.fullmatch(value))
        case _:
            return isinstance(value, shape) and (shape is bool or not isinstance(value, bool))


def _wanted(shape: Any) -> str:
    match shape:
        case range():
            return f"a number from {shape.start} to {shape.stop - 1}"
        case tuple():
            return f"one of {', '.join(shape)}"
        case re.Pattern():
            return "a name"
        case _:
            return WORDS[shape]


def _fields(value: dict, shape: dict) -> list[tuple[str, Any]]:
    """The keys to look at: those of the shape, or all of a map of free keys."""
    return [(str(key), shape["*"]) for key in value] if "*" in shape else list(shape.items())


def _kind_of(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case str():
            return f'"{value[:40]}"'
        case int() | float():
            return str(value)
        case list():
            return "a list"
        case _:
            return "an object"
