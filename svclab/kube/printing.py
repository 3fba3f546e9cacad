"""The server's side of `kubectl get`: a meta.k8s.io/v1 Table for objects of a kind.

Columns and cells as the API server of Kubernetes 1.36 makes them (pkg/printers/internalversion); the cells
stand in printing_core.py (pods, nodes, events ...) and printing_network.py (services, endpoints ...).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from svclab.kube import printing_core as core
from svclab.kube import printing_network as network
from svclab.kube.printing_core import Cells, Manifest
from svclab.kube.resources import Resource


@dataclass(frozen=True, slots=True)
class Column:
    """One column: priority 0 is always shown, 1 only with `-o wide`."""

    name: str
    description: str
    type: str = "string"
    format: str = ""
    priority: int = 0

    def as_json(self) -> Manifest:
        """The entry of columnDefinitions."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


def table(
    resource: Resource,
    objects: Iterable[Manifest],
    now: datetime,
    include: str = "Metadata",
    *,
    with_columns: bool = True,
    metadata: Manifest | None = None,
) -> Manifest:
    """The Table of these objects.

    `include` is what each row carries besides its cells: "Metadata", "Object" or "None". A watch sends the
    column definitions with its first event only (`with_columns`). `metadata` is the list's: resourceVersion,
    continue, remainingItemCount.
    """
    columns, cells = printer(resource.kind)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata or {},
        "columnDefinitions": [column.as_json() for column in columns] if with_columns else None,
        "rows": [_row(resource, manifest, cells(manifest, now), include) for manifest in objects],
    }


def printer(kind: str) -> tuple[tuple[Column, ...], Callable[[Manifest, datetime], Cells]]:
    """The columns of a kind and the function that fills them; name and age for a kind without its own."""
    return PRINTERS.get(kind, ((NAME, CREATED_AT), core.created_at_cells))


def _row(resource: Resource, manifest: Manifest, cells: Cells, include: str) -> Manifest:
    row: Manifest = {"cells": cells}
    if resource.kind == "Pod" and (end := core.POD_ENDS.get((manifest.get("status") or {}).get("phase", ""))):
        row["conditions"] = [end]
    if include == "Metadata":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": manifest["metadata"],
        }
    elif include == "Object":
        row["object"] = {"kind": resource.kind, "apiVersion": resource.api_version, **manifest}
    return row


def _wide(name: str, description: str, **more: Any) -> Column:
    return Column(name, description, priority=1, **more)


def _count(name: str, description: str) -> Column:
    return Column(name, description, type="integer")


NAME = Column("Name", "The object's name, unique in its namespace and kind.", format="name")
AGE = Column("Age", "Time since the object was created.")
CREATED_AT = Column("Created At", "When the object was created.")
_CONTAINERS = _wide("Containers", "Names of the containers in the pod template.")
_IMAGES = _wide("Images", "Images of the containers in the pod template.")
_SELECTOR = _wide("Selector", "The labels by which its pods are found.")

PRINTERS: Mapping[str, tuple[tuple[Column, ...], Callable[[Manifest, datetime], Cells]]] = {
    "Pod": (
        (
            NAME,
            Column("Ready", "Containers that are ready, of all containers."),
            Column("Status", "Phase of the pod, or the reason why it is not running."),
            Column("Restarts", "How often its containers were restarted, and when last."),
            AGE,
            _wide("IP", "The pod's address."),
            _wide("Node", "The node that runs it."),
            _wide("Nominated Node", "The node that makes room for it by preemption."),
            _wide("Readiness Gates", "Readiness gates that are met, of all."),
        ),
        core.pod_cells,
    ),
    "Service": (
        (
            NAME,
            Column("Type", "ClusterIP, NodePort, LoadBalancer or ExternalName."),
            Column("Cluster-IP", "The virtual address inside the cluster."),
            Column("External-IP", "Addresses or name outside the cluster."),
            Column("Port(s)", "Service ports, with node ports after a colon."),
            AGE,
            _wide("Selector", "Labels of the pods that answer."),
        ),
        network.service_cells,
    ),
    "Endpoints": (
        (NAME, Column("Endpoints", "Ready addresses with their ports."), AGE),
        network.endpoints_cells,
    ),
    "EndpointSlice": (
        (
            NAME,
            Column("AddressType", "IPv4, IPv6 or FQDN."),
            Column("Ports", "Ports of every endpoint in the slice."),
            Column("Endpoints", "Addresses in the slice, ready or not."),
            AGE,
        ),
        network.slice_cells,
    ),
    "Node": (
        (
            NAME,
            Column("Status", "Whether the node is ready and takes new pods."),
            Column("Roles", "Roles by the node-role.kubernetes.io labels."),
            AGE,
            Column("Version", "The kubelet's version."),
            _wide("Internal-IP", "The node's address inside its network."),
            _wide("External-IP", "The node's address for the outside."),
            _wide("OS-Image", "The operating system."),
            _wide("Kernel-Version", "The kernel's version."),
            _wide("Container-Runtime", "The container runtime and its version."),
        ),
        core.node_cells,
    ),
    "Namespace": ((NAME, Column("Status", "Active or Terminating."), AGE), core.namespace_cells),
    "Deployment": (
        (
            NAME,
            Column("Ready", "Ready pods, of those wanted."),
            Column("Up-to-date", "Pods of the newest template."),
            Column("Available", "Pods ready for long enough."),
            AGE,
            _CONTAINERS,
            _IMAGES,
            _SELECTOR,
        ),
        core.deployment_cells,
    ),
    "ReplicaSet": (
        (
            NAME,
            _count("Desired", "Pods wanted."),
            _count("Current", "Pods that exist."),
            _count("Ready", "Pods that are ready."),
            AGE,
            _CONTAINERS,
            _IMAGES,
            _SELECTOR,
        ),
        core.replicaset_cells,
    ),
    "StatefulSet": (
        (NAME, Column("Ready", "Ready pods, of those wanted."), AGE, _CONTAINERS, _IMAGES),
        core.statefulset_cells,
    ),
    "DaemonSet": (
        (
            NAME,
            _count("Desired", "Nodes that should run a pod."),
            _count("Current", "Nodes that run one."),
            _count("Ready", "Nodes with a ready pod."),
            _count("Up-to-date", "Nodes with a pod of the newest template."),
            _count("Available", "Nodes with a pod ready for long enough."),
            Column("Node Selector", "Labels of the nodes meant."),
            AGE,
            _CONTAINERS,
            _IMAGES,
            _SELECTOR,
        ),
        core.daemonset_cells,
    ),
    "Event": (
        (
            Column("Last Seen", "Time since it last happened."),
            Column("Type", "Normal or Warning."),
            Column("Reason", "Why, in one word."),
            Column("Object", "The object it is about."),
            _wide("Subobject", "The part of the object, such as a container."),
            _wide("Source", "The component that reports it."),
            Column("Message", "What happened, in words."),
            _wide("First Seen", "Time since it first happened."),
            _wide("Count", "How often it happened."),
            _wide("Name", "The event's own name.", format="name"),
        ),
        core.event_cells,
    ),
    "ConfigMap": ((NAME, Column("Data", "Number of entries."), AGE), core.configmap_cells),
    "Secret": (
        (NAME, Column("Type", "What kind of secret."), Column("Data", "Number of entries."), AGE),
        core.secret_cells,
    ),
    "ServiceAccount": ((NAME, AGE), core.name_and_age_cells),
    "Lease": ((NAME, Column("Holder", "Who holds it."), AGE), core.lease_cells),
    "Ingress": (
        (
            NAME,
            Column("Class", "The IngressClass that serves it."),
            Column("Hosts", "Host names of its rules."),
            Column("Address", "Where its load balancer listens."),
            Column("Ports", "80, and 443 with TLS."),
            AGE,
        ),
        network.ingress_cells,
    ),
    "IngressClass": (
        (
            NAME,
            Column("Controller", "The controller that serves it."),
            Column("Parameters", "The object with its parameters."),
            AGE,
        ),
        network.ingressclass_cells,
    ),
    "NetworkPolicy": (
        (NAME, Column("Pod-Selector", "Labels of the pods it covers."), AGE),
        network.networkpolicy_cells,
    ),
}
