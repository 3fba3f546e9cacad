"""`kubectl diff`: what `apply` would change, as `diff -u -N` shows two files."""

import difflib
import json
from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.apply import patch_of
from svclab.terminal.commands.kubectl.builder import FileObject, file_objects
from svclab.terminal.commands.kubectl.client import APPLY, Client
from svclab.terminal.commands.kubectl.create import no_kustomize
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, describe
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.output import without_managed_fields
from svclab.terminal.commands.kubectl.verbs import verb, write_query
from svclab.terminal.commands.kubectl.writing import LAST_APPLIED, with_last_applied
from svclab.terminal.commands.kubectl.yaml_text import to_yaml

Manifest = dict[str, Any]

_FLAGS = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.KUSTOMIZE,
    verbs.SELECTOR,
    verbs.FIELD_MANAGER,
    verbs.SHOW_MANAGED_FIELDS,
    Flag("server-side", "bool", help="compare with what server-side apply would make"),
    Flag("force-conflicts", "bool", help="with --server-side: take fields over"),
    Flag("concurrency", "int", default=1, help="how many objects are compared at a time"),
    Flag("prune", "bool", help="not available here: also what is no longer in the files"),
)


@verb(
    "diff",
    flags=_FLAGS,
    usage="diff -f FILENAME [options]",
    summary="Diff the live version against a would-be applied version",
)
def diff(client: Client, flags: Parsed) -> int:
    """Show what apply would change: exit code 1 when there is something, above 1 for an error."""
    try:
        return _diff(client, flags)
    except KubectlError as problem:
        problem.code = max(problem.code, 2)
        raise


def _diff(client: Client, flags: Parsed) -> int:
    if flags["kustomize"]:
        raise no_kustomize(client, flags["kustomize"])
    if not flags["filename"]:
        raise KubectlError("must specify one of -f and -k")
    differences = []
    for found in file_objects(client, flags["filename"], recursive=flags["recursive"]):
        live = client.find(found.target.path)
        merged = _merged(client, flags, found, live)
        text = _unified(client, flags, found, live, merged)
        if text:
            differences.append((_file_name(found), text))
    for name, text in sorted(differences):
        client.context.stdout.write(f"diff -u -N {_path('LIVE', name)} {_path('MERGED', name)}\n{text}")
    return 1 if differences else 0


def _merged(client: Client, flags: Parsed, found: FileObject, live: Manifest | None) -> Manifest:
    """The object as it would be, from a dry run on the server."""
    try:
        if flags["server-side"]:
            query = [
                *write_query(client, "kubectl", "server"),
                ("force", str(flags["force-conflicts"]).lower()),
            ]
            return client.patch(found.target.path, found.manifest, APPLY, query)
        query = write_query(client, "kubectl-client-side-apply", "server")
        if live is None:
            return client.create(found.target.resource, found.target.namespace, found.manifest, query)
        modified = with_last_applied(found.manifest)
        patch = patch_of(found, modified, live, _original(live))
        if patch:
            (patch.get("metadata") or {}).get("annotations", {}).pop(LAST_APPLIED, None)
        return client.patch(found.target.path, patch, query=query) if patch else live
    except ApiError as refusal:
        problem = (
            refusal if live is None or flags["server-side"] else refusal.while_doing("patching", found.source)
        )
        raise KubectlError(describe(problem)[0], 2, bare=True) from None


def _original(live: Manifest) -> Manifest:
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    return _configuration(text) if text else {}


def _configuration(text: str) -> Manifest:
    """The configuration in the annotation; {} when it cannot be read."""
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _unified(
    client: Client, flags: Parsed, found: FileObject, live: Manifest | None, merged: Manifest
) -> str:
    name = _file_name(found)
    is_secret = found.target.resource.kind == "Secret"
    if is_secret:
        live, merged = _masked(live, merged)
    absent = ["null\n"] if is_secret else []  # kubectl masks what is not there, too
    before = _lines(flags, live) if live else absent
    after = _lines(flags, merged)
    now = client.context.now()
    stamp = now.strftime("%Y-%m-%d %H:%M:%S.%f") + "000 +0000"
    return unified(before, after, f"{_path('LIVE', name)}\t{stamp}", f"{_path('MERGED', name)}\t{stamp}")


def unified(before: list[str], after: list[str], old_name: str, new_name: str) -> str:
    """What `diff -u` prints for two files, given as lines; "" when they are equal."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    matcher.opcodes = _shortest_script(before, after)
    parts = [f"--- {old_name}\n+++ {new_name}\n"]
    for group in matcher.get_grouped_opcodes(3):
        first, last = group[0], group[-1]
        parts.append(f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                parts += [" " + line for line in before[i1:i2]]
                continue
            parts += ["-" + line for line in before[i1:i2]]
            parts += ["+" + line for line in after[j1:j2]]
    return "".join(parts) if len(parts) > 1 else ""


def _range(start: int, stop: int) -> str:
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _shortest_script(before: list[str], after: list[str]) -> list[tuple[str, int, int, int, int]]:
    """The fewest deletions and insertions, in the form of SequenceMatcher's opcodes."""
    common = [[0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for i in range(len(before) - 1, -1, -1):
        for j in range(len(after) - 1, -1, -1):
            same = before[i] == after[j]
            common[i][j] = common[i + 1][j + 1] + 1 if same else max(common[i + 1][j], common[i][j + 1])
    found: list[tuple[str, int, int, int, int]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        start = (i, j)
        if i < len(before) and j < len(after) and before[i] == after[j]:
            while i < len(before) and j < len(after) and before[i] == after[j]:
                i, j = i + 1, j + 1
            found.append(("equal", start[0], i, start[1], j))
            continue
        while i < len(before) and (j == len(after) or common[i + 1][j] >= common[i][j + 1]):
            if j < len(after) and before[i] == after[j]:
                break
            i += 1
        while j < len(after) and (i == len(before) or common[i][j + 1] >= common[i + 1][j]):
            if i < len(before) and before[i] == after[j]:
                break
            j += 1
        found.append(("replace", start[0], i, start[1], j))
    return found


def _masked(before: Manifest | None, after: Manifest) -> tuple[Manifest | None, Manifest]:
    """A Secret before and after, without its values: one that changes is only said to."""
    old, new = (before or {}).get("data") or {}, after.get("data") or {}
    changed = {key for key in old.keys() & new.keys() if old[key] != new[key]}
    masked_old = {key: "*** (before)" if key in changed else "***" for key in old}
    masked_new = {key: "*** (after)" if key in changed else "***" for key in new}
    return (
        {**before, "data": masked_old} if before and old else before,
        {**after, "data": masked_new} if new else after,
    )


def _lines(flags: Parsed, manifest: Manifest) -> list[str]:
    shown = manifest if flags["show-managed-fields"] else without_managed_fields(manifest)
    return to_yaml(shown).splitlines(keepends=True)


def _file_name(found: FileObject) -> str:
    resource = found.target.resource
    group = f"{resource.group}." if resource.group else ""
    return f"{group}{resource.version}.{resource.kind}.{found.target.namespace}.{found.target.name}"


def _path(side: str, name: str) -> str:
    return f"/tmp/{side}-1/{name}"  # noqa: S108 (only shown)
