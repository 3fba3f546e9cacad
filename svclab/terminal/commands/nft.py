"""nft: the tables of a node, read only. Source: nftables 1.0.6."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from svclab.kube.proxy.nft_objects import NftChain, NftSet, NftTable
from svclab.kube.proxy.nftables import compile_nftables
from svclab.terminal.commands.ip import host_of
from svclab.terminal.commands.iptables.as_nft import NAMES, nft_table
from svclab.terminal.commands.iptables.counters import counters_of
from svclab.terminal.commands.programmed import Programmed, programmed
from svclab.terminal.commands.registry import BadOption, Context, command

_FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
_VERSION = "nftables v1.0.6 (Lester Gooch #5)"
_OPTIONS = {"a": "handles", "s": "stateless", "n": "numeric", "y": "numeric", "S": "services", "t": "terse",
            "v": "version"}  # fmt: skip
_LONG = {"handle": "a", "stateless": "s", "numeric": "n", "numeric-priority": "y", "service": "S",
         "terse": "t", "version": "v"}  # fmt: skip
_PRIORITIES = {"dstnat - 10": "-110", "dstnat": "-100", "filter": "0", "srcnat": "100"}
_READING = "svclab lets you read the rules: nft list ruleset, nft list table ip kube-proxy"


class _Wrong(Exception):
    """nft's complaint about one place in the line: `place` counts words, past the last one is its end."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


@command("nft", places={"node", "netshoot"})
def nft(context: Context, argv: list[str]) -> int:
    """Lists tables and what is in them: `nft list ruleset`, `nft list map ip kube-proxy service-ips`."""
    words = [word for word in " ".join(argv).split() if not word.startswith("-")]
    flags = _flags(word for word in argv if word.startswith("-"))
    if "version" in flags:
        context.print(_VERSION)
        return 0
    if not words:
        return context.fail("nft: no command specified")
    if words[0] != "list":
        return context.fail(f"nft: {_READING}")
    try:
        return _Listing(context, words, flags).give()
    except _Wrong as wrong:
        line = " ".join(words)
        starts = [match.start() for match in re.finditer(r"\S+", line)]
        start = starts[wrong.place] if wrong.place < len(starts) else len(line)
        marks = "^" * (len(words[wrong.place]) if wrong.place < len(words) else 1)
        return context.fail(f"Error: {wrong}\n{line}\n{' ' * start}{marks}")


def _flags(options: Iterable[str]) -> set[str]:
    found = set()
    for option in options:
        letters = [_LONG.get(option[2:], "")] if option.startswith("--") else option[1:]
        for letter in letters:
            if letter not in _OPTIONS:
                if option.startswith("--"):
                    raise BadOption(f"unrecognized option '{option}'", 1)
                raise BadOption(f"invalid option -- '{letter}'", 1)
            found.add(_OPTIONS[letter])
    return found


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A table's objects with the handles that the kernel gives where nft loads the table: chains first, then
    sets, then rules.
    """

    table: NftTable

    def chain(self, chain: NftChain) -> int:
        return self.table.chains.index(chain) + 1

    def set(self, each: NftSet) -> int:
        return len(self.table.chains) + self.table.sets.index(each) + 1

    def first_rule(self, chain: NftChain) -> int:
        before = self.table.chains[: self.table.chains.index(chain)]
        return len(self.table.chains) + len(self.table.sets) + sum(len(each.rules) for each in before) + 1


class _Listing:
    """One `nft list …`."""

    def __init__(self, context: Context, words: list[str], flags: set[str]) -> None:
        self.context, self.words, self.flags = context, words, flags
        self.found = programmed(context)

    def give(self) -> int:
        """Print what was asked for; the exit code."""
        if len(self.words) == 1:
            raise _Wrong("syntax error, unexpected newline", 1)
        kind = self.words[1]
        match kind:
            case "tables" | "ruleset" | "chains" | "sets" | "maps":
                tables = self._tables(self._family_at(2, None))
                for table in tables:
                    if kind == "ruleset":
                        self._warn(table)
                        self.context.stdout.write(self._text(table))
                    else:
                        self._whole(table, kind)
            case "table":
                place, family = self._named(2)
                self._end_at(place + 1)
                table = self._table(family, place)
                self._warn(table)
                self.context.stdout.write(self._text(table))
            case "chain" | "set" | "map":
                place, family = self._named(2)
                table = self._table(family, place)
                if place + 1 >= len(self.words):
                    raise _Wrong("syntax error, unexpected newline, expecting string", place + 1)
                self._end_at(place + 2)
                self._one(table, kind, place + 1)
            case _:
                raise _Wrong("syntax error, unexpected string", 1)
        return 0

    # -- where the words lead ------------------------------------------------------------------------------

    def _family_at(self, place: int, default: str | None) -> str | None:
        return (
            self.words[place] if self.words[place : place + 1] and self.words[place] in _FAMILIES else default
        )

    def _named(self, place: int) -> tuple[int, str]:
        """Where the table's name stands, and its family ("ip" if none is given)."""
        family = self._family_at(place, None)
        place += family is not None
        if place >= len(self.words):
            raise _Wrong("syntax error, unexpected newline, expecting string", place)
        return place, family or "ip"

    def _end_at(self, place: int) -> None:
        if place < len(self.words):
            what = "unexpected string, expecting end of file or newline or semicolon"
            raise _Wrong(f"syntax error, {what}", place)

    def _table(self, family: str, place: int) -> NftTable:
        table = next((each for each in self._tables(family) if each.name == self.words[place]), None)
        if table is None:
            raise _Wrong("No such file or directory", place)
        return table

    def _tables(self, family: str | None) -> list[NftTable]:
        """The tables of a family, of all without one."""
        tables = _all_tables(self.context, self.found) if self.found is not None else []
        return [table for table in tables if family in (None, table.family)]

    # -- what is printed -----------------------------------------------------------------------------------

    def _whole(self, table: NftTable, kind: str) -> None:
        """What `list tables`, `chains`, `sets` and `maps` say of one table."""
        head = f"table {table.family} {table.name}"
        if kind == "tables":
            self.context.print(head)
            return
        blocks: list[list[str]] = []
        if kind == "chains":
            for chain in table.chains:
                blocks.append([*self._chain_lines(table, chain)[: 2 if chain.hook else 1], "\t}"])
        else:
            sets = [each for each in table.sets if each.verdicts == (kind == "maps")]
            blocks = [self._set_lines(table, each) for each in sets]
        self.context.print("\n".join([f"{head} {{", *(line for block in blocks for line in block), "}"]))

    def _one(self, table: NftTable, kind: str, place: int) -> None:
        """One chain, set or map in its table."""
        name = self.words[place]
        chain = next((each for each in table.chains if each.name == name), None) if kind == "chain" else None
        sets = [each for each in table.sets if each.name == name and each.verdicts == (kind == "map")]
        if chain is not None:
            lines = self._chain_lines(table, chain)
        elif kind != "chain" and sets:
            lines = self._set_lines(table, sets[0])
        else:
            raise _Wrong("No such file or directory", place)
        self._warn(table)
        self.context.print("\n".join([f"table {table.family} {table.name} {{", *lines, "}"]))

    def _warn(self, table: NftTable) -> None:
        if table.name in NAMES:
            whose = f"table {table.family} {table.name} is managed by iptables-nft, do not touch!"
            self.context.stderr.write(f"# Warning: {whose}\n")

    def _text(self, table: NftTable) -> str:
        handle = " # handle 1" if "handles" in self.flags else ""
        blocks = [self._set_lines(table, each) for each in table.sets]
        blocks += [self._chain_lines(table, each) for each in table.chains]
        comment = f'\tcomment "{table.comment}"\n' if table.comment else ""
        body = "\n\n".join("\n".join(block) for block in blocks)
        return f"table {table.family} {table.name} {{{handle}\n{comment}{body}\n}}\n"

    def _set_lines(self, table: NftTable, each: NftSet) -> list[str]:
        lines = each.lines()
        if "terse" in self.flags:
            lines = [line for line in lines if not line.startswith(("\t\telements", "\t\t\t"))]
        if "handles" in self.flags:
            lines[0] += f" # handle {_Numbered(table).set(each)}"
        return lines

    def _chain_lines(self, table: NftTable, chain: NftChain) -> list[str]:
        lines = chain.lines()
        if "stateless" in self.flags:
            lines = [re.sub(r"counter packets \d+ bytes \d+", "counter", line) for line in lines]
        if "numeric" in self.flags:
            lines = [re.sub(r"priority ([^;]+);", _numeric_priority, line) for line in lines]
        if "handles" in self.flags:
            numbered = _Numbered(table)
            first = len(lines) - 1 - len(chain.rules)
            for place in range(len(chain.rules)):
                lines[first + place] += f" # handle {numbered.first_rule(chain) + place}"
            lines[0] += f" # handle {numbered.chain(chain)}"
        return lines


def _numeric_priority(found: re.Match[str]) -> str:
    return f"priority {_PRIORITIES.get(found[1], found[1])};"


def _all_tables(context: Context, found: Programmed) -> list[NftTable]:
    """Everything in the node's kernel: kube-proxy's own tables in nftables mode, and iptables' tables."""
    counters = counters_of(context.cluster)
    host = context.location.host
    kept = host_of(context).tables
    tables = [nft_table(host, kept[name], counters) for name in ("mangle", "nat", "filter") if name in kept]
    if found.mode != "nftables":
        return tables
    families = ("IPv4", "IPv6")
    own = [compile_nftables(found.services, found.slices, found.config(each)) for each in families]
    return [*tables, *own]
