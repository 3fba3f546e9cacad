"""ipvsadm, ipset: what kube-proxy keeps on a node in ipvs mode. Source: ipvsadm 1.31, ipset 7.17."""

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
    """Prints the sets of ipvs mode (`save`, `list`), or their names (`list -n`)."""
    rules = _ipvs(context)
    if rules is None:
        return 0
    if {"-n", "-name"} & set(argv):
        for name in rules.ipsets:
            context.print(name)
    else:
        context.stdout.write(rules.ipset_text())
    return 0
