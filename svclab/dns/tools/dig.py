"""dig: a message section by section. Source: BIND 9.18.49 dig.c, dighost.c, and recordings of them."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from svclab.dns.message import Answered, Message, Question, Rcode, Record, Unanswered
from svclab.dns.name import BadName, absolute, check, is_at_or_below
from svclab.dns.tools.dig_options import CommandLine, Options, Query, parse_command_line
from svclab.dns.tools.master import question_line, record_line
from svclab.dns.tools.run import PORT, Ask, Client, Run, Surroundings, ToolResult, server_addresses
from svclab.dns.wire import size_bytes

VERSION = "9.18.49"
EXIT_USAGE, EXIT_NO_REPLY, EXIT_INTERNAL = 1, 9, 10
COOKIE_BYTES = 8
MDNS_WARNING = (
    ";; WARNING: .local is reserved for Multicast DNS\n"
    ";; You are currently testing what happens when an mDNS query is leaked to DNS\n"
)
TRANSFERS = ("AXFR", "IXFR")
WHEN = "%a %b %d %H:%M:%S %Z %Y"


@dataclass(frozen=True, slots=True)
class Received:
    """A message with what dig tells about its journey."""

    message: Message
    server: str
    tcp: bool
    identifier: int
    milliseconds: int


def dig(argv: list[str], around: Surroundings) -> Run:
    """All queries of a command line, one after another."""
    line = parse_command_line(argv)
    if line.error and not line.error.startswith(";;"):
        return ToolResult("", line.error, EXIT_USAGE)
    servers = around.conf.servers
    if line.server is not None:
        servers = yield from server_addresses(line.server, around)
        if not servers:
            return ToolResult(
                "", f"dig: couldn't get address for '{line.server}': not found\n", EXIT_INTERNAL
            )
    out: list[str] = [line.error]
    exit_code, stderr = 0, ""
    for query in line.queries:
        try:
            check(query.name)
        except BadName as bad:
            stderr = f"dig: '{bad.name}' is not a legal name ({bad.reason})\n"
            return ToolResult("".join(out), stderr, EXIT_INTERNAL)
        greeting = _greeting(argv, line, query.options) if query is line.queries[0] else ""
        step = _trace if query.options.trace else _one
        exit_code, stderr = yield from step(query, greeting, servers, around, out)
        if exit_code:
            break
    return ToolResult("".join(out), stderr, exit_code)


Step = Generator[Ask, Answered, tuple[int, str]]


def _client(query: Query, servers: tuple[str, ...], around: Surroundings, out: list[str]) -> Client:
    options = query.options
    conf = around.conf
    if options.domain is not None:
        conf = replace(conf, search=(options.domain,))
    if options.ndots is not None:
        conf = replace(conf, options=(*conf.options, f"ndots:{options.ndots}"))
    cookie = bytes(around.draw(256) for _ in range(COOKIE_BYTES)) if options.cookie else b""
    return Client(
        replace(around, conf=conf),
        servers,
        tries=options.tries,
        timeout_seconds=options.timeout_seconds,
        tcp=query.over_tcp,
        edns=options.edns,
        cookie=cookie,
        udp_bytes=options.udp_bytes,
        out=out,
    )


def _one(query: Query, greeting: str, servers: tuple[str, ...], around: Surroundings, out: list[str]) -> Step:
    client = _client(query, servers, around, out)
    reply = yield from client.search(query.name, query.type, use_search_list=query.options.search)
    out.append(greeting)
    if isinstance(reply, Unanswered):
        out.append(";; no servers could be reached\n")
        return EXIT_NO_REPLY, ""
    if query.type in TRANSFERS and reply.rcode is not Rcode.NOERROR:
        out.append("; Transfer failed.\n")
        return 0, ""
    message = replace(reply, rd=query.options.recurse)
    received = Received(
        message, client.answered_by, client.used_tcp, around.draw(1 << 16), _milliseconds(message, around)
    )
    out.append(_short(message) if query.options.short else message_text(received, query.options, around))
    return 0, ""


def _milliseconds(message: Message, around: Surroundings) -> int:
    """How long the answer took; CoreDNS answers its own zones from memory."""
    return around.draw(2) if not message.ra else 2 + around.draw(20)


def _greeting(argv: list[str], line: CommandLine, options: Options) -> str:
    if options.short or "cmd" not in options.sections:
        return ""
    server = "; (1 server found)\n" if line.server is not None else ""
    return f"\n; <<>> DiG {VERSION} <<>> {' '.join(argv)}\n{server};; global options: +cmd\n"


def _short(message: Message) -> str:
    return "".join(f"{record.data}\n" for record in message.answer)


def message_text(received: Received, options: Options, around: Surroundings) -> str:
    """A reply as dig prints it, with the sections that the options leave."""
    message, shown = received.message, options.sections
    comments = "comments" in shown
    out: list[str] = []
    if comments:
        out += [_header(received), "\n"]
        if message.edns:
            out.append(_opt(message))
    if "question" in shown:
        out += [";; QUESTION SECTION:\n" if comments else "", question_line(message.question), "\n"]
        out.append("\n" if comments else "")
    for name in ("answer", "authority", "additional"):
        records: tuple[Record, ...] = getattr(message, name)
        if records and name in shown:
            out.append(f";; {name.upper()} SECTION:\n" if comments else "")
            out += [_record(record, options) for record in records]
            out.append("\n" if comments else "")
    if "stats" in shown:
        out.append(_stats(received, options, around))
    return "".join(out)


def _record(record: Record, options: Options) -> str:
    if options.ttl and options.class_:
        return record_line(record) + "\n"
    middle = [str(record.ttl)] if options.ttl else []
    middle += ["IN"] if options.class_ else []
    return "\t".join([record.name, *middle, record.type, record.data]) + "\n"


def _header(received: Received) -> str:
    message = received.message
    flags = [name for name in ("aa", "tc", "rd", "ra") if getattr(message, name)]
    local = is_at_or_below(message.question.name, "local.")
    counts = (
        len(message.answer),
        len(message.authority),
        len(message.additional) + (message.edns is not None),
    )
    return (
        ";; Got answer:\n"
        + (MDNS_WARNING if local else "")
        + f";; ->>HEADER<<- opcode: QUERY, status: {message.rcode.value}, id: {received.identifier}\n"
        + f";; flags: {' '.join(['qr', *flags])}; QUERY: 1, ANSWER: {counts[0]}, "
        + f"AUTHORITY: {counts[1]}, ADDITIONAL: {counts[2]}\n"
        + (";; WARNING: recursion requested but not available\n" if message.rd and not message.ra else "")
    )


def _opt(message: Message) -> str:
    edns = message.edns
    assert edns is not None
    cookie = f"; COOKIE: {edns.cookie.hex()} (echoed)\n" if edns.cookie else ""
    return f";; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: {edns.udp_bytes}\n{cookie}"


def _stats(received: Received, options: Options, around: Surroundings) -> str:
    limit = 65535 if received.tcp else (options.udp_bytes if options.edns else 512)
    return (
        f";; Query time: {received.milliseconds} msec\n"
        f";; SERVER: {received.server}#{PORT}({received.server}) ({'TCP' if received.tcp else 'UDP'})\n"
        f";; WHEN: {around.now.strftime(WHEN)}\n"
        f";; MSG SIZE  rcvd: {size_bytes(received.message, limit)}\n"
        "\n"
    )


def _trace(
    query: Query, greeting: str, servers: tuple[str, ...], around: Surroundings, out: list[str]
) -> Step:
    """+trace asks the configured server for the root's name servers only, and goes on from their addresses.

    It never asks the cluster's server for the name itself; where the root servers' addresses cannot be had,
    it ends there.
    """
    client = _client(query, servers, around, out)
    reply = yield from client.ask(Question(".", "NS"))
    out.append(greeting)
    if isinstance(reply, Unanswered):
        out.append(";; no servers could be reached\n")
        return EXIT_NO_REPLY, ""
    out += [record_line(record) + "\n" for record in reply.answer]
    roots = [record.data for record in reply.answer if record.type == "NS"]
    for root in roots:
        addresses = yield from server_addresses(root.rstrip("."), around)
        if addresses:
            return (yield from _from_root(query, addresses, around, out))
        out.append(f"couldn't get address for '{root.rstrip('.')}': not found\n")
    first = roots[0].rstrip(".") if roots else "."
    return EXIT_INTERNAL, f"dig: couldn't get address for '{first}': not found\n"


def _from_root(query: Query, addresses: tuple[str, ...], around: Surroundings, out: list[str]) -> Step:
    """What a root server says to the whole name; nothing further down is modelled."""
    client = _client(query, addresses, around, out)
    reply = yield from client.ask(Question(absolute(query.name), query.type))
    if isinstance(reply, Unanswered):
        out.append(";; no servers could be reached\n")
        return EXIT_NO_REPLY, ""
    out += [record_line(record) + "\n" for record in reply.answer + reply.authority]
    size = size_bytes(reply)
    out.append(f";; Received {size} bytes from {client.answered_by}#{PORT}({client.answered_by}) in 1 ms\n\n")
    return 0, ""
