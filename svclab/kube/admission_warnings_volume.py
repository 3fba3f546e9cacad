"""Warnings about files of a volume that get in each other's way.

Source: warningsForOverlappingVirtualPaths of k8s.io/kubernetes pkg/api/pod/warnings.go, 1.34 and later.
"""

from collections.abc import Iterator
from typing import Any

from svclab.kube.status import go_quote

Manifest = dict[str, Any]
_Path = tuple[str, str]  # and the source that it comes from, "" where there is but one

_CERTIFICATE = (
    ("certificateChainPath", "PodCertificate chain"),
    ("keyPath", "PodCertificate key"),
    ("credentialBundlePath", "PodCertificate credential bundle"),
)


def overlap_warnings(volumes: list[Manifest]) -> Iterator[str]:
    """Of config maps, secrets, the downward API and projections."""
    for volume in volumes:
        name = go_quote(volume.get("name", ""))
        for source, title in _sources(volume):
            paths = [(item.get("path", ""), "") for item in source.get("items") or ()]
            for overlap in _overlaps(paths):
                yield f"volume {name} ({title}): overlapping paths: {overlap}"
        sources = volume.get("projected", {}).get("sources") or ()
        for _ in (source for source in sources if not source):
            yield f"volume {name} (Projected) has no sources provided"
        for overlap in _overlaps([path for source in sources for path in _projected(source)]):
            yield f"volume {name} (Projected): overlapping paths: {overlap}"


def _sources(volume: Manifest) -> Iterator[tuple[Manifest, str]]:
    if source := volume.get("configMap"):
        yield source, f"ConfigMap {go_quote(source.get('name', ''))}"
    if source := volume.get("secret"):
        yield source, f"Secret {go_quote(source.get('secretName', ''))}"
    if source := volume.get("downwardAPI"):
        yield source, "DownwardAPI"


def _projected(source: Manifest) -> list[_Path]:
    for field, title in (("configMap", "ConfigMap"), ("secret", "Secret"), ("downwardAPI", "DownwardAPI")):
        items = source.get(field, {}).get("items")
        if items:
            named = title if field == "downwardAPI" else f"{title} {go_quote(source[field].get('name', ''))}"
            return [(item.get("path", ""), named) for item in items]
    if token := source.get("serviceAccountToken"):
        return [(token.get("path", ""), "ServiceAccountToken")]
    if bundle := source.get("clusterTrustBundle"):
        name = bundle.get("name") or bundle.get("signerName", "")
        return [(bundle.get("path", ""), f"ClusterTrustBundle {go_quote(name)}")]
    certificate = source.get("podCertificate", {})
    return [(certificate[field], title) for field, title in _CERTIFICATE if certificate.get(field)]


def _overlaps(paths: list[_Path]) -> Iterator[str]:
    """Each path with each before it that is the same, or a directory of it, or in it."""
    seen: list[_Path] = []
    for path, source in paths:
        needle = path.rstrip("/")
        for other, origin in seen:
            if not needle or not other:
                continue
            if f"{other}/".startswith(f"{needle}/") or f"{needle}/".startswith(f"{other}/"):
                yield f"{_shown(needle, source)} with {_shown(other, origin)}"
        seen.append((needle, source))


def _shown(path: str, source: str) -> str:
    return f"{go_quote(path)} ({source})" if source else go_quote(path)
