"""Which rules of kube-proxy a request hits: in the engine, and in the kernel by its counters (iptables) or its
trace (`nft monitor trace`).
"""

import re
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from svclab.linux.dice import Dice
from svclab.linux.fabric import Fabric, NoAddress
from svclab.linux.outcomes import EPOCH, Explorer
from svclab.linux.trace import Outcome, Rule
from tests.kernel.clusters import Flow, random_cluster, random_flows, random_settings
from tests.kernel.compare import build, hand_over
from tests.kernel.namespaces import Namespaces
from tests.kernel.sockets import Servers, connect, inside

Hit = tuple[str, str, str]  # host, chain (after its table in iptables mode), rule (its number, or its text)
COUNTED = re.compile(r"\[(\d+):\d+\] -A (\S+)")
TRACED = re.compile(r"trace id (\w+) ip (\S+) (\S+) (?:rule (.*) \(verdict .*\)|(packet: .*))")
TRACE_ALL = """table ip traced {
  chain prerouting {
    type filter hook prerouting priority -400
    meta nftrace set 1
  }
  chain output {
    type filter hook output priority -400
    meta nftrace set 1
  }
}
"""
SENTINEL = "127.77.77.77"  # nobody else sends there
FILTERS = re.compile(r"filter .*|filter-.*|firewall-.*|.*-check|reject-chain")  # chains, as in a Hit
# That no neighbour has an address a host finds out after seconds, and which host of a circle tells the sender
# that the packet's time is up is of no interest.
LATE = (Outcome.UNREACHABLE, Outcome.UNROUTED)
PATIENCE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class OtherHits:
    """A request that hit other rules than on any course that the engine knows; `course` is the nearest."""

    seed: str
    mode: str
    flow: Flow
    course: frozenset[Hit]
    kernel: frozenset[Hit]

    def __str__(self) -> str:
        lines = [f"OTHER RULES in cluster {self.seed} ({self.mode}): {self.flow}"]
        lines += [f"  kernel alone: {' | '.join(hit)}" for hit in sorted(self.kernel - self.course)]
        lines += [f"  engine alone: {' | '.join(hit)}" for hit in sorted(self.course - self.kernel)]
        return "\n".join(lines)


def compare_hits(seed: str, mode: str, count: int, restore: str) -> list[OtherHits]:
    """Lay one random cluster out, try `count` flows one by one, and report those that hit other rules."""
    snapshot = random_cluster(seed)
    lab = build(snapshot, mode, random_settings(seed))
    found = []
    flows = sorted(random_flows(snapshot, seed, count), key=lambda flow: flow.via or "")
    with (
        Namespaces(lab.fabric, lab.nftables, restore) as namespaces,
        Servers(namespaces),
        watching(namespaces, mode) as watch,
    ):
        for flow in flows:
            courses = list(engine_courses(lab.fabric, flow, mode))
            if any(code in LATE for code, _ in courses):
                continue
            hand_over(namespaces, lab.fabric, flow)
            watch.begin()
            connect(namespaces.path(flow.source), flow.address, flow.port, flow.protocol)
            known, kernel = [hits for _, hits in courses], watch.end()
            if not agree(known, kernel):
                nearest = min(known, key=lambda course: len(course ^ kernel))
                found.append(OtherHits(seed, mode, flow, nearest, kernel))
    return found


def agree(courses: Iterable[frozenset[Hit]], kernel: frozenset[Hit]) -> bool:
    """Whether the kernel hit what the engine says of one course. In filter chains it may have hit more: late
    packets of earlier connections pass them, too, and errors and resets that nobody waits for.
    """
    return any(
        course <= kernel and all(FILTERS.fullmatch(chain) for _, chain, _ in kernel - course)
        for course in courses
    )


def engine_courses(fabric: Fabric, flow: Flow, mode: str) -> Iterator[tuple[Outcome, frozenset[Hit]]]:
    """How each of the courses ends that the request may take from hosts that remember nothing, and the rules
    that it hits.
    """
    try:
        address, port = ip_address(flow.address), flow.port
        packet = fabric.first_packet(flow.source, address, port, flow.protocol, Dice("kernel"))
    except NoAddress:
        yield Outcome.UNREACHABLE, frozenset()
        return
    remembered = {name: host.state for name, host in fabric.hosts.items()}
    script: tuple[int, ...] | None = ()
    while script is not None:
        for name, state in remembered.items():
            fabric.hosts[name].state = state.copy()
        explorer = Explorer(script)
        run = fabric.exchange(flow.source, packet, explorer, EPOCH, via=flow.via)
        rules = (step for step in run.steps if isinstance(step, Rule) and _counts(step, mode))
        yield run.code, frozenset(_hit(step, mode) for step in rules)
        script = explorer.next_script()
    for name, state in remembered.items():
        fabric.hosts[name].state = state


def _counts(step: Rule, mode: str) -> bool:
    tables = ("nat", "filter") if mode == "iptables" else ("ip kube-proxy",)
    return step.matched and step.number > 0 and step.table in tables


def _hit(step: Rule, mode: str) -> Hit:
    if mode == "iptables":
        return step.host, f"{step.table} {step.chain}", str(step.number)
    # A set of one, which nft made of several ranges, is read as a plain comparison.
    return step.host, step.chain, re.sub(r"!= \{ ([^,{}]+) \} drop", r"!= \1 drop", step.text)


class CountedHits:
    """By the counters of iptables."""

    def __init__(self, namespaces: Namespaces) -> None:
        self.namespaces = namespaces
        self.hosts = [host.name for host in namespaces.fabric.hosts.values() if host.tables]

    def begin(self) -> None:
        """Count from zero, and forget whom affinity remembers."""
        forget = "for list in /proc/net/xt_recent/*; do [ ! -f $list ] || echo / > $list; done"
        for host in self.hosts:
            self.namespaces.inside(host, "sh", "-ec", f"iptables -w -t nat -Z; iptables -w -Z; {forget}")

    def end(self) -> frozenset[Hit]:
        """What was hit since."""
        tables = ("nat", "filter")
        return frozenset(hit for host in self.hosts for table in tables for hit in self._hits(host, table))

    def _hits(self, host: str, table: str) -> Iterator[Hit]:
        numbers: Counter[str] = Counter()
        for line in self.namespaces.inside(host, "iptables-save", "-c", "-t", table).splitlines():
            if found := COUNTED.match(line):
                numbers[found[2]] += 1
                if int(found[1]):
                    yield host, f"{table} {found[2]}", str(numbers[found[2]])


class TracedHits:
    """By what `nft monitor trace` writes to a file for each host."""

    def __init__(self, namespaces: Namespaces, files: dict[str, Path]) -> None:
        self.namespaces = namespaces
        self.files = files
        self.read = dict.fromkeys(files, 0)
        self.sentinels = 0

    def begin(self) -> None:
        """Leave out what was traced up to now, and forget whom affinity remembers."""
        for host in self.files:
            sets = re.findall(r"^\tset (affinity-\S+)", self.namespaces.nftables[host], re.M)
            flush = "".join(f"flush set ip kube-proxy {name}\n" for name in sets)
            self.namespaces.inside(host, "nft", "-f", "-", stdin=flush)
        self.end()

    def end(self) -> frozenset[Hit]:
        """What was hit since."""
        self.sentinels = self.sentinels % 65535 + 1
        return frozenset(hit for host in self.files for hit in self._hits(host))

    def _hits(self, host: str) -> Iterator[Hit]:
        ours = set()  # traces of sentinels
        for line in self._traced(host).splitlines():
            if found := TRACED.fullmatch(line.strip()):
                number, table, chain, rule, packet = found.groups()
                if packet and SENTINEL in packet:
                    ours.add(number)
                if rule and table == "kube-proxy" and number not in ours:
                    yield host, chain, rule

    def _traced(self, host: str) -> str:
        """All that is new, once a datagram of our own is seen in it."""
        with inside(self.namespaces.path(host)):
            sender = socket.socket(type=socket.SOCK_DGRAM)
        with sender:
            sender.sendto(b"", (SENTINEL, self.sentinels))
        last = re.compile(rf"^.* ip daddr {SENTINEL} .* udp dport {self.sentinels} ", re.M)
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            text = self.files[host].read_text()[self.read[host] :]
            if seen := last.search(text):
                self.read[host] += seen.start()
                return text[: seen.start()]
            time.sleep(0.02)
        raise TimeoutError(f"nothing is traced on {host}")


@contextmanager
def watching(namespaces: Namespaces, mode: str) -> Iterator[CountedHits | TracedHits]:
    """What tells which rules requests hit."""
    if mode == "iptables":
        yield CountedHits(namespaces)
        return
    with TemporaryDirectory() as folder, ExitStack() as stack:
        files = {}
        for host in namespaces.nftables:
            namespaces.inside(host, "nft", "-f", "-", stdin=TRACE_ALL)
            files[host] = Path(folder, host.replace("/", "-"))
            output = stack.enter_context(files[host].open("w"))
            command = ["ip", "netns", "exec", namespaces.names[host], "nft", "monitor", "trace"]
            stack.callback(_end, subprocess.Popen(command, stdout=output))
        yield TracedHits(namespaces, files)


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait()
