"""The packet engine: traces through many Services against few, and against the kernel's own connections.

A trace counts when its data is whole: each rule that was compared with its result and what decided it (what an
index ruled out, as a stretch with its count), each draw, each header as it was, the entry in the connection
table. It is made whole by walking all rules, or by following the course of an earlier one whose every step is
the same but for the numbers drawn. Words are made when somebody reads; figures with words are given apart.

One scene, twice: a node that holds the last Service's endpoints itself connects to the Service's cluster IP,
in the engine and in a network namespace that has loaded the very same rules. The kernel compares each rule of
KUBE-SERVICES for every new connection; the engine skips what its index rules out, and reports the stretch.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address
from typing import Any

from svclab import collector
from svclab.kube.node_rules import kernel_tables
from svclab.kube.proxy.iptables import Ruleset, compile_rules
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.linux.dice import Dice
from svclab.linux.exchange import Exchange
from svclab.linux.fabric import Fabric
from svclab.linux.host import Host
from svclab.linux.iptables.headers import Prefix
from svclab.linux.iptables.save import print_save
from svclab.linux.iptables.traverse import compared
from svclab.linux.packet import Protocol
from svclab.linux.routing import HostRoute, Interface, InterfaceAddress
from svclab.linux.trace import Conntrack, Deliver, Nat, Outcome
from tests.bench.bench_rules import CONFIG, cluster
from tests.bench.print import figure
from tests.linux.walked import Walked

FEW, MANY = 100, 10_000
SECONDS, ROUNDS = 0.6, 5
LOT = 20  # times between two looks at the clock, which is a system call
PAUSE = timedelta(milliseconds=10)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
NODE, GATEWAY, PORT = "192.168.64.11", "192.168.64.1", 8080
_LAST = re.compile(r"-A KUBE-SERVICES .*-d ([0-9.]+)\S* --dport 80 ")


@dataclass(frozen=True)
class Scene:
    """Rules, the cluster IP whose rule in KUBE-SERVICES comes last, and the endpoints behind it."""

    rules: Ruleset
    services: int
    address: str
    endpoints: tuple[str, ...]


def scene(services: int) -> Scene:
    """The rules of a cluster with so many Services."""
    snapshot = Snapshot.of(cluster(services))
    rules = compile_rules(snapshot.list("Service"), snapshot.list("EndpointSlice"), CONFIG)
    address = _LAST.findall(rules.restore_text())[-1]
    service = next(s for s in snapshot.list("Service") if s["spec"]["clusterIP"] == address)
    return Scene(rules, services, address, _endpoints(snapshot, service))


def _endpoints(snapshot: Snapshot, service: Manifest) -> tuple[str, ...]:
    slice_ = snapshot.get("EndpointSlice", "load", f"{service['metadata']['name']}-x")
    assert slice_ is not None
    return tuple(address for endpoint in slice_["endpoints"] for address in endpoint["addresses"])


def fabric(found: Scene) -> Fabric:
    """The node alone, with the endpoints' addresses on its loopback."""
    own = [InterfaceAddress(127 << 24 | 1, 8), *(InterfaceAddress(_number(ip), 32) for ip in found.endpoints)]
    node = Host(
        "node/node1",
        (Interface("lo", tuple(own)), Interface("eth0", (InterfaceAddress(_number(NODE), 24),))),
        (HostRoute(Prefix(4, 0, 0), "eth0", _number(GATEWAY)),),
        forwards=True,
        listeners={(Protocol.TCP, PORT): "web"},
        tables=kernel_tables(found.rules),
    )
    return Fabric([node], [])


def _number(text: str) -> int:
    return int(ip_address(text))


def tracer(found: Scene, chance: Callable[[Dice], Any] = lambda dice: dice) -> Callable[[], Exchange]:
    """What makes one request to the last Service: SYN, SYN-ACK, request and response.

    Each has a drawn port of its own, its own draws at every endpoint's rule, and its own entry in the
    connection table; there are a hundred a second by the cluster's clock, so that old ones expire.
    """
    where, target = fabric(found), IPv4Address(found.address)
    counter = iter(range(1 << 62))

    def trace() -> Exchange:
        number = next(counter)
        dice = Dice(f"bench/{number}")
        return where.connect("node/node1", target, 80, Protocol.TCP, chance(dice), NOW + number * PAUSE)

    _check(found, trace())
    return trace


def _check(found: Scene, exchange: Exchange) -> None:
    """It is answered, and what it holds is whole: rules by the thousand, each draw, each change of a header."""
    assert exchange.code is Outcome.OK, exchange.code
    assert exchange.endpoint in {f"{ip}:{PORT}" for ip in found.endpoints}
    compared_rules = list(compared(exchange.log))
    assert len(compared_rules) > len(found.endpoints)
    assert sum(chain == "KUBE-SERVICES" for chain, _, _ in compared_rules) == found.services
    kinds = Counter(type(step) for step in exchange.steps)
    assert (kinds[Conntrack], kinds[Deliver], kinds[Nat]) == (4, 4, 8)


def rate(act: Callable[[], object], seconds: float) -> float:
    """How often in a second of processor time: who else is at work on the machine does not count."""
    count, begun = 0, time.process_time()
    while time.process_time() - begun < seconds:
        for _ in range(LOT):
            act()
        count += LOT
    return count / (time.process_time() - begun)


# ---- the kernel ----


_CONNECT = (
    """
import socket, struct, sys, time
address, seconds = sys.argv[1], float(sys.argv[2])
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", PORT))
listener.listen(16)
reset = struct.pack("ii", 1, 0)  # close by RST: no port is kept for TIME_WAIT
rates = []
for _ in range(ROUNDS):
    count, begun = 0, time.process_time()
    while time.process_time() - begun < seconds:
        for _ in range(LOT):
            client = socket.socket()
            client.connect((address, 80))
            server, _ = listener.accept()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            client.close()
            server.close()
        count += LOT
    rates.append(count / (time.process_time() - begun))
print(max(rates))
""".replace("PORT", str(PORT))
    .replace("ROUNDS", str(ROUNDS))
    .replace("LOT", str(LOT))
)


def _whole_text(found: Scene) -> str:
    """The rules with the jumps into them that kube-proxy puts into the built-in chains."""
    tables = kernel_tables(found.rules)
    return print_save(tables, [name for name in tables if name != "mangle"])


def kernel_rate(found: Scene) -> float | None:
    """New connections in a second of processor time through the same rules in a network namespace, the best of
    some rounds; None where that cannot be. Client and server are one process, which never waits.
    """
    programs = ("iptables-legacy-restore", "unshare", "ip")
    if os.geteuid() != 0 or not all(map(shutil.which, programs)):
        return None
    lines = [
        "set -e",
        "ip link set lo up",
        "ip link add eth0 type veth peer name peer0",
        f"ip addr add {NODE}/24 dev eth0",
        "ip link set eth0 up; ip link set peer0 up",
        f"ip route add default via {GATEWAY}",
        *(f"ip addr add {ip}/32 dev lo" for ip in found.endpoints),
        "iptables-legacy-restore",
        f'exec {sys.executable} -c "$CONNECT" {found.address} {SECONDS}',
    ]
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", "\n".join(lines)],
        input=_whole_text(found),
        env={**os.environ, "CONNECT": _CONNECT},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stdout.write(f"the kernel: {(done.stderr.strip().splitlines() or ['failed'])[-1]}\n")
        return None
    return float(done.stdout)


def main() -> None:
    """Print the figures."""
    few, many = scene(FEW), scene(MANY)
    through_few, through_many = tracer(few), tracer(many)
    walked_few, walked_many = tracer(few, Walked), tracer(many, Walked)
    collector.seldom()  # as the server does
    traces = _compare(f"trace time at {MANY:,} Services / at {FEW}", through_few, through_many)
    _compare("the same, each walked through all rules", walked_few, walked_many)
    connections = kernel_rate(many)
    if connections is None:
        sys.stdout.write(
            "traces a second / the kernel's new connections: not measured (needs root, unshare, ip and "
            "iptables-legacy)\n"
        )
        return
    traces = max(traces, best(through_many))  # before the kernel and after it
    title = f"traces a second / the kernel's new connections, last of {MANY:,} Services"
    detail = f"{traces:,.0f} against {connections:,.0f}"
    figure(title, traces / connections, 10, detail=detail, more_is_better=True)
    for how, act in (
        ("each walked through all rules", walked_many),
        ("every step told in words", lambda: through_many().as_json()),
        ("every step made an object with words", lambda: through_many().steps),
    ):
        figure(f"the same, {how}", best(act) / connections, None)


def best(act: Callable[[], object]) -> float:
    """How often a second, in the best of some rounds."""
    return max(rate(act, SECONDS) for _ in range(ROUNDS))


def _compare(title: str, few: Callable[[], object], many: Callable[[], object]) -> float:
    """In turn, the best of each: what else the machine does meanwhile hits both alike. Returns the latter's."""
    pairs = [(rate(few, SECONDS), rate(many, SECONDS)) for _ in range(ROUNDS)]
    best_few, best_many = (max(side) for side in zip(*pairs, strict=True))
    detail = f"{best_many:,.0f} against {best_few:,.0f} traces a second"
    figure(title, best_few / best_many, 1.1, detail=detail)
    return best_many


if __name__ == "__main__":
    main()
