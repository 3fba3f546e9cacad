"""The objects that `kubectl create ...`, `run` and `expose` make from flags, as typed clients write them.

Fields stand in the order of Go's types, so `-o json` prints them as the real kubectl does.
"""

import json
import re
from base64 import b64encode
from typing import Any

from svclab.terminal.commands.kubectl.errors import KubectlError

Manifest = dict[str, Any]


def metadata(name: str, namespace: str = "", labels: dict[str, str] | None = None) -> Manifest:
    """ObjectMeta as Go writes an empty one: creationTimestamp null."""
    found: Manifest = {"name": name}
    if namespace:
        found["namespace"] = namespace
    found["creationTimestamp"] = None
    if labels:
        found["labels"] = labels
    return found


def namespace_object(name: str) -> Manifest:
    """A Namespace."""
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": metadata(name), "spec": {}, "status": {}}


def service_account(name: str, namespace: str) -> Manifest:
    """A ServiceAccount."""
    return {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": metadata(name, namespace)}


def config_map(name: str, namespace: str, data: dict[str, str]) -> Manifest:
    """A ConfigMap."""
    found = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata(name, namespace)}
    return {**found, "data": {key: data[key] for key in sorted(data)}} if data else found


def secret(name: str, namespace: str, data: dict[str, str], kind: str = "") -> Manifest:
    """A Secret; values are encoded here."""
    found: Manifest = {"kind": "Secret", "apiVersion": "v1", "metadata": metadata(name, namespace)}
    if data:
        found["data"] = {key: b64encode(data[key].encode()).decode() for key in sorted(data)}
    return {**found, "type": kind} if kind else found


def registry_secret(server: str, user: str, password: str, email: str) -> str:
    """The `.dockerconfigjson` of a registry secret."""
    entry = {"username": user, "password": password}
    if email:
        entry["email"] = email
    entry["auth"] = b64encode(f"{user}:{password}".encode()).decode()
    return json.dumps({"auths": {server: entry}}, separators=(",", ":"))


def deployment(
    name: str,
    namespace: str,
    images: list[str],
    replicas: int,
    port: int | None,
    command: list[str],
    suffix: str,
) -> Manifest:
    """A Deployment with one container for each image, all labelled app=NAME."""
    labels = {"app": name}
    containers = []
    for index, image in enumerate(images):
        container: Manifest = {"name": container_name(image, suffix), "image": image}
        if command:
            container["command"] = command
        if port is not None and not index:
            container["ports"] = [{"containerPort": port}]
        containers.append({**container, "resources": {}})
    template = {"metadata": {"creationTimestamp": None, "labels": labels}, "spec": {"containers": containers}}
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": metadata(name, namespace, labels),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
            "strategy": {},
        },
        "status": {},
    }


def container_name(image: str, suffix: str) -> str:
    """The name of an image without registry, tag and digest, as a container may be called.

    Where letters had to be replaced, the suffix keeps it from being another's.
    """
    last = image.rpartition("/")[2]
    bare = re.split(r"[:@]", last)[0]
    name = re.sub(r"[_.]", "-", bare)
    return name if name == bare else f"{name}-{suffix}"


def service(name: str, namespace: str, kind: str, **spec: Any) -> Manifest:
    """A Service labelled and selecting app=NAME; `spec` goes before (ports) and after the selector."""
    labels = {"app": name}
    fields: Manifest = {"ports": spec["ports"]} if spec.get("ports") else {}
    fields["selector"] = labels
    if spec.get("cluster_ip"):
        fields["clusterIP"] = spec["cluster_ip"]
    fields["type"] = kind
    if spec.get("external_name"):
        fields["externalName"] = spec["external_name"]
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata(name, namespace, labels),
        "spec": fields,
        "status": {"loadBalancer": {}},
    }


def service_ports(texts: list[str], node_port: int = 0) -> list[Manifest]:
    """Ports of `--tcp=80:8080`. Raises KubectlError with kubectl's words."""
    ports = []
    for text in texts:
        parts = text.split(":")
        port: Manifest = {
            "name": text.replace(":", "-"),
            "protocol": "TCP",
            "port": port_number(parts[0]),
            "targetPort": port_number(parts[0]) if len(parts) == 1 else _target_port(parts[1]),
        }
        if node_port:
            port["nodePort"] = node_port
        ports.append(port)
    return ports


def port_number(text: str) -> int:
    """A port number. Raises KubectlError."""
    if not text.isdigit():
        raise KubectlError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if int(text) > 65535:
        raise KubectlError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)


def _target_port(text: str) -> int | str:
    if not re.fullmatch(r"-?\d+", text):
        if problem := _port_name_problem(text):
            raise KubectlError(problem)
        return text
    if not 1 <= int(text) <= 65535:
        raise KubectlError("must be between 1 and 65535, inclusive")
    return int(text)


def _port_name_problem(text: str) -> str:
    """What is wrong with a port's name, in the words of IsValidPortName; "" when nothing is."""
    if len(text) > 15:
        return "must be no more than 15 characters"
    if not re.fullmatch(r"[-a-z0-9]+", text):
        return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search(r"[a-z]", text):
        return "must contain at least one letter (a-z)"
    if "--" in text:
        return "must not contain consecutive hyphens"
    return "must not begin or end with a hyphen" if "-" in (text[0], text[-1]) else ""


def ingress(
    name: str,
    namespace: str,
    rules: list[str],
    *,
    ingress_class: str = "",
    default_backend: str = "",
    annotations: dict[str, str] | None = None,
) -> Manifest:
    """An Ingress of `host/path=service:port[,tls[=secret]]` rules. Raises KubectlError for another form."""
    hosts: dict[str, list[Manifest]] = {}
    tls: dict[str, list[str]] = {}
    for rule in rules:
        host, path, secret_name = _ingress_rule(rule)
        hosts.setdefault(host, []).append(path)
        if secret_name is not None and host not in tls.setdefault(secret_name, []):
            tls[secret_name].append(host)
    spec: Manifest = {"ingressClassName": ingress_class} if ingress_class else {}
    if default_backend:
        if default_backend.count(":") != 1:
            raise KubectlError("default-backend should be in format servicename:serviceport")
        spec["defaultBackend"] = _backend(default_backend)
    if tls:
        spec["tls"] = [
            {"hosts": [h for h in names if h], **({"secretName": s} if s else {})} for s, names in tls.items()
        ]
    if hosts:
        spec["rules"] = [{**({"host": h} if h else {}), "http": {"paths": p}} for h, p in hosts.items()]
    meta = metadata(name, namespace)
    if annotations:
        meta["annotations"] = annotations
    return {
        "kind": "Ingress",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": meta,
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def _ingress_rule(rule: str) -> tuple[str, Manifest, str | None]:
    shape = re.fullmatch(r"([^/,=]*)(/[^=]*)=([^:,]+:[^,]+)(,tls(?:=([^,]*))?)?", rule)
    if shape is None:
        raise KubectlError(
            f"rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
        )
    host, path, backend, tls, secret_name = shape.groups()
    prefix = path.endswith("*")
    entry = {
        "path": path.removesuffix("*") if prefix else path,
        "pathType": "Prefix" if prefix else "Exact",
        "backend": _backend(backend),
    }
    return host, entry, (secret_name or "") if tls else None


def _backend(text: str) -> Manifest:
    name, _, port = text.partition(":")
    return {"service": {"name": name, "port": {"number": int(port)} if port.isdigit() else {"name": port}}}


def without_nulls(value: Any) -> Any:
    """An object as it is sent: without creationTimestamp null."""
    if isinstance(value, dict):
        return {key: without_nulls(child) for key, child in value.items() if child is not None}
    return [without_nulls(child) for child in value] if isinstance(value, list) else value
