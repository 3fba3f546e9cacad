"""What dig, nslookup, host and getent share: they run on the simulated network and print what came of it."""

from svclab.kube.nametool import NameTool
from svclab.terminal.commands.registry import Context


def run_tool(context: Context, tool: str, argv: list[str]) -> int:
    """Run a tool of `svclab.kube.nametool` where the learner is; waiting for silence takes virtual time."""
    location = context.location
    request = NameTool(location.host, tool, tuple(argv), location.container or None)
    done = context.send(request).sent
    context.sleep(done.waited_seconds)
    context.stdout.write(done.result.stdout)
    context.stderr.write(done.result.stderr)
    return done.result.exit
