"""Names that kube-proxy gives to its chains: a prefix and a hash of the Service port, not of its address."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

_CHARACTERS = bytes.maketrans(bytes(range(32)), b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_ROOM = bytes(6)  # before ten bytes, for the sixteen that they become


def chain_hash(text: str) -> str:
    """The first 16 base32 characters of the SHA-256 of `text`, as kube-proxy 1.36 puts them into chain
    names.
    """
    return _base32([sha256(text.encode()).digest()])[0]


def chain_names(service_port: str, protocol: str, endpoints: Iterable[str]) -> tuple[str, list[str]]:
    """The hash that KUBE-SVC-, KUBE-SVL-, KUBE-EXT- and KUBE-FW- chains of one Service port share, and the
    KUBE-SEP- chains of its endpoints ("IP:PORT", or "[IP]:PORT" for IPv6).

    `service_port` is "namespace/name:port" (no colon where the port has no name), `protocol` TCP, UDP or
    SCTP. No address of the Service is in it: one that is deleted and made again keeps its chains' names.
    """
    begun = sha256((service_port + protocol.lower()).encode())
    digests = [begun.digest()]
    for endpoint in endpoints:
        whole = begun.copy()
        whole.update(endpoint.encode())
        digests.append(whole.digest())
    own, *others = _base32(digests)
    return own, [f"KUBE-SEP-{hash_}" for hash_ in others]


def _base32(digests: list[bytes]) -> list[str]:
    """The first 16 characters of each digest in base32, all at once: a large cluster has 100,000 endpoints.

    In one long number the 80 bits of each are halved, and the halves moved apart, until there are five in
    each byte.
    """
    count = len(digests)
    number = int.from_bytes(b"".join([_ROOM + digest[:10] for digest in digests]), "big")
    for lower, upper, apart in _halves(count):
        number = number & lower | (number & upper) << apart
    text = number.to_bytes(16 * count, "big").translate(_CHARACTERS).decode()
    return [text[at : at + 16] for at in range(0, 16 * count, 16)]


@lru_cache(maxsize=64)
def _halves(count: int) -> list[tuple[int, int, int]]:
    """Masks of the lower and of the upper halves of 80 bits, of 40, 20 and 10, and how far these move."""
    found = []
    for half in (40, 20, 10, 5):
        space = half * 16 // 5  # of bits, for both halves
        bits = space // 8
        mask = ((1 << half) - 1).to_bytes(bits, "big") * (16 * count // bits)
        lower = int.from_bytes(mask, "big")
        found.append((lower, lower << half, space // 2 - half))
    return found
