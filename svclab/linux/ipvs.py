"""The kernel's own load balancer: virtual servers that hand connections to real servers by NAT.

Not compared with a recording. It sits at LOCAL_IN and LOCAL_OUT: a service address is an address of the host
(kube-ipvs0), so packets come to INPUT, are given a real server there, and go out again through OUTPUT.
Source: Linux 6.18 net/netfilter/ipvs/ip_vs_{core,rr,xmit,nfct}.c with net.ipv4.vs.conntrack=1.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from svclab.linux.packet import Protocol
from svclab.linux.skb import Key, Skb, Wire, address_text, packet_of, reversed_key
from svclab.linux.state import HostState
from svclab.linux.trace import Origin
from svclab.linux.trace import Rule as RuleStep

ServerKey = tuple[Protocol, int, int]
Real = tuple[int, int]  # a real server's address and port


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """An address and port, its real servers (address, port) in order, and for how long a client stays
    with one. `origin`, `real_origins`: the objects that made it and each real server.
    """

    protocol: Protocol
    address: int
    port: int
    real_servers: tuple[Real, ...]
    persistent_seconds: float | None = None
    origin: Origin | None = None
    real_origins: tuple[Origin | None, ...] = ()

    @property
    def name(self) -> str:
        """Under which a host remembers whose turn it is."""
        return f"ipvs {self.protocol.value} {self.address}:{self.port}"


class Balancer:
    """All virtual servers of one host, scheduler rr: each real server in turn, per virtual server
    and host.
    """

    def __init__(self, servers: Iterable[VirtualServer]) -> None:
        self.servers: dict[ServerKey, VirtualServer] = {(s.protocol, s.address, s.port): s for s in servers}

    def server_for(self, skb: Skb) -> VirtualServer | None:
        """The virtual server that the packet is addressed to."""
        return self.servers.get((skb.protocol, skb.destination, skb.destination_port))

    def schedule(self, server: VirtualServer, skb: Skb) -> "Choice":
        """The real server for a new connection, if there is one.

        Whose turn it is at the very first connection is not known, so that is drawn.
        """
        count = len(server.real_servers)
        if not count:
            return Choice(server, None, "the virtual server has no real server")
        state: HostState = skb.host.state
        kept = self._persistent(server, skb, state)
        if kept:
            return kept
        turn, drawn = state.turns.get(server.name), None
        if turn is None:
            turn = drawn = skb.chance.one_of(count)
            why = (
                f"the first connection here: whose turn it is is not known, drew {drawn} of 0 to {count - 1}"
            )
        else:
            why = f"its turn in round robin, {turn % count + 1} of {count}"
        place = turn % count
        state.turns[server.name] = turn + 1
        if server.persistent_seconds is not None:
            self._remember(server, skb, state, server.real_servers[place])
            why += f"; persistence keeps the client here for {server.persistent_seconds:g} s"
        return Choice(server, place, why, drawn)

    def _persistent(self, server: VirtualServer, skb: Skb, state: HostState) -> "Choice | None":
        if server.persistent_seconds is None:
            return None
        for (client, *real), expiry in state.sets.get(server.name, {}).items():
            if client == skb.source and expiry > skb.now and tuple(real) in server.real_servers:
                place = server.real_servers.index((real[0], real[1]))
                self._remember(server, skb, state, server.real_servers[place])
                client_text, left = address_text(skb.version, client), expiry - skb.now
                why = f"persistence remembers client {client_text}, for another {left:g} s"
                return Choice(server, place, why)
        return None

    def _remember(self, server: VirtualServer, skb: Skb, state: HostState, real: Real) -> None:
        """A client has one real server: the one of before, which has gone, is forgotten."""
        elements = state.sets.setdefault(server.name, {})
        for element in [each for each in elements if each[0] == skb.source]:
            del elements[element]
        elements[(skb.source, *real)] = skb.now + (server.persistent_seconds or 0)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a virtual server decided for a new connection. `place` is the real server's in its list, from 0;
    `drawn` the same where it was drawn.
    """

    server: VirtualServer
    place: int | None
    why: str
    drawn: int | None = None

    @property
    def real(self) -> Real | None:
        """The chosen real server's address and port."""
        return None if self.place is None else self.server.real_servers[self.place]

    def step(self, flow: int, host: str, wire: Wire, hook: str) -> RuleStep:
        """The choice as a rule of the virtual server's own chain, one for each real server in turn."""
        server, version = self.server, wire[0]
        at = _at(version, server.address, server.port)
        seconds = server.persistent_seconds
        flags = "rr" if seconds is None else f"rr persistent {seconds:g}"
        to = _at(version, *self.real) if self.real else "no real server"
        origin = server.origin
        if self.place is not None and self.place < len(server.real_origins):
            origin = server.real_origins[self.place] or origin
        chance = None if self.drawn is None else 1 / len(server.real_servers)
        chain = f"VIRTUAL-SERVER {at}"
        return RuleStep(
            flow, host, packet_of(wire), hook, "ipvs", chain, (chain,), (self.place or 0) + 1,
            f"{server.protocol.value} {at} {flags} -> {to}", self.real is not None, self.why,
            "DNAT" if self.real else None, self.drawn, chance, origin,
        )  # fmt: skip


def _at(version: int, address: int, port: int) -> str:
    text = address_text(version, address)
    return f"[{text}]:{port}" if version == 6 else f"{text}:{port}"


def connections(state: HostState, now: float) -> dict[tuple[ServerKey, Real], tuple[int, int]]:
    """How many active (established) and inactive connections each real server of each virtual server has."""
    found: dict[tuple[ServerKey, Real], tuple[int, int]] = {}
    for entry in state.conntrack.all():
        if not entry.ipvs or entry.expires < now:
            continue
        protocol, _, _, address, port = entry.original
        _, real, real_port, _, _ = entry.reply
        key = ((protocol, address, port), (real, real_port))
        active, inactive = found.get(key, (0, 0))
        is_active = entry.state == "ESTABLISHED"
        found[key] = (active + is_active, inactive + (not is_active))
    return found


def hand_over(skb: Skb, real: tuple[int, int]) -> None:
    """Give a new connection to a real server: the packet's destination, and in conntrack where answers
    come from.
    """
    entry = skb.entry
    assert entry
    protocol, source, source_port, _, _ = reversed_key(entry.reply)
    entry.reply = reversed_key((protocol, source, source_port, *real))
    entry.ipvs = True
    skb.destination, skb.destination_port = real


def follow(skb: Skb) -> None:
    """A later packet of a connection that was handed over takes the same way."""
    entry = skb.entry
    assert entry
    _, skb.destination, skb.destination_port, _, _ = entry.reply


def undo(skb: Skb) -> Key:
    """An answer of a real server gets the service's address as its source again; the header before."""
    before, entry = skb.key, skb.entry
    assert entry
    if skb.about:
        protocol, source, source_port, _, _ = skb.about
        skb.about = (protocol, source, source_port, entry.original[3], entry.original[4])
        skb.source = entry.original[3]
    else:
        skb.source, skb.source_port = entry.original[3], entry.original[4]
    return before
