"""The secret that opens one cluster's API: in the kubeconfig's server URL, or as its bearer token."""

from uuid import UUID

from svclab.accounts.permissions import Thing, Visitor, may
from svclab.cluster import models
from svclab.cluster.errors import NoSuchCluster
from svclab.cluster.store import ClusterHandle, open_cluster


def cluster_of_secret(secret: str) -> ClusterHandle:
    """The cluster that this secret opens. Raises NoSuchCluster for an unknown or revoked one."""
    found = (
        models.Cluster.objects.filter(api_secret=secret).values_list("id", flat=True).first()
        if secret
        else None
    )
    if found is None:
        raise NoSuchCluster("no cluster has this secret")
    return ClusterHandle(found)


def open_for(visitor: Visitor, cluster_id: UUID | str, action: str = "see") -> ClusterHandle:
    """The cluster, for a visitor who may `see` or `use` it.

    Raises NoSuchCluster for anybody else, as for a cluster that is not there: nobody learns which ids exist.
    """
    cluster = open_cluster(cluster_id)
    thing = Thing("cluster", cluster.settings().owner, str(cluster.id))
    if not may(visitor, action, thing):
        raise NoSuchCluster(str(cluster_id))
    return cluster


def secret_of(cluster_id: UUID) -> str | None:
    """The cluster's secret; None while it is revoked."""
    return models.Cluster.objects.values_list("api_secret", flat=True).get(id=cluster_id)


def renew_secret(cluster_id: UUID) -> str:
    """A new secret; the old one opens nothing from now on."""
    secret = models.new_secret()
    models.Cluster.objects.filter(id=cluster_id).update(api_secret=secret)
    return secret


def revoke_secret(cluster_id: UUID) -> None:
    """No secret: the API is closed until a new one is made."""
    models.Cluster.objects.filter(id=cluster_id).update(api_secret=None)


def owner_of(cluster_id: UUID) -> str:
    """The learner whose cluster this is. Raises NoSuchCluster."""
    return open_cluster(cluster_id).settings().owner


def cluster_of(owner: str) -> ClusterHandle | None:
    """The learner's cluster, the youngest if there were several; None before the first visit."""
    found = (
        models.Cluster.objects.filter(owner=owner)
        .order_by("-created_at")
        .values_list("id", flat=True)
        .first()
    )
    return None if found is None else ClusterHandle(found)
