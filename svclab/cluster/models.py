"""The tables of svclab's clusters: columns, constraints and nothing else. Only `svclab.cluster` reads or
writes them.

A manifest is kept as JSON text, exactly as written: the order of keys is part of what the API answers,
and a jsonb column would lose it.
"""

import secrets
import uuid

from django.db import models

from svclab.cluster.clock import real_now


def new_secret() -> str:
    """256 random bits for a URL: whoever knows it may use one cluster's API, and nothing else."""
    return secrets.token_urlsafe(32)


class Cluster(models.Model):
    """One learner's cluster: its settings, its clock, and the counter that every write raises."""

    class Flavour(models.TextChoices):
        CLOUD = "cloud"
        BARE_METAL = "bare-metal"

    class Runtime(models.TextChoices):
        LENIENT = "lenient"
        STRICT = "strict"

    class ProxyMode(models.TextChoices):
        IPTABLES = "iptables"
        NFTABLES = "nftables"
        IPVS = "ipvs"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.CharField(max_length=64, db_index=True)
    seed = models.CharField(max_length=64)  # the starting cluster, a file in seeds/
    random_seed = models.CharField(max_length=64)  # every draw in this cluster is counted off it
    flavour = models.CharField(max_length=16, choices=Flavour.choices, default=Flavour.CLOUD)
    runtime = models.CharField(max_length=16, choices=Runtime.choices, default=Runtime.LENIENT)
    proxy_mode = models.CharField(max_length=16, choices=ProxyMode.choices, default=ProxyMode.IPTABLES)
    revision = models.BigIntegerField(
        default=0
    )  # raised by every transaction on the cluster, whatever it changed
    resource_version = models.BigIntegerField(default=0)
    compacted_version = models.BigIntegerField(default=0)  # events up to here are no longer in the log
    settled_at = models.DateTimeField()  # virtual time of the last transaction on objects
    trace_count = models.BigIntegerField(default=0)
    memory_changes = models.BigIntegerField(default=0)  # by hand, of what its hosts remember
    clock_virtual = models.DateTimeField()  # virtual time at the moment clock_real
    clock_real = models.DateTimeField()
    clock_rate = models.FloatField(default=1.0)
    clock_paused = models.BooleanField(default=False)
    api_secret = models.CharField(max_length=64, unique=True, null=True, default=new_secret)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(default=real_now, db_index=True)  # somebody used it, to the hour

    def __str__(self) -> str:
        return f"cluster {self.id} of {self.owner}"


class KubeObject(models.Model):
    """One API object. `namespace` is "" for cluster-scoped kinds."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=253)
    uid = models.CharField(max_length=36)
    resource_version = models.BigIntegerField()
    manifest = models.TextField()

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "namespace", "name"], name="%(class)s_name_once_in_a_namespace"
            )
        ]

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.namespace}/{self.name}"


class Namespace(KubeObject):
    """v1 Namespace."""


class Node(KubeObject):
    """v1 Node."""


class Pod(KubeObject):
    """v1 Pod."""


class Service(KubeObject):
    """v1 Service; its addresses and node ports have rows of their own below."""


class EndpointSlice(KubeObject):
    """discovery.k8s.io/v1 EndpointSlice."""


class Deployment(KubeObject):
    """apps/v1 Deployment."""


class ReplicaSet(KubeObject):
    """apps/v1 ReplicaSet."""


class StatefulSet(KubeObject):
    """apps/v1 StatefulSet."""


class DaemonSet(KubeObject):
    """apps/v1 DaemonSet."""


class Event(KubeObject):
    """v1 Event."""


class OtherObject(KubeObject):
    """Kinds that no query of ours singles out: ConfigMap, Secret, Endpoints, Ingress, ..."""

    kind = models.CharField(max_length=63)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "kind", "namespace", "name"], name="otherobject_name_once_in_a_namespace"
            )
        ]


class IpAllocation(models.Model):
    """A cluster IP that a Service holds: one holder per cluster, whatever two processes try at once."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    address = models.GenericIPAddressField()
    service_uid = models.CharField(max_length=36)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster", "address"], name="one_service_per_cluster_ip")
        ]

    def __str__(self) -> str:
        return self.address


class PortAllocation(models.Model):
    """A node port (or health check node port, as TCP) that a Service holds."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    port = models.PositiveIntegerField()
    protocol = models.CharField(max_length=4)
    service_uid = models.CharField(max_length=36)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster", "port", "protocol"], name="one_service_per_node_port")
        ]

    def __str__(self) -> str:
        return f"{self.port}/{self.protocol}"


class WatchEvent(models.Model):
    """One line of the append-only log that watches read; old lines are compacted away."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    resource_version = models.BigIntegerField()
    verb = models.CharField(max_length=8)
    manifest = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster", "resource_version"], name="one_event_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.resource_version} {self.verb}"


class ProgrammedRules(models.Model):
    """The Services and EndpointSlices that a kube-proxy has programmed, once however many nodes share
    them.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    body = models.BinaryField()  # zlib of a JSON list of manifests

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster", "digest"], name="one_copy_of_programmed_rules")
        ]

    def __str__(self) -> str:
        return self.digest


class HostState(models.Model):
    """What one node remembers beside API objects: programmed rules, addresses given out, connections."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    node = models.CharField(max_length=253)
    digest = models.CharField(max_length=64, blank=True)  # of its ProgrammedRules
    stale_since = models.DateTimeField(null=True)  # virtual time of the first change not yet programmed
    last_address = models.CharField(max_length=45, blank=True)  # the pod address given out last
    mode = models.CharField(max_length=16, default="iptables")  # in which kube-proxy programmed its rules
    kernel = models.TextField(default="{}")  # conntrack and recent lists, JSON as linux.host writes it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "node"], name="one_state_per_node")]

    def __str__(self) -> str:
        return f"host state of {self.node}"


class TraceRecord(models.Model):
    """One request that was sent, with everything that happened to its packets."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    number = models.BigIntegerField()  # 1, 2, 3 ... in the order of sending
    virtual_time = models.DateTimeField()
    origin = models.CharField(max_length=64, blank=True)  # who asked: a terminal session, the stage, a check
    events = models.PositiveIntegerField()
    summary = models.TextField()  # JSON: what a list of requests shows
    trace = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "number"], name="trace_number_once")]

    def __str__(self) -> str:
        return f"trace {self.number}"


class ContainerRun(models.Model):
    """One run of a container: what it found at its start, and if it is a client program what it printed."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    pod_uid = models.CharField(max_length=36)
    container = models.CharField(max_length=63)
    run = models.PositiveIntegerField()  # restartCount of that run
    services = models.TextField(default="[]")  # JSON: Services, as far as variables are made of them
    text = models.TextField(blank=True)  # lines, each behind the virtual time at which it was printed
    holder = models.CharField(max_length=32, blank=True)  # the server process that runs the program
    held_until = models.DateTimeField(null=True)  # real time; then another process may run it

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "pod_uid", "container", "run"], name="one_row_per_container_run"
            )
        ]

    def __str__(self) -> str:
        return f"run {self.run} of {self.container}"


class LearnerFile(models.Model):
    """A file of the learner's: the manifests of the tutorial and what they wrote themselves."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="+")
    path = models.CharField(max_length=255)
    text = models.TextField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "path"], name="one_file_per_path")]

    def __str__(self) -> str:
        return self.path
