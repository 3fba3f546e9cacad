"""`kubectl patch`: on the server, or with --local and in a client's dry run by itself."""

import json
from collections.abc import Iterator
from typing import Any

from svclab.kube.patch import PatchError, json_patch, merge_patch, strategic_merge
from svclab.kube.resources import Resource
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import Target, file_objects, named_files
from svclab.terminal.commands.kubectl.changing import COMMON, meant
from svclab.terminal.commands.kubectl.client import JSON_PATCH, MERGE, STRATEGIC, Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import dry_run_of, verb, write_query
from svclab.terminal.commands.kubectl.writing import report
from svclab.terminal.files import FileError
from svclab.terminal.manifests import ManifestError, read_one

Manifest = dict[str, Any]

_PATCH_TYPES = {"json": JSON_PATCH, "merge": MERGE, "strategic": STRATEGIC}


@verb(
    "patch",
    flags=(
        *COMMON,
        Flag("patch", short="p", help="the patch, in JSON or YAML"),
        Flag("patch-file", help="file with the patch"),
        Flag("type", default="strategic", help="json|merge|strategic"),
        Flag("subresource", help="patch this subresource: status or scale"),
        verbs.LOCAL,
    ),
    usage="patch (-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE] [options]",
    summary="Update fields of an object",
    examples=('kubectl patch svc web -p \'{"spec":{"type":"NodePort"}}\'',),
)
def patch(client: Client, flags: Parsed) -> int:
    """Patch objects."""
    if not flags["patch"] and not flags["patch-file"]:
        raise KubectlError("must specify --patch or --patch-file containing the contents of the patch")
    if flags["type"] not in _PATCH_TYPES:
        raise KubectlError(f'--type must be one of [json merge strategic], not "{flags["type"]}"')
    if flags["patch"] and flags["patch-file"]:
        raise KubectlError("cannot specify --patch and --patch-file together")
    dry_run = dry_run_of(flags)
    body = _patch_body(flags["patch"] or _read(client, flags["patch-file"]))
    errors: list[Exception] = []
    for target, before in _originals(client, flags):
        if flags["local"] or dry_run == "client":
            after = _patched_here(before, body, flags["type"])
        else:
            path = target.path + (f"/{flags['subresource']}" if flags["subresource"] else "")
            query = write_query(client, "kubectl-patch", dry_run)
            try:
                after = client.patch(path, body, _PATCH_TYPES[flags["type"]], query)
            except ApiError as refusal:
                errors.append(refusal)
                continue
        done = "patched" if _differ(before, after) else "patched (no change)"
        report(client, _answered(target, after), after, done)
    raise_all(errors)
    return 0


def _originals(client: Client, flags: Parsed) -> Iterator[tuple[Target, Manifest]]:
    """The objects to patch: as in the files, or as on the server where they are named."""
    if flags["local"] and flags.args:
        raise KubectlError("cannot specify --local and server resources")
    if not named_files(flags) and not flags["local"]:
        for target in meant(client, flags):
            yield target, client.get(target.path)
        return
    complete = not flags["local"]
    for found in file_objects(client, flags["filename"], recursive=flags["recursive"], complete=complete):
        yield found.target, found.manifest


def _patched_here(manifest: Manifest, body: bytes, form: str) -> Manifest:
    """What the client makes of an object by itself. Raises KubectlError."""
    document = json.loads(body)
    try:
        if form == "json":
            return json_patch(manifest, document)
        if form == "merge":
            return merge_patch(manifest, document)
        return strategic_merge(manifest["kind"], manifest, document)
    except PatchError as problem:
        raise KubectlError(str(problem)[:1].upper() + str(problem)[1:]) from None


def _answered(target: Target, answer: Manifest) -> Target:
    """What the server answered with: a patch of a scale is answered with a Scale."""
    api_version, kind = answer.get("apiVersion", ""), answer.get("kind", "")
    if kind in ("", target.resource.kind):
        return target
    group, _, version = api_version.rpartition("/")
    return Target(Resource(group, version, "", kind, True), target.namespace, target.name)


def _patch_body(text: str) -> bytes:
    """A patch as it is sent: JSON goes out as written, YAML is made JSON. Raises KubectlError."""
    if text.lstrip().startswith("{"):
        return text.encode()
    try:
        return json.dumps(read_one(text)).encode()
    except ManifestError as problem:
        raise KubectlError(f"unable to parse {json.dumps(text)}: {problem.message}") from None


def _differ(before: Manifest, after: Manifest) -> bool:
    def seen(manifest: Manifest) -> Manifest:
        hidden = ("managedFields", "resourceVersion", "generation")
        return {**manifest, "metadata": {k: v for k, v in manifest["metadata"].items() if k not in hidden}}

    return seen(before) != seen(after)


def _read(client: Client, name: str) -> str:
    try:
        return client.context.files.read(client.context.path(name))
    except FileError:
        raise KubectlError(f"unable to read patch file: open {name}: no such file or directory") from None
