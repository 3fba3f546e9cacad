"""host NAME [SERVER]. Source: BIND 9.18.49 host.c and recordings of it."""

from collections.abc import Generator
from dataclasses import dataclass, field

from svclab.dns.message import TYPE_NUMBERS, Answered, Message, Question, Rcode, Record
from svclab.dns.name import parse_address, relative, reverse_name
from svclab.dns.tools.run import (
    PORT,
    Ask,
    Client,
    Run,
    Surroundings,
    ToolResult,
    rcode_words,
    server_addresses,
)

PHRASES = {
    "A": "has address",
    "AAAA": "has IPv6 address",
    "CNAME": "is an alias for",
    "MX": "mail is handled by",
    "NS": "name server",
    "PTR": "domain name pointer",
    "TXT": "descriptive text",
    "SOA": "has SOA record",
    "SRV": "has SRV record",
}
USAGE = "Usage: host [-t type] [-T] [-W wait] [-R number] name [server]\n"


@dataclass(slots=True)
class _Arguments:
    words: list[str] = field(default_factory=list)
    type: str | None = None
    wait_seconds: int = 5
    tries: int = 2
    tcp: bool = False
    error: str = ""


def parse_arguments(argv: list[str]) -> _Arguments:
    """Options `-t TYPE`, `-W SECONDS`, `-R TRIES`, `-T`; `-4` and `-6` change nothing here."""
    arguments, rest = _Arguments(), list(argv)
    while rest:
        match rest.pop(0):
            case "-t" if rest:
                arguments.type = rest.pop(0).upper()
            case "-W" if rest and rest[0].isdigit():
                arguments.wait_seconds = int(rest.pop(0))
            case "-R" if rest and rest[0].isdigit():
                arguments.tries = int(rest.pop(0))
            case "-T":
                arguments.tcp = True
            case "-4" | "-6" | "-U":
                continue
            case word if word.startswith("-"):
                arguments.error = f"host: illegal option -- {word[1:]}\n{USAGE}"
            case word:
                arguments.words.append(word)
    if not arguments.words and not arguments.error:
        arguments.error = USAGE
    if arguments.type is not None and arguments.type not in TYPE_NUMBERS:
        arguments.error = f"host: invalid type: {arguments.type}\n"
    return arguments


def host(argv: list[str], around: Surroundings) -> Run:
    """A over the search list, then AAAA and MX of the name found; an address is looked up in reverse."""
    arguments = parse_arguments(argv)
    if arguments.error:
        return ToolResult("", arguments.error, 1)
    out: list[str] = []
    servers = around.conf.servers
    if len(arguments.words) > 1:
        named = arguments.words[1]
        servers = yield from server_addresses(named, around)
        if not servers:
            return ToolResult("", f"host: couldn't get address for '{named}': not found\n", 1)
        out.append(f"Using domain server:\nName: {named}\nAddress: {servers[0]}#{PORT}\nAliases: \n\n")
    client = Client(
        around,
        servers,
        tries=arguments.tries,
        timeout_seconds=arguments.wait_seconds,
        tcp=arguments.tcp,
        out=out,
    )
    failed = yield from _look_up(arguments, client)
    return ToolResult("".join(out), exit=int(failed))


def _look_up(arguments: _Arguments, client: Client) -> Generator[Ask, Answered, bool]:
    typed, address = arguments.words[0], parse_address(arguments.words[0])
    if address is not None:
        name = reverse_name(address)
        reply = yield from client.ask(Question(name, arguments.type or "PTR"))
        return _print(reply, name, client.out, asked_type=arguments.type)
    reply = yield from client.search(typed, arguments.type or "A")
    if _print(reply, typed, client.out, asked_type=arguments.type):
        return True
    failed = False
    for kind in ("AAAA", "MX") if arguments.type is None else ():
        more = yield from client.ask(Question(reply.canonical_name(), kind))
        failed |= _print(more, typed, client.out, asked_type=None)
    return failed


def _print(reply: object, typed: str, out: list[str], *, asked_type: str | None) -> bool:
    """Print one reply; true if it is a failure."""
    if not isinstance(reply, Message):
        out.append(";; no servers could be reached\n")
        return True
    if reply.rcode is not Rcode.NOERROR:
        name = typed if reply.rcode is Rcode.NXDOMAIN else relative(reply.question.name)
        out.append(f"Host {name} not found: {rcode_words(reply.rcode)}\n")
        return True
    out += [record_text(record) for record in reply.answer]
    if not reply.answer and asked_type is not None:
        out.append(f"{relative(reply.question.name)} has no {asked_type} record\n")
    return False


def record_text(record: Record) -> str:
    """One record as a sentence."""
    phrase = PHRASES.get(record.type, f"has {record.type} record")
    return f"{relative(record.name)} {phrase} {record.data}\n"
