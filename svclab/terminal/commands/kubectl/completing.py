"""Tab completion for kubectl: commands, flags, resources, names, namespaces, containers."""

from itertools import pairwise
from typing import Any

from svclab.kube.resources import RESOURCES
from svclab.terminal.commands.kubectl import kubeconfig
from svclab.terminal.commands.kubectl.builder import resource_of
from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.flags import GLOBAL_FLAGS
from svclab.terminal.commands.kubectl.kubectl import load_verbs, word_positions
from svclab.terminal.commands.kubectl.verbs import Verb, below, resolve
from svclab.terminal.commands.registry import Context, completer

Manifest = dict[str, Any]

_NAMES_OF_PODS = ("logs", "exec", "attach", "port-forward")
_NODES = ("cordon", "uncordon", "drain")
_OUTPUTS = ("json", "yaml", "name", "wide", "jsonpath=", "custom-columns=", "go-template=")
_FILES = ("-f", "--filename", "--from-file", "--patch-file")


@completer("kubectl")
def complete(context: Context, words: list[str], current: str) -> list[str]:
    """Words that could stand at the cursor; [] leaves it to file names."""
    load_verbs()
    before = words[1:]
    positions = word_positions(before)
    verb, count = resolve([before[at] for at in positions])
    rest = [word for at, word in enumerate(before) if at not in positions[:count]]
    lead = ""
    if current.startswith("--") and "=" in current:  # the value of `--output=` is completed as after a blank
        flag, _, value = current.partition("=")
        before, lead, current = [*before, flag], f"{flag}=", value
    found = _candidates(context, verb, before, _arguments(verb, rest), current)
    return sorted({lead + candidate for candidate in found if candidate.startswith(current)})


def _arguments(verb: Verb | None, words: list[str]) -> list[str]:
    """Words without flags and the values that flags take from the next word."""
    flags = [*(verb.flags if verb else ()), *GLOBAL_FLAGS]
    valued = {f"--{flag.name}" for flag in flags if flag.kind != "bool" and flag.bare is None}
    valued |= {f"-{flag.short}" for flag in flags if flag.short and flag.kind != "bool"}
    arguments, skipping = [], False
    for word in words:
        if not skipping and not word.startswith("-"):
            arguments.append(word)
        skipping = not skipping and (word in valued or (word[:1] == "-" and f"-{word[-1]}" in valued))
    return arguments


def _candidates(
    context: Context, verb: Verb | None, before: list[str], arguments: list[str], current: str
) -> list[str]:
    last = before[-1] if before else ""
    if last in ("-n", "--namespace"):
        return _names(context, "Namespace", None)
    if last in ("-o", "--output"):
        return list(_OUTPUTS)
    if last in _FILES:
        return []
    if last in ("-c", "--container"):
        return _containers(context, before, arguments)
    if verb is None:
        return [found.name for found in below("")]
    if current.startswith("-"):
        return [f"--{flag.name}" for flag in (*verb.flags, *GLOBAL_FLAGS)]
    if verb.run is None or (not arguments and below(verb.name)):
        return [found.name.rpartition(" ")[2] for found in below(verb.name)]
    return _objects(context, verb, before, arguments, current)


def _objects(
    context: Context, verb: Verb, before: list[str], arguments: list[str], current: str
) -> list[str]:
    namespace = _namespace(context, before)
    if verb.name in _NODES:
        return _names(context, "Node", None)
    if verb.name.startswith("config"):
        config = kubeconfig.load(context)
        return [entry["name"] for entry in config.get("contexts") or []]
    if "/" in current:
        kind = current.partition("/")[0]
        return [f"{kind}/{name}" for name in _names_of(context, kind, namespace)]
    if verb.name in _NAMES_OF_PODS:
        return _names(context, "Pod", namespace) if not arguments else []
    if not arguments:
        listed = current.rpartition(",")[0] + "," if "," in current else ""
        return [listed + resource.plural for resource in RESOURCES if resource.stored]
    return [name for name in _names_of(context, arguments[0], namespace) if name not in arguments[1:]]


def _names_of(context: Context, kind: str, namespace: str) -> list[str]:
    try:
        resource = resource_of(kind.rpartition(",")[2])
    except KubectlError:
        return []
    return _names(context, resource.kind, namespace if resource.namespaced else None)


def _names(context: Context, kind: str, namespace: str | None) -> list[str]:
    """Names from the cluster as it stands; a completion is no request."""
    return [found["metadata"]["name"] for found in context.cluster.snapshot().list(kind, namespace)]


def _namespace(context: Context, before: list[str]) -> str:
    for flag, value in pairwise(before):
        if flag in ("-n", "--namespace"):
            return value
    given = next((word.partition("=")[2] for word in before if word.startswith("--namespace=")), "")
    return given or kubeconfig.current_context(kubeconfig.load(context)).get("namespace") or "default"


def _containers(context: Context, before: list[str], arguments: list[str]) -> list[str]:
    name = arguments[0].removeprefix("pod/") if arguments else ""
    pod = context.cluster.snapshot().get("Pod", _namespace(context, before), name)
    return [container["name"] for container in pod["spec"]["containers"]] if pod else []
