"""getent for hosts. Source: glibc 2.36 and Alpine; its text is in `svclab.dns.tools.getent`."""

from svclab.terminal.commands.asking import run_tool
from svclab.terminal.commands.registry import EVERYWHERE, Context, command


@command("getent", places=EVERYWHERE - {"busybox"})
def getent(context: Context, argv: list[str]) -> int:
    """Looks a name up as the programs of this place do: the hosts file first, then DNS."""
    return run_tool(context, "getent", argv)
