"""DNS messages: question, records, header bits, and their size on the wire. Source: RFC 1035 4, RFC 6891."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from svclab.dns.name import absolute

MIN_UDP_BYTES = 512


class Rcode(StrEnum):
    """How a server ends a question (RFC 1035 4.1.1), by the names that dig prints."""

    NOERROR = "NOERROR"
    FORMERR = "FORMERR"
    SERVFAIL = "SERVFAIL"
    NXDOMAIN = "NXDOMAIN"
    NOTIMP = "NOTIMP"
    REFUSED = "REFUSED"


class Unanswered(StrEnum):
    """Why a client got no message at all. Where a message or None is expected, None means TIMED_OUT."""

    TIMED_OUT = "timed out"
    REFUSED = "connection refused"  # an ICMP port unreachable came back
    UNREACHABLE = "network unreachable"  # the client's own machine did not send the question


RCODE_NUMBERS = {
    Rcode.NOERROR: 0,
    Rcode.FORMERR: 1,
    Rcode.SERVFAIL: 2,
    Rcode.NXDOMAIN: 3,
    Rcode.NOTIMP: 4,
    Rcode.REFUSED: 5,
}

CLASS_NUMBERS = {"IN": 1, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255}
CLASS_NAMES = {**{name: name for name in CLASS_NUMBERS}, "CHAOS": "CH", "HESIOD": "HS"}

TYPE_NUMBERS = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "AAAA": 28, "LOC": 29,
    "SRV": 33, "NAPTR": 35, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "SVCB": 64, "HTTPS": 65,
    "IXFR": 251, "AXFR": 252, "ANY": 255, "CAA": 257,
}  # fmt: skip


def type_named(text: str) -> str | None:
    """The record type that a word names, also by its number (TYPE257); None for another word."""
    word = text.upper()
    if word in TYPE_NUMBERS:
        return word
    number = word.removeprefix("TYPE")
    if number == word or not number.isdecimal() or int(number) > 65535:
        return None
    return next((name for name, each in TYPE_NUMBERS.items() if each == int(number)), f"TYPE{int(number)}")


def type_number(kind: str) -> int:
    """The number of a record type."""
    return TYPE_NUMBERS[kind] if kind in TYPE_NUMBERS else int(kind.removeprefix("TYPE"))


@dataclass(frozen=True, slots=True)
class Question:
    """An absolute name, a record type and a class, as sent to a server."""

    name: str
    type: str
    class_: str = "IN"


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record of class IN: owner, ttl in seconds, type, and data in zone-file form."""

    name: str
    ttl: int
    type: str
    data: str


@dataclass(frozen=True, slots=True)
class Edns:
    """The OPT record: the UDP payload in bytes that its sender can take, a cookie of some bytes, and whether
    signatures are wanted.
    """

    udp_bytes: int = 1232
    cookie: bytes = b""
    dnssec_ok: bool = False

    @property
    def wire_bytes(self) -> int:
        """Size of the OPT record on the wire."""
        return 11 + (4 + len(self.cookie) if self.cookie else 0)


@dataclass(frozen=True, slots=True)
class Message:
    """A server's answer to one question. OPT is kept in `edns`, not among the additional records."""

    question: Question
    rcode: Rcode = Rcode.NOERROR
    aa: bool = False
    tc: bool = False
    rd: bool = True
    ra: bool = False
    cd: bool = False
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    edns: Edns | None = field(default=None)

    @property
    def is_nodata(self) -> bool:
        """The name exists, but not with this type."""
        return self.rcode is Rcode.NOERROR and not self.answer

    def addresses(self) -> tuple[str, ...]:
        """Data of the answer's records of the type that was asked for, in order."""
        return tuple(record.data for record in self.answer if record.type == self.question.type)

    def canonical_name(self) -> str:
        """The name at the end of the answer's CNAME chain; the name asked for where there is none."""
        aliases = {record.name.lower(): record.data for record in self.answer if record.type == "CNAME"}
        name, followed = self.question.name, set[str]()
        while (lowered := name.lower()) in aliases and lowered not in followed:
            followed.add(lowered)
            name = absolute(aliases[lowered])
        return name

    def with_edns(self, edns: Edns | None) -> "Message":
        """The same message with another OPT record."""
        return replace(self, edns=edns)


Answered = Message | Unanswered | None
