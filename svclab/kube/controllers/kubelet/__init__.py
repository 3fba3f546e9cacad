"""The kubelets: what happens to a pod once it is bound to a node, until it is gone.

Sandbox and address, images, containers, probes, restarts with back-off, graceful termination. Whatever must
be remembered between two looks stands in the pod's status or in its events, as for a kubelet that restarts.
Delays are drawn off the pod's uid, so they are the same whenever they are asked for. Source: kubelet 1.36.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from svclab.kube import nodes, pods
from svclab.kube.controllers.kubelet import podlife
from svclab.kube.controllers.kubelet.look import Look
from svclab.kube.controllers.kubelet.probes import HttpStatus
from svclab.kube.nodememory import NodeMemory
from svclab.kube.reconcile import Change, Result
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """The pod itself; the pods of a node that changed; the pods that wait for a ConfigMap or Secret."""
    if change.kind == "Pod" and change.new is not None:
        yield change.key
    elif change.kind == "Node":
        if (
            change.old is None
            or change.new is None
            or nodes.is_ready(change.old) != nodes.is_ready(change.new)
        ):
            yield from (key_of(p) for p in snapshot.list("Pod") if p["spec"].get("nodeName") == change.key[1])
    elif change.kind in ("ConfigMap", "Secret"):
        yield from (key_of(p) for p in snapshot.list("Pod", change.key[0]) if pods.phase(p) == "Pending")


def answers_everything(pod: Manifest, port: int, path: str) -> int:
    """An HTTP status for every path: 200."""
    return 200


def reconcile(
    snapshot: Snapshot,
    key: Key,
    now: datetime,
    dice: Dice,
    *,
    hosts: Mapping[str, NodeMemory],
    strict: bool = False,
    http_status: HttpStatus = answers_everything,
) -> Result:
    """What the pod's kubelet does now, and when it has something to do next."""
    pod = snapshot.get("Pod", *key)
    node = snapshot.get("Node", "", pod["spec"].get("nodeName", "")) if pod is not None else None
    if pod is None or node is None or not nodes.is_ready(node):
        return Result()
    look = Look(snapshot, pod, node, now, hosts, strict, http_status)
    if pods.is_terminating(pod):
        podlife.terminate(look)
    elif not pods.is_terminal(pod):
        podlife.run(look)
    return look.result
