"""What scheduler, DaemonSets and others ask of a node: its labels, whether a pod's spec chooses it."""

from svclab.kube.meta import is_true
from svclab.kube.selectors import Requirement
from svclab.kube.snapshot import Manifest

ZONE = "topology.kubernetes.io/zone"
_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": "gt", "Lt": "lt"}


def labels(node: Manifest) -> dict[str, str]:
    """A node's labels."""
    return node["metadata"].get("labels") or {}


def zone(node: Manifest | None) -> str | None:
    """The zone that a node stands in, by its label."""
    return labels(node).get(ZONE) if node is not None else None


def is_ready(node: Manifest) -> bool:
    """Whether the node's Ready condition is true."""
    return is_true(node, "Ready")


def is_chosen(pod_spec: Manifest, node: Manifest) -> bool:
    """Whether nodeSelector and required node affinity of a pod's spec admit the node."""
    have = labels(node)
    if any(have.get(key) != value for key, value in (pod_spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return not required or any(_meets(term, node) for term in required.get("nodeSelectorTerms") or ())


def _meets(term: Manifest, node: Manifest) -> bool:
    """All of a term's expressions; a term without any selects nothing."""
    fields = {"metadata.name": node["metadata"]["name"]}
    wanted = [(e, labels(node)) for e in term.get("matchExpressions") or ()]
    wanted += [(e, fields) for e in term.get("matchFields") or ()]
    return bool(wanted) and all(
        Requirement(e["key"], _OPERATORS[e["operator"]], tuple(e.get("values") or ())).matches(values)
        for e, values in wanted
    )
