"""Clusters that nobody comes back to are removed, so that the database does not grow for ever.

Each new cluster takes the place of up to two of them, and no background worker is needed. A cluster in which
nothing was ever done (somebody only looked, or it was a robot) waits for a day, any other for a quarter.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet

from svclab.cluster import memory, models, quota
from svclab.cluster.errors import Full

_LOOKED_AT_FOR = timedelta(hours=1)
_UNUSED_STAYS = timedelta(days=1)
_USED_STAYS = timedelta(days=90)


def make_room(now: datetime) -> None:
    """Remove up to two abandoned clusters. Raises Full if there is no room for one more all the same."""
    for cluster_id in list(_abandoned(now).order_by("seen_at").values_list("id", flat=True)[:2]):
        _remove(cluster_id, now)
    if models.Cluster.objects.count() >= quota.CLUSTERS:
        raise Full


def _abandoned(now: datetime) -> QuerySet[models.Cluster]:
    unused = Q(trace_count=0, resource_version=F("compacted_version"))  # no write since it was planted
    only_looked_at = unused & Q(seen_at__lt=F("created_at") + _LOOKED_AT_FOR)
    found = models.Cluster.objects.filter(seen_at__lt=now - _UNUSED_STAYS)
    return found.filter(only_looked_at | Q(seen_at__lt=now - _USED_STAYS))


def _remove(cluster_id: UUID, now: datetime) -> None:
    """Remove it, unless somebody has come back this very moment."""
    with memory.transaction():
        row = _abandoned(now).select_for_update().filter(id=cluster_id).first()
        if row is not None:
            row.delete()
    memory.forget(cluster_id)
