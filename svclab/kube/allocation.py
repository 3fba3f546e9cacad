"""Cluster addresses and node ports: who has them, and which comes next.

A cluster is IPv4 only, with services in 10.96.0.0/12 and node ports 30000-32767. Addresses that a manifest
asks for may stand anywhere in the range; the server's own choice keeps to the upper band while that has
room. Source: k8s.io/kubernetes pkg/registry/core/service (alloc.go, ipallocator, portallocator) of 1.36.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from svclab.kube.snapshot import Snapshot
from svclab.kube.status import FieldError, invalid
from svclab.linux.dice import Dice

Manifest = dict[str, Any]

SERVICE_RANGE = IPv4Network("10.96.0.0/12")
NODE_PORTS = range(30000, 32768)
_TAKEN = "provided port is already allocated"
_NOT_IN_RANGE = "the provided network does not match the current range"


class AllocationError(Exception):
    """What was asked for cannot be had; carries the field errors."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(str(errors[0]))
        self.errors = list(errors)


def needs_cluster_ip(spec: Manifest) -> bool:
    """Every type but ExternalName has a place for a cluster address (headless ones: "None")."""
    return spec.get("type") in ("ClusterIP", "NodePort", "LoadBalancer")


def needs_node_port(spec: Manifest) -> bool:
    """NodePort and LoadBalancer may have node ports."""
    return spec.get("type") in ("NodePort", "LoadBalancer")


def _chooses_node_ports(spec: Manifest) -> bool:
    """Whether ports without a number get one: a load balancer may have been told not to."""
    return spec.get("type") == "NodePort" or bool(spec.get("allocateLoadBalancerNodePorts", True))


def needs_health_check(spec: Manifest) -> bool:
    """A load balancer asks each node where the local endpoints are."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def is_headless(spec: Manifest) -> bool:
    """clusterIP: None."""
    return spec.get("clusterIP") == "None" or spec.get("clusterIPs", [""])[:1] == ["None"]


@dataclass(slots=True)
class Taken:
    """What the Services of a snapshot hold, but for one (the Service that is being written)."""

    addresses: set[str]
    ports: set[tuple[str, int]]

    @classmethod
    def of(cls, services: Iterable[Manifest], but_for: Manifest | None = None) -> "Taken":
        """Read off the Services themselves: they are the record."""
        taken = cls(set(), set())
        skip = (but_for or {}).get("metadata", {}).get("uid")
        for service in services:
            if skip is None or service["metadata"].get("uid") != skip:
                taken.add(service["spec"])
        return taken

    def add(self, spec: Manifest) -> None:
        """Count one more Service's."""
        self.addresses.update(ip for ip in spec.get("clusterIPs", ()) if ip != "None")
        self.ports.update(_node_ports(spec))

    def has_port(self, number: int) -> bool:
        """Whether any protocol uses it."""
        return any(port == number for _, port in self.ports)


def _node_ports(spec: Manifest) -> Iterable[tuple[str, int]]:
    for port in spec.get("ports", ()):
        if port.get("nodePort"):
            yield port.get("protocol", "TCP"), port["nodePort"]
    if spec.get("healthCheckNodePort"):
        yield "TCP", spec["healthCheckNodePort"]


def allocate(service: Manifest, old: Manifest | None, snapshot: Snapshot, dice: Dice) -> None:
    """Give a Service its cluster address, node ports and health check port, in place.

    `old` is its stored state on an update. Raises AllocationError.
    """
    spec, before = service["spec"], (old or {}).get("spec", {})
    taken = Taken.of(snapshot.of_kind("Service").values(), old)
    if needs_cluster_ip(spec) and not is_headless(spec) and not needs_cluster_ip(before):
        _allocate_address(service, taken, dice)
    if needs_node_port(spec):
        _allocate_node_ports(spec, before, taken, dice)
    if needs_health_check(spec) and not needs_health_check(before):
        _allocate_health_check(spec, taken, dice)


def _allocate_address(service: Manifest, taken: Taken, dice: Dice) -> None:
    spec = service["spec"]
    if spec.get("clusterIPs"):
        _claim_address(spec, taken)
        return
    address = _free_address(taken.addresses, dice)
    if address is None:
        raise AllocationError(invalid("spec.clusterIPs", [""], "failed to allocate IP: range is full"))
    if not service["metadata"].get("name"):
        # The server writes an IPAddress object named after its owner; without a name that fails first.
        why = f'IPAddress.networking.k8s.io "{address}" is invalid: spec.parentRef.name: Required value'
        raise AllocationError(invalid("spec.clusterIPs", [""], f"failed to allocate IP: {why}"))
    spec["clusterIP"], spec["clusterIPs"] = address, [address]


def _claim_address(spec: Manifest, taken: Taken) -> None:
    asked = spec["clusterIPs"][0]
    if not _is_usable(asked):
        why = f"failed to allocate IP {asked}: {_NOT_IN_RANGE}"
        raise AllocationError(invalid("spec.clusterIPs", spec["clusterIPs"], why))
    if asked in taken.addresses:
        why = f"failed to allocate IP {asked}: provided IP is already allocated"
        raise AllocationError(invalid("spec.clusterIPs", spec["clusterIPs"], why))
    spec["clusterIP"] = asked


def _is_usable(text: str) -> bool:
    try:
        address = IPv4Address(text)
    except ValueError:
        return False
    ends = (SERVICE_RANGE.network_address, SERVICE_RANGE.broadcast_address)
    return address in SERVICE_RANGE and address not in ends


def static_band(network: IPv4Network = SERVICE_RANGE) -> int:
    """How many addresses at the start are left to manifests: min(max(16, size/16), 256).

    Source: KEP-3070, calculateRangeOffset.
    """
    size = network.num_addresses
    if size < 16:
        return 0
    return min(max(16, size // 16), 256)


def _free_address(taken: set[str], dice: Dice) -> str | None:
    size = SERVICE_RANGE.num_addresses - 2
    band = static_band()
    for first, last in ((band + 1, size), (1, band)):
        start = dice.integer(last - first + 1)
        for step in range(last - first + 1):
            address = str(SERVICE_RANGE[first + (start + step) % (last - first + 1)])
            if address not in taken:
                return address
    return None


def _allocate_node_ports(spec: Manifest, before: Manifest, taken: Taken, dice: Dice) -> None:
    held = set(_node_ports(before)) if needs_node_port(before) else set()
    given = dict[int, set[str]]()
    for index, port in enumerate(spec.get("ports", ())):
        protocol, number = port["protocol"], port.get("nodePort", 0)
        if number:
            field = f"spec.ports[{index}].nodePort"
            twice = protocol in given.get(number, ())
            if twice or ((protocol, number) not in held and _is_foreign(number, given, held, taken)):
                raise AllocationError(invalid(field, number, _TAKEN))
            if number not in NODE_PORTS:
                raise AllocationError(invalid(field, number, _out_of_range()))
        elif not _chooses_node_ports(spec):
            continue
        else:
            number = _shared_port(spec, port, given) or _free_port(taken, given, dice)
            if number is None:
                why = "failed to allocate a nodePort: range is full"
                raise AllocationError(invalid(f"spec.ports[{index}].nodePort", 0, why))
            port["nodePort"] = number
        given.setdefault(number, set()).add(protocol)


def _is_foreign(number: int, given: dict[int, set[str]], held: set[tuple[str, int]], taken: Taken) -> bool:
    """Another Service has it. TCP and UDP of one Service may share a number; two Services may not."""
    mine = number in given or any(port == number for _, port in held)
    return not mine and taken.has_port(number)


def _shared_port(spec: Manifest, port: Manifest, given: dict[int, set[str]]) -> int | None:
    """The number that another protocol of the same port already has: DNS over TCP and UDP get one node
    port."""
    for other in spec["ports"]:
        number = other.get("nodePort", 0)
        if (
            other is not port
            and other["port"] == port["port"]
            and number
            and port["protocol"] not in given.get(number, ())
        ):
            return number if number in given else None
    return None


def _free_port(taken: Taken, given: dict[int, set[str]], dice: Dice) -> int | None:
    """A random free port, above the static band (the first 86) while there is one."""
    band = min(max(16, len(NODE_PORTS) // 32), 128)
    for ports in (NODE_PORTS[band:], NODE_PORTS[:band]):
        start = dice.integer(len(ports))
        for step in range(len(ports)):
            number = ports[(start + step) % len(ports)]
            if number not in given and not taken.has_port(number):
                return number
    return None


def _allocate_health_check(spec: Manifest, taken: Taken, dice: Dice) -> None:
    own = {number: {"TCP"} for _, number in _node_ports({"ports": spec.get("ports", ())})}
    if number := spec.get("healthCheckNodePort"):
        field = "spec.healthCheckNodePort"
        if number not in NODE_PORTS:
            raise AllocationError(
                invalid(
                    field,
                    number,
                    f"failed to allocate requested HealthCheck NodePort {number}: {_out_of_range()}",
                )
            )
        if number in own or taken.has_port(number):
            raise AllocationError(
                invalid(
                    field, number, f"failed to allocate requested HealthCheck NodePort {number}: {_TAKEN}"
                )
            )
        return
    number = _free_port(taken, own, dice)
    if number is None:
        raise AllocationError(
            invalid("spec.healthCheckNodePort", 0, "failed to allocate a HealthCheck NodePort: range is full")
        )
    spec["healthCheckNodePort"] = number


def _out_of_range() -> str:
    valid = f"{NODE_PORTS[0]}-{NODE_PORTS[-1]}"
    return f"provided port is not in the valid range. The range of valid ports is {valid}"
