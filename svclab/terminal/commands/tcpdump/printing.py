"""Packets in words, as tcpdump prints them. Source: tcpdump 4.99."""

from dataclasses import dataclass, field

from svclab.terminal.commands.service_names import SERVICE_NAMES
from svclab.terminal.commands.tcpdump.capture import Captured
from svclab.terminal.commands.tcpdump.frames import (
    COOKED,
    ETHERNET,
    PROTOCOLS,
    frame,
    hardware,
    ip_packet,
    quoted,
    tcp_options,
)
from svclab.terminal.commands.tcpdump.names import dns_text

_FLAGS = {"SYN": "S", "SYN-ACK": "S.", "ACK": ".", "DATA": "P.", "FIN": "F.", "RST": "R."}
_ICMP = {"ECHO-REQUEST": "echo request", "ECHO-REPLY": "echo reply"}
_HTTP_PORTS = frozenset({80, 8080, 3128})
_WINDOWS = {"SYN": 64240, "SYN-ACK": 65160, "RST": 0}

Stream = tuple[str, int, str, int]


@dataclass(slots=True)
class Printer:
    """Prints the packets of one capture at `host`; it remembers where each TCP stream began."""

    host: str
    link_type: int
    interfaces: list[str]
    numeric: bool = False
    verbose: int = 0  # how often -v was given
    quick: bool = False
    link_header: bool = False
    times: bool = True
    ascii: bool = False
    hex: int = 0  # 1: -x, 2: -X
    whole: bool = False  # -xx, -XX: from the link header on
    begun: dict[Stream, tuple[int, int]] = field(default_factory=dict)

    def text(self, packet: Captured) -> str:
        """One packet, without the last newline."""
        where = ""
        if self.link_type == COOKED:
            where = f"{packet.interface:<5} {packet.direction:<3} "
        time = packet.time.strftime("%H:%M:%S.%f ") if self.times else ""
        return f"{time}{where}{self._link(packet)}{self._network(packet)}{self._bytes(packet)}"

    def _link(self, packet: Captured) -> str:
        if not self.link_header:
            return "IP "
        length = len(frame(packet, self.host, self.link_type, self.interfaces))
        source, destination = hardware(self.host, packet)
        if self.link_type == ETHERNET:
            return f"{source} > {destination}, ethertype IPv4 (0x0800), length {length}: "
        number = self.interfaces.index(packet.interface) + 1 if packet.interface in self.interfaces else 0
        return f"ifindex {number} {source} ethertype IPv4 (0x0800), length {length}: "

    def _network(self, packet: Captured) -> str:
        ends = f"{self._end(packet, 'source')} > {self._end(packet, 'destination')}: {self._body(packet)}"
        if not self.verbose:
            return ends
        length, protocol = len(ip_packet(packet)), packet.protocol
        head = f"tos 0x0, ttl {packet.ttl}, id 0, offset 0, flags [DF]"
        return f"({head}, proto {protocol} ({PROTOCOLS[protocol]}), length {length})\n    {ends}"

    def _end(self, packet: Captured, side: str) -> str:
        address, port = (
            (packet.source, packet.sport) if side == "source" else (packet.destination, packet.dport)
        )
        if packet.protocol not in ("TCP", "UDP", "SCTP"):
            return address
        name = str(port) if self.numeric else SERVICE_NAMES.get((port, packet.protocol.lower()), str(port))
        return f"{address}.{name}"

    def _body(self, packet: Captured) -> str:
        match packet.protocol:
            case "TCP":
                return f"tcp {len(packet.payload)}" if self.quick else self._tcp(packet)
            case "UDP":
                return self._udp(packet)
            case "ICMP":
                return self._icmp(packet)
            case name:
                return f"{name} {packet.kind}"

    def _udp(self, packet: Captured) -> str:
        sum_ = "[udp sum ok] " if self.verbose > 1 else ""
        if 53 in (packet.sport, packet.dport) and len(packet.payload) >= 12 and not self.quick:
            return sum_ + dns_text(packet.payload, verbose=self.verbose)
        return f"{sum_}UDP, length {len(packet.payload)}"

    def _icmp(self, packet: Captured) -> str:
        length = len(ip_packet(packet)) - 20
        if packet.kind in _ICMP:
            number = (packet.sport or packet.dport) % 65536
            return f"ICMP {_ICMP[packet.kind]}, id {number}, seq 1, length {length}"
        if packet.about is None:
            return f"ICMP {packet.destination} {packet.kind.lower().replace('-', ' ')}, length {length}"
        protocol, _, _, destination, port = packet.about
        what = f"host {destination} unreachable"
        if packet.kind == "PORT-UNREACHABLE":
            name = SERVICE_NAMES.get((port, protocol.lower()), str(port))
            what = f"{destination} {protocol.lower()} port {port if self.numeric else name} unreachable"
        elif packet.kind == "ADMIN-PROHIBITED":
            what = f"host {destination} unreachable - admin prohibited filter"
        elif packet.kind == "TIME-EXCEEDED":
            what = "time exceeded in-transit"
        inner = quoted(packet) if self.verbose else None
        prefix = "" if self.link_header else "IP "
        spoken_of = f"\n\t{prefix}{self._network(inner)}" if inner is not None else ""
        return f"ICMP {what}, length {length}{spoken_of}"

    def _tcp(self, packet: Captured) -> str:
        sequence, acknowledged = self._numbers(packet)
        length = len(packet.payload)
        parts = [f"Flags [{_FLAGS.get(packet.kind, '.')}]"]
        if self.verbose:
            data = ip_packet(packet)[20:]
            parts.append(f"cksum 0x{data[16:18].hex()} (correct)")
        if length or packet.kind != "ACK":
            shown = f"{sequence}:{sequence + length}" if length else f"{sequence}"
            parts.append(f"seq {shown}")
        if packet.kind != "SYN":
            parts.append(f"ack {acknowledged}")
        parts.append(f"win {_WINDOWS.get(packet.kind, 502)}")
        if options := _options(packet):
            parts.append(f"options [{options}]")
        return f"{', '.join(parts)}, length {length}{self._http(packet)}"

    def _numbers(self, packet: Captured) -> tuple[int, int]:
        """Relative to where the stream began, once that is known: the first packet's are absolute."""
        stream = (packet.source, packet.sport, packet.destination, packet.dport)
        back = (packet.destination, packet.dport, packet.source, packet.sport)
        began = self.begun.get(stream)
        if began is None or packet.kind in ("SYN", "SYN-ACK"):
            self.begun[stream] = (packet.sequence, packet.acknowledged - 1)
            self.begun[back] = (packet.acknowledged - 1, packet.sequence)
            return packet.sequence, packet.acknowledged
        return (packet.sequence - began[0]) % 2**32, (packet.acknowledged - began[1]) % 2**32

    def _http(self, packet: Captured) -> str:
        if not packet.payload or not {packet.sport, packet.dport} & _HTTP_PORTS:
            return ""
        lines = packet.payload.split(b"\r\n")
        if b"HTTP/1." not in lines[0]:
            return ": HTTP"
        if not self.verbose:
            return f": HTTP: {lines[0].decode()}"
        said = "".join(f"\n\t{line.decode()}" for line in lines[:-1])
        return f": HTTP, length: {len(packet.payload)}{said}"

    # -- bytes ---------------------------------------------------------------------------------------------

    def _bytes(self, packet: Captured) -> str:
        if not (self.ascii or self.hex):
            return ""
        data = ip_packet(packet)
        if self.whole:
            data = frame(packet, self.host, self.link_type, self.interfaces)
        return f"\n{_in_ascii(data)}" if self.ascii else _in_hex(data, with_text=self.hex == 2)


def _options(packet: Captured) -> str:
    stamps = f"TS val {packet.stamp} ecr {packet.echoed}"
    if packet.kind in ("SYN", "SYN-ACK"):
        return f"mss 1460,sackOK,{stamps},nop,wscale 7"
    return f"nop,nop,{stamps}" if tcp_options(packet) else ""


def _in_ascii(data: bytes) -> str:
    lines = data.replace(b"\r\n", b"\n")
    return "".join(chr(each) if 32 < each < 127 or each in b" \n\t" else "." for each in lines)


def _in_hex(data: bytes, *, with_text: bool) -> str:
    lines = []
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        words = " ".join(row[i : i + 2].hex() for i in range(0, len(row), 2))
        text = "".join(chr(each) if 32 < each < 127 else "." for each in row)
        lines.append(f"\n\t0x{start:04x}:  {f'{words:<39}  {text}' if with_text else words}")
    return "".join(lines)
