"""BusyBox's own nslookup, which is not BIND's: it searches names without a dot only, asks every candidate
for both families at once, and prints a failure for each that does not exist. A server named on the command
line turns the search list off. Source: BusyBox 1.35, networking/nslookup.c, compared with the program.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace

from svclab.dns.message import Answered, Message, Question, Rcode, Record, Unanswered
from svclab.dns.name import BadName, absolute, check, dots, parse_address, relative, reverse_name
from svclab.dns.resolver import BOTH_FAMILIES
from svclab.dns.servers import Wait
from svclab.dns.tools.nslookup import record_text
from svclab.dns.tools.run import PORT, Ask, Run, Surroundings, ToolResult, server_addresses

KINDS = ("SOA", "NS", "A", "AAAA", "CNAME", "MX", "TXT", "PTR", "SRV", "ANY")
USAGE = """\
BusyBox v1.36.1 multi-call binary.

Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]

Query DNS about HOST

QUERY_TYPE: soa,ns,a,aaaa,cname,mx,txt,ptr,srv,any
"""
NOBODY = ";; connection timed out; no servers could be reached\n\n"
NAMES_AT_THE_END = ("CNAME", "MX", "NS", "PTR", "SRV")


@dataclass(slots=True)
class _Arguments:
    words: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    timeout_seconds: int = 5
    tries: int = 2
    debug: bool = False
    error: str = ""
    exit: int = 1


def parse_arguments(argv: list[str]) -> _Arguments:
    """Options `-type=` (as often as wanted), `-timeout=`, `-retry=`, `-debug`; then a name and a server."""
    arguments = _Arguments()
    for word in argv:
        key, _, value = word.partition("=")
        match key:
            case "-type" | "-query" | "-querytype" | "-q" if value.upper() in KINDS:
                arguments.kinds.append(value.upper())
            case "-type" | "-query" | "-querytype" | "-q" if value:
                arguments.error = arguments.error or f'nslookup: invalid query type "{value}"\n'
            case "-timeout" if value.isdigit():
                arguments.timeout_seconds = int(value)
            case "-retry" if value.isdigit():
                arguments.tries = max(int(value), 1)
            case "-debug":
                arguments.debug = True
            case _ if word.startswith("-"):
                arguments.error = arguments.error or USAGE
                arguments.exit = 0 if word == "--help" else arguments.exit
            case _:
                arguments.words.append(word)
    if not 1 <= len(arguments.words) <= 2:
        arguments.error = arguments.error or USAGE
    return arguments


def nslookup(argv: list[str], around: Surroundings) -> Run:
    """All questions of all candidates to one server after another until one answers, then the answers."""
    arguments = parse_arguments(argv)
    if arguments.error:
        return ToolResult("", arguments.error, arguments.exit)
    name, *named = arguments.words
    servers = around.conf.servers
    if named:
        servers = (yield from server_addresses(named[0], around, BOTH_FAMILIES))[:1]
        if not servers:
            return ToolResult("", f"nslookup: bad address '{named[0]}'\n", 1)
    stderr: list[str] = []
    questions = _questions(name, arguments.kinds, around, search=not named)
    if not questions:
        return ToolResult(NOBODY, f"nslookup: write to '{servers[0]}': Message too long\n", 1)
    for server in servers:
        replies = yield from _ask(server, questions, arguments, stderr)
        if Unanswered.UNREACHABLE in replies.values():
            return ToolResult("", "".join(stderr), 1)
        if any(isinstance(reply, Message) for reply in replies.values()):
            rooted = name.endswith(".")
            return _result((*named, server)[0], server, replies, stderr, rooted=rooted, debug=arguments.debug)
    return ToolResult(NOBODY, "".join(stderr), 1)


def _questions(name: str, kinds: list[str], around: Surroundings, *, search: bool) -> tuple[Question, ...]:
    """What is asked, in order; nothing for a name that fits into no message."""
    address = None if kinds else parse_address(name)
    if address is not None:
        return (Question(reverse_name(address), "PTR"),)
    try:
        check(name)
    except BadName:
        return ()
    is_searched = search and dots(name) == 0 and not name.endswith(".") and around.conf.search
    is_searched = is_searched and kinds != ["PTR"]
    candidates = around.conf.searched(name) if is_searched else (absolute(name),)
    return tuple(Question(candidate, kind) for kind in kinds or ("A", "AAAA") for candidate in candidates)


def _ask(
    server: str, questions: tuple[Question, ...], arguments: _Arguments, stderr: list[str]
) -> Generator[Ask | Wait, Answered, dict[Question, Answered]]:
    """What one server answered; those that it did not are asked again. A SERVFAIL is asked again at once.

    Where the server's port is closed the second question already cannot be sent; a lone question is sent,
    and its failure read, once a try.
    """
    socket, replies = object(), dict[Question, Answered].fromkeys(questions)
    for _ in range(arguments.tries):
        again = 2 * len(questions)
        pending = [question for question, reply in replies.items() if not isinstance(reply, Message)]
        while pending:
            for question in pending:
                replies[question] = yield Ask(question, server, None, False, 0, socket)
            failure = _failure(server, questions, replies)
            if failure is not None:
                stderr.append(failure)
                if len(questions) > 1 or failure.startswith("nslookup: can't"):
                    return replies
            failing = [question for question in pending if _is_servfail(replies[question])]
            pending, again = failing[:again], again - len(failing[:again])
        if all(isinstance(reply, Message) for reply in replies.values()):
            break
        yield Wait(arguments.timeout_seconds / arguments.tries)
    return replies


def _failure(server: str, questions: tuple[Question, ...], replies: dict[Question, Answered]) -> str | None:
    if Unanswered.UNREACHABLE in replies.values():
        return f"nslookup: can't connect to remote host ({server}): Network is unreachable\n"
    if Unanswered.REFUSED in replies.values():
        what = f"write to '{server}'" if len(questions) > 1 else "read"
        return f"nslookup: {what}: Connection refused\n"
    return None


def _is_servfail(reply: Answered) -> bool:
    return isinstance(reply, Message) and reply.rcode is Rcode.SERVFAIL


def _result(
    named: str,
    server: str,
    replies: dict[Question, Answered],
    stderr: list[str],
    *,
    rooted: bool,
    debug: bool,
) -> ToolResult:
    """The answers; a name that was typed with its final dot (`rooted`) is missed with it."""
    out = [f"Server:\t\t{named}\nAddress:\t{server}:{PORT}\n\n"]
    failed = False
    for number, (question, reply) in enumerate(replies.items()):
        asked = question.name if rooted else relative(question.name)
        if not isinstance(reply, Message):
            out.append(f"*** Can't find {asked}: No answer\n\n")
            continue
        out.append(f"Query #{number} completed in 1ms:\n" if debug else "")
        failed |= reply.rcode is not Rcode.NOERROR
        out.append(_text(reply, asked, debug=debug))
    return ToolResult("".join(out), "".join(stderr), int(failed))


def _text(reply: Message, asked: str, *, debug: bool) -> str:
    if reply.rcode is not Rcode.NOERROR:
        return f"** server can't find {asked}: {reply.rcode.value}\n\n"
    heading = "authoritative answer:\n" if debug else ""
    heading = heading if reply.aa else "Non-authoritative answer:\n"
    return heading + "".join(map(_record, reply.answer)) + "\n"


def _record(record: Record) -> str:
    """A record as BIND's nslookup has it, but for final dots, and a text's first string only."""
    data = record.data
    if record.type in NAMES_AT_THE_END:
        data = relative(data)
    if record.type == "TXT":
        data = data.partition('" "')[0].removesuffix('"') + '"'
    return record_text(replace(record, data=data))
