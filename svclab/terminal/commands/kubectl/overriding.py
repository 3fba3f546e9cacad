"""`--overrides` of `run` and `expose`: JSON that is laid over a generated object."""

import json
from typing import Any

from svclab.kube.patch import PatchError, json_patch, merge_patch, strategic_merge
from svclab.terminal.commands.kubectl.errors import KubectlError

Manifest = dict[str, Any]

_NOT_AN_OBJECT = (
    "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct "
    '{{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }}'
)


def overridden(manifest: Manifest, overrides: str, kind: str) -> Manifest:
    """The object with --overrides laid over it, as a --override-type (json, merge or strategic).

    Raises KubectlError for text that is no such patch.
    """
    if not overrides:
        return manifest
    if kind not in ("json", "merge", "strategic"):
        raise KubectlError(f"invalid override type: {kind}")
    try:
        patch = json.loads(overrides)
    except ValueError:
        raise KubectlError("Invalid JSON Patch") from None
    try:
        if kind == "json":
            return json_patch(manifest, patch)
        if not isinstance(patch, dict):
            raise KubectlError(_NOT_AN_OBJECT.format("array" if isinstance(patch, list) else "value"))
        if kind == "strategic":
            return strategic_merge(manifest["kind"], manifest, patch)
        return merge_patch(manifest, patch)
    except PatchError as problem:
        raise KubectlError(str(problem)) from None
