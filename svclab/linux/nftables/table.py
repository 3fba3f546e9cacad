"""A whole nftables table: its sets, maps and chains, from what `nft -s list table` prints, ready to be
walked.

Source: nft 1.0.6; priorities from Linux 6.18 include/uapi/linux/netfilter_ipv4.h.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from svclab.linux.iptables.headers import RuleError
from svclab.linux.iptables.rules import Chain, Chains, Rule
from svclab.linux.iptables.targets import Target
from svclab.linux.iptables.traverse import walk
from svclab.linux.iptables.traverse_log import Log
from svclab.linux.netfilter import BaseChain
from svclab.linux.nftables.rule import parse_rule
from svclab.linux.nftables.sets import Element, NamedSet
from svclab.linux.skb import Skb
from svclab.linux.trace import Origin

PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_HOOK = re.compile(r"type (\w+) hook (\w+) priority ([^;]+);(?: policy (\w+);)?")
_HEAD = re.compile(r"(set|map|chain) (\S+) \{")
_ELEMENTS = re.compile(r"elements = \{(.*)\}", re.DOTALL)
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}


@dataclass(frozen=True, slots=True)
class ChainText:
    """A chain as text: its hook line ("" without) and its rules, each with what made it and what made each
    of the choices that it draws from.
    """

    name: str
    hook: str
    rules: tuple[tuple[str, Origin | None, tuple[Origin, ...]], ...]


def base_chains(
    table: str, sets: Iterable[NamedSet], chains: Iterable[ChainText], version: int = 4
) -> tuple[BaseChain, ...]:
    """The base chains of a table for a host's hooks. Rules are read when a packet first comes to
    their chain.
    """
    by_name = {each.name: each for each in sets}
    texts = {each.name: each for each in chains}
    made = Chains(texts, partial(_chain, texts, by_name, version))
    return tuple(_base_chain(table, each, made) for each in texts.values() if each.hook)


def _chain(texts: Mapping[str, ChainText], sets: Mapping[str, NamedSet], version: int, name: str) -> Chain:
    text = texts[name]
    rules: list[Rule] = [parse_rule(rule, sets, version, *origins) for rule, *origins in text.rules]
    policy = _hook(text)[3].upper() if text.hook else None
    return Chain(name, policy, rules, language="nft")


def _hook(chain: ChainText) -> tuple[str, str, int, str]:
    """(type, hook, priority, policy) of a base chain. Raises RuleError."""
    found = _HOOK.match(chain.hook)
    if not found:
        raise RuleError(f"chain {chain.name}: '{chain.hook}' is not a hook")
    kind, hook, priority, policy = found.groups()
    return kind, hook.upper(), _priority(priority), policy or "accept"


def _priority(text: str) -> int:
    """`dstnat - 10`, `filter`, `-110`."""
    words = text.replace("-", " - ").replace("+", " + ").split()
    total, sign = 0, 1
    for word in words:
        if word in "+-":
            sign = -1 if word == "-" else 1
        else:
            total += sign * (PRIORITIES[word] if word in PRIORITIES else int(word))
    return total


def _base_chain(table: str, chain: ChainText, chains: Mapping[str, Chain]) -> BaseChain:
    kind, hook, priority, _ = _hook(chain)

    def walker(skb: Skb, log: Log) -> Target | None:
        return walk(chains, chain.name, skb, log)

    return BaseChain(hook, priority, "nat" if kind == "nat" else "filter", table, walker)


def parse_table(text: str) -> tuple[str, list[NamedSet], list[ChainText], int]:
    """(name with family, sets, chains, IP version) of one listed table. Raises RuleError with the line."""
    lines = text.splitlines()
    head = re.match(r"table (ip6?|inet) (\S+) \{", lines[0].strip()) if lines else None
    if not head:
        raise RuleError("an nft listing begins with 'table FAMILY NAME {'")
    sets: list[NamedSet] = []
    chains: list[ChainText] = []
    for kind, name, body in _blocks(lines[1:]):
        if kind == "chain":
            chains.append(_chain_text(name, body))
        else:
            sets.append(_named_set(name, body))
    return f"{head[1]} {head[2]}", sets, chains, 6 if head[1] == "ip6" else 4


def _blocks(lines: list[str]) -> Iterable[tuple[str, str, list[str]]]:
    """(set, map or chain; name; lines within) one after another."""
    at = 0
    while at < len(lines):
        head = _HEAD.fullmatch(lines[at].strip())
        at += 1
        if not head:
            continue
        body: list[str] = []
        while at < len(lines) and lines[at].strip() != "}":
            body.append(lines[at].strip())
            at += 1
        if at >= len(lines):
            raise RuleError(f"{head[1]} {head[2]} is not closed")
        yield head[1], head[2], body


def _chain_text(name: str, body: list[str]) -> ChainText:
    hook = next((line for line in body if line.startswith("type ") and " hook " in line), "")
    rules = [line for line in body if line and line != hook and not line.startswith('comment "')]
    return ChainText(name, hook, tuple((rule, None, ()) for rule in rules))


def _named_set(name: str, body: list[str]) -> NamedSet:
    types: tuple[str, ...] = ()
    timeout = None
    for line in body:
        if line.startswith("type "):
            types = tuple(line.removeprefix("type ").partition(" : ")[0].split(" . "))
        elif line.startswith("timeout "):
            timeout = _seconds(line.removeprefix("timeout "))
    listed = _ELEMENTS.search("\n".join(body))
    elements = tuple(_element(part) for part in listed[1].split(",") if part.strip()) if listed else ()
    dynamic = any(line.startswith("flags ") and "dynamic" in line for line in body)
    return NamedSet(name, types, elements, timeout if dynamic else None)


def _element(text: str) -> Element:
    """`10.96.0.1 . tcp . 443 comment "x" : goto Y`."""
    key, _, verdict = text.strip().partition(" : ")
    key = re.sub(r'\s+comment ".*"', "", key)
    return Element(tuple(part.strip() for part in key.split(" . ")), verdict.strip())


def _seconds(text: str) -> float:
    """`3h`, `1m30s`."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[dhms])", text))
