"""iptables' tables as nft lists them: iptables-nft keeps its rules in the kernel's nf_tables.

What nftables has a word for stands in that word, the rest as "xt match NAME"; a comment is an empty word.
Source: nftables 1.0.6 with iptables 1.8.9.
"""

from svclab.kube.proxy.nft_objects import NftChain, NftRule, NftTable
from svclab.linux.iptables import headers as h
from svclab.linux.iptables import matches as m
from svclab.linux.iptables.rules import Rule, Table
from svclab.linux.iptables.save import print_rule
from svclab.linux.iptables.targets import (
    Accept,
    Dnat,
    Drop,
    Goto,
    Jump,
    Log,
    Masquerade,
    NatTarget,
    Redirect,
    Reject,
    Return,
    SetMark,
    Snat,
    Target,
)
from svclab.linux.trace import Origin
from svclab.terminal.commands.iptables.counters import Counters

NAMES = frozenset({"raw", "mangle", "nat", "filter", "security"})
_FILTER = dict.fromkeys(("INPUT", "FORWARD", "OUTPUT"), "filter")
_MANGLE = dict.fromkeys(("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"), "mangle")
_PRIORITIES = {
    "filter": _FILTER,
    "nat": {"PREROUTING": "dstnat", "INPUT": "100", "OUTPUT": "-100", "POSTROUTING": "srcnat"},
    "mangle": _MANGLE,
}
_ORDER = (h.InInterfaceMatch, h.OutInterfaceMatch, h.ProtocolMatch, h.SourceMatch, h.DestinationMatch)
_ICMP_TYPES = {8: "echo-request", 0: "echo-reply", 3: "destination-unreachable", 11: "time-exceeded"}


def nft_table(host: str, table: Table, counters: Counters, version: int = 4) -> NftTable:
    """The table with its counters; chains that packets enter from a hook first, the others by name."""
    hooks = _PRIORITIES.get(table.name, {})
    order = [name for name in hooks if name in table.chains]
    order += sorted(name for name in table.chains if name not in hooks)
    chains = []
    for name in order:
        chain = table.chains[name]
        hook = _hook(table.name, name, chain.policy) if chain.policy else ""
        rules = [
            NftRule(
                _rule(rule, *counters.of(host, table.name, name, print_rule(rule))), Origin("Node", "", "")
            )
            for rule in chain.rules
        ]
        chains.append(NftChain(name, tuple(rules), hook))
    return NftTable("ip6" if version == 6 else "ip", table.name, "", (), tuple(chains))


def _hook(table: str, chain: str, policy: str) -> str:
    kind = "route" if (table, chain) == ("mangle", "OUTPUT") else ("nat" if table == "nat" else "filter")
    return f"type {kind} hook {chain.lower()} priority {_PRIORITIES[table][chain]}; policy {policy.lower()};"


def _rule(rule: Rule, packets: int, size: int) -> str:
    """The header's words, those of the matches, the counter, the target's."""
    own = [match for kind in _ORDER for match in rule.matches if isinstance(match, kind)]
    others = [match for match in rule.matches if not isinstance(match, _ORDER)]
    spoken = [match.protocol.value.lower() for match in own if isinstance(match, h.ProtocolMatch)]
    words = [_match(match, "".join(spoken)) for match in (*own, *others)]
    words.append(f"counter packets {packets} bytes {size}")
    if rule.target is not None:
        words.append(_target(rule.target))
    return " ".join(words)


def _not(negated: bool) -> str:
    return "!= " if negated else ""


def _match(match: h.Match, protocol: str) -> str:
    match match:
        case h.InInterfaceMatch() | h.OutInterfaceMatch():
            side = "iifname" if isinstance(match, h.InInterfaceMatch) else "oifname"
            return f'{side} {_not(match.negated)}"{match.pattern.replace("+", "*")}"'
        case h.ProtocolMatch():
            return f"meta l4proto {_not(match.negated)}{match.protocol.value.lower()}"
        case h.SourceMatch() | h.DestinationMatch():
            side = "saddr" if isinstance(match, h.SourceMatch) else "daddr"
            ip = "ip6" if match.prefix.version == 6 else "ip"
            return f"{ip} {side} {_not(match.negated)}{match.prefix.words()}"
        case m.CommentMatch():
            return ""
        case m.PortMatch():
            return _ports(match)
        case m.MultiportMatch(side, ranges, negated):
            listed = ", ".join(_range(each) for each in ranges)
            return f"{protocol} {side.removesuffix('s')} {_not(negated)}{{ {listed} }}"
        case m.MarkMatch(value, mask, negated):
            if mask == 0xFFFFFFFF:
                return f"meta mark {_not(negated)}0x{value:08x}"
            return f"meta mark & 0x{mask:08x} {'!=' if negated else '=='} 0x{value:08x}"
        case m.StatisticMatch():
            return f"meta random & 2147483647 < {match.threshold}"
        case m.AddrtypeMatch():
            return _address_type(match)
        case m.ConntrackMatch(states, negated):
            nat = [state.lower() for state in states if state in ("DNAT", "SNAT")]
            if nat:
                return f"ct status {','.join(nat)}"
            return f"ct state {'! ' if negated else ''}{','.join(states).lower()}"
        case m.IcmpTypeMatch(number, negated):
            return f"icmp type {_not(negated)}{_ICMP_TYPES.get(number, number)}"
        case _:
            return f"xt match {match.text().split()[1]}"


def _range(ports: m.PortRange) -> str:
    return f"{ports.low}" if ports.low == ports.high else f"{ports.low}-{ports.high}"


def _ports(match: m.PortMatch) -> str:
    protocol = match.protocol.value.lower()
    sides = (("sport", match.sport), ("dport", match.dport))
    return " ".join(f"{protocol} {side} {_not(p.negated)}{_range(p)}" for side, p in sides if p is not None)


def _address_type(match: m.AddrtypeMatch) -> str:
    parts = []
    for side, types, negated in (
        ("saddr", match.src_types, match.src_negated),
        ("daddr", match.dst_types, match.dst_negated),
    ):
        if types:
            parts.append(f"fib {side} type {_not(negated)}{','.join(types).lower()}")
    return " ".join(parts)


def _target(target: Target) -> str:
    match target:
        case Accept() | Drop() | Return():
            return target.name.lower()
        case Jump(chain):
            return f"jump {chain}"
        case Goto(chain):
            return f"goto {chain}"
        case Reject(with_):
            return _reject(with_)
        case SetMark(value, mask):
            return f"meta mark set {_mark(value, mask)}"
        case Log(prefix):
            return f'log prefix "{prefix}"' if prefix else "log"
        case Dnat() | Snat():
            return f"{target.name.lower()} to {target.spelled}{_how(target)}"
        case Masquerade():
            return f"masquerade{f' to :{target.spelled}' if target.spelled else ''}{_how(target)}"
        case Redirect():
            return f"redirect to :{target.spelled}{_how(target)}"
        case _:
            return target.name


def _how(target: NatTarget) -> str:
    given = (("random", target.random), ("fully-random", target.fully), ("persistent", target.persistent))
    words = ",".join(word for word, wanted in given if wanted)
    return f" {words}" if words else ""


def _reject(with_: str) -> str:
    if with_ in ("icmp-port-unreachable", "icmp6-port-unreachable"):
        return "reject"
    if with_ == "tcp-reset":
        return "reject with tcp reset"
    family, _, kind = with_.partition("-")
    return f"reject with {family.replace('icmp6', 'icmpv6')} type {kind}"


def _mark(value: int, mask: int) -> str:
    if mask == 0xFFFFFFFF:
        return f"{value:#x}"
    if value == 0:
        return f"mark and {0xFFFFFFFF ^ mask:#x}"
    if value == mask:
        return f"mark or {value:#x}"
    if mask == 0:
        return f"mark xor {value:#x}"
    return f"mark and {0xFFFFFFFF ^ mask:#x} xor {value:#x}"
