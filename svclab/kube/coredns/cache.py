"""The cache plugin: replies kept for at most so many seconds. Source: CoreDNS 1.13, plugin/cache."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from svclab.dns.message import Message, Question, Rcode, Record
from svclab.dns.name import is_at_or_below
from svclab.kube.coredns.options import DnsOptions

MIN_TTL_SECONDS = 5
SERVFAIL_TTL_SECONDS = 5


@dataclass(frozen=True, slots=True)
class _Entry:
    message: Message
    stored: datetime
    ttl: int


@dataclass(slots=True)
class Cache:
    """One server's memory of replies, by name and type."""

    entries: dict[tuple[str, str], _Entry] = field(default_factory=dict)

    def get(self, question: Question, now: datetime) -> Message | None:
        """The kept reply with its TTLs counted down; it says `aa`, wherever it came from."""
        key = (question.name.lower(), question.type)
        entry = self.entries.get(key)
        if entry is None:
            return None
        left = entry.ttl - int((now - entry.stored) / timedelta(seconds=1))
        if left <= 0:
            del self.entries[key]
            return None
        return replace(_with_ttl(entry.message, left), question=question, aa=True)

    def put(self, question: Question, message: Message, options: DnsOptions, now: datetime) -> Message:
        """Keep a reply unless its zone is exempt, and give it back as the plugin passes it on.

        Whatever passes the plugin gets one TTL for all its records, the smallest, within 5..cache_seconds
        where the reply is kept.
        """
        smallest = _smallest_ttl(message)
        if any(is_at_or_below(question.name, zone) for zone in options.cache_disabled_zones):
            return _with_ttl(message, smallest)
        if message.tc or message.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.SERVFAIL):
            return message
        ttl = max(MIN_TTL_SECONDS, min(smallest, options.cache_seconds))
        self.entries[(question.name.lower(), question.type)] = _Entry(message, now, ttl)
        return _with_ttl(message, ttl)


def _smallest_ttl(message: Message) -> int:
    """The reply's life in seconds: its smallest TTL; for a negative one also the SOA's last number."""
    records = message.answer + message.authority + message.additional
    ttls = [record.ttl for record in records]
    if not message.answer:
        ttls += [int(record.data.split()[-1]) for record in message.authority if record.type == "SOA"]
    return min(ttls, default=SERVFAIL_TTL_SECONDS)


def _with_ttl(message: Message, ttl: int) -> Message:
    def lowered(section: tuple[Record, ...]) -> tuple[Record, ...]:
        return tuple(replace(record, ttl=ttl) for record in section)

    return replace(
        message,
        answer=lowered(message.answer),
        authority=lowered(message.authority),
        additional=lowered(message.additional),
    )
