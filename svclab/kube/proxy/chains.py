"""Names that kube-proxy gives to its chains: a prefix and a hash of the Service port, never of an address."""

from base64 import b32encode
from hashlib import sha256


def chain_hash(text: str) -> str:
    """The first 16 base32 characters of the SHA-256 of `text`, as kube-proxy 1.36 puts them into chain
    names.
    """
    return b32encode(sha256(text.encode()).digest()[:10]).decode()


def port_hash(service_port: str, protocol: str) -> str:
    """The hash that KUBE-SVC-, KUBE-SVL-, KUBE-EXT- and KUBE-FW- chains of one Service port share.

    `service_port` is "namespace/name:port" (no colon where the port has no name), `protocol` TCP, UDP or
    SCTP. No address is in it: a Service that is deleted and made again keeps its chains' names.
    """
    return chain_hash(service_port + protocol.lower())


def endpoint_chain(service_port: str, protocol: str, endpoint: str) -> str:
    """The KUBE-SEP- chain of one endpoint ("IP:PORT", or "[IP]:PORT" for IPv6) of one Service port."""
    return "KUBE-SEP-" + chain_hash(service_port + protocol.lower() + endpoint)
