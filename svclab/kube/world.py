"""Everything that a request can meet: the objects, the hosts and links, the name servers."""

from dataclasses import dataclass, field

from svclab.kube.coredns.internet import STANDARD_INTERNET, Internet
from svclab.kube.nameserver import NameServers
from svclab.kube.poddns import STANDARD_KUBELET, KubeletDns
from svclab.kube.snapshot import Snapshot
from svclab.kube.surroundings import RESOLVER_ADDRESS
from svclab.kube.webserver import FoundAtStart, not_known
from svclab.linux.fabric import Fabric

PUBLIC_RESOLVERS = ("1.1.1.1", "8.8.8.8", "8.8.4.4", "9.9.9.9")  # what people type after dig's @


@dataclass
class World:
    """One cluster at one moment. `mode` is kube-proxy's ("iptables", "nftables", "ipvs").

    `names` are its CoreDNS servers; without them, fresh ones with empty caches. `found` tells the Services
    that a container has found at its start.
    """

    snapshot: Snapshot
    fabric: Fabric
    mode: str = "iptables"
    kubelet: KubeletDns = STANDARD_KUBELET
    found: FoundAtStart = not_known
    names: NameServers = field(default=None)  # type: ignore[assignment]  # filled in from the snapshot

    def __post_init__(self) -> None:
        if self.names is None:
            self.names = NameServers(self.snapshot)


def internet_addresses(internet: Internet = STANDARD_INTERNET) -> tuple[str, ...]:
    """The addresses of the machines that names outside lead to, those of resolvers first."""
    found = (record.data for record in internet.records if record.type == "A")
    return tuple(dict.fromkeys((RESOLVER_ADDRESS, *PUBLIC_RESOLVERS, *found)))
