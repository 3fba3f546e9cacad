"""What kube-proxy has programmed on the node at which the learner is: the iptables, nft and ipvsadm commands
read it.
"""

from dataclasses import dataclass

from svclab.kube.nodememory import NodeMemory
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.snapshot import Manifest
from svclab.terminal.commands.registry import Context


@dataclass(frozen=True, slots=True)
class Programmed:
    """The mode of a node's kube-proxy, the objects of its last sync, and the Node object."""

    mode: str
    services: list[Manifest]
    slices: list[Manifest]
    node: Manifest

    def config(self, family: str = "IPv4") -> ProxyConfig:
        """kube-proxy's settings: it runs dual-stack where the kernel has IPv6, whatever the cluster has."""
        return ProxyConfig.for_node(self.node, ip_family=family)


def programmed(context: Context) -> Programmed | None:
    """What this node's kube-proxy has programmed; None away from a node."""
    if context.location.kind != "node":
        return None
    state = context.cluster.state()
    node = state.snapshot.get("Node", "", context.location.name)
    memory = state.hosts.get(context.location.name, NodeMemory())
    services = [manifest for manifest in memory.manifests if manifest["kind"] == "Service"]
    slices = [manifest for manifest in memory.manifests if manifest["kind"] == "EndpointSlice"]
    return Programmed(memory.mode, services, slices, node)
