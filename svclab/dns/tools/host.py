"""host NAME [SERVER]. Source: BIND 9.18.49 host.c, and the program."""

from dataclasses import dataclass, field, replace

from svclab.dns.message import CLASS_NAMES, TYPE_NUMBERS, Message, Question, Rcode, Record
from svclab.dns.name import BadName, check, parse_address, relative, reverse_name
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.tools.master import question_line, record_line
from svclab.dns.tools.run import (
    NO_SERVERS,
    PORT,
    Client,
    Run,
    Surroundings,
    ToolResult,
    Work,
    bind_server_addresses,
    of_family,
    rcode_words,
)
from svclab.dns.wire import size_bytes

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
VERSION = "host 9.18.49\n"
USAGE = """\
Usage: host [-aCdilrTvVw] [-c class] [-N ndots] [-t type] [-W time]
            [-R number] [-m flag] [-p port] hostname [server]
       -a is equivalent to -v -t ANY
       -A is like -a but omits RRSIG, NSEC, NSEC3
       -c specifies query class for non-IN data
       -C compares SOA records on authoritative nameservers
       -d is equivalent to -v
       -l lists all hosts in a domain, using AXFR
       -m set memory debugging flag (trace|record|usage)
       -N changes the number of dots allowed before root lookup is done
       -p specifies the port on the server to query
       -r disables recursive processing
       -R specifies number of retries for UDP packets
       -s a SERVFAIL response should stop query
       -t specifies the query type
       -T enables TCP/IP mode
       -U enables UDP mode
       -v enables verbose output
       -V print version number and exit
       -w specifies to wait forever for a reply
       -W specifies how long to wait for a reply
       -4 use IPv4 query transport only
       -6 use IPv6 query transport only
"""
WITH_VALUE = "cmNptRW"
FLAGS = "aAdilrsTUvVw46"
MIN_TRIES = 2
FOLLOWING = ("AAAA", "MX")
ZONE_TRANSFERS = ("AXFR", "IXFR")


@dataclass(slots=True)
class _Arguments:
    words: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    error: str = ""
    exit: int = 1

    @property
    def type(self) -> str | None:
        """The record type asked for; None stands for A, AAAA and MX."""
        if "t" in self.values:
            return self.values["t"].upper()
        if "l" in self.flags:
            return "AXFR"
        if self.flags & {"a", "A"}:
            return "ANY"
        return "A" if "c" in self.values else None

    @property
    def is_verbose(self) -> bool:
        """Whether whole messages are shown."""
        return bool(self.flags & set("aAdv")) or self.values.get("t", "").upper() in ZONE_TRANSFERS

    def number(self, letter: str) -> int | None:
        """An option's number, or None."""
        value = self.values.get(letter, "")
        return int(value) if value.isdigit() else None


def parse_arguments(argv: list[str]) -> _Arguments:
    """Letters may be joined, and a value may follow at once or as the next word."""
    arguments, rest = _Arguments(), list(argv)
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and len(word) > 1:
            _letters(arguments, word[1:], rest)
        else:
            arguments.words.append(word)
    if not arguments.error:
        _complain(arguments)
    return arguments


def _letters(arguments: _Arguments, letters: str, rest: list[str]) -> None:
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter in WITH_VALUE and (letters or rest):
            arguments.values[letter] = letters or rest.pop(0)
            return
        if letter in FLAGS:
            arguments.flags.add(letter)
            continue
        what = "option requires an argument" if letter in WITH_VALUE else "illegal option"
        arguments.error = arguments.error or f"host: {what} -- {letter}\n{USAGE}"


def _complain(arguments: _Arguments) -> None:
    kind, group = arguments.values.get("t"), arguments.values.get("c", "IN")
    if "V" in arguments.flags:
        arguments.error, arguments.exit = VERSION, 0
    elif kind is not None and kind.upper() not in TYPE_NUMBERS:
        arguments.error, arguments.exit = f"host: invalid type: {kind}\n\n", 2
    elif group.upper() not in CLASS_NAMES:
        arguments.error, arguments.exit = f"host: invalid class: {group}\n\n", 2
    elif not arguments.words:
        arguments.error = USAGE


def host(argv: list[str], around: Surroundings) -> Run:
    """A over the search list, then AAAA and MX of the name found; an address is looked up in reverse."""
    arguments = parse_arguments(argv)
    if arguments.error:
        return ToolResult("", arguments.error, arguments.exit)
    name, *named = arguments.words[:2]
    servers = of_family(around.conf.servers, 6 if "6" in arguments.flags else None)
    if named:
        servers = yield from bind_server_addresses(named[0], around)
        if not servers:
            return ToolResult("", f"host: couldn't get address for '{named[0]}': not found\n", 1)
    try:
        check(name)
    except BadName as bad:
        return ToolResult("", f"host: '{name}' is not in legal name syntax ({bad.reason})\n", 1)
    session = _Session(arguments, around, servers, named[0] if named else None)
    yield from session.look_up(name)
    return ToolResult("".join(session.out), exit=int(session.failed))


class _Session:
    """One call of host: what it has printed, and whether anything failed."""

    def __init__(
        self, arguments: _Arguments, around: Surroundings, servers: tuple[str, ...], named: str | None
    ) -> None:
        self.out: list[str] = []
        self.failed = False
        self.named = named
        self.asked_type = arguments.type
        self.is_verbose = arguments.is_verbose
        self.around = around
        tries = arguments.number("R")
        attempts = around.conf.option("attempts", MIN_TRIES)
        self.client = Client(
            _with_ndots(around, arguments.number("N")),
            servers,
            tries=max(attempts if tries is None else tries + 1, MIN_TRIES),
            timeout_seconds=arguments.number("W"),
            class_=CLASS_NAMES[arguments.values.get("c", "IN").upper()],
            tcp="T" in arguments.flags or self._wants_tcp(arguments),
            wants_recursion="r" not in arguments.flags,
            picky="s" not in arguments.flags,
            out=self.out,
            remark=self._remark,
            on_candidate=self._trying,
            port=arguments.number("p") or PORT,
        )

    def _wants_tcp(self, arguments: _Arguments) -> bool:
        """Types that ask for everything go over TCP at once, but `-a` does not."""
        return arguments.type in ZONE_TRANSFERS or arguments.values.get("t", "").upper() == "ANY"

    def _remark(self, text: str) -> None:
        """Shown with -v; what is wrong with an answer, only where it makes the next server be asked."""
        if self.is_verbose and (text.startswith("Truncated") or text.endswith("next server")):
            self.out.append(f";; {text}\n")

    def _trying(self, name: str) -> None:
        if self.is_verbose:
            self.out.append(f'Trying "{relative(name)}"\n')

    def look_up(self, typed: str) -> Work[None]:
        """The first look-up, and those that follow from a name's addresses."""
        address = parse_address(typed)
        if address is not None:
            name = self.client.textname = reverse_name(address)
            self._trying(name)
            reply = yield from self.client.ask(Question(name, "PTR"))
            self.print(reply, name)
            return
        if self.asked_type in ZONE_TRANSFERS:
            name = self.client.around.conf.candidates(typed)[0]
            self._trying(name)
            self._transferred((yield from self.client.ask(Question(name, self.asked_type))), name)
            return
        reply = yield from self.client.search(typed, self.asked_type or "A")
        self.print(reply, typed)
        if not isinstance(reply, Message) or reply.rcode is not Rcode.NOERROR or self.asked_type:
            return
        name = reply.canonical_name()
        textname = typed if name == reply.question.name and relative(name) == typed else relative(name)
        for kind in FOLLOWING:
            self._trying(name)
            self.print((yield from self.client.ask(Question(name, kind))), textname)

    def _transferred(self, reply: object, name: str) -> None:
        self.print(reply, name)
        if isinstance(reply, Message):
            self.out.append("; Transfer failed.\n")
            self.failed = True

    def print(self, reply: object, textname: str) -> None:
        """One reply; a name that does not exist is called as it was typed."""
        if not isinstance(reply, Message):
            self.out.append(NO_SERVERS)
            self.failed = True
            return
        if self.named is not None:
            server = self.client.answered_by
            where = f"Name: {self.named}\nAddress: {server}#{self.client.port}\nAliases: \n"
            self.out.append(f"Using domain server:\n{where}\n")
            self.named = None
        if reply.rcode is not Rcode.NOERROR:
            name = textname if reply.rcode is Rcode.NXDOMAIN else relative(reply.question.name)
            name = relative(name) if name.endswith(".ip6.arpa.") else name
            self.out.append(f"Host {name} not found: {rcode_words(reply.rcode)}\n")
            self.failed = True
        elif self.is_verbose:
            self.out.append(_whole(replace(reply, rd=self.client.wants_recursion), self.around.draw(1 << 16)))
        else:
            self.out += [record_text(record) for record in reply.answer]
            if not reply.answer and self.asked_type is not None:
                self.out.append(f"{relative(reply.question.name)} has no {self.asked_type} record\n")
        is_told = reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)
        if self.is_verbose and is_told and reply.question.type not in ZONE_TRANSFERS:
            limit = 65535 if self.client.tcp else 512
            size, server = size_bytes(reply, limit), f"{self.client.answered_by}#{self.client.port}"
            milliseconds = self.around.draw(2)
            self.out.append(f"Received {size} bytes from {server} in {milliseconds} ms\n")


def _with_ndots(around: Surroundings, ndots: int | None) -> Surroundings:
    if ndots is None:
        return around
    conf = around.conf
    options = (*conf.options, f"ndots:{ndots}")
    return replace(around, conf=ResolvConf(conf.search, conf.nameservers, options))


def _whole(message: Message, identifier: int) -> str:
    """A message section by section."""
    flags = ["qr", *(name for name in ("aa", "tc", "rd", "ra") if getattr(message, name))]
    counts = (len(message.answer), len(message.authority), len(message.additional))
    out = [
        f";; ->>HEADER<<- opcode: QUERY, status: {message.rcode.value}, id: {identifier}\n",
        f";; flags: {' '.join(flags)}; QUERY: 1, ANSWER: {counts[0]}, "
        f"AUTHORITY: {counts[1]}, ADDITIONAL: {counts[2]}\n\n",
        f";; QUESTION SECTION:\n{question_line(message.question)}\n\n",
    ]
    for name in ("answer", "authority", "additional"):
        records: tuple[Record, ...] = getattr(message, name)
        if records:
            lines = "".join(record_line(record) + "\n" for record in records)
            out.append(f";; {name.upper()} SECTION:\n{lines}\n")
    return "".join(out)


def record_text(record: Record) -> str:
    """One record as a sentence."""
    phrase = PHRASES.get(record.type, f"has {record.type} record")
    return f"{relative(record.name)} {phrase} {record.data}\n"
