"""From targets to the records of an answer. Source: CoreDNS 1.13, plugin/backend_lookup.go."""

from collections.abc import Callable
from dataclasses import dataclass, field

from svclab.dns.message import Message, Question, Record
from svclab.dns.name import absolute, is_at_or_below, labels, same
from svclab.kube.coredns.targets import (
    DEFAULT_NS,
    NAME_ERROR,
    NO_PORT,
    SCHEMA_TTL_SECONDS,
    SCHEMA_VERSION,
    Found,
    Targets,
)

Lookup = Callable[[Question], Message]  # the whole server, asked by itself for a name outside the zone

MAX_CHAIN = 10  # CNAMEs that may precede another one
SOA_TTL_LIMIT = 300


@dataclass(slots=True)
class Reply:
    """The records for one question; `exists` is false for a name error."""

    answer: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)
    truncated: bool = False
    exists: bool = True


def missing() -> Reply:
    """A name error."""
    return Reply(exists=False)


class RecordSource:
    """Answers of one zone.

    `zone` is spelled as in the question, since owner names repeat the client's spelling.
    """

    def __init__(self, targets: Targets, zone: str, lookup: Lookup) -> None:
        self.targets = targets
        self.zone = zone
        self.lookup = lookup
        self.ttl = targets.options.ttl

    def reply(self, question: Question) -> Reply:
        """The records of the question's type at its name."""
        match question.type:
            case "A" | "AAAA":
                return self.addresses(question, ())
            case "SRV":
                return self.srv(question)
            case "CNAME":
                return self.cname(question)
            case "PTR":
                return self.ptr(question)
            case "TXT":
                return self.txt(question)
            case "SOA":
                return Reply([self.soa()] if question.name == self.zone else [])
            case "NS" if question.name.lower() == self.zone:
                return self.ns(question)
            case _:
                # Types that the plugin does not know: an A look-up tells NODATA from a name error.
                return Reply(exists=self.addresses(Question(question.name, "A"), ()).exists)

    def _found(self, question: Question) -> Found:
        """Targets at a name; `ns.dns` stands for the server itself."""
        if question.name.lower() == DEFAULT_NS + self.zone:
            if question.type not in ("A", "AAAA"):
                return ()
            return tuple(t for t in self.targets.name_servers(self.zone) if t.type == question.type)
        return self.targets.of_name(question.name, self.zone)

    def addresses(self, question: Question, before: tuple[Record, ...]) -> Reply:
        """A or AAAA records, each address once, through chains of ExternalName Services.

        `before` are the CNAMEs that led here. A CNAME whose target lies in the zone is shown only if
        something stands at its end; one that leaves the zone always, with whatever the next server says.
        """
        found = self._found(question)
        if found is NAME_ERROR:
            return missing()
        reply = Reply()
        for target in dict.fromkeys(found):
            if target.type == "CNAME":
                self._follow(question, target.host, before, reply)
        hosts = {target.host: target.data for target in found if target.type == question.type}
        reply.answer += [Record(question.name, self.ttl, question.type, data) for data in hosts.values()]
        return reply

    def _follow(self, question: Question, host: str, before: tuple[Record, ...], reply: Reply) -> None:
        goal = absolute(host)
        cname = Record(question.name, self.ttl, "CNAME", goal)
        is_loop = is_at_or_below(goal, question.name) or any(
            same(each.name, cname.name) and same(each.data, goal) for each in before
        )
        if is_loop or len(before) > MAX_CHAIN:
            return
        if is_at_or_below(goal, self.zone):
            rest = self.addresses(Question(goal, question.type), (*before, cname))
            if rest.answer:
                reply.answer += [cname, *rest.answer]
            reply.truncated |= rest.truncated
            return
        message = self.lookup(Question(goal, question.type))
        reply.answer += [cname, *message.answer]
        reply.truncated |= message.tc

    def srv(self, question: Question) -> Reply:
        """One SRV record per target name and port; weights share 100 before duplicates are folded."""
        found = self._found(question)
        if found is NAME_ERROR:
            return missing()
        targets = [target for target in found if target.type != "CNAME"]
        weight = max(100 // max(len(targets), 1), 1)
        listed = [target for target in targets if target.port != NO_PORT]
        services = dict.fromkeys((target.port, target.name) for target in listed)
        hosts = {(target.name, target.type, target.host): target.data for target in listed}
        return Reply(
            [Record(question.name, self.ttl, "SRV", f"0 {weight} {port} {name}") for port, name in services],
            [Record(name, self.ttl, kind, data) for (name, kind, _), data in hosts.items()],
        )

    def cname(self, question: Question) -> Reply:
        """The CNAME of an ExternalName Service, whether or not its target exists."""
        found = self._found(question)
        if found is NAME_ERROR:
            return missing()
        return Reply(
            [
                Record(question.name, self.ttl, "CNAME", absolute(t.host))
                for t in found[:1]
                if t.type == "CNAME"
            ]
        )

    def ptr(self, question: Question) -> Reply:
        """The names of an address, each once."""
        names = self.targets.of_reverse(question.name, self.zone)
        if names is NAME_ERROR:
            return missing()
        return Reply([Record(question.name, self.ttl, "PTR", name) for name in dict.fromkeys(names)])

    def txt(self, question: Question) -> Reply:
        """The schema version at `dns-version`; nothing anywhere else, and never a name error."""
        below = labels(question.name.lower())[: len(labels(question.name)) - len(labels(self.zone))]
        if below != ["dns-version"]:
            return Reply()
        return Reply([Record(question.name, SCHEMA_TTL_SECONDS, "TXT", f'"{SCHEMA_VERSION}"')])

    def ns(self, question: Question) -> Reply:
        """The zone's name servers with their addresses."""
        servers = self.targets.name_servers(self.zone)
        return Reply(
            [Record(question.name, self.ttl, "NS", name) for name in dict.fromkeys(t.name for t in servers)],
            [Record(target.name, self.ttl, target.type, target.data) for target in servers],
        )

    def soa(self) -> Record:
        """The zone's SOA: in the authority section of every negative answer."""
        options = self.targets.options
        serial = options.serial if options.serial is not None else self.targets.index.serial
        data = f"ns.dns.{self.zone} hostmaster.{self.zone} {serial} 7200 1800 86400 {self.ttl}"
        return Record(self.zone, min(self.ttl, SOA_TTL_LIMIT), "SOA", data)
