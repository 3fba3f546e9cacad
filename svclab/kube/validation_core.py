"""What ConfigMaps, Secrets, Namespaces, Nodes, Events and the other small kinds may say.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36.
"""

import base64
import json
from typing import Any

from svclab.kube.status import FieldError, forbidden_field, invalid, required
from svclab.kube.validation_addresses import cidr
from svclab.kube.validation_meta import (
    config_key,
    label_name,
    object_meta,
    path_segment_name,
    subdomain_name,
    wrong,
)
from svclab.kube.validation_pod import validate_taint

Manifest = dict[str, Any]

_DATA_LIMIT_BYTES = 1024 * 1024
_NEEDED_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_ACCOUNT = "kubernetes.io/service-account.name"


def validate_config_map(config_map: Manifest) -> list[FieldError]:
    """Everything wrong with a ConfigMap."""
    errors = object_meta(config_map["metadata"], subdomain_name, namespaced=True)
    data, binary = config_map.get("data", {}), config_map.get("binaryData", {})
    size = 0
    for key, value in data.items():
        errors += wrong(f"data[{key}]", key, config_key(key))
        if key in binary:
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        size += len(value.encode())
    for key, value in binary.items():
        errors += wrong(f"binaryData[{key}]", key, config_key(key))
        if key in data:
            errors.append(invalid(f"binaryData[{key}]", key, "duplicate of key present in data"))
        size += len(base64.b64decode(value))
    return errors + _size("[]", size)


def validate_secret(secret: Manifest) -> list[FieldError]:
    """Everything wrong with a Secret."""
    errors = object_meta(secret["metadata"], subdomain_name, namespaced=True)
    data, type_ = secret.get("data", {}), secret.get("type", "")
    for key in data:
        errors += wrong(f"data[{key}]", key, config_key(key))
    errors += _size("data", sum(len(base64.b64decode(value)) for value in data.values()))
    for key in _NEEDED_KEYS.get(type_, ()):
        if key not in data:
            errors.append(required(f"data[{key}]"))
        elif type_.startswith("kubernetes.io/docker") and not _is_json(data[key]):
            errors.append(invalid(f"data[{key}]", "<secret contents redacted>", "invalid character"))
    if type_ == "kubernetes.io/basic-auth" and not {"username", "password"} & set(data):
        errors += [required("data[username]"), required("data[password]")]
    annotated = secret["metadata"].get("annotations", {}).get(_ACCOUNT)
    if type_ == "kubernetes.io/service-account-token" and not annotated:
        errors.append(required(f"metadata.annotations[{_ACCOUNT}]"))
    return errors


def _is_json(encoded: str) -> bool:
    try:
        json.loads(base64.b64decode(encoded))
    except ValueError:
        return False
    return True


def _size(field: str, size: int) -> list[FieldError]:
    if size <= _DATA_LIMIT_BYTES:
        return []
    return [FieldError("TooLong", field, detail=f"may not be more than {_DATA_LIMIT_BYTES} bytes")]


def validate_namespace(namespace: Manifest) -> list[FieldError]:
    """Everything wrong with a Namespace."""
    return object_meta(namespace["metadata"], label_name, namespaced=False)


def validate_service_account(account: Manifest) -> list[FieldError]:
    """Everything wrong with a ServiceAccount."""
    return object_meta(account["metadata"], subdomain_name, namespaced=True)


def validate_lease(lease: Manifest) -> list[FieldError]:
    """Everything wrong with a Lease."""
    errors = object_meta(lease["metadata"], subdomain_name, namespaced=True)
    duration = lease.get("spec", {}).get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    return errors


def validate_node(node: Manifest) -> list[FieldError]:
    """Everything wrong with a Node."""
    return [
        *object_meta(node["metadata"], subdomain_name, namespaced=False),
        *node_spec(node.get("spec", {})),
    ]


def node_spec(spec: Manifest) -> list[FieldError]:
    """The part of a Node that is checked on every write."""
    errors, seen = [], set[tuple[str, str]]()
    for index, taint in enumerate(spec.get("taints", ())):
        # The server itself looks for taints below metadata.
        errors += validate_taint(f"metadata.taints[{index}]", taint)
        key = (taint.get("key", ""), taint.get("effect", ""))
        if key in seen:
            why = "taints must be unique by key and effect pair"
            errors.append(FieldError("Duplicate", f"metadata.taints[{index}]", _go_taint(taint), why))
        seen.add(key)
    for index, text in enumerate(spec.get("podCIDRs", ())):
        errors += cidr(f"spec.podCIDRs[{index}]", text)
    return errors


def _go_taint(taint: Manifest) -> Manifest:
    names = {"Key": "key", "Value": "value", "Effect": "effect"}
    return {**{go: taint.get(name, "") for go, name in names.items()}, "TimeAdded": taint.get("timeAdded")}


def validate_event(event: Manifest) -> list[FieldError]:
    """Everything wrong with an Event."""
    metadata, involved = event["metadata"], event.get("involvedObject", {})
    namespace = involved.get("namespace", "")
    if namespace != metadata.get("namespace", "") and (namespace or metadata.get("namespace") != "default"):
        return [invalid("involvedObject.namespace", namespace, "does not match event.namespace")]
    return object_meta(metadata, path_segment_name, namespaced=True)


def config_map_kept(new: Manifest, old: Manifest) -> list[FieldError]:
    """An immutable ConfigMap stays as it is."""
    return _immutable(new, old, ("data", "binaryData"))


def secret_kept(new: Manifest, old: Manifest) -> list[FieldError]:
    """A Secret's type stays; an immutable one stays whole."""
    errors: list[FieldError] = []
    if new.get("type") != old.get("type"):
        errors.append(invalid("type", new.get("type", ""), "field is immutable"))
    return errors + _immutable(new, old, ("data",))


def _immutable(new: Manifest, old: Manifest, fields: tuple[str, ...]) -> list[FieldError]:
    why = "field is immutable when `immutable` is set"
    if not old.get("immutable"):
        return []
    errors = [] if new.get("immutable") else [forbidden_field("immutable", why)]
    return errors + [forbidden_field(name, why) for name in fields if new.get(name, {}) != old.get(name, {})]


def node_kept(new: Manifest, old: Manifest) -> list[FieldError]:
    """A node's pod ranges and provider id, once set, stay."""
    errors = []
    before, after = old.get("spec", {}), new.get("spec", {})
    if before.get("podCIDRs") and before["podCIDRs"] != after.get("podCIDRs"):
        why = 'node updates may not change podCIDR except from "" to valid'
        errors.append(forbidden_field("spec.podCIDRs", why))
    if before.get("providerID") and before["providerID"] != after.get("providerID"):
        why = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden_field("spec.providerID", why))
    return errors
