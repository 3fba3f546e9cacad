"""DNS messages as bytes: what a capture shows, and how much of an answer fits. Source: RFC 1035 4.1, RFC
6891.

The truncation is that of the Go library under CoreDNS: a message that fits is sent uncompressed; otherwise
names are compressed and records dropped from the end until it fits, and TC is set if any record went.
"""

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address

from svclab.dns.message import (
    CLASS_NUMBERS,
    MIN_UDP_BYTES,
    RCODE_NUMBERS,
    TYPE_NUMBERS,
    Edns,
    Message,
    Question,
    Record,
    type_number,
)
from svclab.dns.name import labels

HEADER_BYTES = 12
POINTER_LIMIT = 1 << 14  # a compression pointer has 14 bits
NAME_ONLY_TYPES = ("NS", "CNAME", "PTR")


@dataclass(slots=True)
class _Writer:
    """Bytes so far, and where each name suffix was first written; `offsets` is None without compression."""

    data: bytearray = field(default_factory=bytearray)
    offsets: dict[str, int] | None = None

    def number(self, value: int, size: int) -> None:
        self.data += value.to_bytes(size, "big")

    def name(self, name: str, *, compressible: bool = True) -> None:
        rest = labels(name)
        while rest:
            suffix = ".".join(rest)
            if self.offsets is not None:
                if compressible and suffix in self.offsets:
                    self.number(0xC000 | self.offsets[suffix], 2)
                    return
                if len(self.data) < POINTER_LIMIT:
                    self.offsets.setdefault(suffix, len(self.data))
            label = rest.pop(0).encode()
            self.number(len(label), 1)
            self.data += label
        self.number(0, 1)

    def question(self, question: Question) -> None:
        self.name(question.name)
        self.number(type_number(question.type), 2)
        self.number(CLASS_NUMBERS[question.class_], 2)

    def record(self, record: Record) -> None:
        self.name(record.name)
        self.number(TYPE_NUMBERS[record.type], 2)
        self.number(1, 2)
        self.number(record.ttl, 4)
        at = len(self.data)
        self.number(0, 2)
        self.rdata(record)
        self.data[at : at + 2] = (len(self.data) - at - 2).to_bytes(2, "big")

    def rdata(self, record: Record) -> None:
        parts = record.data.split()
        match record.type:
            case "A":
                self.data += IPv4Address(record.data).packed
            case "AAAA":
                self.data += IPv6Address(record.data).packed
            case kind if kind in NAME_ONLY_TYPES:
                self.name(record.data)
            case "SOA":
                self.name(parts[0])
                self.name(parts[1])
                for number in parts[2:]:
                    self.number(int(number), 4)
            case "MX":
                self.number(int(parts[0]), 2)
                self.name(parts[1])
            case "SRV":
                for number in parts[:3]:
                    self.number(int(number), 2)
                self.name(parts[3], compressible=False)
            case "TXT":
                for text in record.data.strip('"').split('" "'):
                    self.number(len(text.encode()), 1)
                    self.data += text.encode()
            case _:
                raise ValueError(f"no wire form for records of type {record.type}")

    def opt(self, edns: Edns) -> None:
        self.number(0, 1)
        self.number(41, 2)
        self.number(edns.udp_bytes, 2)
        self.number(0x8000 if edns.dnssec_ok else 0, 4)
        option = b"\0\x0a" + len(edns.cookie).to_bytes(2, "big") + edns.cookie if edns.cookie else b""
        self.number(len(option), 2)
        self.data += option


def encode(message: Message, identifier: int = 0, *, compress: bool = False) -> bytes:
    """The message as a server sends it. Raises ValueError for a record type without a known wire form."""
    bits = message.aa << 10 | message.tc << 9 | message.rd << 8 | message.ra << 7 | message.cd << 4
    flags = 0x8000 | bits | RCODE_NUMBERS[message.rcode]
    writer = _Writer(offsets={} if compress else None)
    for number in (
        identifier, flags, 1, len(message.answer), len(message.authority),
        len(message.additional) + (message.edns is not None),
    ):  # fmt: skip
        writer.number(number, 2)
    writer.question(message.question)
    for record in message.answer + message.authority + message.additional:
        writer.record(record)
    if message.edns:
        writer.opt(message.edns)
    return bytes(writer.data)


def encode_question(question: Question, identifier: int = 0, edns: Edns | None = None) -> bytes:
    """The question as a client sends it: recursion desired, nothing else set."""
    writer = _Writer()
    for number in (identifier, 0x0100, 1, 0, 0, int(edns is not None)):
        writer.number(number, 2)
    writer.question(question)
    if edns:
        writer.opt(edns)
    return bytes(writer.data)


def size_bytes(message: Message, limit_bytes: int = 65535) -> int:
    """Size on the wire: uncompressed if that stays within the limit, else compressed."""
    plain = len(encode(message))
    return plain if plain <= limit_bytes else len(encode(message, compress=True))


def truncate(message: Message, limit_bytes: int) -> Message:
    """What of the message fits into so many bytes; TC is set if records had to go.

    A limit under 512 counts as 512 (RFC 6891 6.2.3). Whole records go, last section first.
    """
    limit = max(limit_bytes, MIN_UDP_BYTES)
    if len(encode(message)) <= limit:
        return message
    budget = limit - (message.edns.wire_bytes if message.edns else 0)
    writer = _Writer(data=bytearray(HEADER_BYTES), offsets={})
    writer.question(message.question)
    kept: list[tuple[Record, ...]] = []
    for section in (message.answer, message.authority, message.additional):
        kept.append(_fitting(writer, section, budget))
    whole = [message.answer, message.authority, message.additional]
    return replace(
        message, answer=kept[0], authority=kept[1], additional=kept[2], tc=message.tc or kept != whole
    )


def _fitting(writer: _Writer, section: tuple[Record, ...], budget: int) -> tuple[Record, ...]:
    """The records from the section's start that still fit; after the first that does not, none."""
    for count, record in enumerate(section):
        if len(writer.data) >= budget:
            return section[:count]
        writer.record(record)
        if len(writer.data) > budget:
            return section[:count]
    return section
