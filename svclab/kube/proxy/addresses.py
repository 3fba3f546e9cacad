"""Addresses and ranges as kube-proxy reads them: leading zeros forgiven, families kept apart."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
MAPPED_BITS = 96  # before the IPv4 part of an IPv4 address in IPv6 form
MAPPED_PREFIX = 0xFFFF << 32
_OCTETS = frozenset(map(str, range(256)))


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, or None if `text` is none. "172.30.0.041" is 172.30.0.41: old Go read it so, kube-proxy
    still does. To Go an IPv4 address in IPv6 form is the IPv4 address, and one with a zone is none.
    """
    begin, colon, end = text.rpartition(":")
    parts = end.split(".")
    if len(parts) == 4 and all(part.isascii() and part.isdigit() for part in parts):
        text = begin + colon + ".".join(str(int(part)) for part in parts)
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return None if address.scope_id else address.ipv4_mapped or address


def parse_network(text: str) -> Network | None:
    """The range with its host bits cleared, or None if `text` is none. Blanks around it do not count."""
    address_text, slash, digits = text.strip().partition("/")
    address = parse_address(address_text)
    if address is None or not slash or not (digits.isascii() and digits.isdigit()):
        return None
    length = int(digits)
    if ":" in address_text and address.version == 4:
        if length < MAPPED_BITS:
            address = IPv6Address(MAPPED_PREFIX | int(address))  # more than the IPv4 part is free
        else:
            length -= MAPPED_BITS
    try:
        return ip_network((address, length), strict=False)
    except ValueError:
        return None


def normalised(text: str, version: int) -> str:
    """The address as kube-proxy writes it; "" if `text` is no address of IP version 4 or 6.

    An IPv4 address without leading zeros, nearly every one there is, is taken as it stands: ipaddress would
    cost a large cluster half a second.
    """
    if version == 4:
        octets = text.split(".")
        if len(octets) == 4 and _OCTETS.issuperset(octets):
            return text
    address = parse_address(text)
    return str(address) if address and address.version == version else ""


def addresses_of(texts: list[str], version: int) -> list[tuple[int, str]]:
    """Those of `texts` that are addresses of IP version 4 or 6, normalised, each with its place in the
    list.
    """
    found = [(index, normalised(text, version)) for index, text in enumerate(texts)]
    return [(index, address) for index, address in found if address]


def networks_of(texts: list[str], version: int) -> list[tuple[int, Network]]:
    """Those of `texts` that are ranges of IP version 4 or 6, each with its place in the list."""
    parsed = [(index, parse_network(text)) for index, text in enumerate(texts)]
    return [(index, network) for index, network in parsed if network and network.version == version]
