"""`kubectl apply --server-side`, and what it takes over from client-side apply.

Source: kubectl pkg/cmd/apply and client-go util/csaupgrade.
"""

from typing import Any

from svclab.kube.field_sets import union
from svclab.terminal.commands.kubectl.builder import FileObject
from svclab.terminal.commands.kubectl.client import APPLY, JSON_PATCH, Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError
from svclab.terminal.commands.kubectl.flags import Parsed
from svclab.terminal.commands.kubectl.verbs import write_query
from svclab.terminal.commands.kubectl.writing import LAST_APPLIED, head_of

Manifest = dict[str, Any]
Query = list[tuple[str, str]]

_MANAGER = "kubectl"
_MOST_RETRIES = 5
_LATER = "This is non-fatal and will be retried next time you apply. Error:"
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


def apply_on_server(client: Client, flags: Parsed, found: FileObject, dry_run: str) -> Manifest:
    """The object after one configuration is applied by the server."""
    query = write_query(client, _MANAGER, dry_run, strict=True)
    query.append(("force", str(flags["force-conflicts"]).lower()))
    try:
        answer = client.patch(found.target.path, found.manifest, APPLY, query)
    except ApiError as refusal:
        if _is_field_conflict(refusal):
            raise KubectlError(f"{refusal.message}\n{_ADVICE}") from None
        raise
    try:
        answer = _keep_last_applied(client, found, answer, dry_run)
    except ApiError as refusal:
        client.note(
            f"Warning: failed to migrate {LAST_APPLIED} for Server-Side Apply. {_LATER} {refusal.message}"
        )
        return answer
    try:
        migrated = _take_over_client_side_fields(client, found, answer, dry_run)
    except ApiError as refusal:
        words = "server rejected managed fields migration to Server-Side Apply."
        client.note(f"Warning: {words} {_LATER} {refusal.message}")
        return answer
    return answer if migrated is None else _apply_again(client, found, migrated, query)


def _is_field_conflict(refusal: ApiError) -> bool:
    causes = (refusal.status.get("details") or {}).get("causes") or []
    return refusal.reason == "Conflict" and any(c.get("reason") == "FieldManagerConflict" for c in causes)


def _apply_again(client: Client, found: FileObject, answer: Manifest, query: Query) -> Manifest:
    """The same configuration once more: what it leaves out can go now."""
    try:
        return client.patch(found.target.path, found.manifest, APPLY, query)
    except ApiError as refusal:
        client.note(
            "Warning: failed to re-apply configuration after performing Server-Side Apply migration. "
            f"{_LATER} {refusal.message}"
        )
        return answer


def _owners(manifest: Manifest, operation: str) -> list[Manifest]:
    """Who set the annotation of client-side apply by one operation."""
    found = []
    for entry in manifest["metadata"].get("managedFields") or []:
        metadata = entry.get("fieldsV1", {}).get("f:metadata", {})
        if entry.get("operation") == operation and f"f:{LAST_APPLIED}" in metadata.get("f:annotations", {}):
            found.append(entry)
    return found


def _keep_last_applied(client: Client, found: FileObject, answer: Manifest, dry_run: str) -> Manifest:
    """The annotation of client-side apply stays as it is, under a manager of its own."""
    if (client.flags["field-manager"] or _MANAGER) != _MANAGER:
        return answer  # the server keeps the annotation up to date for kubectl's own name only
    kept = (answer["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if kept is None or _owners(answer, "Apply"):
        return answer
    metadata = {"name": found.target.name, "annotations": {LAST_APPLIED: kept}}
    if found.target.namespace:
        metadata["namespace"] = found.target.namespace
    query = [("fieldManager", "kubectl-last-applied"), *_only_tried(dry_run)]
    return client.patch(found.target.path, {**head_of(found.target), "metadata": metadata}, APPLY, query)


def _only_tried(dry_run: str) -> Query:
    return [("dryRun", "All")] if dry_run == "server" else []


def _take_over_client_side_fields(
    client: Client, found: FileObject, live: Manifest, dry_run: str
) -> Manifest | None:
    """What client-side apply recorded becomes server-side apply's, so that a field left out can go.

    None if there is nothing to take over.
    """
    manager = client.flags["field-manager"] or _MANAGER
    names = {entry.get("manager") for entry in _owners(live, "Update")}
    for attempt in range(_MOST_RETRIES):
        entries = live["metadata"].get("managedFields") or []
        taken = _taken_over(entries, sorted(names, key=str), manager)
        if taken == entries:
            return None
        version = live["metadata"]["resourceVersion"]
        operations = [
            {"op": "replace", "path": "/metadata/managedFields", "value": taken},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        ]
        query = [("fieldManager", manager), *_only_tried(dry_run)]
        try:
            return client.patch(found.target.path, operations, JSON_PATCH, query)
        except ApiError as refusal:
            if refusal.reason != "Conflict" or attempt == _MOST_RETRIES - 1:
                raise
        live = client.get(found.target.path)
    return None


def _taken_over(entries: list[Manifest], names: list[Any], manager: str) -> list[Manifest]:
    """The entries of managers that updated become part of the applier's, or the newest of them that one."""
    for name in names:
        old = [e for e in entries if _is(e, name, "Update")]
        if not old:
            continue
        mine = next((e for e in entries if _is(e, manager, "Apply")), old[0])
        fields = mine["fieldsV1"]
        for entry in old:
            fields = union(fields, entry["fieldsV1"])
        made = {**mine, "manager": manager, "operation": "Apply", "fieldsV1": fields}
        entries = [made if e is mine else e for e in entries if e is mine or e not in old]
    return entries


def _is(entry: Manifest, manager: str, operation: str) -> bool:
    whose = (entry.get("manager"), entry.get("operation"), entry.get("subresource"))
    return whose == (manager, operation, None)
