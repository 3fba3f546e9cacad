"""kube-proxy's clock: on each node, rules follow Services and EndpointSlices about a second later.

Keys are ("", node). What the rules are is `kube.proxy`'s; here is when they change, node by node, as each
kube-proxy waits for a burst of changes to end (minSyncPeriod 1 s) and needs its time to write them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from svclab.kube.meta import is_true
from svclab.kube.nodememory import NodeMemory
from svclab.kube.reconcile import Change, MarkStale, Program, Result
from svclab.kube.snapshot import Key, Manifest, Snapshot, key_of
from svclab.linux.dice import Dice

_LABELS = {"k8s-app": "kube-proxy"}
_LEAST_SECONDS = 0.6
_SPREAD_SECONDS = 0.8


def affected(change: Change, snapshot: Snapshot) -> Iterable[Key]:
    """Every node when a Service or slice changes; one node when its kube-proxy comes back."""
    if change.kind in ("Service", "EndpointSlice"):
        yield from (key_of(node) for node in snapshot.list("Node"))
    elif change.kind == "Node":
        yield change.key
    elif change.kind == "Pod" and _is_kube_proxy(change.either) and change.either["spec"].get("nodeName"):
        yield ("", change.either["spec"]["nodeName"])


def reconcile(
    snapshot: Snapshot,
    key: Key,
    now: datetime,
    dice: Dice,
    *,
    hosts: Mapping[str, NodeMemory],
    digest: str,
    mode: str,
) -> Result:
    """Note that the rules are stale, and write them when their time has come.

    `digest` stands for the Services and slices as they are, `mode` is the one to write them in; `hosts` says
    what each node has programmed.
    """
    result = Result()
    if snapshot.get("Node", *key) is None or not _runs_kube_proxy(snapshot, key[1]):
        return result
    host = hosts.get(key[1], NodeMemory())
    if (host.digest, host.mode) == (digest, mode) and host.stale_since is None:
        return result
    if host.stale_since is None:
        result.add(MarkStale(key[1]))
    since = host.stale_since or now
    delay = _LEAST_SECONDS + Dice(f"{key[1]}/{since.isoformat()}").draw() * _SPREAD_SECONDS
    due = since + timedelta(seconds=delay)
    if due <= now:
        return result.add(Program(key[1]))
    return result.again(due)


def _is_kube_proxy(pod: Manifest) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return pod["metadata"].get("namespace") == "kube-system" and _LABELS.items() <= labels.items()


def _runs_kube_proxy(snapshot: Snapshot, node: str) -> bool:
    """Whether a kube-proxy pod is ready there; without one the rules stay as they are."""
    return any(
        _is_kube_proxy(pod) and pod["spec"].get("nodeName") == node and is_true(pod, "Ready")
        for pod in snapshot.list("Pod", "kube-system")
    )
