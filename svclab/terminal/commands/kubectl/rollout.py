"""`kubectl rollout`: status, history, undo, restart, pause, resume."""

from typing import Any

from svclab.kube.meta import condition, timestamp
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import (
    Target,
    expand,
    file_objects,
    named_files,
    resource_of,
    targets,
)
from svclab.terminal.commands.kubectl.client import JSON_PATCH, Client
from svclab.terminal.commands.kubectl.describe_pod import write_template
from svclab.terminal.commands.kubectl.describe_writer import Description
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.replica_sets import CHANGE_CAUSE, replica_sets_of, revision_of
from svclab.terminal.commands.kubectl.tabwriter import align
from svclab.terminal.commands.kubectl.verbs import dry_run_of, group, verb, write_query
from svclab.terminal.commands.kubectl.writing import LAST_APPLIED, report

Manifest = dict[str, Any]

group("rollout", "Manage the rollout of one or many resources")

_COMMON = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.KUSTOMIZE,
    verbs.SELECTOR,
    verbs.OUTPUT,
    verbs.FIELD_MANAGER,
    verbs.TEMPLATE,
    verbs.ALLOW_MISSING,
    verbs.SHOW_MANAGED_FIELDS,
)
_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_ROLLED_OUT = ("Deployment", "DaemonSet", "StatefulSet")
# Annotations of a replica set that a rollback does not bring back.
_NOT_ROLLED_BACK = frozenset(
    {
        LAST_APPLIED,
        "deployment.kubernetes.io/revision",
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.deployment.rollback.to",
    }
)


def _meant(client: Client, flags: Parsed) -> list[Target]:
    if named_files(flags):
        return [f.target for f in file_objects(client, flags["filename"], recursive=flags["recursive"])]
    if not flags.args:
        raise KubectlError("required resource not specified")
    found = targets(client, flags.args, selecting=bool(flags["selector"]))
    return expand(client, found, selector=flags["selector"])


def _group_kind(target: Target) -> str:
    return f"{target.resource.kind}.{target.resource.group}".rstrip(".")


def _require(target: Target, kinds: tuple[str, ...], what: str) -> None:
    if target.resource.kind not in kinds:
        raise KubectlError(f'{target.resource.qualified} "{target.name}" {what} is not supported')


@verb(
    "rollout status",
    flags=(
        *_COMMON,
        Flag("watch", "bool", default=True, short="w", help="watch until it is done"),
        Flag("timeout", "duration", help="how long to wait"),
        Flag("revision", "int", help="wait for this one"),
    ),
    usage="rollout status (TYPE NAME | TYPE/NAME) [flags] [options]",
    summary="Show the status of the rollout",
)
def status(client: Client, flags: Parsed) -> int:
    """Follow a rollout until it is done."""
    if flags["revision"] < 0:
        raise KubectlError(f"revision must be a positive integer: {flags['revision']}")
    found = _meant(client, flags)
    if not found:
        client.note(f"No resources found in {client.namespace} namespace.")
    for target in found:
        client.get(target.path)
        _follow(client, flags, target)
    return 0


def _follow(client: Client, flags: Parsed, target: Target) -> None:
    if target.resource.kind not in _ROLLED_OUT:
        raise KubectlError(f"no status viewer has been implemented for {_group_kind(target)}")
    by_name = [("fieldSelector", f"metadata.name={target.name}")]
    path = target.resource.path(target.namespace)
    listed = client.get(path, [*by_name, ("limit", "500"), ("resourceVersion", "0")])
    for item in listed.get("items") or []:
        if _tell(client, item, target, flags["revision"]) or not flags["watch"]:
            return
    query = [*by_name, ("resourceVersion", listed["metadata"].get("resourceVersion", ""))]
    for event in client.watch(path, query, seconds=flags["timeout"] or None):
        if event["type"] == "DELETED":
            raise KubectlError("object has been deleted")
        if event["type"] in ("ADDED", "MODIFIED") and _tell(
            client, event["object"], target, flags["revision"]
        ):
            return
    raise KubectlError("timed out waiting for the condition")


def _tell(client: Client, manifest: Manifest, target: Target, revision: int) -> bool:
    words, done = rollout_words(target.resource.kind, manifest, revision)
    client.print(words)
    return done


def rollout_words(kind: str, manifest: Manifest, revision: int = 0) -> tuple[str, bool]:
    """What `rollout status` says about an object, and whether the rollout is over.

    Raises KubectlError when it has failed. Source: kubectl pkg/polymorphichelpers/rollout_status.go.
    """
    name, spec, state = manifest["metadata"]["name"], manifest["spec"], manifest.get("status") or {}
    observed = manifest["metadata"].get("generation", 0) <= state.get("observedGeneration", 0)
    if kind == "Deployment":
        if revision and revision_of(manifest) != revision:
            raise KubectlError(
                f"desired revision ({revision}) is different from the running revision "
                f"({revision_of(manifest)})"
            )
        return (
            _deployment_words(name, spec, state, manifest)
            if observed
            else ("Waiting for deployment spec update to be observed...", False)
        )
    if kind == "DaemonSet":
        return (
            _daemonset_words(name, state)
            if observed
            else ("Waiting for daemon set spec update to be observed...", False)
        )
    return (
        _statefulset_words(spec, state)
        if observed
        else ("Waiting for statefulset spec update to be observed...", False)
    )


def _deployment_words(name: str, spec: Manifest, state: Manifest, manifest: Manifest) -> tuple[str, bool]:
    progressing = condition(manifest, "Progressing")
    if progressing is not None and progressing.get("reason") == "ProgressDeadlineExceeded":
        raise KubectlError(f'deployment "{name}" exceeded its progress deadline')
    updated, wanted = state.get("updatedReplicas", 0), spec.get("replicas", 1)
    waiting = f'Waiting for deployment "{name}" rollout to finish:'
    if updated < wanted:
        return f"{waiting} {updated} out of {wanted} new replicas have been updated...", False
    old = state.get("replicas", 0) - updated
    if old > 0:
        return f"{waiting} {old} old replicas are pending termination...", False
    available = state.get("availableReplicas", 0)
    if available < updated:
        return f"{waiting} {available} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True


def _daemonset_words(name: str, state: Manifest) -> tuple[str, bool]:
    updated, wanted = state.get("updatedNumberScheduled", 0), state.get("desiredNumberScheduled", 0)
    waiting = f'Waiting for daemon set "{name}" rollout to finish:'
    if updated < wanted:
        return f"{waiting} {updated} out of {wanted} new pods have been updated...", False
    available = state.get("numberAvailable", 0)
    if available < wanted:
        return f"{waiting} {available} of {wanted} updated pods are available...", False
    return f'daemon set "{name}" successfully rolled out', True


def _statefulset_words(spec: Manifest, state: Manifest) -> tuple[str, bool]:
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        raise KubectlError("rollout status is only available for RollingUpdate strategy type")
    wanted, ready = spec.get("replicas", 1), state.get("readyReplicas", 0)
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...", False
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    if "partition" in rolling:
        updated, meant = state.get("updatedReplicas", 0), wanted - rolling["partition"]
        if updated < meant:
            waiting = "Waiting for partitioned roll out to finish:"
            return f"{waiting} {updated} out of {meant} new pods have been updated...", False
        return f"partitioned roll out complete: {updated} new pods have been updated...", True
    if state.get("updateRevision") != state.get("currentRevision"):
        return (
            f"waiting for statefulset rolling update to complete {state.get('updatedReplicas', 0)} pods "
            "at revision "
            f"{state.get('updateRevision', '')}...",
            False,
        )
    return (
        f"statefulset rolling update complete {state.get('currentReplicas', 0)} pods at revision "
        f"{state.get('currentRevision', '')}...",
        True,
    )


@verb(
    "rollout history",
    flags=(*_COMMON, Flag("revision", "int", help="show this revision in detail")),
    usage="rollout history (TYPE NAME | TYPE/NAME) [flags] [options]",
    summary="View rollout history",
)
def history(client: Client, flags: Parsed) -> int:
    """Show revisions."""
    if flags["revision"] < 0:
        raise KubectlError(f"revision must be a positive integer: {flags['revision']}")
    for target in _meant(client, flags):
        if target.resource.kind not in _ROLLED_OUT:
            raise KubectlError(_no_helper(target, "history", "history viewer"))
        live = client.get(target.path)
        if target.resource.kind == "Deployment":
            sets = {revision_of(rs): rs for rs in replica_sets_of(client, live)}
            _show_history(client, flags, target, sets)
            continue
        with_revision = f"with revision #{flags['revision']}" if flags["revision"] else ""
        client.print(f"{target.printed} {with_revision}\nNo rollout history found.")
    return 0


def _show_history(client: Client, flags: Parsed, target: Target, sets: dict[int, Manifest]) -> None:
    """The revisions of a deployment: all of them, or one in detail; with -o their replica sets."""
    wanted = flags["revision"]
    if wanted and wanted not in sets:
        raise KubectlError("unable to find the specified revision")
    if flags["output"]:
        replica_sets = resource_of("replicasets.apps")
        for number in [wanted] if wanted else sorted(sets):
            shown = {"kind": "ReplicaSet", "apiVersion": "apps/v1", **sets[number]}
            name = shown["metadata"]["name"]
            report(client, Target(replica_sets, target.namespace, name), shown, "", typed=True)
    elif not sets:
        client.print(f"{target.printed} \nNo rollout history found.")
    elif wanted:
        client.print(f"{target.printed} with revision #{wanted}")
        client.context.stdout.write(_template_text(client, sets[wanted]) + "\n")
    else:
        client.print(f"{target.printed} ")
        rows = ["REVISION\tCHANGE-CAUSE"]
        for number in sorted(sets):
            cause = (sets[number]["metadata"].get("annotations") or {}).get(CHANGE_CAUSE) or "<none>"
            rows.append(f"{number}\t{cause}")
        client.context.stdout.write(align("\n".join(rows)) + "\n\n")


def _no_helper(target: Target, word: str, helper: str) -> str:
    """Why a kind has no history and cannot be rolled back: kubectl knows it, or not even that."""
    if target.resource.kind in ("CronJob", "Job", "Pod", "ReplicaSet", "ReplicationController"):
        return f'no {helper} has been implemented for "{_group_kind(target)}"'
    return f'error retrieving {word} for "{target.resource.kind}", {_no_visitor(target)}'


def _no_visitor(target: Target) -> str:
    return f"no visitor method exists for {{{target.resource.group} {target.resource.kind}}}"


def _template_text(client: Client, replica_set: Manifest) -> str:
    """A revision's pod template, with tabs as they are; the change's cause counts as its annotation."""
    template = dict(replica_set["spec"]["template"])
    cause = (replica_set["metadata"].get("annotations") or {}).get(CHANGE_CAUSE)
    if cause:
        metadata = dict(template.get("metadata") or {})
        metadata["annotations"] = {**(metadata.get("annotations") or {}), CHANGE_CAUSE: cause}
        template["metadata"] = metadata
    out = Description(client.context.now(), aligned=False)
    write_template(out, template)
    return out.text()


@verb(
    "rollout undo",
    flags=(*_COMMON, verbs.DRY_RUN, Flag("to-revision", "int", help="the revision to go back to")),
    usage="rollout undo (TYPE NAME | TYPE/NAME) [flags] [options]",
    summary="Undo a previous rollout",
)
def undo(client: Client, flags: Parsed) -> int:
    """Go back to an earlier revision."""
    dry_run = dry_run_of(flags)
    errors: list[Exception] = []
    for target in _meant(client, flags):
        try:
            _undo(client, flags, target, dry_run)
        except (KubectlError, ApiError) as problem:
            errors.append(problem)
    raise_all(errors)
    return 0


def _undo(client: Client, flags: Parsed, target: Target, dry_run: str) -> None:
    if target.resource.kind in _ROLLED_OUT and target.resource.kind != "Deployment":
        raise KubectlError("no last revision to roll back to")
    if target.resource.kind != "Deployment":
        raise KubectlError(_no_helper(target, "rollbacker", "rollbacker"))
    deployment = client.get(target.path)
    found = _revision(client, deployment, flags["to-revision"])
    if deployment["spec"].get("paused"):
        raise KubectlError(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and "
            "try again"
        )
    template = _without_hash(found["spec"]["template"])
    if template == _without_hash(deployment["spec"]["template"]):
        words = f"skipped rollback (current template already matches revision {revision_of(found)})"
        client.print(f"{target.printed} {words}")
        return
    done = "rolled back"
    if dry_run == "client":
        done = _template_text(client, found)
    else:
        annotations = _rolled_back_annotations(deployment, found)
        operations = [
            {"op": "replace", "path": "/spec/template", "value": template},
            {"op": "replace", "path": "/metadata/annotations", "value": annotations},
        ]
        query = [("dryRun", "All")] if dry_run == "server" else []
        client.patch(target.path, operations, JSON_PATCH, query)
    report(client, target, deployment, done, dry_run)


def _revision(client: Client, deployment: Manifest, wanted: int) -> Manifest:
    sets = sorted(replica_sets_of(client, deployment), key=revision_of)
    if wanted:
        found = next((rs for rs in sets if revision_of(rs) == wanted), None)
        if found is None:
            raise KubectlError(f"unable to find specified revision {wanted} in history")
        return found
    if len(sets) < 2:
        name = deployment["metadata"]["name"]
        raise KubectlError(f'no rollout history found for deployment "{name}"')
    return sets[-2]


def _without_hash(template: Manifest) -> Manifest:
    metadata = {k: v for k, v in (template.get("metadata") or {}).items() if k != "creationTimestamp"}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != "pod-template-hash"}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _rolled_back_annotations(deployment: Manifest, replica_set: Manifest) -> dict[str, str]:
    own = deployment["metadata"].get("annotations") or {}
    earlier = replica_set["metadata"].get("annotations") or {}
    kept = {key: value for key, value in own.items() if key in _NOT_ROLLED_BACK}
    return {**kept, **{key: value for key, value in earlier.items() if key not in _NOT_ROLLED_BACK}}


@verb(
    "rollout restart", flags=_COMMON, usage="rollout restart RESOURCE [options]", summary="Restart a resource"
)
def restart(client: Client, flags: Parsed) -> int:
    """Restart all pods of a workload by a change of its template."""
    found = _meant(client, flags)
    if not found:
        client.note(f"No resources found in {client.namespace} namespace.")
    for target in found:
        _require(target, _ROLLED_OUT, "restarting")
        live = client.get(target.path)
        if live["spec"].get("paused"):
            raise KubectlError(
                f'{target.resource.qualified} "{target.name}" can\'t restart paused deployment (run '
                "rollout resume first)"
            )
        annotation = {_RESTARTED_AT: timestamp(client.context.now())}
        template = live["spec"]["template"].get("metadata") or {}
        if (template.get("annotations") or {}).get(_RESTARTED_AT) == annotation[_RESTARTED_AT]:
            raise KubectlError(
                f"failed to create patch for {target.name}: if restart has already been triggered within the "
                "past second, please wait before attempting to trigger another"
            )
        body = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
        answer = client.patch(target.path, body, query=write_query(client, "kubectl-rollout"))
        report(client, target, answer, "restarted")
    return 0


@verb(
    "rollout pause",
    flags=_COMMON,
    usage="rollout pause RESOURCE [options]",
    summary="Mark the provided resource as paused",
)
def pause(client: Client, flags: Parsed) -> int:
    """Hold a rollout."""
    return _set_paused(client, flags, paused=True)


@verb(
    "rollout resume",
    flags=_COMMON,
    usage="rollout resume RESOURCE [options]",
    summary="Resume a paused resource",
)
def resume(client: Client, flags: Parsed) -> int:
    """Let a rollout go on."""
    return _set_paused(client, flags, paused=False)


def _set_paused(client: Client, flags: Parsed, *, paused: bool) -> int:
    for target in _meant(client, flags):
        _require(target, ("Deployment",), "pausing" if paused else "resuming")
        live = client.get(target.path)
        if bool(live["spec"].get("paused")) == paused:
            words = "is already paused" if paused else "is not paused"
            raise KubectlError(f'{target.resource.qualified} "{target.name}" {words}')
        body = {"spec": {"paused": True if paused else None}}
        answer = client.patch(target.path, body, query=write_query(client, "kubectl-rollout"))
        report(client, target, answer, "paused" if paused else "resumed")
    return 0
