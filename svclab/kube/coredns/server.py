"""CoreDNS: the chain of plugins that a question passes. Source: CoreDNS 1.13, plugin.cfg order
loadbalance, cache, kubernetes, forward; the reply is cut to the client's buffer at the end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from svclab.dns.message import MIN_UDP_BYTES, Edns, Message, Question, Rcode, Record
from svclab.dns.name import address_of_reverse, is_at_or_below, same
from svclab.dns.wire import truncate
from svclab.kube.coredns.cache import Cache
from svclab.kube.coredns.index import ClusterIndex
from svclab.kube.coredns.options import KUBEADM, DnsOptions, Hosts
from svclab.kube.coredns.records import RecordSource, Reply
from svclab.kube.coredns.rewriting import Change, restored
from svclab.kube.coredns.targets import Targets
from svclab.kube.snapshot import Snapshot
from svclab.linux.dice import Dice

TCP_LIMIT_BYTES = 65535
TRANSFERS = ("AXFR", "IXFR")
MAX_REENTRIES = 10


class CoreDns:
    """One server's answers over the objects of one Snapshot.

    Only the cache, if there is one, remembers anything. `whole` is asked for names outside the zone: all
    server blocks of the process; by default this one.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        options: DnsOptions = KUBEADM,
        cache: Cache | None = None,
        whole: Callable[[Question, datetime | None], Message] | None = None,
    ) -> None:
        self.options = options
        self.whole = whole or self.through_cache
        self._asks_itself = 0
        self.index = ClusterIndex(snapshot)
        self.targets = Targets(self.index, options)
        self.cache = cache

    def answer(
        self,
        question: Question,
        *,
        edns: Edns | None = None,
        tcp: bool = False,
        now: datetime | None = None,
        dice: Dice | None = None,
    ) -> Message:
        """The reply as it leaves the server.

        Without `edns` at most 512 bytes go over UDP. `now` is needed for the cache to count, `dice` for
        loadbalance to shuffle; without them these plugins do nothing. Other classes than IN are refused.
        """
        if question.class_ != "IN":
            return Message(question, Rcode.REFUSED).with_edns(edns)
        message = self.through_cache(question, now)
        if self.options.loadbalance and dice is not None:
            message = shuffled(message, dice)
        limit = TCP_LIMIT_BYTES if tcp else (edns.udp_bytes if edns else MIN_UDP_BYTES)
        return truncate(message.with_edns(edns), limit)

    def through_cache(self, question: Question, now: datetime | None) -> Message:
        """The reply before it is shuffled and cut."""
        caching = self.options.caching
        if self.cache is None or now is None or caching is None:
            return self._rewritten(question, None)
        if caching.zones and not _lies_in(question.name, caching.zones):
            return self._rewritten(question, now)
        cached = self.cache.get(question, now)
        if cached is not None:
            return cached
        return self.cache.put(question, self._rewritten(question, now), caching, now)

    def _rewritten(self, question: Question, now: datetime | None) -> Message:
        """The answer to the question that the rewrite rules make: the first that matches, and those after it
        where it goes on.
        """
        name, changes = question.name, list[tuple[bool, Change]]()
        for rule in self.options.rewrites:
            new = rule.apply(name)
            if new is not None:
                changes += rule.changes(name, new)
                name = new
                if not rule.goes_on:
                    break
        message = self._resolve(replace(question, name=name), now)
        return replace(restored(message, changes), question=question)

    def _from_hosts(self, question: Question, hosts: Hosts) -> Message | None:
        """The hosts plugin's answer, or None where it passes the question on."""
        if question.type == "PTR":
            return _reverse_from_hosts(question, hosts)
        if not _lies_in(question.name, hosts.zones):
            return None
        here = [record for record in hosts.records if same(record.name, question.name)]
        if here:
            records = (replace(record, name=question.name) for record in here)
            answer = tuple(record for record in records if record.type == question.type)
            return Message(question, aa=True, answer=answer)
        passes_on = _lies_in(question.name, hosts.fallthrough)
        return None if passes_on else Message(question, Rcode.SERVFAIL)

    def _resolve(self, question: Question, now: datetime | None) -> Message:
        """hosts, kubernetes, then forward."""
        known = self._from_hosts(question, self.options.hosts) if self.options.hosts else None
        if known is not None:
            return known
        zone = self._zone_of(question.name)
        if zone is not None:
            message = self._kubernetes(question, question.name[len(question.name) - len(zone) :], now)
            if message is not None:
                return message
        if self.options.upstream is None:
            return Message(question, Rcode.SERVFAIL)
        return replace(self.options.upstream(question), question=question)

    def _zone_of(self, name: str) -> str | None:
        """The longest of the server's zones that the name lies in."""
        zones = [zone for zone in self.options.zones if is_at_or_below(name, zone)]
        return max(zones, key=len, default=None)

    def _kubernetes(self, question: Question, zone: str, now: datetime | None) -> Message | None:
        """The kubernetes plugin's reply, or None where the name error falls through."""
        if question.type in TRANSFERS:
            return Message(question, Rcode.REFUSED)
        source = RecordSource(self.targets, zone, lambda outside: self._asked_by_itself(outside, now))
        reply = source.reply(question)
        if not reply.exists:
            if _lies_in(question.name, self.options.fallthrough):
                return None
            rcode = Rcode.NXDOMAIN if self.options.synced else Rcode.SERVFAIL
            return Message(question, rcode, aa=True, authority=(source.soa(),))
        return _positive(question, reply, source)

    def _asked_by_itself(self, question: Question, now: datetime | None) -> Message:
        """What the process answers itself; aliases in a circle from zone to zone end in SERVFAIL."""
        if self._asks_itself > MAX_REENTRIES:
            return Message(question, Rcode.SERVFAIL)
        self._asks_itself += 1
        try:
            return self.whole(question, now)
        finally:
            self._asks_itself -= 1


def _lies_in(name: str, zones: tuple[str, ...]) -> bool:
    return any(is_at_or_below(name, zone) for zone in zones)


def _reverse_from_hosts(question: Question, hosts: Hosts) -> Message | None:
    address = str(address_of_reverse(question.name))
    answer = tuple(
        Record(question.name, record.ttl, "PTR", record.name)
        for record in hosts.records
        if record.data == address and hosts.reverse
    )
    return Message(question, aa=True, answer=answer) if answer else None


def _positive(question: Question, reply: Reply, source: RecordSource) -> Message:
    """A reply with data, or NODATA with the SOA."""
    if not reply.answer:
        return Message(question, aa=True, authority=(source.soa(),))
    return Message(
        question,
        aa=True,
        tc=reply.truncated,
        answer=tuple(reply.answer),
        additional=tuple(reply.additional),
    )


def shuffled(message: Message, dice: Dice) -> Message:
    """loadbalance: CNAMEs first, then other records in order, then addresses in random order."""
    return replace(
        message,
        answer=_shuffled(message.answer, dice),
        authority=_shuffled(message.authority, dice),
        additional=_shuffled(message.additional, dice),
    )


def _shuffled(records: tuple[Record, ...], dice: Dice) -> tuple[Record, ...]:
    aliases = [record for record in records if record.type == "CNAME"]
    addresses = [record for record in records if record.type in ("A", "AAAA")]
    others = [record for record in records if record.type not in ("CNAME", "A", "AAAA")]
    for place in range(len(addresses) - 1):
        other = place + dice.integer(len(addresses) - place)
        addresses[place], addresses[other] = addresses[other], addresses[place]
    return (*aliases, *others, *addresses)
