"""Filter expressions: `port 53`, `tcp and host 10.0.0.1`, `src net 10.244.0.0/16 or icmp`. Source:
pcap-filter(7).
"""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from svclab.terminal.commands.registry import Usage
from svclab.terminal.commands.tcpdump.capture import Captured

Filter = Callable[[Captured], bool]
_PORTS = {"http": 80, "https": 443, "domain": 53, "dns": 53, "ssh": 22}


def read_filter(text: str) -> Filter:
    """The test that an expression stands for; an empty one takes every packet. Raises Usage."""
    words = re.findall(r"\(|\)|!|&&|\|\||[^\s()!&|]+", text)
    return _Reader(words).read() if words else lambda packet: True


class _Reader:
    def __init__(self, words: list[str]) -> None:
        self._words, self._i = words, 0

    def read(self) -> Filter:
        found = self._or()
        if self._i < len(self._words):
            raise self._error()
        return found

    def _error(self) -> Usage:
        return Usage("can't parse filter expression: syntax error", 1)

    def _take(self, *words: str) -> str:
        if self._i < len(self._words) and self._words[self._i] in words:
            self._i += 1
            return self._words[self._i - 1]
        return ""

    def _or(self) -> Filter:
        left = self._and()
        while self._take("or", "||"):
            left = _either(left, self._and())
        return left

    def _and(self) -> Filter:
        left = self._not()
        while self._take("and", "&&"):
            left = _both(left, self._not())
        return left

    def _not(self) -> Filter:
        if self._take("not", "!"):
            inner = self._not()
            return lambda packet: not inner(packet)
        if self._take("("):
            found = self._or()
            if not self._take(")"):
                raise self._error()
            return found
        return self._primitive()

    def _primitive(self) -> Filter:
        protocol = self._take("tcp", "udp", "icmp", "ip", "ip6", "arp", "sctp")
        side = self._take("src", "dst")
        kind = self._take("port", "host", "net", "portrange")
        if not kind and not side:
            if protocol:
                return _of_protocol(protocol)
            if not re.match(r"[\d.]+$", "".join(self._words[self._i : self._i + 1])):
                raise self._error()
        found = self._qualified(kind or "host", side)
        return _both(_of_protocol(protocol), found) if protocol else found

    def _qualified(self, kind: str, side: str) -> Filter:
        if self._i >= len(self._words):
            raise self._error()
        value = self._words[self._i]
        self._i += 1
        match kind:
            case "port" | "portrange":
                first, _, last = value.partition("-")
                low, high = self._port(first), self._port(last or first)
                return _on_side(side, lambda p: low <= p.sport <= high, lambda p: low <= p.dport <= high)
            case "net":
                return self._net(value, side)
            case _:
                try:
                    wanted = str(ip_address(value))
                except ValueError:
                    raise Usage(f"unknown host '{value}'", 1) from None
                return _on_side(side, lambda p: p.source == wanted, lambda p: p.destination == wanted)

    def _port(self, text: str) -> int:
        if text in _PORTS:
            return _PORTS[text]
        if not text.isdigit():
            raise Usage(f"unknown port '{text}'", 1)
        return int(text)

    def _net(self, value: str, side: str) -> Filter:
        try:
            network = ip_network(
                value if "/" in value or value.count(".") == 3 else _padded(value), strict=False
            )
        except ValueError:
            raise Usage(f"unknown network '{value}'", 1) from None
        return _on_side(
            side, lambda p: ip_address(p.source) in network, lambda p: ip_address(p.destination) in network
        )


def _padded(value: str) -> str:
    """`10.244` is 10.244.0.0/16."""
    parts = value.split(".")
    return ".".join([*parts, *["0"] * (4 - len(parts))]) + f"/{8 * len(parts)}"


def _of_protocol(name: str) -> Filter:
    if name in ("ip", "ip6", "arp"):
        return lambda packet: name == "ip"
    return lambda packet: packet.protocol.lower() == name


def _on_side(side: str, source: Filter, destination: Filter) -> Filter:
    if side:
        return source if side == "src" else destination
    return _either(source, destination)


def _either(left: Filter, right: Filter) -> Filter:
    return lambda packet: left(packet) or right(packet)


def _both(left: Filter, right: Filter) -> Filter:
    return lambda packet: left(packet) and right(packet)
