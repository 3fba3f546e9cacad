"""iptables, iptables-save and their IPv6 twins: the rules of a node, read only but for their counters.
Source: iptables 1.8.9 (nf_tables).
"""

import re
import shlex
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise

from svclab.kube.proxied import node_rules
from svclab.linux.iptables.rules import Chain, Table
from svclab.linux.iptables.save import BUILT_IN, print_rule
from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.iptables.asked import VERSION, Asked, Program, WrongWords, read
from svclab.terminal.commands.iptables.counters import Counters, counters_of, zero
from svclab.terminal.commands.iptables.listing import Style, chain_text
from svclab.terminal.commands.programmed import programmed
from svclab.terminal.commands.registry import BadOption, Context, command

_PLACES = frozenset({"node", "netshoot", "laptop"})
_TABLES = {**BUILT_IN, "security": ("INPUT", "FORWARD", "OUTPUT")}
_CHANGES = frozenset({"-A", "-I", "-D", "-R", "-F", "-X", "-N", "-P", "-E", "--append", "--insert",
                      "--delete", "--replace", "--flush", "--policy", "--new-chain",
                      "--delete-chain", "--rename-chain"})  # fmt: skip
_TARGETS = frozenset({
    "ACCEPT", "DROP", "QUEUE", "RETURN", "REJECT", "LOG", "MARK", "DNAT", "SNAT", "MASQUERADE", "REDIRECT",
    "CONNMARK", "TCPMSS", "NFLOG", "NFQUEUE", "NOTRACK", "CT", "TRACE", "SET", "TPROXY", "NETMAP",
})  # fmt: skip
_PROTOCOLS = frozenset(
    {"tcp", "udp", "icmp", "icmpv6", "ipv6-icmp", "sctp", "all", "esp", "ah", "udplite", "dccp"}
)


@command("iptables", "iptables-nft", "iptables-legacy", "ip6tables", "ip6tables-nft", "ip6tables-legacy",
         places=_PLACES)  # fmt: skip
def iptables(context: Context, argv: list[str]) -> int:
    """Lists rules (-L, -S) of a table (-t), says whether there is one (-C), or zeroes counters (-Z)."""
    program = Program(context.name.partition("-")[0], "legacy" if _is_legacy(context) else "nf_tables")
    if changing := next((word for word in argv if word in _CHANGES), None):
        words = f"{changing}: the rules of this node are kube-proxy's; svclab lets you read them"
        return context.fail(f"{program.name}: {words}", 4)
    if {"-V", "--version"} & set(argv):
        context.print(str(program))
        return 0
    try:
        asked = read(argv, program)
    except WrongWords as wrong:
        return context.fail(str(wrong), wrong.status)
    if asked.table not in _TABLES:
        where = f"table '{asked.table}' does not exist"
        if program.back_end == "legacy":
            why = "Table does not exist (do you need to insmod?)"
            where = f"can't initialize iptables table `{asked.table}': {why}"
        words = f"{where}\nPerhaps {program.name} or your kernel needs to be upgraded."
        return context.fail(f"{program}: {words}", 3)
    return _Answer(context, program, asked).give()


def _is_legacy(context: Context) -> bool:
    """Whether the other back end was asked for: kube-proxy uses nf_tables, so that one's tables are empty."""
    return "-legacy" in context.name


def _version(context: Context) -> int:
    return 6 if context.name.startswith("ip6") else 4


def _tables(context: Context) -> Mapping[str, Table]:
    """The tables of this place that the program called shows."""
    if _is_legacy(context):
        return {}
    if _version(context) == 4:
        return host_of(context).tables
    found = programmed(context)
    return {} if found is None else node_rules(found.mode, [], [], found.config("IPv6")).tables


def _table(tables: Mapping[str, Table], name: str) -> Table:
    """A table with all its built-in chains; iptables makes one that is not there when it is asked for it."""
    found = tables.get(name)
    return (
        found if found is not None else Table(name, {each: Chain(each, "ACCEPT") for each in _TABLES[name]})
    )


def _ordered(table: Table) -> list[str]:
    """Built-in chains in their own order, then the others by name."""
    first = [name for name in _TABLES[table.name] if name in table.chains]
    return first + sorted(name for name in table.chains if name not in first)


class _Answer:
    """What one command line shows of one table."""

    def __init__(self, context: Context, program: Program, asked: Asked) -> None:
        self.context, self.program, self.asked = context, program, asked
        self.table = _table(_tables(context), asked.table)
        self.counters = counters_of(context.cluster) if "v" in asked.flags else Counters()

    def give(self) -> int:
        """Print it; the exit code."""
        asked = self.asked
        if asked.command == "C":
            return self._checked()
        if asked.chain is not None and asked.chain not in self.table.chains:
            if self.program.back_end == "legacy" or asked.command == "Z":
                return self.context.fail(f"{self.program.name}: No chain/target/match by that name.")
            where = f"chain `{asked.chain}' in table `{asked.table}'"
            return self.context.fail(f"{self.program}: {where} is incompatible, use 'nft' tool.")
        if asked.command != "Z":
            self._rules() if asked.command == "S" else self._listed()
        if asked.zeroes:
            self._zero()
        return 0

    @property
    def _chains(self) -> list[str]:
        return [self.asked.chain] if self.asked.chain else _ordered(self.table)

    def _listed(self) -> None:
        """`-L`: every chain, one, or one rule of it."""
        flags, number = self.asked.flags, self.asked.number
        version = _version(self.context)
        style = Style("n" in flags, "v" in flags, "#" in flags, "x" in flags, version)
        chains = self.table.chains
        host = self.context.location.host
        texts = [chain_text(host, self.table, chains[name], style, self.counters) for name in self._chains]
        if number is not None:
            texts = texts[0].splitlines(keepends=True)[2:][number - 1 : number]
        self.context.stdout.write("\n".join(texts))

    def _zero(self) -> None:
        """`-Z`: the counters of every chain, one, or one rule of it begin anew."""
        asked = self.asked
        words = [self.table.name, *([asked.chain] if asked.chain else ())]
        if asked.number is not None:
            rules = self.table.chains[words[1]].rules
            if asked.number > len(rules):
                return
            words.append(print_rule(rules[asked.number - 1]))
        elif "v" in asked.flags:
            for name in self._chains:
                self.context.print(f"Zeroing chain `{name}'")
        if self.program.back_end != "legacy" and self.program.name == "iptables":
            zero(self.context.cluster, self.context.location.host, words)

    def _checked(self) -> int:
        """`-C`: whether a chain has a rule of these words, in any order of its matches."""
        words = self.asked.rule
        named = {option: word for option, word in pairwise(words) if option.startswith("-")}
        target = named.get("-j", named.get("--jump"))
        protocol = named.get("-p", named.get("--protocol"))
        try:
            if protocol is not None and protocol.lower() not in _PROTOCOLS and not protocol.isdigit():
                raise self.program.refuse(f'unknown protocol "{protocol}" specified')
            if target is not None and target not in _TARGETS and target not in self.table.chains:
                raise self.program.refuse(f"Chain '{target}' does not exist")
        except WrongWords as wrong:
            return self.context.fail(str(wrong), wrong.status)
        wanted = sorted(shlex.split(_canonical(" ".join(map(shlex.quote, words)))))
        chain = self.table.chains.get(self.asked.chain or "")
        for rule in chain.rules if chain is not None else ():
            if sorted(shlex.split(_canonical(print_rule(rule)))) == wanted:
                return 0
        return self.context.fail(
            f"{self.program.name}: Bad rule (does a matching rule exist in that chain?)."
        )

    def _counted(self, chain: str, text: str) -> str:
        packets, size = self.counters.of(self.context.location.host, self.table.name, chain, text)
        return f" -c {packets} {size}" if "v" in self.asked.flags else ""

    def _rules(self) -> None:
        """`-S`: policies and new chains first, then rules; or one rule alone."""
        for name in self._chains if self.asked.number is None else ():
            policy = self.table.chains[name].policy
            line = f"-P {name} {policy}{self._counted(name, '')}" if policy else f"-N {name}"
            self.context.print(line)
        for name in self._chains:
            for place, rule in enumerate(self.table.chains[name].rules, 1):
                if self.asked.number in (None, place):
                    text = print_rule(rule)
                    before, jump, target = text.rpartition("-j ")
                    counts = self._counted(name, text).lstrip()
                    self.context.print(f"-A {name} {before}{counts}{' ' if counts else ''}{jump}{target}")


def _canonical(text: str) -> str:
    """A rule's words without what has several spellings: `-m tcp`, `/32`, masks of a mark."""
    text = re.sub(r"-m (tcp|udp|comment|conntrack|mark|statistic|addrtype) ?", "", text)
    text = re.sub(r"--or-mark (0x[0-9a-f]+)", r"--set-xmark \1/\1", text)
    return text.replace("/32", "").replace("--jump", "-j").replace("--protocol", "-p")


@command("iptables-save", "iptables-nft-save", "iptables-legacy-save",
         "ip6tables-save", "ip6tables-nft-save", "ip6tables-legacy-save", places=_PLACES)  # fmt: skip
def iptables_save(context: Context, argv: list[str]) -> int:
    """Prints all rules as iptables-restore reads them; -t one table, -c with counters."""
    try:
        given, rest = options(argv, "t:cV", ("table=", "counters", "version"))
    except BadOption as wrong:
        return context.fail(
            f"{context.name}: {wrong}\nLook at manual page `{context.name}.8' for more information."
        )
    if rest:
        return context.fail("Unknown arguments found on commandline")
    settings = dict(given)
    back_end = " (nf_tables)" if not _is_legacy(context) else ""
    if settings.keys() & {"-V", "--version"}:
        context.print(f"{context.name} v{VERSION} ({'legacy' if _is_legacy(context) else 'nf_tables'})")
        return 0
    wanted = settings.get("-t", settings.get("--table"))
    if wanted is not None and wanted not in _TABLES:
        return context.fail(f"Table `{wanted}' does not exist")
    tables = _tables(context)
    program = context.name.replace("-nft", "").replace("-legacy", "")
    saver = _Saver(
        context, f"{program} v{VERSION}{back_end}", show=bool({"-c", "--counters"} & settings.keys())
    )
    for name in ("mangle", "filter", "nat") if wanted is None else (wanted,):
        if name in tables or wanted is not None:
            saver.save(_table(tables, name), context.now())
    return 0


class _Saver:
    """Prints tables as iptables-save does."""

    def __init__(self, context: Context, program: str, *, show: bool) -> None:
        self.context, self.program, self.show = context, program, show
        self.host = context.location.host
        self.counters = counters_of(context.cluster)

    def save(self, table: Table, now: datetime) -> None:
        """One table, with its headings."""
        time = now.strftime("%a %b %e %H:%M:%S %Y")
        self.context.print(f"# Generated by {self.program} on {time}\n*{table.name}")
        for name in _ordered(table):
            policy = table.chains[name].policy
            packets, size = self.counters.of(self.host, table.name, name, "") if policy else (0, 0)
            self.context.print(f":{name} {policy or '-'} [{packets}:{size}]")
        for name in _ordered(table):
            for rule in table.chains[name].rules:
                text = print_rule(rule)
                packets, size = self.counters.of(self.host, table.name, name, text)
                self.context.print((f"[{packets}:{size}] " if self.show else "") + f"-A {name} {text}")
        self.context.print(f"COMMIT\n# Completed on {time}")
