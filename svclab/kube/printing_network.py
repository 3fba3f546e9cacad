"""Table cells of the networking kinds: Service, Endpoints, EndpointSlice, Ingress, NetworkPolicy.

Source: Kubernetes 1.36 pkg/printers/internalversion/printers.go.
"""

from datetime import datetime

from svclab.kube.meta import age
from svclab.kube.printing_core import Cells, Manifest
from svclab.kube.selectors import format_labels, format_object

_LOAD_BALANCER_WIDTH = 16


def service_cells(service: Manifest, now: datetime) -> Cells:
    """Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector."""
    spec = service.get("spec") or {}
    kind = spec.get("type", "ClusterIP")
    return [
        service["metadata"]["name"],
        kind,
        (spec.get("clusterIPs") or ["<none>"])[0],
        external_ip(service),
        service_ports(spec.get("ports") or []),
        age(service["metadata"].get("creationTimestamp"), now),
        format_labels(spec.get("selector")),
    ]


def external_ip(service: Manifest) -> str:
    """The EXTERNAL-IP cell: a load balancer's addresses, `<pending>`, external IPs or the external name."""
    spec = service.get("spec") or {}
    external = spec.get("externalIPs") or []
    match spec.get("type", "ClusterIP"):
        case "LoadBalancer":
            ingress = load_balancer_addresses(service)
            if external:
                return ",".join(([ingress] if ingress else []) + external)
            return ingress or "<pending>"
        case "ExternalName":
            return spec.get("externalName", "")
        case _:
            return ",".join(external) or "<none>"


def load_balancer_addresses(manifest: Manifest) -> str:
    """Addresses or host names of status.loadBalancer.ingress, each once and in order, joined by commas."""
    ingress = ((manifest.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return ",".join(sorted({entry.get("ip") or entry.get("hostname") or "" for entry in ingress} - {""}))


def service_ports(ports: list[Manifest]) -> str:
    """`80:30001/TCP,53/UDP`; `<none>` without ports."""
    cells = []
    for port in ports:
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        cells.append(f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}")
    return ",".join(cells) or "<none>"


def endpoints_cells(endpoints: Manifest, now: datetime) -> Cells:
    """Name, Endpoints, Age."""
    metadata = endpoints["metadata"]
    return [
        metadata["name"],
        endpoint_addresses(endpoints.get("subsets") or []),
        age(metadata.get("creationTimestamp"), now),
    ]


def endpoint_addresses(subsets: list[Manifest]) -> str:
    """The first three ready `ip:port`, port by port, and how many more there are."""
    found: list[str] = []
    for subset in subsets:
        addresses = [address["ip"] for address in subset.get("addresses") or []]
        ports = subset.get("ports") or []
        if not ports:
            found += addresses
        found += [join_host_port(ip, port["port"]) for port in ports for ip in addresses]
    return _first_three(found, "") if subsets else "<none>"


def join_host_port(ip: str, port: int | str) -> str:
    """`10.0.0.1:80`, `[::1]:80`."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def slice_cells(endpoint_slice: Manifest, now: datetime) -> Cells:
    """Name, AddressType, Ports, Endpoints, Age."""
    metadata = endpoint_slice["metadata"]
    addresses = [
        ip for endpoint in endpoint_slice.get("endpoints") or [] for ip in endpoint.get("addresses") or []
    ]
    return [
        metadata["name"],
        endpoint_slice.get("addressType", ""),
        _slice_ports(endpoint_slice.get("ports") or []),
        _first_three(addresses, "<unset>"),
        age(metadata.get("creationTimestamp"), now),
    ]


def _slice_ports(ports: list[Manifest]) -> str:
    """Port numbers, or names where all ports are meant."""
    return _first_three([str(port.get("port", port.get("name", "*"))) for port in ports], "<unset>")


def _first_three(found: list[str], nothing: str) -> str:
    shown = ",".join(found[:3]) or nothing
    return f"{shown} + {len(found) - 3} more..." if len(found) > 3 else shown


def ingress_cells(ingress: Manifest, now: datetime) -> Cells:
    """Name, Class, Hosts, Address, Ports, Age."""
    spec = ingress.get("spec") or {}
    return [
        ingress["metadata"]["name"],
        spec.get("ingressClassName") or "<none>",
        _ingress_hosts(spec.get("rules") or []),
        load_balancer_addresses(ingress),
        "80, 443" if spec.get("tls") else "80",
        age(ingress["metadata"].get("creationTimestamp"), now),
    ]


def _ingress_hosts(rules: list[Manifest]) -> str:
    """The first three hosts, and how many more rules there are."""
    hosts = [(index, rule["host"]) for index, rule in enumerate(rules) if rule.get("host")]
    shown = ",".join(host for _, host in hosts[:3]) or "*"
    full = len(hosts) > 2 and hosts[2][0] < len(rules) - 1
    return f"{shown} + {len(rules) - 3} more..." if full else shown


def ingressclass_cells(ingress_class: Manifest, now: datetime) -> Cells:
    """Name, Controller, Parameters, Age."""
    spec = ingress_class.get("spec") or {}
    return [
        ingress_class["metadata"]["name"],
        spec.get("controller", ""),
        _parameters(spec.get("parameters")),
        age(ingress_class["metadata"].get("creationTimestamp"), now),
    ]


def _parameters(reference: Manifest | None) -> str:
    if not reference:
        return "<none>"
    group = f".{reference['apiGroup']}" if "apiGroup" in reference else ""
    return f"{reference.get('kind', '')}{group}/{reference.get('name', '')}"


def networkpolicy_cells(policy: Manifest, now: datetime) -> Cells:
    """Name, Pod-Selector, Age."""
    return [
        policy["metadata"]["name"],
        format_object((policy.get("spec") or {}).get("podSelector") or {}),
        age(policy["metadata"].get("creationTimestamp"), now),
    ]
