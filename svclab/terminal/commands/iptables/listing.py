"""Rules as `iptables -L` prints them. Source: iptables 1.8.9 (nf_tables), the `print` functions of its
extensions.
"""

from dataclasses import dataclass

from svclab.linux.iptables import matches as m
from svclab.linux.iptables.headers import (
    DestinationMatch,
    InInterfaceMatch,
    Match,
    OutInterfaceMatch,
    ProtocolMatch,
    SourceMatch,
)
from svclab.linux.iptables.rules import Chain, Rule, Table
from svclab.linux.iptables.save import print_rule
from svclab.linux.iptables.targets import (
    Dnat,
    Goto,
    Jump,
    Log,
    Masquerade,
    NatTarget,
    Redirect,
    Reject,
    SetMark,
    Snat,
)
from svclab.terminal.commands.iptables.counters import Counters
from svclab.terminal.commands.service_names import SERVICE_NAMES

_ADDRESSES = "source               destination         "
_NAMES = {"127.0.0.0/8": "loopback/8", "127.0.0.1": "localhost"}  # what a reverse look-up gives


@dataclass(frozen=True, slots=True)
class Style:
    """What the options ask for: -n, -v, --line-numbers, -x; `version` is that of the addresses."""

    numeric: bool = False
    verbose: bool = False
    numbered: bool = False
    exact: bool = False
    version: int = 4


def count_text(number: int, exact: bool) -> str:
    """A counter in at most five characters: 99999, then 100K, rounded."""
    if exact or number < 100_000:
        return str(number)
    scaled = [(number + 500) // 1000]
    while scaled[-1] > 9999 and len(scaled) < 4:
        scaled.append((scaled[-1] + 500) // 1000)
    return f"{scaled[-1]}{'KMGT'[len(scaled) - 1]}"


def references(table: Table, name: str) -> int:
    """How many rules lead to a chain."""
    return sum(
        isinstance(rule.target, Jump | Goto) and rule.target.chain == name
        for chain in table.chains.values()
        for rule in chain.rules
    )


def chain_text(host: str, table: Table, chain: Chain, style: Style, counters: Counters) -> str:
    """One chain with its heading."""
    if chain.policy is None:
        head = f"Chain {chain.name} ({references(table, chain.name)} references)"
    elif style.verbose:
        packets, size = counters.of(host, table.name, chain.name, "")
        shown = f"{count_text(packets, style.exact)} packets, {count_text(size, style.exact)} bytes"
        head = f"Chain {chain.name} (policy {chain.policy} {shown})"
    else:
        head = f"Chain {chain.name} (policy {chain.policy})"
    number = "num  " if style.numbered else ""
    if style.verbose:
        counts = "    pkts      bytes " if style.exact else " pkts bytes "
        columns = f"{number}{counts}target     prot opt in     out     {_ADDRESSES}"
    else:
        columns = f"{number}target     prot opt {_ADDRESSES}"
    lines = [head, columns]
    for place, rule in enumerate(chain.rules, 1):
        lines.append(_rule_text(host, table, chain, place, rule, style, counters))
    return "\n".join(lines) + "\n"


def _rule_text(
    host: str, table: Table, chain: Chain, place: int, rule: Rule, style: Style, counters: Counters
) -> str:
    target = rule.target.name if rule.target else ""
    text = f"{place:<4} " if style.numbered else ""
    if style.verbose:
        packets, size = counters.of(host, table.name, chain.name, print_rule(rule))
        width = 8 if style.exact else 5
        text += f"{count_text(packets, style.exact):>{width}} {count_text(size, style.exact):>{width}} "
    text += f"{target:<9} {_protocol(rule, style)}-- "
    if style.verbose:
        text += _interface(rule, InInterfaceMatch, style) + _interface(rule, OutInterfaceMatch, style) + " "
    text += f"{_address(rule, SourceMatch, style)}{_address(rule, DestinationMatch, style)}"
    words = [found for match in rule.matches if (found := match_text(match, style))]
    words += [found for found in [_target_text(rule)] if found]
    return text + "".join(f" {word}" for word in words)


_PROTOCOL_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "sctp": 132}


def _protocol(rule: Rule, style: Style) -> str:
    """The protocol's name, with -n its number (0 for all); `!` in front of a negated one."""
    found = next((match for match in rule.matches if isinstance(match, ProtocolMatch)), None)
    if found is None:
        return f" {'0' if style.numeric else 'all':<5}"
    name = found.protocol.value.lower()
    shown = str(_PROTOCOL_NUMBERS[name]) if style.numeric else name
    return f"{'!' if found.negated else ' '}{shown:<5}"


def _interface(rule: Rule, kind: type[InInterfaceMatch | OutInterfaceMatch], style: Style) -> str:
    found = next((match for match in rule.matches if isinstance(match, kind)), None)
    if found is None:
        return f" {'*' if style.numeric else 'any':<6}"
    return f"{'!' if found.negated else ' '}{found.pattern:<6}"


def _address(rule: Rule, kind: type[SourceMatch | DestinationMatch], style: Style) -> str:
    found = next((match for match in rule.matches if isinstance(match, kind)), None)
    if found is None or found.prefix.mask == 0:
        everywhere = "::/0" if style.version == 6 else "0.0.0.0/0"
        return f" {everywhere if style.numeric else 'anywhere':<19} "
    shown = found.prefix.words()
    return f"{'!' if found.negated else ' '}{shown if style.numeric else _NAMES.get(shown, shown):<19} "


def _ports(ranges: m.PortRange, style: Style, protocol: str) -> str:
    if ranges.low != ranges.high:
        return f"{ranges.low}:{ranges.high}"
    return str(ranges.low) if style.numeric else SERVICE_NAMES.get((ranges.low, protocol), str(ranges.low))


def _bang(negated: bool) -> str:
    return "! " if negated else ""


def match_text(match: Match, style: Style) -> str:
    """What one match adds to the end of the line, "" for those with a column of their own."""
    match match:
        case m.CommentMatch(comment):
            return f"/* {comment} */"
        case m.PortMatch():
            return _port_match(match, style)
        case m.MultiportMatch(side, ranges, negated):
            shown = ",".join(_ports(each, style, "tcp") for each in ranges)
            return f"multiport {side} {'!' if negated else ''}{shown}"
        case m.MarkMatch(value, mask, negated):
            shown = f"{value:#x}" + ("" if mask == 0xFFFFFFFF else f"/{mask:#x}")
            return f"mark match {'! ' if negated else ''}{shown}"
        case m.StatisticMatch():
            return f"statistic mode random {_bang(match.negated)}probability {match.probability:.11f}"
        case m.AddrtypeMatch(sources, destinations, not_source, not_destination):
            text = "ADDRTYPE match"
            text += f" src-type {'!' if not_source else ''}{','.join(sources)}" if sources else ""
            return text + (
                f" dst-type {'!' if not_destination else ''}{','.join(destinations)}" if destinations else ""
            )
        case m.ConntrackMatch(states, negated, module):
            name = "state" if module == "state" else "ctstate"
            return f"{'! ' if negated else ''}{name} {','.join(states)}"
        case m.RecentMatch():
            return _recent(match)
        case m.NfacctMatch(name):
            return f"nfacct-name  {name}"
        case m.SetMatch(name, directions, negated):
            return f"{'! ' if negated else ''}match-set {name} {','.join(directions)}"
        case m.IcmpTypeMatch(number, negated):
            return f"{'!' if negated else ''}icmptype {number}"
        case _:
            return ""


def _port_match(match: m.PortMatch, style: Style) -> str:
    name = match.protocol.value.lower()
    parts = [name]
    for word, ranges in (("spt", match.sport), ("dpt", match.dport)):
        if ranges is not None:
            plural = "s" if ranges.low != ranges.high else ""
            parts.append(f"{word}{plural}:{'!' if ranges.negated else ''}{_ports(ranges, style, name)}")
    return " ".join(parts)


def _recent(match: m.RecentMatch) -> str:
    names = {"set": "SET", "rcheck": "CHECK", "update": "UPDATE", "remove": "REMOVE"}
    text = f"{'! ' if match.negated else ''}recent: {names[match.action]}"
    text += f" seconds: {match.seconds}" if match.seconds else ""
    text += " reap" if match.reap else ""
    text += f" hit_count: {match.hitcount}" if match.hitcount else ""
    side = "source" if match.by_source else "dest"
    return f"{text} name: {match.name} side: {side} mask: 255.255.255.255"


def _target_text(rule: Rule) -> str:
    match rule.target:
        case Goto(chain):
            return f"[goto] {chain}"[:6]
        case Reject(with_):
            return f"reject-with {with_}"
        case SetMark():
            return _mark(rule.target)
        case Log(prefix):
            return f"LOG flags 0 level 4{f' prefix {chr(34)}{prefix}{chr(34)}' if prefix else ''}"
        case Dnat() | Snat() as target:
            return f"to:{target.spelled}{_extras(target)}"
        case Masquerade() as target:
            ports = f"masq ports: {target.spelled}" if target.spelled else ""
            return (ports + _extras(target)).strip()
        case Redirect() as target:
            return f"redir ports {target.spelled}"
        case _:
            return ""


def _extras(target: NatTarget) -> str:
    text = " random" if target.random else ""
    text += " random-fully" if target.fully else ""
    return text + (" persistent" if target.persistent else "")


def _mark(target: SetMark) -> str:
    value, mask = target.value, target.mask
    if value == 0:
        return f"MARK and {0xFFFFFFFF ^ mask:#x}"
    if value == mask:
        return f"MARK or {value:#x}"
    if mask == 0:
        return f"MARK xor {value:#x}"
    return f"MARK set {value:#x}" if mask == 0xFFFFFFFF else f"MARK xset {value:#x}/{mask:#x}"
