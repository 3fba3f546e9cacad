"""One exchange under way: a request goes out, the answer comes back, and every step on the way is kept.

Source: the behaviour of sockets (connect, sendto) on Linux 6.18; recordings of real connections in
tests/recordings.
"""

from collections import Counter
from typing import TYPE_CHECKING, Any

from svclab.linux.exchange import Ending
from svclab.linux.host import Delivered, Died, Fate, Host, Transmit
from svclab.linux.iptables.traverse_log import Log
from svclab.linux.packet import Kind, Protocol
from svclab.linux.skb import Key, Wire, address_text, reversed_key
from svclab.linux.trace import Conntrack, Death, Deliver, Emit, Hop, Outcome, Verdict

if TYPE_CHECKING:
    from svclab.linux.fabric import Fabric

ANSWER_KIND = {Protocol.TCP: Kind.SYN_ACK, Protocol.UDP: Kind.DATAGRAM, Protocol.SCTP: Kind.INIT_ACK,
               Protocol.ICMP: Kind.ECHO_REPLY}  # fmt: skip
# ICMP errors that a connecting socket reports as "No route to host", and those that it does not take as its
# end: UDP the passing ones, SCTP all (it remembers them for the day when it gives up).
NO_ROUTE_TO_HOST = (Kind.HOST_UNREACHABLE, Kind.TIME_EXCEEDED, Kind.ADMIN_PROHIBITED)
IGNORED = {
    Protocol.UDP: (Kind.HOST_UNREACHABLE, Kind.TIME_EXCEEDED),
    Protocol.SCTP: (Kind.PORT_UNREACHABLE, *NO_ROUTE_TO_HOST),
}
CIRCLES = 2  # a packet that passes a host more often than this is going in circles


class Run:
    """See the module. The outcome is in `ending` once it is over, what happened in `log`."""

    def __init__(self, fabric: "Fabric", source: str, wire: Wire, chance: Any, now: float) -> None:
        self.fabric = fabric
        self.client = fabric.host(source)
        self.wire = wire
        self.chance = chance
        self.now = now
        self.log: Log = []
        self.ending = Ending(Outcome.OK, Verdict.TIMEOUT)
        self.touched: set[str] = set()
        self.forced: list[tuple[Host, int]] = []

    def force(self, via: str) -> None:
        """Make every host that has to choose a next hop for the destination (the router) take this one."""
        address = int(self.fabric.via[via])
        destination = self.wire[1][3]
        for host in self.fabric.hosts.values():
            route = host.routing.lookup(destination) if host.forwards else None
            if route and (route.among or route.blackhole):
                towards = host.routing.lookup(address)
                if towards and towards.via is None and not towards.blackhole:
                    host.forced_next_hop[destination] = (towards.interface, address)
                    self.forced.append((host, destination))

    def clean_up(self) -> None:
        for host, destination in self.forced:
            host.forced_next_hop.pop(destination, None)
        for name in self.touched:
            self.fabric.hosts[name].paths.clear()

    # -- the course of a connection ------------------------------------------------------------------------

    def connect(self) -> None:
        original = self.wire[1]
        fate, where = self.travel(self.client, self.wire, reply=False)
        if isinstance(fate, Died):
            self.died_on_the_way(fate, where, original)
            return
        server, arrived = where, fate.wire
        listener = server.listener(arrived[1][0], arrived[1][4])
        if arrived[2] is Kind.ECHO_REQUEST:
            listener = "kernel"
        if listener is None:
            self.nobody_listens(server, arrived, original)
            return
        self.log.append((Deliver, server.name, arrived, listener, False))
        answer = (arrived[0], reversed_key(arrived[1]), ANSWER_KIND[arrived[1][0]], None, 64)
        if not self.answer_arrives(server, answer, original):
            return
        if original[0] in (Protocol.TCP, Protocol.SCTP) and not self.request_and_response(
            server, arrived, original
        ):
            return
        self.answered(server, arrived, listener)

    def answered(self, server: Host, arrived: Wire, listener: str) -> None:
        version, (_, source, _, destination, port), *_ = arrived
        endpoint, seen = _endpoint(version, destination, port), address_text(version, source)
        self.ending = Ending(Outcome.OK, Verdict.ANSWERED, endpoint, listener, server.name, seen)
        self.close()

    def died_on_the_way(self, fate: Died, where: Host, original: Key) -> None:
        """The request died. A system call notices its own host's refusal; others learn by an ICMP error, or
        never.
        """
        if fate.in_output and original[0] in (Protocol.UDP, Protocol.ICMP):
            self.end(Outcome.DENIED, Verdict.ERROR)
            return
        if fate.code is Outcome.UNREACHABLE and where is self.client:
            # That no neighbour answers is found out later; a datagram's sender is not told of it then.
            heard = fate.where != "link" or Kind.HOST_UNREACHABLE not in IGNORED.get(original[0], ())
            self.end(Outcome.UNREACHABLE, Verdict.ERROR if heard else Verdict.TIMEOUT)
            return
        if fate.answer is None:
            self.end(fate.code, Verdict.TIMEOUT)
            return
        told = self.told(where, fate.answer, original)
        kind = fate.answer[2]
        if not told or kind in IGNORED.get(original[0], ()):
            self.end(fate.code, Verdict.TIMEOUT)
        elif kind in NO_ROUTE_TO_HOST:
            self.end(fate.code, Verdict.ERROR)
        else:
            self.end(fate.code, Verdict.REFUSED)

    def nobody_listens(self, server: Host, arrived: Wire, original: Key) -> None:
        port, protocol = arrived[1][4], arrived[1][0]
        why = f"nothing listens on {protocol.value} port {port} here"
        self.log.append((Death, server.name, arrived, Outcome.RESET, "socket", why))
        refusal = server.refusal(arrived)
        if refusal and self.told(server, refusal, original):
            self.end(Outcome.RESET, Verdict.REFUSED)
        else:
            self.end(Outcome.ASYMMETRIC, Verdict.TIMEOUT)

    def told(self, by: Host, answer: Wire, original: Key) -> bool:
        """Whether a refusal finds its way to the client's socket."""
        fate, where = self.travel(by, answer, reply=True)
        if isinstance(fate, Died) or where is not self.client:
            return False
        _, key, kind, about, _ = fate.wire
        fits = about == original if kind.is_error else key == reversed_key(original)
        if fits:
            self.log.append((Deliver, where.name, fate.wire, "client", True))
        else:
            self.stray(where, fate.wire)
        return fits

    def answer_arrives(self, server: Host, answer: Wire, original: Key) -> bool:
        """Bring an answer to the client's socket; ends the exchange and says False where it does not get
        there.
        """
        fate, where = self.travel(server, answer, reply=True)
        if isinstance(fate, Died):
            self.end(Outcome.ASYMMETRIC if fate.code is Outcome.UNROUTED else fate.code, Verdict.TIMEOUT)
            return False
        if where is not self.client or not _is_heard(fate.wire[1], original):
            self.stray(where, fate.wire)
            self.end(Outcome.ASYMMETRIC, Verdict.TIMEOUT)
            return False
        self.log.append((Deliver, where.name, fate.wire, "client", True))
        return True

    def stray(self, where: Host, wire: Wire) -> None:
        version, (_, source, port, *_), *_ = wire
        why = f"an answer from {_endpoint(version, source, port)}, but no socket here asked that address"
        self.log.append((Death, where.name, wire, Outcome.ASYMMETRIC, "socket", why))

    def request_and_response(self, server: Host, arrived: Wire, original: Key) -> bool:
        """The second packet: it must reach the same socket, although no nat rule is asked any more."""
        data = (arrived[0], original, Kind.DATA, None, 64)
        fate, where = self.travel(self.client, data, reply=False)
        if isinstance(fate, Died):
            self.end(fate.code, Verdict.TIMEOUT)
            return False
        if where is not server or fate.wire[1] != arrived[1]:
            why = "belongs to a connection that this host does not know"
            self.log.append((Death, where.name, fate.wire, Outcome.ASYMMETRIC, "socket", why))
            self.end(Outcome.ASYMMETRIC, Verdict.TIMEOUT)
            return False
        listener = server.listener(arrived[1][0], arrived[1][4]) or ""
        self.log.append((Deliver, server.name, fate.wire, listener, False))
        response = (arrived[0], reversed_key(arrived[1]), Kind.DATA, None, 64)
        return self.answer_arrives(server, response, original)

    def close(self) -> None:
        """Both ends close the connection: the tables along the way keep it for a while (TIME_WAIT)."""
        if self.wire[1][0] is not Protocol.TCP:
            return
        for entry in self.log:
            if entry[0] is Conntrack:
                _, name, _, _, original, *_ = entry
                self.fabric.hosts[name].state.conntrack.close(original, self.now)

    def end(self, code: Outcome, verdict: Verdict) -> None:
        self.ending = Ending(code, verdict)

    # -- the way of one packet -----------------------------------------------------------------------------

    def travel(self, host: Host, wire: Wire, *, reply: bool) -> tuple[Delivered | Died, Host]:
        """From the host that makes the packet to where it is delivered or dies."""
        log = self.log
        log.append((Emit, host.name, wire, reply))
        self.touched.add(host.name)
        fate: Fate = host.send(wire, self.now, self.chance, log)
        passed: Counter[tuple[str, int, int]] = Counter()
        while True:
            if isinstance(fate, Delivered):
                return fate, host
            if isinstance(fate, Died):
                log.append((Death, host.name, fate.wire, fate.code, fate.where, fate.why))
                return fate, host
            # Between the same addresses: on its way round, NAT may give it another port each time.
            form = host.name, fate.wire[1][1], fate.wire[1][3]
            passed[form] += 1
            if passed[form] > CIRCLES:
                fate = host.going_in_circles(fate.wire)
                continue
            fate, host = self.cross(host, fate, reply)

    def cross(self, host: Host, fate: Transmit, reply: bool) -> tuple[Fate, Host]:
        """Over one link to the next host."""
        neighbour = self.fabric.next_to(host.name, fate.interface, fate.next_hop)
        if neighbour is None:
            return host.unreachable_neighbour(fate.wire, fate.next_hop), host
        name, interface = neighbour
        self.log.append((Hop, name, fate.wire, host.name, interface, reply))
        self.touched.add(name)
        there = self.fabric.hosts[name]
        return there.receive(fate.wire, interface, self.now, self.chance, self.log), there


def _is_heard(answer: Key, original: Key) -> bool:
    """Whether the socket that sent a packet takes this answer: a ping's takes an echo reply from whomever it
    comes.
    """
    asked = reversed_key(original)
    return answer == asked or (answer[0] is Protocol.ICMP and answer[3:] == asked[3:])


def _endpoint(version: int, address: int, port: int) -> str:
    text = address_text(version, address)
    return f"[{text}]:{port}" if version == 6 else f"{text}:{port}"
