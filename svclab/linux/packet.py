"""Packets as the kernel's filters see them: headers only, frozen values. Source: RFC 791, 793, 768, 792."""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

Address = IPv4Address | IPv6Address


class Protocol(StrEnum):
    """The transport protocols that a Service port or a ping can use."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"
    ICMP = "ICMP"


class Kind(StrEnum):
    """What a packet is within its connection; the letters tcpdump would show."""

    SYN = "SYN"
    SYN_ACK = "SYN-ACK"
    ACK = "ACK"
    DATA = "DATA"
    FIN = "FIN"
    RST = "RST"
    DATAGRAM = "DATAGRAM"
    INIT = "INIT"
    INIT_ACK = "INIT-ACK"
    ABORT = "ABORT"
    ECHO_REQUEST = "ECHO-REQUEST"
    ECHO_REPLY = "ECHO-REPLY"
    PORT_UNREACHABLE = "PORT-UNREACHABLE"
    HOST_UNREACHABLE = "HOST-UNREACHABLE"
    ADMIN_PROHIBITED = "ADMIN-PROHIBITED"
    TIME_EXCEEDED = "TIME-EXCEEDED"

    @property
    def is_error(self) -> bool:
        """Whether it is an ICMP error, which speaks about another packet."""
        return self in _ERRORS


_ERRORS = frozenset({Kind.PORT_UNREACHABLE, Kind.HOST_UNREACHABLE, Kind.ADMIN_PROHIBITED, Kind.TIME_EXCEEDED})


class FiveTuple(NamedTuple):
    """Protocol, addresses and ports of one direction of a flow. Ports are 0 where the protocol has none."""

    protocol: Protocol
    source: Address
    source_port: int
    destination: Address
    destination_port: int


class Packet(NamedTuple):
    """One packet: its tuple, what it is, and for an ICMP error the tuple that it is about."""

    tuple: FiveTuple
    kind: Kind
    about: FiveTuple | None = None
    ttl: int = 64
