"""getent hosts, ahosts, ahostsv4 and ahostsv6. Source: glibc 2.36, Alpine's getent.c, and recordings."""

import re
from collections.abc import Generator, Sequence
from ipaddress import IPv4Address

from svclab.dns.message import Answered, Message, Question
from svclab.dns.name import Address, loose_address, parse_address, relative, reverse_name
from svclab.dns.resolver import (
    BOTH_FAMILIES,
    LOOPBACK,
    LOOPBACK_IPV6,
    Finding,
    glibc_walk,
    is_asked_for,
    musl_walk,
    resolve,
)
from svclab.dns.tools.run import Run, Surroundings, ToolResult, Work, follow

NOT_FOUND = 2
FAMILIES = (("AAAA", 6), ("A", 4))
DIGITS_AND_DOTS = re.compile(r"[0-9][0-9.]*(?<!\.)")
SOCKET_TYPES = ("STREAM", "DGRAM", "RAW")
HINT = "Try `getent --help' or `getent --usage' for more information.\n"

# musl's gethostbyname2 starts with a buffer of so many bytes, and looks the name up again if it is too small
FIRST_BUFFER_BYTES, HOSTENT_BYTES, POINTER_BYTES = 127, 32, 8


def getent(argv: list[str], around: Surroundings) -> Run:
    """Names from the hosts file and DNS, as the C library of the place finds them.

    glibc goes on after a key that it does not find, musl's getent stops there.
    """
    match argv:
        case [("hosts" | "ahosts" | "ahostsv4" | "ahostsv6") as database, *keys] if keys:
            lines, exit_code = list[str](), 0
            for key in keys:
                find = _hosts(key, around) if database == "hosts" else _ahosts(database, key, around)
                found = yield from find
                lines += found
                exit_code = exit_code if found else NOT_FOUND
                if not found and around.library == "musl":
                    break
            return ToolResult("".join(lines), exit=exit_code)
        case ["hosts" | "ahosts" | "ahostsv4" | "ahostsv6"]:
            return ToolResult(_hosts_entries(around))
        case [database, *_] if not database.startswith("-"):
            hint = HINT if around.library == "glibc" else ""
            return ToolResult(hint, f"Unknown database: {database}\n", 1)
        case _:
            hint = HINT if around.library == "glibc" else ""
            return ToolResult(hint, "getent: wrong number of arguments\n", 1)


def _hosts_entries(around: Surroundings) -> str:
    """The whole hosts file; glibc shows the IPv6 loopback as IPv4's, and IPv6 addresses not at all."""
    lines = [(_as_ipv4(address), names) for address, names in around.hosts.entries]
    return "".join(f"{address!s:<15} {' '.join(names)}\n" for address, names in lines if address)


def _as_ipv4(address: Address) -> IPv4Address | None:
    """What an entry of the hosts file is to somebody who wants IPv4."""
    if isinstance(address, IPv4Address):
        return address
    return LOOPBACK if address == LOOPBACK_IPV6 else None


def _hosts(key: str, around: Surroundings) -> Work[list[str]]:
    """IPv6 over the whole list first, IPv4 only if there was nothing; an address is looked up in reverse."""
    address = parse_address(key)
    if address is not None:
        return (yield from _by_address(address, around))
    is_number, is_musl = bool(DIGITS_AND_DOTS.fullmatch(key)), around.library == "musl"
    literal = loose_address(key) if is_number or is_musl else None
    if literal is not None:
        return [f"{literal!s:<16}  {key}  {key}\n" if is_musl else f"{literal!s:<15} {key}\n"]
    if (is_number and not is_musl) or not is_asked_for(key, around.library):
        return []
    local_lines = around.hosts.lookup(key, any_case=not is_musl)
    for kind, version in FAMILIES:
        local = [(a, around.hosts.names_of(a)) for a, _ in local_lines if a.version == version]
        if local:
            return [f"{a!s:<15} {' '.join(names)}\n" for a, names in local]
        walk = musl_walk if is_musl else glibc_walk
        end = yield from follow(walk(key, around.conf, (kind,)), around)
        if end.code is Finding.OK and end.addresses():
            if is_musl:
                return (yield from _musl_line(key, end.messages[0], around))
            return _glibc_lines(end.messages[0])
    return []


def _glibc_lines(message: Message) -> list[str]:
    """One line for each address: the canonical name, then the aliases that led to it, in their order."""
    canonical = relative(message.canonical_name())
    aliases = [relative(record.name) for record in message.answer if record.type == "CNAME"]
    names = " ".join((canonical, *aliases))
    return [f"{address:<15} {names}\n" for address in message.addresses()]


def _musl_line(key: str, message: Message, around: Surroundings) -> Work[list[str]]:
    """One line for the first address. Each time the answer does not fit into musl's buffer, it asks again."""
    canonical = relative(message.canonical_name())
    count = len(message.addresses())
    width = 16 if message.question.type == "AAAA" else 4
    needed = 4 * POINTER_BYTES + (count + 1) * (POINTER_BYTES + width) + len(key) + 1 + len(canonical) + 1
    size = FIRST_BUFFER_BYTES
    while size - HOSTENT_BYTES < needed:
        size += size + 1
        yield from follow(musl_walk(key, around.conf, (message.question.type,)), around)
    aliases = canonical if canonical == key else f"{canonical} {key}"
    return [f"{message.addresses()[0]:<16}  {canonical}  {aliases}\n"]


def _by_address(address: Address, around: Surroundings) -> Work[list[str]]:
    """The hosts file's names, else the first name that DNS has."""
    names = around.hosts.names_of(address)
    if not names:
        answers = yield from follow(_reverse_walk(address), around)
        found = answers[0].addresses() if isinstance(answers[0], Message) else ()
        names = tuple(relative(each) for each in found[:1])
    return [f"{address!s:<15} {' '.join(names)}\n"] if names else []


def _reverse_walk(address: Address) -> Generator[list[Question], Sequence[Answered], Sequence[Answered]]:
    return (yield [Question(reverse_name(address), "PTR")])


def _ahosts(database: str, key: str, around: Surroundings) -> Work[list[str]]:
    """getaddrinfo with AI_ADDRCONFIG.

    In a pod without a global IPv6 address glibc asks A only, and nothing where IPv6 is wanted; musl's idea of
    a configured family is that the loopback address can be reached.
    """
    if around.library == "glibc":
        if database == "ahostsv6":
            return []
        types: tuple[str, ...] = ("A",)
    else:
        types = {"ahosts": BOTH_FAMILIES, "ahostsv4": ("A",), "ahostsv6": ("AAAA",)}[database]
    literal = loose_address(key)
    only = None if types == BOTH_FAMILIES else 4 if types == ("A",) else 6
    if literal is not None and only not in (None, literal.version):
        return []
    end = yield from follow(resolve(key, around.conf, around.hosts, around.library, types), around)
    found: list[str] = []
    for address in end.addresses:
        for kind in SOCKET_TYPES:
            name = "" if found else end.name
            found.append(f"{address:<15} {kind:<6} {name}\n")
    return found
