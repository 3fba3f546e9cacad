"""`python manage.py kubeconfig`: a kubeconfig for one's own machine."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from svclab.apiserver.kubeconfig import kubeconfig
from svclab.cluster.access import cluster_of, renew_secret, secret_of
from svclab.cluster.errors import NoSuchCluster
from svclab.cluster.lifecycle import new_cluster
from svclab.cluster.store import ClusterHandle, open_cluster

_OWNER = "command-line"


class Command(BaseCommand):
    """Prints a kubeconfig for a cluster: a given one, a new one, or the one that this command made before."""

    help = "Print a kubeconfig: `manage.py kubeconfig > lab.yaml; kubectl --kubeconfig lab.yaml get nodes`"

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--cluster", metavar="ID", help="of this cluster")
        which.add_argument("--new", action="store_true", help="of a new cluster, made now")
        parser.add_argument(
            "--server", default="http://localhost:8000", metavar="URL", help="where svclab runs"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        server = options["server"]
        if not server.startswith(("http://", "https://")):
            raise CommandError(f"--server must begin with http:// or https://, not be {server}")
        try:
            cluster = self._cluster(options["cluster"], new=options["new"])
        except NoSuchCluster:
            raise CommandError(f"there is no cluster {options['cluster']}") from None
        secret = secret_of(cluster.id) or renew_secret(cluster.id)
        self.stdout.write(kubeconfig(cluster.id, secret, server), ending="")

    @staticmethod
    def _cluster(identity: str | None, *, new: bool) -> ClusterHandle:
        if identity:
            return open_cluster(identity)
        known = None if new else cluster_of(_OWNER)
        return known or new_cluster(_OWNER)
