"""What the table `kube-proxy` holds whatever Services there are: base chains, checks and masquerading.

Source: kube-proxy 1.36 in nftables mode, as recorded; the variants of a configuration other than kubeadm's
by design.
"""

from svclab.kube.proxy.addresses import networks_of
from svclab.kube.proxy.config import LOOPBACK, PRIMARY, ProxyConfig
from svclab.kube.proxy.fixed_rules import setting
from svclab.kube.proxy.nft_objects import NftChain, NftElement, NftRule, NftSet, address_set

# Base chains in order: name, type and hook, priority, and where each sends packets.
NEW = "ct state new "
BASE_CHAINS = (
    ("filter-prerouting-pre-dnat", "filter hook prerouting", "dstnat - 10", (NEW + "jump firewall-check",)),
    ("filter-output-pre-dnat", "filter hook output", "-110", (NEW + "jump firewall-check",)),
    (
        "filter-input",
        "filter hook input",
        "filter",
        (NEW + "jump nodeport-endpoints-check", NEW + "jump service-endpoints-check"),
    ),
    (
        "filter-forward",
        "filter hook forward",
        "filter",
        (NEW + "jump service-endpoints-check", NEW + "jump cluster-ips-check"),
    ),
    (
        "filter-output",
        "filter hook output",
        "filter",
        (NEW + "jump service-endpoints-check", NEW + "jump cluster-ips-check"),
    ),
    ("nat-prerouting", "nat hook prerouting", "dstnat", ("jump services",)),
    ("nat-output", "nat hook output", "-100", ("jump services",)),
    ("nat-postrouting", "nat hook postrouting", "srcnat", ("jump masquerading",)),
)
PORT = "meta l4proto . th dport"


def ip_word(config: ProxyConfig) -> str:
    """The family's name in nft's expressions and tables: "ip" or "ip6"."""
    return "ip6" if config.ip_version == 6 else "ip"


def mark_rule(config: ProxyConfig) -> str:
    """Marks a packet for masquerading."""
    return f"meta mark set meta mark | {config.mark}"


def local_match(config: ProxyConfig) -> tuple[str, str] | None:
    """How a rule recognises packets of this node's pods, and of everybody else; None if it cannot."""
    found = config.local_match()
    if not found:
        return None
    flag, value = found[0].split()
    if flag == "-s":
        return f"{ip_word(config)} saddr {value}", f"{ip_word(config)} saddr != {value}"
    name = value.removesuffix("+") + "*" if value.endswith("+") else value
    return f'iifname "{name}"', f'iifname != "{name}"'


def node_port_match(config: ProxyConfig) -> str:
    """How a rule recognises packets to an address of this node's that node ports are open on; that it is one
    of the node's is not asked where every address counts.
    """
    ip = ip_word(config)
    if _everywhere(config):
        return f"{ip} daddr != {LOOPBACK[config.ip_version].removesuffix('/128')}"
    return f"{ip} daddr @nodeport-ips"


def node_port_ips(config: ProxyConfig) -> NftSet | None:
    """The addresses that node ports are open on: by default the node IP alone, never loopback. None where
    every address counts.
    """
    if _everywhere(config):
        return None
    if config.node_port_networks:
        ips: tuple[str, ...] = tuple(ip for ip in config.node_port_ips() if ip not in ("127.0.0.1", "::1"))
    else:
        ips = (config.node_ip,) if config.node_ip else ()
    elements = tuple(NftElement((ip,), "", "", setting("nodePortAddresses")) for ip in ips)
    comment = "IPs that accept NodePort traffic"
    return NftSet("nodeport-ips", (f"ipv{config.ip_version}_addr",), comment=comment, elements=elements)


def base_chains(config: ProxyConfig) -> list[NftChain]:
    """The chains that are there without any Service, in the order in which kube-proxy makes them."""
    ip, match = ip_word(config), node_port_match(config)
    services = [*_masquerade_cluster_ips(config)]
    services.append(f"{ip} daddr . {PORT} vmap @service-ips")
    own = "fib daddr type local " if _everywhere(config) else ""
    services.append(f"{own}{match} {PORT} vmap @service-nodeports")
    plain = {
        "nodeport-endpoints-check": [f"{match} {PORT} vmap @no-endpoint-nodeports"],
        "service-endpoints-check": [f"{ip} daddr . {PORT} vmap @no-endpoint-services"],
        "firewall-check": [f"{ip} daddr . {PORT} vmap @firewall-ips"],
        "services": services,
        "masquerading": _masquerading(config),
        "cluster-ips-check": _cluster_ips_check(config),
    }
    chains = [
        _chain(name, jumps, hook=f"type {hook} priority {priority}; policy accept;")
        for name, hook, priority, jumps in BASE_CHAINS
    ]
    chains += [_chain(name, texts) for name, texts in plain.items()]
    helper = "helper for @no-endpoint-services / @no-endpoint-nodeports"
    return [*chains, _chain("reject-chain", ["reject"], comment=helper)]


def _chain(name: str, texts: list[str] | tuple[str, ...], hook: str = "", comment: str = "") -> NftChain:
    return NftChain(name, tuple(NftRule(text, setting("")) for text in texts), hook, comment)


def _everywhere(config: ProxyConfig) -> bool:
    """Are node ports open on every address of the node's? Here that is not the default."""
    given = config.node_port_addresses
    return given not in ((), (PRIMARY,)) and not config.node_port_networks


def _masquerade_cluster_ips(config: ProxyConfig) -> list[str]:
    to = f"{ip_word(config)} daddr @cluster-ips"
    if config.masquerade_all:
        return [f'{to} {mark_rule(config)} comment "masquerade all clusterIP traffic"']
    local = local_match(config)
    if not local:
        return []
    return [
        f'{to} {local[1]} {mark_rule(config)} comment "masquerade clusterIP traffic from outside cluster"'
    ]


def _masquerading(config: ProxyConfig) -> list[str]:
    ip, mark = ip_word(config), config.mark
    return [
        f"meta mark & {mark} != 0x00000000 meta mark set meta mark ^ {mark} masquerade fully-random",
        f"ct status dnat {ip} saddr . {ip} daddr . {PORT} @hairpin-connections masquerade fully-random",
    ]


def _cluster_ips_check(config: ProxyConfig) -> list[str]:
    ip = ip_word(config)
    rules = [f'{ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"']
    networks = [network for _, network in networks_of(config.service_cidr.split(","), config.ip_version)]
    if networks:
        ranges = address_set(networks)
        rules.append(f'{ip} daddr {ranges} drop comment "Drop traffic to unallocated ClusterIPs"')
    return rules
