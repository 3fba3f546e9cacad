"""`kubectl wait`, and waiting until deleted objects are gone; time is the cluster's."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from svclab.kube import jsonpath
from svclab.kube.jsonpath import JsonPathError
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import Target, expand, file_objects, named_files, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.go_template import printed
from svclab.terminal.commands.kubectl.verbs import verb
from svclab.terminal.commands.kubectl.writing import report

Manifest = dict[str, Any]
Condition = Callable[[Manifest], bool]

_FLAGS = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.SELECTOR,
    verbs.FIELD_SELECTOR,
    verbs.ALL,
    verbs.ALL_NAMESPACES,
    verbs.OUTPUT,
    verbs.TEMPLATE,
    verbs.ALLOW_MISSING,
    verbs.SHOW_MANAGED_FIELDS,
    Flag("for", "array", help="delete, create, condition=NAME[=VALUE] or jsonpath='{PATH}'[=VALUE]"),
    Flag("timeout", "duration", default=30.0, help="how long to wait; 0 looks once, less waits a week"),
    Flag("local", "bool", help="only look at what is read from files"),
)


@verb(
    "wait",
    flags=_FLAGS,
    usage="wait ([-f FILENAME] | TYPE [(-l label | --all)] | TYPE/NAME) --for=... [options]",
    summary="Wait for a specific condition of one or many objects",
    examples=(
        "kubectl wait --for=condition=ready pod --all --timeout=60s",
        "kubectl wait --for=delete pod/web",
    ),
)
def wait(client: Client, flags: Parsed) -> int:
    """Wait for conditions."""
    meaning = flags["for"][-1] if flags["for"] else ""
    kind, is_met = _meaning(meaning)
    found = _targets(client, flags)
    seconds = flags["timeout"] if flags["timeout"] >= 0 else 7 * 24 * 3600.0
    if kind == "create":
        return _wait_for_creation(client, flags, seconds)
    found = expand(client, found, selector=flags["selector"], fields=flags["field-selector"])
    if kind == "delete":
        return _wait_for_deletion(client, found, seconds)
    if not found:
        raise KubectlError("no matching resources found")
    errors: list[Exception] = []
    until = client.context.now() + timedelta(seconds=seconds)
    for target in found:
        try:
            live = client.get(target.path)
            if seconds == 0 and not is_met(live):
                raise KubectlError(f"condition not met for {target.resource.plural}/{target.name}")
            if seconds:
                _wait_for(client, target, is_met, until)
            report(client, target, live, "condition met")
        except KubectlError as problem:
            errors.append(problem)
    raise_all(errors)
    return 0


def _targets(client: Client, flags: Parsed) -> list[Target]:
    if named_files(flags):
        found = [f.target for f in file_objects(client, flags["filename"], recursive=flags["recursive"])]
        if not all(target.name for target in found):
            raise KubectlError("resource name must be provided")
        return found
    found = targets(client, flags.args, selecting=bool(flags["selector"] or flags["field-selector"]))
    if flags["all-namespaces"]:
        found = [Target(target.resource, "", target.name) for target in found]
    named = all(target.name for target in found)
    if not named and not (flags["all"] or flags["selector"] or flags["field-selector"]):
        raise KubectlError("resource(s) were provided, but no name was specified")
    return found


def _meaning(text: str) -> tuple[str, Condition]:
    word = text.lower()
    if word in ("delete", "create"):
        return word, lambda manifest: True
    if word.startswith("condition="):
        name, _, value = text[len("condition=") :].partition("=")
        return "condition", _condition(name, value or "true")
    if word.startswith("jsonpath="):
        return "jsonpath", _jsonpath(text[len("jsonpath=") :])
    raise KubectlError(f'unrecognized condition: "{text}"')


def _condition(name: str, value: str) -> Condition:
    def is_met(manifest: Manifest) -> bool:
        status = manifest.get("status") or {}
        observed = status.get("observedGeneration")
        if observed is not None and observed < manifest["metadata"].get("generation", 0):
            return False
        conditions = status.get("conditions") or []
        return any(
            found.get("type", "").lower() == name.lower() and found.get("status", "").lower() == value.lower()
            for found in conditions
        )

    return is_met


def _jsonpath(text: str) -> Condition:
    shape = re.fullmatch(r"(\{.*?\})(?:=(.*))?", text) or re.fullmatch(r"([^={}]+)(?:=(.*))?", text)
    path, value = (shape[1], shape[2]) if shape else (text, None)
    if value and value.startswith("="):
        path = text  # an equality of another language is no path
    if not path:
        raise KubectlError("jsonpath expression cannot be empty")
    if value == "":
        raise KubectlError(
            "jsonpath wait has to have a value after equal sign, like "
            "--for=jsonpath='{.status.readyReplicas}'=3"
        )
    if value is not None:
        value = value.strip("'\"")
    try:
        jsonpath.parse(jsonpath.relaxed(path))
    except JsonPathError as problem:
        raise KubectlError(str(problem)) from None

    def is_met(manifest: Manifest) -> bool:
        try:
            found = jsonpath.find(path, manifest)
        except JsonPathError:
            return False
        if len(found) > 1:
            raise KubectlError("given jsonpath expression matches more than one value")
        if not found:
            return False
        if isinstance(found[0], dict | list) and value is not None:
            raise KubectlError("jsonpath leads to a nested object or list which is not supported")
        return value is None or printed(found[0]) == value

    return is_met


def _timed_out(target: Target) -> KubectlError:
    return KubectlError(f"timed out waiting for the condition on {target.resource.plural}/{target.name}")


def _wait_for(client: Client, target: Target, is_met: Condition, until: Any) -> None:
    """Look, then watch one object. Raises KubectlError when time is over or the object is deleted.

    The time is one for all objects: what is looked at after its end is not even looked at.
    """
    if client.context.now() > until:
        raise _timed_out(target)
    by_name = [("fieldSelector", f"metadata.name={target.name}")]
    listed = client.get(
        target.resource.path(target.namespace), [*by_name, ("limit", "500"), ("resourceVersion", "0")]
    )
    items = listed.get("items") or []
    if items and is_met(items[0]):
        return
    seconds = max((until - client.context.now()).total_seconds(), 0)
    version = listed["metadata"].get("resourceVersion", "")
    query = [("allowWatchBookmarks", "true"), *by_name, ("resourceVersion", version)]
    for event in client.watch(target.resource.path(target.namespace), query, seconds=seconds):
        if event["type"] in ("ADDED", "MODIFIED") and is_met(event["object"]):
            return
    raise _timed_out(target)


def _wait_for_deletion(client: Client, found: list[Target], seconds: float) -> int:
    errors: list[Exception] = []
    until = client.context.now() + timedelta(seconds=seconds)
    for target in found:
        try:
            if client.find(target.path) is None:
                continue
            if seconds == 0:
                raise KubectlError(f"condition not met for {target.resource.plural}/{target.name}")
            _watch_until_gone(client, target, "", max((until - client.context.now()).total_seconds(), 0))
            client.print(f"{target.printed} condition met")
        except KubectlError as problem:
            errors.append(problem)
    raise_all(errors)
    return 0


def _wait_for_creation(client: Client, flags: Parsed, seconds: float) -> int:
    until = client.context.now() + timedelta(seconds=seconds)
    while True:
        found = expand(
            client, _targets(client, flags), selector=flags["selector"], fields=flags["field-selector"]
        )
        if found and all(client.find(target.path) is not None for target in found):
            for target in found:
                client.print(f"{target.printed} condition met")
            return 0
        if client.context.now() >= until:
            raise KubectlError("timed out waiting for the condition")
        client.context.sleep(0.5)


def wait_until_gone(client: Client, deleted: list[tuple[Target, str]], seconds: float | None) -> None:
    """Wait for each deleted object to disappear, or to be replaced by another of its name.

    Raises KubectlError after so many seconds of the cluster's time; None waits for ever.
    """
    errors: list[Exception] = []
    for target, uid in deleted:
        try:
            _watch_until_gone(client, target, uid, seconds)
        except KubectlError as problem:
            errors.append(problem)
    raise_all(errors)


def _watch_until_gone(client: Client, target: Target, uid: str, seconds: float | None) -> None:
    found = client.find(target.path)
    if found is None or (uid and found["metadata"].get("uid") != uid):
        return
    path = target.resource.path(target.namespace)
    query = [
        ("fieldSelector", f"metadata.name={target.name}"),
        ("resourceVersion", found["metadata"].get("resourceVersion", "")),
    ]
    for event in client.watch(path, query, seconds=seconds):
        if event["type"] == "DELETED":
            return
    raise _timed_out(target)
