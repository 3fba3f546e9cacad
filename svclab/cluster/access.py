"""Whose cluster is whose: by the learner's key, or by the secret that opens one cluster's API."""

from datetime import datetime, timedelta
from uuid import UUID

from svclab.accounts.permissions import Thing, Visitor, may
from svclab.cluster import models
from svclab.cluster.clock import real_now
from svclab.cluster.errors import NoSuchCluster
from svclab.cluster.store import ClusterHandle, open_cluster

_HOUR = timedelta(hours=1)


def cluster_of_secret(secret: str) -> ClusterHandle:
    """The cluster that this secret opens. Raises NoSuchCluster for an unknown or revoked one."""
    found = (
        models.Cluster.objects.filter(api_secret=secret).values_list("id", "seen_at").first()
        if secret
        else None
    )
    if found is None:
        raise NoSuchCluster("no cluster has this secret")
    return _seen(*found)


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
        .values_list("id", "seen_at")
        .first()
    )
    return None if found is None else _seen(*found)


def _seen(cluster_id: UUID, seen_at: datetime) -> ClusterHandle:
    """Note, once an hour, that somebody uses the cluster: what nobody uses is removed (`abandoned`)."""
    now = real_now()
    if seen_at < now - _HOUR:
        models.Cluster.objects.filter(id=cluster_id).update(seen_at=now)
    return ClusterHandle(cluster_id)
