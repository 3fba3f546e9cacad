"""Packets as bytes: link, IPv4 and transport headers, and pcap files of them, both ways.

Source: pcap-savefile(5), the link types EN10MB and LINUX_SLL2, RFC 791, 792, 768, 9293.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address

from svclab.terminal.commands.ip_text import hardware_address
from svclab.terminal.commands.tcpdump.capture import DATAGRAM_BYTES, Captured

ETHERNET, COOKED = 1, 276
LINK_TYPES = {ETHERNET: "EN10MB (Ethernet)", COOKED: "LINUX_SLL2 (Linux cooked v2)"}
SNAPSHOT = 262144
PROTOCOLS = {"TCP": 6, "UDP": 17, "ICMP": 1, "SCTP": 132}
TCP_BITS = {"SYN": 0x02, "SYN-ACK": 0x12, "ACK": 0x10, "DATA": 0x18, "FIN": 0x11, "RST": 0x14}
ICMP_TYPES = {"ECHO-REQUEST": (8, 0), "ECHO-REPLY": (0, 0), "HOST-UNREACHABLE": (3, 1),
              "PORT-UNREACHABLE": (3, 3), "ADMIN-PROHIBITED": (3, 13), "TIME-EXCEEDED": (11, 0)}  # fmt: skip
_WINDOWS = {"SYN": 64240, "SYN-ACK": 65160, "RST": 0}
_MAGIC = 0xA1B2C3D4


def checksum(data: bytes) -> int:
    """The Internet's: the complement of the sum of 16-bit words."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_packet(packet: Captured) -> bytes:
    """The packet from its IPv4 header on."""
    body = _transport(packet)
    return _ip_header(packet.source, packet.destination, packet.protocol, len(body), packet.ttl) + body


def _ip_header(source: str, destination: str, protocol: str, length: int, ttl: int) -> bytes:
    ends = IPv4Address(source).packed + IPv4Address(destination).packed
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, ttl, PROTOCOLS[protocol], 0) + ends
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:]


def _pseudo(packet: Captured, length: int) -> bytes:
    ends = IPv4Address(packet.source).packed + IPv4Address(packet.destination).packed
    return ends + struct.pack(">BBH", 0, PROTOCOLS[packet.protocol], length)


def _transport(packet: Captured) -> bytes:
    match packet.protocol:
        case "TCP":
            return _tcp(packet)
        case "UDP":
            length = 8 + len(packet.payload)
            data = struct.pack(">HHHH", packet.sport, packet.dport, length, 0) + packet.payload
            return data[:6] + struct.pack(">H", checksum(_pseudo(packet, length) + data)) + data[8:]
        case "ICMP":
            return _icmp(packet)
        case _:
            return struct.pack(">HHII", packet.sport, packet.dport, 0, 0)


def _tcp(packet: Captured) -> bytes:
    options = tcp_options(packet)
    words = (20 + len(options)) // 4
    head = struct.pack(
        ">HHIIBBHHH", packet.sport, packet.dport, packet.sequence, packet.acknowledged, words << 4,
        TCP_BITS.get(packet.kind, 0x10), _WINDOWS.get(packet.kind, 502), 0, 0,
    )  # fmt: skip
    data = head + options + packet.payload
    return data[:16] + struct.pack(">H", checksum(_pseudo(packet, len(data)) + data)) + data[18:]


def tcp_options(packet: Captured) -> bytes:
    """Linux's options: of a SYN the segment size, SACK, time stamps, the window's scale; else time stamps."""
    stamps = struct.pack(">BBII", 8, 10, packet.stamp, packet.echoed)
    if packet.kind in ("SYN", "SYN-ACK"):
        return b"\x02\x04\x05\xb4\x04\x02" + stamps + b"\x01\x03\x03\x07"
    return b"\x01\x01" + stamps if packet.options else b""


def _icmp(packet: Captured) -> bytes:
    kind, code = ICMP_TYPES.get(packet.kind, (3, 1))
    if kind in (8, 0):
        body = struct.pack(">HH", packet.sport or packet.dport, 1) + bytes(range(56))
    else:
        inner = quoted(packet)
        body = bytes(4) + (ip_packet(inner) if inner is not None else b"")
    data = struct.pack(">BBH", kind, code, 0) + body
    return data[:2] + struct.pack(">H", checksum(data)) + data[4:]


def quoted(packet: Captured) -> Captured | None:
    """The packet that an ICMP error speaks of, as far as the error tells."""
    if packet.about is None:
        return None
    protocol, source, sport, destination, dport = packet.about
    kind = {"TCP": "SYN", "ICMP": "ECHO-REQUEST"}.get(protocol, "DATAGRAM")
    payload = bytes(DATAGRAM_BYTES) if protocol == "UDP" else b""
    return Captured(
        packet.time, packet.interface, packet.direction, protocol, source, sport, destination, dport, kind,
        payload, ttl=63 if packet.direction == "Out" else 64,
    )  # fmt: skip


def hardware(host: str, packet: Captured) -> tuple[str, str]:
    """The hardware addresses of a packet at an interface of `host`: from, to."""
    if packet.hardware:
        return packet.hardware
    own = hardware_address(host + packet.interface)
    far = hardware_address(f"{packet.source if packet.direction == 'In' else packet.destination}/far")
    return (far, own) if packet.direction == "In" else (own, far)


def frame(packet: Captured, host: str, link_type: int, interfaces: list[str]) -> bytes:
    """The packet with its link header."""
    source, destination = (bytes.fromhex(each.replace(":", "")) for each in hardware(host, packet))
    if link_type == ETHERNET:
        return destination + source + b"\x08\x00" + ip_packet(packet)
    number = interfaces.index(packet.interface) + 1 if packet.interface in interfaces else 0
    way = 0 if packet.direction == "In" else 4
    head = struct.pack(">HHIHBB", 0x0800, 0, number, 1, way, 6) + source + b"\0\0"
    return head + ip_packet(packet)


def pcap(found: Iterable[Captured], host: str, link_type: int, interfaces: list[str]) -> bytes:
    """A pcap file of these packets."""
    parts = [struct.pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, SNAPSHOT, link_type)]
    for packet in found:
        data = frame(packet, host, link_type, interfaces)
        seconds = int(packet.time.timestamp())
        parts.append(struct.pack("<IIII", seconds, packet.time.microsecond, len(data), len(data)) + data)
    return b"".join(parts)


class NotPcap(ValueError):
    """A file that is no pcap file of ours."""


def read_pcap(data: bytes, interfaces: list[str]) -> tuple[int, list[Captured]]:
    """The link type and the packets of a file that `pcap` made. Raises NotPcap."""
    if len(data) < 24 or struct.unpack("<I", data[:4])[0] != _MAGIC:
        raise NotPcap("unknown file format")
    link_type = struct.unpack("<I", data[20:24])[0]
    return link_type, list(_records(data[24:], link_type, interfaces))


def _records(data: bytes, link_type: int, interfaces: list[str]) -> Iterator[Captured]:
    while data:
        seconds, micros, length, _ = struct.unpack("<IIII", data[:16])
        raw, data = data[16 : 16 + length], data[16 + length :]
        time = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
        interface, direction, packet = "", "", raw[14:]
        ends = (raw[6:12].hex(":"), raw[:6].hex(":"))
        if link_type == COOKED:
            number, _, way = struct.unpack(">IHB", raw[4:11])
            interface = interfaces[number - 1] if 0 < number <= len(interfaces) else f"ifindex {number}"
            direction, packet = ("In" if way == 0 else "Out"), raw[20:]
            ends = (raw[12:18].hex(":"), "00:00:00:00:00:00")
        yield replace(_read(packet, time, interface, direction), hardware=ends)


def _read(data: bytes, time: datetime, interface: str, direction: str) -> Captured:
    names = {number: name for name, number in PROTOCOLS.items()}
    protocol = names.get(data[9], "IP")
    ends = {
        "protocol": protocol, "source": str(IPv4Address(data[12:16])),
        "destination": str(IPv4Address(data[16:20])), "ttl": data[8],
    }  # fmt: skip
    body = data[20:]
    if protocol == "ICMP":
        return Captured(time, interface, direction, **ends, **_read_icmp(body))
    sport, dport = struct.unpack(">HH", body[:4])
    ends |= {"sport": sport, "dport": dport}
    if protocol == "UDP":
        return Captured(time, interface, direction, **ends, kind="DATAGRAM", payload=body[8:])
    if protocol != "TCP":
        return Captured(time, interface, direction, **ends, kind="DATA")
    start = (body[12] >> 4) * 4
    kinds = {bits: name for name, bits in TCP_BITS.items()}
    sequence, acknowledged = struct.unpack(">II", body[4:12])
    options = body[20:start]
    place = options.find(b"\x08\x0a")
    stamp, echoed = struct.unpack(">II", options[place + 2 : place + 10]) if place >= 0 else (0, 0)
    return Captured(
        time, interface, direction, **ends, kind=kinds.get(body[13], "ACK"), payload=body[start:],
        sequence=sequence, acknowledged=acknowledged, stamp=stamp, echoed=echoed, options=place >= 0,
    )  # fmt: skip


def _read_icmp(body: bytes) -> dict[str, object]:
    kinds = {numbers: name for name, numbers in ICMP_TYPES.items()}
    kind = kinds.get((body[0], body[1]), "HOST-UNREACHABLE")
    if body[0] in (8, 0):
        return {"kind": kind, "sport": struct.unpack(">H", body[4:6])[0], "dport": 0}
    inner = body[8:]
    names = {number: name for name, number in PROTOCOLS.items()}
    sport, dport = struct.unpack(">HH", inner[20:24]) if len(inner) >= 24 else (0, 0)
    about = (
        names.get(inner[9], "IP"),
        str(IPv4Address(inner[12:16])),
        sport,
        str(IPv4Address(inner[16:20])),
        dport,
    )
    return {"kind": kind, "sport": 0, "dport": 0, "about": about}
