"""The iptables rules of kube-proxy's ipvs mode. Their number does not grow with the Services: ipsets do.

Source: kube-proxy 1.36, ipvs mode, read and not recorded.
"""

from collections.abc import Mapping

from svclab.kube.proxy.config import LOOPBACK, ProxyConfig
from svclab.kube.proxy.fixed_rules import BUILT_IN, setting
from svclab.kube.proxy.ipvs_objects import IpSet
from svclab.kube.proxy.rules import Block, ChainKey, ProxyTable, Sources, block_of
from svclab.linux.trace import Origin

JUMPS: dict[ChainKey, tuple[tuple[str, str], ...]] = {
    ("nat", "PREROUTING"): (("kubernetes service portals", "KUBE-SERVICES"),),
    ("nat", "OUTPUT"): (("kubernetes service portals", "KUBE-SERVICES"),),
    ("nat", "POSTROUTING"): (("kubernetes postrouting rules", "KUBE-POSTROUTING"),),
    ("filter", "INPUT"): (
        ("kubernetes ipvs access filter", "KUBE-IPVS-FILTER"),
        ("kube-proxy firewall rules", "KUBE-PROXY-FIREWALL"),
        ("kubernetes health check rules", "KUBE-NODE-PORT"),
    ),
    ("filter", "FORWARD"): (
        ("kube-proxy firewall rules", "KUBE-PROXY-FIREWALL"),
        ("kubernetes forwarding rules", "KUBE-FORWARD"),
    ),
    ("filter", "OUTPUT"): (("kubernetes ipvs access filter", "KUBE-IPVS-OUT-FILTER"),),
}
CHAINS = {
    "nat": ("KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-NODE-PORT", "KUBE-LOAD-BALANCER", "KUBE-MARK-MASQ"),
    "filter": (
        "KUBE-FORWARD",
        "KUBE-NODE-PORT",
        "KUBE-PROXY-FIREWALL",
        "KUBE-SOURCE-RANGES-FIREWALL",
        "KUBE-IPVS-FILTER",
        "KUBE-IPVS-OUT-FILTER",
    ),
}
# Rules that are there if their set has entries: set, table, chain, "-p" if any, what is looked up, and the
# target.
SET_RULES = (
    ("KUBE-LOOP-BACK", "nat", "KUBE-POSTROUTING", "", "dst,dst,src", "MASQUERADE"),
    ("KUBE-LOAD-BALANCER", "nat", "KUBE-SERVICES", "", "dst,dst", "KUBE-LOAD-BALANCER"),
    ("KUBE-LOAD-BALANCER-LOCAL", "nat", "KUBE-LOAD-BALANCER", "", "dst,dst", "RETURN"),
    ("KUBE-NODE-PORT-LOCAL-TCP", "nat", "KUBE-NODE-PORT", "tcp", "dst", "RETURN"),
    ("KUBE-NODE-PORT-TCP", "nat", "KUBE-NODE-PORT", "tcp", "dst", "KUBE-MARK-MASQ"),
    ("KUBE-NODE-PORT-LOCAL-UDP", "nat", "KUBE-NODE-PORT", "udp", "dst", "RETURN"),
    ("KUBE-NODE-PORT-UDP", "nat", "KUBE-NODE-PORT", "udp", "dst", "KUBE-MARK-MASQ"),
    ("KUBE-NODE-PORT-LOCAL-SCTP-HASH", "nat", "KUBE-NODE-PORT", "sctp", "dst,dst", "RETURN"),
    ("KUBE-NODE-PORT-SCTP-HASH", "nat", "KUBE-NODE-PORT", "sctp", "dst,dst", "KUBE-MARK-MASQ"),
    ("KUBE-LOAD-BALANCER-FW", "filter", "KUBE-PROXY-FIREWALL", "", "dst,dst", "KUBE-SOURCE-RANGES-FIREWALL"),
    ("KUBE-LOAD-BALANCER-SOURCE-CIDR", "filter", "KUBE-SOURCE-RANGES-FIREWALL", "", "dst,dst,src", "RETURN"),
    ("KUBE-LOAD-BALANCER-SOURCE-IP", "filter", "KUBE-SOURCE-RANGES-FIREWALL", "", "dst,dst,src", "RETURN"),
)
ADDRESSED = ("KUBE-LOAD-BALANCER", "KUBE-CLUSTER-IP", "KUBE-EXTERNAL-IP", "KUBE-EXTERNAL-IP-LOCAL")

# Address, protocol and port of a VIP that the node itself may not reach, and what says so.
Guarded = tuple[str, str, int, Origin]
OUT_FILTER = "KUBE-IPVS-OUT-FILTER"


def ipvs_tables(
    ipsets: Mapping[str, IpSet], guarded: tuple[Guarded, ...], config: ProxyConfig
) -> tuple[ProxyTable, ...]:
    """The tables of a node in ipvs mode, for these sets."""
    rules: dict[ChainKey, list[str]] = {}
    for table, chains in CHAINS.items():
        for chain in chains:
            rules[table, chain] = []
    for key, jumps in JUMPS.items():
        rules[key] = [f'-m comment --comment "{comment}" -j {chain}' for comment, chain in jumps]
    _look_ups(rules, ipsets)
    rules["nat", "KUBE-SERVICES"] = _services(rules["nat", "KUBE-SERVICES"], ipsets, config)
    rules["nat", "KUBE-LOAD-BALANCER"].append("-j KUBE-MARK-MASQ")
    rules["nat", "KUBE-POSTROUTING"] += _postrouting(config)
    rules["nat", "KUBE-MARK-MASQ"].append(f"-j MARK --or-mark {config.mark}")
    _filter(rules, ipsets, guarded, config)
    out_filter = tuple(origin for *_, origin in guarded)
    return tuple(_table(name, rules, out_filter) for name in BUILT_IN)


def _table(name: str, rules: dict[ChainKey, list[str]], out_filter: tuple[Origin, ...]) -> ProxyTable:
    blocks: dict[str, Block] = dict.fromkeys(BUILT_IN[name], "")
    blocks |= {chain: block_of(chain, texts) for (table, chain), texts in rules.items() if table == name}
    sources: dict[str, Sources] = dict.fromkeys(blocks, setting("mode"))
    if OUT_FILTER in sources:
        sources[OUT_FILTER] = out_filter
    return ProxyTable(name, BUILT_IN[name], blocks, sources)


def _look_up(ipset: IpSet, directions: str) -> str:
    return f'-m comment --comment "{ipset.comment}" -m set --match-set {ipset.name} {directions}'


def _look_ups(rules: dict[ChainKey, list[str]], ipsets: Mapping[str, IpSet]) -> None:
    for name, table, chain, protocol, directions, target in SET_RULES:
        if ipsets[name].entries:
            protocol_match = f"-p {protocol} " if protocol else ""
            rules[table, chain].append(f"{protocol_match}{_look_up(ipsets[name], directions)} -j {target}")


def _services(look_ups: list[str], ipsets: Mapping[str, IpSet], config: ProxyConfig) -> list[str]:
    rules = [f"-s {LOOPBACK[config.ip_version]} -j RETURN", *look_ups]
    cluster_ips = ipsets["KUBE-CLUSTER-IP"]
    if cluster_ips.entries:
        local = config.local_match()
        if config.masquerade_all:
            rules.append(f"{_look_up(cluster_ips, 'dst,dst')} -j KUBE-MARK-MASQ")
        elif local:
            rules.append(f"{_look_up(cluster_ips, 'dst,dst')} {local[1]} -j KUBE-MARK-MASQ")
        else:
            # The node reaches a VIP of its own with that VIP as source: those at least must be masqueraded.
            rules.append(f"{_look_up(cluster_ips, 'src,dst')} -j KUBE-MARK-MASQ")
    for name in ("KUBE-EXTERNAL-IP", "KUBE-EXTERNAL-IP-LOCAL"):
        if ipsets[name].entries:
            to = _look_up(ipsets[name], "dst,dst")
            if name == "KUBE-EXTERNAL-IP":
                rules.append(f"{to} -j KUBE-MARK-MASQ")
            rules.append(f"{to} -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT")
            rules.append(f"{to} -m addrtype --dst-type LOCAL -j ACCEPT")
    rules.append("-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT")
    for name in ("KUBE-CLUSTER-IP", "KUBE-LOAD-BALANCER"):
        if ipsets[name].entries:
            rules.append(f"-m set --match-set {name} dst,dst -j ACCEPT")
    return rules


def _postrouting(config: ProxyConfig) -> list[str]:
    fully = " --random-fully" if config.random_fully else ""
    return [
        f"-m mark ! --mark {config.mark}/{config.mark} -j RETURN",
        f"-j MARK --xor-mark {config.mark}",
        f'-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE{fully}',
    ]


def _filter(
    rules: dict[ChainKey, list[str]],
    ipsets: Mapping[str, IpSet],
    guarded: tuple[Guarded, ...],
    config: ProxyConfig,
) -> None:
    health = ipsets["KUBE-HEALTH-CHECK-NODE-PORT"]
    rules["filter", "KUBE-SOURCE-RANGES-FIREWALL"].append("-j DROP")
    rules["filter", OUT_FILTER] += [
        f"-s {address} -m ipvs --vaddr {address} --vproto {protocol} --vport {port} -j DROP"
        for address, protocol, port, _ in guarded
    ]
    marked = f"-m mark --mark {config.mark}/{config.mark}"
    rules["filter", "KUBE-FORWARD"] += [
        f'-m comment --comment "kubernetes forwarding rules" {marked} -j ACCEPT',
        '-m comment --comment "kubernetes forwarding conntrack rule"'
        " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ]
    rules["filter", "KUBE-NODE-PORT"].append(f"{_look_up(health, 'dst')} -j ACCEPT")
    # Service addresses are the node's own (kube-ipvs0), so programs of the node would answer on them.
    rules["filter", "KUBE-IPVS-FILTER"] += [
        *(f"-m set --match-set {name} dst,dst -j RETURN" for name in ADDRESSED),
        f"-m set --match-set {health.name} dst -j RETURN",
        "-m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT",
    ]
