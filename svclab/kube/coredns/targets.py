"""From a name in a cluster zone to what it stands for. Source: CoreDNS 1.13, plugin/kubernetes
(kubernetes.go, parse.go, ns.go, reverse.go), and recordings of its answers.

A look-up ends in targets (possibly none: the name exists without data) or in NAME_ERROR.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv6Address

from svclab.dns.name import Address, address_of_reverse, is_reverse, labels, parse_address
from svclab.kube.coredns.index import (
    NO_PORT,
    ClusterIndex,
    Endpoint,
    Port,
    Slice,
    cluster_ips,
    is_external_name,
    is_headless,
    ports_of,
)
from svclab.kube.coredns.options import DnsOptions
from svclab.kube.snapshot import Manifest

SCHEMA_VERSION = "1.1.0"  # kubernetes/dns docs/specification.md
SCHEMA_TTL_SECONDS = 28800
DEFAULT_NS = "ns.dns."


class _Missing(Enum):
    NAME_ERROR = "no such name"


NAME_ERROR = _Missing.NAME_ERROR


@dataclass(frozen=True, slots=True)
class Target:
    """What a name stands for.

    A host (address or name) with a port, and the host's own name `name` in the zone.
    """

    host: str
    name: str
    port: int = 0

    @property
    def address(self) -> Address | None:
        """The host's address, if it is one; an IPv4 address mapped into IPv6 is IPv4's, as Go has it."""
        address = parse_address(self.host)
        return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address

    @property
    def type(self) -> str:
        """The record type that holds `host`."""
        address = self.address
        return "CNAME" if address is None else ("A" if address.version == 4 else "AAAA")

    @property
    def data(self) -> str:
        """The host as a record has it: an address in its shortest form, however it was spelled."""
        return str(self.address or self.host)


Found = tuple[Target, ...] | _Missing


@dataclass(frozen=True, slots=True)
class Request:
    """A name below the zone, taken apart from the right; a missing part is ""."""

    kind: str = ""  # "svc" or "pod"
    namespace: str = ""
    service: str = ""  # or the dashed address of a pod
    endpoint: str = ""
    protocol: str = ""
    port: str = ""


def parse(name: str, zone: str) -> Request | _Missing:
    """Take a lower-case name apart: `[endpoint.|port.protocol.]service.namespace.svc|pod` and the zone."""
    parts = labels(name)[: len(labels(name)) - len(labels(zone))]
    if not parts or parts in (["svc"], ["pod"]):
        return Request()
    kind, *rest = reversed(parts)
    if kind not in ("svc", "pod"):
        return NAME_ERROR
    match rest:
        case []:
            return Request(kind)
        case [namespace]:
            return Request(kind, namespace)
        case [namespace, service]:
            return Request(kind, namespace, service)
        case [namespace, service, endpoint]:
            return Request(kind, namespace, service, endpoint)
        case [namespace, service, protocol, port]:
            return Request(
                kind, namespace, service, protocol=protocol.removeprefix("_"), port=port.removeprefix("_")
            )
        case _:
            return NAME_ERROR


class Targets:
    """The look-ups of the kubernetes plugin over one index."""

    def __init__(self, index: ClusterIndex, options: DnsOptions) -> None:
        self.index = index
        self.options = options

    def of_name(self, name: str, zone: str) -> Found:
        """What a name below a forward zone stands for. `zone` is spelled as the client spelled it."""
        request = parse(name.lower(), zone)
        if isinstance(request, _Missing):
            return request
        if not request.kind:
            return ()
        if is_reverse(name) or not self.exposes(request.namespace):
            return NAME_ERROR
        if request.kind == "pod":
            return self._pods(request, zone)
        return self._services(request, zone)

    def exposes(self, namespace: str) -> bool:
        """Whether a namespace exists and is one of those that the server may show."""
        allowed = self.options.namespaces
        return (allowed is None or namespace in allowed) and self.index.has_namespace(namespace)

    def _pods(self, request: Request, zone: str) -> Found:
        if self.options.pods == "disabled":
            return NAME_ERROR
        if not request.service:
            return ()
        dashed = request.service
        is_ipv4 = dashed.count("-") == 3 and "--" not in dashed
        text = dashed.replace("-", "." if is_ipv4 else ":")
        if parse_address(text) is None:
            return NAME_ERROR
        if self.options.pods == "verified":
            namespaces = [pod["metadata"]["namespace"] for pod in self.index.pods_at(text)]
            if request.namespace not in namespaces:
                return NAME_ERROR
        return (Target(text, f"{dashed}.{request.namespace}.pod.{zone}"),)

    def _services(self, request: Request, zone: str) -> Found:
        if not request.service:
            return ()
        service = self.index.service(request.namespace, request.service)
        if service is None:
            return NAME_ERROR
        base = f"{request.service}.{request.namespace}.svc.{zone}"
        if is_external_name(service):
            return self._external(service, request, base)
        if request.endpoint or is_headless(service):
            return self._endpoints(request, base)
        if self.options.ignore_empty_service and not self._has_endpoints(request):
            return NAME_ERROR
        ports = [port for port in ports_of(service) if _matches(request, port)]
        if not ports:
            return NAME_ERROR
        return tuple(Target(address, base, port.number) for port in ports for address in cluster_ips(service))

    def _external(self, service: Manifest, request: Request, base: str) -> Found:
        host = service["spec"].get("externalName") or ""
        if request.endpoint or request.port or request.protocol or parse_address(host) is not None:
            return NAME_ERROR
        return (Target(host, base),)

    def _endpoints(self, request: Request, base: str) -> Found:
        found = tuple(
            Target(endpoint.address, f"{self.label(endpoint)}.{base}", port.number)
            for each in self.index.slices(request.namespace, request.service)
            for endpoint in each.endpoints
            if request.endpoint in ("", self.label(endpoint).lower())
            for port in each.ports
            if _matches(request, port)
        )
        return found or NAME_ERROR

    def _has_endpoints(self, request: Request) -> bool:
        return any(each.endpoints for each in self.index.slices(request.namespace, request.service))

    def label(self, endpoint: Endpoint) -> str:
        """The endpoint's label under this server's options."""
        return endpoint.label(pod_names=self.options.endpoint_pod_names)

    def of_reverse(self, name: str, zone: str) -> tuple[str, ...] | _Missing:
        """The names that a reverse name points at.

        The Service with that address, else its endpoints' names.
        """
        address = address_of_reverse(name)
        if address is None:
            found = self.of_name(name, zone)
            return found if isinstance(found, _Missing) else ()
        primary = self.options.primary_zone
        service = self.index.service_at(str(address))
        if service is not None and self._shows(service["metadata"]["namespace"]):
            metadata = service["metadata"]
            return (f"{metadata['name']}.{metadata['namespace']}.svc.{primary}",)
        names = tuple(
            f"{self.label(endpoint)}.{each.service[1]}.{each.service[0]}.svc.{primary}"
            for each in self.index.slices_at(str(address))
            if self._shows(each.service[0])
            for endpoint in each.endpoints
            if endpoint.address == str(address)
        )
        return names or NAME_ERROR

    def _shows(self, namespace: str) -> bool:
        return self.options.namespaces is None or self.exposes(namespace)

    def name_servers(self, zone: str) -> tuple[Target, ...]:
        """The Services behind which the server itself stands.

        `ns.dns` with its own addresses if it is in no EndpointSlice.
        """
        behind = [each for address in self.options.local_ips for each in self.index.slices_at(address)]
        if not behind:
            return tuple(Target(address, DEFAULT_NS + zone) for address in self.options.local_ips)
        found = [
            target
            for each in behind
            if (service := self.index.service(*each.service)) is not None
            for target in self._own_service(service, each, zone)
        ]
        return tuple(dict.fromkeys(found))

    def _own_service(self, service: Manifest, behind: Slice, zone: str) -> list[Target]:
        """The addresses of a Service; of a headless one the endpoints of the slice that the server is in."""
        metadata = service["metadata"]
        base = f"{metadata['name']}.{metadata['namespace']}.svc.{zone}"
        if not is_headless(service):
            return [Target(address, base) for address in cluster_ips(service)]
        return [Target(each.address, f"{self.label(each)}.{base}") for each in behind.endpoints]


def _matches(request: Request, port: Port) -> bool:
    """Whether a port has the asked name and protocol; what was not asked matches, the lone NO_PORT too."""
    return request.port in ("", port.name.lower()) and request.protocol in ("", port.protocol.lower())


__all__ = ["NAME_ERROR", "NO_PORT", "Found", "Target", "Targets", "parse"]
