"""Which endpoints kube-proxy uses for a Service port: traffic policies, topology hints, terminating ones.

Source: kube-proxy 1.36 (topology), the same for all three modes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.endpoints import Endpoint
from svclab.kube.proxy.services import ServicePort


@dataclass(frozen=True, slots=True)
class Choice:
    """The endpoints behind one Service port on one node.

    `cluster` serves whatever is not restricted by a Local policy, `local` what is. `has_any` is True if the
    port has a usable endpoint anywhere, even where a Local policy leaves this node without one.
    """

    cluster: tuple[Endpoint, ...]
    local: tuple[Endpoint, ...]
    has_any: bool

    @property
    def used(self) -> tuple[Endpoint, ...]:
        """Every endpoint that some chain leads to, in order."""
        if not self.local or self.local == self.cluster:
            return self.cluster or self.local
        return tuple(sorted({*self.cluster, *self.local}))


def choose(port: ServicePort, endpoints: Sequence[Endpoint], config: ProxyConfig) -> Choice:
    """The endpoints of a Service port that kube-proxy on this node uses; `endpoints` in kube-proxy's order.

    Ready ones, cut down by topology hints; where there are none, those that terminate but still serve
    (hints or not). Local endpoints are chosen the same way among this node's, without hints and
    independently of the others.
    """
    ready = tuple([endpoint for endpoint in endpoints if endpoint.ready])
    cluster: tuple[Endpoint, ...] = ()
    if port.uses_cluster:
        cluster = near(ready, config) if ready else tuple(e for e in endpoints if e.is_fallback)
    if not port.uses_local:
        return Choice(cluster, (), bool(cluster))
    local = tuple(endpoint for endpoint in ready if endpoint.local)
    if not local:
        local = tuple(endpoint for endpoint in endpoints if endpoint.local and endpoint.is_fallback)
    return Choice(cluster, local, bool(ready) or any(endpoint.is_fallback for endpoint in endpoints))


def near(ready: tuple[Endpoint, ...], config: ProxyConfig) -> tuple[Endpoint, ...]:
    """The ready endpoints that topology hints allow on this node.

    Hints count only if every endpoint has them and at least one names this node (forNodes), else this
    node's zone (forZones); otherwise all endpoints stay. kube-proxy reads hints alone, never
    trafficDistribution.
    """
    if ready and all(endpoint.nodes for endpoint in ready):
        same_node = tuple(endpoint for endpoint in ready if config.node_name in endpoint.nodes)
        if same_node:
            return same_node
    if ready and config.zone and all(endpoint.zones for endpoint in ready):
        same_zone = tuple(endpoint for endpoint in ready if config.zone in endpoint.zones)
        if same_zone:
            return same_zone
    return ready
