"""`kubectl set env`: the environment variables of pod templates.

Source: kubectl pkg/cmd/set/set_env.go and its env package.
"""

import re
from base64 import b64decode
from fnmatch import fnmatchcase
from math import ceil
from typing import Any

from svclab.kube import quantity
from svclab.terminal.commands.kubectl.builder import Target, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.create_data import VARIABLE, VARIABLE_RULE
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.setting import (
    COMMON,
    Setting,
    change_templates,
    names_and_pairs,
    originals,
    pod_spec,
)
from svclab.terminal.commands.kubectl.verbs import verb

Manifest = dict[str, Any]

_SOURCES = {"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}
_FIELDS = {"metadata.name": "name", "metadata.namespace": "namespace", "metadata.uid": "uid"}


@verb(
    "set env",
    flags=(
        *COMMON,
        Flag("containers", default="*", short="c", help="which containers, a pattern"),
        Flag("env", "array", short="e", help="a variable"),
        Flag("from", help="config map or secret to take from"),
        Flag("keys", "strings", help="only these keys of --from"),
        Flag("prefix", help="before each name"),
        Flag("list", "bool", help="show the variables"),
        Flag("overwrite", "bool", default=True, help="replace values that are there"),
        Flag("resolve", "bool", help="show what references give"),
    ),
    usage="set env RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N [options]",
    summary="Update environment variables on a pod template",
)
def set_env(client: Client, flags: Parsed) -> int:
    """Set environment variables."""
    named, updates = names_and_pairs(flags.args, "environment", " ".join(flags.args))
    if not named and not flags["filename"] and not flags["local"]:
        raise KubectlError(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
        )
    values, removals = _parsed([*updates, *flags["env"]])
    additions = _from_source(client, flags) if flags["from"] else []
    found = list(originals(client, flags, named))
    if flags["list"]:
        for target, manifest in found:
            _list(client, flags, target, manifest)
        return 0

    def change(target: Target, spec: Manifest) -> list[Exception]:
        chosen = _chosen(flags, spec.get("containers") or [])
        if not chosen:
            where = f"{target.resource.kind}/{target.name}"
            client.warn(f'{where} does not have any containers matching "{flags["containers"]}"')
        for container in chosen:
            present = container.get("env") or []
            if not flags["overwrite"]:
                _refuse_overwriting(target, present, values)
            if merged := _merged(present, [*additions, *values], removals):
                container["env"] = merged
            else:
                container.pop("env", None)
        return []

    setting = Setting("env updated", "failed to patch env update to pod template: ")
    change_templates(client, flags, found, setting, change)
    return 0


def _parsed(updates: list[str]) -> tuple[list[Manifest], list[str]]:
    """Variables to set and names to remove. Raises KubectlError."""
    values, removals = [], []
    for update in updates:
        name, equals, value = update.partition("=")
        if not equals:
            removals.append(update.removesuffix("-"))
            continue
        if not VARIABLE.fullmatch(name):
            raise KubectlError(f'"{name}" is not a valid key name: {VARIABLE_RULE}')
        values.append({"name": name, "value": value})
    if {entry["name"] for entry in values} & set(removals):
        raise KubectlError("can not both modify and remove the same environment variable in the same command")
    return values, removals


def _chosen(flags: Parsed, containers: list[Manifest]) -> list[Manifest]:
    return [c for c in containers if fnmatchcase(c["name"], flags["containers"])]


def _from_source(client: Client, flags: Parsed) -> list[Manifest]:
    """References to the keys of a config map or a secret, named as variables are."""
    source = targets(client, [flags["from"]])[0]
    if source.resource.kind not in _SOURCES:
        raise KubectlError("unsupported resource specified in --from")
    additions = []
    for key in sorted(client.get(source.path).get("data") or {}):
        if flags["keys"] and key not in flags["keys"]:
            continue
        name = re.sub(r"[^A-Za-z0-9_]", "_", key).upper()
        if name != key:
            client.warn(f"key {key} transferred to {name}")
        reference = {_SOURCES[source.resource.kind]: {"name": source.name, "key": key}}
        additions.append({"name": flags["prefix"] + name, "valueFrom": reference})
    return additions


def _refuse_overwriting(target: Target, present: list[Manifest], values: list[Manifest]) -> None:
    known = {entry["name"]: entry.get("value", "") for entry in present if "valueFrom" not in entry}
    for entry in values:
        if entry["name"] in known:
            raise KubectlError(
                f"{target.resource.plural}/{target.name} '{entry['name']}' already has a value "
                f"({known[entry['name']]}), and --overwrite is false"
            )


def _merged(present: list[Manifest], values: list[Manifest], removals: list[str]) -> list[Manifest]:
    result = {entry["name"]: entry for entry in present}
    result |= {entry["name"]: entry for entry in values}
    return [entry for name, entry in result.items() if name not in removals]


# showing


def _list(client: Client, flags: Parsed, target: Target, manifest: Manifest) -> None:
    spec = pod_spec(manifest) or {}
    for container in _chosen(flags, [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]):
        client.print(f"# {target.resource.kind} {target.name}, container {container['name']}")
        for entry in container.get("env") or []:
            if source := entry.get("valueFrom"):
                _print_reference(client, flags, target, manifest, container, entry["name"], source)
            else:
                client.print(f"{entry['name']}={entry.get('value', '')}")


def _print_reference(
    client: Client,
    flags: Parsed,
    target: Target,
    manifest: Manifest,
    container: Manifest,
    name: str,
    source: Manifest,
) -> None:
    if flags["resolve"]:
        try:
            client.print(f"{name}={_resolved(client, target, manifest, container, source)}")
            return
        except (KubectlError, ApiError) as problem:
            client.note(f"error retrieving reference for {name}: {problem}")
    client.print(f"# {name} from {_source_words(source)}")


def _resolved(
    client: Client, target: Target, manifest: Manifest, container: Manifest, source: Manifest
) -> str:
    """What a reference gives now. Raises KubectlError for one that only a pod can resolve."""
    kind, reference = next(iter(source.items()))
    if kind == "fieldRef":
        if reference.get("fieldPath") not in _FIELDS:
            raise KubectlError(f"unsupported fieldPath: {reference.get('fieldPath')}")
        return manifest["metadata"].get(_FIELDS[reference["fieldPath"]], "")
    if kind == "resourceFieldRef":
        group, _, name = reference.get("resource", "").partition(".")
        amount = quantity.parse(((container.get("resources") or {}).get(group) or {}).get(name, "0"))
        divisor = quantity.parse(reference.get("divisor") or "1")
        return str(ceil(amount.amount / (divisor.amount or 1)))
    plural = "configmap" if kind == "configMapKeyRef" else "secret"
    holder = Target(targets(client, [f"{plural}/x"])[0].resource, target.namespace, reference["name"])
    data = client.get(holder.path).get("data") or {}
    if reference["key"] not in data:
        raise KubectlError(f"key {reference['key']} not found in {plural} {reference['name']}")
    value = data[reference["key"]]
    return b64decode(value).decode(errors="replace") if plural == "secret" else value


def _source_words(source: Manifest) -> str:
    kind, reference = next(iter(source.items()))
    if kind in ("configMapKeyRef", "secretKeyRef"):
        word = "configmap" if kind == "configMapKeyRef" else "secret"
        return f"{word} {reference.get('name')}, key {reference.get('key')}"
    if kind == "resourceFieldRef":
        return f"resource field {reference.get('resource')}"
    return f"field path {reference.get('fieldPath')}"
