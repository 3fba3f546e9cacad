"""Names that kube-proxy gives to its chains: a prefix and a hash of the Service port, never of an address."""

from collections.abc import Iterable
from hashlib import sha256
from struct import Struct

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_TRIPLES = [pair + third for pair in _PAIRS for third in _ALPHABET]
_LEADING_BITS = Struct(">QH").unpack_from  # the first 64 bits and the 16 after them


def chain_hash(text: str) -> str:
    """The first 16 base32 characters of the SHA-256 of `text`, as kube-proxy 1.36 puts them into chain
    names.
    """
    # Look-ups of 15 and 10 bits: a large cluster has 100,000 endpoints, and b32encode is four times slower.
    high, low = _LEADING_BITS(sha256(text.encode()).digest())
    return (
        f"{_TRIPLES[high >> 49]}{_TRIPLES[high >> 34 & 32767]}{_TRIPLES[high >> 19 & 32767]}"
        f"{_TRIPLES[high >> 4 & 32767]}{_PAIRS[(high & 15) << 6 | low >> 10]}{_PAIRS[low & 1023]}"
    )


def port_hash(service_port: str, protocol: str) -> str:
    """The hash that KUBE-SVC-, KUBE-SVL-, KUBE-EXT- and KUBE-FW- chains of one Service port share.

    `service_port` is "namespace/name:port" (no colon where the port has no name), `protocol` TCP, UDP or
    SCTP. No address is in it: a Service that is deleted and made again keeps its chains' names.
    """
    return chain_hash(service_port + protocol.lower())


def endpoint_chains(service_port: str, protocol: str, endpoints: Iterable[str]) -> list[str]:
    """The KUBE-SEP- chains of endpoints ("IP:PORT", or "[IP]:PORT" for IPv6) of one Service port."""
    begin = service_port + protocol.lower()
    return ["KUBE-SEP-" + chain_hash(begin + endpoint) for endpoint in endpoints]
