"""`kubectl delete`, with waiting until what was deleted is gone."""

from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import (
    NOTHING_GIVEN,
    Target,
    expand,
    file_objects,
    named_files,
    targets,
)
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.create import no_kustomize
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all, status_in
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import dry_run_of, dry_run_words, verb
from svclab.terminal.commands.kubectl.waiting import wait_until_gone

Manifest = dict[str, Any]

_FORCE_WARNING = (
    "Immediate deletion does not wait for confirmation that the running resource has been terminated. "
    "The resource "
    "may continue to run on the cluster indefinitely."
)
_OLD_CASCADES = {"true": "background", "false": "orphan"}
_POLICIES = {
    "true": "Background",
    "background": "Background",
    "foreground": "Foreground",
    "false": "Orphan",
    "orphan": "Orphan",
}
_FLAGS = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.KUSTOMIZE,
    verbs.SELECTOR,
    verbs.FIELD_SELECTOR,
    verbs.ALL,
    verbs.ALL_NAMESPACES,
    verbs.DRY_RUN,
    verbs.OUTPUT,
    Flag("grace-period", "int", default=-1, help="seconds that pods get to end"),
    Flag("force", "bool", help="with --grace-period=0: do not wait for the node"),
    Flag("now", "bool", help="one second of grace"),
    Flag("wait", "bool", default=True, help="wait until the objects are gone"),
    Flag("timeout", "duration", help="how long to wait"),
    Flag("ignore-not-found", "bool", help="a missing object is no error"),
    Flag("cascade", default="background", bare="background", help="background, foreground or orphan"),
    Flag("interactive", "bool", short="i", help="not available here: ask before deleting"),
    Flag("raw", help="DELETE this path"),
)


@verb(
    "delete",
    flags=_FLAGS,
    usage="delete ([-f FILENAME] | TYPE [(NAME | -l label | --all)]) [options]",
    summary="Delete objects by file names, standard input, names, or by labels",
    examples=(
        "kubectl delete pod web --now",
        "kubectl delete -f service.yaml",
        "kubectl delete pods -l app=web",
    ),
)
def delete(client: Client, flags: Parsed) -> int:
    """Delete objects."""
    if flags["kustomize"]:
        raise no_kustomize(client, flags["kustomize"])
    if flags["raw"]:
        return _delete_raw(client, flags["raw"])
    dry_run = dry_run_of(flags)
    if flags["output"] not in ("", "name"):
        raise KubectlError(f"unexpected -o output mode: {flags['output']}. We only support '-o name'")
    if flags["all"] and (flags["selector"] or flags["field-selector"]):
        raise KubectlError("setting 'all' parameter but found a non empty selector. ")
    grace = _grace(client, flags)
    if flags["cascade"] in _OLD_CASCADES:
        new = _OLD_CASCADES[flags["cascade"]]
        client.note(
            f"warning: --cascade={flags['cascade']} is deprecated (boolean value) and can be replaced with "
            f"--cascade={new}."
        )
        flags.values["cascade"] = new
    if flags["cascade"] not in _POLICIES:
        raise KubectlError(
            "invalid cascade value (" + flags["cascade"] + '). Must be "background", "foreground", or '
            '"orphan"'
        )
    found = _targets(client, flags)
    if client.namespace_given and any(not target.resource.namespaced for target in found):
        client.warn("deleting cluster-scoped resources, not scoped to the provided namespace")
    errors: list[Exception] = []
    deleted: list[tuple[Target, str]] = []
    for target, source in _expanded(client, flags, found):
        try:
            uid = _delete_one(client, flags, target, grace, dry_run)
            deleted.append((target, uid))
        except ApiError as refusal:
            if (flags["ignore-not-found"] or flags["all"]) and refusal.reason == "NotFound":
                continue
            errors.append(refusal.while_doing("deleting", source) if source else refusal)
    if not deleted and not errors and not flags["ignore-not-found"]:
        client.print("No resources found")
    if flags["wait"] and dry_run == "none":
        wait_until_gone(client, deleted, flags["timeout"] or None)
    raise_all(errors)
    return 0


def _delete_raw(client: Client, path: str) -> int:
    response = client.ask("DELETE", path)
    if response.status >= 400:
        raise ApiError(status_in(response.body.decode()))
    client.context.stdout.write(response.body.decode())
    return 0


def _grace(client: Client, flags: Parsed) -> int:
    grace = flags["grace-period"]
    if flags["now"] and grace >= 0:
        raise KubectlError("--now and --grace-period cannot be specified together")
    if flags["now"]:
        return 1
    if flags["force"] and grace < 0:
        grace = 0
    if flags["force"] and grace > 0:
        raise KubectlError("--force and --grace-period greater than 0 cannot be specified together")
    if grace == 0 and not flags["force"]:
        return 1
    if grace == 0:
        client.warn(_FORCE_WARNING)
    return grace


def _targets(client: Client, flags: Parsed) -> list[Target]:
    if named_files(flags):
        objects = file_objects(client, flags["filename"], recursive=flags["recursive"])
        for nameless in (f for f in objects if not f.target.name):
            raise KubectlError(f'error when deleting "{nameless.source}": resource name may not be empty')
        client.sources = {f.target.path: f.source for f in objects}
        return [f.target for f in objects]
    selecting = bool(flags["all"] or flags["selector"] or flags["field-selector"])
    if not flags.args and selecting:
        raise KubectlError("at least one resource must be specified to use a selector")
    if not flags.args:
        raise KubectlError(NOTHING_GIVEN)
    found = targets(client, flags.args, selecting=selecting)
    if not selecting and any(not target.name for target in found):
        raise KubectlError("resource(s) were provided, but no name was specified")
    if flags["all-namespaces"] and any(target.name and target.resource.namespaced for target in found):
        raise KubectlError("a resource cannot be retrieved by name across all namespaces")
    if flags["all-namespaces"]:
        found = [Target(target.resource, "", target.name) for target in found]
    return found


def _expanded(client: Client, flags: Parsed, found: list[Target]) -> list[tuple[Target, str]]:
    whole = expand(client, found, selector=flags["selector"], fields=flags["field-selector"])
    return [(target, client.sources.get(target.path, "")) for target in whole]


def _delete_one(client: Client, flags: Parsed, target: Target, grace: int, dry_run: str) -> str:
    """Ask for the deletion and say so; gives the object's uid ("" when it is not known)."""
    uid = ""
    if dry_run != "client":
        options: Manifest = {"propagationPolicy": _POLICIES[flags["cascade"]]}
        if grace >= 0:
            options = {"gracePeriodSeconds": grace, **options}
        if dry_run == "server":  # in the body: the server reads no query beside one
            options["dryRun"] = ["All"]
        answer = client.delete(target.path, options)
        about = answer.get("details") if answer.get("kind") == "Status" else answer.get("metadata")
        uid = (about or {}).get("uid", "")
    if flags["output"] == "name":
        client.print(target.printed)
    else:
        word = "force deleted" if grace == 0 else "deleted"
        client.print(f"{target.quoted} {word}{dry_run_words(dry_run)}")
    return uid
