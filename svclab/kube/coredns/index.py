"""What CoreDNS's informers keep of Services, EndpointSlices and Pods, indexed for look-ups by name and by
address.

Source: CoreDNS 1.13, plugin/kubernetes/object and controller.go: only ready endpoints are kept, and an object
without ports gets one of number -1, so that its addresses can still be listed.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from svclab.kube.snapshot import Manifest, Snapshot

NO_PORT = -1
SERVICE_NAME_LABEL = "kubernetes.io/service-name"
LAST_CHANGE_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"
MAX_LABEL = 63
PHASES_WITHOUT_A_NAME = ("Succeeded", "Failed", "Unknown")
RFC_3339 = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d)T([01]\d|2[0-3])(:[0-5]\d){2}(\.\d+)?(Z|[+-]\d\d:\d\d)"
)


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a Service or slice. `number` is NO_PORT where the object names none."""

    name: str
    number: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One ready address: its hostname from the slice, and the pod's name if short enough for a label."""

    address: str
    hostname: str
    pod_name: str

    def label(self, *, pod_names: bool) -> str:
        """The label under which the endpoint is found.

        Hostname, pod name if that is on, or dashed address.
        """
        if self.hostname:
            return self.hostname
        if pod_names and self.pod_name:
            return self.pod_name
        dashed = self.address.replace(".", "-").replace(":", "-")
        return dashed + "0" if dashed.endswith("-") else dashed


@dataclass(frozen=True, slots=True)
class Slice:
    """An EndpointSlice's ready endpoints, each combined with every port. `service` is (namespace, name)."""

    service: tuple[str, str]
    endpoints: tuple[Endpoint, ...]
    ports: tuple[Port, ...]


def cluster_ips(service: Manifest) -> tuple[str, ...]:
    """All clusterIPs of a Service; ("None",) for a headless one."""
    spec = service.get("spec") or {}
    return tuple(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else ()))


def is_headless(service: Manifest) -> bool:
    """Whether the Service has no address of its own on purpose."""
    return cluster_ips(service)[:1] == ("None",)


def is_external_name(service: Manifest) -> bool:
    """Whether the Service is only another name for something else."""
    return (service.get("spec") or {}).get("type") == "ExternalName"


def ports_of(service: Manifest) -> tuple[Port, ...]:
    """The Service's ports as CoreDNS keeps them."""
    ports = (service.get("spec") or {}).get("ports") or ()
    found = tuple(Port(p.get("name") or "", p["port"], p.get("protocol") or "TCP") for p in ports)
    return found or (Port("", NO_PORT, ""),)


class ClusterIndex:
    """Indexes over one Snapshot.

    Each is built when first needed, so a Service's address costs no index at all.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._read: dict[tuple[str, str], list[Slice]] = {}

    def has_namespace(self, name: str) -> bool:
        """Whether a Namespace of this name exists."""
        return self.snapshot.get("Namespace", "", name) is not None

    def service(self, namespace: str, name: str) -> Manifest | None:
        """The Service of this name, or None."""
        return self.snapshot.get("Service", namespace, name)

    @cached_property
    def _manifests(self) -> dict[tuple[str, str], list[Manifest]]:
        """EndpointSlices by their Service; they are read when somebody asks for that Service."""
        by_service: dict[tuple[str, str], list[Manifest]] = {}
        for (namespace, _), manifest in self.snapshot.of_kind("EndpointSlice").items():
            name = (manifest["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL)
            if name:
                by_service.setdefault((namespace, name), []).append(manifest)
        return by_service

    def slices(self, namespace: str, name: str) -> list[Slice]:
        """The slices that belong to a Service of this name, whether or not it exists."""
        key = (namespace, name)
        if key not in self._read:
            manifests = sorted(self._manifests.get(key, ()), key=lambda each: each["metadata"]["name"])
            self._read[key] = [_slice(manifest, key) for manifest in manifests]
        return self._read[key]

    @cached_property
    def _services_by_ip(self) -> dict[str, Manifest]:
        by_ip: dict[str, Manifest] = {}
        for _, service in sorted(self.snapshot.of_kind("Service").items(), key=lambda item: item[0]):
            for address in cluster_ips(service):
                by_ip.setdefault(address, service)
        return by_ip

    def service_at(self, address: str) -> Manifest | None:
        """The Service with this clusterIP."""
        return self._services_by_ip.get(address)

    @cached_property
    def _services_behind(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """For every endpoint's address the Services that have it, ready or not."""
        by_ip: dict[str, tuple[tuple[str, str], ...]] = {}
        for key, manifests in self._manifests.items():
            alone = (key,)  # most addresses have one Service: they share this
            for manifest in manifests:
                for endpoint in manifest.get("endpoints") or ():
                    for address in endpoint["addresses"]:
                        known = by_ip.setdefault(address, alone)
                        if key not in known:
                            by_ip[address] = (*known, key)
        return by_ip

    def slices_at(self, address: str) -> list[Slice]:
        """The slices with a ready endpoint at this address."""
        return [
            each
            for key in self._services_behind.get(address, ())
            for each in self.slices(*key)
            if any(endpoint.address == address for endpoint in each.endpoints)
        ]

    @cached_property
    def _pods_by_ip(self) -> dict[str, list[Manifest]]:
        by_ip: dict[str, list[Manifest]] = {}
        for pod in self.snapshot.of_kind("Pod").values():
            status = pod.get("status") or {}
            address, is_over = status.get("podIP"), status.get("phase") in PHASES_WITHOUT_A_NAME
            if address and not is_over and not pod["metadata"].get("deletionTimestamp"):
                by_ip.setdefault(address, []).append(pod)
        return by_ip

    def pods_at(self, address: str) -> list[Manifest]:
        """Pods with this podIP that are neither over nor being deleted."""
        return self._pods_by_ip.get(address, [])

    @cached_property
    def serial(self) -> int:
        """Unix seconds of the newest change that the objects tell of; 0 where none carries a time."""
        return max(map(_seconds, self._change_times()), default=0)

    def _change_times(self) -> set[object]:
        found: set[object] = set()
        for kind in ("Service", "EndpointSlice", "Namespace"):
            for manifest in self.snapshot.of_kind(kind).values():
                metadata = manifest["metadata"]
                found.add(metadata.get("creationTimestamp"))
                if "annotations" in metadata:
                    found.add((metadata["annotations"] or {}).get(LAST_CHANGE_ANNOTATION))
        return found


def _seconds(text: object) -> int:
    """Unix seconds of an RFC 3339 time; 0 for what is none, as hand-written files may hold."""
    if not isinstance(text, str) or not RFC_3339.fullmatch(text):
        return 0
    return int(datetime.fromisoformat(text).timestamp())


def _slice(manifest: Manifest, service: tuple[str, str]) -> Slice:
    ports = tuple(
        Port(
            p.get("name") or "", p["port"] if p.get("port") is not None else NO_PORT, p.get("protocol") or ""
        )
        for p in manifest.get("ports") or ()
    )
    endpoints = tuple(
        Endpoint(address, endpoint.get("hostname") or "", _pod_name(endpoint))
        for endpoint in manifest.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint["addresses"]
    )
    return Slice(service, endpoints, ports or (Port("", NO_PORT, ""),))


def _pod_name(endpoint: Manifest) -> str:
    name = (endpoint.get("targetRef") or {}).get("name", "")
    return name if len(name) <= MAX_LABEL else ""
