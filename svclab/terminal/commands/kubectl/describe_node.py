"""`kubectl describe` of nodes: addresses, capacity, the pods on it and what they ask for."""

from fractions import Fraction
from typing import Any

from svclab.kube.meta import age
from svclab.kube.printing_core import node_roles
from svclab.kube.quantity import Quantity, parse, text
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.describe_writer import Description, rfc1123
from svclab.terminal.commands.kubectl.errors import ApiError

Manifest = dict[str, Any]

_SYSTEM_INFO = (
    ("Machine ID", "machineID"),
    ("System UUID", "systemUUID"),
    ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"),
    ("OS Image", "osImage"),
    ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"),
    ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
    ("Kube-Proxy Version", "kubeProxyVersion"),
)
# Dividing by a capacity of nothing gives Go's smallest integer.
_OF_NOTHING = -(2**63)


def write_node(out: Description, client: Client, node: Manifest, events: list[Manifest] | None) -> None:
    """Everything about a node."""
    spec, status, metadata = node.get("spec") or {}, node.get("status") or {}, node["metadata"]
    out.field("Name", metadata["name"])
    out.field("Roles", ",".join(node_roles(node)) or "<none>")
    out.labels(metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    out.field("CreationTimestamp", rfc1123(metadata.get("creationTimestamp")))
    _write_taints(out, spec.get("taints") or [])
    out.field("Unschedulable", str(bool(spec.get("unschedulable"))).lower())
    _write_lease(out, client, metadata["name"])
    _write_conditions(out, status.get("conditions") or [])
    out.line("Addresses:")
    for address in status.get("addresses") or []:
        out.field(address["type"], address["address"], 1)
    for title in ("capacity", "allocatable"):
        amounts = status.get(title) or {}
        if amounts:
            out.line(f"{title.capitalize()}:")
        for name in sorted(amounts):
            out.field(name, text(parse(amounts[name])), 1)
    info = status.get("nodeInfo") or {}
    out.line("System Info:")
    for title, key in _SYSTEM_INFO:
        out.field(title, info.get(key, ""), 1)
    if spec.get("podCIDR"):
        out.field("PodCIDR", spec["podCIDR"])
    if spec.get("podCIDRs"):
        out.field("PodCIDRs", ",".join(spec["podCIDRs"]))
    if spec.get("providerID"):
        out.field("ProviderID", spec["providerID"])
    _write_pods(out, client, node)
    out.events(events)


def _write_taints(out: Description, taints: list[Manifest]) -> None:
    words = [taint_words(taint) for taint in sorted(taints, key=lambda t: (t.get("effect", ""), t["key"]))]
    out.line("Taints:\t" + ("\n\t".join(words) or "<none>"))


def taint_words(taint: Manifest) -> str:
    """`key=value:Effect`."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint.get('effect', '')}"


def _write_lease(out: Description, client: Client, name: str) -> None:
    try:
        lease = client.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}")
    except ApiError as refusal:
        out.line(f"Lease:\tFailed to get lease: {refusal.message}")
        return
    spec = lease.get("spec") or {}
    out.line("Lease:")
    out.field("HolderIdentity", spec.get("holderIdentity") or "<unset>", 1)
    out.field("AcquireTime", rfc1123(spec["acquireTime"]) if spec.get("acquireTime") else "<unset>", 1)
    out.field("RenewTime", rfc1123(spec["renewTime"]) if spec.get("renewTime") else "<unset>", 1)


def _write_conditions(out: Description, conditions: list[Manifest]) -> None:
    if not conditions:
        return
    out.line("Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage")
    out.line("----\t------\t-----------------\t------------------\t------\t-------", 1)
    for found in conditions:
        times = [rfc1123(found.get(key)) for key in ("lastHeartbeatTime", "lastTransitionTime")]
        cells = [*times, found.get("reason", ""), found.get("message", "")]
        out.line(f"{found['type']} \t{found['status']} \t" + " \t".join(cells), 1)


def _write_pods(out: Description, client: Client, node: Manifest) -> None:
    name = node["metadata"]["name"]
    fields = f"spec.nodeName={name},status.phase!=Failed,status.phase!=Succeeded"
    query = [("fieldSelector", fields), ("limit", "500")]
    pods = client.get("/api/v1/pods", query).get("items") or []
    allocatable = (
        (node.get("status") or {}).get("allocatable") or (node.get("status") or {}).get("capacity") or {}
    )
    cpu, memory = _amount(allocatable, "cpu"), _amount(allocatable, "memory")
    out.line(f"Non-terminated Pods:\t({len(pods)} in total)")
    titles = [
        "Namespace",
        "Name",
        "",
        "CPU Requests",
        "CPU Limits",
        "Memory Requests",
        "Memory Limits",
        "Age",
    ]
    out.line("\t".join(titles), 1)
    out.line("\t".join("-" * len(title) for title in titles), 1)
    for pod in pods:
        requests, limits = _pod_amounts(pod, "requests"), _pod_amounts(pod, "limits")
        cells = [
            pod["metadata"].get("namespace", ""),
            pod["metadata"]["name"],
            "",  # kubectl has an empty column here
            _share(requests["cpu"], cpu, of_nothing=_OF_NOTHING),
            _share(limits["cpu"], cpu, of_nothing=_OF_NOTHING),
            _share(requests["memory"], memory, of_nothing=_OF_NOTHING),
            _share(limits["memory"], memory, of_nothing=_OF_NOTHING),
            age(pod["metadata"].get("creationTimestamp"), out.now),
        ]
        out.line("\t".join(cells), 1)
    _write_allocated(out, pods, allocatable)


def _write_allocated(out: Description, pods: list[Manifest], allocatable: Manifest) -> None:
    out.line("Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)")
    out.line("Resource\tRequests\tLimits", 1)
    out.line("--------\t--------\t------", 1)
    names = ["cpu", "memory", "ephemeral-storage"]
    names += sorted(name for name in allocatable if name.startswith("hugepages-"))
    for name in names:
        whole = _amount(allocatable, name)
        sums = []
        for kind in ("requests", "limits"):
            amount = Quantity(Fraction(0))
            for pod in pods:
                amount = amount + _pod_amounts(pod, kind)[name]
            sums.append(_share(amount, whole, of_nothing=0))
        out.line(f"{name}\t{sums[0]}\t{sums[1]}", 1)


class _Amounts(dict[str, Quantity]):
    def __missing__(self, name: str) -> Quantity:
        return Quantity(Fraction(0))


def _pod_amounts(pod: Manifest, kind: str) -> _Amounts:
    """What a pod asks for: the sum over its containers, or the largest init container if that is more."""
    found = _Amounts()
    spec = pod.get("spec") or {}
    for container in spec.get("containers") or []:
        for name, value in ((container.get("resources") or {}).get(kind) or {}).items():
            found[name] = found[name] + parse(value)
    for container in spec.get("initContainers") or []:
        for name, value in ((container.get("resources") or {}).get(kind) or {}).items():
            if parse(value).amount > found[name].amount:
                found[name] = parse(value)
    return found


def _amount(amounts: Manifest, name: str) -> Fraction:
    return parse(amounts[name]).amount if name in amounts else Fraction(0)


def _share(amount: Quantity, whole: Fraction, *, of_nothing: int) -> str:
    percent = int(amount.amount / whole * 100) if whole else of_nothing
    return f"{text(amount)} ({percent}%)"
