"""What ip's listings share: iproute2's own way of writing JSON and colours, addresses made from names."""

import json
import re
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address
from typing import Any

_ESCAPE = "\x1b"
_CYAN, _YELLOW, _MAGENTA, _BLUE, _GREEN, _RED = (f"{_ESCAPE}[{n}m" for n in (36, 33, 35, 34, 32, 31))
_PLAIN = f"{_ESCAPE}[0m"
_HARDWARE = r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"


def dotted(address: int) -> str:
    """An IPv4 address as text."""
    return str(IPv4Address(address))


def hardware_address(name: str) -> str:
    """A made-up address that is always the same for one interface."""
    digest = sha256(name.encode()).hexdigest()
    return "02:42:" + ":".join(digest[i : i + 2] for i in (0, 2, 4, 6))


def link_local(hardware: str) -> str:
    """The address in fe80::/64 that the kernel makes of a hardware address (RFC 4291, appendix A)."""
    octets = [int(part, 16) for part in hardware.split(":")]
    octets = [octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]]
    return str(IPv6Address((0xFE80 << 112) | int.from_bytes(bytes(octets), "big")))


def json_text(value: Any, *, pretty: bool) -> str:
    """JSON as iproute2 writes it: without blanks, or with -p indented in its own way."""
    return _pretty(value, 0) if pretty else json.dumps(value, separators=(",", ":"))


def _pretty(value: Any, level: int) -> str:
    if isinstance(value, dict):
        inner, outer = " " * 4 * (level + 1), " " * 4 * level
        members = ",\n".join(f"{inner}{json.dumps(k)}: {_pretty(v, level + 1)}" for k, v in value.items())
        return f"{{\n{members}\n{outer}}}"
    if isinstance(value, list):
        return f"[ {','.join(_pretty(each, level + 1) for each in value)} ]" if value else "[ ]"
    return json.dumps(value)


def coloured_link(line: str) -> str:
    """A line of `ip -c link` or `ip -c address`."""
    line = re.sub(r"^(\d+: )(\S+: )", rf"\1{_CYAN}\2{_PLAIN}", line)
    line = re.sub(r"\bstate (UP|DOWN) ", lambda m: f"state {_state(m[1], m[1] + ' ')}", line)
    line = re.sub(rf"({_HARDWARE})(?=( brd|$| link))", rf"{_YELLOW}\1{_PLAIN}", line)
    line = re.sub(r"\b(inet|peer|brd) (\d[\d.]+)", rf"\1 {_MAGENTA}\2{_PLAIN}", line)
    return re.sub(r"\binet6 ([0-9a-f:]+)", rf"inet6 {_BLUE}\1{_PLAIN}", line)


def coloured_brief(line: str) -> str:
    """A line of `ip -br -c`."""
    name, state, rest = line[:17], line[17:32], line[32:]
    rest = re.sub(rf"({_HARDWARE}) ", rf"{_YELLOW}\1 {_PLAIN}", rest)
    rest = re.sub(r"(?<![:\w.])(\d+(?:\.\d+){3})", rf"{_MAGENTA}\1{_PLAIN}", rest)
    rest = re.sub(r"(?<!\S)((?:fe80)?::[0-9a-f:]*)", rf"{_BLUE}\1{_PLAIN}", rest)
    return f"{_CYAN}{name}{_PLAIN}{_state(state.rstrip(), state)}{rest}"


def _state(word: str, shown: str | None = None) -> str:
    colour = {"UP": _GREEN, "DOWN": _RED}.get(word)
    return f"{colour}{shown or word}{_PLAIN}" if colour else shown or word


def coloured_route(line: str) -> str:
    """A line of `ip -c route`."""
    line = re.sub(r"\bdev (\S+ )", rf"dev {_CYAN}\1{_PLAIN}", line)
    return re.sub(r"(?<!\S)(\d+(?:\.\d+){3}(?:/\d+)? )", rf"{_MAGENTA}\1{_PLAIN}", line)
