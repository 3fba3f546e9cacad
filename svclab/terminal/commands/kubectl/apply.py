"""`kubectl apply`: the command, and its client-side half (three-way merge)."""

import json
from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.apply_server import apply_on_server
from svclab.terminal.commands.kubectl.builder import FileObject, file_objects
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.create import no_kustomize
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, UsageError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.output import as_list, print_document, split_format
from svclab.terminal.commands.kubectl.three_way import three_way_patch
from svclab.terminal.commands.kubectl.verbs import checked_validation, dry_run_of, verb, write_query
from svclab.terminal.commands.kubectl.writing import LAST_APPLIED, report, with_last_applied

Manifest = dict[str, Any]

_CLIENT_SIDE = "kubectl-client-side-apply"
_FLAGS = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.KUSTOMIZE,
    verbs.OUTPUT,
    verbs.DRY_RUN,
    verbs.FIELD_MANAGER,
    verbs.VALIDATE,
    verbs.SELECTOR,
    verbs.ALL,
    verbs.TEMPLATE,
    verbs.ALLOW_MISSING,
    verbs.SHOW_MANAGED_FIELDS,
    Flag("server-side", "bool", help="let the server merge, with managed fields"),
    Flag("force-conflicts", "bool", help="take fields over from other managers"),
    Flag("overwrite", "bool", default=True, help="resolve conflicts with the live object by overwriting it"),
    Flag("prune", "bool", help="not available here: delete what is no longer in the files"),
    Flag("force", "bool", help="delete and create again what cannot be changed"),
    Flag("wait", "bool", help="wait until deleted objects are gone"),
    Flag("grace-period", "int", default=-1, help="seconds that pods get to end"),
    Flag("timeout", "duration", help="how long to wait for deletions"),
    Flag("cascade", default="background", bare="background", help="what becomes of dependents"),
)


@verb(
    "apply",
    flags=_FLAGS,
    usage="apply (-f FILENAME | -k DIRECTORY) [options]",
    summary="Apply a configuration to an object by file name or standard input",
    examples=("kubectl apply -f service.yaml", "cat pod.yaml | kubectl apply -f -"),
)
def apply(client: Client, flags: Parsed) -> int:
    """Apply configurations."""
    if flags.args:
        raise UsageError(f"Unexpected args: [{' '.join(flags.args)}]", "apply")
    if flags["kustomize"] and flags["filename"]:
        raise KubectlError("only one of -f or -k can be specified")
    if flags["kustomize"]:
        raise no_kustomize(client, flags["kustomize"])
    if not flags["filename"]:
        raise KubectlError("must specify one of -f and -k")
    dry_run = dry_run_of(flags)
    _check(flags, dry_run)
    objects = file_objects(client, flags["filename"], recursive=flags["recursive"])
    errors: list[Exception] = []
    for found in objects:
        try:
            if generated := found.manifest["metadata"].get("generateName"):
                raise KubectlError(f"from {generated}: cannot use generate name with apply")
            if flags["server-side"]:
                answer = apply_on_server(client, flags, found, dry_run)
                _tell(client, found, answer, "serverside-applied", dry_run)
            else:
                _apply(client, flags, found, dry_run)
        except (ApiError, KubectlError) as problem:
            errors.append(problem)
    raise_all(errors)
    if client.results:
        whole = {**as_list(client.results), "metadata": {}}
        shown = client.results[0] if len(client.results) == 1 else whole
        print_document(client, shown, flags["output"], flags["template"])
    return 0


def _tell(client: Client, found: FileObject, answer: Manifest, done: str, dry_run: str) -> None:
    """Say what was done; objects that are to be shown are shown together at the end, if all went well."""
    if split_format(client.flags["output"], client.flags["template"])[0] in ("", "name"):
        report(client, found.target, answer, done, dry_run)
    else:
        client.results.append(answer)


def _check(flags: Parsed, dry_run: str) -> None:
    if flags["force-conflicts"] and not flags["server-side"]:
        raise KubectlError("--force-conflicts only works with --server-side")
    if flags["server-side"] and dry_run == "client":
        raise KubectlError(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)"
        )
    if flags["force"] and dry_run == "server":
        raise KubectlError("--dry-run=server cannot be used with --force")
    checked_validation(flags["validate"])
    if flags["force"] and flags["server-side"]:
        raise KubectlError("--force cannot be used with --server-side")
    if flags["prune"]:
        if not flags["all"] and not flags["selector"]:
            raise KubectlError(
                "all resources selected for prune without explicitly passing --all. To prune all "
                "resources, pass the "
                "--all flag. If you did not mean to prune all resources, specify a label selector"
            )
        raise KubectlError(
            "--prune is not available in this terminal; delete what you no longer need by name"
        )


def _apply(client: Client, flags: Parsed, found: FileObject, dry_run: str) -> None:
    target, modified = found.target, with_last_applied(found.manifest)
    if not target.name:
        raise KubectlError(_no_name(found))
    live = client.find(target.path)
    query = write_query(client, _CLIENT_SIDE, dry_run, strict=True)
    if live is None:
        if dry_run != "client":
            try:
                modified = client.create(target.resource, target.namespace, modified, query)
            except ApiError as refusal:
                raise refusal.while_doing("creating", found.source) from None
        _tell(client, found, modified, "created", dry_run)
        return
    original = _last_applied(live)
    if original is None:
        _warn_of_missing_annotation(client, found)
    patch = patch_of(found, modified, live, original or {})
    if not patch and dry_run != "client":
        _tell(client, found, live, "unchanged", dry_run)
        return
    answer = live
    if dry_run != "client":
        answer = _send(client, flags, found, patch, modified, query)
    _tell(client, found, answer, "configured", dry_run)


def _send(
    client: Client, flags: Parsed, found: FileObject, patch: Manifest, modified: Manifest, query: list
) -> Manifest:
    try:
        return client.patch(found.target.path, patch, query=query)
    except ApiError as refusal:
        if flags["force"] and refusal.reason in ("Invalid", "Conflict"):
            client.delete(found.target.path)
            _wait_until_gone(client, found)
            return client.create(found.target.resource, found.target.namespace, modified, query)
        raise _patch_failure(refusal, found, patch) from None


def _wait_until_gone(client: Client, found: FileObject) -> None:
    while client.find(found.target.path) is not None:
        client.context.sleep(1)


def _patch_failure(refusal: ApiError, found: FileObject, patch: Manifest) -> ApiError:
    shown = json.dumps(patch, separators=(",", ":"))
    words = (
        f'applying patch:\n{shown}\nto:\nResource: {_mapping(found)}\nName: "{found.target.name}", '
        "Namespace: "
        f'"{found.target.namespace}"\nfor: "{found.source}": '
    )
    inner = refusal.while_doing("patching", found.source)
    return (
        ApiError({**refusal.status, "message": words + inner.message})
        if refusal.reason != "Invalid"
        else refusal
    )


def _mapping(found: FileObject) -> str:
    resource = found.target.resource
    group = f"{resource.group}/" if resource.group else "/"
    return (
        f'"{group}{resource.version}, Resource={resource.plural}", GroupVersionKind: '
        f'"{group}{resource.version}, '
        f'Kind={resource.kind}"'
    )


def patch_of(found: FileObject, modified: Manifest, live: Manifest, original: Manifest) -> Manifest:
    """The three-way patch of one object; {} when the live object already is as wanted."""
    return three_way_patch(found.target.resource.kind, original, modified, live)


def _no_name(found: FileObject) -> str:
    resource = found.target.resource
    group = f"{resource.group}/" if resource.group else "/"
    return (
        f'error when retrieving current configuration of:\nResource: "{group}{resource.version}, '
        f'Resource={resource.plural}", GroupVersionKind: "{group}{resource.version}, Kind={resource.kind}"\n'
        f'Name: "", Namespace: "{found.target.namespace}"\nfrom server for: "{found.source}": resource '
        "name may not "
        "be empty"
    )


def _last_applied(live: Manifest) -> Manifest | None:
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _warn_of_missing_annotation(client: Client, found: FileObject) -> None:
    client.warn(
        f"resource {found.target.resource.plural}/{found.target.name} is missing the {LAST_APPLIED} "
        "annotation which "
        "is required by kubectl apply. kubectl apply should only be used on resources created "
        "declaratively by "
        "either kubectl create --save-config or kubectl apply. The missing annotation will be patched "
        "automatically."
    )
