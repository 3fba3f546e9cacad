"""What a Corefile says, as far as it changes an answer.

Source: CoreDNS 1.13 plugins kubernetes, cache, loadbalance.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from svclab.dns.message import Message, Question, Record
from svclab.dns.name import absolute

Upstream = Callable[[Question], Message]  # the next server's answer to a question that CoreDNS forwards

REVERSE_ZONES = ("in-addr.arpa.", "ip6.arpa.")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A `rewrite name` rule: how it compares, and both texts.

    `how` is "exact", "prefix", "suffix", "substring" or "regex"; the new text of a regex names its groups
    as {1}, {2} and so on.
    """

    how: str
    old: str
    new: str

    def apply(self, name: str) -> str | None:
        """The name to ask instead of an absolute one, or None where the rule does not match."""
        old, new = self.old.lower(), self.new
        lowered = name.lower()
        match self.how:
            case "exact" if lowered == absolute(old):
                return absolute(new)
            case "prefix" if lowered.startswith(old):
                return new + name[len(old) :]
            case "suffix" if lowered.endswith(absolute(old)):
                return name[: -len(absolute(old))] + absolute(new)
            case "substring" if old in lowered:
                return lowered.replace(old, new, 1)
            case "regex" if found := re.search(self.old, lowered):
                groups = enumerate(found.groups(default=""), 1)
                return absolute(
                    reduce(lambda text, group: text.replace(f"{{{group[0]}}}", group[1]), groups, new)
                )
            case _:
                return None


@dataclass(frozen=True, slots=True)
class DnsOptions:
    """Options of one CoreDNS server; the defaults are those of the plugins, KUBEADM those of a kubeadm
    cluster.

    `ttl` in seconds. `pods` is "disabled", "insecure" or "verified". `namespaces` are the only ones
    exposed, None exposes all. Name errors in the `fallthrough` zones go to `upstream`; without an upstream
    they end in SERVFAIL. `local_ips` are the server's own addresses. `synced` is false while the informers
    have not listed everything. `cache_seconds` 0 means no cache. `serial` is the SOA's, None takes it from
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
    cache_seconds: int = 0
    cache_disabled_zones: tuple[str, ...] = ()
    loadbalance: bool = False
    serial: int | None = None
    rewrites: tuple[Rewrite, ...] = ()
    hosts: tuple[Record, ...] = ()
    hosts_fall_through: bool = False

    @property
    def primary_zone(self) -> str:
        """The first zone that is not a reverse one; PTR records point into it."""
        return next(zone for zone in self.zones if not zone.endswith(REVERSE_ZONES))


KUBEADM = DnsOptions(
    zones=("cluster.local.", *REVERSE_ZONES),
    ttl=30,
    pods="insecure",
    fallthrough=REVERSE_ZONES,
    cache_seconds=30,
    cache_disabled_zones=("cluster.local.",),
    loadbalance=True,
)
