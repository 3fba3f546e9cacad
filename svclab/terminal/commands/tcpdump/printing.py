"""Packets in words, as tcpdump prints them, and as bytes of a pcap file. Source: tcpdump 4.99,
pcap-savefile(5).
"""

import struct
from collections.abc import Iterable
from hashlib import sha256
from ipaddress import IPv4Address

from svclab.terminal.commands.service_names import SERVICE_NAMES
from svclab.terminal.commands.tcpdump.capture import Captured

_FLAGS = {"SYN": "S", "SYN-ACK": "S.", "ACK": ".", "DATA": "P.", "FIN": "F.", "RST": "R."}
_LENGTHS = {"DATA": 79, "DATAGRAM": 45}
_ICMP = {"ECHO-REQUEST": "echo request", "ECHO-REPLY": "echo reply"}
_LINKTYPE_RAW = 101
_PROTOCOLS = {"TCP": 6, "UDP": 17, "ICMP": 1, "SCTP": 132}
_TCP_BITS = {"SYN": 0x02, "SYN-ACK": 0x12, "ACK": 0x10, "DATA": 0x18, "FIN": 0x11, "RST": 0x14}


def _end(address: str, port: int, protocol: str, numeric: bool) -> str:
    if protocol not in ("TCP", "UDP", "SCTP"):
        return address
    name = str(port) if numeric else SERVICE_NAMES.get((port, protocol.lower()), str(port))
    return f"{address}.{name}"


def line(packet: Captured, *, numeric: bool, any_interface: bool, verbose: bool = False) -> str:
    """One packet as tcpdump prints it; with `any_interface` the interface and direction stand in front."""
    source = _end(packet.source, packet.sport, packet.protocol, numeric)
    destination = _end(packet.destination, packet.dport, packet.protocol, numeric)
    where = f"{packet.interface:<5} {packet.direction:<3} " if any_interface else ""
    time = packet.time.strftime("%H:%M:%S.%f")
    return f"{time} {where}IP {source} > {destination}: {_body(packet)}"


def _first(stream: str) -> int:
    """The number that an end of a connection begins to count its bytes with."""
    return int(sha256(stream.encode()).hexdigest()[:8], 16)


def _body(packet: Captured) -> str:
    match packet.protocol:
        case "TCP":
            return _tcp(packet)
        case "UDP":
            if 53 in (packet.sport, packet.dport) and packet.note:
                return f"{_query_number(packet)}{packet.note}"
            return f"UDP, length {_LENGTHS['DATAGRAM']}"
        case "ICMP":
            if packet.kind in _ICMP:
                return f"ICMP {_ICMP[packet.kind]}, id {packet.sport % 65536}, seq 1, length 64"
            what = packet.kind.lower().replace("-", " ")
            return f"ICMP {packet.destination} {what}, length 68"
        case name:
            return f"{name} {packet.kind}"


def _query_number(packet: Captured) -> int:
    """The same for a question and its answer."""
    port = packet.sport if packet.dport == 53 else packet.dport
    return int(sha256(f"dns{port}".encode()).hexdigest()[:4], 16)


def _tcp(packet: Captured) -> str:
    flags = _FLAGS.get(packet.kind, ".")
    length = _LENGTHS.get(packet.kind, 0)
    sequence = f"{_first(packet.stream)}" if not length else f"1:{length + 1}"
    got = (_first(packet.opposite) + 1) % 2**32 if packet.kind == "SYN-ACK" else 1
    ack = "" if packet.kind == "SYN" else f", ack {got}"
    options = (
        ", options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7]" if packet.kind in ("SYN", "SYN-ACK") else ""
    )
    window = 64240 if flags[0] == "S" else 502
    return f"Flags [{flags}], seq {sequence}{ack}, win {window}{options}, length {length}"


def pcap(packets: Iterable[Captured]) -> bytes:
    """A pcap file of raw IPv4 packets; their payload is left out."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, _LINKTYPE_RAW)]
    for packet in packets:
        data = _ip_packet(packet)
        seconds = int(packet.time.timestamp())
        parts.append(struct.pack("<IIII", seconds, packet.time.microsecond, len(data), len(data)) + data)
    return b"".join(parts)


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _ip_packet(packet: Captured) -> bytes:
    body = _transport(packet)
    number = _PROTOCOLS[packet.protocol]
    source, destination = IPv4Address(packet.source).packed, IPv4Address(packet.destination).packed
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, 64, number, 0) + source + destination
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + body


def _transport(packet: Captured) -> bytes:
    match packet.protocol:
        case "TCP":
            begins = packet.kind in ("SYN", "SYN-ACK")
            number = (_first(packet.stream) + (not begins)) % 2**32
            got = 0 if packet.kind == "SYN" else (_first(packet.opposite) + 1) % 2**32
            bits = _TCP_BITS.get(packet.kind, 0x10)
            return struct.pack(">HHIIBBHHH", packet.sport, packet.dport, number, got, 0x50, bits, 64240, 0, 0)
        case "UDP" | "SCTP":
            return struct.pack(">HHHH", packet.sport, packet.dport, 8, 0)
        case _:
            kind = {"ECHO-REQUEST": (8, 0), "ECHO-REPLY": (0, 0)}.get(packet.kind, (3, 3))
            return struct.pack(">BBHHH", *kind, 0, packet.sport % 65536, 1)
