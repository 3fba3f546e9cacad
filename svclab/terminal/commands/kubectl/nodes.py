"""`kubectl cordon`, `uncordon`, `drain` and `taint`."""

import re
from typing import Any

from svclab.kube.meta import controller_of
from svclab.kube.selectors import SelectorError, label_selector
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import Target, expand, resource_of, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, UsageError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.label_rules import key_problems, value_problems
from svclab.terminal.commands.kubectl.verbs import dry_run_of, dry_run_words, verb, write_query
from svclab.terminal.commands.kubectl.waiting import wait_until_gone
from svclab.terminal.commands.kubectl.writing import report

Manifest = dict[str, Any]

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_DRAIN_FLAGS = (
    verbs.DRY_RUN,
    verbs.SELECTOR,
    Flag("ignore-daemonsets", "bool", help="leave pods of daemon sets alone"),
    Flag("delete-emptydir-data", "bool", help="also pods that keep data in emptyDir volumes"),
    Flag("force", "bool", help="also pods that no controller will replace"),
    Flag("grace-period", "int", default=-1, help="seconds that pods get to end"),
    Flag("timeout", "duration", help="how long to wait"),
    Flag("pod-selector", help="only these pods"),
    Flag("disable-eviction", "bool", help="delete instead of evicting"),
    Flag("chunk-size", "int", default=500),
    Flag("skip-wait-for-delete-timeout", "int"),
)


def _nodes(client: Client, flags: Parsed, command: str) -> list[tuple[Target, Manifest]]:
    """The nodes that are meant. Raises ApiError before any is changed when one is not there."""
    if not flags.args and not flags["selector"]:
        raise UsageError(f"USAGE: {command} NODE [flags]", command)
    if flags.args and flags["selector"]:
        raise UsageError(
            "error: cannot specify both a node name and a --selector option".removeprefix("error: "), command
        )
    nodes = resource_of("nodes")
    if flags["selector"]:
        found = expand(client, [Target(nodes, "")], selector=flags["selector"])
    else:
        found = [_named(client, name) for name in flags.args]
    nodes_found = [(target, client.get(target.path)) for target in found]
    for target, _ in nodes_found:
        if target.resource.kind != "Node":
            version = target.resource.api_version if target.resource.group else "/v1"
            shown = f"{version}, Resource={target.resource.plural}"
            raise KubectlError(f'expected resource of type node, got "{shown}"')
    return nodes_found


def _named(client: Client, word: str) -> Target:
    """`node1`, or `TYPE/NAME` of whatever type."""
    kind, slash, name = word.partition("/")
    if not slash:
        return Target(resource_of("nodes"), "", word)
    resource = resource_of(kind)
    return Target(resource, client.namespace if resource.namespaced else "", name)


@verb(
    "cordon",
    flags=(verbs.DRY_RUN, verbs.SELECTOR),
    usage="cordon NODE [options]",
    summary="Mark node as unschedulable",
)
def cordon(client: Client, flags: Parsed) -> int:
    """No new pods on a node."""
    for target, node in _nodes(client, flags, "cordon"):
        _mark(client, target, node, unschedulable=True, dry_run=dry_run_of(flags))
    return 0


@verb(
    "uncordon",
    flags=(verbs.DRY_RUN, verbs.SELECTOR),
    usage="uncordon NODE [options]",
    summary="Mark node as schedulable",
)
def uncordon(client: Client, flags: Parsed) -> int:
    """New pods on a node again."""
    for target, node in _nodes(client, flags, "uncordon"):
        _mark(client, target, node, unschedulable=False, dry_run=dry_run_of(flags))
    return 0


def _mark(client: Client, target: Target, node: Manifest, *, unschedulable: bool, dry_run: str) -> None:
    word = "cordoned" if unschedulable else "uncordoned"
    if bool(node["spec"].get("unschedulable")) == unschedulable:
        client.print(f"{target.printed} already {word}{dry_run_words(dry_run)}")
        return
    if dry_run != "client":
        query = [("dryRun", "All")] if dry_run == "server" else []
        client.patch(target.path, {"spec": {"unschedulable": True if unschedulable else None}}, query=query)
    client.print(f"{target.printed} {word}{dry_run_words(dry_run)}")


@verb(
    "drain",
    flags=_DRAIN_FLAGS,
    usage="drain NODE [options]",
    summary="Drain node in preparation for maintenance",
)
def drain(client: Client, flags: Parsed) -> int:
    """Cordon a node and move its pods away."""
    dry_run = dry_run_of(flags)
    try:
        label_selector(flags["pod-selector"])
    except SelectorError:
        raise KubectlError("--pod-selector=<pod_selector> must be a valid label selector") from None
    found = _nodes(client, flags, "drain")
    for target, node in found:
        _mark(client, target, node, unschedulable=True, dry_run=dry_run)
    pending: dict[str, list[str]] = {}
    for target, _ in found:
        fields = f"spec.nodeName={target.name}"
        pods = client.list(resource_of("pods"), "", fieldSelector=fields, labelSelector=flags["pod-selector"])
        leaving, refusals = _leaving(client, flags, pods)
        if refusals:
            pending[target.name] = refusals
            why = _together(refusals)
            client.note(
                f'error: unable to drain node "{target.name}" due to error: {why}, continuing command...'
            )
            continue
        _evict_all(client, flags, leaving, dry_run)
        client.print(f"{target.printed} drained{dry_run_words(dry_run)}")
    if pending:
        reasons = [_together(refusals) for refusals in pending.values()]
        lines = reasons if len(reasons) > 1 else next(iter(pending.values()))
        nodes = "".join(f" {name}\n" for name in pending)
        raise KubectlError(f"There are pending nodes to be drained:\n{nodes}" + "\n".join(lines), bare=True)
    return 0


def _together(reasons: list[str]) -> str:
    return reasons[0] if len(reasons) == 1 else f"[{', '.join(reasons)}]"


def _leaving(client: Client, flags: Parsed, pods: list[Manifest]) -> tuple[list[Manifest], list[str]]:
    """The pods to evict, and why some may not be: each reason names the flag that would allow it."""
    warnings: dict[str, list[str]] = {}
    refusals: dict[str, list[str]] = {}
    leaving = []
    for pod in pods:
        name = f"{pod['metadata'].get('namespace', '')}/{pod['metadata']['name']}"
        owner = controller_of(pod)
        finished = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if "kubernetes.io/config.mirror" in (pod["metadata"].get("annotations") or {}):
            continue
        if owner is not None and owner["kind"] == "DaemonSet" and not finished:
            if flags["ignore-daemonsets"]:
                warnings.setdefault("ignoring DaemonSet-managed Pods", []).append(name)
            else:
                words = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
                refusals.setdefault(words, []).append(name)
            continue
        if owner is None and not finished:
            if not flags["force"]:
                words = (
                    "cannot delete cannot delete Pods that declare no controller (use --force to override)"
                )
                refusals.setdefault(words, []).append(name)
                continue
            warnings.setdefault("deleting Pods that declare no controller", []).append(name)
        local = any("emptyDir" in volume for volume in pod["spec"].get("volumes") or []) and not finished
        if local and not flags["delete-emptydir-data"]:
            words = "cannot delete Pods with local storage (use --delete-emptydir-data to override)"
            refusals.setdefault(words, []).append(name)
            continue
        leaving.append(pod)
    if warnings and not refusals:
        client.context.stderr.write(
            "Warning: "
            + "; ".join(f"{words}: {', '.join(names)}" for words, names in warnings.items())
            + "\n"
        )
    return leaving, [f"{words}: {', '.join(names)}" for words, names in refusals.items()]


def _evict_all(client: Client, flags: Parsed, pods: list[Manifest], dry_run: str) -> None:
    resource = resource_of("pods")
    gone: list[tuple[Target, str]] = []
    for pod in pods:
        namespace, name = pod["metadata"].get("namespace", ""), pod["metadata"]["name"]
        client.print(f"evicting pod {namespace}/{name}{dry_run_words(dry_run)}")
        if dry_run == "client":
            continue
        options: Manifest = {} if flags["grace-period"] < 0 else {"gracePeriodSeconds": flags["grace-period"]}
        if dry_run == "server":
            options["dryRun"] = ["All"]
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": options,
        }
        try:
            client.send("POST", resource.path(namespace, name, "eviction"), body)
        except ApiError as refusal:
            if refusal.reason != "NotFound":
                raise
            continue
        gone.append((Target(resource, namespace, name), pod["metadata"].get("uid", "")))
    if dry_run != "none":
        return
    for target, uid in gone:
        wait_until_gone(client, [(target, uid)], flags["timeout"] or None)
        client.print(f"{target.printed} evicted")


@verb(
    "taint",
    flags=(
        verbs.SELECTOR,
        verbs.ALL,
        verbs.OVERWRITE,
        verbs.OUTPUT,
        verbs.DRY_RUN,
        verbs.FIELD_MANAGER,
        verbs.VALIDATE,
    ),
    usage="taint NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N [options]",
    summary="Update the taints on one or more nodes",
)
def taint(client: Client, flags: Parsed) -> int:
    """Set and remove taints."""
    named = [arg for arg in flags.args if not re.search(r"[=:]|-$", arg)] if flags.args else []
    specs = flags.args[len(named) :]
    if not named:
        raise KubectlError("one or more resources must be specified as <resource> <name>")
    if not specs:
        raise KubectlError("at least one taint update is required")
    added, removed = _taints(specs)
    if "/" in named[0]:
        raise KubectlError(f'the server doesn\'t have a resource type "{named[0]}"', bare=True)
    if resource_of(named[0]).kind != "Node":
        raise KubectlError(f"invalid resource type {named[0]}, only node types are supported")
    selecting = bool(flags["all"] or flags["selector"])
    dry_run = dry_run_of(flags)
    for target in expand(client, targets(client, named, selecting=selecting), selector=flags["selector"]):
        node = client.get(target.path)
        taints = _changed(
            target, node["spec"].get("taints") or [], added, removed, overwrite=flags["overwrite"]
        )
        known = {(old["key"], old.get("effect")) for old in node["spec"].get("taints") or []}
        replaces = any((entry["key"], entry["effect"]) in known for entry in added)
        done = "modified" if added and (removed or replaces) else "tainted" if added else "untainted"
        answer = {**node, "spec": {**node["spec"], "taints": taints}}
        if dry_run != "client":
            query = write_query(client, "kubectl-taint", dry_run)
            answer = client.patch(target.path, {"spec": {"taints": taints or None}}, query=query)
        report(client, target, answer, done)  # of dry runs it says nothing
    return 0


def _taints(specs: list[str]) -> tuple[list[Manifest], list[Manifest]]:
    added, removed = [], []
    for spec in specs:
        rest = spec.removesuffix("-")
        if rest.partition(":")[0].count("=") > 1 or rest.count(":") > 1:
            raise UsageError(f"invalid taint spec: {spec}", "taint")
        shape = re.fullmatch(r"([^=:]*)(?:=([^:]*))?(?::(.*))?", rest)
        effect = shape[3] if shape else None
        if shape is None or (effect is None and not spec.endswith("-")):
            problems = key_problems(rest)
            raise UsageError(f"invalid taint spec: {spec}, {'; '.join(problems)}", "taint")
        if effect is not None and effect not in _EFFECTS:
            raise UsageError(f"invalid taint effect: {effect}, unsupported taint effect", "taint")
        entry = {"key": shape[1], "value": shape[2] or "", "effect": effect or ""}
        if problem := "; ".join([*key_problems(shape[1]), *value_problems(entry["value"])]):
            raise UsageError(f"invalid taint spec: {spec}, {problem}", "taint")
        if not spec.endswith("-") and any(_matches(old, entry) for old in added):
            shown = f"{{{entry['key']} {entry['value']} {entry['effect']} <nil>}}"
            raise UsageError(f"duplicated taints with the same key and effect: {shown}", "taint")
        (removed if spec.endswith("-") else added).append(entry)
    both = sorted(
        f"{entry['key']}={entry['effect']}"
        for entry in removed
        if any(_matches(other, entry) for other in added)
    )
    if both:
        names = ", ".join(both)
        raise KubectlError(
            f"can not both modify and remove the following taint(s) in the same command: {names}"
        )
    return added, removed


def _changed(
    target: Target,
    present: list[Manifest],
    added: list[Manifest],
    removed: list[Manifest],
    *,
    overwrite: bool,
) -> list[Manifest]:
    for entry in removed:
        if not any(_matches(old, entry) for old in present):
            effect = f":{entry['effect']}" if entry["effect"] else ""
            raise KubectlError(f'taint "{entry["key"]}{effect}" not found')
    kept = [old for old in present if not any(_matches(old, entry) for entry in removed)]
    for entry in added:
        clash = next(
            (o for o in kept if o["key"] == entry["key"] and o.get("effect") == entry["effect"]), None
        )
        if clash is not None and not overwrite:
            raise KubectlError(
                f"node {target.name} already has {entry['key']} taint(s) with same effect(s) and "
                "--overwrite is false"
            )
        kept = [old for old in kept if old is not clash]
    return [{k: v for k, v in entry.items() if v} for entry in added] + kept


def _matches(old: Manifest, entry: Manifest) -> bool:
    return old["key"] == entry["key"] and entry["effect"] in ("", old.get("effect"))
