"""Plays recorded kubectl commands in a terminal of ours, over a cluster made like the recorder's."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from svclab.apiserver.dispatch import ApiRequest, handle
from svclab.cluster import lifecycle
from svclab.cluster.clock import Clock
from svclab.cluster.store import ClusterHandle
from svclab.terminal.files import HOME
from svclab.terminal.session import Session
from svclab.terminal.streams import Input, TextInput

TEXT = (Path(__file__).parent / "kubectl" / "kubectl-output.md").read_text()
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
# The recorder's nodes were tainted, for it had no node controller; its pods had no probe of ours.
_SIMULATED = re.compile(r"^Taints: |Readiness: +tcp-socket :1 |gitTreeState|gitCommit|^UID  ")
_NOT_A_DESCRIPTION = re.compile(
    r"^(GROUP|KIND|VERSION|FIELD): |^ +\w+\t<|^ +enum: |^(DESCRIPTION|FIELDS):|^error|^the server"
)
_WAITS = re.compile(r"kubectl (wait|rollout status|delete|replace --force)| -w ")
_MOMENT_SECONDS = 0.01
_KUBELET = "Scheduled|Pulling|Pulled|Created|Started|Killing|Unhealthy|BackOff|EnsuringLoadBalancer|Ensured.*"


@dataclass
class Transcript:
    """One command and what it printed."""

    command: str
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    exit: int = 0


def transcripts() -> list[Transcript]:
    """All commands of the recording, in order."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S):
        lines = block.removesuffix("\n").split("\n")
        transcript = Transcript(lines[0].removeprefix("$ "))
        for line in lines[1:]:
            if line.startswith("[stderr] "):
                transcript.stderr.append(line.removeprefix("[stderr] "))
            elif ending := re.fullmatch(r"\[exit (\d+)\]", line):
                transcript.exit = int(ending[1])
            else:
                transcript.stdout.append(line)
        found.append(transcript)
    return found


def manifests() -> dict[str, str]:
    """The files that the commands use; an annotation keeps a pod from being ready, a probe does so here."""
    files = dict(re.findall(r"`([\w.-]+\.yaml)`:\n```yaml\n(.*?)```", TEXT, re.S))
    files["extra.yaml"] = re.sub(
        r"(    svclab.test/node: (\w+)\nspec:\n)(  containers:\n  - name: main\n)",
        r"\1  nodeName: \2\n\3    readinessProbe:\n      tcpSocket:\n        port: 1\n",
        files["extra.yaml"],
    )
    # Its label comes with binding, and this pod is never bound.
    files["extra.yaml"] = files["extra.yaml"].replace(
        "  labels:\n    app: cart\n  annotations:",
        "  labels:\n    app: cart\n    topology.kubernetes.io/zone: zone-b\n  annotations:",
    )
    shop = re.search(r"kind: Service\nmetadata:\n  name: cart\n.*?(?=---)", files["extra.yaml"], re.S)
    assert shop
    files["changed.yaml"] = "apiVersion: v1\n" + shop[0].replace(
        "namespace: shop\n", "namespace: shop\n  labels:\n    edited: 'yes'\n"
    ).replace("port: 80\n", "port: 8088\n")
    return files


def recorders_cluster() -> ClusterHandle:
    """The recorder's: namespaces, service kubernetes and three nodes that are objects and nothing more."""
    cluster = lifecycle.new_cluster("recorder", flavour="bare-metal", random_seed="recorder")
    cluster.advance()
    with cluster.writing(quota=None) as batch:
        for manifest in list(batch.snapshot):
            metadata = manifest["metadata"]
            if manifest["kind"] in ("Event", "Lease") or (
                metadata.get("namespace") == "kube-system" and manifest["kind"] != "ServiceAccount"
            ):
                batch.remove(manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        for node in batch.snapshot.list("Node"):
            batch.update(_bare_node(node))
    return cluster


def _bare_node(node: dict[str, Any]) -> dict[str, Any]:
    name, metadata = node["metadata"]["name"], dict(node["metadata"])
    labels = {
        "kubernetes.io/hostname": name,
        "topology.kubernetes.io/zone": "zone-b" if name == "node2" else "zone-a",
    }
    if name == "control-plane":
        labels["node-role.kubernetes.io/control-plane"] = ""
    metadata |= {"labels": labels, "annotations": {}}
    spec = {key: node["spec"][key] for key in ("podCIDR", "podCIDRs")}
    if name == "control-plane":
        spec["unschedulable"] = True
    ready = {
        "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ok",
        "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    last = {"control-plane": 10, "node1": 11, "node2": 12}[name]
    addresses = [
        {"type": "InternalIP", "address": f"192.168.64.{last}"},
        {"type": "ExternalIP", "address": f"203.0.113.{last}"},
        {"type": "Hostname", "address": name},
    ]
    status = {"addresses": addresses, "conditions": [ready], "nodeInfo": {}}
    return {**node, "metadata": metadata, "spec": spec, "status": status}


def _paused_at_a_whole_second(clock: Clock, real: datetime) -> Clock:
    """Status times are whole seconds: where in its second a wait ended decides how long a pod then takes."""
    paused = clock.pause(real)
    return paused.step(1 - paused.virtual.microsecond / 1e6, real)


class Terminal:
    """A learner's terminal for one line after the other."""

    def __init__(self, cluster: ClusterHandle) -> None:
        self.cluster = cluster
        self.session = Session(cluster, "recorded", columns=200)

    def put(self, name: str, text: str) -> None:
        """Write one of the learner's files."""
        self.session.files(self.session.location).write(f"{HOME}/{name}", text)

    def run(self, line: str, stdin: str | None = None) -> tuple[str, str, int]:
        """(standard output, standard error, exit code) of one line.

        Time goes on where the line waits for it; else it takes a moment, however busy the machine is.
        """
        waits = bool(_WAITS.search(line))
        if waits:
            self.cluster.set_clock(lambda clock, real: clock.resume(real).with_rate(10, real))
        else:
            self.cluster.set_clock(lambda clock, real: clock.pause(real).step(_MOMENT_SECONDS, real))
        out: list[str] = []
        err: list[str] = []
        source: Input = TextInput(stdin) if stdin is not None else Input()
        code = self.session.run(line, out.append, err=err.append, stdin=source, tty=False)
        if waits:
            self.cluster.set_clock(_paused_at_a_whole_second)
        return "".join(out), "".join(err), code

    def pass_seconds(self, seconds: float) -> None:
        """Let time go by for the controllers, ten seconds at a time."""
        while seconds > 0:
            self.cluster.set_clock(lambda clock, real: clock.step(10, real))
            self.cluster.advance()
            seconds -= 10

    def patch(self, path: str, body: dict[str, Any]) -> None:
        """What the recorder did behind kubectl's back."""
        handle(self.cluster, ApiRequest.of("PATCH", path, body, content_type="application/merge-patch+json"))


def masked(lines: list[str], command: str) -> list[str]:
    """Lines without what no two runs share: ages, addresses, random suffixes, uids, times, column widths."""
    lines = [line for line in _without_kubelets_events(lines) if not _SIMULATED.search(line)]
    if "explain" in command:
        lines = [line for line in lines if _NOT_A_DESCRIPTION.search(line)]
    if "rollout status" in command:
        lines = [line for line in lines if line][-1:]
    if "describe endpointslices" in command:
        lines = "\n\n\n".join(sorted("\n".join(lines).strip("\n").split("\n\n\n"), key=len)).split("\n")
    text = "\n".join(lines)
    for pattern, mark in (
        (r"/tmp/(LIVE|MERGED)-\d+/|<tmp>/(LIVE|MERGED)-<n>/", r"<tmp>/"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000", "<moment>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "<date>"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uid>"),
        (r'resourceVersion: "\d+"', "resourceVersion: <version>"),
        (r"\.[0-9a-f]{16}\b", ".<hex>"),
        (r"pod-template-hash=\w+", "pod-template-hash=<hash>"),
        (r"(?<=[a-z])-[0-9a-f]{8,10}(?=[\s/\-,.\"]|$)", "-<hash>"),
        (r"(?<=[a-z>])-[bcdfghjklmnpqrstvwxz2456789]{5}(?=[\s/\-,.\"]|$)", "-<random>"),
        (r"10\.244\.\d+\.\d+", "<pod-ip>"),
        (r"10\.(9[6-9]|10\d|11[01])\.\d+\.\d+", "<cluster-ip>"),
        (r":3\d{4}/", ":<node-port>/"),
        (r"(HealthCheck NodePort: +|NodePort: +\S+ +)3\d{4}", r"\1<node-port>"),
        (r"(?<![\w.-])(\d+[smhd]){1,2}(?![\w.-])", "<age>"),
        (r"\bnode[12]\b(?!/192)|node[12]/[\d.]+", "<node>"),
        (r"(?<=[a-z]\d)-[bcdfghjklmnpqrstvwxz2456789]{5}(?=\s+IPv4)", "-<random>"),
        (r"(?<= )53,8080(?= )", "8080,53"),
        (r"zone-[ab]", "<zone>"),
        (r" {2,}", " "),
        (r"-{3,}", "---"),
    ):
        text = re.sub(pattern, mark, text)
    result = text.rstrip("\n").split("\n")
    # Go's sort keeps a dozen equals in place, but not the more events that there are with a kubelet.
    shuffled = ("get endpointslices", "get pods", " events")
    return sorted(result) if any(words in command for words in shuffled) else result


def _without_kubelets_events(lines: list[str]) -> Iterator[str]:
    """The recorder had no kubelet and no cloud: nobody reported what they do."""
    kept = [line for line in lines if not re.search(rf"\b(Normal|Warning) +({_KUBELET})\b", line)]
    text = "\n".join(kept)
    text = re.sub(r"Events:\n +Type.*\n +-+ .*(?=\n\n|$)", "Events: <none>", text)
    yield from text.split("\n")


def steered(step: dict[str, Any]) -> dict[str, Any]:
    """A given object; one that an annotation kept from being ready is kept so by a probe here."""
    annotations = (step.get("metadata") or {}).get("annotations") or {}
    if annotations.get("svclab.test/ready") != "false":
        return step
    containers = [{**c, "readinessProbe": {"tcpSocket": {"port": 1}}} for c in step["spec"]["containers"]]
    return {**step, "spec": {**step["spec"], "containers": containers}}


def kubectl_errors(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records that say what kubectl printed."""
    return [record for record in records if record.get("kubectl")]


def as_json(value: Any) -> str:
    """Text for looking values up in."""
    return json.dumps(value)
