"""`kubectl set`: image, env, selector, resources of objects that are there."""

import re
from fnmatch import fnmatchcase
from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import NOTHING_GIVEN, Target, expand, file_objects, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.three_way import three_way_patch
from svclab.terminal.commands.kubectl.verbs import dry_run_of, group, verb, write_query
from svclab.terminal.commands.kubectl.writing import report

Manifest = dict[str, Any]

group("set", "Configure application resources")

_COMMON = (
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
    Flag("local", "bool", help="only change what is read from files"),
)


def _split(args: list[str], *, removals: bool = False) -> tuple[list[str], list[str]]:
    for index, arg in enumerate(args):
        if "=" in arg or (removals and arg.endswith("-") and index):
            return args[:index], args[index:]
    return args, []


def _meant(client: Client, flags: Parsed, named: list[str], missing: str = NOTHING_GIVEN) -> list[Target]:
    if flags["filename"]:
        return [f.target for f in file_objects(client, flags["filename"], recursive=flags["recursive"])]
    if not named:
        raise KubectlError(missing)
    selecting = bool(flags["all"] or flags["selector"])
    found = targets(client, named, selecting=selecting)
    if not selecting and any(not target.name for target in found):
        raise KubectlError("resource(s) were provided, but no name was specified")
    return expand(client, found, selector=flags["selector"])


def _no_template(target: Target) -> str:
    kind = f"*{target.resource.version}.{target.resource.kind}"
    where = f"{target.resource.plural}/{target.name}"
    return f"{where} the object is not a pod or does not have a pod template: {kind}"


def pod_spec(manifest: Manifest) -> Manifest | None:
    """The pod spec inside an object: a pod's own, or its template's."""
    spec = manifest.get("spec") or {}
    return spec if manifest.get("kind") == "Pod" else (spec.get("template") or {}).get("spec")


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(child) for key, child in value.items()}
    return [_copy(child) for child in value] if isinstance(value, list) else value


def _save(client: Client, target: Target, live: Manifest, changed: Manifest, done: str, dry_run: str) -> None:
    """Send what differs; nothing is said when nothing does."""
    patch = three_way_patch(target.resource.kind, live, changed, live)
    if not patch:
        return
    answer = changed
    if dry_run != "client":
        answer = client.patch(target.path, patch, query=write_query(client, "kubectl-set", dry_run))
    report(client, target, answer, done, dry_run)


@verb(
    "set image",
    flags=_COMMON,
    usage="set image (-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... [options]",
    summary="Update the image of a pod template",
)
def set_image(client: Client, flags: Parsed) -> int:
    """Set container images."""
    named, updates = _split(flags.args)
    if not updates and named and not flags["filename"]:
        targets(client, named, selecting=bool(flags["all"] or flags["selector"]))
    found = _meant(client, flags, named)
    if not updates:
        raise KubectlError("at least one image update is required")
    dry_run, images = dry_run_of(flags), dict(update.split("=", 1) for update in updates)
    errors: list[Exception] = []
    for target in found:
        live = client.get(target.path)
        changed = _copy(live)
        spec = pod_spec(changed)
        if spec is None:
            errors.append(KubectlError(_no_template(target)))
            continue
        try:
            _put_images(spec, images)
        except KubectlError as problem:
            errors.append(problem)
            continue
        _save(client, target, live, changed, "image updated", dry_run)
    raise_all(errors)
    return 0


def _put_images(spec: Manifest, images: dict[str, str]) -> None:
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    for name, image in images.items():
        matching = [c for c in containers if name == "*" or c["name"] == name]
        if not matching:
            raise KubectlError(f'unable to find container named "{name}"')
        for container in matching:
            container["image"] = image


@verb(
    "set env",
    flags=(
        *_COMMON,
        Flag("containers", default="*", short="c", help="which containers, a pattern"),
        Flag("env", "array", short="e", help="a variable"),
        Flag("from", help="config map or secret to take from"),
        Flag("keys", "strings", help="only these keys of --from"),
        Flag("prefix", help="before each name"),
        Flag("list", "bool", help="show the variables"),
        Flag("overwrite", "bool", default=True),
        Flag("resolve", "bool", help="show what references give"),
    ),
    usage="set env RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N [options]",
    summary="Update environment variables on a pod template",
)
def set_env(client: Client, flags: Parsed) -> int:
    """Set environment variables."""
    named, updates = _split(flags.args, removals=True)
    found = _meant(
        client,
        flags,
        named,
        "one or more resources must be specified as <resource> <name> or <resource>/<name>",
    )
    dry_run, updates = dry_run_of(flags), [*updates, *flags["env"]]
    for target in found:
        live = client.get(target.path)
        changed = _copy(live)
        spec = pod_spec(changed)
        if spec is None:
            raise KubectlError(_no_template(target))
        containers = [c for c in spec.get("containers") or [] if fnmatchcase(c["name"], flags["containers"])]
        if flags["list"]:
            starting = [
                c for c in spec.get("initContainers") or [] if fnmatchcase(c["name"], flags["containers"])
            ]
            _list_env(client, target, [*containers, *starting])
            continue
        additions = _from_source(client, flags) if flags["from"] else []
        for container in containers:
            merged = _merged_env(container.get("env") or [], updates, additions)
            if merged or container.get("env"):
                container["env"] = merged
        _save(client, target, live, changed, "env updated", dry_run)
    return 0


def _list_env(client: Client, target: Target, containers: list[Manifest]) -> None:
    for container in containers:
        client.print(f"# {target.resource.kind} {target.name}, container {container['name']}")
        for entry in container.get("env") or []:
            source = entry.get("valueFrom")
            if not source:
                client.print(f"{entry['name']}={entry.get('value', '')}")
            else:
                client.print(f"# {entry['name']} from {_source_words(source)}")


def _source_words(source: Manifest) -> str:
    kind, reference = next(iter(source.items()))
    if kind in ("configMapKeyRef", "secretKeyRef"):
        word = "configmap" if kind == "configMapKeyRef" else "secret"
        return f"{word} {reference.get('name')}, key {reference.get('key')}"
    if kind == "resourceFieldRef":
        return f"resource field {reference.get('resource')}"
    return f"field path {reference.get('fieldPath')}"


def _from_source(client: Client, flags: Parsed) -> list[Manifest]:
    source = targets(client, [flags["from"]])[0]
    kinds = {"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}
    if source.resource.kind not in kinds:
        raise KubectlError("unsupported resource specified in --from")
    keys = sorted(client.get(source.path).get("data") or {})
    chosen = [key for key in keys if not flags["keys"] or key in flags["keys"]]
    return [
        {
            "name": flags["prefix"] + re.sub(r"[^A-Za-z0-9_]", "_", key).upper(),
            "valueFrom": {kinds[source.resource.kind]: {"name": source.name, "key": key}},
        }
        for key in chosen
    ]


def _merged_env(present: list[Manifest], updates: list[str], additions: list[Manifest]) -> list[Manifest]:
    result = {entry["name"]: entry for entry in present}
    for entry in additions:
        result[entry["name"]] = entry
    for update in updates:
        name, equals, value = update.partition("=")
        if equals:
            result[name] = {"name": name, "value": value}
        else:
            result.pop(update.removesuffix("-"), None)
    return list(result.values())


@verb(
    "set selector",
    flags=(*_COMMON, Flag("resource-version", help="only if the object is in this version")),
    usage="set selector (-f FILENAME | TYPE NAME) EXPRESSIONS [options]",
    summary="Set the selector on a resource",
)
def set_selector(client: Client, flags: Parsed) -> int:
    """Set a Service's selector."""
    if not flags.args and not flags["filename"]:
        raise KubectlError("one selector is required")
    named, expressions = flags.args[:-1], flags.args[-1:]
    if flags["filename"]:
        named, expressions = [], flags.args
    selector = (
        dict(part.split("=", 1) for part in expressions[0].split(",") if "=" in part) if expressions else {}
    )
    dry_run = dry_run_of(flags)
    for target in _meant(client, flags, named):
        live = client.get(target.path)
        if target.resource.kind != "Service":
            raise KubectlError("setting a selector is only supported for Services")
        body = {
            "metadata": {},
            "spec": {"selector": {**dict.fromkeys(live["spec"].get("selector") or {}), **selector}},
        }
        answer = (
            live
            if dry_run == "client"
            else client.patch(target.path, body, query=write_query(client, "kubectl-set", dry_run))
        )
        report(client, target, answer, "selector updated", dry_run)
    return 0


@verb(
    "set resources",
    flags=(
        *_COMMON,
        Flag("containers", default="*", short="c", help="which containers, a pattern"),
        Flag("limits", help="such as cpu=200m,memory=512Mi"),
        Flag("requests", help="such as cpu=100m"),
    ),
    usage="set resources (-f FILENAME | TYPE NAME) ([--limits=LIMITS & --requests=REQUESTS] [options]",
    summary="Update resource requests/limits on objects with pod templates",
)
def set_resources(client: Client, flags: Parsed) -> int:
    """Set requests and limits."""
    found = _meant(client, flags, flags.args)
    if not flags["limits"] and not flags["requests"]:
        raise KubectlError(
            "you must specify an update to requests or limits (in the form of --requests/--limits)"
        )
    dry_run = dry_run_of(flags)
    for target in found:
        live = client.get(target.path)
        changed = _copy(live)
        for container in (pod_spec(changed) or {}).get("containers") or []:
            if fnmatchcase(container["name"], flags["containers"]):
                resources = container.setdefault("resources", {})
                for kind in ("limits", "requests"):
                    if flags[kind]:
                        amounts = dict(part.split("=", 1) for part in flags[kind].split(","))
                        resources[kind] = {**(resources.get(kind) or {}), **amounts}
        _save(client, target, live, changed, "resource requirements updated", dry_run)
    return 0
