"""`kubectl apply view-last-applied` and `set-last-applied`: the annotation that `apply` compares with."""

import json
from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import (
    NOTHING_GIVEN,
    FileObject,
    Target,
    compact,
    expand,
    file_objects,
    targets,
)
from svclab.terminal.commands.kubectl.client import MERGE, Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, UsageError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import dry_run_of, verb
from svclab.terminal.commands.kubectl.writing import LAST_APPLIED, report
from svclab.terminal.commands.kubectl.yaml_text import escape_html, to_yaml

Manifest = dict[str, Any]


@verb(
    "apply view-last-applied",
    flags=(
        verbs.FILENAME,
        verbs.RECURSIVE,
        verbs.KUSTOMIZE,
        verbs.SELECTOR,
        verbs.ALL,
        Flag("output", default="yaml", short="o", help="yaml or json"),
    ),
    usage="apply view-last-applied (TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME) [options]",
    summary="View the latest configuration that was applied to an object",
)
def view_last_applied(client: Client, flags: Parsed) -> int:
    """Show what was applied last."""
    if flags["all"]:
        raise KubectlError("setting 'all' parameter but found a non empty selector. ")
    found = [client.get(target.path) for target in _meant(client, flags)]
    if flags["output"] not in ("yaml", "json"):
        words = f"Unexpected -o output mode: {flags['output']}, the flag 'output' must be one of yaml|json"
        raise UsageError(words, "apply view-last-applied")
    for manifest in found:
        text = (manifest["metadata"].get("annotations") or {}).get(LAST_APPLIED)
        if text is None:
            continue
        applied = json.loads(text)
        shown = to_yaml(applied)
        if flags["output"] == "json":
            shown = escape_html(json.dumps(applied, indent=2, sort_keys=True, ensure_ascii=False)) + "\n"
        client.context.stdout.write(shown)
    return 0


def _meant(client: Client, flags: Parsed) -> list[Target]:
    if flags["filename"]:
        return [f.target for f in file_objects(client, flags["filename"], recursive=flags["recursive"])]
    found = targets(client, flags.args, selecting=bool(flags["selector"]))
    return expand(client, found, selector=flags["selector"])


@verb(
    "apply set-last-applied",
    flags=(
        verbs.FILENAME,
        verbs.OUTPUT,
        verbs.DRY_RUN,
        verbs.TEMPLATE,
        verbs.ALLOW_MISSING,
        verbs.SHOW_MANAGED_FIELDS,
        Flag("create-annotation", "bool", help="also where the object has none"),
    ),
    usage="apply set-last-applied -f FILENAME [options]",
    summary="Set the annotation to the content of a file, without changing the object",
)
def set_last_applied(client: Client, flags: Parsed) -> int:
    """Make the annotation that of a file."""
    if not flags["filename"]:
        raise KubectlError(NOTHING_GIVEN)
    dry_run = dry_run_of(flags)
    found = file_objects(client, flags["filename"])
    wanted = {id(one): _configuration(client, flags, one) for one in found}
    for one in found:
        if wanted[id(one)] is None:
            client.print(f"set-last-applied {one.target.name}: no changes required.")
    for one in found:
        if (configuration := wanted[id(one)]) is None:
            continue
        answer = one.manifest
        if dry_run != "client":
            body = {"metadata": {"annotations": {LAST_APPLIED: configuration}}}
            query = [("dryRun", "All")] if dry_run == "server" else []
            answer = client.patch(one.target.path, body, MERGE, query)
        report(client, one.target, answer, "configured", dry_run)
    return 0


def _configuration(client: Client, flags: Parsed, found: FileObject) -> str | None:
    """What the annotation should be, or None when it is that already. Raises KubectlError, ApiError."""
    live = client.find(found.target.path)
    if live is None:
        message = f'{found.target.resource.qualified} "{found.target.name}" not found'
        raise ApiError({"status": "Failure", "reason": "NotFound", "message": message, "code": 404})
    present = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if present is None and not flags["create-annotation"]:
        raise KubectlError(
            f"no last-applied-configuration annotation found on resource: {found.target.name}, to create the "
            "annotation, run the command with --create-annotation"
        )
    text = compact(_without_last_applied(found.manifest)) + "\n"
    return None if present is not None and compact(json.loads(present)) + "\n" == text else text


def _without_last_applied(manifest: Manifest) -> Manifest:
    """A configuration as it stands in its file, but for the annotation itself."""
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    if LAST_APPLIED not in annotations:
        return manifest
    kept = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": kept}}
