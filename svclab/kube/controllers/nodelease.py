"""The kubelet's lease controller: each node that is alive holds the Lease of its name in kube-node-lease.

Keys are ("", node). A kubelet renews its Lease every ten seconds, which is of interest to whoever looks at
Leases only: then `renewed` says which renewals are due. Source: kubelet 1.36, pkg/kubelet/kubelet.go
(nodeLeaseRenewInterval), component-helpers/apimachinery/lease.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from svclab.kube.meta import condition, micro_timestamp, moment
from svclab.kube.reconcile import Change, Create, Result
from svclab.kube.snapshot import Key, Manifest, Snapshot
from svclab.linux.dice import Dice

NAMESPACE = "kube-node-lease"
_SECONDS = 40  # for which a Lease is held; the node lifecycle controller waits as long
_RENEWAL = timedelta(seconds=10)


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """A node that is new or comes back, and one whose Lease somebody has deleted."""
    if change.kind == "Node":
        yield change.key
    elif change.kind == "Lease" and change.new is None and change.key[0] == NAMESPACE:
        yield ("", change.key[1])
    elif change.kind == "Namespace" and change.key[1] == NAMESPACE:
        for node in snapshot.list("Node"):
            yield ("", node["metadata"]["name"])


def reconcile(snapshot: Snapshot, key: Key, now: datetime, dice: Dice) -> Result:
    """Take the Lease where it is missing."""
    result, node = Result(), snapshot.get("Node", *key)
    namespace = snapshot.get("Namespace", "", NAMESPACE) or {"metadata": {"deletionTimestamp": ""}}
    if node is None or not _is_alive(node) or "deletionTimestamp" in namespace["metadata"]:
        return result
    if not node["status"].get("nodeInfo", {}).get("kubeletVersion"):
        return result  # an object that somebody made; no kubelet has ever told of itself there
    if snapshot.get("Lease", NAMESPACE, key[1]) is None:
        owner = {"apiVersion": "v1", "kind": "Node", "name": key[1], "uid": node["metadata"]["uid"]}
        spec = {
            "holderIdentity": key[1],
            "leaseDurationSeconds": _SECONDS,
            "renewTime": micro_timestamp(now),
        }
        metadata = {"name": key[1], "namespace": NAMESPACE, "ownerReferences": [owner]}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }
        result.add(Create(lease))
    return result


def renewed(snapshot: Snapshot, now: datetime) -> list[Manifest]:
    """The Leases whose holders have renewed them since they were written, as they are at `now`."""
    found = []
    for lease in snapshot.list("Lease", NAMESPACE):
        node = snapshot.get("Node", "", lease["metadata"]["name"])
        since = moment((lease.get("spec") or {}).get("renewTime"))
        if node is None or since is None:
            continue
        times = (_last_sign(node, now) - since) // _RENEWAL
        if times > 0:
            spec = {**lease["spec"], "renewTime": micro_timestamp(since + times * _RENEWAL)}
            found.append({**lease, "spec": spec})
    return found


def _is_alive(node: Manifest) -> bool:
    return (condition(node, "Ready") or {}).get("status") == "True"


def _last_sign(node: Manifest, now: datetime) -> datetime:
    """When the node's kubelet was last alive: a Ready that is no longer True was noticed late."""
    since = moment((condition(node, "Ready") or {}).get("lastTransitionTime"))
    if _is_alive(node):
        return now
    return (since or now) - timedelta(seconds=_SECONDS)
