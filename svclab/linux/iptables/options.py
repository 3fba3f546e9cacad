"""Which options each match and target takes, and how they become values. Used by `save`.

Source: iptables 1.8.9 extensions (libxt_*.c, libipt_*.c).
"""

from collections.abc import Callable
from ipaddress import ip_address

from svclab.linux.iptables.headers import (
    DestinationMatch,
    InInterfaceMatch,
    Match,
    OutInterfaceMatch,
    Prefix,
    ProtocolMatch,
    RuleError,
    SourceMatch,
)
from svclab.linux.iptables.ipvs_matches import IpvsMatch, PhysdevMatch
from svclab.linux.iptables.matches import (
    ADDRESS_TYPES,
    CT_STATES,
    AddrtypeMatch,
    CommentMatch,
    ConntrackMatch,
    IcmpTypeMatch,
    MarkMatch,
    MultiportMatch,
    NfacctMatch,
    PortMatch,
    PortRange,
    RecentMatch,
    SetMatch,
    StatisticMatch,
)
from svclab.linux.iptables.targets import (
    REJECT_KINDS,
    Accept,
    Dnat,
    Drop,
    Log,
    Masquerade,
    Redirect,
    Reject,
    Return,
    SetMark,
    Snat,
    Target,
)
from svclab.linux.packet import Protocol

Option = tuple[str, bool, tuple[str, ...]]  # word, negated, values

_PORTS = {"--sport": 1, "--source-port": 1, "--dport": 1, "--destination-port": 1}
MATCH_OPTIONS: dict[str, dict[str, int]] = {
    "tcp": {**_PORTS, "--tcp-flags": 2, "--syn": 0},
    "udp": _PORTS,
    "sctp": _PORTS,
    "icmp": {"--icmp-type": 1},
    "comment": {"--comment": 1},
    "mark": {"--mark": 1},
    "statistic": {"--mode": 1, "--probability": 1},
    "recent": {
        "--set": 0, "--rcheck": 0, "--update": 0, "--remove": 0, "--seconds": 1, "--reap": 0, "--hitcount": 1,
        "--name": 1, "--rsource": 0, "--rdest": 0, "--mask": 1,
    },
    "addrtype": {"--src-type": 1, "--dst-type": 1},
    "conntrack": {"--ctstate": 1},
    "state": {"--state": 1},
    "nfacct": {"--nfacct-name": 1},
    "multiport": {"--dports": 1, "--sports": 1, "--ports": 1},
    "set": {"--match-set": 2},
    "physdev": {"--physdev-is-in": 0},
    "ipvs": {"--vaddr": 1, "--vproto": 1, "--vport": 1},
}  # fmt: skip
TARGET_OPTIONS: dict[str, dict[str, int]] = {
    "ACCEPT": {},
    "DROP": {},
    "RETURN": {},
    "REJECT": {"--reject-with": 1},
    "MARK": {"--set-xmark": 1, "--set-mark": 1, "--or-mark": 1, "--and-mark": 1, "--xor-mark": 1},
    "DNAT": {"--to-destination": 1, "--random": 0, "--persistent": 0},
    "SNAT": {"--to-source": 1, "--random": 0, "--random-fully": 0, "--persistent": 0},
    "MASQUERADE": {"--to-ports": 1, "--random": 0, "--random-fully": 0},
    "REDIRECT": {"--to-ports": 1, "--random": 0},
    "LOG": {"--log-prefix": 1},
}


def header_match(word: str, value: str, negated: bool) -> Match | None:
    """A header option's match; None for one that says nothing (`-s 0.0.0.0/0`, `-p all`)."""
    letter = {"--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i",
              "--out-interface": "-o", "--protocol": "-p"}.get(word, word)  # fmt: skip
    match letter:
        case "-s" | "-d":
            prefix = Prefix.parse(value)
            if prefix.mask == 0 and not negated:
                return None
            return SourceMatch(prefix, negated) if letter == "-s" else DestinationMatch(prefix, negated)
        case "-i":
            return InInterfaceMatch(value, negated)
        case "-o":
            return OutInterfaceMatch(value, negated)
        case _:
            if value.lower() in ("all", "0"):
                return None
            return ProtocolMatch(_protocol(value), negated)


def _protocol(text: str) -> Protocol:
    numbers = {"6": "TCP", "17": "UDP", "132": "SCTP", "1": "ICMP", "58": "ICMP", "ipv6-icmp": "ICMP"}
    try:
        return Protocol(numbers.get(text.lower(), text.upper()))
    except ValueError as error:
        raise RuleError(f"unknown protocol '{text}'") from error


def read_match(name: str, options: list[Option], version: int) -> Match:
    """The match that `-m NAME` and these options make. Raises RuleError."""
    reader = _MATCHES.get(name)
    if reader is None:
        raise RuleError(f"unknown match '{name}'")
    return reader(name, options, version)


def read_target(name: str, options: list[Option], version: int) -> Target | None:
    """The target that `-j NAME` and these options make; None if NAME is a chain. Raises RuleError."""
    reader = _TARGETS.get(name)
    return reader(options, version) if reader else None


def _number(text: str, what: str) -> int:
    try:
        return int(text, 0) if text.lower().startswith("0x") else int(text)
    except ValueError as error:
        raise RuleError(f"'{text}' is not a {what}") from error


def _port_range(text: str, negated: bool = False) -> PortRange:
    low, colon, high = text.partition(":")
    first = _number(low, "port") if low else 0
    last = (_number(high, "port") if high else 65535) if colon else first
    if not 0 <= first <= last <= 65535:
        raise RuleError(f"'{text}' is not a range of ports")
    return PortRange(first, last, negated)


def _ports(name: str, options: list[Option], version: int) -> Match:
    sport = dport = flags = None
    for word, negated, values in options:
        if word in ("--sport", "--source-port"):
            sport = _port_range(values[0], negated)
        elif word in ("--dport", "--destination-port"):
            dport = _port_range(values[0], negated)
        elif word == "--syn":
            flags = ("FIN,SYN,RST,ACK", "SYN", negated)
        else:
            flags = (values[0], values[1], negated)
    return PortMatch(_protocol(name), sport, dport, flags)


def _only(options: list[Option], name: str) -> tuple[bool, str]:
    """The one option that a match needs: negated, value."""
    if not options:
        raise RuleError(f"match '{name}' needs an option")
    _, negated, values = options[-1]
    return negated, values[-1] if values else ""


def _comment(name: str, options: list[Option], version: int) -> Match:
    return CommentMatch(_only(options, name)[1])


def _mark(name: str, options: list[Option], version: int) -> Match:
    negated, value = _only(options, name)
    mark, mask = _mark_mask(value)
    return MarkMatch(mark, mask, negated)


def _mark_mask(text: str) -> tuple[int, int]:
    value, slash, mask = text.partition("/")
    return _number(value, "mark"), _number(mask, "mark") if slash else 0xFFFFFFFF


def _statistic(name: str, options: list[Option], version: int) -> Match:
    for word, negated, values in options:
        if word == "--probability":
            try:
                return StatisticMatch(round(float(values[0]) * (1 << 31)), negated)
            except ValueError as error:
                raise RuleError(f"'{values[0]}' is not a probability") from error
    raise RuleError("only statistic's mode random is known, with --probability")


def _recent(name: str, options: list[Option], version: int) -> Match:
    values = {word: given for word, _, given in options}
    action = next((a for a in ("set", "rcheck", "update", "remove") if f"--{a}" in values), None)
    if action is None:
        raise RuleError("recent needs --set, --rcheck, --update or --remove")
    all_ones = (1 << (32 if version == 4 else 128)) - 1
    mask = int(ip_address(values["--mask"][0])) if "--mask" in values else all_ones
    return RecentMatch(
        action=action,
        name=values.get("--name", ("DEFAULT",))[0],
        seconds=_number(values.get("--seconds", ("0",))[0], "number of seconds"),
        reap="--reap" in values,
        hitcount=_number(values.get("--hitcount", ("0",))[0], "count"),
        mask=mask,
        version=version,
        by_source="--rdest" not in values,
        negated=any(negated for word, negated, _ in options if word == f"--{action}"),
    )


def _listed(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    given = text.split(",")
    for word in given:
        if word not in known:
            raise RuleError(f"'{word}' is not one of {', '.join(known)}")
    return tuple(word for word in known if word in given)


def _addrtype(name: str, options: list[Option], version: int) -> Match:
    given = {word: (_listed(values[0], ADDRESS_TYPES), negated) for word, negated, values in options}
    source, source_negated = given.get("--src-type", ((), False))
    destination, destination_negated = given.get("--dst-type", ((), False))
    return AddrtypeMatch(source, destination, source_negated, destination_negated)


def _conntrack(name: str, options: list[Option], version: int) -> Match:
    negated, value = _only(options, name)
    return ConntrackMatch(_listed(value, CT_STATES), negated, name)


def _nfacct(name: str, options: list[Option], version: int) -> Match:
    return NfacctMatch(_only(options, name)[1])


def _multiport(name: str, options: list[Option], version: int) -> Match:
    word, negated, values = options[-1]
    return MultiportMatch(word[2:], tuple(_port_range(p) for p in values[0].split(",")), negated)


def _icmp(name: str, options: list[Option], version: int) -> Match:
    negated, value = _only(options, name)
    names = {"echo-reply": 0, "destination-unreachable": 3, "echo-request": 8}
    return IcmpTypeMatch(names[value] if value in names else _number(value, "ICMP type"), negated)


def _set(name: str, options: list[Option], version: int) -> Match:
    if not options:
        raise RuleError("set needs --match-set")
    _, negated, values = options[-1]
    return SetMatch(values[0], tuple(values[1].split(",")), negated)


def _physdev(name: str, options: list[Option], version: int) -> Match:
    return PhysdevMatch(_only(options, name)[0])


def _ipvs(name: str, options: list[Option], version: int) -> Match:
    values = {word: given[0] for word, _, given in options}
    if set(values) != {"--vaddr", "--vproto", "--vport"}:
        raise RuleError("ipvs needs --vaddr, --vproto and --vport")
    return IpvsMatch(values["--vaddr"], _protocol(values["--vproto"]), _number(values["--vport"], "port"))


_MATCHES: dict[str, Callable[[str, list[Option], int], Match]] = {
    "tcp": _ports, "udp": _ports, "sctp": _ports, "icmp": _icmp, "comment": _comment, "mark": _mark,
    "statistic": _statistic, "recent": _recent, "addrtype": _addrtype, "conntrack": _conntrack,
    "state": _conntrack, "nfacct": _nfacct, "multiport": _multiport, "set": _set,
    "physdev": _physdev, "ipvs": _ipvs,
}  # fmt: skip


def _reject(options: list[Option], version: int) -> Target:
    default = "icmp-port-unreachable" if version == 4 else "icmp6-port-unreachable"
    kind = options[-1][2][0] if options else default
    if kind not in REJECT_KINDS:
        raise RuleError(f"unknown reject type '{kind}'")
    return Reject(kind)


def _set_mark(options: list[Option], version: int) -> Target:
    if not options:
        raise RuleError("MARK needs an option such as --set-xmark")
    word, _, values = options[-1]
    value, mask = _mark_mask(values[0])
    match word:
        case "--set-mark":
            return SetMark(value, value | mask)
        case "--or-mark":
            return SetMark(value, value)
        case "--and-mark":
            return SetMark(0, ~value & 0xFFFFFFFF)
        case "--xor-mark":
            return SetMark(value, 0)
        case _:
            return SetMark(value, mask)


def _ends(text: str, read: Callable[[str], int]) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    return read(low), read(high if dash else low)


def nat_range(text: str, version: int) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Addresses and ports of `A[-B][:P[-Q]]`, with IPv6 addresses in brackets before a port."""
    if text.startswith("["):
        addresses, _, ports = text[1:].partition("]")
        ports = ports.removeprefix(":")
    elif version == 6 or text.count(":") > 1:
        addresses, ports = text, ""
    else:
        addresses, _, ports = text.partition(":")
    try:
        found = _ends(addresses, lambda t: int(ip_address(t))) if addresses else None
    except ValueError as error:
        raise RuleError(f"'{text}' is not an address to rewrite to") from error
    return found, _ends(ports, lambda t: _number(t, "port")) if ports else None


def _nat(kind: type[Dnat] | type[Snat], word: str) -> Callable[[list[Option], int], Target]:
    def read(options: list[Option], version: int) -> Target:
        given = {option: values for option, _, values in options}
        if word not in given:
            raise RuleError(f"{'DNAT' if kind is Dnat else 'SNAT'} needs {word}")
        spelled = given[word][0]
        addresses, ports = nat_range(spelled, version)
        return kind(addresses, ports, version, "--random" in given, "--random-fully" in given,
                    "--persistent" in given, spelled)  # fmt: skip

    return read


def _own_address(kind: type[Masquerade] | type[Redirect]) -> Callable[[list[Option], int], Target]:
    def read(options: list[Option], version: int) -> Target:
        given = {option: values for option, _, values in options}
        spelled = given["--to-ports"][0] if "--to-ports" in given else ""
        ports = _ends(spelled, lambda t: _number(t, "port")) if spelled else None
        return kind(None, ports, version, "--random" in given, "--random-fully" in given, False, spelled)

    return read


def _log(options: list[Option], version: int) -> Target:
    return Log(options[-1][2][0] if options else "")


_TARGETS: dict[str, Callable[[list[Option], int], Target]] = {
    "ACCEPT": lambda options, version: Accept(),
    "DROP": lambda options, version: Drop(),
    "RETURN": lambda options, version: Return(),
    "REJECT": _reject,
    "MARK": _set_mark,
    "DNAT": _nat(Dnat, "--to-destination"),
    "SNAT": _nat(Snat, "--to-source"),
    "MASQUERADE": _own_address(Masquerade),
    "REDIRECT": _own_address(Redirect),
    "LOG": _log,
}
