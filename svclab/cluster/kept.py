"""Grown seeds on disk, so that a server's first visitor need not wait for one to grow.

`manage.py prepare` writes them; they are good as long as the code and the seed files are the same. Nothing
here imports what grows a seed: looking whether one is kept must be cheap.
"""

import json
import os
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings

_SVCLAB = Path(__file__).resolve().parent.parent
_MAKES_SEEDS = ("cluster", "kube", "linux", "dns")  # packages whose code and data a grown seed depends on


@cache
def fingerprint() -> str:
    """Changes when any file that a seed grows from does (name, size or time)."""
    digest = sha256()
    for package in _MAKES_SEEDS:
        for folder, _, names in sorted(os.walk(_SVCLAB / package)):  # pathlib takes five times as long
            for path in sorted(f"{folder}/{name}" for name in names if name.endswith((".py", ".yaml"))):
                status = os.stat(path)  # noqa: PTH116 (likewise)
                digest.update(f"{path}{status.st_size}{status.st_mtime_ns}".encode())
    return digest.hexdigest()


def load(name: str, flavour: str) -> dict[str, Any] | None:
    """The fields of a kept seed; None where there is none of this code."""
    try:
        document = json.loads(_path(name, flavour).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.pop("fingerprint", "") != fingerprint():
        return None
    return document


def keep(name: str, flavour: str, fields: dict[str, Any]) -> None:
    """Write a seed down; whoever reads meanwhile sees the old one or the new one."""
    path = _path(name, flavour)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"fingerprint": fingerprint(), **fields}))
    draft.replace(path)


def _path(name: str, flavour: str) -> Path:
    return Path(settings.VAR_DIR) / "seeds" / f"{name}-{flavour}.json"
