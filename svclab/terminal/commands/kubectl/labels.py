"""`kubectl label` and `kubectl annotate`."""

from dataclasses import dataclass
from typing import Any

from svclab.kube.selectors import value_problems
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import Target, expand, file_objects, targets
from svclab.terminal.commands.kubectl.client import MERGE, Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import dry_run_of, verb, write_query
from svclab.terminal.commands.kubectl.writing import report

Manifest = dict[str, Any]

_FLAGS = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.KUSTOMIZE,
    verbs.OUTPUT,
    verbs.DRY_RUN,
    verbs.FIELD_MANAGER,
    verbs.SELECTOR,
    verbs.FIELD_SELECTOR,
    verbs.ALL,
    verbs.ALL_NAMESPACES,
    verbs.OVERWRITE,
    verbs.TEMPLATE,
    verbs.ALLOW_MISSING,
    verbs.SHOW_MANAGED_FIELDS,
    Flag("list", "bool", help="show what is there"),
    Flag("local", "bool", help="only change what is read from files"),
    Flag("resource-version", help="only if the object is in this version"),
)


@dataclass(frozen=True, slots=True)
class _Change:
    """What is to be set and what is to go, in metadata.`field`."""

    field: str
    word: str
    values: dict[str, str]
    removals: list[str]
    overwrite: bool


@verb(
    "label",
    flags=_FLAGS,
    usage="label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [options]",
    summary="Update the labels of an object",
    examples=("kubectl label pods web app=web", "kubectl label pods web app-"),
)
def label(client: Client, flags: Parsed) -> int:
    """Set and remove labels."""
    return _run(client, flags, "labels", "label")


@verb(
    "annotate",
    flags=_FLAGS,
    usage="annotate [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... [options]",
    summary="Update the annotations of an object",
)
def annotate(client: Client, flags: Parsed) -> int:
    """Set and remove annotations."""
    return _run(client, flags, "annotations", "annotation")


def _run(client: Client, flags: Parsed, field: str, word: str) -> int:
    named, updates = _split(flags.args)
    if not named and not flags["filename"]:
        raise KubectlError(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
        )
    if not updates and not flags["list"]:
        raise KubectlError(f"at least one {word} update is required")
    change = _change(field, word, updates, overwrite=flags["overwrite"])
    dry_run = dry_run_of(flags)
    errors: list[Exception] = []
    found = _targets(client, flags, named)
    for target in found:
        try:
            live = client.get(target.path)
            if flags["list"]:
                _show(client, target, live, field, several=len(found) > 1)
            else:
                _update(client, target, live, change, dry_run)
        except (ApiError, KubectlError) as problem:
            errors.append(problem)
    raise_all(errors)
    return 0


def _split(args: list[str]) -> tuple[list[str], list[str]]:
    """Names first, then `key=value` and `key-`."""
    for index, arg in enumerate(args):
        if ("=" in arg and not arg.startswith("=")) or (arg.endswith("-") and index):
            return args[:index], args[index:]
    return args, []


def _targets(client: Client, flags: Parsed, named: list[str]) -> list[Target]:
    if flags["filename"]:
        return [f.target for f in file_objects(client, flags["filename"], recursive=flags["recursive"])]
    selecting = bool(flags["all"] or flags["selector"] or flags["field-selector"])
    found = targets(client, named, selecting=selecting)
    if not selecting and any(not target.name for target in found):
        raise KubectlError(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
        )
    if flags["all-namespaces"]:
        found = [Target(target.resource, "", target.name) for target in found]
    return expand(client, found, selector=flags["selector"], fields=flags["field-selector"])


def _change(field: str, word: str, updates: list[str], *, overwrite: bool) -> _Change:
    values, removals = {}, []
    for update in updates:
        key, equals, value = update.partition("=")
        if equals:
            if field == "labels" and (problems := value_problems(value)):
                raise KubectlError(f'invalid label value: "{update}": {";".join(problems)}')
            values[key] = value
        elif update.endswith("-"):
            removals.append(update[:-1])
        else:
            raise KubectlError(f"unknown {word} spec: {update}")
    if set(values) & set(removals):
        raise KubectlError(
            f"can not both modify and remove {'a' if word == 'label' else 'an'} {word} in the same command"
        )
    return _Change(field, word, values, removals, overwrite)


def _update(client: Client, target: Target, live: Manifest, change: _Change, dry_run: str) -> None:
    present = live["metadata"].get(change.field) or {}
    if not change.overwrite:
        _refuse_overwriting(present, change)
    absent = [key for key in change.removals if key not in present]
    if change.field == "labels":
        for key in absent:
            client.print(f'label "{key}" not found.')
    wanted = {**change.values, **{key: None for key in change.removals if key in present}}
    after = {key: value for key, value in {**present, **wanted}.items() if value is not None}
    done = _done(present, after, change)
    answer = live
    if after != present and dry_run != "client":
        body = {"metadata": {change.field: wanted}}
        manager = f"kubectl-{'label' if change.field == 'labels' else 'annotate'}"
        answer = client.patch(target.path, body, MERGE, write_query(client, manager, dry_run))
    elif dry_run == "client":
        answer = {**live, "metadata": {**live["metadata"], change.field: after}}
    report(client, target, answer, done, dry_run)


def _refuse_overwriting(present: dict[str, str], change: _Change) -> None:
    clashes = [
        f"'{key}' already has a value ({present[key]})"
        for key, value in change.values.items()
        if key in present and present[key] != value
    ]
    if not clashes:
        return
    if change.field == "labels":
        raise KubectlError(", and --overwrite is false\n".join(clashes) + ", and --overwrite is false")
    raise KubectlError(
        f"--overwrite is false but found the following declared annotation(s): {'; '.join(clashes)}"
    )


def _done(before: dict[str, str], after: dict[str, str], change: _Change) -> str:
    if change.field == "annotations":
        return "annotated"
    if before == after:
        return "not labeled"
    return "labeled" if change.values else "unlabeled"


def _show(client: Client, target: Target, live: Manifest, field: str, *, several: bool) -> None:
    if several:
        client.print(f"Listing {field} for {target.resource.kind}.{target.resource.group}/{target.name}:")
    for key, value in sorted((live["metadata"].get(field) or {}).items()):
        client.print(f" {key}={value}" if several else f"{key}={value}")
