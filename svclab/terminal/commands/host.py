"""host. Source: BIND 9.18.49; its text is in `svclab.dns.tools.host`."""

from svclab.terminal.commands.asking import run_tool
from svclab.terminal.commands.dig import BIND_PLACES
from svclab.terminal.commands.registry import Context, command


@command("host", places=BIND_PLACES)
def host(context: Context, argv: list[str]) -> int:
    """Looks a name up, and says what it is in sentences."""
    return run_tool(context, "host", argv)
