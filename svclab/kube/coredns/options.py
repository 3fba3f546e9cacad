"""What a Corefile says, as far as it changes an answer.

Source: CoreDNS 1.13 plugins kubernetes, cache, loadbalance.
"""

from collections.abc import Callable
from dataclasses import dataclass

from svclab.dns.message import Message, Question, Record
from svclab.kube.coredns.rewriting import Rewrite

Upstream = Callable[[Question], Message]  # the next server's answer to a question that CoreDNS forwards

REVERSE_ZONES = ("in-addr.arpa.", "ip6.arpa.")
SERVFAIL_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long the cache keeps one kind of reply, in seconds, and in which zones it keeps none."""

    most: int
    least: int = 5
    disabled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caching:
    """The cache plugin's properties: replies with data, those without, and failures.

    `zones` are the only ones that pass it; none means all.
    """

    success: Keeping
    denial: Keeping
    servfail_seconds: int = SERVFAIL_SECONDS
    zones: tuple[str, ...] = ()

    @classmethod
    def of(cls, seconds: int, disabled: tuple[str, ...] = ()) -> "Caching":
        """`cache SECONDS`, with some zones exempt altogether."""
        keeping = Keeping(seconds, disabled=disabled)
        return cls(keeping, keeping)


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts plugin's entries, the zones that it answers for, and those in which it passes on what it does
    not have. `reverse`: whether addresses are found too.
    """

    records: tuple[Record, ...]
    zones: tuple[str, ...] = (".",)
    fallthrough: tuple[str, ...] = ()
    reverse: bool = True


@dataclass(frozen=True, slots=True)
class DnsOptions:
    """Options of one CoreDNS server; the defaults are those of the plugins, KUBEADM those of a kubeadm
    cluster.

    `ttl` in seconds. `pods` is "disabled", "insecure" or "verified". `namespaces` are the only ones
    exposed, None exposes all. Name errors in the `fallthrough` zones go to `upstream`; without an upstream
    they end in SERVFAIL. `local_ips` are the server's own addresses. `synced` is false while the informers
    have not listed everything. Without `caching` there is no cache. `serial` is the SOA's, None takes it from
    the newest object.
    """

    zones: tuple[str, ...] = ("cluster.local.",)
    ttl: int = 5
    pods: str = "disabled"
    namespaces: frozenset[str] | None = None
    ignore_empty_service: bool = False
    endpoint_pod_names: bool = False
    fallthrough: tuple[str, ...] = ()
    local_ips: tuple[str, ...] = ()
    upstream: Upstream | None = None
    synced: bool = True
    caching: Caching | None = None
    loadbalance: bool = False
    serial: int | None = None
    rewrites: tuple[Rewrite, ...] = ()
    hosts: Hosts | None = None

    @property
    def primary_zone(self) -> str:
        """The first zone that is not a reverse one; PTR records point into it."""
        return next(zone for zone in self.zones if not zone.endswith(REVERSE_ZONES))


KUBEADM = DnsOptions(
    zones=("cluster.local.", *REVERSE_ZONES),
    ttl=30,
    pods="insecure",
    fallthrough=REVERSE_ZONES,
    caching=Caching.of(30, ("cluster.local.",)),
    loadbalance=True,
)
