"""The stub resolver inside a program: which questions it sends for a typed name, and what it makes of the
answers.

Nothing is sent here. Each walk is a generator: it yields the questions of one step (they leave together,
over one socket), is sent the answers in the same order, and returns the end; whom a step's questions are
sent to is `svclab.dns.servers`' part. Sources: glibc 2.36 res_query.c and getaddrinfo.c, musl 1.2.3
lookup_name.c, c-ares 1.34; checked against recorded query sequences and the real libraries.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from svclab.dns.hosts import HostsFile
from svclab.dns.message import Answered, Message, Question, Rcode, Unanswered
from svclab.dns.name import BadName, absolute, check, is_hostname, loose_address, parse_address, relative
from svclab.dns.resolvconf import ResolvConf

BOTH_FAMILIES = ("A", "AAAA")
MUSL_LINE_BYTES = 256  # with its end; a longer one is not read at all
LOOPBACK, LOOPBACK_IPV6 = IPv4Address("127.0.0.1"), IPv6Address("::1")


class Finding(StrEnum):
    """How a look-up, or one step of it, ended: the codes that traces and lessons use."""

    OK = "OK"
    NXDOMAIN = "NXDOMAIN"
    NODATA = "NODATA"
    SERVFAIL = "SERVFAIL"
    TIMEOUT = "DNS-TIMEOUT"


GLIBC_WORDS = {
    Finding.NXDOMAIN: "Name or service not known",
    Finding.NODATA: "No address associated with hostname",
    Finding.SERVFAIL: "Temporary failure in name resolution",
    Finding.TIMEOUT: "Temporary failure in name resolution",
}
MUSL_WORDS = {
    Finding.NXDOMAIN: "Name does not resolve",
    Finding.NODATA: "Name does not resolve",
    Finding.SERVFAIL: "Try again",
    Finding.TIMEOUT: "Try again",
}


@dataclass(frozen=True, slots=True)
class Resolution:
    """The end of a look-up.

    `addresses` are in the order received, IPv4 before IPv6. `name` is the canonical name, without its final
    dot; `source` is "literal", "hosts" or "dns"; `error` is what the library's gai_strerror says.
    """

    typed: str
    code: Finding
    addresses: tuple[str, ...] = ()
    name: str = ""
    source: str = "dns"
    error: str | None = None
    candidates: tuple[str, ...] = ()


Steps = Generator[list[Question], Sequence[Answered], "Walk"]
Lookup = Generator[list[Question], Sequence[Answered], Resolution]


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a walk over the candidates ended: the finding, and the messages of the step that decided it."""

    code: Finding
    messages: tuple[Message, ...] = ()

    def addresses(self) -> tuple[str, ...]:
        """All addresses in the messages, in the order of the questions."""
        return tuple(address for message in self.messages for address in message.addresses())


def resolve(
    typed: str,
    conf: ResolvConf,
    hosts: HostsFile,
    library: str = "glibc",
    types: tuple[str, ...] = BOTH_FAMILIES,
) -> Lookup:
    """getaddrinfo for a typed name: literal addresses, the hosts file, then DNS.

    `library` is "glibc", "musl" or "c-ares" (curl on Alpine); anything else raises KeyError. `types` lists
    the record types of one step; AI_ADDRCONFIG in a pod without IPv6 leaves only A.
    """
    walk, words = LIBRARIES[library]
    known = _without_asking(typed, hosts, types, library)
    if known is not None:
        return known
    if not is_asked_for(typed, library):
        return Resolution(typed, Finding.NXDOMAIN, error=words[Finding.NXDOMAIN])
    if library == "glibc" and conf.has("no-aaaa"):
        types = tuple(kind for kind in types if kind != "AAAA")
    end = yield from walk(typed, conf, types)
    candidates = candidates_of(typed, conf, library)
    addresses = end.addresses()
    if end.code is Finding.OK and addresses:
        named = next(message for message in end.messages if message.addresses())
        return Resolution(
            typed, Finding.OK, addresses, relative(named.canonical_name()), candidates=candidates
        )
    if (
        end.code is Finding.OK
    ):  # a lone CNAME: nothing to connect to, and glibc says that there is no such name
        return Resolution(typed, Finding.NODATA, error=words[Finding.NXDOMAIN], candidates=candidates)
    return Resolution(typed, end.code, error=words[end.code], candidates=candidates)


def candidates_of(typed: str, conf: ResolvConf, library: str) -> tuple[str, ...]:
    """The names that this library would ask for, one after another, if none of them answered.

    Names that are too long are left out, and musl does not read lines of 256 characters.
    """
    if library == "musl":
        is_read = len(f"search {' '.join(conf.search)}\n") < MUSL_LINE_BYTES
        conf = conf if is_read else replace(conf, search=())
    candidates = conf.candidates(typed, search_after_dots=library != "musl")
    if library == "glibc" and conf.has("no-tld-query") and conf.search and "." not in typed:
        candidates = tuple(name for name in candidates if name != absolute(typed))
    return tuple(name for name in candidates if _fits(name))


def _fits(name: str) -> bool:
    try:
        check(name)
    except BadName:
        return False
    return True


def is_asked_for(typed: str, library: str) -> bool:
    """Whether a library asks anybody for this name."""
    if not typed or not _fits(typed):
        return False
    return is_hostname(typed) if library == "glibc" else (typed != "." or library != "musl")


def _without_asking(typed: str, hosts: HostsFile, types: tuple[str, ...], library: str) -> Resolution | None:
    """A literal address, or what the hosts file has; for glibc ::1 is an IPv4 address too."""
    literal = parse_address(typed) if library == "c-ares" else loose_address(typed)
    if literal is not None:
        text = str(literal) if literal.version == 4 else typed.partition("%")[0]
        return Resolution(typed, Finding.OK, (text,), typed, source="literal")
    wanted = {4 if kind == "A" else 6 for kind in types}
    lines = hosts.lookup(typed, any_case=library != "musl")
    if library == "glibc" and wanted == {4}:
        lines = tuple((LOOPBACK if each == LOOPBACK_IPV6 else each, name) for each, name in lines)
    found = [(address, name) for address, name in lines if address.version in wanted]
    if not found:
        return None
    return Resolution(
        typed, Finding.OK, tuple(str(address) for address, _ in found), found[0][1], source="hosts"
    )


def glibc_walk(typed: str, conf: ResolvConf, types: tuple[str, ...] = BOTH_FAMILIES) -> Steps:
    """One candidate after another until one has data (glibc's res_search).

    Servers that are not there (an ICMP error) end the walk. Silence, and any failure but SERVFAIL, ends the
    search list, but the name as it is is still tried. Without success the first try as it is decides the
    error if it came first; else NODATA anywhere, else SERVFAIL anywhere, else the last step.
    """
    candidates = list(candidates_of(typed, conf, "glibc"))
    as_is, first = absolute(typed), candidates[0]
    findings: list[Finding] = []
    while candidates:
        name = candidates.pop(0)
        answers = yield [Question(name, kind) for kind in types]
        finding = glibc_finding(answers)
        if finding is Finding.OK:
            return Walk(finding, _messages(answers))
        findings.append(finding)
        if all(isinstance(each, Unanswered) and each is not Unanswered.TIMED_OUT for each in answers):
            return Walk(finding)
        if _ends_the_list(finding, answers) and name != as_is:
            candidates = [as_is] if as_is in candidates else []
    if first == as_is:
        return Walk(findings[0])
    for weighty in (Finding.NODATA, Finding.SERVFAIL):
        if weighty in findings:
            return Walk(weighty)
    return Walk(findings[-1])


def _ends_the_list(finding: Finding, answers: Sequence[Answered]) -> bool:
    """Whether glibc takes the servers for unable to answer at all, rather than for failing at this name."""
    rcodes = {message.rcode for message in _messages(answers)}
    return finding is Finding.TIMEOUT or (finding is Finding.SERVFAIL and Rcode.SERVFAIL not in rcodes)


def musl_walk(typed: str, conf: ResolvConf, types: tuple[str, ...] = BOTH_FAMILIES) -> Steps:
    """Only a name error moves musl on: NODATA, SERVFAIL and a timeout end the walk at once."""
    finding = Finding.NXDOMAIN
    for name in candidates_of(typed, conf, "musl"):
        answers = yield [Question(name, kind) for kind in types]
        finding = musl_finding(answers)
        if finding is not Finding.NXDOMAIN:
            return Walk(finding, _messages(answers))
    return Walk(finding)


def ares_walk(typed: str, conf: ResolvConf, types: tuple[str, ...] = BOTH_FAMILIES) -> Steps:
    """One candidate after another until one has an address; only "no such name" and "no data" lead on."""
    findings: list[Finding] = []
    for name in candidates_of(typed, conf, "c-ares"):
        answers = yield [Question(name, kind) for kind in types]
        messages = _messages(answers)
        finding = glibc_finding(answers)
        if any(message.addresses() for message in messages):
            return Walk(Finding.OK, messages)
        findings.append(Finding.NODATA if finding is Finding.OK else finding)
        if finding in (Finding.SERVFAIL, Finding.TIMEOUT):
            return Walk(finding)
    return Walk(Finding.NODATA if Finding.NODATA in findings else findings[-1])


LIBRARIES: dict[str, tuple[Callable[[str, ResolvConf, tuple[str, ...]], Steps], dict[Finding, str]]] = {
    "glibc": (glibc_walk, GLIBC_WORDS),
    "musl": (musl_walk, MUSL_WORDS),
    "c-ares": (ares_walk, GLIBC_WORDS),
}


def glibc_finding(answers: Sequence[Answered]) -> Finding:
    """What res_query makes of one step: data in any answer is success; else the first bad rcode decides."""
    messages = _messages(answers)
    if any(message.rcode is Rcode.NOERROR and message.answer for message in messages):
        return Finding.OK
    if len(messages) < len(answers):
        return Finding.TIMEOUT
    rcodes = [message.rcode for message in messages]
    rcode = next((each for each in rcodes if each is not Rcode.NOERROR), Rcode.NOERROR)
    return _finding_of(rcode)


def musl_finding(answers: Sequence[Answered]) -> Finding:
    """What name_from_dns makes of one step: SERVFAIL or silence for one type spoils the step."""
    messages = _messages(answers)
    if len(messages) < len(answers):
        return Finding.TIMEOUT
    rcodes = [message.rcode for message in messages]
    if any(rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN) for rcode in rcodes):
        return Finding.SERVFAIL
    if Rcode.NXDOMAIN in rcodes:
        return Finding.NXDOMAIN
    if any(message.addresses() for message in messages):
        return Finding.OK
    return Finding.NODATA


def _finding_of(rcode: Rcode) -> Finding:
    match rcode:
        case Rcode.NOERROR:
            return Finding.NODATA
        case Rcode.NXDOMAIN:
            return Finding.NXDOMAIN
        case _:
            return Finding.SERVFAIL


def _messages(answers: Sequence[Answered]) -> tuple[Message, ...]:
    return tuple(answer for answer in answers if isinstance(answer, Message))
