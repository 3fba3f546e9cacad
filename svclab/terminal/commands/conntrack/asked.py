"""The command line of conntrack, and which connections it chooses. Source: conntrack-tools 1.4.7."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from svclab.linux.conntrack import TCP_TIMEOUTS, Entry
from svclab.linux.packet import Protocol

NAME = "conntrack v1.4.7 (conntrack-tools)"
EVENTS = ("NEW", "UPDATES", "DESTROY")
_COMMANDS = {"L": "dump", "C": "count", "D": "delete", "E": "event", "F": "flush", "S": "stats"}
_ALONE = {"V": "version", "h": "help"}
_TABLES = ("conntrack", "expect", "dying", "unconfirmed")
# By letter: the name in messages, the other names, and the commands that take it.
_OPTIONS = {
    "s": ("src", ("orig-src",), "LDE"),
    "d": ("dst", ("orig-dst",), "LDE"),
    "r": ("reply-src", (), "LDE"),
    "q": ("reply-dst", (), "LDE"),
    "p": ("protonum", ("proto",), "LDE"),
    "t": ("timeout", (), "D"),
    "u": ("status", (), "LD"),
    "e": ("event-mask", (), "E"),
    "m": ("mark", (), "LDE"),
    "f": ("family", (), "LDEF"),
    "n": ("src-nat", (), "LDE"),
    "g": ("dst-nat", (), "LDE"),
    "o": ("output", (), "LDE"),
    "j": ("any-nat", (), "LE"),
}
_MAY_BE_ALONE = "ngj"  # an address besides is welcome
_LONG = {name: letter for letter, (first, more, _) in _OPTIONS.items() for name in (first, *more)}
_LONG |= {name: letter for letter, name in (_COMMANDS | _ALONE).items()}
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "132": "sctp"}
_OTHER_PROTOCOLS = ("dccp", "udplite", "icmpv6", "gre")
_PORTS = {
    "sport": "orig-port-src", "orig-port-src": "orig-port-src",
    "dport": "orig-port-dst", "orig-port-dst": "orig-port-dst",
    "reply-port-src": "reply-port-src", "reply-port-dst": "reply-port-dst",
}  # fmt: skip
_STATUS = ("ASSURED", "SEEN_REPLY", "UNSET", "SRC_NAT", "DST_NAT", "OFFLOAD", "HW_OFFLOAD")
_OUTPUT = ("xml", "extended", "timestamp", "id", "ktimestamp", "labels", "userspace", "save")


class Refused(Exception):
    """A command line that conntrack does not take: its message after the program's name."""


@dataclass(slots=True)
class Asked:
    """`command` is a letter of LCDEFS, V or h; `options` by letter, and by name for ports and state."""

    command: str = "h"
    table: str = "conntrack"
    options: dict[str, str] = field(default_factory=dict)

    @property
    def output(self) -> list[str]:
        """The kinds of output that -o asks for."""
        return _listed(self.options.get("o", ""))

    @property
    def events(self) -> list[str]:
        """The kinds of events that -e asks for; all without."""
        named = [each.upper() for each in _listed(self.options.get("e", "ALL"))]
        return list(EVENTS) if "ALL" in named else named

    def chooses(self, entry: Entry) -> bool:
        """Whether a connection is one of those that the options describe."""
        return all(_describes(name, value, entry) for name, value in self.options.items())


def read(argv: list[str]) -> Asked:
    """The arguments. Raises Refused."""
    words, asked, given = list(argv), Asked(), []
    while words:
        name, value = _option(words)
        if name in _COMMANDS or name in _ALONE:
            given.append(name)
            asked.table = _table(value, words, asked.table) if name in "LCDEF" else asked.table
        elif name:
            asked.options[name] = _value(name, value, words)
    if len(given) > 1:
        raise Refused("Invalid commands combination")
    asked.command = given[0] if given else "h"
    _check(asked)
    return asked


def _option(words: list[str]) -> tuple[str, str | None]:
    """The next word as an option (its letter, or its name where it has none) and what is written behind it;
    nothing for a word that is none, which conntrack passes over.
    """
    word = words.pop(0)
    if word.startswith("--"):
        name, equals, rest = word[2:].partition("=")
        if name not in _LONG and name not in _PORTS and name != "state":
            raise Refused(f"unknown option `{word.partition('=')[0]}'")
        return _LONG.get(name, name), rest if equals else None
    if not word.startswith("-") or word == "-":
        return "", None
    letter = word[1]
    if letter not in _OPTIONS and letter not in _COMMANDS and letter not in _ALONE:
        raise Refused(f"unknown option `-{letter}'")
    return letter, word[2:] or None


def _table(attached: str | None, words: list[str], known: str) -> str:
    table = attached
    if table is None and words and not words[0].startswith("-"):
        table = words.pop(0)
    if table is not None and table not in _TABLES:
        raise Refused(f"unknown type `{table}'")
    return table or known


def _value(name: str, attached: str | None, words: list[str]) -> str:
    if attached is not None:
        return attached
    if words and not (name in _MAY_BE_ALONE and words[0].startswith("-")):
        return words.pop(0)
    if name in _MAY_BE_ALONE:
        return ""
    raise Refused(f"option `{'-' if len(name) == 1 else '--'}{name}' requires an argument")


def _check(asked: Asked) -> None:
    options = asked.options
    protocol = options["p"] = _PROTOCOLS.get(options.get("p", ""), options.get("p", ""))
    if not protocol:
        del options["p"]
    elif protocol not in (*_PROTOCOLS.values(), *_OTHER_PROTOCOLS):
        raise Refused(f"`{protocol}' unsupported protocol")
    for name, value in options.items():
        if name in "sdrq" or (name in _MAY_BE_ALONE and value):
            _network(value)
        if (name in _PORTS and protocol not in ("tcp", "udp", "sctp")) or (
            name == "state" and protocol not in ("tcp", "sctp")
        ):
            raise Refused(f"unknown option `--{name}'")
    if "state" in options and protocol == "tcp" and options["state"] not in TCP_TIMEOUTS:
        raise Refused(f"unknown TCP state `{options['state']}'")
    for letter, known in (("e", ("ALL", *EVENTS)), ("u", _STATUS), ("o", _OUTPUT)):
        for each in _listed(options.get(letter, "")):
            if each not in known:
                raise Refused(f"Bad parameter `{each}'")
    for letter, (name, _, commands) in _OPTIONS.items():
        if letter in options and asked.command not in commands and (asked.command not in "VhS"):
            raise Refused(f"Illegal option `--{name}' with this command")


def _listed(text: str) -> list[str]:
    return [each for each in text.split(",") if each]


def _network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        raise Refused(f"Invalid IP address `{text}'") from None


def _describes(name: str, value: str, entry: Entry) -> bool:
    protocol, source, sport, destination, dport = entry.original
    _, reply_source, reply_sport, reply_destination, reply_dport = entry.reply
    ports = {
        "orig-port-src": sport, "orig-port-dst": dport,
        "reply-port-src": reply_sport, "reply-port-dst": reply_dport,
    }  # fmt: skip
    addresses = {"s": source, "d": destination, "r": reply_source, "q": reply_destination}
    if name in addresses:
        return _is_in(addresses[name], value)
    if name in _PORTS:
        return str(ports[_PORTS[name]]) == value
    match name:
        case "p":
            return protocol is getattr(Protocol, value.upper(), None)
        case "state":
            return entry.state == value
        case "f":
            return value == "ipv4"
        case "m":
            return value in ("0", "0x0")
        case "n":
            return entry.snat and (not value or _is_in(reply_destination, value))
        case "g":
            return entry.dnat and (not value or _is_in(reply_source, value))
        case "j":
            return _describes("n", value, entry) or _describes("g", value, entry)
        case "u":
            return _has(entry, _listed(value))
        case _:
            return True


def _is_in(address: int, network: str) -> bool:
    return IPv4Address(address) in _network(network)


def _has(entry: Entry, status: Iterable[str]) -> bool:
    facts = {
        "ASSURED": entry.assured, "SEEN_REPLY": entry.seen_reply, "SRC_NAT": entry.snat,
        "DST_NAT": entry.dnat, "UNSET": not entry.assured and not entry.seen_reply,
    }  # fmt: skip
    return all(facts.get(each, False) for each in status)
