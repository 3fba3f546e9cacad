"""Rules that kube-proxy's iptables mode writes whatever Services there are, and its jumps from the built-in
chains.

Source: kube-proxy 1.36, and recordings of `iptables-save` on nodes where no kubelet had run.
"""

from svclab.kube.proxy.config import LOOPBACK, ProxyConfig
from svclab.kube.proxy.rules import ChainKey
from svclab.linux.trace import Origin

CANARY = "KUBE-PROXY-CANARY"
BUILT_IN = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}
# Chains that every sync writes anew, in the order in which they are named to iptables-restore.
ALWAYS_WRITTEN = {
    "filter": (
        "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL",
    ),
    "nat": ("KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"),
}  # fmt: skip

NEW = "-m conntrack --ctstate NEW "
LB_FIREWALL = '-m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL'
HEALTH_CHECKS = '-m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS'
EXTERNAL_PORTALS = (
    '-m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES'
)
FORWARDING = '-m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD'
PORTALS = '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES'
POSTROUTING = '-m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING'
FIREWALL = "-j KUBE-FIREWALL"
# Each chain from top to bottom. kube-proxy prepends what is missing, so the jump made last stands first.
JUMPS: dict[ChainKey, tuple[str, ...]] = {
    ("filter", "INPUT"): (FIREWALL, NEW + LB_FIREWALL, HEALTH_CHECKS, NEW + EXTERNAL_PORTALS),
    ("filter", "FORWARD"): (NEW + LB_FIREWALL, FORWARDING, NEW + PORTALS, NEW + EXTERNAL_PORTALS),
    ("filter", "OUTPUT"): (FIREWALL, NEW + LB_FIREWALL, NEW + PORTALS),
    ("nat", "PREROUTING"): (PORTALS,),
    ("nat", "OUTPUT"): (PORTALS,),
    ("nat", "POSTROUTING"): (POSTROUTING,),
}
LAST_RULE = (
    '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
)


def setting(field: str) -> Origin:
    """A field of kube-proxy's own configuration, or kube-proxy itself (""), as the source of a rule."""
    return Origin("KubeProxyConfiguration", "kube-proxy", field)


Setting = tuple[str, str]  # (field, rule)


def fixed_rules(config: ProxyConfig) -> dict[ChainKey, tuple[Setting, ...]]:
    """The chains that hold the same rules on every sync: each rule with the setting that it follows."""
    rules = {
        ("nat", "KUBE-POSTROUTING"): _postrouting(config),
        ("nat", "KUBE-MARK-MASQ"): (("iptables.masqueradeBit", f"-j MARK --or-mark {config.mark}"),),
        ("filter", "KUBE-FORWARD"): _forward(config),
    }
    if config.loopback_node_ports:
        rules["filter", "KUBE-FIREWALL"] = (
            (
                "iptables.localhostNodePorts",
                '-m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8'
                " -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
            ),
        )
    return rules


def node_port_jumps(config: ProxyConfig) -> tuple[str, ...]:
    """The last rules of nat KUBE-SERVICES: packets for this node's own addresses go on to KUBE-NODEPORTS.

    They follow the setting nodePortAddresses.
    """
    if config.node_port_networks:
        matches = [f"-d {ip}" for ip in config.node_port_ips()]
    elif config.loopback_node_ports:
        matches = ["-m addrtype --dst-type LOCAL"]
    else:
        matches = [f"-m addrtype --dst-type LOCAL ! -d {LOOPBACK[config.ip_version]}"]
    return tuple(f"{LAST_RULE} {match} -j KUBE-NODEPORTS" for match in matches)


def _postrouting(config: ProxyConfig) -> tuple[tuple[str, str], ...]:
    field = "iptables.masqueradeBit"
    mark = config.mark
    fully = " --random-fully" if config.random_fully else ""
    comment = '-m comment --comment "kubernetes service traffic requiring SNAT"'
    return (
        (field, f"-m mark ! --mark {mark}/{mark} -j RETURN"),
        (field, f"-j MARK --xor-mark {mark}"),
        (field, f"{comment} -j MASQUERADE{fully}"),
    )


def _forward(config: ProxyConfig) -> tuple[tuple[str, str], ...]:
    field = "iptables.masqueradeBit"
    nfacct = " -m nfacct --nfacct-name ct_state_invalid_dropped_pkts" if config.nfacct else ""
    invalid = ("conntrack.tcpBeLiberal", f"-m conntrack --ctstate INVALID{nfacct} -j DROP")
    accept = f"-m mark --mark {config.mark}/{config.mark} -j ACCEPT"
    established = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    rest = (
        (field, f'-m comment --comment "kubernetes forwarding rules" {accept}'),
        ("", f'-m comment --comment "kubernetes forwarding conntrack rule" {established}'),
    )
    return rest if config.conntrack_tcp_be_liberal else (invalid, *rest)
