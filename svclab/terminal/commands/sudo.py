"""sudo, ssh, chroot: other rights, other machines. Source: sudo 1.9, OpenSSH 9.2, coreutils 9.1."""

from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.places import Location
from svclab.terminal.streams import Input


@command("sudo", places={"laptop", "node"})
def sudo(context: Context, argv: list[str]) -> int:
    """Runs a command as root. On a node the learner is root already; the laptop has no kube-proxy."""
    _, words = options(argv, "u:inEHks", permute=False)
    if not words:
        raise Usage("usage: sudo [-u user] command", 1)
    return context.run(words, stdin=context.stdin)


@command("ssh", places={"laptop", "node"})
def ssh(context: Context, argv: list[str]) -> int:
    """Opens a shell on a node, or runs one command there."""
    _, words = options(argv, "tTqvp:i:l:o:AN", permute=False)
    if not words:
        raise Usage("usage: ssh [options] destination [command [argument ...]]", 255)
    name = words[0].rpartition("@")[2]
    node = _node_called(context, name)
    if node is None:
        return context.fail(f"ssh: Could not resolve hostname {name}: Name or service not known", 255)
    place = Location("node", name=node)
    command_line = words[1:]
    if not command_line:

        def on_exit(outer: Context, status: int) -> int:
            outer.fail(f"Connection to {name} closed.")
            return status

        return context.enter(place, ["bash"], on_exit=on_exit)
    stdin = not isinstance(context.stdin, Input) or not context.stdin.isatty()
    return context.enter(place, ["bash", "-c", " ".join(command_line)], stdin=stdin, tty=False)


def _node_called(context: Context, name: str) -> str | None:
    """The node of this name or address."""
    for node in context.cluster.snapshot().list("Node"):
        addresses = (node.get("status") or {}).get("addresses") or ()
        if name == node["metadata"]["name"] or any(name == each["address"] for each in addresses):
            return str(node["metadata"]["name"])
    return None


@command("chroot", places={"busybox", "alpine", "netshoot", "debian", "debian-curl"})
def chroot(context: Context, argv: list[str]) -> int:
    """Runs a command, or a shell, on the node whose root `kubectl debug node/NAME` has mounted at /host."""
    if not argv:
        raise Usage("chroot: missing operand\nTry 'chroot --help' for more information.", 125)
    node = _mounted_node(context, argv[0])
    if node is None:
        words = f"chroot: cannot change root directory to '{argv[0]}': No such file or directory"
        return context.fail(words, 125)
    return context.enter(Location("node", name=node), argv[1:] or ["bash"])


def _mounted_node(context: Context, path: str) -> str | None:
    """The pod's node, if its whole file system is mounted there."""
    place = context.location
    pod = context.cluster.snapshot().get("Pod", place.namespace, place.name)
    spec = pod["spec"] if pod else {}
    roots = {v["name"] for v in spec.get("volumes") or () if (v.get("hostPath") or {}).get("path") == "/"}
    containers = [c for c in spec.get("containers") or () if c["name"] == place.container]
    mounts = [mount for c in containers for mount in c.get("volumeMounts") or ()]
    found = any(m["name"] in roots and m["mountPath"].rstrip("/") == path.rstrip("/") for m in mounts)
    return spec["nodeName"] if found else None
