"""`kubectl debug`: a container with tools beside those of a running pod, or a pod on a node's own network."""

from typing import Any

from svclab.terminal.commands.kubectl.builder import Target, resource_of, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.pods import ended, place_of, status_of
from svclab.terminal.commands.kubectl.verbs import verb
from svclab.terminal.commands.registry import Context

Manifest = dict[str, Any]

_PROFILES = ("legacy", "general", "baseline", "restricted", "netadmin", "sysadmin")
_SECURITY: dict[str, Manifest] = {
    "general": {"capabilities": {"add": ["SYS_PTRACE"]}},
    "netadmin": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
    "restricted": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "sysadmin": {"privileged": True},
}
_FLAGS = (
    Flag("image", help="the image with the tools"),
    Flag("container", short="c", help="the name of the new container"),
    Flag("target", help="the container whose processes are to be seen"),
    Flag("stdin", "bool", short="i", help="give what is typed to the container"),
    Flag("tty", "bool", short="t", help="standard input is a terminal"),
    Flag("attach", "bool", help="wait until the container runs, then attach"),
    Flag("env", "array", help="environment variable, key=value"),
    Flag("image-pull-policy", help="Always, IfNotPresent or Never"),
    Flag("profile", default="legacy", help="legacy, general, baseline, restricted, netadmin or sysadmin"),
    Flag("quiet", "bool", short="q", help="no messages of kubectl's own"),
    Flag("copy-to", help="refused here: debugging a copy of the pod"),
    *(
        Flag(name, "bool", help="only with --copy-to, which is refused here")
        for name in ("replace", "same-node")
    ),
    Flag("set-image", "strings", help="only with --copy-to, which is refused here"),
    Flag("share-processes", "bool", default=True, help="with --copy-to: the containers see all processes"),
)


@verb(
    "debug",
    flags=_FLAGS,
    usage="debug (POD | TYPE/NAME) --image=image [-c NAME] [--target=CONTAINER] [-- COMMAND [args...]]",
    summary="Create debugging sessions for troubleshooting workloads and nodes",
    examples=(
        "kubectl debug -it web --image=nicolaka/netshoot --target=web",
        "kubectl debug node/node1 -it --image=busybox",
    ),
)
def debug(client: Client, flags: Parsed) -> int:
    """Add an ephemeral container to a pod and enter it, or a pod to a node."""
    names = flags.args if flags.dash is None else flags.args[: flags.dash]
    words = [] if flags.dash is None else flags.args[flags.dash :]
    _check(flags, names, words)
    if flags["profile"] == "legacy":
        client.note(
            "--profile=legacy is deprecated and will be removed in the future. It is recommended to "
            'explicitly specify a profile, for example "--profile=general".'
        )
    if flags["target"] and not flags["quiet"]:
        client.print(
            f'Targeting container "{flags["target"]}". If you don\'t see processes from this container it '
            "may be because the container runtime doesn't support this feature."
        )
    name = names[0]
    found = targets(client, [name]) if "/" in name else [Target(resource_of("pods"), client.namespace, name)]
    target = found[0]
    if target.resource.kind == "Node":
        return _on_node(client, flags, client.get(target.path), words)
    if target.resource.kind != "Pod":
        kind = f"{target.resource.kind}"
        raise KubectlError(f'"{name}" not supported by debug: no kind "{kind}" is registered for debugging')
    return _in_pod(client, flags, target, words)


def _check(flags: Parsed, names: list[str], words: list[str]) -> None:
    for pair in flags["set-image"]:
        if "=" not in pair:
            raise KubectlError(
                f'invalid argument "{pair}" for "--set-image" flag: {pair} must be formatted as key=value\n'
                "See 'kubectl debug --help' for usage."
            )
    if flags["copy-to"]:
        if not (flags["image"] or flags["set-image"] or words):
            raise KubectlError("you must specify --image, --set-image or command arguments.")
        raise KubectlError("svclab: --copy-to is not simulated: debug the pod itself, or a node")
    for name in ("replace", "same-node", "set-image"):
        if flags[name]:
            raise KubectlError(f"--{name} may only be used with --copy-to.")
    if not flags["image"]:
        raise KubectlError("you must specify --image when not using --copy-to.")
    if not names:
        raise KubectlError("NAME or filename is required for debug")
    if flags["tty"] and not flags["stdin"]:
        raise KubectlError("-i/--stdin is required for containers with -t/--tty=true")
    if flags["profile"] not in _PROFILES:
        raise KubectlError(f"unknown profile: {flags['profile']}")


def _container(client: Client, flags: Parsed, words: list[str], name: str) -> Manifest:
    container: Manifest = {"name": name, "image": flags["image"], "resources": {}}
    if words:
        container["command"] = words
    if flags["env"]:
        pairs = (entry.partition("=") for entry in flags["env"])
        container["env"] = [{"name": key, "value": value} for key, _, value in pairs]
    container["imagePullPolicy"] = flags["image-pull-policy"] or "IfNotPresent"
    if context := _SECURITY.get(flags["profile"]):
        container["securityContext"] = context
    container |= {"stdin": flags["stdin"], "tty": flags["tty"]}
    return container | {"terminationMessagePolicy": "File"}


def _in_pod(client: Client, flags: Parsed, target: Target, words: list[str]) -> int:
    pod = client.get(target.path)
    name = flags["container"]
    if not name:
        name = f"debugger-{client.letters('debug')}"
        if not flags["quiet"]:
            client.print(f"Defaulting debug container name to {name}.")
    container = _container(client, flags, words, name)
    if flags["target"]:
        container["targetContainerName"] = flags["target"]
    present = [{"name": each["name"]} for each in pod["spec"].get("ephemeralContainers") or []]
    order = {"$setElementOrder/ephemeralContainers": [*present, {"name": name}]}
    body = {"spec": {**order, "ephemeralContainers": [container]}}
    client.patch(f"{target.path}/ephemeralcontainers", body)
    return _enter(client, flags, target, name)


def _on_node(client: Client, flags: Parsed, node: Manifest, words: list[str]) -> int:
    node_name, profile = node["metadata"]["name"], flags["profile"]
    name = f"node-debugger-{node_name}-{client.letters('debug')}"
    container = _container(client, flags, words, flags["container"] or "debugger")
    spec: Manifest = {
        "containers": [container],
        "nodeName": node_name,
        "restartPolicy": "Never",
        "tolerations": [{"operator": "Exists"}],
    }
    if profile not in ("baseline", "restricted"):
        spec |= {"hostNetwork": True, "hostPID": True, "hostIPC": True}
    if profile in ("legacy", "general", "sysadmin"):
        container["volumeMounts"] = [{"name": "host-root", "mountPath": "/host"}]
        spec["volumes"] = [{"name": "host-root", "hostPath": {"path": "/"}}]
    if profile == "general":  # its extra right is for looking at another container's processes
        container.pop("securityContext")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    made = client.create(resource_of("pods"), client.namespace, pod)
    if not flags["quiet"]:
        client.print(f"Creating debugging pod {name} with container {container['name']} on node {node_name}.")
    target = Target(resource_of("pods"), client.namespace, made["metadata"]["name"])
    return _enter(client, flags, target, container["name"])


def _enter(client: Client, flags: Parsed, target: Target, container: str) -> int:
    if not (flags["attach"] or flags["stdin"] or flags["tty"]):
        return 0
    pod = _when_running(client, target, container)
    listed = ("containers", "ephemeralContainers")
    spec = next(c for part in listed for c in pod["spec"].get(part) or () if c["name"] == container)
    if flags["stdin"] and flags["tty"] and not flags["quiet"]:
        client.note("If you don't see a command prompt, try pressing enter.")
    words = spec.get("command") or (["bash"] if "netshoot" in spec["image"] else ["sh"])

    def on_exit(left: Context, code: int) -> int:
        client.context = left
        return ended(client, code)

    place = place_of(pod, spec)
    return client.context.enter(place, words, stdin=flags["stdin"], tty=flags["tty"], on_exit=on_exit)


def _when_running(client: Client, target: Target, container: str) -> Manifest:
    """The pod as soon as this container runs. Raises KubectlError when that takes too long."""
    found = client.get(target.path)
    query = [
        ("fieldSelector", f"metadata.name={target.name}"),
        ("resourceVersion", found["metadata"].get("resourceVersion", "")),
    ]
    if _runs(found, container):
        return found
    for event in client.watch(target.resource.path(target.namespace), query, seconds=60.0):
        if event["type"] == "DELETED":
            raise KubectlError(f'pods "{target.name}" not found')
        if _runs(event["object"], container):
            return event["object"]
    raise KubectlError("timed out waiting for the condition")


def _runs(pod: Manifest, container: str) -> bool:
    status = status_of(pod, container)
    return status is not None and "running" in (status.get("state") or {})
