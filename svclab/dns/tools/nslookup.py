"""nslookup NAME [SERVER], not interactive. Source: BIND 9.18.49 nslookup.c, and the program."""

from dataclasses import dataclass, field, replace

from svclab.dns.message import CLASS_NAMES, TYPE_NUMBERS, Message, Question, Rcode, Record, Unanswered
from svclab.dns.name import BadName, absolute, check, parse_address, relative, reverse_name
from svclab.dns.tools.run import (
    BIND_TRIES,
    NO_SERVERS,
    PORT,
    Asking,
    Client,
    Run,
    Surroundings,
    ToolResult,
    Work,
    bind_server_addresses,
)

VERBS = {
    "CNAME": "canonical name =",
    "MX": "mail exchanger =",
    "NS": "nameserver =",
    "PTR": "name =",
    "SRV": "service =",
    "TXT": "text =",
}
SOA_WORDS = ("origin", "mail addr", "serial", "refresh", "retry", "expire", "minimum")
VERSION = "nslookup 9.18.49\n"
USAGE = """\
Usage:
   nslookup [-opt ...]             # interactive mode using default server
   nslookup [-opt ...] - server    # interactive mode using 'server'
   nslookup [-opt ...] host        # just look up 'host' using default server
   nslookup [-opt ...] host server # just look up 'host' using 'server'
"""
NOT_INTERACTIVE = "nslookup: svclab has no interactive mode; give a name\n"
TCP_TYPES = ("ANY", "AXFR", "IXFR")
ZONE_TRANSFERS = ("AXFR", "IXFR")
# What may stand before `=`, and the setting that it names
VALUES = {
    "type": "type", "ty": "type", "querytype": "type", "query": "type", "qu": "type", "q": "type",
    "class": "class", "cl": "class", "domain": "domain", "do": "domain", "port": "port", "po": "port",
    "timeout": "timeout", "t": "timeout", "retry": "retry", "ret": "retry", "ndots": "ndots",
}  # fmt: skip
# The shortest spelling of a switch, and its whole word
SWITCHES = {
    "vc": "vc", "deb": "debug", "d2": "d2", "sea": "search", "def": "search", "rec": "recurse",
    "fail": "fail", "sil": "silent",
}  # fmt: skip
EFFECTLESS = ("d2", "fail", "silent")


@dataclass(slots=True)
class _Arguments:
    words: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    switches: dict[str, bool] = field(default_factory=dict)
    says: str = ""  # about options that it does not know
    shows_settings: bool = False

    @property
    def type(self) -> str | None:
        """The record type asked for; None stands for both kinds of address."""
        kind = self.values.get("type", "").upper()
        return kind if kind in TYPE_NUMBERS else None

    def number(self, name: str) -> int | None:
        """A setting's number, or None."""
        return int(self.values[name]) if name in self.values else None


def parse_arguments(argv: list[str]) -> _Arguments:
    """Options in nslookup's spellings, then a name and a server. Unknown ones change nothing."""
    arguments = _Arguments()
    for word in argv:
        if word.startswith("-") and word != "-":
            _option(arguments, word[1:])
        else:
            arguments.words.append(word)
    return arguments


def _option(arguments: _Arguments, text: str) -> None:
    key, equals, value = text.partition("=")
    name = VALUES.get(key) if equals else None
    if name in ("timeout", "retry", "ndots", "port") and not value.isdigit():
        arguments.says += f"invalid {name} '{value}': not a valid number\n"
    elif name == "type" and value.upper() not in TYPE_NUMBERS:
        arguments.says += f"unknown query type: {value}\n"
    elif name == "class" and value.upper() not in CLASS_NAMES:
        arguments.says += f"unknown query class: {value}\n"
    elif name is not None:
        arguments.values[name] = value
    elif (switch := _switch(key.removeprefix("no"))) and not equals:
        arguments.switches[switch] = not key.startswith("no")
    elif text == "all":
        arguments.shows_settings = True
    else:
        arguments.says += f"*** Invalid option: {text}\n"


def _switch(word: str) -> str | None:
    for short, whole in SWITCHES.items():
        if word.startswith(short) and (whole.startswith(word) or word == "defname"):
            return whole
    return None


def nslookup(argv: list[str], around: Surroundings) -> Run:
    """Addresses of both families by default, one type with -type; an address is looked up in reverse."""
    if argv[:1] in (["-version"], ["-V"]):
        return ToolResult("", VERSION)
    arguments = parse_arguments(argv)
    if len(arguments.words) > 2:
        return ToolResult("", USAGE, 1)
    if arguments.words[:1] in ([], ["-"]):
        return ToolResult(arguments.says, NOT_INTERACTIVE, 1)
    name, *named = arguments.words
    servers = around.conf.servers
    if named:
        servers = yield from bind_server_addresses(named[0], around)
        if not servers:
            return ToolResult("", f"nslookup: couldn't get address for '{named[0]}': not found\n", 1)
    try:
        check(name)
    except BadName as bad:
        return ToolResult("", f"nslookup: '{name}' is not in legal name syntax ({bad.reason})\n", 1)
    session = _Session(arguments, _surroundings(arguments, around), servers, named[0] if named else None)
    yield from session.look_up(name)
    return session.result()


def _surroundings(arguments: _Arguments, around: Surroundings) -> Surroundings:
    """The place with the search list and ndots that the options set."""
    conf = around.conf
    if "domain" in arguments.values:
        conf = replace(conf, search=(arguments.values["domain"],))
    if "ndots" in arguments.values:
        conf = replace(conf, options=(*conf.options, f"ndots:{arguments.values['ndots']}"))
    return replace(around, conf=conf)


def _settings(arguments: _Arguments, around: Surroundings, servers: tuple[str, ...]) -> str:
    """What -all shows."""
    on = {name: ("" if arguments.switches.get(name) else "no") + name for name in ("vc", "debug", "d2")}
    search, recurse = (
        ("" if arguments.switches.get(name, True) else "no") + name for name in ("search", "recurse")
    )
    timeout, retry = arguments.number("timeout") or 0, arguments.number("retry") or BIND_TRIES
    return (
        "".join(f"Default server: {server}\nAddress: {server}#{PORT}\n" for server in servers)
        + f"\nSet options:\n  {on['vc']}\t\t\t{on['debug']}\t\t{on['d2']}\n  {search}\t\t{recurse}\n"
        f"  timeout = {timeout}\t\tretry = {retry}\tport = {arguments.number('port') or PORT}\t"
        f"ndots = {around.conf.ndots}\n  querytype = {arguments.type or 'A':<8}\tclass = IN\n"
        f"  srchlist = {'/'.join(around.conf.search)}\n"
    )


class _Session:
    """One call of nslookup: what it has printed, and whether anything failed."""

    def __init__(
        self, arguments: _Arguments, around: Surroundings, servers: tuple[str, ...], named: str | None
    ) -> None:
        self.out: list[str] = [arguments.says]
        if arguments.shows_settings:
            self.out.append(_settings(arguments, around, servers))
        self.failed = False
        self.type = arguments.type
        self.search = arguments.switches.get("search", True)
        self.debug = arguments.switches.get("debug", False)
        self.named = named
        tries = arguments.number("retry")
        default_tries = around.conf.option("attempts", BIND_TRIES)
        self.client = Client(
            around,
            servers,
            tries=max(default_tries if tries is None else tries, 1),
            timeout_seconds=arguments.number("timeout"),
            class_=CLASS_NAMES[arguments.values.get("class", "IN").upper()],
            tcp=arguments.switches.get("vc", False),
            wants_recursion=named is None and arguments.switches.get("recurse", True),
            picky=True,
            out=self.out,
            remark=lambda text: self.out.append(f";; {text}\n"),
            port=arguments.number("port") or PORT,
        )

    def result(self) -> ToolResult:
        """All output; every call ends with an empty line."""
        return ToolResult("".join(self.out) + "\n", exit=int(self.failed))

    def look_up(self, name: str) -> Work[None]:
        """One type, or A over the search list and then AAAA of the name at the end of what was found."""
        address = parse_address(name)
        if address is not None:
            yield from self._reverse(Question(reverse_name(address), "PTR"))
            return
        self.client.tcp |= self.type in TCP_TYPES
        if self.type in ZONE_TRANSFERS:
            first = self.client.around.conf.candidates(name)[0]
            self._one_type((yield from self.client.ask(Question(first, self.type))), self.type, name)
            self.out.append("; Transfer failed.\n")
        elif self.type is not None:
            reply = yield from self._search(name, self.type)
            self._one_type(reply, self.type, relative(name))
        else:
            yield from self._both_families(name)

    def _reverse(self, question: Question) -> Work[None]:
        self.client.textname = question.name
        reply = yield from self.client.ask(question)
        self._one_type(reply, "PTR", relative(question.name), header=self.type is not None)

    def _search(self, name: str, kind: str) -> Asking:
        """As the client does it; with -debug every candidate that does not exist is shown too."""
        conf = self.client.around.conf
        candidates = conf.candidates(name, search_after_dots=False) if self.search else (absolute(name),)
        self.client.textname = name
        reply: Message | Unanswered = Unanswered.TIMED_OUT
        for candidate in candidates:
            goes_on = candidate != candidates[0]
            reply = yield from self.client.ask(Question(candidate, kind), goes_on=goes_on)
            if not isinstance(reply, Message) or reply.rcode is not Rcode.NXDOMAIN:
                break
            if self.debug and candidate != candidates[-1]:
                self._is_error(reply, header=True)
        return reply

    def _one_type(self, reply: Message | object, kind: str, name: str, *, header: bool = True) -> None:
        if not isinstance(reply, Message) or self._is_error(reply, header=header):
            self._nobody(reply)
            return
        if not reply.aa:
            self.out.append("Non-authoritative answer:\n")
        if reply.answer:
            self.out += [record_text(record) for record in reply.answer]
        else:
            self.out.append(f"*** Can't find {name}: No answer\n")
        if not reply.aa and kind not in ("A", "AAAA"):
            self.out.append("\nAuthoritative answers can be found from:\n")
            self.out += [record_text(record) for record in reply.authority + reply.additional]

    def _both_families(self, name: str) -> Work[None]:
        reply = yield from self._search(name, "A")
        if not isinstance(reply, Message) or self._is_error(reply, header=True):
            self._nobody(reply)
            return
        if not reply.aa:
            self.out.append("Non-authoritative answer:\n")
        self.out += [record_text(record) for record in reply.answer]
        second = yield from self.client.ask(Question(reply.canonical_name(), "AAAA"))
        if not isinstance(second, Message) or self._is_error(second, header=False):
            self._nobody(second)
            return
        self.out += [record_text(record) for record in second.answer]
        if not reply.answer and not second.answer:
            self.out.append(f"*** Can't find {relative(reply.canonical_name())}: No answer\n")

    def _nobody(self, reply: object) -> None:
        if not isinstance(reply, Message):
            self.out.append(NO_SERVERS)
        self.failed = True

    def _is_error(self, reply: Message, *, header: bool) -> bool:
        """Prints the header, the whole message with -debug, and the failure if it is one."""
        if header:
            server = self.client.answered_by
            address = f"{server}#{self.client.port}"
            self.out.append(f"Server:\t\t{self.named or server}\nAddress:\t{address}\n\n")
        if self.debug:
            self.out.append(debug_text(reply))
        if reply.rcode is Rcode.NOERROR:
            return False
        self.out.append(f"** server can't find {relative(reply.question.name)}: {reply.rcode.value}\n")
        return True


def record_text(record: Record) -> str:
    """One record in nslookup's words, with its line ends."""
    name = relative(record.name)
    match record.type:
        case "A" | "AAAA":
            return f"Name:\t{name}\nAddress: {record.data}\n"
        case "SOA":
            return f"{name}\n{_soa_lines(record)}"
        case kind if kind in VERBS:
            return f"{name}\t{VERBS[kind]} {record.data}\n"
        case kind:
            return f"{name}\trdata_{TYPE_NUMBERS[kind]} = {record.data}\n"


def _soa_lines(record: Record) -> str:
    values = [relative(part) if i < 2 else part for i, part in enumerate(record.data.split())]
    return "".join(f"\t{word} = {value}\n" for word, value in zip(SOA_WORDS, values, strict=True))


def debug_text(message: Message) -> str:
    """A whole message, as -debug shows it."""
    question = message.question
    out = [f"------------\n    QUESTIONS:\n\t{relative(question.name)}, type = {question.type}, class = IN\n"]
    sections = (("ANSWERS", message.answer), ("AUTHORITY RECORDS", message.authority))
    for title, records in (*sections, ("ADDITIONAL RECORDS", message.additional)):
        out.append(f"    {title}:\n")
        out += [f"    ->  {relative(r.name)}\n{_debug_lines(r)}\tttl = {r.ttl}\n" for r in records]
    return "".join([*out, "------------\n"])


def _debug_lines(record: Record) -> str:
    match record.type:
        case "A":
            return f"\tinternet address = {record.data}\n"
        case "AAAA":
            return f"\thas AAAA address {record.data}\n"
        case "SOA":
            return _soa_lines(record)
        case kind if kind in VERBS:
            return f"\t{VERBS[kind]} {record.data}\n"
        case kind:
            return f"\trdata_{TYPE_NUMBERS[kind]} = {record.data}\n"
