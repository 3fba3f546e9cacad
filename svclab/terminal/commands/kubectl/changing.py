"""`kubectl patch`, `replace`, `edit` and `scale`."""

import json
from typing import Any

from svclab.kube.resources import Resource
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import FileObject, Target, expand, file_objects, targets
from svclab.terminal.commands.kubectl.client import JSON_PATCH, MERGE, STRATEGIC, Client
from svclab.terminal.commands.kubectl.create import no_kustomize
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import dry_run_of, verb, write_query
from svclab.terminal.commands.kubectl.writing import report, with_last_applied
from svclab.terminal.files import FileError
from svclab.terminal.manifests import ManifestError, read_one

Manifest = dict[str, Any]

_PATCH_TYPES = {"json": JSON_PATCH, "merge": MERGE, "strategic": STRATEGIC}
_COMMON = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.KUSTOMIZE,
    verbs.OUTPUT,
    verbs.DRY_RUN,
    verbs.FIELD_MANAGER,
    verbs.TEMPLATE,
    verbs.ALLOW_MISSING,
    verbs.SHOW_MANAGED_FIELDS,
)


def meant(client: Client, flags: Parsed, *, selecting: bool = False) -> list[Target]:
    """The objects that files or arguments name; collections are looked up."""
    if flags["filename"]:
        return [f.target for f in file_objects(client, flags["filename"], recursive=flags["recursive"])]
    found = targets(client, flags.args, selecting=selecting)
    if any(not target.name for target in found) and not selecting:
        raise KubectlError("resource(s) were provided, but no name was specified")
    return expand(
        client,
        found,
        selector=flags.values.get("selector") or "",
        fields=flags.values.get("field-selector") or "",
    )


@verb(
    "patch",
    flags=(
        *_COMMON,
        Flag("patch", short="p", help="the patch, in JSON or YAML"),
        Flag("patch-file", help="file with the patch"),
        Flag("type", default="strategic", help="json|merge|strategic"),
        Flag("subresource", help="patch this subresource: status or scale"),
        Flag("local", "bool", help="only change what is read from files"),
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
    dry_run = dry_run_of(flags)
    text = flags["patch"] or _read(client, flags["patch-file"])
    body = _patch_body(text)
    for target in meant(client, flags):
        before = client.get(target.path)
        path = target.resource.path(target.namespace, target.name, flags["subresource"])
        query = write_query(client, "kubectl-patch", dry_run)
        after = (
            before if dry_run == "client" else client.patch(path, body, _PATCH_TYPES[flags["type"]], query)
        )
        done = "patched" if _differ(before, after) or dry_run == "client" else "patched (no change)"
        report(client, _answered(target, after), after, done, dry_run)
    return 0


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


@verb(
    "replace",
    flags=(
        *_COMMON,
        verbs.VALIDATE,
        verbs.SAVE_CONFIG,
        Flag("force", "bool", help="delete and create again"),
        Flag("grace-period", "int", default=-1, help="seconds that pods get to end"),
        Flag("cascade", default="background", bare="background", help="what becomes of dependents"),
        Flag("timeout", "duration", help="how long to wait for the deletion"),
        Flag("wait", "bool", help="wait until deleted objects are gone"),
        Flag("raw", help="PUT to this path"),
    ),
    usage="replace -f FILENAME [options]",
    summary="Replace an object by file name or standard input",
)
def replace(client: Client, flags: Parsed) -> int:
    """Replace objects."""
    if flags["kustomize"]:
        raise no_kustomize(client, flags["kustomize"])
    if not flags["filename"]:
        raise KubectlError("must specify one of -f and -k")
    dry_run = dry_run_of(flags)
    objects = file_objects(client, flags["filename"], recursive=flags["recursive"])
    if flags["force"]:
        return _replace_by_force(client, flags, objects)
    errors: list[Exception] = []
    for found in objects:
        try:
            report(client, found.target, _put(client, flags, found, dry_run), "replaced", dry_run)
        except ApiError as refusal:
            errors.append(refusal.while_doing("replacing", found.source))
    raise_all(errors)
    return 0


def _put(client: Client, flags: Parsed, found: FileObject, dry_run: str) -> Manifest:
    manifest = found.manifest
    live = client.get(found.target.path)
    annotations = (live["metadata"].get("annotations") or {}).keys()
    if flags["save-config"] or "kubectl.kubernetes.io/last-applied-configuration" in annotations:
        manifest = with_last_applied(manifest)
    if not manifest["metadata"].get("resourceVersion"):
        metadata = {**manifest["metadata"], "resourceVersion": live["metadata"].get("resourceVersion", "")}
        manifest = {**manifest, "metadata": metadata}
    if dry_run == "client":
        return manifest
    query = write_query(client, "kubectl-replace", dry_run, strict=True)
    return client.send("PUT", found.target.path, manifest, query=query)


def _replace_by_force(client: Client, flags: Parsed, objects: list[FileObject]) -> int:
    grace = flags["grace-period"]
    for found in objects:
        options = {
            "propagationPolicy": "Background",
            **({"gracePeriodSeconds": max(grace, 1)} if grace >= 0 else {}),
        }
        if client.find(found.target.path) is not None:
            client.delete(found.target.path, options)
            client.print(f"{found.target.quoted} deleted")
    for found in objects:
        while client.find(found.target.path) is not None:
            client.context.sleep(0.5)
    for found in objects:
        query = write_query(client, "kubectl-replace", strict=True)
        made = client.create(found.target.resource, found.target.namespace, found.manifest, query)
        report(client, found.target, made, "replaced")
    return 0


@verb(
    "scale",
    flags=(
        *_COMMON,
        verbs.SELECTOR,
        verbs.ALL,
        Flag("replicas", "int", help="the number of pods wanted"),
        Flag("current-replicas", "int", default=-1, help="only if there are so many now"),
        Flag("resource-version", help="only if the object is in this version"),
        Flag("timeout", "duration", help="wait so long until it is done"),
    ),
    usage="scale [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME) [options]",
    summary="Set a new size for a deployment, replica set, or stateful set",
)
def scale(client: Client, flags: Parsed) -> int:
    """Scale workloads."""
    if not flags.has("replicas"):
        raise KubectlError('required flag(s) "replicas" not set')
    if flags["replicas"] < 0:
        raise KubectlError(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0"
        )
    dry_run = dry_run_of(flags)
    selecting = bool(flags["all"] or flags["selector"])
    found = meant(client, flags, selecting=selecting)
    for target in found:
        live = client.find(target.path) if len(found) == 1 else client.get(target.path)
        if live is None:
            raise KubectlError(
                f'no objects passed to scale {target.resource.qualified} "{target.name}" not found'
            )
        path = target.resource.path(target.namespace, target.name, "scale")
        if flags["current-replicas"] >= 0:
            now = client.get(path)["spec"].get("replicas", 0)
            if now != flags["current-replicas"]:
                raise KubectlError(f"Expected replicas to be {flags['current-replicas']}, was {now}")
        if dry_run != "client":
            query = write_query(client, "kubectl-scale", dry_run)[:1] if dry_run == "server" else []
            client.patch(path, {"spec": {"replicas": flags["replicas"]}}, MERGE, query)
        report(client, target, live, "scaled", dry_run)
    return 0


@verb(
    "autoscale",
    flags=(
        *_COMMON,
        Flag("min", "int", default=-1),
        Flag("max", "int", default=-1),
        Flag("cpu-percent", "int", default=-1),
        Flag("name"),
    ),
    usage="autoscale (-f FILENAME | TYPE NAME) [--min=MINPODS] --max=MAXPODS [--cpu-percent=CPU] [options]",
    summary="Scale a deployment by load: not available in this cluster",
)
def autoscale(client: Client, flags: Parsed) -> int:
    """Refused by the server, as autoscaling needs metrics."""
    if not flags.has("max"):
        raise KubectlError('required flag(s) "max" not set')
    target = meant(client, flags)[0]
    client.get(target.path)
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": flags["name"] or target.name, "namespace": target.namespace},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": target.resource.api_version,
                "kind": target.resource.kind,
                "name": target.name,
            },
            "maxReplicas": flags["max"],
        },
    }
    path = f"/apis/autoscaling/v2/namespaces/{target.namespace}/horizontalpodautoscalers"
    client.send("POST", path, body)
    client.print(f"horizontalpodautoscaler.autoscaling/{target.name} autoscaled")
    return 0
