"""The names outside the cluster: what the nodes' resolvers answer. Addresses are those set aside for
documentation (RFC 5737, RFC 3849); nothing here is looked up anywhere."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from svclab.dns.message import Message, Question, Rcode, Record
from svclab.dns.name import absolute, is_at_or_below

ROOT_SOA = Record(
    ".", 86400, "SOA", "a.root-servers.net. nstld.verisign-grs.com. 2026010100 1800 900 604800 86400"
)
# Three of the thirteen: dig +trace looks each of them up through the whole search list before it gives up.
ROOT_NS = tuple(Record(".", 86400, "NS", f"{letter}.root-servers.net.") for letter in "abc")


@dataclass(frozen=True)
class Internet:
    """A resolver that knows these records and nothing else; every other name is NXDOMAIN.

    `authoritative` answers carry `aa`, `recursive` ones `ra`. Records of type SOA mark the zones that
    negative answers name.
    """

    records: tuple[Record, ...] = ()
    authoritative: bool = False
    recursive: bool = True
    _by_name: dict[str, list[Record]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for record in self.records:
            self._by_name.setdefault(record.name.lower(), []).append(record)

    @classmethod
    def of(cls, records: Iterable[dict[str, str | int]], **flags: bool) -> "Internet":
        """From rows with name, ttl, type and data."""
        return cls(
            tuple(
                Record(absolute(str(r["name"])), int(r["ttl"]), str(r["type"]), str(r["data"]))
                for r in records
            ),
            **flags,
        )

    def __call__(self, question: Question) -> Message:
        """The answer to a forwarded question, CNAMEs followed."""
        answer, name = list[Record](), question.name
        while True:
            here = self._by_name.get(name.lower(), [])
            answer += [r for r in here if r.type == question.type]
            alias = next((r for r in here if r.type == "CNAME" and question.type != "CNAME"), None)
            if alias is None or alias in answer:
                break
            answer.append(alias)
            name = alias.data
        known = any(is_at_or_below(each, name) for each in self._by_name)
        return Message(
            question,
            Rcode.NOERROR if known or answer else Rcode.NXDOMAIN,
            aa=self.authoritative,
            ra=self.recursive,
            answer=tuple(answer),
            authority=() if answer else (self._soa(name),),
        )

    def _soa(self, name: str) -> Record:
        zones = [r for r in self.records if r.type == "SOA" and is_at_or_below(name, r.name)]
        return max(zones, key=lambda record: len(record.name), default=ROOT_SOA)


def _site(name: str, ipv4: str, ipv6: str | None = None, *, ttl: int = 60) -> list[Record]:
    found = [Record(name, ttl, "A", ipv4)]
    return found + ([Record(name, ttl, "AAAA", ipv6)] if ipv6 else [])


def _zone(name: str) -> Record:
    return Record(name, 3600, "SOA", f"ns.{name} hostmaster.{name} 2026010100 7200 3600 1209600 300")


STANDARD_INTERNET = Internet(
    (
        *ROOT_NS,
        _zone("example.com."),
        *_site("example.com.", "203.0.113.80", "2001:db8::80"),
        *_site("www.example.com.", "203.0.113.80", "2001:db8::80"),
        *_site("api.example.com.", "203.0.113.7"),
        *_site("db.example.com.", "203.0.113.54"),
        _zone("example.org."),
        *_site("example.org.", "203.0.113.81"),
        _zone("github.com."),
        *_site("github.com.", "198.51.100.20"),
        Record("www.github.com.", 3600, "CNAME", "github.com."),
        _zone("google.com."),
        *_site("google.com.", "198.51.100.40", "2001:db8::40"),
        *_site("www.google.com.", "198.51.100.41", "2001:db8::41"),
        _zone("kubernetes.io."),
        *_site("kubernetes.io.", "198.51.100.30"),
        *_site("registry.k8s.io.", "198.51.100.31"),
    )
)
