"""Domain names as text: absolute names end with a dot. Source: RFC 1035 2.3, RFC 3596 2.5."""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*")
HOSTNAME = re.compile(r"\.|(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
MAX_LABEL_BYTES = 63
MAX_NAME_BYTES = 255  # on the wire, length bytes and the root included


class BadName(ValueError):
    """A name that cannot be written into a DNS message; `reason` says which limit it breaks."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name!r}: {reason}")
        self.name = name
        self.reason = reason


def absolute(name: str) -> str:
    """The name with its final dot."""
    return name if name.endswith(".") else name + "."


def relative(name: str) -> str:
    """The name as most tools print it: without the final dot, the root as a lone dot."""
    return name.rstrip(".") or "."


def labels(name: str) -> list[str]:
    """The labels from left to right, without the root."""
    text = name.rstrip(".")
    return text.split(".") if text else []


def dots(name: str) -> int:
    """How many dots a resolver counts when it compares with ndots: a final one does not count."""
    return name.rstrip(".").count(".")


def same(one: str, other: str) -> bool:
    """Whether two absolute names are equal; DNS ignores the case of ASCII letters."""
    return one.lower() == other.lower()


def is_at_or_below(name: str, zone: str) -> bool:
    """Whether an absolute name is the zone itself or lies below it."""
    name, zone = name.lower(), zone.lower()
    return zone == "." or name == zone or name.endswith("." + zone)


def check(name: str) -> str:
    """The name, if it fits into a message. Raises BadName for an empty or too long label or name."""
    parts = labels(name)
    if name not in (".", "") and (any(not part for part in parts) or name.endswith("..")):
        raise BadName(name, "empty label")
    if any(len(part.encode()) > MAX_LABEL_BYTES for part in parts):
        raise BadName(name, "label too long")
    if sum(len(part.encode()) + 1 for part in parts) + 1 > MAX_NAME_BYTES:
        raise BadName(name, "name too long")
    return name


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """The address that a text spells, or None. Zone indices (`%eth0`) are not addresses of records."""
    try:
        return IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        return None


def loose_address(text: str) -> Address | None:
    """An address as C libraries read one: also IPv4 of one to four numbers, hexadecimal, octal or decimal,
    the last of which fills what is left (127.1); an IPv6 one may name an interface.
    """
    if ":" in text:
        return parse_address(text.partition("%")[0])
    parts = text.split(".")
    if len(parts) > 4 or not all(NUMBER.fullmatch(part) for part in parts):
        return None
    *firsts, last = [
        int(part, 16 if part[1:2] in "xX" and part[1:] else 8 if part[0] == "0" else 10) for part in parts
    ]
    if any(first > 255 for first in firsts) or last >= 256 ** (4 - len(firsts)):
        return None
    return IPv4Address(sum(first << 24 - 8 * place for place, first in enumerate(firsts)) + last)


def is_hostname(name: str) -> bool:
    """Whether glibc looks a name up at all: letters, digits, hyphens and underscores, no hyphen in front."""
    return bool(HOSTNAME.fullmatch(name))


def reverse_name(address: Address) -> str:
    """The absolute name at which the PTR records of an address live."""
    return absolute(address.reverse_pointer)


def address_of_reverse(name: str) -> Address | None:
    """The address that a complete reverse name stands for; None for any other name, a partial one too.

    Up to three labels before the 32 of an IPv6 address do not count, as in CoreDNS.
    """
    lowered = absolute(name).lower()
    if lowered.endswith(".in-addr.arpa."):
        return parse_address(".".join(reversed(labels(lowered)[:-2])))
    if lowered.endswith(".ip6.arpa."):
        nibbles = labels(lowered)[:-2]
        extra = len(nibbles) - 32
        nibbles = nibbles[extra:]
        if extra not in range(4) or any(len(nibble) != 1 for nibble in nibbles):
            return None
        digits = "".join(reversed(nibbles))
        return parse_address(":".join(digits[i : i + 4] for i in range(0, 32, 4)))
    return None


def is_reverse(name: str) -> bool:
    """Whether a name lies below one of the two reverse zones."""
    lowered = absolute(name).lower()
    return lowered.endswith((".in-addr.arpa.", ".ip6.arpa."))
