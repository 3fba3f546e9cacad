"""Everything that a request can meet: the objects, the hosts and links, the name servers."""

from dataclasses import dataclass, field

from svclab.kube.coredns.internet import STANDARD_INTERNET, Internet
from svclab.kube.poddns import STANDARD_KUBELET, KubeletDns
from svclab.kube.snapshot import Snapshot
from svclab.kube.surroundings import RESOLVER_ADDRESS
from svclab.linux.fabric import Exchange, Fabric


@dataclass
class World:
    """One cluster at one moment. `mode` is kube-proxy's ("iptables", "nftables", "ipvs").

    `dns` are CoreDNS's options where the cluster has no Corefile. `internet` answers the questions that leave
    the cluster; `caches` are the memories of the CoreDNS processes, by host, from one moment to the next.
    """

    snapshot: Snapshot
    fabric: Fabric
    mode: str = "iptables"
    dns: DnsOptions = replace(KUBEADM, upstream=STANDARD_INTERNET)
    kubelet: KubeletDns = STANDARD_KUBELET
    internet: Internet = STANDARD_INTERNET
    caches: dict[str, Cache] = field(default_factory=dict)
    _servers: dict[str, NameServer] = field(default_factory=dict, init=False, repr=False)

    def coredns_on(self, host: str) -> NameServer:
        """The CoreDNS process that runs on a host, over the objects of now."""
        if host not in self._servers:
            cache = self.caches.setdefault(host, Cache())
            addresses = pod_addresses(self.snapshot, host)
            self._servers[host] = NameServer(self.snapshot, addresses, self.internet, cache, self.dns)
        return self._servers[host]

    def answer(
        self, exchange: Exchange, question: Question, edns: Edns | None, tcp: bool, now: datetime, dice: Dice
    ) -> Message | None:
        """What the program that got the question answers; None from one that does not speak DNS."""
        if exchange.listener == "coredns" and exchange.server_host:
            server = self.coredns_on(exchange.server_host)
            return server.answer(question, edns=edns, tcp=tcp, now=now, dice=dice)
        return self.internet(question) if exchange.listener == "resolver" else None


def pod_addresses(snapshot: Snapshot, host: str) -> tuple[str, ...]:
    """The addresses of the pod behind a host name `pod/NAMESPACE/NAME`; none for another host."""
    kind, _, rest = host.partition("/")
    namespace, _, name = rest.partition("/")
    pod = snapshot.get("Pod", namespace, name) if kind == "pod" else None
    status = (pod or {}).get("status") or {}
    found = [each["ip"] for each in status.get("podIPs") or ()]
    return tuple(found or ([status["podIP"]] if status.get("podIP") else []))


def internet_addresses(internet: Internet = STANDARD_INTERNET) -> tuple[str, ...]:
    """The addresses of the machines that names outside lead to, the resolver's first."""
    found = (record.data for record in internet.records if record.type == "A")
    return tuple(dict.fromkeys((RESOLVER_ADDRESS, *found)))
