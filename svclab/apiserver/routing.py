"""Which resource a URL means: /api/v1/namespaces/NS/pods/NAME/log and its shorter forms."""

from dataclasses import dataclass, replace
from urllib.parse import unquote

from svclab.kube.resources import Resource, Subresource, by_plural, group_versions
from svclab.kube.status import unknown_path


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about: a collection (no name), an object, or something below an object."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: Subresource | None = None
    tail: str = ""  # what follows a proxy subresource
    watched: bool = False  # by the old paths below `watch/`


@dataclass(frozen=True, slots=True)
class Asked:
    """What a path names, whether or not there is such a thing; so authorization sees it."""

    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def qualified(self) -> str:
        """The resource with its group."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


class NotAResource(Exception):
    """The path lies outside of the groups that are served: not even a Status answers it."""


def route(path: str) -> Target:
    """The target of an API path.

    Raises NotAResource for a group nobody knows, Refusal (404) for a resource or version within a known one.
    """
    parts = unquote(path).strip("/").split("/")
    if parts[0] == "api":
        group, rest = "", parts[1:]
    elif parts[0] == "apis" and len(parts) > 1:
        group, rest = parts[1], parts[2:]
    else:
        raise NotAResource(path)
    known = dict(group_versions())
    if group not in known:
        raise NotAResource(path)
    version, rest = "".join(rest[:1]), rest[1:]
    if version not in known[group] or not rest:
        raise unknown_path()
    if rest[0] == "watch":
        return replace(_resource_target(group, version, rest[1:] or [""]), watched=True)
    return _resource_target(group, version, rest)


def asked(path: str) -> Asked | None:
    """The resource that a path names; None for a path of another form."""
    parts = unquote(path).strip("/").split("/")
    prefix = {"api": 1, "apis": 2}.get(parts[0], len(parts))
    group, parts = (parts[1] if prefix == 2 and len(parts) > 1 else ""), parts[prefix + 1 :]
    if parts[:1] == ["watch"]:
        parts = parts[1:]
    namespace = parts[1] if parts[:1] == ["namespaces"] and len(parts) > 1 else ""
    if namespace and len(parts) > 2 and parts[2] not in ("status", "finalize"):
        parts = parts[2:]
    if not parts or not parts[0]:
        return None
    return Asked(group, parts[0], namespace, "".join(parts[1:2]), "".join(parts[2:3]))


def _resource_target(group: str, version: str, parts: list[str]) -> Target:
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
        namespace, parts = parts[1], parts[2:]
    resource = by_plural(group, version, parts[0])
    if resource is None or (namespace and not resource.namespaced):
        raise unknown_path()
    name = parts[1] if len(parts) > 1 else ""
    if name and resource.namespaced and not namespace:
        raise unknown_path()
    if len(parts) < 3:
        return Target(resource, namespace, name)
    subresource = resource.subresource(parts[2])
    tail = "/".join(parts[3:])
    if subresource is None or (tail and subresource.name != "proxy"):
        raise unknown_path()
    return Target(resource, namespace, name, subresource, tail)
