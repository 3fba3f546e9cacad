"""How the store says no: as the API server's own Refusals, and two answers that are about no object."""

from svclab.kube import status
from svclab.kube.resources import Resource, by_kind
from svclab.kube.status import Refusal


class StoreError(Exception):
    """The root of what is wrong with the request to the store itself."""


class NoSuchCluster(StoreError):
    """There is no cluster of this id (or secret)."""


class Full(StoreError):
    """This server holds as many clusters as it may."""


class Expired(StoreError):
    """The log no longer reaches back to this resourceVersion (410 Expired)."""

    def __init__(self, version: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {version} ({oldest})")
        self.version, self.oldest = version, oldest


def not_found(kind: str, name: str) -> Refusal:
    """404: the object to update or delete is not there."""
    return status.not_found(resource_of(kind), name)


def already_exists(kind: str, name: str) -> Refusal:
    """409: an object of this kind, namespace and name is there already."""
    return status.already_exists(resource_of(kind), name)


def conflict(kind: str, name: str) -> Refusal:
    """409: the resourceVersion given is not the stored one."""
    return status.conflict(resource_of(kind), name)


def other_uid(kind: str, name: str, given: str, stored: str) -> Refusal:
    """409: the object of this name is another one than the caller means."""
    resource = resource_of(kind)
    why = f"Precondition failed: UID in precondition: {given}, UID in object meta: {stored}"
    return status.conflict_because(resource.qualified, name, why, _details(resource))


def taken(kind: str, name: str) -> Refusal:
    """409: another process's write was faster; the database's own constraint said so."""
    resource = resource_of(kind)
    why = "its name, IP or node port was just allocated by another request; please try again"
    return status.conflict_because(resource.qualified, name, why, _details(resource))


def over_quota(kind: str, name: str, why: str) -> Refusal:
    """403: the learner's quota is used up."""
    return status.forbidden(resource_of(kind), name, why)


def _details(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "kind": resource.plural}


def resource_of(kind: str) -> Resource:
    """The API resource of a kind. Raises ValueError for a kind that is none."""
    resource = by_kind(kind)
    if resource is None:
        raise ValueError(f"{kind} is no kind of this API")
    return resource
