"""`kubectl replace`, `scale` and `autoscale`."""

from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import (
    FileObject,
    Target,
    expand,
    file_objects,
    named_files,
    resource_of,
    targets,
)
from svclab.terminal.commands.kubectl.client import MERGE, Client
from svclab.terminal.commands.kubectl.create import no_kustomize
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.generators import metadata, without_nulls
from svclab.terminal.commands.kubectl.replica_sets import CHANGE_CAUSE
from svclab.terminal.commands.kubectl.verbs import dry_run_of, verb, write_query
from svclab.terminal.commands.kubectl.writing import LAST_APPLIED, head_of, report, with_last_applied

Manifest = dict[str, Any]

COMMON = (
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
    if named_files(flags):
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
    "replace",
    flags=(
        *COMMON,
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
    if flags["force"] and dry_run != "none":
        raise KubectlError("--dry-run can not be used when --force is set")
    for name in ("grace-period", "timeout"):
        if flags.has(name) and not flags["force"]:
            raise KubectlError(f"--{name} must have --force specified")
    objects = file_objects(client, flags["filename"], recursive=flags["recursive"])
    if flags["force"]:
        return _replace_by_force(client, flags, objects)
    errors: list[Exception] = []
    for found in objects:
        try:
            report(client, found.target, _put(client, flags, found, dry_run), "replaced", dry_run)
        except ApiError as refusal:
            errors.append(refusal.while_doing("replacing", found.source))
        except KubectlError as problem:
            errors.append(KubectlError(f'error when replacing "{found.source}": {problem.text}'))
    raise_all(errors)
    return 0


def _put(client: Client, flags: Parsed, found: FileObject, dry_run: str) -> Manifest:
    """Put the object of a file in the place of the live one, in whatever version that is."""
    manifest = found.manifest
    if flags["save-config"] or LAST_APPLIED in (manifest["metadata"].get("annotations") or {}):
        manifest = with_last_applied(manifest)
    if dry_run == "client":
        return manifest
    live = client.find(found.target.path)  # where there is none, the server says whether it may be created
    if live is not None and not manifest["metadata"].get("resourceVersion"):
        metadata = {**manifest["metadata"], "resourceVersion": live["metadata"].get("resourceVersion", "")}
        manifest = {**manifest, "metadata": metadata}
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
        *COMMON,
        verbs.SELECTOR,
        verbs.ALL,
        Flag("replicas", "int", help="the number of pods wanted"),
        Flag("current-replicas", "int", default=-1, help="only if there are so many now"),
        Flag("resource-version", help="only if the object is in this version"),
        Flag("timeout", "duration", help="wait so long until it is done"),
        verbs.RECORD,
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
    try:
        found = meant(client, flags, selecting=selecting)
    except KubectlError as problem:
        if problem not in client.deferred:
            raise
        client.deferred.clear()
        raise KubectlError(f"no objects passed to scale {problem.text}") from None
    if not found:
        raise KubectlError("no objects passed to scale")
    for target in found:
        live = _scaled(client, flags, target, alone=len(found) == 1)
        path = f"{target.path}/scale"
        version, wanted = live["metadata"].get("resourceVersion"), flags["resource-version"]
        if wanted and wanted != version:
            raise KubectlError(f"Expected resource version to be {wanted}, was {version}")
        if flags["current-replicas"] >= 0:
            now = client.get(path)["spec"].get("replicas", 0)
            if now != flags["current-replicas"]:
                raise KubectlError(f"Expected replicas to be {flags['current-replicas']}, was {now}")
        if dry_run != "client":
            query = write_query(client, "kubectl-scale", dry_run)[:1] if dry_run == "server" else []
            client.patch(path, {"spec": {"replicas": flags["replicas"]}}, MERGE, query)
            if flags["record"]:
                cause = {"metadata": {"annotations": {CHANGE_CAUSE: client.change_cause()}}}
                client.patch(target.path, cause, MERGE, query)
        report(client, target, live, "scaled", dry_run)
    return 0


def _scaled(client: Client, flags: Parsed, target: Target, *, alone: bool) -> Manifest:
    """The object as it is; one of a file is not looked at, unless its version counts. Raises ApiError."""
    if flags["filename"] and not flags["resource-version"]:
        return {**head_of(target), "metadata": {"name": target.name}}
    try:
        return client.get(target.path)
    except ApiError as refusal:
        if not alone:
            raise
        raise KubectlError(f"no objects passed to scale {refusal.message}") from None


@verb(
    "autoscale",
    flags=(
        *COMMON,
        verbs.SAVE_CONFIG,
        Flag("min", "int", default=-1, help="no fewer pods than these"),
        Flag("max", "int", default=-1, help="no more pods than these"),
        Flag("cpu-percent", "int", default=-1, help="the load to aim at"),
        Flag("name", help="the autoscaler's name"),
    ),
    usage="autoscale (-f FILENAME | TYPE NAME) [--min=MINPODS] --max=MAXPODS [--cpu-percent=CPU] [options]",
    summary="Scale a deployment by load: not available in this cluster",
)
def autoscale(client: Client, flags: Parsed) -> int:
    """Make an autoscaler; the server refuses it, as autoscaling needs metrics."""
    least, most = flags["min"], flags["max"]
    if not flags.has("max"):
        raise KubectlError('required flag(s) "max" not set')
    if most < 1:
        raise KubectlError(f"--max=MAXPODS is required and must be at least 1, max: {most}")
    if most < least:
        raise KubectlError(
            f"--max=MAXPODS must be larger or equal to --min=MINPODS, max: {most}, min: {least}"
        )
    dry_run = dry_run_of(flags)
    for target in meant(client, flags):
        client.get(target.path)
        made = _autoscaler(flags, target)
        scaler = Target(resource_of("horizontalpodautoscalers"), target.namespace, made["metadata"]["name"])
        if dry_run != "client":
            query = write_query(client, "kubectl-autoscale", dry_run)
            made = client.create(scaler.resource, scaler.namespace, without_nulls(made), query)
        done = "created" if dry_run == "client" else "autoscaled"
        report(client, scaler, made, done, dry_run, typed=True)
    return 0


def _autoscaler(flags: Parsed, target: Target) -> Manifest:
    resource = target.resource
    if not resource.subresource("scale"):
        raise KubectlError(
            f"cannot autoscale a {resource.kind}: could not find scale subresource for {resource.group}/"
            f"{resource.version}, Resource={resource.plural} in discovery information"
        )
    reference = {"kind": resource.kind, "name": target.name, "apiVersion": resource.api_version}
    spec: Manifest = {"scaleTargetRef": reference}
    if flags["min"] > 0:
        spec["minReplicas"] = flags["min"]
    spec["maxReplicas"] = flags["max"]
    if flags["cpu-percent"] >= 0:
        load = {"type": "Utilization", "averageUtilization": flags["cpu-percent"]}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": load}}]
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": metadata(flags["name"] or target.name),
        "spec": spec,
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    }
