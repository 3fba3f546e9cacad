"""The objects of one cluster at one resourceVersion, read-only: what an informer's cache holds."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

Manifest = dict[str, Any]
Key = tuple[str, str]  # (namespace, name); namespace "" for cluster-scoped kinds


def key_of(manifest: Manifest) -> Key:
    """(namespace, name) of an object."""
    metadata = manifest["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Snapshot:
    """Objects by kind and key. Manifests are plain JSON dicts and must not be changed by readers.

    `with_` and `without` give a new Snapshot that shares everything else, so a thousand versions are cheap.
    """

    __slots__ = ("_kinds", "resource_version")

    def __init__(self, kinds: Mapping[str, Mapping[Key, Manifest]], resource_version: int = 0) -> None:
        self._kinds = kinds
        self.resource_version = resource_version

    @classmethod
    def of(cls, manifests: Iterable[Manifest], resource_version: int = 0) -> "Snapshot":
        """A Snapshot of these objects, e.g. the items of a `kubectl get -o json` List."""
        kinds: dict[str, dict[Key, Manifest]] = {}
        for manifest in manifests:
            kinds.setdefault(manifest["kind"], {})[key_of(manifest)] = manifest
        return cls(kinds, resource_version)

    def of_kind(self, kind: str) -> Mapping[Key, Manifest]:
        """All objects of a kind by key."""
        return MappingProxyType(self._kinds.get(kind, {}))  # type: ignore[arg-type]

    def kinds(self) -> list[str]:
        """The kinds of which there is, or was, an object."""
        return list(self._kinds)

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """One object, or None. `namespace` is "" for cluster-scoped kinds."""
        return self._kinds.get(kind, {}).get((namespace, name))

    def list(self, kind: str, namespace: str | None = None) -> list[Manifest]:
        """All objects of a kind, of one namespace or of all, in order of key."""
        found = self._kinds.get(kind, {})
        keys = sorted(key for key in found if namespace is None or key[0] == namespace)
        return [found[key] for key in keys]

    def __iter__(self) -> Iterator[Manifest]:
        for kind in sorted(self._kinds):
            yield from self.list(kind)

    def with_(self, manifest: Manifest, resource_version: int | None = None) -> "Snapshot":
        """This snapshot with one object added or replaced."""
        kind = manifest["kind"]
        changed = {**self._kinds.get(kind, {}), key_of(manifest): manifest}
        return self._replaced(kind, changed, resource_version)

    def without(self, kind: str, key: Key, resource_version: int | None = None) -> "Snapshot":
        """This snapshot with one object taken out; unchanged if it was not there."""
        changed = {k: v for k, v in self._kinds.get(kind, {}).items() if k != key}
        return self._replaced(kind, changed, resource_version)

    def _replaced(self, kind: str, changed: dict[Key, Manifest], version: int | None) -> "Snapshot":
        return Snapshot({**self._kinds, kind: changed}, self.resource_version if version is None else version)
