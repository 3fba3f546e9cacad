"""sudo, su, ssh: other rights, other machines. Source: sudo 1.9, OpenSSH 9.2."""

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
