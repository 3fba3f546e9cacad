"""What the cluster's own programs print when they start: kube-proxy (klog lines) and CoreDNS.

Source: kube-proxy 1.3x and CoreDNS 1.13 as people see them in their clusters; klog's numbers of source
lines are not verified.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from svclab.cluster import dataplane
from svclab.cluster.store import ClusterHandle
from svclab.dns.message import Message, Question, Record
from svclab.dns.wire import encode_question, size_bytes
from svclab.kube.coredns import corefile
from svclab.kube.meta import moment
from svclab.kube.snapshot import Manifest, Snapshot

_NODE_PORTS = (
    "nodePortAddresses is unset; NodePort connections will be accepted on all local IPs. "
    "Consider using `--nodeport-addresses primary`"
)

# What CoreDNS adds to an answer without records, for its size
_DENIAL = Record(
    "cluster.local.",
    30,
    "SOA",
    "ns.dns.cluster.local. hostmaster.cluster.local. 1767225600 7200 1800 86400 30",
)
_DEPRECATED = (
    "The ipvs proxier is now deprecated and may be removed in a future release. "
    "Please use 'nftables' instead."
)


def lines_of(
    cluster: ClusterHandle, pod: Manifest, image: str, start: datetime
) -> list[tuple[datetime, str]]:
    """(time, line) of what a container of the system has printed; empty for programs not modelled here."""
    if "/kube-proxy:" in image:
        return list(_klog(kube_proxy(cluster.settings().proxy_mode, pod), start))
    if "/coredns:" in image or image.startswith("coredns"):
        states = [each.get("state", {}) for each in pod.get("status", {}).get("containerStatuses", ())]
        ended = any("running" not in state for state in states)
        lines = [(start, line) for line in coredns(cluster.snapshot(), image, ended=ended)]
        return lines + [each for each in query_lines(cluster, pod) if each[0] >= start]
    return []


def kube_proxy(mode: str, pod: Manifest) -> Iterator[tuple[str, str, str]]:
    """(severity, source line, text) of each line, in order."""
    node_ip = pod.get("status", {}).get("hostIP", "")
    yield "I", "server_linux.go:53", f'"Using {mode} proxy"'
    yield "I", "shared_informer.go:349", '"Waiting for caches to sync" controller="node informer cache"'
    yield "I", "shared_informer.go:356", '"Caches are synced" controller="node informer cache"'
    yield "I", "server.go:219", f'"Successfully retrieved NodeIPs" NodeIPs=["{node_ip}"]'
    problem = '"Kube-proxy configuration may be incomplete or incorrect"'
    yield "E", "server.go:256", f'{problem} err="{_NODE_PORTS}"'
    yield "I", "server.go:265", '"kube-proxy running in single-stack mode" ipFamily="IPv4"'
    yield "I", "server_linux.go:132", f'"Using {mode} Proxier"'
    if mode == "ipvs":
        yield "E", "server_linux.go:139", f'"{_DEPRECATED}"'
    yield "I", "server.go:527", '"Version info" version="v1.36.0"'
    for name in ("service", "endpoint slice", "node"):
        yield "I", "config.go:200", f'"Starting {name} config controller"'
        yield "I", "shared_informer.go:349", f'"Waiting for caches to sync" controller="{name} config"'
    for name in ("service", "endpoint slice", "node"):
        yield "I", "shared_informer.go:356", f'"Caches are synced" controller="{name} config"'


def coredns(snapshot: Snapshot, image: str, *, ended: bool = False) -> Iterator[str]:
    """CoreDNS names its servers, the checksum of its Corefile, and itself; of a Corefile that it cannot use
    it says why, and ends if it was to start with it.
    """
    failure = corefile.failure(snapshot)
    if failure and ended:
        yield failure
        return
    config = snapshot.get("ConfigMap", *corefile.CONFIG_MAP) or {}
    text = config.get("data", {}).get("Corefile", "")
    yield ".:53"
    digest = hashlib.sha512(text.encode()).hexdigest()
    yield f"[INFO] plugin/reload: Running configuration SHA512 = {digest}"
    yield f"CoreDNS-{image.rpartition(':')[2].lstrip('v')}"
    yield "linux/amd64, go1.25.2, 1db4568"
    if failure:
        why = f"starting with listener file descriptors: {failure}"
        yield "[INFO] Reloading"
        yield f"[ERROR] Restart failed: {why}"
        yield f"[ERROR] plugin/reload: Corefile changed but reload failed: {why}"


def query_lines(cluster: ClusterHandle, pod: Manifest) -> Iterator[tuple[datetime, str]]:
    """One line for each query that reached this pod since the Corefile asks for them (plugin log)."""
    snapshot = cluster.snapshot()
    if not corefile.logs_queries(snapshot):
        return
    config = snapshot.get("ConfigMap", *corefile.CONFIG_MAP) or {}
    times = [moment(entry.get("time")) for entry in config["metadata"].get("managedFields") or ()]
    since = max((time for time in times if time), default=None)
    host = f"pod/{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    for record in dataplane.traces(cluster):
        if since is None or record.virtual_time >= since:
            for line in _query_lines(record.trace, host):
                yield record.virtual_time, line


def _query_lines(trace: dict[str, Any], host: str) -> Iterator[str]:
    """CoreDNS's log format. Traces keep neither message ids nor EDNS: these are those of a plain query."""
    protocols = {flow["number"]: flow["protocol"].lower() for flow in trace["flows"]}
    packet: dict[str, Any] | None = None
    for step in trace["steps"]:
        match step:
            case {"kind": "query"}:
                packet = None
            case {"kind": "deliver", "listener": "coredns", "host": there} if there == host:
                packet = step["packet"]
            case {"kind": "answer"} if packet is not None:
                yield _query_line(step, packet, protocols[step["flow"]])


def _query_line(answer: dict[str, Any], packet: dict[str, Any], protocol: str) -> str:
    question = Question(answer["name"], answer["type"])
    records = tuple(Record(*fields) for fields in answer["records"])
    reply = Message(question, answer=records, authority=() if records else (_DENIAL,))
    client = f"{packet['src']}:{packet['sport']}"
    identifier = (packet["sport"] * 31 + answer["i"]) % 65536
    flags = "qr,aa,rd" if answer["authoritative"] else "qr,rd,ra"
    asked, size = len(encode_question(question)), size_bytes(reply)
    what = (
        f'"{question.type} IN {question.name} {protocol} {asked} false {512 if protocol == "udp" else 65535}"'
    )
    took = f"0.{100000 + answer['i'] % 89 * 971:09d}s"
    return f"[INFO] {client} - {identifier} {what} {answer['rcode']} {flags} {size} {took}"


def _klog(lines: Iterator[tuple[str, str, str]], start: datetime) -> Iterator[tuple[datetime, str]]:
    for number, (severity, source, text) in enumerate(lines):
        at = start + timedelta(milliseconds=180 + 7 * number)
        yield at, f"{severity}{at:%m%d %H:%M:%S.%f}       1 {source}] {text}"
