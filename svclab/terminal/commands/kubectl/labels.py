"""`kubectl label` and `kubectl annotate`."""

from dataclasses import dataclass
from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import Target, expand, file_objects, targets
from svclab.terminal.commands.kubectl.client import MERGE, Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.label_rules import value_problems
from svclab.terminal.commands.kubectl.setting import names_and_pairs
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
    verbs.LOCAL,
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
    named, updates = names_and_pairs(flags.args, word)
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
    if flags["resource-version"] and len(found) > 1:
        raise KubectlError("--resource-version may only be used with a single resource")
    for target, local in found:
        try:
            live = local or client.get(target.path)
            if flags["list"]:
                _show(client, target, live, field, several=len(found) > 1)
            else:
                _update(client, target, live, change, dry_run, local=bool(local))
        except (ApiError, KubectlError) as problem:
            errors.append(problem)
    raise_all(errors)
    return 0


def _targets(client: Client, flags: Parsed, named: list[str]) -> list[tuple[Target, Manifest | None]]:
    """The objects that are meant, with --local as they are in the files."""
    local = flags["local"]
    if local and not flags["filename"]:
        raise KubectlError(
            "can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set"
        )
    if flags["filename"]:
        read = file_objects(client, flags["filename"], recursive=flags["recursive"], complete=not local)
        return [(found.target, found.manifest if local else None) for found in read]
    selecting = bool(flags["selector"] or flags["field-selector"])
    found = targets(client, named, selecting=selecting)
    if not (selecting or flags["all"]) and any(not target.name for target in found):
        raise KubectlError("resource(s) were provided, but no name was specified")
    if flags["all-namespaces"]:
        found = [Target(target.resource, "", target.name) for target in found]
    every = expand(client, found, selector=flags["selector"], fields=flags["field-selector"])
    return [(target, None) for target in every]


def _change(field: str, word: str, updates: list[str], *, overwrite: bool) -> _Change:
    values, removals = {}, []
    for update in updates:
        key, equals, value = update.partition("=")
        if field == "labels" and "=" in value:
            raise KubectlError(f"invalid label spec: {update}")
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


def _update(
    client: Client, target: Target, live: Manifest, change: _Change, dry_run: str, *, local: bool
) -> None:
    present = live["metadata"].get(change.field) or {}
    if not change.overwrite:
        _refuse_overwriting(present, change)
    absent = [key for key in change.removals if key not in present]
    offline = local or dry_run == "client"
    if change.field == "labels" and not offline:
        for key in absent:
            client.print(f'label "{key}" not found.')
    wanted = {**change.values, **{key: None for key in change.removals if key in present}}
    after = {key: value for key, value in {**present, **wanted}.items() if value is not None}
    done = _done(live["metadata"].get(change.field), after, change)
    version = client.flags["resource-version"]
    if not offline:  # the server is asked even where nothing changes: it may warn
        changed = {change.field: wanted} if after != present else {}
        body = {"metadata": {**changed, **({"resourceVersion": version} if version else {})}}
        manager = f"kubectl-{'label' if change.field == 'labels' else 'annotate'}"
        answer = client.patch(target.path, body, MERGE, write_query(client, manager, dry_run))
    else:
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


def _done(before: dict[str, str] | None, after: dict[str, str], change: _Change) -> str:
    """What has been done; where there were no labels, kubectl leaves an empty map, which is a change."""
    if change.field == "annotations":
        return "annotated"
    if before == after:
        return "not labeled"
    return "labeled" if change.values or before is None else "unlabeled"


def _show(client: Client, target: Target, live: Manifest, field: str, *, several: bool) -> None:
    if several:
        client.print(f"Listing {field} for {target.resource.kind}.{target.resource.group}/{target.name}:")
    for key, value in sorted((live["metadata"].get(field) or {}).items()):
        client.print(f" {key}={value}" if several else f"{key}={value}")
