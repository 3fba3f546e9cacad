"""What the API server does to a Service before it is checked: linked fields, families, values kept and
dropped.

Source: k8s.io/kubernetes pkg/registry/core/service (storage, strategy, alloc) of 1.36, for an IPv4 cluster.
"""

from typing import Any

from svclab.kube.allocation import (
    AllocationError,
    allocate,
    chooses_node_ports,
    is_headless,
    needs_cluster_ip,
    needs_health_check,
    needs_node_port,
)
from svclab.kube.defaults import is_externally_accessible
from svclab.kube.snapshot import Snapshot
from svclab.kube.status import FieldError, invalid
from svclab.kube.validation_addresses import parsed
from svclab.kube.validation_service import cluster_ip_fields
from svclab.linux.dice import Dice

Manifest = dict[str, Any]


def prepare_service(service: Manifest, old: Manifest | None, snapshot: Snapshot, dice: Dice) -> None:
    """Complete a Service with defaults in place: families, addresses, ports; on an update what `old` has.

    Raises AllocationError with field errors, before anything else is validated, as the real server does.
    """
    spec = service["spec"]
    if old is not None:
        _keep_allocated(spec, old["spec"])
    _link_addresses(spec, None if old is None else old["spec"])
    _choose_families(spec, None if old is None else old["spec"])
    allocate(service, old, snapshot, dice)
    if old is not None:
        _drop_for_type(spec, old["spec"])
        if spec.get("type") != "LoadBalancer" and "status" in service:
            service["status"]["loadBalancer"] = {}


def hide_internal_policy(service: Manifest) -> None:
    """An external name has no traffic of its own: its policy is checked when it is sent, and never shown."""
    if service["spec"].get("type") == "ExternalName":
        service["spec"].pop("internalTrafficPolicy", None)


def _keep_allocated(spec: Manifest, old: Manifest) -> None:
    """A client that leaves out what the server chose does not mean to give it up."""
    if needs_cluster_ip(old) and needs_cluster_ip(spec):
        spec.setdefault("clusterIP", old.get("clusterIP", ""))
        if not spec.get("clusterIPs") and spec["clusterIP"] == old.get("clusterIP"):
            spec["clusterIPs"] = list(old.get("clusterIPs", ()))
        if old.get("ipFamilyPolicy") and not spec.get("ipFamilyPolicy"):
            spec["ipFamilyPolicy"] = old["ipFamilyPolicy"]
        if old.get("ipFamilies") and not spec.get("ipFamilies"):
            spec["ipFamilies"] = list(old["ipFamilies"])
    if chooses_node_ports(old) and chooses_node_ports(spec):
        _keep_node_ports(spec, old)
    if needs_health_check(old) and needs_health_check(spec) and old.get("healthCheckNodePort"):
        spec.setdefault("healthCheckNodePort", old["healthCheckNodePort"])


def _keep_node_ports(spec: Manifest, old: Manifest) -> None:
    before = {port.get("name", ""): port["nodePort"] for port in old.get("ports", ()) if port.get("nodePort")}
    used = {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")} & set(before.values())
    for port in spec.get("ports", ()):
        number = before.get(port.get("name", ""))
        if not port.get("nodePort") and number and number not in used:
            port["nodePort"] = number
            used.add(number)


def _link_addresses(spec: Manifest, old: Manifest | None) -> None:
    """clusterIP and clusterIPs say the same; a client that knows only one of them means both."""
    address, addresses = spec.get("clusterIP", ""), spec.get("clusterIPs", [])
    if old is None:
        if address and not addresses:
            spec["clusterIPs"] = [address]
        return
    before, all_before = old.get("clusterIP", ""), old.get("clusterIPs", [])
    if all_before and not addresses and address == before:
        spec["clusterIPs"] = list(all_before)
    elif address != before and addresses in (all_before, []):
        if before and not address:
            spec.pop("clusterIPs", None)
        else:
            spec["clusterIPs"] = [address]


def _choose_families(spec: Manifest, old: Manifest | None) -> None:
    if spec.get("type") == "ExternalName":
        return
    free = is_headless(spec) and not spec.get("selector")
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if free else "SingleStack")
    _refuse(cluster_ip_fields(spec))
    released = [] if old is None else _release_second(spec, old)
    _refuse([*released, *_too_many_for_one_stack(spec), *_infer_families(spec)])
    if free:
        _families_without_selector(spec)
        return
    errors = []
    if spec["ipFamilyPolicy"] == "RequireDualStack":
        why = "this cluster is not configured for dual-stack services"
        errors.append(invalid("spec.ipFamilyPolicy", "RequireDualStack", why))
    errors += [
        invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
        for index, family in enumerate(spec.get("ipFamilies", ()))
        if family != "IPv4"
    ]
    _refuse(errors)
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = ["IPv4"]


def _release_second(spec: Manifest, old: Manifest) -> list[FieldError]:
    """A change to one stack gives up the second address and family; nothing else may take them away."""
    both, errors = (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")), []
    for name, word in both:
        before, after = old.get(name, []), spec.get(name, [])
        if spec["ipFamilyPolicy"] == "SingleStack":
            if after == before and len(after) > 1:
                spec[name] = after[:1]
        elif 0 < len(after) < len(before):
            why = f"must be 'SingleStack' to release the secondary {word}"
            errors.append(invalid("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], why))
    return errors


def _too_many_for_one_stack(spec: Manifest) -> list[FieldError]:
    if spec["ipFamilyPolicy"] != "SingleStack":
        return []
    both = (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families"))
    return [
        invalid(
            "spec.ipFamilyPolicy",
            "SingleStack",
            f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {words} are specified",
        )
        for name, words in both
        if len(spec.get(name, ())) == 2
    ]


def _infer_families(spec: Manifest) -> list[FieldError]:
    """An address tells its family, where the manifest does not."""
    errors = []
    families = spec.get("ipFamilies", [])
    for index, address in enumerate(spec.get("clusterIPs", ())):
        found = parsed(address)
        if found is None or index < len(families):
            continue
        if found.version == 4:
            families = [*families, "IPv4"]
        else:
            why = f"IPv{found.version} is not configured on this cluster"
            errors.append(invalid(f"spec.clusterIPs[{index}]", spec["clusterIPs"], why))
    if families:
        spec["ipFamilies"] = families
    return errors


def _families_without_selector(spec: Manifest) -> None:
    """Nobody but its author knows what stands behind such a Service, so it may be anything."""
    families = spec.get("ipFamilies") or ["IPv4"]
    if spec["ipFamilyPolicy"] != "SingleStack" and len(families) == 1:
        families = [*families, "IPv6" if families == ["IPv4"] else "IPv4"]
    spec["ipFamilies"] = families


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise AllocationError(*errors)


def _drop_for_type(spec: Manifest, old: Manifest) -> None:
    """When the type changes, what belonged to the old one goes, unless the client has changed it as well."""
    if needs_cluster_ip(old) and not needs_cluster_ip(spec):
        if spec.get("clusterIPs", []) in (old.get("clusterIPs", []), []):
            _drop_same(spec, old, "clusterIP", "clusterIPs")
        _drop_same(spec, old, "ipFamilies", "ipFamilyPolicy")
    if needs_node_port(old) and not needs_node_port(spec) and _numbers(spec) <= _numbers(old):
        for port in spec.get("ports", ()):
            port.pop("nodePort", None)
    if needs_health_check(old) and not needs_health_check(spec):
        _drop_same(spec, old, "healthCheckNodePort")
    if old.get("type") == "LoadBalancer" != spec.get("type"):
        _drop_same(spec, old, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    if is_externally_accessible(old) and not is_externally_accessible(spec):
        _drop_same(spec, old, "externalTrafficPolicy")


def _numbers(spec: Manifest) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}


def _drop_same(spec: Manifest, old: Manifest, *names: str) -> None:
    for name in names:
        if spec.get(name) == old.get(name):
            spec.pop(name, None)
