"""nslookup NAME [SERVER], not interactive. Source: BIND 9.18.49 nslookup.c and recordings of it."""

from collections.abc import Generator
from dataclasses import dataclass, field

from svclab.dns.message import TYPE_NUMBERS, Answered, Message, Question, Rcode, Record
from svclab.dns.name import BadName, check, parse_address, relative, reverse_name
from svclab.dns.tools.run import PORT, Ask, Client, Run, Surroundings, ToolResult, server_addresses

VERBS = {
    "CNAME": "canonical name =",
    "MX": "mail exchanger =",
    "NS": "nameserver =",
    "PTR": "name =",
    "SRV": "service =",
    "TXT": "text =",
}
Work = Generator[Ask, Answered, None]
SOA_WORDS = ("origin", "mail addr", "serial", "refresh", "retry", "expire", "minimum")
TYPE_OPTIONS = ("type", "querytype", "query", "q", "ty", "qu")


@dataclass(slots=True)
class _Arguments:
    words: list[str] = field(default_factory=list)
    type: str | None = None
    timeout_seconds: int = 5
    tries: int = 3
    tcp: bool = False
    search: bool = True
    error: str = ""


def parse_arguments(argv: list[str]) -> _Arguments:
    """Options `-type=`, `-timeout=`, `-retry=`, `-vc`, `-nosearch`; then a name and a server."""
    arguments = _Arguments()
    for word in argv:
        key, _, value = word.removeprefix("-").partition("=")
        if not word.startswith("-"):
            arguments.words.append(word)
        elif key in TYPE_OPTIONS:
            arguments.type = value.upper()
        elif key == "timeout" and value.isdigit():
            arguments.timeout_seconds = int(value)
        elif key == "retry" and value.isdigit():
            arguments.tries = int(value)
        elif key in ("vc", "novc"):
            arguments.tcp = key == "vc"
        elif key in ("search", "nosearch"):
            arguments.search = key == "search"
        elif key not in ("debug", "nodebug", "recurse", "d2", "nod2"):
            arguments.error = f"*** Invalid option: {key}\n"
    if arguments.type is not None and arguments.type not in TYPE_NUMBERS:
        arguments.error, arguments.type = f"unknown query type: {arguments.type.lower()}\n", None
    return arguments


def nslookup(argv: list[str], around: Surroundings) -> Run:
    """Addresses of both families by default, one type with -type; an address is looked up in reverse."""
    arguments = parse_arguments(argv)
    if not arguments.words:
        return ToolResult("", "nslookup: svclab has no interactive mode; give a name\n", 1)
    servers, named = around.conf.servers, None
    if len(arguments.words) > 1:
        named = arguments.words[1]
        servers = yield from server_addresses(named, around)
        if not servers:
            return ToolResult("", f"nslookup: couldn't get address for '{named}': not found\n", 1)
    session = _Session(arguments, around, servers, named)
    address = parse_address(arguments.words[0])
    try:
        check(arguments.words[0])
    except BadName as bad:
        return ToolResult("", f"nslookup: '{bad.name}' is not a legal name ({bad.reason})\n", 1)
    if address is not None:
        yield from session.one(reverse_name(address), "PTR", search=False, header=arguments.type is not None)
    elif arguments.type is not None:
        yield from session.one(arguments.words[0], arguments.type)
    else:
        yield from session.both_families(arguments.words[0])
    return session.result()


class _Session:
    """One call of nslookup: what it has printed, and whether anything failed."""

    def __init__(
        self, arguments: _Arguments, around: Surroundings, servers: tuple[str, ...], named: str | None
    ) -> None:
        self.out: list[str] = [arguments.error]
        self.failed = bool(arguments.error)
        self.search = arguments.search
        self.named = named
        self.client = Client(
            around,
            servers,
            tries=arguments.tries,
            timeout_seconds=arguments.timeout_seconds,
            tcp=arguments.tcp,
            out=self.out,
            on_reply=self._note_recursion,
        )

    def _note_recursion(self, message: Message, server: str) -> None:
        if not message.ra:
            self.out.append(f";; Got recursion not available from {server}\n")

    def result(self) -> ToolResult:
        """All output; every call ends with an empty line."""
        return ToolResult("".join(self.out) + "\n", exit=int(self.failed))

    def _header(self) -> None:
        server = self.client.answered_by
        self.out.append(f"Server:\t\t{self.named or server}\nAddress:\t{server}#{PORT}\n\n")

    def one(self, name: str, kind: str, *, search: bool = True, header: bool = True) -> Work:
        """One look-up of one type."""
        reply = yield from self.client.search(name, kind, use_search_list=search and self.search)
        if self._is_error(reply, header=header):
            return
        if not reply.aa:
            self.out.append("Non-authoritative answer:\n")
        if reply.answer:
            self.out += [record_text(record) for record in reply.answer]
        else:
            self.out.append(f"*** Can't find {relative(name)}: No answer\n")
        if not reply.aa and kind not in ("A", "AAAA"):
            self.out.append("\nAuthoritative answers can be found from:\n")
            self.out += [record_text(record) for record in reply.authority + reply.additional]

    def both_families(self, name: str) -> Work:
        """A over the search list, then AAAA of the name at the end of what was found."""
        reply = yield from self.client.search(name, "A", use_search_list=self.search)
        if self._is_error(reply, header=True):
            return
        if not reply.aa:
            self.out.append("Non-authoritative answer:\n")
        self.out += [record_text(record) for record in reply.answer]
        second = yield from self.client.ask(Question(reply.canonical_name(), "AAAA"))
        if self._is_error(second, header=False):
            return
        self.out += [record_text(record) for record in second.answer]
        if not reply.answer and not second.answer:
            self.out.append(f"*** Can't find {relative(reply.canonical_name())}: No answer\n")

    def _is_error(self, reply: object, *, header: bool) -> bool:
        """Prints the header, and the failure if it is one."""
        if not isinstance(reply, Message):
            self.out.append(";; no servers could be reached\n")
            self.failed = True
            return True
        if header:
            self._header()
        if reply.rcode is not Rcode.NOERROR:
            name = relative(reply.question.name)
            self.out.append(f"** server can't find {name}: {reply.rcode.value}\n")
            self.failed = True
        return reply.rcode is not Rcode.NOERROR


def record_text(record: Record) -> str:
    """One record in nslookup's words, with its line ends."""
    name = relative(record.name)
    match record.type:
        case "A" | "AAAA":
            return f"Name:\t{name}\nAddress: {record.data}\n"
        case "SOA":
            values = [relative(part) if i < 2 else part for i, part in enumerate(record.data.split())]
            lines = [f"\t{word} = {value}\n" for word, value in zip(SOA_WORDS, values, strict=True)]
            return f"{name}\n" + "".join(lines)
        case kind if kind in VERBS:
            return f"{name}\t{VERBS[kind]} {record.data}\n"
        case kind:
            return f"{name}\trdata_{TYPE_NUMBERS[kind]} = {record.data}\n"
