"""Renewals of the nodes' Leases: written when somebody looks at Leases, and not every ten seconds."""

import logging

from django.db import OperationalError

from svclab.cluster.store import ClusterHandle
from svclab.kube.controllers import nodelease

log = logging.getLogger(__name__)


def renew(cluster: ClusterHandle) -> None:
    """Write those that are due. Where nothing can be written, the Leases are read as they are."""
    if not nodelease.renewed(cluster.snapshot(), cluster.now()):
        return
    try:
        with cluster.writing() as batch:
            for lease in nodelease.renewed(batch.snapshot, batch.now):
                batch.update(lease)
    except OperationalError as error:
        log.warning("leases of cluster %s are not renewed: %s", cluster.id, error)
