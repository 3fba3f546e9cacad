"""The pod-template-hash that ends a ReplicaSet's name."""

import json

from svclab.kube.names import safe_encoded
from svclab.kube.snapshot import Manifest


def fnv32a(data: bytes, state: int = 0x811C9DC5) -> int:
    """The 32-bit FNV-1a hash of some bytes, going on from `state`."""
    for byte in data:
        state = (state ^ byte) * 0x01000193 & 0xFFFFFFFF
    return state


def pod_template_hash(template: Manifest, collisions: int | None = None) -> str:
    """Up to 10 characters that depend on the template and on how often its hash met another's."""
    state = fnv32a(json.dumps(template, sort_keys=True).encode())
    if collisions is not None:
        state = fnv32a(collisions.to_bytes(8, "little"), state)
    return safe_encoded(str(state))


def fnv32(data: bytes) -> int:
    """The 32-bit FNV-1 hash of some bytes."""
    state = 0x811C9DC5
    for byte in data:
        state = state * 0x01000193 & 0xFFFFFFFF ^ byte
    return state
