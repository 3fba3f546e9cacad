"""conntrack: a node's connection table. Source: conntrack-tools 1.4.7."""

from svclab.cluster import dataplane
from svclab.linux.conntrack import Entry
from svclab.linux.state import HostState
from svclab.terminal.commands.conntrack.asked import NAME, Asked, Refused, read
from svclab.terminal.commands.conntrack.events import watch
from svclab.terminal.commands.conntrack.printing import line_of
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.registry import Context, command

_STATISTICS = (
    "found", "invalid", "insert", "insert_failed", "drop", "early_drop", "error", "search_restart",
    "clash_resolve", "chaintoolong",
)  # fmt: skip


@command("conntrack", places={"node", "netshoot"})
def conntrack(context: Context, argv: list[str]) -> int:
    """Lists connections (-L), counts (-C), deletes (-D, all: -F) or watches them (-E); -p, -s, -d, -r, -q,
    --sport, --dport, -n, -g choose some.
    """
    try:
        asked = read(argv)
    except Refused as wrong:
        context.fail(f"{NAME}: {wrong}")
        return context.fail("Try `conntrack -h' or 'conntrack --help' for more information.", 2)
    return _COMMANDS[asked.command](context, asked)


def _list(context: Context, asked: Asked) -> int:
    if asked.table == "expect":
        return context.fail(f"{NAME}: 0 expectations have been shown.", 0)
    now = context.now().timestamp()
    table = host_of(context).state.conntrack.all() if asked.table == "conntrack" else []
    found = [entry for entry in table if entry.expires >= now and asked.chooses(entry)]
    for entry in found:
        context.print(line_of(entry, now, asked.output))
    return context.fail(f"{NAME}: {len(found)} flow entries have been shown.", 0)


def _count(context: Context, asked: Asked) -> int:
    now = context.now().timestamp()
    table = host_of(context).state.conntrack.all() if asked.table == "conntrack" else []
    context.print(str(sum(entry.expires >= now for entry in table)))
    return 0


def _delete(context: Context, asked: Asked) -> int:
    """What belongs to a deleted connection and still comes is a first packet to the nat table."""
    found = _removed(context, asked) if asked.table == "conntrack" else []
    now = context.now().timestamp()
    for entry in found:
        context.print(line_of(entry, now, asked.output))
    words = f"{len(found)} flow entries have been deleted."
    return context.fail(f"{NAME}: {words}", 0 if found else 1)


def _flush(context: Context, asked: Asked) -> int:
    if asked.table == "expect":
        return context.fail(f"{NAME}: expectation table has been emptied.", 0)
    _removed(context, asked)
    return context.fail(f"{NAME}: connection tracking table has been emptied.", 0)


def _removed(context: Context, asked: Asked) -> list[Entry]:
    """The living connections of this host that were chosen, no longer in its table."""
    now = context.now().timestamp()

    def remove(state: HostState) -> list[Entry]:
        table = state.conntrack
        table.expire(now)
        found = [entry for entry in table.all() if asked.chooses(entry)]
        for entry in found:
            table.remove(entry)
        return found

    return dataplane.change_memory(context.cluster, context.location.host, remove)


def _statistics(context: Context, _: Asked) -> int:
    for cpu in range(2):
        context.print(f"cpu={cpu}   \t" + "".join(f"{name}=0 " for name in _STATISTICS))
    return 0


def _version(context: Context, _: Asked) -> int:
    context.print(NAME)
    return 0


def _help(context: Context, _: Asked) -> int:
    context.print("Command line interface for the connection tracking system. Version 1.4.7")
    context.print("Usage: conntrack [commands] [options]")
    return 0


_COMMANDS = {
    "L": _list, "C": _count, "D": _delete, "F": _flush, "E": watch, "S": _statistics, "V": _version,
    "h": _help,
}  # fmt: skip
