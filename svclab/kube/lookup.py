"""Names on the wire: each question of a program's resolver is a UDP packet through the cluster.

The resolvers are in `svclab.dns`, the answers in `svclab.kube.coredns`; here they meet on the way. A broken
kube-dns Service or a missing CoreDNS pod therefore breaks names as it does in a real cluster.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address

from svclab.dns.hosts import HostsFile
from svclab.dns.message import Answered, Edns, Message, Question, Unanswered
from svclab.dns.resolvconf import ResolvConf
from svclab.dns.resolver import Finding, Resolution, candidates_of, resolve
from svclab.kube.poddns import c_library, hosts_file, resolv_conf
from svclab.kube.snapshot import Manifest
from svclab.kube.world import World
from svclab.linux.dice import Dice
from svclab.linux.fabric import EPHEMERAL_PORTS, Exchange, NoAddress
from svclab.linux.packet import Protocol
from svclab.linux.trace import Answer, Flow, Lookup, Outcome, Query, Resolved, Step, Verdict

DNS_PORT = 53
CLIENT_RESOLV_CONF = ResolvConf(nameservers=("192.0.2.53",))
CLIENT_HOSTS = HostsFile.parse("127.0.0.1\tlocalhost\n")


@dataclass(slots=True)
class Story:
    """The flows and steps of a trace while it is being told. Flows count from 1."""

    flows: list[Flow] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def begin(self, protocol: Protocol, purpose: str, label: str) -> int:
        """A new flow's number."""
        number = len(self.flows) + 1
        self.flows.append(Flow(number, protocol.value, purpose, label))
        return number


@dataclass(frozen=True, slots=True)
class LookedUp:
    """How a look-up ended, and how long it took with all its waiting."""

    resolution: Resolution
    duration: timedelta


def pod_of(world: World, source: str) -> Manifest | None:
    """The Pod object behind a host name `pod/NAMESPACE/NAME`, None for other hosts."""
    kind, _, rest = source.partition("/")
    namespace, _, name = rest.partition("/")
    return world.snapshot.get("Pod", namespace, name) if kind == "pod" else None


def resolver_of(world: World, source: str) -> str:
    """The C library that programs of this host use: by the image of a pod's first container, else glibc."""
    pod = pod_of(world, source)
    return c_library(pod["spec"]["containers"][0].get("image", "")) if pod else "glibc"


def resolver_files(world: World, source: str) -> tuple[ResolvConf, HostsFile]:
    """/etc/resolv.conf and /etc/hosts of a pod, a node, or a machine outside."""
    pod = pod_of(world, source)
    if pod:
        return resolv_conf(pod, world.kubelet), hosts_file(pod, world.kubelet)
    if source.startswith("node/"):
        return world.kubelet.node_resolv_conf, HostsFile.parse(world.kubelet.node_hosts)
    return CLIENT_RESOLV_CONF, CLIENT_HOSTS


def look_up(
    world: World, source: str, typed: str, dice: Dice, now: datetime, story: Story, library: str
) -> LookedUp:
    """getaddrinfo for a typed name on `source`, told into `story`. `library` as in `svclab.dns.resolver`."""
    conf, hosts = resolver_files(world, source)
    candidates = candidates_of(typed, conf, library)
    started, asked = now, 0
    walk = resolve(typed, conf, hosts, library)
    begun = False
    try:
        questions = next(walk)
        while True:
            flow = story.begin(Protocol.UDP, "dns", questions[0].name)
            if not begun:
                story.steps.append(Lookup(flow, source, None, typed, candidates, library))
                begun = True
            answers: list[Answered] = []
            port = _port(dice)
            for question in questions:
                rung = candidates.index(question.name) if question.name in candidates else 0
                answer, now = _ask_all(world, source, conf, question, dice, now, story, flow, port, rung)
                answers.append(answer)
                asked += 1
            questions = walk.send(answers)
    except StopIteration as end:
        resolution: Resolution = end.value
    flow = len(story.flows)
    if resolution.source == "hosts":
        flow = story.begin(Protocol.UDP, "dns", typed)
        story.steps.append(Lookup(flow, source, None, typed, (typed,), "hosts"))
    if resolution.source != "literal":
        address = _first_ipv4(resolution)
        code = (
            Outcome(resolution.code.value) if address or resolution.code is not Finding.OK else Outcome.NODATA
        )
        story.steps.append(Resolved(flow, source, None, typed, address, code, asked))
    return LookedUp(resolution, now - started)


def _first_ipv4(resolution: Resolution) -> str | None:
    return next((address for address in resolution.addresses if ":" not in address), None)


def _port(dice: Dice) -> int:
    low, high = EPHEMERAL_PORTS
    return low + dice.integer(high - low + 1)


def _ask_all(
    world: World,
    source: str,
    conf: ResolvConf,
    question: Question,
    dice: Dice,
    now: datetime,
    story: Story,
    flow: int,
    port: int,
    rung: int,
) -> tuple[Answered, datetime]:
    """One question to the servers in order, as often as resolv.conf says; the answer and the time it
    then is.
    """
    answer: Answered = None
    for _ in range(conf.attempts):
        for server in conf.servers:
            answer = ask(world, source, server, question, dice, now, story, flow, port, rung=rung)
            if isinstance(answer, Message):
                return answer, now
            if answer is not Unanswered.REFUSED:
                now += timedelta(seconds=conf.timeout_seconds)
    return answer, now


def ask(
    world: World,
    source: str,
    server: str,
    question: Question,
    dice: Dice,
    now: datetime,
    story: Story,
    flow: int,
    source_port: int | None = None,
    *,
    protocol: Protocol = Protocol.UDP,
    port: int = DNS_PORT,
    edns: Edns | None = None,
    rung: int = 0,
) -> Answered:
    """One question to one server, through the fabric. What dig and nslookup send; `look_up` uses it too."""
    story.steps.append(Query(flow, source, None, question.name, question.type, server, rung))
    exchange = _carry(world, source, server, port, protocol, dice, now, flow, source_port)
    if exchange is None:
        return Unanswered.UNREACHABLE
    story.steps.extend(exchange.steps)
    if exchange.verdict is not Verdict.ANSWERED:
        return _silence(exchange)
    message = world.name_server(exchange.listener or "", question, edns, protocol is Protocol.TCP, now, dice)
    if message is None:
        return Unanswered.TIMED_OUT
    records = tuple((r.name, r.ttl, r.type, r.data) for r in message.answer)
    story.steps.append(
        Answer(
            flow, source, None, question.name, question.type, message.rcode.value, records, message.aa, rung
        )
    )
    return message


def _carry(
    world: World,
    source: str,
    server: str,
    port: int,
    protocol: Protocol,
    dice: Dice,
    now: datetime,
    flow: int,
    source_port: int | None,
) -> Exchange | None:
    address = ip_address(server)
    if address.version == 6:
        return None
    try:
        packet = world.fabric.first_packet(source, address, port, protocol, dice, source_port)
    except NoAddress:
        return None
    return world.fabric.exchange(source, packet, dice, now, flow)


def _silence(exchange: Exchange) -> Unanswered:
    if exchange.verdict is Verdict.REFUSED:
        return Unanswered.REFUSED
    return Unanswered.UNREACHABLE if exchange.verdict is Verdict.ERROR else Unanswered.TIMED_OUT
