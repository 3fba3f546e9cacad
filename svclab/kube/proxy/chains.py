"""Names that kube-proxy gives to its chains: a prefix and a hash of the Service port, never of an address."""

from hashlib import sha256

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def chain_hash(text: str) -> str:
    """The first 16 base32 characters of the SHA-256 of `text`, as kube-proxy 1.36 puts them into chain
    names.
    """
    # Eight look-ups of ten bits each: base64.b32encode takes three times as long, and a cluster has many
    # endpoints.
    bits = int.from_bytes(sha256(text.encode()).digest()[:10], "big")
    return (
        _PAIRS[bits >> 70]
        + _PAIRS[bits >> 60 & 1023]
        + _PAIRS[bits >> 50 & 1023]
        + _PAIRS[bits >> 40 & 1023]
        + _PAIRS[bits >> 30 & 1023]
        + _PAIRS[bits >> 20 & 1023]
        + _PAIRS[bits >> 10 & 1023]
        + _PAIRS[bits & 1023]
    )


def port_hash(service_port: str, protocol: str) -> str:
    """The hash that KUBE-SVC-, KUBE-SVL-, KUBE-EXT- and KUBE-FW- chains of one Service port share.

    `service_port` is "namespace/name:port" (no colon where the port has no name), `protocol` TCP, UDP or
    SCTP. No address is in it: a Service that is deleted and made again keeps its chains' names.
    """
    return chain_hash(service_port + protocol.lower())


def endpoint_chain(service_port: str, protocol: str, endpoint: str) -> str:
    """The KUBE-SEP- chain of one endpoint ("IP:PORT", or "[IP]:PORT" for IPv6) of one Service port."""
    return "KUBE-SEP-" + chain_hash(service_port + protocol.lower() + endpoint)
