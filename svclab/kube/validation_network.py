"""What Endpoints, EndpointSlices and NetworkPolicies may say.

Source: k8s.io/kubernetes pkg/apis/{core,discovery,networking}/validation of 1.36.
"""

from ipaddress import ip_network
from typing import Any

from svclab.kube.selectors import key_problems, value_problems
from svclab.kube.status import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid,
    not_supported,
    required,
)
from svclab.kube.validation_addresses import cidr, endpoint_ip, ip, parsed
from svclab.kube.validation_meta import (
    choice,
    label_name,
    label_selector,
    labels,
    object_meta,
    port_name,
    port_number,
    subdomain_name,
    wrong,
)

Manifest = dict[str, Any]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_MAX_ENDPOINTS, _MAX_ADDRESSES, _MAX_PORTS, _MAX_HINTS, _MAX_TOPOLOGY_LABELS = 1000, 100, 20000, 8, 16


def validate_endpoints(endpoints: Manifest) -> list[FieldError]:
    """Everything wrong with an Endpoints object."""
    errors = object_meta(endpoints["metadata"], subdomain_name, namespaced=True)
    for index, subset in enumerate(endpoints.get("subsets", ())):
        errors += _subset(f"subsets[{index}]", subset)
    return errors


def _subset(field: str, subset: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    if not subset.get("addresses") and not subset.get("notReadyAddresses"):
        errors.append(required(field, "must specify `addresses` or `notReadyAddresses`"))
    for list_name in ("addresses", "notReadyAddresses"):
        for index, address in enumerate(subset.get(list_name, ())):
            errors += _endpoint_address(f"{field}.{list_name}[{index}]", address)
    ports = subset.get("ports", ())
    for index, port in enumerate(ports):
        errors += _endpoint_port(f"{field}.ports[{index}]", port, named=len(ports) > 1)
    return errors


def _endpoint_address(field: str, address: Manifest) -> list[FieldError]:
    text = address.get("ip", "")
    errors = ip(f"{field}.ip", text)
    if name := address.get("hostname"):
        errors += wrong(f"{field}.hostname", name, label_name(name))
    if (name := address.get("nodeName")) is not None:
        errors += wrong(f"{field}.nodeName", name, subdomain_name(name))
    return errors + endpoint_ip(f"{field}.ip", text)


def _endpoint_port(field: str, port: Manifest, *, named: bool) -> list[FieldError]:
    name = port.get("name", "")
    errors = wrong(f"{field}.name", name, label_name(name)) if name else []
    if named and not name:
        errors.append(required(f"{field}.name"))
    errors += port_number(f"{field}.port", port.get("port", 0))
    errors += choice(f"{field}.protocol", port.get("protocol"), _PROTOCOLS)
    if (protocol := port.get("appProtocol")) is not None:
        errors += wrong(f"{field}.appProtocol", protocol, key_problems(protocol))
    return errors


def validate_endpoint_slice(slice_: Manifest) -> list[FieldError]:
    """Everything wrong with an EndpointSlice; port numbers are not looked at, as in the real server."""
    errors = object_meta(slice_["metadata"], subdomain_name, namespaced=True)
    type_ = slice_.get("addressType", "")
    errors += choice("addressType", type_, _ADDRESS_TYPES)
    endpoints, ports = slice_.get("endpoints") or [], slice_.get("ports") or []
    if len(ports) > _MAX_PORTS:
        errors.append(_too_many("ports", len(ports), _MAX_PORTS))
    else:
        errors += _slice_ports(ports)
    if len(endpoints) > _MAX_ENDPOINTS:
        return [*errors, _too_many("endpoints", len(endpoints), _MAX_ENDPOINTS)]
    for index, endpoint in enumerate(endpoints):
        errors += _endpoint(f"endpoints[{index}]", endpoint, type_)
    return errors


def _too_many(field: str, count: int, limit: int) -> FieldError:
    return FieldError("TooMany", field, count, f"must have at most {limit} items")


def _endpoint(field: str, endpoint: Manifest, type_: str) -> list[FieldError]:
    errors: list[FieldError] = []
    addresses = endpoint.get("addresses") or []
    if not addresses:
        errors.append(required(f"{field}.addresses", "must contain at least 1 address"))
    elif len(addresses) > _MAX_ADDRESSES:
        errors.append(_too_many(f"{field}.addresses", len(addresses), _MAX_ADDRESSES))
    for index, address in enumerate(addresses):
        errors += _slice_address(f"{field}.addresses[{index}]", address, type_)
    if (name := endpoint.get("nodeName")) is not None:
        errors += wrong(f"{field}.nodeName", name, subdomain_name(name))
    topology = endpoint.get("deprecatedTopology", {})
    if len(topology) > _MAX_TOPOLOGY_LABELS:
        errors.append(_too_many(f"{field}.deprecatedTopology", len(topology), _MAX_TOPOLOGY_LABELS))
    errors += labels(f"{field}.deprecatedTopology", topology)
    if (name := endpoint.get("hostname")) is not None:
        errors += wrong(f"{field}.hostname", name, label_name(name))
    return errors + _hints(f"{field}.hints", endpoint.get("hints", {}))


def _hints(field: str, hints: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, rule in (("forZones", value_problems), ("forNodes", subdomain_name)):
        given = [hint.get("name", "") for hint in hints.get(name, ())]
        if len(given) > _MAX_HINTS:
            return [*errors, _too_many(f"{field}.{name}", len(given), _MAX_HINTS)]
        for index, word in enumerate(given):
            inner = f"{field}.{name}[{index}].name"
            if word in given[:index]:
                errors.append(duplicate(inner, word))
            errors += wrong(inner, word, rule(word))
    return errors


def _slice_address(field: str, address: str, type_: str) -> list[FieldError]:
    if type_ == "FQDN":
        return _domain_name(field, address)
    if type_ not in ("IPv4", "IPv6"):
        return []
    if errors := ip(field, address):
        return errors
    found = parsed(address)
    assert found is not None
    if f"IPv{found.version}" != type_:
        return [invalid(field, address, f"must be an {type_} address")]
    return endpoint_ip(field, address)


def _domain_name(field: str, text: str) -> list[FieldError]:
    """A name of at least two labels, with or without the dot of the root."""
    name = text.removesuffix(".")
    if not text:
        return [required(field)]
    if problems := subdomain_name(name):
        return [invalid(field, name, ",".join(problems))]
    if "." not in name:
        return [invalid(field, name, "should be a domain with at least two segments separated by dots")]
    long = next((label for label in name.split(".") if label_name(label)), None)
    return [] if long is None else [invalid(field, long, ",".join(label_name(long)))]


def _slice_ports(ports: list[Manifest]) -> list[FieldError]:
    errors, names = [], set[str]()
    for index, port in enumerate(ports):
        field, name = f"ports[{index}]", port.get("name", "")
        if name:
            errors += wrong(f"{field}.name", name, label_name(name))
        if name in names:
            errors.append(duplicate(f"{field}.name", name))
        names.add(name)
        errors += choice(f"{field}.protocol", port.get("protocol"), _PROTOCOLS)
        if (protocol := port.get("appProtocol")) is not None:
            errors += wrong(f"{field}.appProtocol", protocol, key_problems(protocol))
    return errors


def validate_network_policy(policy: Manifest) -> list[FieldError]:
    """Everything wrong with a NetworkPolicy."""
    return [
        *object_meta(policy["metadata"], subdomain_name, namespaced=True),
        *network_policy_spec(policy.get("spec", {})),
    ]


def network_policy_spec(spec: Manifest) -> list[FieldError]:
    """The part of a NetworkPolicy that is checked on every write."""
    errors = label_selector("spec.podSelector", spec.get("podSelector"))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction, ())):
            field = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports", ())):
                errors += _policy_port(f"{field}.ports[{number}]", port)
            for number, peer in enumerate(rule.get(peers, ())):
                errors += _policy_peer(f"{field}.{peers}[{number}]", peer)
    types = spec.get("policyTypes", [])
    if len(types) > 2:
        return [*errors, invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
    for index, type_ in enumerate(types):
        if type_ not in ("Ingress", "Egress"):
            errors.append(not_supported(f"spec.policyTypes[{index}]", type_, ("Ingress", "Egress")))
    return errors


def _policy_port(field: str, port: Manifest) -> list[FieldError]:
    errors = choice(f"{field}.protocol", port.get("protocol"), ("TCP", "UDP", "SCTP"), needed=False)
    number, last = port.get("port"), port.get("endPort")
    if number is None:
        why = "may not be specified when `port` is not specified"
        return errors if last is None else [*errors, invalid(f"{field}.endPort", last, why)]
    if isinstance(number, str):
        if last is not None:
            why = "may not be specified when `port` is non-numeric"
            errors.append(invalid(f"{field}.endPort", last, why))
        return errors + wrong(f"{field}.port", number, port_name(number))
    errors += port_number(f"{field}.port", number)
    if last is not None:
        if last < number:
            # The server quotes the first port here, not the last.
            errors.append(invalid(f"{field}.endPort", number, "must be greater than or equal to `port`"))
        errors += port_number(f"{field}.endPort", last)
    return errors


def _policy_peer(field: str, peer: Manifest) -> list[FieldError]:
    errors = label_selector(f"{field}.podSelector", peer.get("podSelector"))
    errors += label_selector(f"{field}.namespaceSelector", peer.get("namespaceSelector"))
    if (block := peer.get("ipBlock")) is not None:
        errors += _ip_block(f"{field}.ipBlock", block)
        if "podSelector" in peer or "namespaceSelector" in peer:
            why = "may not specify both ipBlock and another peer"
            errors.append(forbidden_field(field, why))
    if not {"podSelector", "namespaceSelector", "ipBlock"} & set(peer):
        errors.append(required(field, "must specify a peer"))
    return errors


def _ip_block(field: str, block: Manifest) -> list[FieldError]:
    text = block.get("cidr", "")
    if not text:
        return [required(f"{field}.cidr")]
    if errors := cidr(f"{field}.cidr", text):
        return errors
    errors = []
    for index, part in enumerate(block.get("except", ())):
        inner = f"{field}.except[{index}]"
        bad = cidr(inner, part)
        errors += bad
        if not bad and not _strictly_within(part, text):
            errors.append(invalid(inner, part, "must be a strict subset of `cidr`"))
    return errors


def _strictly_within(part: str, whole: str) -> bool:
    inner, outer = ip_network(part, strict=False), ip_network(whole, strict=False)
    same_family = inner.version == outer.version
    return same_family and inner != outer and inner.subnet_of(outer)  # type: ignore[arg-type]
