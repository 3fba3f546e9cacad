"""getent hosts, ahosts, ahostsv4 and ahostsv6. Source: glibc 2.36, Alpine's getent.c, and recordings."""

from collections.abc import Callable, Generator

from svclab.dns.message import Answered, Message, Question
from svclab.dns.name import Address, parse_address, relative, reverse_name
from svclab.dns.resolver import Finding, glibc_walk, musl_walk, resolve
from svclab.dns.tools.run import Ask, Run, Surroundings, ToolResult, follow

NOT_FOUND = 2
FAMILIES = (("AAAA", 6), ("A", 4))
SOCKET_TYPES = ("STREAM", "DGRAM", "RAW")
# musl's gethostbyname2 starts with a buffer of so many bytes, and looks the name up again if it is too small
FIRST_BUFFER_BYTES, HOSTENT_BYTES, POINTER_BYTES = 127, 32, 8


def getent(argv: list[str], around: Surroundings) -> Run:
    """Names from the hosts file and DNS, as the C library of the place finds them."""
    match argv:
        case [("hosts" | "ahosts" | "ahostsv4" | "ahostsv6") as database, *keys] if keys:
            lines: list[str] = []
            for key in keys:
                found = yield from (_hosts if database == "hosts" else _ahosts(database))(key, around)
                if not found:
                    return ToolResult("".join(lines), exit=NOT_FOUND)
                lines += found
            return ToolResult("".join(lines))
        case ["hosts"]:
            entries = around.hosts.entries
            return ToolResult("".join(f"{address!s:<15} {' '.join(names)}\n" for address, names in entries))
        case [database, *_]:
            return ToolResult("", f"Unknown database: {database}\n", 1)
        case _:
            return ToolResult("", "getent: wrong number of arguments\n", 1)


def _hosts(key: str, around: Surroundings) -> Generator[Ask, Answered, list[str]]:
    """IPv6 over the whole list first, IPv4 only if there was nothing; an address is looked up in reverse."""
    address = parse_address(key)
    if address is not None:
        return (yield from _by_address(address, around))
    for kind, version in FAMILIES:
        local = [(a, around.hosts.names_of(a)) for a, _ in around.hosts.lookup(key) if a.version == version]
        if local:
            return [f"{a!s:<15} {' '.join(names)}\n" for a, names in local]
        walk = musl_walk if around.library == "musl" else glibc_walk
        end = yield from follow(walk(key, around.conf, (kind,)), around.conf)
        if end.code is Finding.OK and end.addresses():
            if around.library == "musl":
                return (yield from _musl_line(key, end.messages[0], around))
            return _glibc_lines(end.messages[0])
    return []


def _glibc_lines(message: Message) -> list[str]:
    """One line for each address: the canonical name, then the name asked for if that was an alias."""
    canonical = relative(message.canonical_name())
    asked = relative(message.question.name)
    names = canonical if canonical == asked else f"{canonical} {asked}"
    return [f"{address:<15} {names}\n" for address in message.addresses()]


def _musl_line(key: str, message: Message, around: Surroundings) -> Generator[Ask, Answered, list[str]]:
    """One line for the first address. Each time the answer does not fit into musl's buffer, it asks again."""
    canonical = relative(message.canonical_name())
    count = len(message.addresses())
    width = 16 if message.question.type == "AAAA" else 4
    needed = 4 * POINTER_BYTES + (count + 1) * (POINTER_BYTES + width) + len(key) + 1 + len(canonical) + 1
    size = FIRST_BUFFER_BYTES
    while size - HOSTENT_BYTES < needed:
        size += size + 1
        yield from follow(musl_walk(key, around.conf, (message.question.type,)), around.conf)
    aliases = canonical if canonical == key else f"{canonical} {key}"
    return [f"{message.addresses()[0]:<16}  {canonical}  {aliases}\n"]


def _by_address(address: Address, around: Surroundings) -> Generator[Ask, Answered, list[str]]:
    names = around.hosts.names_of(address)
    if not names:
        reply = yield Ask(Question(reverse_name(address), "PTR"), around.conf.servers[0])
        names = tuple(relative(each) for each in reply.addresses()) if isinstance(reply, Message) else ()
    return [f"{address!s:<15} {' '.join(names)}\n"] if names else []


def _ahosts(database: str) -> Callable[[str, Surroundings], Generator[Ask, Answered, list[str]]]:
    """getaddrinfo with AI_ADDRCONFIG: a pod without a global IPv6 address asks for A only."""
    types = ("AAAA",) if database == "ahostsv6" else ("A",)

    def lines(key: str, around: Surroundings) -> Generator[Ask, Answered, list[str]]:
        end = yield from follow(resolve(key, around.conf, around.hosts, around.library, types), around.conf)
        found: list[str] = []
        for address in end.addresses:
            for kind in SOCKET_TYPES:
                name = "" if found else end.name
                found.append(f"{address:<15} {kind:<6} {name}\n")
        return found

    return lines
