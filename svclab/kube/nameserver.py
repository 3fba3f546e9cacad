"""Names asked over the simulated network: each question is a packet to a name server, and only what arrives
there is answered.

The A and AAAA questions of one step leave one socket and are one flow: conntrack sends both to the same
CoreDNS pod. Questions to resolvers outside the cluster are packets too; the simulated internet answers them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address

from svclab.dns.hosts import HostsFile
from svclab.dns.message import Answered, Edns, Message, Question, Unanswered
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.resolver import Resolution, candidates_of, resolve
from svclab.dns.servers import ASKING, Asking, Wait
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
from svclab.linux.exchange import Exchange
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
    """A host that asks names: the network it asks through, and the trace's parts and flows so far.

    `flow` is the number of the last flow; the next question's flow gets the next one. `waited` is for how
    long look-ups have waited in vain.
    """

    fabric: Fabric
    names: NameServers
    source: str
    dice: Dice
    now: datetime
    flow: int = 0
    parts: list[Step | Exchange] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    questions_asked: int = 0
    waited: timedelta = timedelta(0)

    def ask(
        self,
        server: str,
        questions: Sequence[Question],
        *,
        rung: int = 0,
        edns: Edns | None = None,
        tcp: bool = False,
    ) -> list[Answered]:
        """Send questions from a socket of their own, and give what came back for each."""
        socket = self.socket(server, questions[0].name, tcp=tcp)
        return self.put(socket, questions, rung, edns)

    def socket(self, server: str, label: str, *, tcp: bool = False, port: int = DNS_PORT) -> "Socket":
        """A new socket for questions to one server: a flow of its own, labelled with the first of them."""
        self.flow += 1
        protocol = Protocol.TCP if tcp else Protocol.UDP
        self.flows.append(Flow(self.flow, protocol.value, "dns", label))
        return Socket(server, self.flow, self._packet(server, port, protocol), tcp)

    def _packet(self, server: str, port: int, protocol: Protocol) -> Packet | None:
        try:
            return self.fabric.first_packet(self.source, ip_address(server), port, protocol, self.dice)
        except NoAddress:
            return None

    def put(
        self, socket: "Socket", questions: Sequence[Question], rung: int = 0, edns: Edns | None = None
    ) -> list[Answered]:
        """Send questions out of a socket, at once, and give what came back for each."""
        now, count = self.now + self.waited, len(questions)
        exchanges: Sequence[Exchange | None] = [None] * count
        if socket.packet is not None:
            exchanges = self.fabric.exchanges(
                self.source, socket.packet, self.dice, now, socket.flow, times=count
            )
        return [
            self._one(socket, question, exchange, rung, edns)
            for question, exchange in zip(questions, exchanges, strict=True)
        ]

    def _one(
        self, socket: "Socket", question: Question, exchange: Exchange | None, rung: int, edns: Edns | None
    ) -> Answered:
        """One question's steps and what came back; without an exchange there is no way to the server."""
        self.questions_asked += 1
        name, type_, flow = question.name, question.type, socket.flow
        self.parts.append(Query(flow, self.source, socket.packet, name, type_, socket.server, rung))
        reply: Answered = Unanswered.UNREACHABLE
        if exchange is not None:
            self.parts.append(exchange)
            reply = self._reply(exchange, socket, question, edns)
        if isinstance(reply, Message):
            self.parts.append(_answer_step(flow, self.source, reply, rung))
        return reply

    def _reply(self, exchange: Exchange, socket: "Socket", question: Question, edns: Edns | None) -> Answered:
        """What a name server says to what has reached it."""
        now = self.now + self.waited
        match exchange.verdict:
            case Verdict.ANSWERED if exchange.listener == COREDNS and exchange.server_host:
                server = self.names.on(exchange.server_host)
                return server.answer(question, edns=edns, tcp=socket.tcp, now=now, dice=self.dice)
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
        self.parts.append(Lookup(first_flow, self.source, None, typed, candidates, library))
        answers: list[Answered] | None = None
        while True:
            try:
                questions = next(walk) if answers is None else walk.send(answers)
            except StopIteration as end:
                resolution: Resolution = end.value
                break
            rung = candidates.index(questions[0].name) if questions[0].name in candidates else 0
            answers = self._answers(ASKING[library](questions, conf), rung)
        self.parts.append(
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

    def _answers(self, asking: Asking, rung: int) -> list[Answered]:
        """One step's answers. Until then the library keeps a socket for each server: a question that it asks
        again meets the same conntrack entry.
        """
        sockets: dict[tuple[str, bool], Socket] = {}
        answers: list[Answered] | None = None
        while True:
            try:
                act = next(asking) if answers is None else asking.send(answers)
            except StopIteration as end:
                return end.value
            if isinstance(act, Wait):
                self.waited += timedelta(seconds=act.seconds)
                answers = None
                continue
            key = (act.server, act.tcp)
            if key not in sockets:
                sockets[key] = self.socket(act.server, act.questions[0].name, tcp=act.tcp)
            answers = self.put(sockets[key], act.questions, rung)


@dataclass(frozen=True, slots=True)
class Socket:
    """A client's end: the server it asks, the flow's number, its packet (None: there is no way), and TCP or
    UDP.
    """

    server: str
    flow: int
    packet: Packet | None
    tcp: bool


def _answer_step(flow: int, host: str, reply: Message, rung: int) -> Step:
    records = tuple((r.name, r.ttl, r.type, r.data) for r in reply.answer)
    question = reply.question
    return Answer(flow, host, None, question.name, question.type, reply.rcode.value, records, reply.aa, rung)
