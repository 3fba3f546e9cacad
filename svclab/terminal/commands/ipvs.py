"""ipvsadm, ipset: what kube-proxy keeps on a node in ipvs mode. Source: ipvsadm 1.31, ipset 7.17."""

from collections import Counter

from svclab.kube.node_rules import ipvs_connections
from svclab.kube.proxy.ipvs import IpvsRuleset, compile_ipvs
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.programmed import programmed
from svclab.terminal.commands.registry import Context, Usage, command

_HEADING = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
"""


def _ipvs(context: Context) -> IpvsRuleset | None:
    found = programmed(context)
    if found is None or found.mode != "ipvs":
        return None
    return compile_ipvs(found.services, found.slices, found.config())


@command("ipvsadm", places={"node", "netshoot"})
def ipvsadm(context: Context, argv: list[str]) -> int:
    """Lists virtual servers (-Ln); only the heading where kube-proxy does not run in ipvs mode."""
    if not any("L" in word or "l" in word for word in argv) and argv:
        raise Usage("svclab lets you read the table: ipvsadm -Ln", 2)
    rules = _ipvs(context)
    if rules is None:
        context.stdout.write(_HEADING)
        return 0
    now = context.cluster.now().timestamp()
    known = ipvs_connections(host_of(context).state, rules.config.ip_version, now)
    context.stdout.write(rules.ipvsadm_text(known))
    return 0


@command("ipset", places={"node", "netshoot"})
def ipset(context: Context, argv: list[str]) -> int:
    """Prints the sets of ipvs mode (`list`, `save`), one of them, or their names (`list -n`)."""
    words = [word for word in argv if not word.startswith("-")]
    flags = set(argv) - set(words)
    if flags & {"-v", "-V", "--version", "-version"}:
        context.print("ipset v7.17, protocol version: 7")
        return 0
    verb = words.pop(0) if words[:1] in (["list"], ["save"], ["l"]) else ""
    if not verb and not flags & {"-L", "-S"}:
        return context.fail(_NO_COMMAND if not argv else _READING, 2 if not argv else 1)
    rules = _ipvs(context)
    sets = {} if rules is None else rules.ipsets
    if words and words[0] not in sets:
        return context.fail("ipset v7.17: The set with the given name does not exist")
    chosen = [each for each in sets.values() if words[:1] in ([], [each.name])]
    if rules is None or flags & {"-n", "-name"}:
        context.stdout.write("".join(f"{each.name}\n" for each in chosen))
        return 0
    version = rules.config.ip_version
    if verb == "save" or "-S" in flags:
        context.stdout.write("".join(f"{line}\n" for each in chosen for line in each.lines(version)))
        return 0
    looked_up = Counter(word for table in rules.tables for rule in table.rules for word in rule.text.split())
    context.stdout.write("\n".join(each.listing(version, looked_up[each.name]) for each in chosen))
    return 0


_NO_COMMAND = "ipset v7.17: No command specified.\nTry `ipset help' for more information."
_READING = "ipset: svclab lets you read the sets: ipset list, ipset save, ipset list -n"
