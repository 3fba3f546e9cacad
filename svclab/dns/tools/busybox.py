"""BusyBox's own nslookup, which is not BIND's: it searches names without a dot only, asks every candidate
for both families at once, and prints a failure for each that does not exist. Source: BusyBox 1.36,
networking/nslookup.c; not recorded.
"""

from svclab.dns.message import TYPE_NUMBERS, Message, Question, Rcode
from svclab.dns.name import absolute, dots, parse_address, relative, reverse_name
from svclab.dns.tools.nslookup import record_text
from svclab.dns.tools.run import PORT, Ask, Run, Surroundings, ToolResult, server_addresses

USAGE = "Usage: nslookup [-type=QUERY_TYPE] HOST [DNS_SERVER]\n"


def nslookup(argv: list[str], around: Surroundings) -> Run:
    """All questions of all candidates, then their answers in the same order."""
    words = [word for word in argv if not word.startswith("-")]
    kinds = [word.partition("=")[2].upper() for word in argv if word.startswith(("-type=", "-q="))]
    if not words or any(kind not in TYPE_NUMBERS for kind in kinds):
        return ToolResult("", USAGE, 1)
    server = around.conf.servers[0]
    if len(words) > 1:
        found = yield from server_addresses(words[1], around)
        if not found:
            return ToolResult("", f"nslookup: bad address '{words[1]}'\n", 1)
        server = found[0]
    out = [f"Server:\t\t{server}\nAddress:\t{server}:{PORT}\n\n"]
    failed = False
    for question in _questions(words[0], kinds, around):
        reply = yield Ask(question, server)
        if not isinstance(reply, Message):
            return ToolResult(
                "".join(out) + ";; connection timed out; no servers could be reached\n\n", exit=1
            )
        failed |= reply.rcode is not Rcode.NOERROR
        out.append(_text(reply))
    return ToolResult("".join(out), exit=int(failed))


def _questions(name: str, kinds: list[str], around: Surroundings) -> list[Question]:
    address = parse_address(name)
    if address is not None:
        return [Question(reverse_name(address), "PTR")]
    is_searched = dots(name) == 0 and not name.endswith(".") and around.conf.search
    candidates = around.conf.searched(name) if is_searched else (absolute(name),)
    return [Question(candidate, kind) for kind in kinds or ("A", "AAAA") for candidate in candidates]


def _text(reply: Message) -> str:
    if reply.rcode is not Rcode.NOERROR:
        return f"** server can't find {relative(reply.question.name)}: {reply.rcode.value}\n\n"
    authority = "" if reply.aa else "Non-authoritative answer:\n"
    return authority + "".join(record_text(record) for record in reply.answer) + "\n"
