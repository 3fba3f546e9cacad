"""dig: a message section by section. Source: BIND 9.18.49 dig.c, dighost.c, and recordings of them."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from svclab.dns.message import Answered, Edns, Message, Question, Rcode, Record, Unanswered
from svclab.dns.name import BadName, absolute, check, dots, is_at_or_below, same
from svclab.dns.servers import Wait
from svclab.dns.tools.dig_options import CommandLine, Options, Query, parse_command_line
from svclab.dns.tools.master import Style, question_line, record_line
from svclab.dns.tools.run import (
    NO_SERVERS,
    PORT,
    Ask,
    Client,
    Run,
    Surroundings,
    ToolResult,
    bind_server_addresses,
    of_family,
)
from svclab.dns.wire import encode_question, size_bytes

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
    port: int = PORT
    closings: int = 1


def dig(argv: list[str], around: Surroundings) -> Run:
    """All queries of a command line, one after another."""
    line = parse_command_line(argv)
    if line.error:
        return ToolResult("", line.warning + line.error, line.exit)
    servers = of_family(around.conf.servers, line.family)
    if line.server is not None:
        servers = yield from bind_server_addresses(line.server, around)
        if not servers:
            return ToolResult("", f"dig: couldn't get address for '{line.server}': not found\n", EXIT_USAGE)
    out: list[str] = []
    exit_code, stderr = 0, line.warning
    for query in line.queries:
        try:
            check(query.name)
        except BadName as bad:
            stderr += f"dig: '{bad.name}' is not {_legal(query)} ({bad.reason})\n"
            return ToolResult("".join(out), stderr, EXIT_USAGE if query.options.search else EXIT_INTERNAL)
        is_first = query is line.queries[0]
        greeting = _greeting(argv, line, query.options, servers) if is_first else ""
        step = _trace if query.options.trace else _one
        run = Asked(replace(query, options=replace(query.options, short=line.short)), greeting, servers, line)
        exit_code, words = yield from step(run, around, out)
        stderr += words
        if exit_code:
            break
    return ToolResult("".join(out), stderr, exit_code)


def _legal(query: Query) -> str:
    return "in legal name syntax" if query.options.search else "a legal name"


@dataclass(frozen=True, slots=True)
class Asked:
    """One query under way, with what stands above its answer and whom it goes to."""

    query: Query
    greeting: str
    servers: tuple[str, ...]
    line: CommandLine


Step = Generator[Ask | Wait, Answered, tuple[int, str]]


def _client(run: Asked, around: Surroundings, out: list[str]) -> Client:
    options, conf = run.query.options, around.conf
    if options.domain is not None:
        conf = replace(conf, search=(options.domain,))
    if options.ndots is not None:
        conf = replace(conf, options=(*conf.options, f"ndots:{options.ndots}"))
    cookie = bytes(around.draw(256) for _ in range(COOKIE_BYTES)) if options.cookie else b""
    comments = "comments" in options.sections and not options.short
    return Client(
        replace(around, conf=conf),
        run.servers,
        tries=options.tries,
        timeout_seconds=options.timeout_seconds,
        tcp=run.query.over_tcp,
        edns=options.edns or options.dnssec,
        dnssec_ok=options.dnssec,
        class_=run.query.class_,
        cookie=cookie,
        udp_bytes=options.udp_bytes,
        wants_recursion=False,
        picky=not options.fail,
        ignores_truncation=options.ignore,
        out=out,
        remark=lambda text: out.append(f";; {text}\n" if comments else ""),
        port=run.line.port or PORT,
    )


def _one(run: Asked, around: Surroundings, out: list[str]) -> Step:
    query, options = run.query, run.query.options
    client = _client(run, around, out)
    reply = yield from client.search(query.name, query.type, use_search_list=options.search)
    if isinstance(reply, Unanswered):
        out += [run.greeting if reply is not Unanswered.UNREACHABLE else "", NO_SERVERS]
        return EXIT_NO_REPLY, ""
    out.append(run.greeting)
    if query.type in TRANSFERS:
        out += [_record(record, options) for record in reply.answer + reply.authority]
        out.append("; Transfer failed.\n")
        return 0, ""
    message = replace(reply, rd=options.recurse, cd=options.checking_disabled)
    received = Received(
        message, client.answered_by, client.tcp, around.draw(1 << 16), _milliseconds(message, around),
        client.port, _closings(query, message, client),
    )  # fmt: skip
    if options.sent and not options.short:
        out.append(_sending(received, options))
    out.append(_short(received, options) if options.short else message_text(received, options, around))
    return 0, ""


def _closings(query: Query, message: Message, client: Client) -> int:
    """How often the statistics stand below a message: once, but for two oddities of +search.

    They are missing where a candidate of the list fails otherwise than by NXDOMAIN, and come twice for a name
    with enough dots to be tried as it is that does not exist.
    """
    if not query.options.search or message.rcode is Rcode.NOERROR or query.name.endswith("."):
        return 1
    as_is = same(message.question.name, absolute(query.name))
    if message.rcode is Rcode.NXDOMAIN:
        return 2 if dots(query.name) >= client.around.conf.ndots else 1
    return 1 if as_is else 0


def _milliseconds(message: Message, around: Surroundings) -> int:
    """How long the answer took; CoreDNS answers its own zones from memory."""
    return around.draw(2) if not message.ra else 2 + around.draw(20)


def _greeting(argv: list[str], line: CommandLine, options: Options, servers: tuple[str, ...]) -> str:
    if line.short or "cmd" not in options.sections:
        return ""
    words = "".join(f" {word}" for word in argv)
    plural = "s" if len(servers) > 1 else ""
    server = f"; ({len(servers)} server{plural} found)\n" if line.greets_server else ""
    return f"\n; <<>> DiG {VERSION} <<>>{words}\n{server};; global options: +cmd\n"


def _short(received: Received, options: Options) -> str:
    whence = f" from server {received.server} in {received.milliseconds} ms." if options.identify else ""
    return "".join(f"{record.data}{whence}\n" for record in received.message.answer)


def _sending(received: Received, options: Options) -> str:
    """The question as it left, for +qr."""
    question, sent = received.message.question, received.message.edns
    flags = f"{' rd' * options.recurse} ad{' cd' * options.checking_disabled}"
    edns = _opt(sent, "") if sent else ""
    size = len(encode_question(question, edns=sent))
    return (
        f";; Sending:\n{_mdns(question.name)}"
        f";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: {received.identifier}\n"
        f";; flags:{flags}; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: {int(sent is not None)}\n\n"
        f"{edns};; QUESTION SECTION:\n{question_line(question, _style(options))}\n\n"
        f";; QUERY SIZE: {size}\n\n"
    )


def _mdns(name: str) -> str:
    return MDNS_WARNING if is_at_or_below(name, "local.") else ""


def _style(options: Options) -> Style:
    return Style(options.ttl, options.class_, options.multiline, options.ttl_units)


def message_text(received: Received, options: Options, around: Surroundings) -> str:
    """A reply as dig prints it, with the sections that the options leave."""
    message, shown = received.message, options.sections
    comments = "comments" in shown
    out: list[str] = []
    if comments:
        out += [_header(received), "\n"]
        if message.edns:
            out.append(_opt(message.edns, " (echoed)"))
    if "question" in shown:
        out += [
            ";; QUESTION SECTION:\n" if comments else "",
            question_line(message.question, _style(options)),
            "\n",
        ]
        out.append("\n" if comments else "")
    for name in ("answer", "authority", "additional"):
        records: tuple[Record, ...] = getattr(message, name)
        if records and name in shown:
            out.append(f";; {name.upper()} SECTION:\n" if comments else "")
            out += [_record(record, options) for record in records]
            out.append("\n" if comments else "")
    if "stats" in shown:
        out.append(_stats(received, options, around) * received.closings)
    elif options.identify:
        out.append(_received_line(received, options))
    return "".join(out)


def _record(record: Record, options: Options) -> str:
    return record_line(record, _style(options)) + "\n"


def _header(received: Received) -> str:
    message = received.message
    flags = [name for name in ("aa", "tc", "rd", "ra", "cd") if getattr(message, name)]
    counts = (
        len(message.answer),
        len(message.authority),
        len(message.additional) + (message.edns is not None),
    )
    return (
        ";; Got answer:\n"
        + _mdns(message.question.name)
        + f";; ->>HEADER<<- opcode: QUERY, status: {message.rcode.value}, id: {received.identifier}\n"
        + f";; flags: {' '.join(['qr', *flags])}; QUERY: 1, ANSWER: {counts[0]}, "
        + f"AUTHORITY: {counts[1]}, ADDITIONAL: {counts[2]}\n"
        + (";; WARNING: recursion requested but not available\n" if message.rd and not message.ra else "")
    )


def _opt(edns: Edns, echoed: str) -> str:
    cookie = f"; COOKIE: {edns.cookie.hex()}{echoed}\n" if edns.cookie else ""
    flags = " do" * edns.dnssec_ok
    return f";; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:{flags}; udp: {edns.udp_bytes}\n{cookie}"


def _bytes(received: Received, options: Options) -> int:
    limit = 65535 if received.tcp else (options.udp_bytes if options.edns else 512)
    return size_bytes(received.message, limit)


def _stats(received: Received, options: Options, around: Surroundings) -> str:
    server = f"{received.server}#{received.port}({received.server})"
    return (
        f";; Query time: {received.milliseconds} msec\n"
        f";; SERVER: {server} ({'TCP' if received.tcp else 'UDP'})\n"
        f";; WHEN: {around.now.strftime(WHEN)}\n"
        f";; MSG SIZE  rcvd: {_bytes(received, options)}\n"
        "\n"
    )


def _received_line(received: Received, options: Options) -> str:
    server = f"{received.server}#{received.port}({received.server})"
    return f";; Received {_bytes(received, options)} bytes from {server} in {received.milliseconds} ms\n\n"


def _trace(run: Asked, around: Surroundings, out: list[str]) -> Step:
    """+trace asks the configured server for the root's name servers only, and goes on from their addresses.

    It never asks the cluster's server for the name itself; where the root servers' addresses cannot be had,
    it ends there.
    """
    client = _client(run, around, out)
    client.textname = "."
    reply = yield from client.ask(Question(".", "NS"))
    out.append(run.greeting)
    if isinstance(reply, Unanswered):
        out.append(NO_SERVERS)
        return EXIT_NO_REPLY, ""
    out += [_record(record, run.query.options) for record in _shown(reply, run)]
    roots = [record.data for record in reply.answer if record.type == "NS"]
    for root in roots:
        addresses = yield from bind_server_addresses(root.rstrip("."), around)
        if addresses:
            out.append(_whence(reply, client, run, around))
            return (yield from _from_root(run, addresses, around, out))
        out.append(f"couldn't get address for '{root.rstrip('.')}': not found\n")
    if not roots:
        out.append(_whence(reply, client, run, around))
        return 0, ""
    return EXIT_USAGE, f"dig: couldn't get address for '{roots[0].rstrip('.')}': no more\n"


def _shown(reply: Message, run: Asked) -> tuple[Record, ...]:
    """The records that +trace shows, unless their section is hidden."""
    sections = run.query.options.sections
    return (reply.answer if "answer" in sections else ()) + (
        reply.authority if "authority" in sections else ()
    )


def _whence(reply: Message, client: Client, run: Asked, around: Surroundings) -> str:
    received = Received(reply, client.answered_by, client.tcp, 0, around.draw(3), client.port)
    return _received_line(received, run.query.options)


def _from_root(run: Asked, addresses: tuple[str, ...], around: Surroundings, out: list[str]) -> Step:
    """What a root server says to the whole name; nothing further down is modelled."""
    client = _client(replace(run, servers=addresses), around, out)
    reply = yield from client.ask(Question(absolute(run.query.name), run.query.type))
    if isinstance(reply, Unanswered):
        out.append(NO_SERVERS)
        return EXIT_NO_REPLY, ""
    out += [_record(record, run.query.options) for record in _shown(reply, run)]
    out.append(_whence(reply, client, run, around))
    return 0, ""
