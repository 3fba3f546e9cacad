"""The cache plugin: replies kept for at most so many seconds. Source: CoreDNS 1.13, plugin/cache."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from svclab.dns.message import Message, Question, Rcode, Record
from svclab.dns.name import is_at_or_below
from svclab.kube.coredns.options import SERVFAIL_SECONDS, Caching, Keeping


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

    def put(self, question: Question, message: Message, caching: Caching, now: datetime) -> Message:
        """Keep a reply unless its zone is exempt, and give it back as the plugin passes it on.

        Whatever passes the plugin gets one TTL for all its records: the smallest, or as long as the reply is
        kept.
        """
        keeping = _keeping(message, caching)
        smallest = _smallest_ttl(message)
        if any(is_at_or_below(question.name, zone) for zone in keeping.disabled):
            return _with_ttl(message, smallest)
        if message.tc or message.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.SERVFAIL):
            return message
        ttl = min(max(smallest, keeping.least), keeping.most)
        if ttl:
            self.entries[(question.name.lower(), question.type)] = _Entry(message, now, ttl)
        return _with_ttl(message, ttl)


def _keeping(message: Message, caching: Caching) -> Keeping:
    """By which times the reply is kept: with data, without, or a failure."""
    if message.rcode is Rcode.SERVFAIL:
        seconds = caching.servfail_seconds
        return Keeping(seconds, seconds, caching.denial.disabled)
    return caching.denial if message.rcode is Rcode.NXDOMAIN or message.is_nodata else caching.success


def _smallest_ttl(message: Message) -> int:
    """The reply's life in seconds: its smallest TTL; for a negative one also the SOA's last number."""
    records = message.answer + message.authority + message.additional
    ttls = [record.ttl for record in records]
    if not message.answer:
        ttls += [int(record.data.split()[-1]) for record in message.authority if record.type == "SOA"]
    return min(ttls, default=SERVFAIL_SECONDS)


def _with_ttl(message: Message, ttl: int) -> Message:
    def lowered(section: tuple[Record, ...]) -> tuple[Record, ...]:
        return tuple(replace(record, ttl=ttl) for record in section)

    return replace(
        message,
        answer=lowered(message.answer),
        authority=lowered(message.authority),
        additional=lowered(message.additional),
    )
