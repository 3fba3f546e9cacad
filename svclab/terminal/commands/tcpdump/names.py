"""DNS messages in tcpdump's words. Source: tcpdump 4.99, RFC 1035."""

import struct
from ipaddress import IPv4Address, IPv6Address

from svclab.dns.message import TYPE_NUMBERS

_TYPES = {number: name for name, number in TYPE_NUMBERS.items()}
_RCODES = ("", " FormErr", " ServFail", " NXDomain", " NotImp", " Refused")


def dns_text(data: bytes, *, verbose: int) -> str:
    """A question or an answer; names are written out in it, as this cluster's programs send them."""
    number, flags, asked, answers, authority, additional = struct.unpack(">6H", data[:12])
    if not asked:
        return f"{number} [0q] ({len(data)})"
    place, name = _name(data, 12)
    kind = _TYPES.get(struct.unpack(">H", data[place : place + 2])[0], "Type?")
    place += 4
    if not flags & 0x8000:
        mark = "+" if flags & 0x0100 else ""
        return f"{number}{mark} {kind}? {name} ({len(data)})"
    mark = _RCODES[flags & 0xF] + ("*" if flags & 0x0400 else "") + ("" if flags & 0x0080 else "-")
    mark += "|" if flags & 0x0200 else ""
    question = f" q: {kind}? {name}" if verbose > 1 else ""
    shown = []
    for index in range(answers + (authority if verbose > 1 else 0)):
        place, owner, text = _record(data, place, verbose)
        before = " ns: " if index == answers else (", " if shown else " ")
        shown.append(f"{before}{f'{owner} ' if verbose else ''}{text}")
    return f"{number}{mark}{question} {answers}/{authority}/{additional}{''.join(shown)} ({len(data)})"


def _name(data: bytes, place: int) -> tuple[int, str]:
    labels = []
    while length := data[place]:
        labels.append(data[place + 1 : place + 1 + length].decode(errors="replace"))
        place += 1 + length
    return place + 1, ".".join(labels) + "."


def _record(data: bytes, place: int, verbose: int) -> tuple[int, str, str]:
    place, owner = _name(data, place)
    number, _, _, length = struct.unpack(">HHIH", data[place : place + 10])
    place += 10
    kind = _TYPES.get(number, f"Type{number}")
    content = data[place : place + length]
    match kind:
        case "A":
            text = f"A {IPv4Address(content)}"
        case "AAAA":
            text = f"AAAA {IPv6Address(content)}"
        case "CNAME" | "PTR" | "NS":
            text = f"{kind} {_name(content, 0)[1]}"
        case "SRV":
            priority, weight, port = struct.unpack(">HHH", content[:6])
            text = f"SRV {_name(content, 6)[1]}:{port} {priority} {weight}"
        case "SOA" if verbose > 1:
            at, server = _name(content, 0)
            at, mailbox = _name(content, at)
            numbers = " ".join(map(str, struct.unpack(">5I", content[at : at + 20])))
            text = f"SOA {server} {mailbox} {numbers}"
        case "TXT":
            text = f'TXT "{content[1:].decode(errors="replace")}"'
        case _:
            text = kind
    return place + length, owner, text
