"""dig's command line: queries with their options. Source: dig(1) of BIND 9.18.49."""

from dataclasses import dataclass, field, replace

from svclab.dns.message import CLASS_NAMES, type_named
from svclab.dns.name import parse_address, reverse_name

SECTIONS = ("comments", "question", "answer", "authority", "additional", "stats", "cmd")
FLAGS = {
    "short": "short",
    "search": "search",
    "defname": "search",
    "trace": "trace",
    "recurse": "recurse",
    "rdflag": "recurse",
    "tcp": "tcp",
    "vc": "tcp",
    "edns": "edns",
    "cookie": "cookie",
    "ttlid": "ttl",
    "ttl": "ttl",
    "ttlunits": "ttl_units",
    "class": "class_",
    "multiline": "multiline",
    "ignore": "ignore",
    "fail": "fail",
    "identify": "identify",
    "qr": "sent",
    "dnssec": "dnssec",
    "do": "dnssec",
    "cdflag": "checking_disabled",
    "cd": "checking_disabled",
}
IGNORED = {
    "nssearch", "adflag", "ad", "aaflag", "aaonly", "idn", "idnin",
    "idnout", "besteffort", "split", "rrcomments", "crypto", "unknownformat", "nsid", "subnet", "header-only",
    "showsearch", "keepopen", "expire", "onesoa", "padding", "ednsflags", "raflag", "tcflag", "zflag",
    "badcookie", "ednsnegotiation", "expandaaaa", "keepalive", "showbadcookie", "unexpected", "qid",
}  # fmt: skip
UNKNOWN_HERE = {  # which svclab has no place for; they count where a shortened option must be the only one
    "dns64prefix", "http-plain", "http-plain-get", "http-plain-post", "https", "https-get", "https-post",
    "opcode", "tls", "tls-ca", "tls-certfile", "tls-hostname", "tls-keyfile", "trusted-key", "yaml",
}  # fmt: skip
KNOWN = frozenset(
    {*FLAGS, *SECTIONS, *IGNORED, *UNKNOWN_HERE, "all", "domain", "ndots", "bufsize", "retry"}
    | {"time", "timeout", "tries"}
)
TCP_TYPES = ("ANY", "AXFR", "IXFR")
VERSION_LINE = "DiG 9.18.49\n"
USAGE = """\
Usage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}
            {global-d-opt} host [@local-server] {local-d-opt}
            [ host [@local-server] {local-d-opt} [...]]

Use "dig -h" (or "dig -h | more") for complete list of options
"""


@dataclass(frozen=True, slots=True)
class Options:
    """The plus options. `sections` are the parts of a reply that are shown."""

    sections: frozenset[str] = frozenset(SECTIONS)
    short: bool = False
    search: bool = False
    trace: bool = False
    recurse: bool = True
    tcp: bool | None = None  # None: UDP, but TCP for the types that ask for everything
    edns: bool = True
    cookie: bool = True
    ttl: bool = True
    ttl_units: bool = False
    class_: bool = True
    multiline: bool = False
    ignore: bool = False  # whether a cut-off answer is good enough
    fail: bool = True  # whether SERVFAIL is an answer, rather than a reason to ask the next server
    identify: bool = False
    sent: bool = False  # whether the question is shown too
    dnssec: bool = False
    checking_disabled: bool = False
    timeout_seconds: int | None = None
    tries: int | None = None
    udp_bytes: int = 1232
    ndots: int | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One name to ask for, with its type."""

    name: str
    type: str = "A"
    options: Options = Options()
    class_: str = "IN"

    @property
    def over_tcp(self) -> bool:
        """Whether the question is sent over TCP at once."""
        return self.type in TCP_TYPES if self.options.tcp is None else self.options.tcp


@dataclass(slots=True)
class CommandLine:
    """All of a call: its queries, the server if one is named, and what is wrong with it.

    `greets_server`: the server stood before the first name, so that the greeting counts it. `short` and
    `family` (4, 6 or None) hold for all queries, wherever they stood.
    """

    queries: list[Query] = field(default_factory=list)
    server: str | None = None
    greets_server: bool = False
    options: Options = Options()
    class_: str = "IN"
    short: bool = False
    family: int | None = None
    port: int | None = None
    warning: str = ""
    error: str = ""
    exit: int = 1


class BadOption(ValueError):
    """An option that ends dig; the text is what it prints on standard error."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def parse_command_line(argv: list[str]) -> CommandLine:
    """Read the arguments.

    Options before the first name hold for all names, later ones for the name before them.
    """
    line, rest = CommandLine(), list(argv)
    pending_type: str | None = None
    try:
        while rest:
            word = rest.pop(0)
            if word.startswith("@"):
                line.server, line.greets_server = word[1:], not line.queries
            elif word.startswith("+"):
                _set_option(line, word[1:])
            elif word.startswith("-"):
                pending_type = _dash(line, word, rest, pending_type)
            elif (kind := type_named(word)) and (line.queries or rest or pending_type is None):
                pending_type = _set_type(line, kind)
            elif word.upper() in CLASS_NAMES:
                _set_class(line, CLASS_NAMES[word.upper()])
            else:
                _add(line, word, pending_type or "A")
                pending_type = None
    except BadOption as bad:
        line.error, line.exit = str(bad), bad.exit_code
    if not line.queries:
        line.queries.append(Query(".", pending_type or "NS", line.options))
    return line


def _add(line: CommandLine, name: str, kind: str) -> None:
    line.queries.append(Query(name, kind, line.options, line.class_))


def _set_class(line: CommandLine, class_: str) -> None:
    """A class after a name belongs to that name, one before to all to come."""
    if line.queries:
        line.queries[-1] = replace(line.queries[-1], class_=class_)
    else:
        line.class_ = class_


def _set_type(line: CommandLine, kind: str) -> str | None:
    """A type after a name belongs to that name, one before to the next; gives the type still to be used."""
    if not line.queries:
        return kind
    line.queries[-1] = replace(line.queries[-1], type=kind)
    return None


def _dash(line: CommandLine, word: str, rest: list[str], pending: str | None) -> str | None:
    """An option with a dash; its value may be glued to it."""
    letter, value = word[1:2], word[2:]
    if letter in ("4", "6"):
        line.family = int(letter)
    if letter == "v":
        raise BadOption(VERSION_LINE, 0)
    if letter in ("4", "6", "m", "u", "r", "i"):
        return pending
    if letter not in "xtqcpbkyf" or not (value or rest):
        raise BadOption(f"Invalid option: {word}\n{USAGE}")
    return _valued(line, letter, value or rest.pop(0), pending)


def _valued(line: CommandLine, letter: str, value: str, pending: str | None) -> str | None:
    match letter:
        case "x":
            line.queries.append(Query(_reversed(value), "PTR", line.options))
        case "t" if (kind := type_named(value)) is not None:
            return _set_type(line, kind)
        case "c" if value.upper() in CLASS_NAMES:
            _set_class(line, CLASS_NAMES[value.upper()])
        case "c":
            line.warning += f";; Warning, ignoring invalid class {value}\n"
        case "t":
            line.warning += f";; Warning, ignoring invalid type {value}\n"
        case "q":
            _add(line, value, pending or "A")
            return None
        case "p":
            line.port = _number(value, "port number", 1)
        case "f":
            raise BadOption(
                f"{value}: No such file or directory\ndig: couldn't open specified batch file\n", 8
            )
        case _:
            pass  # source address, key: svclab has one address a pod and no keys
    return pending


def _number(text: str, what: str, exit_code: int) -> int:
    """A number, of tries any, else up to 65535. Raises BadOption in dig's words."""
    if text.isdecimal() and (int(text) < 2**16 or what in ("tries", "retries")):
        return int(text)
    why = "out of range" if text.isdecimal() else "not a valid number"
    raise BadOption(f"invalid {what} '{text}': {why}\ndig: Couldn't parse {what}\n", exit_code)


def _reversed(text: str) -> str:
    """The reverse name of an address; what is none is reversed just so, label by label."""
    address = parse_address(text)
    if address is not None:
        return reverse_name(address)
    return ".".join(reversed(text.split("."))) + ".in-addr.arpa."


def _set_option(line: CommandLine, text: str) -> None:
    """A plus option, for the last name or for all names to come; `short` holds for all."""
    current = line.queries[-1].options if line.queries else line.options
    changed = _changed(current, text)
    is_short = _whole(text.lower().removeprefix("no")) == "short"
    line.short = changed.short if is_short else line.short
    if line.queries:
        line.queries[-1] = replace(line.queries[-1], options=changed)
    else:
        line.options = changed


_NUMBERS = {
    "time": "timeout", "timeout": "timeout", "tries": "tries", "retry": "retries", "bufsize": "buffer size",
    "ndots": "ndots",
}  # fmt: skip


def _whole(word: str) -> str:
    """An option's whole name: it may be shortened as long as only one begins so."""
    word = word.lower()
    fitting = [name for name in KNOWN if name.startswith(word)]
    if word in KNOWN or len({FLAGS.get(name, _NUMBERS.get(name, name)) for name in fitting}) != 1:
        return word
    return fitting[0]


def _changed(options: Options, text: str) -> Options:
    key, _, value = text.partition("=")
    is_on = not key.lower().startswith("no")
    name = _whole(key if is_on else key[2:])
    if name == "all":
        return replace(options, sections=frozenset(SECTIONS if is_on else ()))
    if name in SECTIONS:
        return replace(options, sections=options.sections | {name} if is_on else options.sections - {name})
    if name in FLAGS:
        return replace(options, **{FLAGS[name]: is_on})
    number = _number(value, _NUMBERS[name], 10) if value and name in _NUMBERS else None
    match name, number:
        case "time" | "timeout", int():
            return replace(options, timeout_seconds=max(number, 1))
        case "tries", int():
            return replace(options, tries=max(number, 1))
        case "retry", int():
            return replace(options, tries=number + 1)
        case "bufsize", int():
            return replace(options, udp_bytes=number)
        case "ndots", int():
            return replace(options, ndots=number)
        case "bufsize", None:
            return options
        case "domain", _ if value:
            return replace(options, domain=value, search=True)
        case _ if name in IGNORED:
            return options
        case _:
            raise BadOption(f"Invalid option: +{text}\n{USAGE}")
