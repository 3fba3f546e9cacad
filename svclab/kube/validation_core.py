"""What ConfigMaps, Secrets, Namespaces, Nodes, Events and the other small kinds may say.

Source: k8s.io/kubernetes pkg/apis/core/validation of 1.36.
"""

import base64
from ipaddress import ip_network
from typing import Any

from svclab.kube.decoding_json import JsonError, go_kind
from svclab.kube.decoding_json import parse as parse_json
from svclab.kube.selectors import key_problems
from svclab.kube.status import FieldError, forbidden_field, invalid, required
from svclab.kube.validation_addresses import cidr
from svclab.kube.validation_meta import (
    config_key,
    label_name,
    object_meta,
    path_segment_name,
    standard_finalizer,
    subdomain_name,
    wrong,
)
from svclab.kube.validation_scheduling import validate_taint

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
        size += len(base64.b64decode(value))
    return errors + _size("[]", size)


def validate_secret(secret: Manifest) -> list[FieldError]:
    """Everything wrong with a Secret."""
    errors = object_meta(secret["metadata"], subdomain_name, namespaced=True)
    data, type_ = secret.get("data", {}), secret.get("type", "")
    for key in data:
        errors += wrong(f"data[{key}]", key, config_key(key))
    errors += _size("data", sum(len(base64.b64decode(value)) for value in data.values()))
    return errors + _needed_keys(data, type_) + _account_named(secret, type_)


def _needed_keys(data: Manifest, type_: str) -> list[FieldError]:
    errors = []
    for key in _NEEDED_KEYS.get(type_, ()):
        if key not in data or (type_ == "kubernetes.io/ssh-auth" and not data[key]):
            errors.append(required(f"data[{key}]"))
        elif type_.startswith("kubernetes.io/docker") and (why := _not_a_json_object(data[key])):
            errors.append(invalid(f"data[{key}]", "<secret contents redacted>", why))
    if type_ == "kubernetes.io/basic-auth" and not {"username", "password"} & set(data):
        errors += [required("data[username]"), required("data[password]")]
    return errors


def _account_named(secret: Manifest, type_: str) -> list[FieldError]:
    annotated = secret["metadata"].get("annotations", {}).get(_ACCOUNT)
    if type_ != "kubernetes.io/service-account-token" or annotated:
        return []
    return [required(f"metadata.annotations[{_ACCOUNT}]")]


def _not_a_json_object(encoded: str) -> str | None:
    """Go's words for why a secret's bytes are no JSON object."""
    try:
        value = parse_json(base64.b64decode(encoded))
    except JsonError as error:
        return str(error)
    if value is None or isinstance(value, dict):
        return None
    return f"json: cannot unmarshal {go_kind(value)} into Go value of type map[string]interface {{}}"


def _size(field: str, size: int) -> list[FieldError]:
    if size <= _DATA_LIMIT_BYTES:
        return []
    return [FieldError("TooLong", field, detail=f"may not be more than {_DATA_LIMIT_BYTES} bytes")]


def validate_namespace(namespace: Manifest) -> list[FieldError]:
    """Everything wrong with a Namespace."""
    errors = object_meta(namespace["metadata"], label_name, namespaced=False)
    for finalizer in namespace.get("spec", {}).get("finalizers", ()):
        errors += wrong("spec.finalizers", finalizer, key_problems(finalizer))
        errors += standard_finalizer("spec.finalizers", finalizer)
    return errors


def validate_service_account(account: Manifest) -> list[FieldError]:
    """Everything wrong with a ServiceAccount."""
    return object_meta(account["metadata"], subdomain_name, namespaced=True)


def validate_lease(lease: Manifest) -> list[FieldError]:
    """Everything wrong with a Lease."""
    errors = object_meta(lease["metadata"], subdomain_name, namespaced=True)
    return errors + lease_spec(lease.get("spec", {}))


def lease_spec(spec: Manifest) -> list[FieldError]:
    """The part of a Lease that is checked on every write."""
    duration = spec.get("leaseDurationSeconds")
    if duration is None or duration > 0:
        return []
    return [invalid("spec.leaseDurationSeconds", duration, "must be greater than 0")]


def validate_node(node: Manifest) -> list[FieldError]:
    """Everything wrong with a Node."""
    spec = node.get("spec", {})
    return [
        *object_meta(node["metadata"], subdomain_name, namespaced=False),
        *node_taints(spec),
        *_pod_ranges(spec.get("podCIDRs", [])),
    ]


def node_taints(spec: Manifest) -> list[FieldError]:
    """A Node's taints, which the server itself looks for below metadata."""
    errors, seen = [], set[tuple[str, str]]()
    for index, taint in enumerate(spec.get("taints", ())):
        errors += validate_taint(f"metadata.taints[{index}]", taint)
        key = (taint.get("key", ""), taint.get("effect", ""))
        if key in seen:
            why = "taints must be unique by key and effect pair"
            errors.append(FieldError("Duplicate", f"metadata.taints[{index}]", _go_taint(taint), why))
        seen.add(key)
    return errors


def _pod_ranges(ranges: list[str]) -> list[FieldError]:
    errors = []
    for index, text in enumerate(ranges):
        errors += cidr(f"spec.podCIDRs[{index}]", text)
    if not errors and len(ranges) > 1:
        versions = {ip_network(text, strict=False).version for text in ranges}
        if len(versions) < 2 or len(ranges) > 2:
            why = "may specify no more than one CIDR for each IP family"
            errors.append(invalid("spec.podCIDRs", ranges, why))
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
    ranges, given = before.get("podCIDRs", []), after.get("podCIDRs", [])
    if ranges:
        changed = [pair for pair in zip(ranges, given, strict=False) if pair[0] != pair[1]]
        why = 'node updates may not change podCIDR except from "" to valid'
        count = 1 if len(ranges) != len(given) else len(changed)
        errors += [forbidden_field("spec.podCIDRs", why)] * count
    if before.get("providerID") and before["providerID"] != after.get("providerID"):
        why = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden_field("spec.providerID", why))
    return errors
