"""One host's network stack: hooks, conntrack, NAT and routing in the order in which a packet meets them.

  made here:   OUTPUT (conntrack, nat, filter) -> POSTROUTING (nat) -> a link, or over loopback to INPUT
  received:    PREROUTING (conntrack, nat) -> routing -> INPUT -> a socket, or FORWARD -> POSTROUTING -> a
  link

Source: Linux 6.18 net/ipv4/ip_{input,forward,output}.c.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from svclab.linux import ipvs, nat
from svclab.linux.ipset import IpSet
from svclab.linux.iptables.rules import Table
from svclab.linux.iptables.targets import Dnat, Drop, Masquerade, NatTarget, Redirect, Reject, Target
from svclab.linux.iptables.traverse_log import Log
from svclab.linux.ipvs import Balancer
from svclab.linux.netfilter import (
    CONNTRACK_PRIORITY,
    FORWARD,
    INPUT,
    NAT_PRIORITIES,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    BaseChain,
    Hooks,
    iptables_base_chains,
)
from svclab.linux.packet import Kind, Protocol
from svclab.linux.routing import HostRoute, Interface, Routing
from svclab.linux.skb import Key, Skb, Wire, address_text, reversed_key
from svclab.linux.state import HostState
from svclab.linux.trace import Conntrack as ConntrackStep
from svclab.linux.trace import Nat as NatStep
from svclab.linux.trace import Outcome
from svclab.linux.trace import Route as RouteStep

WALK = "walk"  # log entry: (WALK, host name, wire, table, hook, Looked)
CHOSEN = "chosen"  # log entry: (CHOSEN, host name, wire, hook, ipvs.Choice)
Listeners = Mapping[tuple[Protocol, int | None], str]


@dataclass(frozen=True, slots=True)
class Transmit:
    """The packet leaves by `interface` for `next_hop`."""

    wire: Wire
    interface: str
    next_hop: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """The packet is for a socket of this host."""

    wire: Wire


@dataclass(frozen=True, slots=True)
class Died:
    """The packet ends here. `answer` is what this host sends back about it; `in_output`: the sender's own
    hooks refused it, which the sending system call notices."""

    wire: Wire
    code: Outcome
    where: str
    why: str
    answer: Wire | None = None
    in_output: bool = False


Fate = Transmit | Delivered | Died


class Host:
    """See the module. Without rules (`tables`, `chains` empty) it keeps no connection table, like a plain
    pod.
    """

    def __init__(
        self,
        name: str,
        interfaces: Iterable[Interface],
        routes: Iterable[HostRoute] = (),
        *,
        forwards: bool = False,
        route_localnet: bool = False,
        listeners: Listeners | None = None,
        tables: Mapping[str, Table] | None = None,
        chains: Iterable[BaseChain] = (),
        ipsets: Iterable[IpSet] = (),
        balancer: Balancer | None = None,
        version: int = 4,
    ) -> None:
        self.name = name
        self.routing = Routing(interfaces, routes, version)
        self.forwards = forwards
        self.route_localnet = route_localnet
        self.listeners = dict(listeners or {})
        self.ipsets = {each.name: each for each in ipsets}
        self.balancer = balancer
        self.state = HostState()
        self.paths: dict[Key, int] = {}  # the next hop that each flow was given where several are equal
        self.forced_next_hop: dict[int, tuple[str, int]] = {}  # destination -> interface, next hop
        self.tables: Mapping[str, Table] = {}
        self.load(tables or {}, chains)

    def load(self, tables: Mapping[str, Table], chains: Iterable[BaseChain] = ()) -> None:
        """Replace all rules."""
        self.tables = dict(tables)
        self.hooks = Hooks([*iptables_base_chains(tables), *chains])

    def state_text(self, now: datetime) -> str:
        """What this host remembers at `now`, in JSON; "" for nothing."""
        return self.state.as_text(now.timestamp(), self.routing.version)

    def latest_text(self, now: datetime) -> str:
        """The same, of connections only those that have changed since the whole was stored."""
        return self.state.latest_text(now.timestamp(), self.routing.version)

    def load_state(
        self, document: dict[str, Any], now: datetime, latest: dict[str, Any] | None = None
    ) -> None:
        """Remember what `state_text` and later `latest_text` gave, as values, without what has expired."""
        self.state = HostState.from_json(document, now.timestamp())
        if latest:
            self.state.take_in(latest, now.timestamp())

    def address_type(self, address: int) -> str:
        """The kernel's type of an address as this host sees it (`LOCAL` for its own)."""
        return self.routing.address_type(address)

    def in_ipset(self, name: str, skb: Skb, directions: tuple[str, ...]) -> bool:
        """Whether the packet is a member of an ipset; never of one that is not there."""
        return name in self.ipsets and self.ipsets[name].has(skb, directions)

    def listener(self, protocol: Protocol, port: int) -> str | None:
        """The program that listens there; a listener under port None takes every port."""
        return self.listeners.get((protocol, port)) or self.listeners.get((protocol, None))

    # -- the ways of a packet ------------------------------------------------------------------------------

    def send(self, wire: Wire, now: float, chance: Any, log: Log) -> Fate:
        """A socket or the kernel of this host sends a packet."""
        skb = Skb(wire, self, now, chance)
        fate = self._route_out(skb, log)
        if isinstance(fate, Died):
            return fate
        interface, next_hop = fate
        if self.hooks.is_empty:
            return Delivered(skb.wire) if interface == "lo" else Transmit(skb.wire, interface, next_hop)
        skb.out_interface = interface
        before = (skb.destination, skb.mark)
        died = self._hook(OUTPUT, skb, log)
        if died:
            return died
        if before != (skb.destination, skb.mark):
            fate = self._route_out(skb, log)
            if isinstance(fate, Died):
                return fate
            interface, next_hop = fate
            skb.out_interface = interface
        return self._leave(skb, interface, next_hop, log)

    def receive(self, wire: Wire, interface: str, now: float, chance: Any, log: Log) -> Fate:
        """A packet arrives over a link."""
        skb = Skb(wire, self, now, chance)
        skb.in_interface = interface
        return self._arrive(skb, log)

    def _arrive(self, skb: Skb, log: Log) -> Fate:
        if not self.hooks.is_empty:
            died = self._hook(PREROUTING, skb, log)
            if died:
                return died
        if skb.in_interface != "lo" and self._is_martian(skb.source):
            address = address_text(skb.version, skb.source)
            why = f"it claims to come from {address}, which is an address of this host (martian source)"
            return self._die(skb, Outcome.DROPPED, "routing", why)
        if self.routing.is_local(skb.destination):
            return self._deliver(skb, log)
        if not self.forwards:
            return self._die(skb, Outcome.UNROUTED, "routing", "this host does not forward packets of others")
        skb.ttl -= 1
        fate = self._route_out(skb, log)
        if isinstance(fate, Died):
            return fate
        interface, next_hop = fate
        skb.out_interface = interface
        died = None if self.hooks.is_empty else self._hook(FORWARD, skb, log)
        return died or self._leave(skb, interface, next_hop, log)

    def _is_martian(self, source: int) -> bool:
        """A source that no other host can have: one of this host's own, or loopback unless that is routed."""
        return source in self.routing.local or (
            self.routing.version == 4 and source >> 24 == 127 and not self.route_localnet
        )

    def _deliver(self, skb: Skb, log: Log) -> Fate:
        if (
            skb.version == 4
            and skb.destination >> 24 == 127
            and skb.in_interface != "lo"
            and not self.route_localnet
        ):
            return self._die(
                skb, Outcome.DROPPED, "routing", "a loopback address came in over a link (martian)"
            )
        log.append((RouteStep, self.name, skb.wire, True, "lo", None, None))
        if not self.hooks.is_empty:
            died = self._hook(INPUT, skb, log)
            if died:
                return died
            if not self.routing.is_local(skb.destination):
                return self._send_on(skb, log)
            self.state.conntrack.confirm(skb)
        return Delivered(skb.wire)

    def _send_on(self, skb: Skb, log: Log) -> Fate:
        """ipvs gave a packet that had come to INPUT a real server elsewhere: it leaves as if made here."""
        fate = self._route_out(skb, log)
        if isinstance(fate, Died):
            return fate
        interface, next_hop = fate
        skb.out_interface = interface
        return self._hook(OUTPUT, skb, log) or self._leave(skb, interface, next_hop, log)

    def _leave(self, skb: Skb, interface: str, next_hop: int, log: Log) -> Fate:
        if not self.hooks.is_empty:
            died = self._hook(POSTROUTING, skb, log)
            if died:
                return died
            self.state.conntrack.confirm(skb)
        if interface != "lo":
            return Transmit(skb.wire, interface, next_hop)
        skb.in_interface, skb.out_interface = "lo", ""
        return self._arrive(skb, log)

    # -- routing -------------------------------------------------------------------------------------------

    def _route_out(self, skb: Skb, log: Log) -> tuple[str, int] | Died:
        """Interface and next hop for a packet that is made here or passes through."""
        destination = skb.destination
        if self.routing.is_local(destination):
            log.append((RouteStep, self.name, skb.wire, True, "lo", None, None))
            return "lo", destination
        route = self.routing.lookup(destination)
        if route is None or (route.blackhole and destination not in self.forced_next_hop):
            return self._no_route(skb, log, swallowed=route is not None)
        if skb.version == 4 and skb.source >> 24 == 127 and not self.route_localnet:
            return self._die(skb, Outcome.DROPPED, "routing", "a loopback source must not leave the host")
        if destination in self.forced_next_hop:
            interface, next_hop = self.forced_next_hop[destination]
            why: Any = "handed to the node that was asked for"
        else:
            next_hop, why = self._next_hop(skb, route), route
            interface = self._link_to(next_hop) if route.among else route.interface
        log.append((RouteStep, self.name, skb.wire, False, interface, next_hop, why))
        return interface, next_hop

    def _next_hop(self, skb: Skb, route: HostRoute) -> int:
        if not route.among:
            return skb.destination if route.via is None else route.via
        key = skb.key
        if key not in self.paths:
            self.paths[key] = route.among[skb.chance.one_of(len(route.among))]
        return self.paths[key]

    def _link_to(self, neighbour: int) -> str:
        """The interface behind which a next hop is."""
        route = self.routing.lookup(neighbour)
        return route.interface if route else ""

    def _no_route(self, skb: Skb, log: Log, *, swallowed: bool) -> Died:
        address = address_text(skb.version, skb.destination)
        if swallowed:
            return self._die(skb, Outcome.UNROUTED, "routing", f"nobody here knows a way to {address}")
        why = f"no route to {address}"
        if not skb.in_interface:
            return self._die(skb, Outcome.UNREACHABLE, "routing", why)
        return self._die(skb, Outcome.UNREACHABLE, "routing", why, self._error(skb, Kind.HOST_UNREACHABLE))

    def unreachable_neighbour(self, wire: Wire, next_hop: int) -> Died:
        """Nobody on the link answers for `next_hop`: the kernel gives up and tells the sender."""
        why = f"nobody on the link answers for {address_text(wire[0], next_hop)}"
        key = wire[1]
        if self.routing.is_local(key[1]):
            return Died(wire, Outcome.UNREACHABLE, "link", why)
        return Died(wire, Outcome.UNREACHABLE, "link", why, self._error_about(wire, Kind.HOST_UNREACHABLE))

    def going_in_circles(self, wire: Wire) -> Died:
        """The packet comes by here again and again; its TTL runs out, and its sender is told."""
        why = "it goes in circles until its TTL is used up"
        return Died(wire, Outcome.UNROUTED, "routing", why, self._error_about(wire, Kind.TIME_EXCEEDED))

    # -- netfilter -----------------------------------------------------------------------------------------

    def _hook(self, hook: str, skb: Skb, log: Log) -> Died | None:
        """All base chains of a hook by priority, conntrack and nat at their places."""
        tracks = hook in (PREROUTING, OUTPUT)
        nat_at = NAT_PRIORITIES.get(hook)
        for chain in self.hooks.chains[hook]:
            if tracks and chain.priority > CONNTRACK_PRIORITY:
                self._track(skb, log)
                tracks = False
            if nat_at is not None and chain.priority > nat_at:
                self._nat(hook, skb, log)
                nat_at = None
                died = self._balance(hook, skb, log) if hook == OUTPUT and self.balancer else None
                if died:
                    return died
            target = self._walk(chain, skb, log)
            if isinstance(target, Drop | Reject):
                return self._refused(hook, chain, target, skb)
        if tracks:
            self._track(skb, log)
        if hook == INPUT and self.balancer:
            died = self._balance(hook, skb, log)
            if died or not self.routing.is_local(skb.destination):
                return died
        if nat_at is not None:
            self._nat(hook, skb, log)
            if hook == OUTPUT and self.balancer:
                return self._balance(hook, skb, log)
        elif hook == FORWARD and self.balancer:
            return self._balance(hook, skb, log)
        return None

    def _balance(self, hook: str, skb: Skb, log: Log) -> Died | None:
        """ipvs: a new connection to a virtual server gets a real one, later packets follow, answers
        are undone.
        """
        assert self.balancer
        entry, before = skb.entry, skb.wire
        if entry is None or skb.balanced:
            return None
        if entry.ipvs and skb.reply:
            ipvs.undo(skb)
            log.append((NatStep, self.name, skb.wire, "un-DNAT", before, "ipvs"))
            return None
        server = self.balancer.server_for(skb)
        if hook == FORWARD or skb.reply or (server is None and not entry.ipvs):
            return None
        if entry.ipvs:
            ipvs.follow(skb)
        else:
            assert server
            choice = self.balancer.schedule(server, skb)
            log.append((CHOSEN, self.name, skb.wire, hook, choice))
            real = choice.real
            if real is None:
                where, why = f"ipvs {hook}", choice.why
                answer = self._error(skb, Kind.PORT_UNREACHABLE)
                own = hook == OUTPUT and not skb.in_interface
                return self._die(skb, Outcome.REJECTED, where, why, answer, in_output=own)
            ipvs.hand_over(skb, real)
        skb.balanced = True
        log.append((NatStep, self.name, skb.wire, "DNAT", before, "ipvs"))
        return None

    def _walk(self, chain: BaseChain, skb: Skb, log: Log) -> Target | None:
        looked = (
            self, skb.in_interface, skb.out_interface, skb.mark, skb.state, skb.dnat, skb.snat, skb.now
        )  # fmt: skip
        log.append((WALK, self.name, skb.wire, chain.table, chain.hook, looked))
        return chain.walk(skb, log)

    def _track(self, skb: Skb, log: Log) -> None:
        if skb.entry is not None:
            return  # seen before it went over loopback
        note = self.state.conntrack.track(skb)
        entry = skb.entry
        original, reply = (entry.original, entry.reply) if entry else (skb.key, reversed_key(skb.key))
        if skb.state in ("ESTABLISHED", "RELATED") and entry and entry.nat_source_done:
            note += ", so the nat table is not asked"
        log.append((ConntrackStep, self.name, skb.wire, skb.state, original, reply, note))

    def _nat(self, hook: str, skb: Skb, log: Log) -> None:
        entry = skb.entry
        if entry is None:
            return
        source_side = hook in (POSTROUTING, INPUT)
        by = None
        if skb.state == "NEW" and not skb.reply:
            done = entry.nat_source_done if source_side else entry.nat_destination_done
            if not done:
                by = self._nat_rules(hook, skb, log, source_side)
        before = skb.wire
        action = nat.apply(skb, source_side)
        if action:
            name = by.name if by else action
            log.append((NatStep, self.name, skb.wire, name, before, "rule" if by else "conntrack"))

    def _nat_rules(self, hook: str, skb: Skb, log: Log, source_side: bool) -> NatTarget | None:
        """Ask the nat chains; the target that took the connection, or None."""
        for chain in self.hooks.nat[hook]:
            target = self._walk(chain, skb, log)
            if isinstance(target, NatTarget):
                nat.set_up(skb, target, self.state.conntrack, self._own_address(target, skb))
                return target
        if source_side:
            nat.leave_source(skb, self.state.conntrack)
        elif skb.entry:
            skb.entry.nat_destination_done = True
        return None

    def _own_address(self, target: NatTarget, skb: Skb) -> int | None:
        """What MASQUERADE or REDIRECT puts in."""
        if isinstance(target, Masquerade):
            route = self.routing.lookup(skb.destination)
            towards = route.via if route and route.via is not None else skb.destination
            return self.routing.address_on(skb.out_interface, towards)
        if isinstance(target, Redirect):
            return (
                self.routing.address_on(skb.in_interface or "lo", skb.source)
                if skb.in_interface
                else 127 << 24 | 1
            )
        return None

    def _refused(self, hook: str, chain: BaseChain, target: Target, skb: Skb) -> Died:
        in_output = hook in (OUTPUT, POSTROUTING) and not skb.in_interface
        where = f"{chain.table} {hook}"
        if not isinstance(target, Reject):
            return self._die(skb, Outcome.DROPPED, where, "a rule discarded it silently", in_output=in_output)
        answer = self._error(skb, target.kind)
        why = f"a rule refused it with {target.with_}"
        return self._die(skb, Outcome.REJECTED, where, why, answer, in_output=in_output)

    # -- ends ----------------------------------------------------------------------------------------------

    def _die(
        self,
        skb: Skb,
        code: Outcome,
        where: str,
        why: str,
        answer: Wire | None = None,
        in_output: bool = False,
    ) -> Died:
        return Died(skb.wire, code, where, why, answer, in_output)

    def _error(self, skb: Skb, kind: Kind) -> Wire | None:
        self.state.conntrack.refused = skb.entry
        return self._error_about(skb.wire, kind)

    def _error_about(self, wire: Wire, kind: Kind) -> Wire | None:
        """The ICMP error (or TCP reset) that tells a packet's sender; None about an error, which is never
        answered.
        """
        version, key, its_kind, _, _ = wire
        if its_kind.is_error:
            return None
        _, source, _, destination, _ = key
        if kind is Kind.RST:
            return (version, reversed_key(key), Kind.RST, None, 64)
        own = destination if self.routing.is_local(destination) else self.routing.source_for(source)
        return (version, (Protocol.ICMP, own or destination, 0, source, 0), kind, key, 64)

    def refusal(self, wire: Wire) -> Wire | None:
        """What the kernel answers to a packet for a port on which nobody listens."""
        version, key, _, _, _ = wire
        match key[0]:
            case Protocol.TCP:
                return (version, reversed_key(key), Kind.RST, None, 64)
            case Protocol.SCTP:
                return (version, reversed_key(key), Kind.ABORT, None, 64)
            case _:
                return self._error_about(wire, Kind.PORT_UNREACHABLE)


__all__ = ["Delivered", "Died", "Dnat", "Fate", "Host", "HostState", "Interface", "Transmit"]
