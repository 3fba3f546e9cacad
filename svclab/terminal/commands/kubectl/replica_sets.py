"""A Deployment's replica sets as kubectl tells them apart: that of its present template, and older ones."""

from typing import Any

from svclab.kube.meta import is_controlled_by
from svclab.kube.selectors import format_object
from svclab.terminal.commands.kubectl.client import Client

Manifest = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"


def replica_sets_of(client: Client, deployment: Manifest) -> list[Manifest]:
    """The replica sets that a Deployment controls."""
    namespace = deployment["metadata"].get("namespace", "")
    query = [("labelSelector", format_object(deployment["spec"].get("selector")))]
    found = client.get(f"/apis/apps/v1/namespaces/{namespace}/replicasets", query).get("items") or []
    return [item for item in found if is_controlled_by(item, deployment)]


def new_and_old(client: Client, deployment: Manifest) -> tuple[Manifest | None, list[Manifest]]:
    """The replica set whose template is the Deployment's, and all others, by name."""
    found = sorted(
        replica_sets_of(client, deployment), key=lambda rs: rs["metadata"].get("creationTimestamp", "")
    )
    template = _bare(deployment["spec"]["template"])
    new = next((rs for rs in found if _bare(rs["spec"]["template"]) == template), None)
    return new, [rs for rs in found if rs is not new]


def _bare(template: Manifest) -> Manifest:
    """A pod template without the label that the Deployment controller adds."""
    metadata = dict(template.get("metadata") or {})
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != "pod-template-hash"}
    metadata.pop("creationTimestamp", None)
    return {**template, "metadata": {**metadata, "labels": labels}}


def revision_of(manifest: Manifest) -> int:
    """The revision that an object bears; 0 for none."""
    text = (manifest["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0
