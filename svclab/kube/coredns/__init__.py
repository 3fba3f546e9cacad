"""CoreDNS 1.13 with the kubernetes plugin: names of Services, endpoints and pods as DNS messages."""

from svclab.kube.coredns.cache import Cache
from svclab.kube.coredns.internet import STANDARD_INTERNET, Internet
from svclab.kube.coredns.nameserver import NameServer
from svclab.kube.coredns.options import KUBEADM, DnsOptions
from svclab.kube.coredns.server import CoreDns

__all__ = ["KUBEADM", "STANDARD_INTERNET", "Cache", "CoreDns", "DnsOptions", "Internet", "NameServer"]
