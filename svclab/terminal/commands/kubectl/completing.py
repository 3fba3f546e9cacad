"""Tab completion for kubectl: commands, flags, resources, names, namespaces, containers."""

from itertools import pairwise
from typing import Any

from svclab.kube.resources import RESOURCES
from svclab.terminal.commands.kubectl import kubeconfig
from svclab.terminal.commands.kubectl.builder import resource_of
from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.flags import GLOBAL_FLAGS
from svclab.terminal.commands.kubectl.kubectl import load_verbs
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
    bare = [word for word in before if not word.startswith("-")]
    verb, count = resolve(bare)
    found = _candidates(context, verb, before, bare[count:], current)
    return sorted({candidate for candidate in found if candidate.startswith(current)})


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
    arguments = [word for word in arguments if word != namespace]
    if verb.name in _NAMES_OF_PODS:
        return _names(context, "Pod", namespace) if not arguments else []
    if not arguments:
        return [resource.plural for resource in RESOURCES if resource.stored]
    return _names_of(context, arguments[0], namespace)


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
