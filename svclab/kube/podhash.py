"""Hashes in names: the pod-template-hash of a ReplicaSet, the revision of a StatefulSet.

Source: kube-controller-manager 1.36, pkg/controller/controller_utils.go (ComputeHash) and
pkg/controller/history; compared with the names in recordings of real clusters.
"""

import json

from svclab.kube.gostructs import printed
from svclab.kube.names import safe_encoded
from svclab.kube.snapshot import Manifest

_OFFSET, _PRIME, _WORD = 0x811C9DC5, 0x01000193, 0xFFFFFFFF


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
