"""`kubectl run`: a pod from a few flags, and with -it a way into it."""

import re
from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import Target, resource_of
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.create import own_namespace
from svclab.terminal.commands.kubectl.errors import KubectlError, UsageError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.generators import metadata, without_nulls
from svclab.terminal.commands.kubectl.overriding import overridden
from svclab.terminal.commands.kubectl.pods import place_of
from svclab.terminal.commands.kubectl.verbs import dry_run_of, verb, write_query
from svclab.terminal.commands.kubectl.writing import report
from svclab.terminal.commands.registry import Context

Manifest = dict[str, Any]

_POLICIES = ("Always", "OnFailure", "Never")
_FLAGS = (
    verbs.OUTPUT,
    verbs.DRY_RUN,
    verbs.FIELD_MANAGER,
    verbs.TEMPLATE,
    verbs.ALLOW_MISSING,
    verbs.SHOW_MANAGED_FIELDS,
    verbs.SAVE_CONFIG,
    Flag("image", help="the image to run"),
    Flag("port", help="the port that the container opens"),
    Flag("env", "array", help="environment variable, key=value"),
    Flag("labels", short="l", help="labels of the pod"),
    Flag("annotations", "array", help="annotations of the pod"),
    Flag("restart", default="Always", help="Always, OnFailure or Never"),
    Flag("rm", "bool", help="delete the pod when the attached command ends"),
    Flag("stdin", "bool", short="i", help="give what is typed to the container"),
    Flag("tty", "bool", short="t", help="standard input is a terminal"),
    Flag("attach", "bool", help="wait until the pod runs, then attach"),
    Flag("leave-stdin-open", "bool", help="leave the input open after the first attach"),
    Flag("command", "bool", help="the arguments replace the image's command"),
    Flag("expose", "bool", help="create a ClusterIP service for the pod"),
    Flag("image-pull-policy", help="Always, IfNotPresent or Never"),
    Flag("overrides", help="JSON to lay over the pod"),
    Flag("override-type", default="merge"),
    Flag("privileged", "bool", help="run the container privileged"),
    Flag("quiet", "bool", short="q", help="no messages of kubectl's own"),
    Flag("pod-running-timeout", "duration", default=60.0, help="how long to wait for the pod"),
    Flag("grace-period", "int", default=-1),
    Flag("timeout", "duration"),
    Flag("wait", "bool"),
    Flag("force", "bool"),
    Flag("cascade", default="background", bare="background"),
    verbs.FILENAME,
    verbs.KUSTOMIZE,
    verbs.RECURSIVE,
)


@verb(
    "run",
    flags=_FLAGS,
    usage='run NAME --image=image [--env="key=value"] [--port=port] [--dry-run=server|client] '
    "[--overrides=inline-json] [--command] -- [COMMAND] [args...] [options]",
    summary="Run a particular image on the cluster",
    examples=(
        "kubectl run debug --image=nicolaka/netshoot --rm -it -- bash",
        "kubectl run web --image=nginx --port=80",
    ),
)
def run(client: Client, flags: Parsed) -> int:
    """Create a pod, and go into it with -it."""
    names = flags.args if flags.dash is None else flags.args[: flags.dash]
    _check(flags, names)
    dry_run = dry_run_of(flags)
    attach = flags["attach"] or flags["stdin"] or flags["tty"]
    if attach and dry_run != "none":
        raise UsageError(
            "--dry-run=[server|client] can't be used with attached containers options (--attach, "
            "--stdin, or --tty)",
            "run",
        )
    if flags["rm"] and not attach:
        raise UsageError("--rm should only be used for attached containers", "run")
    name = names[0]
    words = flags.args[1:] if flags.dash is None else flags.args[flags.dash :]
    manifest = _pod(client, flags, name, words)
    pods = resource_of("pods")
    if flags["expose"]:
        _expose(client, flags, name, manifest, dry_run)
    made = manifest
    if dry_run != "client":
        query = write_query(client, "kubectl-run", dry_run)
        made = client.create(pods, client.namespace, without_nulls(manifest), query)
    target = Target(pods, client.namespace, name)
    if not attach:
        report(client, target, made, "created", dry_run, typed=True)
        return 0
    return _attach(client, flags, target, made)


def _check(flags: Parsed, names: list[str]) -> None:
    if not flags.has("image"):
        raise KubectlError('required flag(s) "image" not set')
    if not names:
        raise UsageError("NAME is required for run", "run")
    if not flags["image"]:
        raise KubectlError("--image is required")
    if " " in flags["image"]:
        raise KubectlError(f'Invalid image name "{flags["image"]}": invalid reference format')
    if flags["tty"] and not flags["stdin"]:
        raise UsageError("-i/--stdin is required for containers with -t/--tty=true", "run")
    if flags["expose"] and not flags["port"]:
        raise UsageError("--port must be set when exposing a service", "run")
    if flags["restart"] not in _POLICIES:
        raise UsageError(f"invalid restart policy: {flags['restart']}", "run")
    if flags["image-pull-policy"] not in ("", "Always", "IfNotPresent", "Never"):
        raise UsageError(f"invalid image pull policy: {flags['image-pull-policy']}", "run")


def _pod(client: Client, flags: Parsed, name: str, words: list[str]) -> Manifest:
    container: Manifest = {"name": name, "image": flags["image"]}
    if words:
        container["command" if flags["command"] else "args"] = words
    if flags["port"]:
        if not flags["port"].isdigit():
            raise KubectlError(f'strconv.Atoi: parsing "{flags["port"]}": invalid syntax')
        container["ports"] = [{"containerPort": int(flags["port"])}]
    if flags["env"]:
        container["env"] = [_variable(entry) for entry in flags["env"]]
    container["resources"] = {}
    if flags["image-pull-policy"]:
        container["imagePullPolicy"] = flags["image-pull-policy"]
    if flags["privileged"]:
        container["securityContext"] = {"privileged": True}
    if flags["stdin"]:
        container["stdin"] = True
        if not flags["leave-stdin-open"]:
            container["stdinOnce"] = True
    if flags["tty"]:
        container["tty"] = True
    labels = dict(_pair(part) for part in flags["labels"].split(",")) if flags["labels"] else {"run": name}
    meta = metadata(name, own_namespace(client), labels)
    if flags["annotations"]:
        meta["annotations"] = dict(
            _pair(entry, "invalid annotations format") for entry in flags["annotations"]
        )
    manifest = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": meta,
        "spec": {"containers": [container], "restartPolicy": flags["restart"], "dnsPolicy": "ClusterFirst"},
        "status": {},
    }
    return overridden(manifest, flags["overrides"], flags["override-type"])


def _variable(entry: str) -> Manifest:
    name, equals, value = entry.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise KubectlError(f"invalid env: {entry}")
    return {"name": name, "value": value} if value else {"name": name}


def _pair(text: str, refused: str = "unexpected label spec") -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise KubectlError(f"{refused}: {text}")
    return key, value


def _expose(client: Client, flags: Parsed, name: str, pod: Manifest, dry_run: str) -> None:
    port = int(flags["port"])
    services = resource_of("services")
    manifest = {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata(name, own_namespace(client)),
        "spec": {
            "ports": [{"protocol": "TCP", "port": port, "targetPort": port}],
            "selector": pod["metadata"]["labels"],
        },
        "status": {"loadBalancer": {}},
    }
    made = manifest
    if dry_run != "client":
        query = write_query(client, "kubectl-run", dry_run)
        made = client.create(services, client.namespace, without_nulls(manifest), query)
    report(client, Target(services, client.namespace, name), made, "created", dry_run, typed=True)
    if flags["output"] == "yaml":
        client.print("---")


def _attach(client: Client, flags: Parsed, target: Target, pod: Manifest) -> int:
    try:
        pod = _when_running(client, target, flags["pod-running-timeout"])
    except KubectlError:
        if flags["rm"]:
            _remove(client, flags, target)
        raise
    if not flags["quiet"]:
        client.note("If you don't see a command prompt, try pressing enter.")
    container = pod["spec"]["containers"][0]
    words = [*(container.get("command") or []), *(container.get("args") or [])] or _default_command(container)
    context = client.context

    def on_exit(left: Context, code: int) -> int:
        client.context = left
        if flags["restart"] == "Always" and flags["stdin"] and flags["tty"] and not flags["quiet"]:
            client.print(
                f"Session ended, resume using 'kubectl attach {target.name} -c {container['name']} -i "
                "-t' command when "
                "the pod is running"
            )
        status = 0 if flags["restart"] == "Always" else _say_how_it_ended(client, target, code)
        if flags["rm"]:
            _remove(client, flags, target)
        return status

    return context.enter(
        place_of(pod, container), words, stdin=flags["stdin"], tty=flags["tty"], on_exit=on_exit
    )


def _default_command(container: Manifest) -> list[str]:
    """What an image runs by itself, as far as it is a shell."""
    image = container.get("image", "")
    return ["bash"] if "netshoot" in image or "debian" in image or "ubuntu" in image else ["sh"]


def _say_how_it_ended(client: Client, target: Target, code: int) -> int:
    if code:
        client.note(f"pod {target.namespace}/{target.name} terminated (Error)")
    return code


def _when_running(client: Client, target: Target, seconds: float) -> Manifest:
    """The pod as soon as its container runs. Raises KubectlError when that takes too long."""
    found = client.get(target.path)
    if _is_started(found):
        return found
    query = [
        ("fieldSelector", f"metadata.name={target.name}"),
        ("resourceVersion", found["metadata"].get("resourceVersion", "")),
    ]
    for event in client.watch(target.resource.path(target.namespace), query, seconds=seconds):
        if event["type"] == "DELETED":
            raise KubectlError(f'pods "{target.name}" not found')
        if _is_started(event["object"]):
            return event["object"]
    raise KubectlError("timed out waiting for the condition")


def _is_started(pod: Manifest) -> bool:
    status = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return True
    statuses = status.get("containerStatuses") or []
    return status.get("phase") == "Running" and any("running" in (s.get("state") or {}) for s in statuses)


def _remove(client: Client, flags: Parsed, target: Target) -> None:
    """Delete the pod; kubectl run does not wait until it is gone."""
    client.delete(target.path)
    if not flags["quiet"]:
        client.print(f"{target.quoted} deleted")
