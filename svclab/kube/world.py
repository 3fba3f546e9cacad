"""Everything that a request can meet: the objects, the hosts and links, the name servers."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from svclab.dns.message import Edns, Message, Question
from svclab.kube.coredns.cache import Cache
from svclab.kube.coredns.internet import STANDARD_INTERNET, Internet
from svclab.kube.coredns.options import KUBEADM, DnsOptions
from svclab.kube.coredns.server import CoreDns
from svclab.kube.poddns import STANDARD_KUBELET, KubeletDns
from svclab.kube.snapshot import Snapshot
from svclab.kube.surroundings import RESOLVER_ADDRESS
from svclab.linux.dice import Dice
from svclab.linux.fabric import Fabric


@dataclass
class World:
    """One cluster at one moment. `mode` is kube-proxy's ("iptables", "nftables", "ipvs").

    `internet` answers the questions that leave the cluster; `cache` is CoreDNS's memory.
    """

    snapshot: Snapshot
    fabric: Fabric
    mode: str = "iptables"
    dns: DnsOptions = replace(KUBEADM, upstream=STANDARD_INTERNET)
    kubelet: KubeletDns = STANDARD_KUBELET
    internet: Internet = STANDARD_INTERNET
    cache: Cache | None = None
    _coredns: CoreDns | None = field(default=None, init=False, repr=False)

    @property
    def coredns(self) -> CoreDns:
        """The cluster's name server over the objects of now."""
        if self._coredns is None:
            self._coredns = CoreDns(self.snapshot, self.dns, self.cache)
        return self._coredns

    def name_server(
        self, listener: str, question: Question, edns: Edns | None, tcp: bool, now: datetime, dice: Dice
    ) -> Message | None:
        """What the program that got the question answers; None from one that does not speak DNS."""
        if listener == "coredns":
            return self.coredns.answer(question, edns=edns, tcp=tcp, now=now, dice=dice)
        return self.internet(question) if listener == "resolver" else None


def internet_addresses(internet: Internet = STANDARD_INTERNET) -> tuple[str, ...]:
    """The addresses of the machines that names outside lead to, the resolver's first."""
    found = (record.data for record in internet.records if record.type == "A")
    return tuple(dict.fromkeys((RESOLVER_ADDRESS, *found)))
