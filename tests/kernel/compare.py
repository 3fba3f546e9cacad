"""One cluster in the engine and in the kernel: the same requests, and where the two disagree."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from itertools import groupby
from typing import Any

from svclab.kube.listeners import Listening, endpoint_ports
from svclab.kube.node_rules import kernel_chains, kernel_tables
from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.iptables import compile_rules
from svclab.kube.proxy.nft_objects import NftTable
from svclab.kube.proxy.nftables import compile_nftables
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.kube.wiring import NodeRules, build_fabric
from svclab.linux.dice import Dice
from svclab.linux.fabric import Fabric, NoAddress
from svclab.linux.outcomes import outcomes
from svclab.linux.packet import Protocol
from svclab.linux.trace import Outcome, Verdict
from tests.kernel.clusters import CLIENTS, Flow, is_mute, random_cluster, random_flows, random_settings
from tests.kernel.namespaces import Namespaces
from tests.kernel.sockets import Result, Servers, connect

TRIES = 3
THREADS = 16
PATIENT_SECONDS = 5.0  # it takes a host 3 to find out that no neighbour has an address


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A flow whose real end the engine did not think possible."""

    seed: str
    mode: str
    flow: Flow
    predicted: frozenset[Result]
    real: Result


@dataclass(slots=True)
class Report:
    """What came of comparing: flows tried, how they ended, disagreements."""

    flows: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Take in the report of one more cluster."""
        self.flows += other.flows
        self.ends.update(other.ends)
        self.disagreements += other.disagreements


@dataclass(frozen=True, slots=True)
class Lab:
    """A cluster as the engine sees it, and the nftables tables to load beside its iptables rules."""

    fabric: Fabric
    nftables: dict[str, str]


def build(snapshot: Snapshot, mode: str, settings: Mapping[str, Any]) -> Lab:
    """The cluster with our kube-proxy's rules of this mode on every node, configured by these settings."""
    services, slices = snapshot.list("Service"), snapshot.list("EndpointSlice")
    texts: dict[str, str] = {}

    def rules_of(name: str) -> NodeRules:
        manifest = snapshot.get("Node", "", name)
        assert manifest
        config = ProxyConfig.for_node(manifest, nfacct=False, **settings)
        if mode == "iptables":
            return NodeRules(kernel_tables(compile_rules(services, slices, config)))
        table: NftTable = compile_nftables(services, slices, config)
        texts[f"node/{name}"] = str(table)
        return NodeRules(chains=kernel_chains(table))

    fabric = build_fabric(snapshot, rules_of, clients=CLIENTS, listeners=partial(_listening, snapshot))
    return Lab(fabric, texts)


def _listening(snapshot: Snapshot, pod: Manifest) -> Listening:
    """A pod serves the ports under which slices name it, if it serves at all."""
    served = endpoint_ports(snapshot.list("EndpointSlice"))
    return {} if is_mute(pod) else served.get(pod["status"]["podIP"], {})


def predict(fabric: Fabric, flow: Flow) -> frozenset[Result]:
    """Every end that the engine thinks possible."""
    try:
        packet = fabric.first_packet(
            flow.source, ip_address(flow.address), flow.port, flow.protocol, Dice("kernel")
        )
    except NoAddress:
        return frozenset({Result("errno-101")})
    found = set()
    for outcome in outcomes(fabric, flow.source, packet, flow.via):
        end = outcome.verdict.value
        if outcome.code is Outcome.DENIED:
            end = "errno-1"
        elif outcome.verdict is Verdict.ERROR:
            end = "errno-113"
        if flow.protocol is Protocol.ICMP:
            found.add(Result(end))
        else:
            found.add(Result(end, outcome.endpoint, outcome.source_seen))
    return frozenset(found)


def compare(seed: str, mode: str, count: int, restore: str, snapshot: Snapshot | None = None,
            flows: Iterable[Flow] | None = None) -> Report:  # fmt: skip
    """Lay one random cluster out, try `count` flows in it, and report."""
    snapshot = snapshot or random_cluster(seed)
    wanted = list(flows) if flows is not None else random_flows(snapshot, seed, count)
    lab = build(snapshot, mode, random_settings(seed))
    report = Report()
    with Namespaces(lab.fabric, lab.nftables, restore) as namespaces, Servers(namespaces):
        for flow, result in list(_try(namespaces, lab.fabric, wanted)):
            predicted = predict(lab.fabric, flow)
            if result not in predicted and result.end == "timeout":
                result = _patiently(namespaces, lab.fabric, flow)  # a busy machine loses packets
            report.ends[result.end] += 1
            known = any(found.flow == flow for found in report.disagreements)
            if result not in predicted and not known:
                report.disagreements.append(Disagreement(seed, mode, flow, predicted, result))
    report.flows = len(wanted)
    return report


def _try(namespaces: Namespaces, fabric: Fabric, flows: list[Flow]) -> Iterator[tuple[Flow, Result]]:
    """All flows, several at a time; those that the router hands to the same node together."""

    def handing(flow: Flow) -> str:
        return flow.via or ""

    with ThreadPoolExecutor(THREADS) as pool:
        for _, together in groupby(sorted(flows, key=handing), handing):
            batch = list(together)
            for flow in batch:
                hand_over(namespaces, fabric, flow)
            for flow, results in zip(batch, pool.map(lambda f: _results(namespaces, f), batch), strict=True):
                for result in results:
                    yield flow, result


def hand_over(namespaces: Namespaces, fabric: Fabric, flow: Flow) -> None:
    """Make the router choose the flow's node."""
    if flow.via:
        namespaces.hand_to(flow.address, str(fabric.via[flow.via]))


def _patiently(namespaces: Namespaces, fabric: Fabric, flow: Flow) -> Result:
    """One more try, alone and with more time."""
    hand_over(namespaces, fabric, flow)
    return connect(namespaces.path(flow.source), flow.address, flow.port, flow.protocol, PATIENT_SECONDS)


def _results(namespaces: Namespaces, flow: Flow) -> list[Result]:
    """A few tries; one is enough where nobody answers."""
    path = namespaces.path(flow.source)
    found = []
    for _ in range(TRIES):
        found.append(connect(path, flow.address, flow.port, flow.protocol))
        if found[-1].end != "answered":
            break
    return found


def smaller(found: Disagreement, restore: str) -> Snapshot:
    """The cluster without everything that the disagreement does not need."""
    snapshot = random_cluster(found.seed)
    for kind in ("Service", "Pod", "EndpointSlice"):
        for manifest in snapshot.list(kind):
            metadata = manifest["metadata"]
            if found.flow.source == f"pod/{metadata['namespace']}/{metadata['name']}":
                continue
            candidate = snapshot.without(kind, (metadata["namespace"], metadata["name"]))
            again = compare(found.seed, found.mode, 0, restore, candidate, [found.flow])
            if again.disagreements:
                snapshot = candidate
    return snapshot
