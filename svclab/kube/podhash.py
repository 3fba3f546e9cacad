"""Hashes in names: the pod-template-hash of a ReplicaSet, the revision of a StatefulSet; and the hashes by
which lists of ports are sorted.

Source: kube-controller-manager 1.36, pkg/controller/controller_utils.go (ComputeHash), pkg/controller/history
and pkg/api/v1/endpoints, k8s.io/endpointslice/util; compared with recordings of real clusters.
"""

import json
from functools import lru_cache

from svclab.kube.gostructs import printed
from svclab.kube.names import safe_encoded
from svclab.kube.snapshot import Manifest

_OFFSET, _PRIME, _WORD = 0x811C9DC5, 0x01000193, 0xFFFFFFFF
_LONG_OFFSET, _LONG_PRIME = 0x6C62272E07BB014262B821756295C58D, (1 << 88) + 0x13B
_LONG_WORD = (1 << 128) - 1


def fnv32a(data: bytes, state: int = _OFFSET) -> int:
    """The 32-bit FNV-1a hash of some bytes, going on from `state`."""
    for byte in data:
        state = (state ^ byte) * _PRIME & _WORD
    return state


def fnv32(data: bytes) -> int:
    """The 32-bit FNV-1 hash of some bytes."""
    state = _OFFSET
    for byte in data:
        state = state * _PRIME & _WORD ^ byte
    return state


def fnv128a(data: bytes) -> int:
    """The 128-bit FNV-1a hash of some bytes."""
    state = _LONG_OFFSET
    for byte in data:
        state = (state ^ byte) * _LONG_PRIME & _LONG_WORD
    return state


@lru_cache(maxsize=4096)
def slice_port_hash(name: str, protocol: str, port: int, app_protocol: str) -> int:
    """By which the ports of an EndpointSlice are sorted."""
    fields = {"name": name, "protocol": protocol, "port": port, "appProtocol": app_protocol or None}
    return fnv128a(f"(v1.EndpointPort){printed(fields, 'SliceEndpointPort')}".encode())


def endpoints_port_hash(port: Manifest) -> int:
    """By which the ports of a subset of Endpoints are sorted."""
    return fnv128a(f"(v1.EndpointPort){printed(port, 'EndpointPort')}".encode())


def pod_template_hash(template: Manifest, collisions: int | None = None) -> str:
    """Up to 10 characters that depend on the template and on how often its hash met another's."""
    state = fnv32a(f"(v1.PodTemplateSpec){printed(template, 'PodTemplateSpec')}".encode())
    if collisions is not None:
        state = fnv32a(collisions.to_bytes(8, "little"), state)
    return safe_encoded(str(state))


def controller_revision_hash(template: Manifest, collisions: int = 0) -> str:
    """The hash in the name of a StatefulSet's revision: of the template as a patch in Go's JSON."""
    patch = {"spec": {"template": {**template, "$patch": "replace"}}}
    text = json.dumps(patch, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":  # which Go's encoder escapes
        text = text.replace(character, f"\\u{ord(character):04x}")
    return safe_encoded(str(fnv32(f"{text}{collisions}".encode())))
