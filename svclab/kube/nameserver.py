"""Names asked over the simulated network: each question is a packet to a name server, and only what arrives
there is answered.

The A and AAAA questions of one step leave one socket and are one flow: conntrack sends both to the same
CoreDNS pod. Questions to resolvers outside the cluster are packets too; the simulated internet answers them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address

from svclab.dns.hosts import HostsFile
from svclab.dns.message import Answered, Edns, Message, Question, Rcode, Unanswered
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.resolver import Resolution, candidates_of, resolve
from svclab.kube.coredns import STANDARD_INTERNET, Cache, NameServer
from svclab.kube.coredns.options import Upstream
from svclab.kube.poddns import (
    STANDARD_KUBELET,
    KubeletDns,
    c_library,
    hosts_file,
    resolv_conf,
)
from svclab.kube.snapshot import Snapshot
from svclab.linux.dice import Dice
from svclab.linux.fabric import Fabric, NoAddress
from svclab.linux.packet import Packet, Protocol
from svclab.linux.trace import Answer, Flow, Lookup, Outcome, Query, Resolved, Step, Verdict

DNS_PORT = 53
COREDNS = "coredns"
RESOLVER = "resolver"  # what listens on the resolvers outside the cluster


class NameServers:
    """The CoreDNS servers of one Snapshot, each with its own addresses and its own cache.

    `caches` are kept by the caller from one Snapshot to the next, by the host's name.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        upstream: Upstream = STANDARD_INTERNET,
        caches: dict[str, Cache] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.upstream = upstream
        self.caches = {} if caches is None else caches
        self._servers: dict[str, NameServer] = {}

    def on(self, host: str) -> NameServer:
        """The CoreDNS process that runs on a host."""
        if host not in self._servers:
            cache = self.caches.setdefault(host, Cache())
            self._servers[host] = NameServer(self.snapshot, self._addresses(host), self.upstream, cache)
        return self._servers[host]

    def _addresses(self, host: str) -> tuple[str, ...]:
        kind, *rest = host.split("/")
        pod = self.snapshot.get("Pod", rest[0], rest[1]) if kind == "pod" and len(rest) == 2 else None
        status = (pod or {}).get("status") or {}
        found = [each["ip"] for each in status.get("podIPs") or ()]
        return tuple(found or ([status["podIP"]] if status.get("podIP") else []))


@dataclass(frozen=True, slots=True)
class ResolverSetup:
    """What a program's resolver reads at its start, and whose resolver it is."""

    conf: ResolvConf
    hosts: HostsFile
    library: str  # "glibc" or "musl"


def resolver_setup(
    snapshot: Snapshot, source: str, container: str | None = None, kubelet: KubeletDns = STANDARD_KUBELET
) -> ResolverSetup:
    """The setup of a program on a host: in a pod kubelet's files and the image's C library, else the node's
    files.

    `container` names the container, by default the pod's first. Raises KeyError for a pod that does not
    exist.
    """
    kind, *path = source.split("/")
    if kind != "pod":
        return ResolverSetup(kubelet.node_resolv_conf, HostsFile.parse(kubelet.node_hosts), "glibc")
    pod = snapshot.get("Pod", path[0], path[1])
    if pod is None:
        raise KeyError(source)
    spec = pod.get("spec") or {}
    containers = [*(spec.get("containers") or ()), *(spec.get("ephemeralContainers") or ())]
    named = [each for each in containers if each.get("name") == container]
    chosen = next(iter(named or containers), {})
    return ResolverSetup(
        resolv_conf(pod, kubelet), hosts_file(pod, kubelet), c_library(chosen.get("image") or "")
    )


@dataclass(slots=True)
class Asker:
    """A host that asks names: the network it asks through, and the steps and flows of all it asked so far.

    `flow` is the number of the last flow; the next question's flow gets the next one.
    """

    fabric: Fabric
    names: NameServers
    source: str
    dice: Dice
    now: datetime
    flow: int = 0
    steps: list[Step] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    questions_asked: int = 0

    def ask(
        self,
        server: str,
        questions: Sequence[Question],
        *,
        rung: int = 0,
        edns: Edns | None = None,
        tcp: bool = False,
    ) -> list[Answered]:
        """Send questions from one socket to a server's address, and give what came back for each."""
        self.flow += 1
        protocol = Protocol.TCP if tcp else Protocol.UDP
        self.flows.append(Flow(self.flow, protocol.value, "dns", questions[0].name))
        packet = self._packet(server, protocol)
        return [self._one(server, question, packet, rung, edns, tcp=tcp) for question in questions]

    def _packet(self, server: str, protocol: Protocol) -> Packet | None:
        try:
            return self.fabric.first_packet(self.source, ip_address(server), DNS_PORT, protocol, self.dice)
        except NoAddress:
            return None

    def _one(
        self,
        server: str,
        question: Question,
        packet: Packet | None,
        rung: int,
        edns: Edns | None,
        *,
        tcp: bool,
    ) -> Answered:
        self.questions_asked += 1
        self.steps.append(Query(self.flow, self.source, packet, question.name, question.type, server, rung))
        reply: Answered = Unanswered.UNREACHABLE
        if packet is not None:
            reply = self._through_network(packet, question, edns, tcp=tcp)
        if isinstance(reply, Message):
            self.steps.append(_answer_step(self.flow, self.source, reply, rung))
        return reply

    def _through_network(
        self, packet: Packet, question: Question, edns: Edns | None, *, tcp: bool
    ) -> Answered:
        exchange = self.fabric.exchange(self.source, packet, self.dice, self.now, self.flow)
        self.steps += exchange.steps
        match exchange.verdict:
            case Verdict.ANSWERED if exchange.listener == COREDNS and exchange.server_host:
                server = self.names.on(exchange.server_host)
                return server.answer(question, edns=edns, tcp=tcp, now=self.now, dice=self.dice)
            case Verdict.ANSWERED if exchange.listener == RESOLVER:
                return self.names.upstream(question).with_edns(edns)
            case Verdict.REFUSED:
                return Unanswered.REFUSED
            case Verdict.ERROR:
                return Unanswered.UNREACHABLE
            case _:
                return Unanswered.TIMED_OUT

    def look_up(
        self,
        typed: str,
        conf: ResolvConf,
        hosts: HostsFile,
        library: str = "glibc",
        types: tuple[str, ...] = ("A", "AAAA"),
    ) -> Resolution:
        """getaddrinfo from this host, with its Lookup and Resolved steps around the packets."""
        before, first_flow = self.questions_asked, self.flow + 1
        walk = resolve(typed, conf, hosts, library, types)
        candidates = candidates_of(typed, conf, library)
        self.steps.append(Lookup(first_flow, self.source, None, typed, candidates, library))
        answers: list[Answered] | None = None
        while True:
            try:
                questions = next(walk) if answers is None else walk.send(answers)
            except StopIteration as end:
                resolution: Resolution = end.value
                break
            answers = self._from_any_server(questions, conf, library, candidates)
        self.steps.append(
            Resolved(
                first_flow,
                self.source,
                None,
                typed,
                next(iter(resolution.addresses), None),
                Outcome(resolution.code.value),
                self.questions_asked - before,
            )
        )
        return resolution

    def _from_any_server(
        self, questions: list[Question], conf: ResolvConf, library: str, candidates: tuple[str, ...]
    ) -> list[Answered]:
        """One server after another until one gives an answer that counts, `attempts` times over.

        musl asks all servers at once, so one round of messages is all that it needs.
        """
        rung = candidates.index(questions[0].name) if questions[0].name in candidates else 0
        best: list[Answered] = [None for _ in questions]
        for _ in range(conf.attempts):
            for server in conf.servers:
                answers = self.ask(server, questions, rung=rung)
                best = [
                    new if _is_usable(new) or old is None else old
                    for old, new in zip(best, answers, strict=True)
                ]
                if all(_is_usable(answer) for answer in best):
                    return best
            if library == "musl" and all(isinstance(answer, Message) for answer in best):
                return best
        return best


def _is_usable(answer: Answered) -> bool:
    """Whether a resolver takes this for an answer instead of asking somebody else."""
    return isinstance(answer, Message) and answer.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)


def _answer_step(flow: int, host: str, reply: Message, rung: int) -> Step:
    records = tuple((r.name, r.ttl, r.type, r.data) for r in reply.answer)
    question = reply.question
    return Answer(flow, host, None, question.name, question.type, reply.rcode.value, records, reply.aa, rung)
