"""`kubectl edit`: the object in the page's editor, and what was changed as a patch."""

import secrets
import shlex
from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import Target
from svclab.terminal.commands.kubectl.changing import meant
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, describe
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.output import without_managed_fields
from svclab.terminal.commands.kubectl.three_way import three_way_patch
from svclab.terminal.commands.kubectl.verbs import verb, write_query
from svclab.terminal.commands.kubectl.writing import report
from svclab.terminal.commands.kubectl.yaml_text import to_yaml
from svclab.terminal.manifests import ManifestError, read_manifests

Manifest = dict[str, Any]

_PAGE_EDITORS = ("vi", "vim", "nano", "emacs", "code")  # these open the page's
_HEADER = (
    "# Please edit the object below. Lines beginning with a '#' will be ignored,\n"
    "# and an empty file will abort the edit. If an error occurs while saving this file will be\n"
    "# reopened with the relevant failures.\n#\n"
)


@verb(
    "edit",
    flags=(
        verbs.FILENAME,
        verbs.RECURSIVE,
        verbs.KUSTOMIZE,
        verbs.OUTPUT,
        verbs.FIELD_MANAGER,
        verbs.VALIDATE,
        verbs.SELECTOR,
        verbs.SHOW_MANAGED_FIELDS,
        verbs.SAVE_CONFIG,
        Flag("output-patch", "bool", help="show the patch if the object is changed"),
        Flag("subresource", help="edit this subresource: status"),
    ),
    usage="edit (RESOURCE/NAME | -f FILENAME) [options]",
    summary="Edit an object on the server",
)
def edit(client: Client, flags: Parsed) -> int:
    """Edit objects, one after the other."""
    found = meant(client, flags, selecting=bool(flags["selector"]))
    code = 0
    for target in found:
        code = _edit_one(client, target) or code
    return code


def _edit_one(client: Client, target: Target) -> int:
    live = client.get(target.path)
    shown = to_yaml(without_managed_fields(live))
    text, refused = _HEADER + shown, ""
    while True:
        saved = _edited(client, target, text)
        body = _without_comments(text if saved is None else saved)
        if refused and body == refused:
            return _given_up(client, text if saved is None else saved)
        if body.strip() in ("", shown.strip()):
            reason = "no changes made" if body.strip() else "saved file was empty"
            client.note(f"Edit cancelled, {reason}.")
            return 0
        try:
            return _save(client, target, live, body)
        except (ManifestError, KubectlError, ApiError) as problem:
            words = (
                problem.message if isinstance(problem, ManifestError) else describe(problem)[0].rstrip("\n")
            )
            remarks = "".join(f"# {line}\n" for line in words.split("\n"))
            if isinstance(problem, ApiError) and problem.reason == "Invalid":
                client.note(f'error: {target.resource.qualified} "{target.name}" is invalid')
            text, refused = _HEADER + remarks + "#\n" + body, body


def _given_up(client: Client, text: str) -> int:
    """What was refused has been saved again as it was: it is kept in a file."""
    path = f"/tmp/kubectl-edit-{secrets.randbelow(2**32)}.yaml"  # noqa: S108 (of the simulated laptop)
    client.context.files.write(path, text)
    client.note(f'A copy of your changes has been stored to "{path}"')
    raise KubectlError("Edit cancelled, no valid changes were saved.")


def _edited(client: Client, target: Target, text: str) -> str | None:
    """The text as the learner left it: in the page's editor, or by the program that $KUBE_EDITOR names."""
    context = client.context
    words = shlex.split(context.env.get("KUBE_EDITOR") or context.env.get("EDITOR") or "")
    if not words or words[0].rpartition("/")[2] in _PAGE_EDITORS:
        return context.session.editor.edit(context.process, target.printed, text)
    path = f"/tmp/kubectl-edit-{target.name}.yaml"  # noqa: S108 (a file of the simulated laptop)
    context.files.write(path, text)
    try:
        if context.run([*words, path]):
            raise KubectlError(f'there was a problem with the editor "{" ".join(words)}"')
        return context.files.read(path)
    finally:
        context.files.delete(path)


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def _save(client: Client, target: Target, live: Manifest, body: str) -> int:
    documents = read_manifests(body, "edited file")
    if not documents:
        raise KubectlError("edited file is empty")
    edited = documents[0].manifest
    original = without_managed_fields(live)
    patch = three_way_patch(target.resource.kind, original, edited, original)
    if not patch:
        client.note("Edit cancelled, no changes made.")
        return 0
    query = write_query(client, "kubectl-edit", strict=True)
    report(client, target, client.patch(target.path, patch, query=query), "edited")
    return 0
