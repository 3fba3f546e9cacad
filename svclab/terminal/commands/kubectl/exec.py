"""`kubectl exec` and `kubectl attach`: a command, or a shell, inside a container."""

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import file_objects
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError, UsageError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.pods import (
    container_of,
    ended,
    find_container,
    place_of,
    pod_of,
    require_running,
)
from svclab.terminal.commands.kubectl.verbs import verb
from svclab.terminal.commands.registry import Context

_FLAGS = (
    verbs.FILENAME,
    Flag("container", short="c", help="the container; the first one if not given"),
    Flag("stdin", "bool", short="i", help="give what is typed to the command"),
    Flag("tty", "bool", short="t", help="standard input is a terminal"),
    Flag("quiet", "bool", short="q", help="only the command's own output"),
    Flag("pod-running-timeout", "duration", default=60.0, help="how long to wait for a running pod"),
)


@verb(
    "exec",
    flags=_FLAGS,
    usage="exec (POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...] [options]",
    summary="Execute a command in a container",
    examples=("kubectl exec -it debug -- bash", "kubectl exec deploy/web -- cat /etc/resolv.conf"),
)
def execute(client: Client, flags: Parsed) -> int:
    """Run a command in a container."""
    before = flags.args if flags.dash is None else flags.args[: flags.dash]
    command = [] if flags.dash is None else flags.args[flags.dash :]
    if not before and not flags["filename"]:
        raise KubectlError("pod, type/name or --filename must be specified")
    if flags.dash is None and len(before) > 1:
        raise UsageError(
            "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead", "exec"
        )
    if not command:
        raise KubectlError("you must specify at least one command for the container")
    pod = pod_of(client, before[0] if before else _in_file(client, flags))
    container = container_of(client, pod, flags["container"], quiet=flags["quiet"])
    require_running(pod, container)
    context = client.context
    if flags["tty"] and flags["stdin"] and not context.stdin.isatty():
        client.note("Unable to use a TTY - input is not a terminal or the right kind of file")

    def on_exit(_: Context, code: int) -> int:
        return ended(client, code)

    return context.enter(
        place_of(pod, container), command, stdin=flags["stdin"], tty=flags["tty"], on_exit=on_exit
    )


def _in_file(client: Client, flags: Parsed) -> str:
    """The one object of the files. Raises KubectlError where there are several."""
    found = file_objects(client, flags["filename"])
    if len(found) > 1:
        raise KubectlError("cannot exec into multiple objects at a time")
    return f"{found[0].target.resource.plural}/{found[0].target.name}"


@verb(
    "attach",
    flags=_FLAGS,
    usage="attach (POD | TYPE/NAME) -c CONTAINER [options]",
    summary="Attach to a running container",
)
def attach(client: Client, flags: Parsed) -> int:
    """Attach to the shell that a container runs; servers print nothing."""
    if len(flags.args) != 1:
        raise KubectlError(
            "at least 1 argument is required for attach"
            if not flags.args
            else f"expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {len(flags.args)}: "
            f"[{' '.join(flags.args)}]"
        )
    pod = pod_of(client, flags.args[0])
    phase = (pod.get("status") or {}).get("phase", "")
    if phase in ("Succeeded", "Failed"):
        raise KubectlError(f"cannot attach a container in a completed pod; current phase is {phase}")
    if flags["container"] and find_container(pod, flags["container"]) is None:
        where = f"{flags['container']} not found in pod {pod['metadata']['name']}"
        raise KubectlError(f"cannot attach to the container: container {where}")
    container = container_of(client, pod, flags["container"], quiet=flags["quiet"])
    require_running(pod, container)
    if not flags["stdin"]:
        client.note("svclab: this container's process prints nothing; see kubectl logs")
        return 0
    client.note("If you don't see a command prompt, try pressing enter.")
    shell = list(container.get("command") or ["bash" if "netshoot" in container.get("image", "") else "sh"])
    return client.context.enter(place_of(pod, container), shell, stdin=True, tty=flags["tty"])
