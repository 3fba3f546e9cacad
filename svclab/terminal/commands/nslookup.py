"""nslookup: BIND's where its tools are installed, BusyBox's own in Alpine and BusyBox images."""

from svclab.terminal.commands.asking import run_tool
from svclab.terminal.commands.dig import BIND_PLACES
from svclab.terminal.commands.registry import Context, command


@command("nslookup", places=BIND_PLACES)
def nslookup(context: Context, argv: list[str]) -> int:
    """Looks a name up as BIND's nslookup does."""
    return run_tool(context, "nslookup", argv)


@command("nslookup", places={"alpine", "busybox", "curl"})
def busybox_nslookup(context: Context, argv: list[str]) -> int:
    """Looks a name up as BusyBox's nslookup does."""
    return run_tool(context, "busybox nslookup", argv)
