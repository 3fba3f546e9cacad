"""`kubectl apply`, client-side (three-way merge) and server-side, and `kubectl diff`."""

import json
from typing import Any

from svclab.kube.field_sets import union
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import FileObject, file_objects
from svclab.terminal.commands.kubectl.client import APPLY, JSON_PATCH, Client
from svclab.terminal.commands.kubectl.create import no_kustomize
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, UsageError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.output import as_list, print_document, split_format
from svclab.terminal.commands.kubectl.three_way import three_way_patch
from svclab.terminal.commands.kubectl.verbs import checked_validation, dry_run_of, verb, write_query
from svclab.terminal.commands.kubectl.writing import LAST_APPLIED, head_of, report, with_last_applied

Manifest = dict[str, Any]

_CLIENT_SIDE = "kubectl-client-side-apply"
_MOST_RETRIES = 5
_ADVICE = (
    "Please review the fields above--they currently have other managers. Here\n"
    "are the ways you can resolve this warning:\n"
    "* If you intend to manage all of these fields, please re-run the apply\n"
    "  command with the `--force-conflicts` flag.\n"
    "* If you do not intend to manage all of the fields, please edit your\n"
    "  manifest to remove references to the fields that should keep their\n"
    "  current managers.\n"
    "* You may co-own fields by updating your manifest to match the existing\n"
    "  value; in this case, you'll become the manager if the other manager(s)\n"
    "  stop managing the field (remove it from their configuration).\n"
    "See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"
)
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
            if flags["server-side"]:
                _apply_on_server(client, flags, found, dry_run)
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
    if generated := found.manifest["metadata"].get("generateName"):
        raise KubectlError(f"from {generated}: cannot use generate name with apply")
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


# server-side


def _apply_on_server(client: Client, flags: Parsed, found: FileObject, dry_run: str) -> None:
    query = write_query(client, "kubectl", dry_run, strict=True)
    query.append(("force", str(flags["force-conflicts"]).lower()))
    try:
        answer = client.patch(found.target.path, found.manifest, APPLY, query)
    except ApiError as refusal:
        if _is_field_conflict(refusal):
            raise KubectlError(f"{refusal.message}\n{_ADVICE}") from None
        raise
    if dry_run == "none" and _client_side_entries(answer):
        _keep_last_applied(client, found, answer)
        _take_over_client_side_fields(client, found)
        answer = _apply_again(client, found, answer, query)
    _tell(client, found, answer, "serverside-applied", dry_run)


def _is_field_conflict(refusal: ApiError) -> bool:
    causes = (refusal.status.get("details") or {}).get("causes") or []
    return refusal.reason == "Conflict" and any(c.get("reason") == "FieldManagerConflict" for c in causes)


def _client_side_entries(manifest: Manifest) -> list[Manifest]:
    """What client-side apply manages of an object."""
    entries = manifest["metadata"].get("managedFields") or []
    return [e for e in entries if e.get("manager") == _CLIENT_SIDE and e.get("operation") == "Update"]


def _apply_again(client: Client, found: FileObject, answer: Manifest, query: list) -> Manifest:
    """The same configuration once more: what it leaves out can go now."""
    try:
        return client.patch(found.target.path, found.manifest, APPLY, query)
    except ApiError as refusal:
        client.warn(
            "failed to re-apply configuration after performing Server-Side Apply migration. This is "
            f"non-fatal and will be retried next time you apply. Error: {refusal.message}"
        )
        return answer


def _keep_last_applied(client: Client, found: FileObject, answer: Manifest) -> None:
    """The annotation of client-side apply stays as it is, under a manager of its own."""
    kept = (answer["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if kept is None:
        return
    metadata = {"name": found.target.name, "annotations": {LAST_APPLIED: kept}}
    if found.target.namespace:
        metadata["namespace"] = found.target.namespace
    query = [("fieldManager", "kubectl-last-applied"), ("force", "true")]
    client.patch(found.target.path, {**head_of(found.target), "metadata": metadata}, APPLY, query)


def _take_over_client_side_fields(client: Client, found: FileObject) -> None:
    """What client-side apply recorded becomes server-side apply's, so that a field left out can go."""
    manager = client.flags["field-manager"] or "kubectl"
    for _ in range(_MOST_RETRIES):
        live = client.get(found.target.path)
        old = _client_side_entries(live)
        entries = [e for e in live["metadata"].get("managedFields") or [] if e not in old]
        mine = next(
            (e for e in entries if (e.get("manager"), e.get("operation")) == (manager, "Apply")), None
        )
        if mine is None:  # what was applied has no field of its own: the older entry becomes this manager's
            mine = {**old[0], "manager": manager, "operation": "Apply"}
            entries.append(mine)
        for entry in old:
            mine["fieldsV1"] = union(mine["fieldsV1"], entry["fieldsV1"])
        operations = [
            {"op": "replace", "path": "/metadata/managedFields", "value": entries},
            {
                "op": "replace",
                "path": "/metadata/resourceVersion",
                "value": live["metadata"]["resourceVersion"],
            },
        ]
        try:
            client.patch(found.target.path, operations, JSON_PATCH)
            return
        except ApiError as refusal:
            if refusal.reason != "Conflict":
                raise
