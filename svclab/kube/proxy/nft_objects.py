"""An nftables table with its sets, maps and chains, printed as `nft -s list table` prints it (nft 1.0.6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, summarize_address_range

from svclab.kube.proxy.addresses import Network
from svclab.linux.trace import Origin

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}


@dataclass(frozen=True, slots=True)
class NftElement:
    """One element: the parts of its key as text, and in a map the verdict it leads to."""

    key: tuple[str, ...]
    verdict: str
    comment: str
    origin: Origin

    def __str__(self) -> str:
        comment = f' comment "{self.comment}"' if self.comment else ""
        verdict = f" : {self.verdict}" if self.verdict else ""
        return f"{' . '.join(self.key)}{comment}{verdict}"


@dataclass(frozen=True, slots=True)
class NftSet:
    """A set, or a map if `verdicts`. `types` are the types of the key's parts.

    `timeout_seconds` is there for a set that the packet path fills: each entry is forgotten after that time.
    """

    name: str
    types: tuple[str, ...]
    verdicts: bool = False
    comment: str = ""
    timeout_seconds: int | None = None
    elements: tuple[NftElement, ...] = ()

    def lines(self) -> list[str]:
        """The block as nft lists it; elements in nft's order."""
        lines = [
            f"\t{'map' if self.verdicts else 'set'} {self.name} {{",
            f"\t\ttype {' . '.join(self.types)}{' : verdict' if self.verdicts else ''}",
        ]
        if self.timeout_seconds is not None:
            timeout = f"\t\ttimeout {duration(self.timeout_seconds)}"
            lines += ["\t\tsize 65535", "\t\tflags dynamic,timeout", timeout]
        if self.comment:
            lines.append(f'\t\tcomment "{self.comment}"')
        if self.elements:
            texts = [str(element) for element in sorted(self.elements, key=lambda e: element_order(e.key))]
            # nft puts two bare IPv4 addresses on a line and one of everything else.
            per_line = 2 if self.types == ("ipv4_addr",) and not self.verdicts else 1
            rows = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
            lines.append("\t\telements = { " + ",\n\t\t\t     ".join(rows) + " }")
        return [*lines, "\t}"]


@dataclass(frozen=True, slots=True)
class NftRule:
    """One rule as nft lists it, the object and field that produced it, and those behind each of the choices
    that it draws from.
    """

    text: str
    origin: Origin
    drawn: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class NftChain:
    """A chain. `hook` is its line "type ... hook ... priority ...; policy ...;", "" if it is only jumped
    to.
    """

    name: str
    rules: tuple[NftRule, ...]
    hook: str = ""
    comment: str = ""

    def lines(self) -> list[str]:
        """The block as nft lists it."""
        lines = [f"\tchain {self.name} {{"]
        if self.comment:
            lines.append(f'\t\tcomment "{self.comment}"')
        if self.hook:
            lines.append(f"\t\t{self.hook}")
        return [*lines, *(f"\t\t{rule.text}" for rule in self.rules), "\t}"]


@dataclass(frozen=True, slots=True)
class NftTable:
    """A whole table. `family` is "ip" or "ip6"."""

    family: str
    name: str
    comment: str
    sets: tuple[NftSet, ...]
    chains: tuple[NftChain, ...]

    def __str__(self) -> str:
        blocks = ["\n".join(block.lines()) for block in (*self.sets, *self.chains)]
        head = f'table {self.family} {self.name} {{\n\tcomment "{self.comment}"\n'
        return head + "\n\n".join(blocks) + "\n}\n"


def element_order(key: tuple[str, ...]) -> tuple:
    """Sorts elements as nft 1.0.6 lists them.

    A plain key goes by its value. A key of several parts is compared as one little-endian number on the usual
    machines: the last byte of the last part weighs most, so the port's low byte comes first.
    """
    if len(key) == 1:
        return (int(ip_address(key[0])),)
    return tuple(byte for part in reversed(key) for byte in reversed(_packed(part)))


def duration(seconds: int) -> str:
    """A time as nft writes it: 10800 is "3h", 90 is "1m30s"."""
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def address_set(networks: Iterable[Network]) -> str:
    """An anonymous set of address ranges as nft lists it: merged where they touch or overlap, in order.

    A single range stands without braces, as nft makes a plain comparison of it.
    """
    given = list(networks)
    ranges = sorted((int(network[0]), int(network[-1])) for network in given)
    if len(ranges) == 1:
        return _range_text(given[0][0], given[0][-1])
    merged: list[list[int]] = []
    for first, last in ranges:
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(last, merged[-1][1])
        else:
            merged.append([first, last])
    address = type(given[0][0])
    return "{ " + ", ".join(_range_text(address(first), address(last)) for first, last in merged) + " }"


def _range_text(first: IPv4Address | IPv6Address, last: IPv4Address | IPv6Address) -> str:
    if first == last:
        return str(first)
    networks = list(summarize_address_range(first, last))  # type: ignore[type-var]
    return str(networks[0]) if len(networks) == 1 else f"{first}-{last}"


def _packed(part: str) -> bytes:
    if part in PROTOCOLS:
        return bytes([PROTOCOLS[part]])
    return int(part).to_bytes(2, "big") if part.isdigit() else ip_address(part).packed
