"""iptables, iptables-save, ip6tables: the rules of a node, read only. Source: iptables 1.8.9 (nf_tables)."""

import re
import shlex
from collections.abc import Mapping

from svclab.linux.iptables.rules import Table
from svclab.linux.iptables.save import print_rule
from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.iptables.asked import VERSION, Asked, WrongWords, read
from svclab.terminal.commands.iptables.counters import Counters, counters_of
from svclab.terminal.commands.iptables.listing import Style, chain_text
from svclab.terminal.commands.registry import Context, command

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
        context.print(f"iptables {VERSION}")
        return 0
    try:
        asked = read(argv)
    except WrongWords as wrong:
        return context.fail(str(wrong), wrong.status)
    if asked.table not in _BUILT_IN:
        words = f"table '{asked.table}' does not exist\nPerhaps iptables or your kernel needs to be upgraded."
        return context.fail(f"iptables {VERSION}: {words}", 3)
    table = _table(host_of(context).tables, asked.table)
    if asked.chain is not None and asked.chain not in table.chains:
        if asked.command == "C":
            return context.fail(f"iptables {VERSION}: Chain '{asked.chain}' does not exist", 2)
        where = f"chain `{asked.chain}' in table `{asked.table}'"
        return context.fail(f"iptables {VERSION}: {where} is incompatible, use 'nft' tool.")
    counters = counters_of(context.cluster) if "v" in asked.flags else Counters()
    match asked.command:
        case "C":
            return _checked(context, table, asked)
        case "S":
            return _rules(context, table, asked, counters)
        case _:
            return _listed(context, table, asked, counters)


def _listed(context: Context, table: Table, asked: Asked, counters: Counters) -> int:
    """`iptables -L`: every chain, one, or one rule of it."""
    style = Style(
        numeric="n" in asked.flags,
        verbose="v" in asked.flags,
        numbered="#" in asked.flags,
        exact="x" in asked.flags,
    )
    chains = [asked.chain] if asked.chain else _ordered(table)
    texts = [chain_text(context.location.host, table, table.chains[c], style, counters) for c in chains]
    if asked.number is not None:
        rules = texts[0].splitlines(keepends=True)[2:]
        texts = rules[asked.number - 1 : asked.number] if asked.number else []
    context.stdout.write("\n".join(texts))
    return 0


def _checked(context: Context, table: Table, asked: Asked) -> int:
    """`iptables -C`: whether a chain has a rule of these words, in any order of its matches."""
    assert asked.chain is not None
    wanted = sorted(shlex.split(_canonical(" ".join(map(shlex.quote, asked.rule)))))
    for rule in table.chains[asked.chain].rules:
        if sorted(shlex.split(_canonical(print_rule(rule)))) == wanted:
            return 0
    return context.fail("iptables: Bad rule (does a matching rule exist in that chain?).")


def _canonical(text: str) -> str:
    """A rule's words without what has several spellings: `-m tcp`, `/32`, masks of a mark."""
    text = re.sub(r"-m (tcp|udp|comment|conntrack|mark|statistic|addrtype) ?", "", text)
    text = re.sub(r"--or-mark (0x[0-9a-f]+)", r"--set-xmark \1/\1", text)
    return text.replace("/32", "")


@command("ip6tables", places=_PLACES)
def ip6tables(context: Context, argv: list[str]) -> int:
    """The IPv6 rules: this cluster has one address family, so its chains are empty."""
    given, _ = options(argv, "t:LSnvxw", _LONG)
    chains = _BUILT_IN.get(dict(given).get("-t", "filter"), ())
    titles = "target     prot opt source               destination         "
    context.stdout.write("\n".join(f"Chain {chain} (policy ACCEPT)\n{titles}\n" for chain in chains))
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


def _rules(context: Context, table: Table, asked: Asked, counters: Counters) -> int:
    """`iptables -S`: policies and new chains first, then rules; or one rule alone."""
    host = context.location.host
    chains = [asked.chain] if asked.chain else _ordered(table)

    def counted(chain: str, text: str) -> str:
        packets, size = counters.of(host, table.name, chain, text)
        return f" -c {packets} {size}" if "v" in asked.flags else ""

    for name in chains if asked.number is None else ():
        policy = table.chains[name].policy
        context.print(f"-P {name} {policy}{counted(name, '')}" if policy else f"-N {name}")
    for name in chains:
        for place, rule in enumerate(table.chains[name].rules, 1):
            if asked.number in (None, place):
                text = print_rule(rule)
                before, jump, target = text.rpartition("-j ")
                counts = counted(name, text).lstrip()
                context.print(f"-A {name} {before}{counts}{' ' if counts else ''}{jump}{target}")
    return 0


@command("iptables-save", places=_PLACES)
def iptables_save(context: Context, argv: list[str]) -> int:
    """Prints all rules as iptables-restore reads them; -t one table, -c with counters."""
    given, _ = options(argv, "t:c", ("table=", "counters"))
    settings = dict(given)
    wanted = settings.get("-t", settings.get("--table"))
    if wanted is not None and wanted not in _BUILT_IN:
        return context.fail(f"Table `{wanted}' does not exist")
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
