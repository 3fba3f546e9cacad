"""Warnings about addresses that are spelt in another than the usual way.

Source: GetWarningsForIP of k8s.io/apimachinery pkg/util/validation/ip.go.
"""

from ipaddress import IPv6Address

from svclab.kube.validation_addresses import parsed


def address_warnings(field: str, text: str) -> list[str]:
    """An address in another than its usual spelling."""
    address = parsed(text)
    if address is None or str(address) == text:
        return []
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return [f'{field}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{address}")']
    usual = address.ipv4_mapped if isinstance(address, IPv6Address) else address
    why = f'will be considered invalid in a future Kubernetes release: use "{usual}"'
    return [f'{field}: non-standard IP address "{text}" {why}']
