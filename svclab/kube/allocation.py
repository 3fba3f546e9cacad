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
from svclab.kube.status import FieldError, go_quote, internal, internal_error, invalid
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


def chooses_node_ports(spec: Manifest) -> bool:
    """Whether ports without a number get one: a load balancer may have been told not to."""
    type_ = spec.get("type")
    return type_ == "NodePort" or (
        type_ == "LoadBalancer" and bool(spec.get("allocateLoadBalancerNodePorts", True))
    )


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
    if needs_node_port(spec) and old is None:
        _allocate_node_ports(spec, taken, dice)
    elif needs_node_port(spec):
        _reallocate_node_ports(spec, before, taken, dice)
    if needs_health_check(spec) and not needs_health_check(before):
        _allocate_health_check(spec, taken, dice)


def _allocate_address(service: Manifest, taken: Taken, dice: Dice) -> None:
    spec = service["spec"]
    if spec.get("clusterIPs"):
        _claim_address(spec, taken)
        return
    address = _free_address(taken.addresses, dice)
    if address is None:
        name = go_quote(service["metadata"].get("name", ""))
        raise internal_error(f"failed to allocate a serviceIP for Service {name}: range is full")
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


def _allocate_node_ports(spec: Manifest, taken: Taken, dice: Dice) -> None:
    """For a new Service: a port that is served over TCP and UDP gets one number for both."""
    given: set[int] = set()
    of_port: dict[int, int] = {}
    ports = spec.get("ports", [])
    for index, port in enumerate(ports):
        own, number = port.get("nodePort", 0), port.get("port", 0)
        if not own and not chooses_node_ports(spec):
            continue
        shared = of_port.get(number, 0)
        if not shared:
            asked = next(
                (p["nodePort"] for p in ports if p.get("port", 0) == number and p.get("nodePort")), 0
            )
            if asked:
                _claim_port(index, asked, given, taken)
            port["nodePort"] = of_port[number] = asked or _next_port(given, taken, dice)
        elif not own:
            port["nodePort"] = shared
        elif own != shared:
            _claim_port(index, own, given, taken)
        given.add(port["nodePort"])


def _reallocate_node_ports(spec: Manifest, before: Manifest, taken: Taken, dice: Dice) -> None:
    """For a Service that changes: numbers that it had are its own, others are claimed or chosen."""
    given: set[int] = {number for _, number in _node_ports(before)}
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(spec.get("ports", ())):
        number = port.get("nodePort", 0)
        if not number and not chooses_node_ports(spec):
            continue
        if not number:
            number = port["nodePort"] = _next_port(given, taken, dice)
        elif number not in given:
            _claim_port(index, number, given, taken)
        if (port["protocol"], number) in seen:
            raise internal(f"duplicate nodePort: {{{port['protocol']} {number}}}")
        seen.add((port["protocol"], number))
        given.add(number)


def _claim_port(index: int, number: int, given: set[int], taken: Taken) -> None:
    """A number that a manifest asks for. TCP and UDP of two Services may not share one."""
    field = f"spec.ports[{index}].nodePort"
    if number not in NODE_PORTS:
        raise AllocationError(invalid(field, number, _out_of_range()))
    if number in given or taken.has_port(number):
        raise AllocationError(invalid(field, number, _TAKEN))


def _next_port(given: set[int], taken: Taken, dice: Dice) -> int:
    number = _free_port(taken, given, dice)
    if number is None:
        raise internal_error("failed to allocate a nodePort: range is full")
    return number


def _free_port(taken: Taken, given: set[int], dice: Dice) -> int | None:
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
    own = {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}
    number = spec.get("healthCheckNodePort", 0)
    if not number:
        spec["healthCheckNodePort"] = _next_port(own, taken, dice)
        return
    why = _TAKEN if number in own or taken.has_port(number) else ""
    if number not in NODE_PORTS:
        why = _out_of_range()
    if why:
        raise internal_error(f"failed to allocate requested HealthCheck NodePort {number}: {why}")


def _out_of_range() -> str:
    valid = f"{NODE_PORTS[0]}-{NODE_PORTS[-1]}"
    return f"provided port is not in the valid range. The range of valid ports is {valid}"
