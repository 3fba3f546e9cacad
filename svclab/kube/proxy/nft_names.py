"""Names of kube-proxy's nftables chains: readable, with a hash in front that keeps them apart when cut."""

from svclab.kube.proxy.chains import chain_hash
from svclab.kube.proxy.endpoints import Endpoint
from svclab.kube.proxy.services import ServicePort

LONGEST = 240  # characters: nftables allows 256, and kube-proxy puts a prefix of up to 16 before the name
LONGEST_COMMENT = 128  # the kernel refuses a transaction with a longer one


def port_name(port: ServicePort) -> str:
    """ "HASH-namespace/name/protocol/port", what comes after "service-", "external-" and so on."""
    return hashed(_plain(port))


def endpoint_name(port: ServicePort, endpoint: Endpoint) -> str:
    """ "HASH-namespace/name/protocol/port__IP/PORT", what comes after "endpoint-" and "affinity-".

    nft does not take colons in names; an IPv6 address has dots instead.
    """
    return hashed(f"{_plain(port)}__{endpoint.ip.replace(':', '.')}/{endpoint.port}")


def port_comment(port: ServicePort) -> str:
    """ "namespace/name:port" with its end cut off if need be; so kube-proxy does it since issue 139515."""
    return port.key[:LONGEST_COMMENT]


def hashed(name: str) -> str:
    """The first 8 characters of the name's hash before it, and "..." for what is too long."""
    full = f"{chain_hash(name)[:8]}-{name}"
    return full if len(full) <= LONGEST else f"{full[: LONGEST - 3]}..."


def _plain(port: ServicePort) -> str:
    return f"{port.namespace}/{port.service}/{port.protocol.lower()}/{port.name}"
