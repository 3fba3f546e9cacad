"""The shape of objects that the engine reads from files: what must be there, and what it must look like.

Only what is read is looked at; everything else an object may hold as it likes.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from svclab.dns.name import parse_address
from svclab.kube.proxy.addresses import parse_address as forgiving
from svclab.kube.snapshot import Manifest

Shape = Any  # a type, a range, a tuple of words, a pattern, a test of a text, or a dict or list of shapes


class WrongShape(ValueError):
    """What is wrong with an object, in one line."""


def is_address(text: str) -> bool:
    """An IPv4 or IPv6 address; "" stands for one that is not there yet."""
    return not text or parse_address(text) is not None


def is_given_address(text: str) -> bool:
    """An IPv4 or IPv6 address."""
    return parse_address(text) is not None


def is_service_address(text: str) -> bool:
    """An address as older API servers let it into a Service: kube-proxy forgives leading zeros."""
    return not text or forgiving(text) is not None


def is_cluster_ip(text: str) -> bool:
    """An address, or the None of a headless Service."""
    return text == "None" or is_service_address(text)


def is_range(text: str) -> bool:
    """A range of more than one address, such as 10.244.1.0/24."""
    try:
        return ip_network(text, strict=False).num_addresses > 1
    except ValueError:
        return False


def is_time(text: str) -> bool:
    """A time as the API writes it."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


TEXTS = [str]
TEXT_MAP = {"*": str}
PORT = range(65536)
SECONDS = range(1 << 31)
PROTOCOL = ("TCP", "UDP", "SCTP")
NAME = re.compile(r"[A-Za-z0-9._:-]*")
METADATA = {
    "labels": TEXT_MAP,
    "annotations": TEXT_MAP,
    "creationTimestamp": is_time,
    "deletionTimestamp": is_time,
}
CONDITIONS = [{"type!": str, "status!": str, "lastTransitionTime": is_time}]
CONTAINERS = [
    {
        "name!": NAME,
        "image": str,
        "command": TEXTS,
        "args": TEXTS,
        "env": [{"name!": str, "value": str}],
        "ports": [{"name": NAME, "containerPort!": PORT, "protocol": PROTOCOL}],
    }
]
# By kind. A "!" after a key: it must be there. None counts as absent everywhere else.
SHAPES: dict[str, dict[str, Shape]] = {
    "Node": {
        "spec": {"podCIDR": is_range, "podCIDRs": [is_range]},
        "status": {"addresses": [{"type!": str, "address!": NAME}], "conditions": CONDITIONS},
    },
    "Service": {
        "spec!": {
            "type": str,
            "clusterIP": is_cluster_ip,
            "clusterIPs": [is_cluster_ip],
            "externalName": str,
            "ipFamilies": TEXTS,
            "externalIPs": [is_service_address],
            "externalTrafficPolicy": str,
            "internalTrafficPolicy": str,
            "healthCheckNodePort": PORT,
            "loadBalancerSourceRanges": TEXTS,
            "publishNotReadyAddresses": bool,
            "selector": TEXT_MAP,
            "sessionAffinity": str,
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": SECONDS}},
            "ports": [{"name": NAME, "protocol": PROTOCOL, "port!": PORT, "nodePort": PORT}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": is_service_address, "hostname": str, "ipMode": str}]}},
    },
    "EndpointSlice": {
        "addressType": str,
        "ports": [{"name": NAME, "protocol": PROTOCOL, "port": PORT}],
        "endpoints": [
            {
                "addresses!": [NAME],
                "conditions": {"ready": bool, "serving": bool, "terminating": bool},
                "hostname": str,
                "nodeName": str,
                "targetRef": {"kind": str, "namespace": str, "name": str},
                "hints": {"forZones": [{"name!": str}], "forNodes": [{"name!": str}]},
            }
        ],
    },
    "Pod": {
        "spec!": {
            "nodeName": str,
            "hostname": str,
            "subdomain": str,
            "hostNetwork": bool,
            "dnsPolicy": str,
            "dnsConfig": {
                "nameservers": TEXTS,
                "searches": TEXTS,
                "options": [{"name!": str, "value": str}],
            },
            "hostAliases": [{"ip!": is_address, "hostnames": TEXTS}],
            "containers!": CONTAINERS,
            "ephemeralContainers": CONTAINERS,
        },
        "status": {
            "phase": str,
            "podIP": is_address,
            "hostIP": is_address,
            "podIPs": [{"ip!": is_address}],
            "conditions": CONDITIONS,
            "containerStatuses": [{"name!": NAME, "state": {"running": {"startedAt": is_time}}}],
        },
    },
    "ConfigMap": {"data": TEXT_MAP},
    "ServiceCIDR": {"spec": {"cidrs": [is_range]}},
}
WANTED: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    is_address: "an IP address",
    is_given_address: "an IP address",
    is_service_address: "an IP address",
    is_cluster_ip: "an IP address or None",
    is_range: "an address range",
    is_time: "a time such as 2026-01-01T00:00:00Z",
}


def check_manifest(manifest: Manifest, about: str) -> None:
    """Raises WrongShape, naming the object as `about` and the field."""
    shape = {"metadata": METADATA} | SHAPES.get(manifest["kind"], {})
    check(manifest, shape, "", about)
    if manifest["kind"] == "Node":
        for index, entry in enumerate((manifest.get("status") or {}).get("addresses") or ()):
            if entry["type"] in ("InternalIP", "ExternalIP"):
                check(entry["address"], is_given_address, f"status.addresses[{index}].address", about)


def check(value: Any, shape: Shape, path: str, about: str) -> None:
    """Raises WrongShape where `value` does not have the shape."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise WrongShape(f"{about}: {path} must be an object, not {described(value)}")
        for key, inner in _fields(value, shape):
            required = key.endswith("!")
            key = key.removesuffix("!")
            here = f"{path}.{key}".lstrip(".")
            if value.get(key) is not None:
                check(value[key], inner, here, about)
            elif required:
                raise WrongShape(f"{about}: {here} is missing")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise WrongShape(f"{about}: {path} must be a list, not {described(value)}")
        for index, item in enumerate(value):
            check(item, shape[0], f"{path}[{index}]", about)
    elif not _fits(value, shape):
        raise WrongShape(f"{about}: {path} must be {_wanted(shape)}, not {described(value)}")


def _fields(value: Mapping[str, Any], shape: Mapping[str, Shape]) -> list[tuple[str, Shape]]:
    """The keys to look at: those of the shape, or all of a map of free keys."""
    return [(str(key), shape["*"]) for key in value] if "*" in shape else list(shape.items())


def _fits(value: Any, shape: Shape) -> bool:
    """Is this the kind of text or number that is wanted?"""
    match shape:
        case range() | tuple():
            return not isinstance(value, bool | float) and value in shape
        case re.Pattern():
            return isinstance(value, str) and bool(shape.fullmatch(value))
        case type():
            return isinstance(value, shape)
        case _:
            return isinstance(value, str) and shape(value)


def _wanted(shape: Shape) -> str:
    match shape:
        case range():
            return f"a number from {shape.start} to {shape.stop - 1}"
        case tuple():
            return f"one of {', '.join(shape)}"
        case re.Pattern():
            return "a name"
        case _:
            return WANTED[shape]


def described(value: Any) -> str:
    """What was found instead, in a few words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case str():
            return f'"{value[:40]}"'
        case int() | float():
            return str(value)
        case list():
            return "a list"
        case _:
            return "an object"
