"""`kubectl describe` of Service, Endpoints, EndpointSlice, Ingress and NetworkPolicy."""

from typing import Any

from svclab.kube.printing_network import join_host_port, load_balancer_addresses
from svclab.kube.selectors import format_labels, format_object
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.describe_writer import Description

Manifest = dict[str, Any]

_SHOWN_ENDPOINTS = 3


def write_service(
    out: Description, service: Manifest, slices: list[Manifest], events: list[Manifest] | None
) -> None:
    """Everything about a Service; `slices` are its EndpointSlices."""
    spec = service.get("spec") or {}
    out.head(service)
    out.labels(service["metadata"].get("labels"))
    out.annotations(service["metadata"].get("annotations"))
    out.field("Selector", format_labels(spec.get("selector")))
    out.field("Type", spec.get("type", ""))
    if spec.get("ipFamilyPolicy"):
        out.field("IP Family Policy", spec["ipFamilyPolicy"])
    out.field("IP Families", ",".join(spec.get("ipFamilies") or []) or "<none>")
    out.field("IP", spec.get("clusterIP", ""))
    out.field("IPs", ",".join(spec.get("clusterIPs") or []) or "<none>")
    if spec.get("externalIPs"):
        out.field("External IPs", ",".join(spec["externalIPs"]))
    if spec.get("loadBalancerIP"):
        out.field("Desired LoadBalancer IP", spec["loadBalancerIP"])
    if spec.get("externalName"):
        out.field("External Name", spec["externalName"])
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    if ingress:
        out.field("LoadBalancer Ingress", ", ".join(_ingress_address(entry) for entry in ingress))
    for port in spec.get("ports") or []:
        _write_port(out, port, slices)
    out.field("Session Affinity", spec.get("sessionAffinity", ""))
    for title, key in (
        ("External Traffic Policy", "externalTrafficPolicy"),
        ("Internal Traffic Policy", "internalTrafficPolicy"),
        ("HealthCheck NodePort", "healthCheckNodePort"),
    ):
        if spec.get(key):
            out.field(title, spec[key])
    if spec.get("loadBalancerSourceRanges"):
        out.field("LoadBalancer Source Ranges", ",".join(spec["loadBalancerSourceRanges"]))
    out.events(events)


def _ingress_address(entry: Manifest) -> str:
    if entry.get("ip"):
        return f"{entry['ip']} ({entry['ipMode']})" if entry.get("ipMode") else entry["ip"]
    return entry.get("hostname", "")


def _write_port(out: Description, port: Manifest, slices: list[Manifest]) -> None:
    name, protocol = port.get("name") or "<unset>", port.get("protocol", "TCP")
    out.line(f"Port:\t{name}\t{port['port']}/{protocol}")
    out.field("TargetPort", f"{port.get('targetPort', 0)}/{protocol}")
    if port.get("nodePort"):
        out.line(f"NodePort:\t{name}\t{port['nodePort']}/{protocol}")
    out.field("Endpoints", endpoints_of_port(slices, port.get("name", "")))


def endpoints_of_port(slices: list[Manifest], port_name: str | None) -> str:
    """Ready endpoints of one port (None: of all): three, and how many more; `<none>` without slices."""
    if not slices:
        return "<none>"
    found, more = [], False
    for endpoint_slice in slices:
        for number in _numbers(endpoint_slice.get("ports") or [], port_name):
            for endpoint in endpoint_slice.get("endpoints") or []:
                more = more or len(found) == _SHOWN_ENDPOINTS  # kubectl looks whether it is ready afterwards
                if (endpoint.get("conditions") or {}).get("ready") is not False:
                    address = endpoint["addresses"][0]
                    found.append(address if number is None else join_host_port(address, number))
    shown = ",".join(found[:_SHOWN_ENDPOINTS])
    return f"{shown} + {len(found) - _SHOWN_ENDPOINTS} more..." if more else shown


def _numbers(ports: list[Manifest], name: str | None) -> list[int | None]:
    """The numbers of a slice's ports of this name; a slice without ports has its addresses alone."""
    if not ports:
        return [None]
    return [port.get("port", 0) for port in ports if name is None or (port.get("name") or "") == name]


def write_endpoints(out: Description, endpoints: Manifest, events: list[Manifest] | None) -> None:
    """An Endpoints object with its subsets."""
    out.head(endpoints)
    out.labels(endpoints["metadata"].get("labels"))
    out.annotations(endpoints["metadata"].get("annotations"))
    out.line("Subsets:")
    for subset in endpoints.get("subsets") or []:
        for title, key in (("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")):
            addresses = ",".join(address["ip"] for address in subset.get(key) or [])
            out.field(title, addresses or "<none>", 1)
        ports = subset.get("ports") or []
        if ports:
            out.line("Ports:", 1)
            out.line("Name\tPort\tProtocol", 2)
            out.line("----\t----\t--------", 2)
            for port in ports:
                out.line(f"{port.get('name') or '<unset>'}\t{port['port']}\t{port.get('protocol', 'TCP')}", 2)
        out.line()
    out.events(events)


def write_slice(out: Description, endpoint_slice: Manifest, events: list[Manifest] | None) -> None:
    """An EndpointSlice with every endpoint."""
    out.head(endpoint_slice)
    out.labels(endpoint_slice["metadata"].get("labels"))
    out.annotations(endpoint_slice["metadata"].get("annotations"))
    out.field("AddressType", endpoint_slice.get("addressType", ""))
    ports = endpoint_slice.get("ports") or []
    if not ports:
        out.line("Ports: <unset>")
    else:
        out.line("Ports:")
        out.line("Name\tPort\tProtocol", 1)
        out.line("----\t----\t--------", 1)
    for port in ports:
        number = port["port"] if port.get("port") is not None else "<unset>"
        out.line(f"{port.get('name') or '<unset>'}\t{number}\t{port.get('protocol', 'TCP')}", 1)
    endpoints = endpoint_slice.get("endpoints") or []
    out.line("Endpoints:" if endpoints else "Endpoints: <none>")
    for endpoint in endpoints:
        _write_endpoint(out, endpoint)
    out.events(events)


def _write_endpoint(out: Description, endpoint: Manifest) -> None:
    out.line(f"- Addresses:\t{', '.join(endpoint.get('addresses') or [])}", 1)
    ready = (endpoint.get("conditions") or {}).get("ready")
    out.line("Conditions:", 2)
    out.field("Ready", "<unset>" if ready is None else str(ready).lower(), 3)
    out.field("Hostname", endpoint.get("hostname") or "<unset>", 2)
    target = endpoint.get("targetRef")
    if target:
        out.field("TargetRef", f"{target.get('kind')}/{target.get('name')}", 2)
    out.field("NodeName", endpoint.get("nodeName") or "<unset>", 2)
    out.field("Zone", endpoint.get("zone") or "<unset>", 2)


def write_ingress(out: Description, client: Client, ingress: Manifest, events: list[Manifest] | None) -> None:
    """An Ingress with the endpoints behind each backend."""
    spec, namespace = ingress.get("spec") or {}, ingress["metadata"].get("namespace", "")
    out.field("Name", ingress["metadata"]["name"])
    out.labels(ingress["metadata"].get("labels"))
    out.field("Namespace", namespace)
    out.field("Address", load_balancer_addresses(ingress))
    out.field("Ingress Class", spec.get("ingressClassName") or "<none>")
    default = spec.get("defaultBackend")
    if default is None:
        out.field("Default backend", "<default>")
    else:
        out.field("Default backend", _backend(client, namespace, default))
    if spec.get("tls"):
        out.line("TLS:")
        for entry in spec["tls"]:
            secret = entry.get("secretName")
            hosts = ",".join(entry.get("hosts") or [])
            out.line(f"{secret} terminates {hosts}" if secret else f"SNI routes {hosts}", 1)
    out.line("Rules:")
    out.line("Host\tPath\tBackends", 1)
    out.line("----\t----\t--------", 1)
    rules = [rule for rule in spec.get("rules") or [] if rule.get("http")]
    for rule in rules:
        out.line(f"{rule.get('host') or '*'}\t", 1)
        for path in rule["http"].get("paths") or []:
            out.line(f"\t{path.get('path', '')} \t{_backend(client, namespace, path['backend'])}", 2)
    if not rules:
        backend = _backend(client, namespace, default) if default else "<default>"
        out.line(f"*\t*\t{backend}", 1)
    out.annotations(ingress["metadata"].get("annotations"))
    out.events(events)


def _backend(client: Client, namespace: str, backend: Manifest) -> str:
    service = backend.get("service")
    if not service:
        resource = backend.get("resource") or {}
        shown = [resource.get(key, "<none>") for key in ("apiGroup", "kind", "name")]
        return "APIGroup: {}, Kind: {}, Name: {}".format(*shown)
    name, port = service["name"], service.get("port") or {}
    words = f"{name}:{port.get('name') or port.get('number', '')}"
    found = client.find(f"/api/v1/namespaces/{namespace}/services/{name}")
    if found is None:
        return f'{words} (<error: services "{name}" not found>)'
    query = [("labelSelector", f"kubernetes.io/service-name={name}")]
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    slices = client.get(path, query).get("items") or []
    matching = [
        p
        for p in (found.get("spec") or {}).get("ports") or []
        if p.get("name", "") == port.get("name") or p["port"] == port.get("number")
    ]
    names = matching[0].get("name", "") if matching else ""
    return f"{words} ({endpoints_of_port(slices, names)})"


def write_networkpolicy(out: Description, policy: Manifest) -> None:
    """A NetworkPolicy in words."""
    spec = policy.get("spec") or {}
    created = (policy["metadata"].get("creationTimestamp") or "").replace("T", " ").replace("Z", " +0000 UTC")
    out.head(policy)
    out.field("Created on", created)
    out.labels(policy["metadata"].get("labels"))
    out.annotations(policy["metadata"].get("annotations"))
    out.flush()
    out.line("Spec:")
    selector = format_object(spec.get("podSelector") or {})
    everyone = "<none> (Allowing the specific traffic to all pods in this namespace)"
    out.line(f"PodSelector:     {everyone if selector == '<none>' else selector}", 1)
    types = spec.get("policyTypes") or []
    for title, key, peer_key, peer, preposition in (
        ("Ingress", "ingress", "from", "From", "ingress"),
        ("Egress", "egress", "to", "To", "egress"),
    ):
        if title in types:
            out.line(f"Allowing {preposition} traffic:", 1)
            _write_rules(out, spec.get(key) or [], peer_key, peer, selector, preposition)
        else:
            out.line(f"Not affecting {preposition} traffic", 1)
    out.line(f"Policy Types: {', '.join(types)}", 1)


def _write_rules(
    out: Description, rules: list[Manifest], peer_key: str, peer: str, selector: str, direction: str
) -> None:
    if not rules:
        out.line(f"<none> (Selected pods are isolated for {direction} connectivity)", 2)
    for index, rule in enumerate(rules):
        for port in rule.get("ports") or []:
            number, protocol = port.get("port", "<nil>"), port.get("protocol", "TCP")
            if last := port.get("endPort"):
                out.line(f"To Port Range: {number}-{last}/{protocol}", 2)
            else:
                out.line(f"To Port: {number}/{protocol}", 2)
        if not rule.get("ports"):
            out.line("To Port: <any> (traffic allowed to all ports)", 2)
        for entry in rule.get(peer_key) or []:
            out.line(f"{peer}:", 2)
            _write_peer(out, entry)
        if not rule.get(peer_key):
            side = "source" if peer == "From" else "destination"
            restricted = f"traffic not restricted by {side}"
            out.line(f"{peer}: <any> ({restricted})", 2)
        if index < len(rules) - 1:
            out.line("----------", 2)


def _write_peer(out: Description, peer: Manifest) -> None:
    block = peer.get("ipBlock")
    if block:
        out.line("IPBlock:", 3)
        out.line(f"CIDR: {block.get('cidr', '')}", 4)
        out.line(f"Except: {', '.join(block.get('except') or [])}", 4)
        return
    if peer.get("namespaceSelector") is not None:
        out.line(f"NamespaceSelector: {format_object(peer['namespaceSelector'])}", 3)
    if peer.get("podSelector") is not None:
        out.line(f"PodSelector: {format_object(peer['podSelector'])}", 3)
