"""Two matches that only kube-proxy's ipvs mode writes: `physdev` and `ipvs`.

Source: iptables 1.8.9 extensions, Linux 6.18 net/netfilter/xt_physdev.c and xt_ipvs.c.
"""

from dataclasses import dataclass
from ipaddress import ip_address

from svclab.linux.iptables.headers import Match, bang
from svclab.linux.packet import Protocol
from svclab.linux.skb import Skb, address_text


@dataclass(frozen=True, slots=True)
class PhysdevMatch(Match):
    """`-m physdev --physdev-is-in`: did the packet come in by a port of a bridge? Here pods hang on links of
    their own, so none ever does.
    """

    negated: bool = False

    def text(self) -> str:
        return f"-m physdev {bang(self.negated)}--physdev-is-in"

    def holds(self, skb: Skb) -> bool:
        return self.negated

    def fact(self, skb: Skb) -> str:
        return "it did not come in by a bridge port"

    def why_not(self, skb: Skb) -> str:
        return "it did not come in by a bridge port"


@dataclass(frozen=True, slots=True)
class IpvsMatch(Match):
    """`-m ipvs --vaddr A --vproto P --vport N`: is it of a connection to that virtual server? An ICMP error
    about one is not.
    """

    address: str
    protocol: Protocol
    port: int

    def text(self) -> str:
        number = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.SCTP: 132}[self.protocol]
        return f"-m ipvs --vproto {number} --vaddr {self.address} --vport {self.port}"

    def holds(self, skb: Skb) -> bool:
        key = skb.entry.original if skb.entry else skb.key
        server = (self.protocol, int(ip_address(self.address)), self.port)
        return skb.protocol is self.protocol and (key[0], key[3], key[4]) == server

    def fact(self, skb: Skb) -> str:
        if skb.kind.is_error:
            return "it is an ICMP error"
        key = skb.entry.original if skb.entry else skb.key
        return f"its connection was opened to {address_text(skb.version, key[3])} port {key[4]}"

    def why_not(self, skb: Skb) -> str:
        return f"{self.fact(skb)}, not to {self.address} port {self.port}"
