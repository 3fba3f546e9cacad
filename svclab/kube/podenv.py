"""The environment of a container: its own variables, then one set for each Service that was there at its
start.

Source: kubelet 1.36, pkg/kubelet/kubelet_pods.go and pkg/kubelet/envvars/envvars.go.
"""

import math
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping

from svclab.kube.poddns import hostname
from svclab.kube.quantity import parse
from svclab.kube.snapshot import Manifest, Snapshot

API_SERVICE = ("default", "kubernetes")
REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def variable_name(name: str) -> str:
    """A Service's or port's name as part of a variable's.

    Upper case, `_` for `-` and `.` and before a digit.
    """
    text = name.upper().replace("-", "_").replace(".", "_")
    return f"_{text}" if text[:1].isdigit() else text


def service_environment(
    services: Iterable[Manifest], namespace: str, *, enable_service_links: bool = True
) -> dict[str, str]:
    """The Service variables of a container in a namespace, given all Services that exist when it starts.

    Services without a cluster IP have none. The API's own Service is always there, others only from the pod's
    namespace and with enableServiceLinks.
    """
    chosen: dict[str, Manifest] = {}
    for service in services:
        key = (service["metadata"]["namespace"], service["metadata"]["name"])
        if service["spec"].get("clusterIP") in (None, "", "None"):
            continue
        if key == API_SERVICE and namespace != API_SERVICE[0]:
            chosen.setdefault(key[1], service)
        elif key == API_SERVICE or (key[0] == namespace and enable_service_links):
            chosen[key[1]] = service
    variables: dict[str, str] = {}
    for name, service in chosen.items():
        variables |= _variables(variable_name(name), service["spec"])
    return variables


def _variables(prefix: str, spec: Manifest) -> dict[str, str]:
    address, ports = spec["clusterIP"], spec.get("ports") or ()
    variables = {f"{prefix}_SERVICE_HOST": address}
    if ports:
        variables[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
    for port in ports:
        if port.get("name"):
            variables[f"{prefix}_SERVICE_PORT_{variable_name(port['name'])}"] = str(port["port"])
    for port in ports:
        variables |= _link_variables(prefix, address, port, is_first=port is ports[0])
    return variables


def _link_variables(prefix: str, address: str, port: Manifest, *, is_first: bool) -> dict[str, str]:
    """The older set, as container links had it."""
    protocol, number = port.get("protocol") or "TCP", port["port"]
    host = f"[{address}]" if ":" in address else address
    url = f"{protocol.lower()}://{host}:{number}"
    name = f"{prefix}_PORT_{number}_{protocol.upper()}"
    return ({f"{prefix}_PORT": url} if is_first else {}) | {
        name: url,
        f"{name}_PROTO": protocol.lower(),
        f"{name}_PORT": str(number),
        f"{name}_ADDR": address,
    }


def environment(
    pod: Manifest, container_name: str, snapshot: Snapshot, found: Iterable[Manifest] | None = None
) -> dict[str, str]:
    """All variables of a container, the pod's hostname first and the Services' last.

    `found`: the Services of its namespace as they were when it started; where that is not known, those of now
    that are not younger.
    A declared variable wins over a Service's of the same name and may use it as `$(NAME)`. References to
    missing or optional objects give no variable. Raises KeyError for a container that the pod does not
    have.
    """
    container = _container(pod, container_name)
    namespace = pod["metadata"]["namespace"]
    not_younger = _services_at_start(pod, container_name, snapshot)
    if found is not None:
        api = [each for each in not_younger if each["metadata"]["namespace"] != namespace]
        not_younger = [*api, *found]
    services = service_environment(
        not_younger,
        namespace,
        enable_service_links=(pod.get("spec") or {}).get("enableServiceLinks", True),
    )
    declared: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        declared |= _whole_object(source, namespace, snapshot)
    for entry in container.get("env") or ():
        value = _value(entry, pod, container, snapshot, {**services, **declared})
        if value is not None:
            declared[entry["name"]] = value
    rest = {name: value for name, value in services.items() if name not in declared}
    return {"HOSTNAME": hostname(pod), **declared, **rest}


def _container(pod: Manifest, name: str) -> Manifest:
    spec = pod["spec"]
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            if container["name"] == name:
                return container
    raise KeyError(name)


def _services_at_start(pod: Manifest, container_name: str, snapshot: Snapshot) -> list[Manifest]:
    """The Services that are not younger than the container's start.

    Times are RFC 3339 in UTC and sort as text.
    """
    started = _started_at(pod, container_name)
    return [
        service
        for service in snapshot.list("Service")
        if started is None or (service["metadata"].get("creationTimestamp") or "") <= started
    ]


def _started_at(pod: Manifest, container_name: str) -> str | None:
    status = pod.get("status") or {}
    for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(field) or ():
            running = (each.get("state") or {}).get("running") or {}
            if each.get("name") == container_name and running.get("startedAt"):
                return running["startedAt"]
    return status.get("startTime")


def _whole_object(source: Manifest, namespace: str, snapshot: Snapshot) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
        if field in source:
            values = _data(snapshot.get(kind, namespace, source[field]["name"]))
            return {prefix + key: value for key, value in values.items()}
    return {}


def _data(manifest: Manifest | None) -> dict[str, str]:
    """Keys and values of a ConfigMap or Secret, decoded; none of a missing one."""
    data = (manifest or {}).get("data") or {}
    if manifest and manifest["kind"] == "Secret":
        return {key: b64decode(value).decode(errors="replace") for key, value in data.items()}
    return dict(data)


def _value(
    entry: Manifest, pod: Manifest, container: Manifest, snapshot: Snapshot, known: Mapping[str, str]
) -> str | None:
    source = entry.get("valueFrom")
    if source is None:
        return expand(entry.get("value") or "", known)
    namespace = pod["metadata"]["namespace"]
    match source:
        case {"fieldRef": {"fieldPath": path}}:
            return field_value(pod, path)
        case {"configMapKeyRef": {"name": name, "key": key}}:
            return _data(snapshot.get("ConfigMap", namespace, name)).get(key)
        case {"secretKeyRef": {"name": name, "key": key}}:
            return _data(snapshot.get("Secret", namespace, name)).get(key)
        case {"resourceFieldRef": reference}:
            return _resource(reference, pod, container, snapshot)
        case _:
            return None


def field_value(pod: Manifest, path: str) -> str:
    """What a fieldRef gives: the downward API's paths; "" where the pod has no such value (yet)."""
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    subscript = SUBSCRIPT.fullmatch(path)
    if subscript:
        return (metadata.get(subscript[1]) or {}).get(subscript[2], "")
    values = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata.get("uid"),
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": status.get("podIP"),
        "status.podIPs": ",".join(each["ip"] for each in status.get("podIPs") or ()),
        "status.hostIP": status.get("hostIP"),
        "status.hostIPs": ",".join(each["ip"] for each in status.get("hostIPs") or ()),
    }
    return values.get(path) or ""


def _resource(reference: Manifest, pod: Manifest, container: Manifest, snapshot: Snapshot) -> str:
    """A limit or request such as `limits.cpu` in units of the divisor, rounded up.

    Without a limit of its own a container may take what the node has to give away.
    """
    if reference.get("containerName"):
        container = _container(pod, reference["containerName"])
    group, _, name = reference["resource"].partition(".")
    amount = ((container.get("resources") or {}).get(group) or {}).get(name)
    if amount is None and group == "limits":
        node = snapshot.get("Node", "", (pod.get("spec") or {}).get("nodeName") or "") or {}
        amount = ((node.get("status") or {}).get("allocatable") or {}).get(name)
    divisor = parse(reference.get("divisor") or 0).amount or 1
    return str(math.ceil(parse(amount or 0).amount / divisor))


def expand(text: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` replaced where the name is known and left as it is where not; `$$` stands for one `$`."""

    def replacement(found: re.Match[str]) -> str:
        if found[1] is None:
            return "$"
        return known.get(found[1], found[0])

    return REFERENCE.sub(replacement, text)
