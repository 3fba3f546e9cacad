"""`kubectl set`: image, selector, resources and service account of objects; env is in setting_env.py."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from svclab.kube.selectors import SelectorError, label_selector
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import (
    NOTHING_GIVEN,
    Target,
    expand,
    file_objects,
    qualified_kind,
    targets,
)
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.create_others import amounts
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.replica_sets import CHANGE_CAUSE
from svclab.terminal.commands.kubectl.three_way import three_way_patch
from svclab.terminal.commands.kubectl.verbs import dry_run_of, group, verb, write_query
from svclab.terminal.commands.kubectl.writing import report

Manifest = dict[str, Any]

group("set", "Configure application resources")

COMMON = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.KUSTOMIZE,
    verbs.SELECTOR,
    verbs.ALL,
    verbs.OUTPUT,
    verbs.DRY_RUN,
    verbs.FIELD_MANAGER,
    verbs.TEMPLATE,
    verbs.ALLOW_MISSING,
    verbs.SHOW_MANAGED_FIELDS,
    verbs.LOCAL,
)
_NOT_LOCAL = (
    "you must specify resources by --filename when --local is set.\n"
    "Example resource specifications include:\n"
    "   '-f rsrc.yaml'\n"
    "   '--filename=rsrc.json'"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One kind of change: what is said when it is made, and what when the server refuses it."""

    done: str
    refused: str
    always: bool = False  # sent and told even where it changes nothing


def names_and_pairs(args: list[str], what: str, offender: str = "") -> tuple[list[str], list[str]]:
    """Arguments up to the first `key=value` or `key-`, and the rest, which must all be of that form.

    Raises KubectlError about `what` is changed, and names the argument that is not (or `offender`).
    """
    names: list[str] = []
    pairs: list[str] = []
    for arg in args:
        if ("=" in arg and not arg.startswith("=")) or (arg.endswith("-") and arg != "-"):
            pairs.append(arg)
        elif pairs:
            raise KubectlError(f"all resources must be specified before {what} changes: {offender or arg}")
        else:
            names.append(arg)
    return names, pairs


def meant(client: Client, flags: Parsed, named: list[str], missing: str = NOTHING_GIVEN) -> list[Target]:
    """The objects on the server that are to be changed. Raises KubectlError."""
    if flags["filename"]:
        return [f.target for f in file_objects(client, flags["filename"], recursive=flags["recursive"])]
    if not named:
        raise KubectlError(missing)
    selecting = bool(flags["all"] or flags["selector"])
    found = targets(client, named, selecting=selecting)
    if not selecting and any(not target.name for target in found):
        raise KubectlError("resource(s) were provided, but no name was specified")
    return expand(client, found, selector=flags["selector"])


def originals(client: Client, flags: Parsed, named: list[str]) -> Iterator[tuple[Target, Manifest]]:
    """The objects before the change: from files with --local, else from the server. Raises KubectlError."""
    if not flags["local"]:
        for target in meant(client, flags, named):
            yield target, client.get(target.path)
        return
    if not flags["filename"]:
        raise KubectlError(_NOT_LOCAL)
    for found in file_objects(client, flags["filename"], recursive=flags["recursive"], complete=False):
        yield found.target, found.manifest


def no_template(target: Target, *, local: bool = False) -> KubectlError:
    """Why an object without a pod template cannot be changed."""
    kind = f"*{target.resource.version}.{target.resource.kind}"
    where = f"{target.resource.plural}/{target.name}"
    if local:  # with its group, kubectl breaks the line here
        where = f"{qualified_kind(target.resource)}/{target.name}" + ("\n" if target.resource.group else "")
    return KubectlError(f"error: {where} the object is not a pod or does not have a pod template: {kind}\n")


def pod_spec(manifest: Manifest) -> Manifest | None:
    """The pod spec inside an object: a pod's own, or its template's."""
    spec = manifest.get("spec") or {}
    return spec if manifest.get("kind") == "Pod" else (spec.get("template") or {}).get("spec")


def copy_of(value: Any) -> Any:
    """A document that can be changed without changing the original."""
    if isinstance(value, dict):
        return {key: copy_of(child) for key, child in value.items()}
    return [copy_of(child) for child in value] if isinstance(value, list) else value


def change_templates(
    client: Client,
    flags: Parsed,
    found: list[tuple[Target, Manifest]],
    setting: Setting,
    change: Callable[[Target, Manifest], list[Exception]],
) -> None:
    """Change each pod spec and send what differs; what goes wrong is told at the end.

    `change` gets a pod spec to change in place, and gives the problems that it has with it.
    """
    dry_run = dry_run_of(flags)
    errors: list[Exception] = []
    changed: list[tuple[Target, Manifest, Manifest | None]] = []
    for target, live in found:
        after = copy_of(live)
        spec = pod_spec(after)
        errors += change(target, spec) if spec is not None else []
        if flags.values.get("record") and after != live:
            metadata = after["metadata"]
            annotations = metadata.get("annotations") or {}
            metadata["annotations"] = {**annotations, CHANGE_CAUSE: client.change_cause()}
        changed.append((target, live, after if spec is not None else None))
    for target, live, after in changed:
        if after is None:
            errors.append(no_template(target, local=flags["local"]))
            continue
        try:
            _save(client, target, live, after, setting, "local" if flags["local"] else dry_run)
        except ApiError as refusal:
            errors.append(KubectlError(setting.refused + refusal.message))
    raise_all(errors)


def _save(
    client: Client, target: Target, live: Manifest, after: Manifest, setting: Setting, dry_run: str
) -> None:
    """Send what differs; nothing is said when nothing does."""
    patch = three_way_patch(target.resource.kind, live, after, live)
    if not patch and not setting.always:
        return
    answer = after
    if dry_run not in ("client", "local"):
        answer = client.patch(target.path, patch, query=write_query(client, "kubectl-set", dry_run))
    report(client, target, answer, setting.done, dry_run, typed=True)


@verb(
    "set image",
    flags=(*COMMON, verbs.RECORD),
    usage="set image (-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... [options]",
    summary="Update the image of a pod template",
)
def set_image(client: Client, flags: Parsed) -> int:
    """Set container images."""
    named, updates = names_and_pairs(flags.args, "image")
    if not named and not flags["filename"] and not flags["local"]:
        raise KubectlError(NOTHING_GIVEN)
    found = list(originals(client, flags, named))
    if not updates:
        raise KubectlError("at least one image update is required")
    images = dict(update.split("=", 1) for update in updates)
    setting = Setting("image updated", "failed to patch image update to pod template: ")
    change_templates(client, flags, found, setting, lambda _, spec: _put_images(spec, images))
    return 0


def _put_images(spec: Manifest, images: dict[str, str]) -> list[Exception]:
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    errors: list[Exception] = []
    for name, image in images.items():
        matching = [c for c in containers if name == "*" or c["name"] == name]
        if not matching:
            errors.append(KubectlError(f'error: unable to find container named "{name}"'))
        for container in matching:
            container["image"] = image
    return errors


@verb(
    "set resources",
    flags=(
        *COMMON,
        Flag("containers", default="*", short="c", help="which containers, a pattern"),
        Flag("limits", help="such as cpu=200m,memory=512Mi"),
        Flag("requests", help="such as cpu=100m"),
        verbs.RECORD,
    ),
    usage="set resources (-f FILENAME | TYPE NAME) ([--limits=LIMITS & --requests=REQUESTS] [options]",
    summary="Update resource requests/limits on objects with pod templates",
)
def set_resources(client: Client, flags: Parsed) -> int:
    """Set requests and limits."""
    found = list(originals(client, flags, flags.args))
    if not flags["limits"] and not flags["requests"]:
        raise KubectlError(
            "you must specify an update to requests or limits (in the form of --requests/--limits)"
        )
    wanted = {kind: amounts(flags[kind]) for kind in ("limits", "requests") if flags[kind]}

    def change(_: Target, spec: Manifest) -> list[Exception]:
        chosen = [c for c in spec.get("containers") or [] if fnmatchcase(c["name"], flags["containers"])]
        for container in chosen:
            resources = container.setdefault("resources", {})
            for kind, quantities in wanted.items():
                resources[kind] = {**(resources.get(kind) or {}), **quantities}
        return [] if chosen else [KubectlError(f"unable to find container named {flags['containers']}")]

    setting = Setting("resource requirements updated", "failed to patch resources update to pod template ")
    change_templates(client, flags, found, setting, change)
    return 0


@verb(
    "set serviceaccount",
    flags=(*COMMON, verbs.RECORD),
    usage="set serviceaccount (-f FILENAME | TYPE NAME) SERVICE_ACCOUNT [options]",
    summary="Update the service account of a resource",
    aliases=("set sa",),
)
def set_serviceaccount(client: Client, flags: Parsed) -> int:
    """Set the service account of pod templates."""
    if not flags.args:
        raise KubectlError("serviceaccount is required")
    account = flags.args[-1]

    def change(_: Target, spec: Manifest) -> list[Exception]:
        spec["serviceAccountName"] = account
        return []

    found = list(originals(client, flags, flags.args[:-1]))
    setting = Setting("serviceaccount updated", "failed to patch ServiceAccountName ", always=True)
    change_templates(client, flags, found, setting, change)
    return 0


@verb(
    "set subject",
    flags=(
        *COMMON,
        Flag("user", "array", help="a user"),
        Flag("group", "array", help="a group"),
        Flag("serviceaccount", "array", help="a service account, namespace:name"),
    ),
    usage="set subject (-f FILENAME | TYPE NAME) [--user=username] [--group=groupname] [options]",
    summary="Update the subjects of a role binding or cluster role binding",
)
def set_subject(client: Client, flags: Parsed) -> int:
    """Role bindings cannot be made in this cluster, so none is found."""
    for target in meant(client, flags, flags.args):
        client.get(target.path)
    return 0


@verb(
    "set selector",
    flags=(*COMMON, Flag("resource-version", help="only if the object is in this version")),
    usage="set selector (-f FILENAME | TYPE NAME) EXPRESSIONS [options]",
    summary="Set the selector on a resource",
)
def set_selector(client: Client, flags: Parsed) -> int:
    """Set a Service's selector."""
    if not flags.args:
        raise KubectlError("one selector is required")
    named = [] if flags["filename"] else flags.args[:-1]
    expression, dry_run = flags.args[-1], dry_run_of(flags)
    for target, live in originals(client, flags, named):
        if target.resource.kind != "Service":
            raise KubectlError("setting a selector is only supported for Services")
        selector = _selector(expression)
        removed = {key: None for key in live["spec"].get("selector") or {} if key not in selector}
        body: Manifest = {"metadata": {}, "spec": {"selector": {**removed, **selector}}}
        if flags["resource-version"]:
            body["metadata"] = {"resourceVersion": flags["resource-version"]}
        answer = {**live, "spec": {**live["spec"], "selector": selector}}
        if dry_run != "client" and not flags["local"]:
            answer = client.patch(target.path, body, query=write_query(client, "kubectl-set", dry_run))
        report(client, target, answer, "selector updated", dry_run)
    return 0


def _selector(expression: str) -> dict[str, str]:
    """A Service's selector of an expression, which may only compare. Raises KubectlError."""
    try:
        requirements = label_selector(expression).requirements
    except SelectorError as problem:
        raise KubectlError(str(problem)) from None
    for requirement in requirements:
        words = {"in": "In", "notin": "NotIn", "exists": "Exists", "!": "DoesNotExist"}
        if requirement.operator in words:
            values = " ".join(requirement.values)
            shown = f"{{{requirement.key} {words[requirement.operator]} [{values}]}}"
            raise KubectlError(f"match expression [{shown}] not supported on this object")
        if requirement.operator != "=":
            raise KubectlError(f'"{requirement.operator}" is not a valid label selector operator')
    return {requirement.key: requirement.values[0] for requirement in requirements}
