"""`kubectl describe` of Deployment, ReplicaSet, StatefulSet and DaemonSet."""

from collections import Counter
from typing import Any

from svclab.kube.meta import is_controlled_by
from svclab.kube.selectors import format_labels, format_object
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.describe_pod import write_template
from svclab.terminal.commands.kubectl.describe_writer import Description, rfc1123
from svclab.terminal.commands.kubectl.replica_sets import new_and_old

Manifest = dict[str, Any]


def write_deployment(
    out: Description, client: Client, deployment: Manifest, events: list[Manifest] | None
) -> None:
    """A Deployment with its replica sets, old and new."""
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    out.head(deployment)
    out.field("CreationTimestamp", rfc1123(deployment["metadata"].get("creationTimestamp")))
    out.labels(deployment["metadata"].get("labels"))
    out.annotations(deployment["metadata"].get("annotations"))
    out.field("Selector", format_object(spec.get("selector")))
    out.field(
        "Replicas",
        f"{spec.get('replicas', 1)} desired | {status.get('updatedReplicas', 0)} updated | "
        f"{status.get('replicas', 0)} total | {status.get('availableReplicas', 0)} available | "
        f"{status.get('unavailableReplicas', 0)} unavailable",
    )
    strategy = spec.get("strategy") or {}
    out.field("StrategyType", strategy.get("type", ""))
    out.field("MinReadySeconds", spec.get("minReadySeconds", 0))
    rolling = strategy.get("rollingUpdate")
    if rolling:
        words = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        out.field("RollingUpdateStrategy", words)
    write_template(out, spec.get("template") or {})
    if status.get("conditions"):
        out.line("Conditions:\n  Type\tStatus\tReason")
        out.line("----\t------\t------", 1)
        for condition in status["conditions"]:
            out.line(f"{condition['type']} \t{condition['status']}\t{condition.get('reason', '')}", 1)
    new, old = new_and_old(client, deployment)
    if new or old:
        out.field("OldReplicaSets", _replica_sets(old))
        out.field("NewReplicaSet", _replica_sets([new] if new else []))
    out.events(events)


def _replica_sets(found: list[Manifest]) -> str:
    words = [
        f"{rs['metadata']['name']} "
        f"({(rs.get('status') or {}).get('replicas', 0)}/{rs['spec'].get('replicas', 1)} "
        "replicas created)"
        for rs in found
    ]
    return ", ".join(words) or "<none>"


def write_replicaset(
    out: Description, client: Client, replicaset: Manifest, events: list[Manifest] | None
) -> None:
    """A ReplicaSet with the states of its pods."""
    spec, status = replicaset.get("spec") or {}, replicaset.get("status") or {}
    out.head(replicaset)
    out.field("Selector", format_object(spec.get("selector")))
    out.labels(replicaset["metadata"].get("labels"))
    out.annotations(replicaset["metadata"].get("annotations"))
    out.controller(replicaset)
    out.field("Replicas", f"{status.get('replicas', 0)} current / {spec.get('replicas', 1)} desired")
    out.field("Pods Status", _pods_status(client, replicaset))
    write_template(out, spec.get("template") or {})
    if status.get("conditions"):
        out.line("Conditions:\n  Type\tStatus\tReason")
        out.line("----\t------\t------", 1)
        for condition in status["conditions"]:
            out.line(f"{condition['type']} \t{condition['status']}\t{condition.get('reason', '')}", 1)
    out.events(events)


def _pods_status(client: Client, owner: Manifest) -> str:
    namespace = owner["metadata"].get("namespace", "")
    selector = format_object(owner["spec"].get("selector"))
    query = [("labelSelector", selector)]
    pods = client.get(f"/api/v1/namespaces/{namespace}/pods", query).get("items") or []
    phases = Counter(
        (pod.get("status") or {}).get("phase", "") for pod in pods if is_controlled_by(pod, owner)
    )
    return (
        f"{phases['Running']} Running / {phases['Pending']} Waiting / {phases['Succeeded']} Succeeded / "
        f"{phases['Failed']} Failed"
    )


def write_statefulset(
    out: Description, client: Client, statefulset: Manifest, events: list[Manifest] | None
) -> None:
    """A StatefulSet."""
    spec, status = statefulset.get("spec") or {}, statefulset.get("status") or {}
    out.head(statefulset)
    out.field("CreationTimestamp", rfc1123(statefulset["metadata"].get("creationTimestamp")))
    out.field("Selector", format_object(spec.get("selector")))
    out.labels(statefulset["metadata"].get("labels"))
    out.annotations(statefulset["metadata"].get("annotations"))
    out.field("Replicas", f"{spec.get('replicas', 1)} desired | {status.get('replicas', 0)} total")
    strategy = spec.get("updateStrategy") or {}
    out.field("Update Strategy", strategy.get("type", ""))
    rolling = strategy.get("rollingUpdate")
    if rolling and rolling.get("partition") is not None:
        out.field("Partition", rolling["partition"], 1)
    out.field("Pods Status", _pods_status(client, statefulset))
    write_template(out, spec.get("template") or {})
    claims = spec.get("volumeClaimTemplates") or []
    if not claims:
        out.line("Volume Claims:\t<none>")
    else:
        out.line("Volume Claims:")
    for claim in claims:
        _write_claim(out, claim)
    out.events(events)


def _write_claim(out: Description, claim: Manifest) -> None:
    spec = claim.get("spec") or {}
    out.field("Name", claim["metadata"]["name"], 1)
    out.field("StorageClass", spec.get("storageClassName", ""), 1)
    for title in ("labels", "annotations"):
        shown = format_labels(claim["metadata"].get(title))
        out.field(title.capitalize(), shown, 1)
    requests = (spec.get("resources") or {}).get("requests") or {}
    out.field("Capacity", requests.get("storage", "<default>"), 1)
    out.field("Access Modes", f"[{' '.join(spec.get('accessModes') or [])}]", 1)


def write_daemonset(
    out: Description, client: Client, daemonset: Manifest, events: list[Manifest] | None
) -> None:
    """A DaemonSet with its counts of nodes."""
    spec, status = daemonset.get("spec") or {}, daemonset.get("status") or {}
    template = spec.get("template") or {}
    out.field("Name", daemonset["metadata"]["name"])
    out.field("Namespace", daemonset["metadata"].get("namespace", ""))
    out.field("Selector", format_object(spec.get("selector")))
    out.field("Node-Selector", format_labels((template.get("spec") or {}).get("nodeSelector")))
    out.labels(daemonset["metadata"].get("labels"))
    out.annotations(daemonset["metadata"].get("annotations"))
    for words, key in (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ):
        out.line(f"{words}: {status.get(key, 0)}")
    out.field("Pods Status", _pods_status(client, daemonset))
    write_template(out, template)
    out.events(events)
