"""What a Service may say. Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36 (ValidateService)."""

from typing import Any

from svclab.kube.allocation import needs_health_check
from svclab.kube.defaults import is_externally_accessible
from svclab.kube.selectors import key_problems
from svclab.kube.status import NIL, FieldError, duplicate, forbidden_field, invalid, not_supported, required
from svclab.kube.validation_addresses import cidr, endpoint_ip, ip, parsed
from svclab.kube.validation_meta import (
    choice,
    label_name,
    labels,
    object_meta,
    port_number,
    port_or_name,
    subdomain_name,
    wrong,
)

Manifest = dict[str, Any]

PROTOCOLS = ("SCTP", "TCP", "UDP")
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"
_TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
_LOAD_BALANCER_ONLY = "may only be used when `type` is 'LoadBalancer'"
_NOT_FOR_EXTERNAL_NAME = "may not be set for ExternalName services"
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_MAX_AFFINITY_SECONDS = 86400


def validate_service(service: Manifest) -> list[FieldError]:
    """Everything wrong with a new Service that has its defaults and addresses, in the server's order."""
    return [*object_meta(service["metadata"], label_name, namespaced=True), *service_fields(service)]


def service_fields(service: Manifest) -> list[FieldError]:
    """The part of a Service that is checked on every write."""
    spec = service["spec"]
    return [
        *_topology_annotations(service["metadata"].get("annotations", {})),
        *_has_ports(spec),
        *_type_rules(spec),
        *_ports(spec),
        *labels("spec.selector", spec.get("selector")),
        *_affinity(spec),
        *cluster_ip_fields(spec),
        *_external_ips(spec),
        *choice("spec.type", spec.get("type"), _TYPES),
        *_no_node_ports(spec),
        *_no_port_twice(spec),
        *_source_ranges(service),
        *_load_balancer_fields(spec),
        *_traffic_policies(spec),
    ]


def _topology_annotations(annotations: Manifest) -> list[FieldError]:
    hints, mode = annotations.get(_TOPOLOGY_HINTS), annotations.get(_TOPOLOGY_MODE)
    if hints is None or mode is None or hints == mode:
        return []
    why = f"must match annotations[{_TOPOLOGY_HINTS}] when both are specified"
    return [invalid(f"metadata.annotations[{_TOPOLOGY_MODE}]", mode, why)]


def _has_ports(spec: Manifest) -> list[FieldError]:
    if spec.get("ports") or _is_headless(spec) or spec.get("type") == "ExternalName":
        return []
    return [required("spec.ports")]


def _type_rules(spec: Manifest) -> list[FieldError]:
    type_ = spec.get("type")
    if type_ == "ExternalName":
        return _external_name(spec)
    if type_ in ("LoadBalancer", "NodePort") and _is_headless(spec):
        why = f"may not be set to 'None' for {type_} services"
        return [invalid("spec.clusterIPs[0]", "None", why)]
    return []


def _is_headless(spec: Manifest) -> bool:
    return spec.get("clusterIPs") == ["None"]


def _external_name(spec: Manifest) -> list[FieldError]:
    errors = [
        forbidden_field(f"spec.{name}", _NOT_FOR_EXTERNAL_NAME)
        for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
        if spec.get(name)
    ]
    name = spec.get("externalName", "").removesuffix(".")
    if not name:
        return [*errors, required("spec.externalName")]
    return errors + wrong("spec.externalName", name, subdomain_name(name))


def _ports(spec: Manifest) -> list[FieldError]:
    errors, names = [], set[str]()
    ports = spec.get("ports", ())
    for index, port in enumerate(ports):
        errors += _port(f"spec.ports[{index}]", port, names, named=len(ports) > 1)
    return errors


def _port(field: str, port: Manifest, names: set[str], *, named: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    name = port.get("name", "")
    if name:
        errors += wrong(f"{field}.name", name, label_name(name))
        if name in names:
            errors.append(duplicate(f"{field}.name", name))
        names.add(name)
    elif named:
        errors.append(required(f"{field}.name"))
    errors += port_number(f"{field}.port", port.get("port", 0))
    errors += choice(f"{field}.protocol", port.get("protocol"), PROTOCOLS)
    errors += port_or_name(f"{field}.targetPort", port.get("targetPort", 0))
    if (protocol := port.get("appProtocol")) is not None:
        errors += wrong(f"{field}.appProtocol", protocol, key_problems(protocol))
    return errors


def _affinity(spec: Manifest) -> list[FieldError]:
    affinity = spec.get("sessionAffinity", "")
    errors = choice("spec.sessionAffinity", affinity, ("ClientIP", "None"))
    if affinity == "ClientIP":
        seconds = spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
        if not 0 < seconds <= _MAX_AFFINITY_SECONDS:
            why = f"must be greater than 0 and less than {_MAX_AFFINITY_SECONDS}"
            errors.append(invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, why))
    return errors


def cluster_ip_fields(spec: Manifest) -> list[FieldError]:
    """clusterIP(s), ipFamilies and ipFamilyPolicy among each other; checked before allocation too."""
    if spec.get("type") == "ExternalName":
        return []
    families, addresses = spec.get("ipFamilies", []), spec.get("clusterIPs", [])
    errors = _first_address(spec.get("clusterIP", ""), addresses)
    errors += _family_fields(spec, families)
    bad = _bad_addresses(addresses)
    errors += bad
    if len(addresses) > 2:
        errors.append(invalid("spec.clusterIPs", addresses, "may only hold up to 2 values"))
    if bad:
        return errors
    if len(addresses) > 1 and len({_version(address) for address in addresses}) == 1:
        why = "may specify no more than one IP for each IP family"
        errors.append(invalid("spec.clusterIPs", addresses, why))
    if not _is_headless(spec):
        errors += _families_match(addresses, families)
    return errors


def _first_address(address: str, addresses: list[str]) -> list[FieldError]:
    if not address:
        why = "must be empty when `clusterIP` is not specified"
        return [invalid("spec.clusterIPs", addresses, why)] if addresses else []
    if not addresses:
        return [required("spec.clusterIPs")]
    if addresses[0] != address:
        return [invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`")]
    return []


def _family_fields(spec: Manifest, families: list[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, family in enumerate(families):
        if family not in ("IPv4", "IPv6"):
            errors.append(not_supported(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6")))
        if family in families[:index]:
            errors.append(duplicate(f"spec.ipFamilies[{index}]", family))
    policies = ("PreferDualStack", "RequireDualStack", "SingleStack")
    if (policy := spec.get("ipFamilyPolicy")) is not None and policy not in policies:
        errors.append(not_supported("spec.ipFamilyPolicy", policy, policies))
    return errors


def _bad_addresses(addresses: list[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, address in enumerate(addresses):
        if index == 0 and address == "None":
            if len(addresses) > 1:
                errors.append(
                    invalid("spec.clusterIPs", addresses, "'None' must be the first and only value")
                )
            continue
        errors += ip(f"spec.clusterIPs[{index}]", address)
    return errors


def _version(address: str) -> int | None:
    found = parsed(address)
    return None if found is None else found.version


def _families_match(addresses: list[str], families: list[str]) -> list[FieldError]:
    errors = []
    for index, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if f"IPv{_version(address)}" != family:
            why = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            errors.append(invalid(f"spec.clusterIPs[{index}]", address, why))
    return errors


def _external_ips(spec: Manifest) -> list[FieldError]:
    errors = []
    for index, address in enumerate(spec.get("externalIPs", ())):
        field = f"spec.externalIPs[{index}]"
        errors += ip(field, address) or endpoint_ip(field, address)
    return errors


def _no_node_ports(spec: Manifest) -> list[FieldError]:
    if spec.get("type") != "ClusterIP":
        return []
    return [
        forbidden_field(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")
        for index, port in enumerate(spec.get("ports", ()))
        if port.get("nodePort")
    ]


def _no_port_twice(spec: Manifest) -> list[FieldError]:
    node_ports, ports = set[tuple[str, int]](), set[tuple[str, int]]()
    doubled_node_ports, doubled = [], []
    for index, port in enumerate(spec.get("ports", ())):
        protocol = port.get("protocol", "")
        if number := port.get("nodePort"):
            if (protocol, number) in node_ports:
                field = f"spec.ports[{index}].nodePort"
                doubled_node_ports.append(duplicate(field, number))
            node_ports.add((protocol, number))
        if (protocol, port.get("port", 0)) in ports:
            doubled.append(duplicate(f"spec.ports[{index}]", _go_port(protocol, port["port"])))
        ports.add((protocol, port.get("port", 0)))
    return doubled_node_ports + doubled


def _go_port(protocol: str, number: int) -> Manifest:
    """The server's own type, as it prints it."""
    return {
        "Name": "", "Protocol": protocol, "AppProtocol": None, "Port": number, "TargetPort": 0, "NodePort": 0,
    }  # fmt: skip


def _source_ranges(service: Manifest) -> list[FieldError]:
    spec = service["spec"]
    ranges = spec.get("loadBalancerSourceRanges", ())
    annotation = service["metadata"].get("annotations", {}).get(_SOURCE_RANGES)
    if ranges:
        field = "spec.LoadBalancerSourceRanges"
    elif annotation is not None:
        field = f"metadata.annotations[{_SOURCE_RANGES}]"
    else:
        return []
    errors = [] if spec.get("type") == "LoadBalancer" else [forbidden_field(field, _LOAD_BALANCER_ONLY)]
    for index, text in enumerate(ranges):
        errors += cidr(f"{field}[{index}]", text.strip())
    if not ranges and annotation and annotation.strip():
        for text in annotation.split(","):
            errors += cidr(field, text.strip())
    return errors


def _load_balancer_fields(spec: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    if spec.get("allocateLoadBalancerNodePorts") is not None and spec.get("type") != "LoadBalancer":
        errors.append(forbidden_field("spec.allocateLoadBalancerNodePorts", _LOAD_BALANCER_ONLY))
    return errors + _load_balancer_class(spec)


def _load_balancer_class(spec: Manifest) -> list[FieldError]:
    class_ = spec.get("loadBalancerClass")
    if class_ is None:
        return []
    if spec.get("type") != "LoadBalancer":
        return [forbidden_field("spec.loadBalancerClass", _LOAD_BALANCER_ONLY)]
    return wrong("spec.loadBalancerClass", class_, key_problems(class_))


def _traffic_policies(spec: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    external, internal = spec.get("externalTrafficPolicy"), spec.get("internalTrafficPolicy")
    if is_externally_accessible(spec):
        errors += choice("spec.externalTrafficPolicy", external, _POLICIES)
    elif external:
        why = "may only be set for externally-accessible services"
        errors.append(invalid("spec.externalTrafficPolicy", external, why))
    errors += _health_check(spec)
    if internal is not None and internal not in _POLICIES:
        errors.append(not_supported("spec.internalTrafficPolicy", internal, _POLICIES))
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        errors.append(not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS))
    return errors


def _health_check(spec: Manifest) -> list[FieldError]:
    field, number = "spec.healthCheckNodePort", spec.get("healthCheckNodePort", 0)
    if needs_health_check(spec):
        return port_number(field, number) if number else [required(field)]
    if not number:
        return []
    why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    return [invalid(field, number, why)]


def service_kept(new: Manifest, old: Manifest) -> list[FieldError]:
    """What may not change: addresses once given, families' order, the load balancer's class."""
    errors: list[FieldError] = []
    before, after = old["spec"], new["spec"]
    if "ExternalName" not in (after.get("type"), before.get("type")):
        errors += _addresses_kept(after, before) + _families_kept(after, before)
    if after.get("type") == before.get("type") == "LoadBalancer":
        class_ = after.get("loadBalancerClass")
        if class_ != before.get("loadBalancerClass"):
            shown = NIL if class_ is None else class_
            errors.append(invalid("spec.loadBalancerClass", shown, "may not change once set"))
    errors += _load_balancer_class(after)
    checked = needs_health_check(before) and needs_health_check(after)
    if checked and after.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
        errors.append(forbidden_field("spec.healthCheckNodePort", "field is immutable"))
    return errors


def _addresses_kept(after: Manifest, before: Manifest) -> list[FieldError]:
    old, new, field = before.get("clusterIPs", []), after.get("clusterIPs", []), "spec.clusterIPs"
    if _is_headless(before) and _is_headless(after):
        return []
    if len(old) == len(new):
        return [
            invalid(f"{field}[{index}]", new, "may not change once set")
            for index, pair in enumerate(zip(old, new, strict=True))
            if pair[0] != pair[1]
        ]
    errors: list[FieldError] = []
    if not new:
        errors.append(invalid(f"{field}[0]", new or None, "primary clusterIP can not be unset"))
    elif old and new[0] != old[0]:
        errors.append(invalid(f"{field}[0]", new, "may not change once set"))
    if len(old) > len(new) == 1:
        errors += _told_to_release(after, "secondary clusterIP")
    return errors


def _families_kept(after: Manifest, before: Manifest) -> list[FieldError]:
    """The server names the first family, whichever has changed, and quotes the addresses if some are gone."""
    old, new, field = before.get("ipFamilies", []), after.get("ipFamilies", []), "spec.ipFamilies[0]"
    if _is_headless(before) or _is_headless(after):
        return []
    if len(old) == len(new):
        changed = [pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]]
        return [invalid(field, new, "may not change once set") for _ in changed]
    errors: list[FieldError] = []
    addresses = after.get("clusterIPs")
    if len(old) > len(new) and not addresses:
        errors.append(invalid(field, new or None, "primary ipFamily can not be unset"))
    if old and new and old[0] != new[0]:
        errors.append(invalid(field, addresses, "may not change once set"))
    if len(old) > len(new) == 1:
        errors += _told_to_release(after, "secondary ipFamily")
    return errors


def _told_to_release(spec: Manifest, what: str) -> list[FieldError]:
    policy = spec.get("ipFamilyPolicy")
    if policy == "SingleStack":
        return []
    why = f"must be set to 'SingleStack' when releasing the {what}"
    return [invalid("spec.ipFamilyPolicy", NIL if policy is None else policy, why)]
