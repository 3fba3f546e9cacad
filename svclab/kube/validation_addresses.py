"""IP addresses and CIDRs in objects, as strictly as 1.36 reads them."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from svclab.kube.status import FieldError, invalid

_NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address, read as leniently as Go's older parser does (leading zeros); None if it is none."""
    if re.fullmatch(r"\d+(\.\d+){3}", text):
        text = ".".join(str(int(part)) for part in text.split("."))
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def ip(field: str, text: str) -> list[FieldError]:
    """The text must be an IP address in its usual spelling."""
    address = parsed(text)
    if address is None:
        return [invalid(field, text, _NOT_AN_IP)]
    if isinstance(address, IPv4Address) and re.search(r"(^|\.)0\d", text):
        return [invalid(field, text, "must not have leading 0s")]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return [invalid(field, text, "must not be an IPv4-mapped IPv6 address")]
    return []


def cidr(field: str, text: str) -> list[FieldError]:
    """The text must be an address range without bits beyond its prefix."""
    start, slash, length = text.partition("/")
    address = parsed(start)
    if (
        not slash
        or address is None
        or not re.fullmatch(r"\d+", length)
        or int(length) > address.max_prefixlen
    ):
        return [invalid(field, text, _NOT_A_CIDR)]
    if isinstance(address, IPv4Address) and re.search(r"(^|\.)0\d", start):
        return [invalid(field, text, "must not have leading 0s in IP")]
    if len(length) > 1 and length[0] == "0":
        return [invalid(field, text, "must not have leading 0s in prefix length")]
    if ip_network(f"{address}/{length}", strict=False).network_address != address:
        return [invalid(field, text, "must not have bits set beyond the prefix length")]
    return []


def endpoint_ip(field: str, text: str) -> list[FieldError]:
    """An address to which traffic may be sent: not unspecified, loopback, link-local."""
    address = parsed(text)
    if address is None:
        return [invalid(field, text, "must be a valid IP address")]
    errors = []
    if address.is_unspecified:
        errors.append(invalid(field, text, f"may not be unspecified ({text})"))
    if address.is_loopback:
        errors.append(invalid(field, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if address.is_link_local:
        errors.append(invalid(field, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if address in ip_network("224.0.0.0/24") if address.version == 4 else address in ip_network("ff02::/16"):
        errors.append(
            invalid(field, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
        )
    return errors
