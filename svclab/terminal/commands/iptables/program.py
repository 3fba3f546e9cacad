"""iptables, iptables-save, ip6tables: the rules of a node, read only. Source: iptables 1.8.9 (nf_tables)."""

from collections.abc import Mapping

from svclab.linux.iptables.rules import Table
from svclab.linux.iptables.save import print_rule
from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.iptables.counters import Counters, counters_of
from svclab.terminal.commands.iptables.listing import Style, chain_text
from svclab.terminal.commands.registry import Context, Usage, command

_PLACES = frozenset({"node", "netshoot", "laptop"})
_LONG = ("table=", "list", "list-rules", "numeric", "verbose", "line-numbers", "exact", "wait", "append=",
         "insert=",          "delete=", "flush", "zero")  # fmt: skip
_BUILT_IN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
}
_CHANGES = frozenset(
    {
        "-A",
        "-I",
        "-D",
        "-R",
        "-F",
        "-X",
        "-Z",
        "-N",
        "-P",
        "-E",
        "--append",
        "--insert",
        "--delete",
        "--flush",
    }
)


@command("iptables", "iptables-nft", "iptables-legacy", places=_PLACES)
def iptables(context: Context, argv: list[str]) -> int:
    """Lists rules (-L, -S) of a table (-t)."""
    if changing := next((word for word in argv if word in _CHANGES), None):
        return context.fail(
            f"iptables: {changing}: the rules of this node are kube-proxy's; svclab lets you read them", 4
        )
    if {"-V", "--version"} & set(argv):
        context.print("iptables v1.8.9 (nf_tables)")
        return 0
    given, names = options(argv, "t:LSnvxw", _LONG)
    settings = dict(given)
    flags = {name for name, _ in given}
    name = settings.get("-t", settings.get("--table", "filter"))
    if name not in _BUILT_IN:
        return context.fail(
            f"iptables v1.8.9 (nf_tables): can't initialize iptables table `{name}': Table does not exist", 3
        )
    if not flags & {"-L", "--list", "-S", "--list-rules"}:
        raise Usage(
            "v1.8.9 (nf_tables): no command specified\n"
            "Try `iptables -h' or 'iptables --help' for more information."
        )
    table = _table(host_of(context).tables, name)
    if names and names[0] not in table.chains:
        return context.fail("iptables: No chain/target/match by that name.")
    chains = names[:1] or _ordered(table)
    counters = counters_of(context.cluster) if flags & {"-v", "--verbose"} else Counters()
    if flags & {"-S", "--list-rules"}:
        return _rules(context, table, chains, counters, verbose=bool(flags & {"-v", "--verbose"}))
    style = Style(
        numeric=bool(flags & {"-n", "--numeric"}),
        verbose=bool(flags & {"-v", "--verbose"}),
        numbered="--line-numbers" in flags,
        exact=bool(flags & {"-x", "--exact"}),
    )
    texts = [
        chain_text(context.location.host, table, table.chains[chain], style, counters) for chain in chains
    ]
    context.stdout.write("\n".join(texts))
    return 0


@command("ip6tables", places=_PLACES)
def ip6tables(context: Context, argv: list[str]) -> int:
    """The IPv6 rules: this cluster has one address family, so its chains are empty."""
    given, _ = options(argv, "t:LSnvxw", _LONG)
    for chain in _BUILT_IN.get(dict(given).get("-t", "filter"), ()):
        context.print(
            f"Chain {chain} (policy ACCEPT)\ntarget     prot opt source               destination         \n"
        )
    return 0


def _table(tables: Mapping[str, Table], name: str) -> Table:
    """The table with all its built-in chains."""
    from_host = tables.get(name)
    empty = Table(name, {})
    return from_host if from_host is not None else empty


def _ordered(table: Table) -> list[str]:
    """Built-in chains in their own order, then the others by name."""
    first = [name for name in _BUILT_IN[table.name] if name in table.chains]
    return first + sorted(name for name in table.chains if name not in first)


def _rules(context: Context, table: Table, chains: list[str], counters: Counters, *, verbose: bool) -> int:
    """`iptables -S`: policies and new chains first, then rules."""
    host = context.location.host

    def counted(chain: str, text: str) -> str:
        packets, size = counters.of(host, table.name, chain, text)
        return f" -c {packets} {size}" if verbose else ""

    for name in chains:
        policy = table.chains[name].policy
        context.print(f"-P {name} {policy}{counted(name, '')}" if policy else f"-N {name}")
    for name in chains:
        for rule in table.chains[name].rules:
            text = print_rule(rule)
            context.print(f"-A {name} {text}{counted(name, text)}")
    return 0


@command("iptables-save", places=_PLACES)
def iptables_save(context: Context, argv: list[str]) -> int:
    """Prints all rules as iptables-restore reads them; -t one table, -c with counters."""
    given, _ = options(argv, "t:c", ("table=", "counters"))
    settings = dict(given)
    wanted = settings.get("-t", settings.get("--table"))
    tables = host_of(context).tables
    counters = counters_of(context.cluster)
    time = context.now().strftime("%a %b %e %H:%M:%S %Y")
    show = bool({"-c", "--counters"} & settings.keys())
    for name in ("mangle", "filter", "nat"):
        if name in tables and wanted in (None, name):
            context.print(f"# Generated by iptables-save v1.8.9 (nf_tables) on {time}")
            _save_table(context, tables[name], counters, show=show)
            context.print(f"COMMIT\n# Completed on {time}")
    return 0


def _save_table(context: Context, table: Table, counters: Counters, *, show: bool) -> None:
    host = context.location.host
    context.print(f"*{table.name}")
    for name in _ordered(table):
        packets, size = counters.of(host, table.name, name, "") if table.chains[name].policy else (0, 0)
        context.print(f":{name} {table.chains[name].policy or '-'} [{packets}:{size}]")
    for name in _ordered(table):
        for rule in table.chains[name].rules:
            text = print_rule(rule)
            packets, size = counters.of(host, table.name, name, text)
            context.print((f"[{packets}:{size}] " if show else "") + f"-A {name} {text}")
