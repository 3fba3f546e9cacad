"""What a page needs of an object: enough to draw and explain it, nothing secret, nothing that fills space."""

from svclab.kube.snapshot import Manifest

DRAWN = frozenset({"Namespace", "Node", "Pod", "Service", "EndpointSlice", "Deployment", "NetworkPolicy"})
_METADATA = (
    "name",
    "namespace",
    "uid",
    "labels",
    "creationTimestamp",
    "deletionTimestamp",
    "resourceVersion",
)
_FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "Namespace": {"status": ("phase",)},
    "Node": {
        "spec": ("podCIDR", "taints", "unschedulable"),
        "status": ("addresses", "conditions"),
    },
    "Pod": {
        "spec": ("nodeName", "hostNetwork", "readinessGates"),
        "status": ("phase", "podIP", "conditions", "containerStatuses", "reason", "startTime"),
    },
    "Service": {"spec": (), "status": ("loadBalancer",)},
    "Deployment": {
        "spec": ("replicas", "selector"),
        "status": ("replicas", "readyReplicas", "availableReplicas"),
    },
    "NetworkPolicy": {"spec": ()},
}


def trimmed(manifest: Manifest) -> Manifest:
    """The page's share of a manifest. An empty tuple of fields means all of that part."""
    kind = manifest["kind"]
    metadata = {name: manifest["metadata"][name] for name in _METADATA if name in manifest["metadata"]}
    drawn: Manifest = {"kind": kind, "metadata": metadata}
    if kind == "EndpointSlice":
        return drawn | {name: manifest[name] for name in ("endpoints", "ports") if name in manifest}
    for part, names in _FIELDS[kind].items():
        whole = manifest.get(part) or {}
        drawn[part] = {name: whole[name] for name in names if name in whole} if names else whole
    if kind == "Pod":
        drawn["spec"]["containers"] = [
            {name: container[name] for name in ("name", "image", "ports") if name in container}
            for container in (manifest.get("spec") or {}).get("containers") or ()
        ]
    return drawn


def reference(manifest: Manifest) -> Manifest:
    """Just enough to say which object is gone."""
    metadata = manifest["metadata"]
    return {
        "kind": manifest["kind"],
        "metadata": {name: metadata[name] for name in ("name", "namespace", "uid") if name in metadata},
    }
