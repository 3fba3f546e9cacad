"""How fast kube-proxy's rules are made: whole clusters, and one changed endpoint. Ratios of one run.

Seconds are of processor time, the children's included: who else is at work on the machine does not count.
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

from svclab.kube.proxy.config import ProxyConfig
from svclab.kube.proxy.iptables import Ruleset, compile_rules
from svclab.kube.proxy.watched import Watched
from svclab.kube.snapshot import Manifest, Snapshot

SERVICES, ENDPOINTS = 10_000, 10
# Without nfacct: the kernel that loads the text need not have the counters.
CONFIG = ProxyConfig("node1", ("192.168.64.11",), nfacct=False)


def cluster(services: int = SERVICES, endpoints: int = ENDPOINTS) -> list[Manifest]:
    """Services with that many endpoints each, and their slices."""
    return [make(number, endpoints) for number in range(services) for make in (_service, _slice)]


def _service(number: int, endpoints: int) -> Manifest:
    ip = f"10.{96 + number // 65536}.{number // 256 % 256}.{number % 256}"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "load", "name": f"svc-{number}"},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": ip,
            "clusterIPs": [ip],
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
        },
        "status": {"loadBalancer": {}},
    }


def _slice(number: int, endpoints: int) -> Manifest:
    first = number * endpoints
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": "load",
            "name": f"svc-{number}-x",
            "labels": {"kubernetes.io/service-name": f"svc-{number}"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
        "endpoints": [
            {
                "addresses": [f"10.{200 + n // 65536}.{n // 256 % 256}.{n % 256}"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": f"node{n % 3}",
            }
            for n in range(first, first + endpoints)
        ],
    }


def seconds(act: Callable[[], object], times: int = 3) -> float:
    """The best of some runs."""
    best = float("inf")
    for _ in range(times):
        start = processor_time()
        act()
        best = min(best, processor_time() - start)
    return best


def processor_time() -> float:
    """Of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def compile_whole(snapshot: Snapshot) -> str:
    """From objects to the text that iptables-restore reads."""
    return compile_rules(snapshot.list("Service"), snapshot.list("EndpointSlice"), CONFIG).restore_text()


def one_changed(snapshot: Snapshot) -> float:
    """Seconds until the rules follow one endpoint that stopped being ready, and their chains are known."""
    ruleset = Ruleset(Watched(CONFIG))
    ruleset.follow(snapshot.of_kind("Service"), snapshot.of_kind("EndpointSlice"))
    best = float("inf")
    for number in range(0, SERVICES, SERVICES // 20):
        slice_ = snapshot.get("EndpointSlice", "load", f"svc-{number}-x")
        assert slice_ is not None
        first, *rest = slice_["endpoints"]
        unready = first | {"conditions": {"ready": False, "serving": False, "terminating": False}}
        snapshot = snapshot.with_(slice_ | {"endpoints": [unready, *rest]})
        services, slices = snapshot.of_kind("Service"), snapshot.of_kind("EndpointSlice")
        start = processor_time()
        changed = ruleset.follow(services, slices)
        best = min(best, processor_time() - start)
        assert len(changed) == 2
    return best


def restore_seconds(text: str) -> float | None:
    """Seconds that `iptables-legacy-restore` takes in an empty network namespace; None without it."""
    if os.geteuid() != 0 or not (shutil.which("iptables-legacy-restore") and shutil.which("unshare")):
        return None
    command = ["unshare", "-n", "iptables-legacy-restore"]

    def load() -> None:
        subprocess.run(command, input=text.encode(), check=True, capture_output=True)

    try:
        return seconds(load, times=2)
    except subprocess.CalledProcessError as error:
        sys.stdout.write(f"iptables-legacy-restore: {error.stderr.decode().strip().splitlines()[0]}\n")
        return None


def main() -> None:
    """Print the figures."""
    snapshot = Snapshot.of(cluster())
    whole = seconds(lambda: compile_whole(snapshot))
    text = compile_whole(snapshot)
    changed = one_changed(snapshot)
    rules = text.count("\n-A ")
    title = f"{SERVICES:,} Services x {ENDPOINTS} endpoints, {rules:,} rules"
    sys.stdout.write(f"{title}: compiled and written out in {whole:.2f} s\n")
    sys.stdout.write(f"one endpoint changed / compiling all: {changed / whole:.4f} (aim 0.005)\n")
    restored = restore_seconds(text)
    if restored is None:
        sys.stdout.write(
            "compiling / iptables-legacy-restore: not measured (needs root, unshare and the tool)\n"
        )
    else:
        sys.stdout.write(
            f"compiling / iptables-legacy-restore of the same text: {whole / restored:.3f} (aim 0.15)\n"
        )


if __name__ == "__main__":
    main()
