"""dig. Source: BIND 9.18.49; its text is in `svclab.dns.tools.dig`."""

from svclab.terminal.commands.asking import run_tool
from svclab.terminal.commands.registry import Context, command

BIND_PLACES = frozenset({"laptop", "node", "netshoot", "dnsutils"})


@command("dig", places=BIND_PLACES)
def dig(context: Context, argv: list[str]) -> int:
    """Asks a name server, and shows its message section by section."""
    return run_tool(context, "dig", argv)
