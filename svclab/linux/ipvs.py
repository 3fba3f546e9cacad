"""The kernel's own load balancer: virtual servers that hand connections to real servers by NAT.

Not compared with a recording. It sits at LOCAL_IN and LOCAL_OUT: a service address is an address of the host
(kube-ipvs0), so packets come to INPUT, are given a real server there, and go out again through OUTPUT.
Source: Linux 6.18 net/netfilter/ipvs/ip_vs_{core,rr,xmit,nfct}.c with net.ipv4.vs.conntrack=1.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from svclab.linux.packet import Protocol
from svclab.linux.skb import Key, Skb, reversed_key
from svclab.linux.state import HostState

ServerKey = tuple[Protocol, int, int]


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """An address and port, its real servers (address, port) in order, and for how long a client stays
    with one.
    """

    protocol: Protocol
    address: int
    port: int
    real_servers: tuple[tuple[int, int], ...]
    persistent_seconds: float | None = None

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

    def schedule(self, server: VirtualServer, skb: Skb) -> tuple[int, int] | None:
        """The real server for a new connection; None if there is none.

        Whose turn it is at the very first connection is not known, so that is drawn.
        """
        if not server.real_servers:
            return None
        state: HostState = skb.host.state
        kept = self._persistent(server, skb, state)
        if kept:
            return kept
        turn = state.turns.get(server.name)
        if turn is None:
            turn = skb.chance.one_of(len(server.real_servers))
        chosen = server.real_servers[turn % len(server.real_servers)]
        state.turns[server.name] = turn + 1
        if server.persistent_seconds is not None:
            self._remember(server, skb, state, chosen)
        return chosen

    def _persistent(self, server: VirtualServer, skb: Skb, state: HostState) -> tuple[int, int] | None:
        if server.persistent_seconds is None:
            return None
        for (client, address, port), expiry in state.sets.get(server.name, {}).items():
            if client == skb.source and expiry > skb.now and (address, port) in server.real_servers:
                self._remember(server, skb, state, (address, port))
                return address, port
        return None

    def _remember(self, server: VirtualServer, skb: Skb, state: HostState, real: tuple[int, int]) -> None:
        elements = state.sets.setdefault(server.name, {})
        elements[(skb.source, *real)] = skb.now + (server.persistent_seconds or 0)


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
