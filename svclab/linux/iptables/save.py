"""iptables text to rules and back. Reads what kube-proxy writes and what iptables-save prints; writes the
latter.

Source: iptables 1.8.9 (iptables-restore, iptables-save); see tests/recordings/kube-proxy-cases.json for both
spellings of the same rules.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from svclab.linux.iptables.headers import HEADER_ORDER, Match, RuleError
from svclab.linux.iptables.matches import CommentMatch
from svclab.linux.iptables.options import MATCH_OPTIONS, TARGET_OPTIONS, Option, header_match, read_match
from svclab.linux.iptables.options import read_target as read_known_target
from svclab.linux.iptables.rules import Chain, Rule, Table
from svclab.linux.iptables.targets import Goto, Jump, Target
from svclab.linux.trace import Origin

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_ESCAPE = re.compile(r"\\(.)")
_HEADER = {"-s", "--source", "--src", "-d", "--destination", "--dst", "-i", "--in-interface", "-o",
           "--out-interface", "-p", "--protocol"}  # fmt: skip


def _tokens(text: str) -> list[tuple[str, bool]]:
    """Words with whether they stood in quotes."""
    found = []
    for match in _TOKEN.finditer(text):
        inside, bare = match.groups()
        found.append((bare, False) if inside is None else (_ESCAPE.sub(r"\1", inside), True))
    return found


class _Reader:
    """Takes a rule's words one by one."""

    def __init__(self, text: str, version: int) -> None:
        self.text = text
        self.version = version
        self.words = _tokens(text)
        self.at = 0
        self.headers: list[Match] = []
        self.loaded: list[tuple[str, list[Option]]] = []
        self.protocol = ""
        self.target: tuple[str, str] | None = None  # -j or -g, name
        self.target_options: list[Option] = []

    def next(self) -> str:
        if self.at >= len(self.words):
            raise RuleError(f"the rule ends too early: {self.text}")
        self.at += 1
        return self.words[self.at - 1][0]

    def read(self) -> Rule:
        negated = False
        while self.at < len(self.words):
            word = self.next()
            if word == "!":
                negated = True
                continue
            self.take(word, negated)
            negated = False
        matches = [read_match(name, options, self.version) for name, options in self.loaded]
        headers = sorted(self.headers, key=lambda m: HEADER_ORDER.index(type(m)))
        return Rule((*headers, *matches), self.read_target())

    def take(self, word: str, negated: bool) -> None:
        if word in _HEADER:
            value = self.next()
            found = header_match(word, value, negated)
            if found:
                self.headers.append(found)
            if word in ("-p", "--protocol"):
                self.protocol = value.lower()
        elif word in ("-m", "--match"):
            self.loaded.append((self.next(), []))
        elif word in ("-j", "--jump", "-g", "--goto"):
            self.target = ("-g" if word in ("-g", "--goto") else "-j", self.next())
        else:
            self.option(word, negated)

    def option(self, word: str, negated: bool) -> None:
        known = TARGET_OPTIONS.get(self.target[1]) if self.target else None
        if known and word in known:
            self.target_options.append((word, negated, tuple(self.next() for _ in range(known[word]))))
            return
        for name, options in reversed(self.loaded):
            arity = MATCH_OPTIONS.get(name, {}).get(word)
            if arity is not None:
                options.append((word, negated, tuple(self.next() for _ in range(arity))))
                return
        if word in MATCH_OPTIONS.get(self.protocol, {}):
            self.loaded.append((self.protocol, []))
            self.option(word, negated)
            return
        raise RuleError(f"unknown option '{word}' in: {self.text}")

    def read_target(self) -> Target | None:
        if self.target is None:
            return None
        how, name = self.target
        if how == "-g":
            return Goto(name)
        return read_known_target(name, self.target_options, self.version) or Jump(name)


def parse_rule(text: str, version: int = 4, origin: Origin | None = None) -> Rule:
    """One rule without its `-A CHAIN`, in either spelling. `version` is the IP version of the table.

    Raises RuleError, naming the word that cannot be read.
    """
    rule = _parsed(text, version)
    return rule if origin is None else Rule(rule.matches, rule.target, origin)


@lru_cache(maxsize=40_000)  # nodes share most of their rules, and a sync changes few
def _parsed(text: str, version: int) -> Rule:
    return _Reader(text, version).read()


def print_rule(rule: Rule) -> str:
    """The rule as iptables-save prints it, without `-A CHAIN`."""
    parts = [match.text() for match in rule.matches]
    if rule.target:
        parts.append(rule.target.text())
    return " ".join(parts)


def parse_save(text: str, version: int = 4) -> dict[str, Table]:
    """All tables of an iptables-save or iptables-restore text. Raises RuleError with the line."""
    tables: dict[str, Table] = {}
    name = ""
    chains: dict[str, tuple[str | None, list[Rule]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#") or line.startswith("-X"):
            continue
        try:
            if line.startswith("*"):
                name, chains = line[1:], {}
            elif line == "COMMIT":
                built = {chain: Chain(chain, policy, rules) for chain, (policy, rules) in chains.items()}
                tables[name] = Table(name, built)
                tables[name].check()
            elif line.startswith(":"):
                chain, policy = line[1:].split()[:2]
                chains[chain] = (None if policy == "-" else policy, [])
            else:
                chain, rule = _appended(line)
                chains.setdefault(chain, (None, []))[1].append(parse_rule(rule, version))
        except (RuleError, ValueError) as error:
            raise RuleError(f"line {number}: {error}") from error
    return tables


def _appended(line: str) -> tuple[str, str]:
    """The chain and the rule of a `-A` line, counters taken off."""
    if line.startswith("["):
        line = line.split("]", 1)[1].strip()
    words = line.split(None, 2)
    if len(words) < 2 or words[0] not in ("-A", "--append"):
        raise RuleError(f"'{line}' is not a rule")
    return words[1], words[2] if len(words) > 2 else ""


BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


def print_save(tables: Mapping[str, Table], names: Iterable[str] = ("mangle", "filter", "nat")) -> str:
    """All tables as iptables-save (nf_tables) prints them: built-in chains first, the others by name, no
    counters.
    """
    lines: list[str] = []
    for name in names:
        if name not in tables:
            continue
        chains = tables[name].chains
        built_in = [chain for chain in BUILT_IN.get(name, ()) if chain in chains]
        order = built_in + sorted(chain for chain in chains if chain not in built_in)
        lines.append(f"*{name}")
        lines += [f":{chain} {chains[chain].policy or '-'} [0:0]" for chain in order]
        for chain in order:
            lines += [f"-A {chain} {print_rule(rule)}".rstrip() for rule in chains[chain].rules]
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def comment_of(rule: Rule) -> str | None:
    """The rule's comment, if it has one."""
    return next((m.comment for m in rule.matches if isinstance(m, CommentMatch)), None)
