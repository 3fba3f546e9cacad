"""The API server: one function from request to answer. It knows no HTTP library; kubectl and the page's
terminal come in through the same door."""

from collections.abc import Callable

from svclab.apiserver import (
    access,
    discovery,
    openapi,
    patches,
    reads,
    requestlog,
    reviews,
    subresources,
    writes,
)
from svclab.apiserver.logs import LogFollow
from svclab.apiserver.messages import ApiRequest, ApiResponse
from svclab.apiserver.options import check_timeout
from svclab.apiserver.routing import NotAResource, Target, route
from svclab.apiserver.watch import Watch
from svclab.cluster import settle
from svclab.cluster.look import Look
from svclab.cluster.store import ClusterHandle
from svclab.kube.admission_warnings import DEPRECATED_KINDS
from svclab.kube.status import Refusal, bad_request, go_quote, method_not_allowed
from svclab.kube.validation_meta import path_segment_name

__all__ = ["Answer", "ApiRequest", "ApiResponse", "Followed", "Watch", "handle", "handle_at_once"]

Followed = Watch | LogFollow  # what goes on after its first answer
Answer = ApiResponse | Followed
Handler = Callable[[ClusterHandle, ApiRequest, Target, list[str]], Answer]

_ON_COLLECTION: dict[str, tuple[str, Handler]] = {
    "GET": ("list", reads.collection),
    "POST": ("create", writes.create),
    "DELETE": ("deletecollection", writes.delete_collection),
}
_ON_OBJECT: dict[str, tuple[str, Handler]] = {
    "GET": ("get", reads.get),
    "PUT": ("update", writes.update),
    "PATCH": ("patch", patches.patch),
    "DELETE": ("delete", writes.delete),
}

_SHORT_LIST = 50  # objects


def handle(cluster: ClusterHandle, request: ApiRequest) -> Answer:
    """Answer a request. Time passes first: what controllers owe the cluster is done before anybody looks.

    Never raises Refusal: refusals are answers. A Watch (or a followed log) is to be served by the caller.
    """
    settle.advance(cluster)
    try:
        answer = _handle(cluster, request)
    except Refusal as refusal:
        answer = _refused(refusal)
    except RecursionError:
        answer = _refused(bad_request("the object is nested too deeply"))
    requestlog.report(cluster, request, answer)
    return answer


def handle_at_once(cluster: Look, request: ApiRequest) -> ApiResponse | None:
    """The answer to a GET that memory answers in well under 10 ms, for callers that must not wait.

    None for everything else: writes, watches, Tables (their ages are worked out), selections, long lists,
    and Leases, which a look renews.
    """
    if request.method != "GET" or request.query or "as=" in request.headers.get("accept", ""):
        return None
    try:
        target = route(request.path)
    except (NotAResource, Refusal):
        return None
    if target.resource.kind == "Lease":
        return None
    if target.subresource is not None or len(cluster.snapshot().of_kind(target.resource.kind)) > _SHORT_LIST:
        return None
    try:
        answer = _handle(cluster, request, target)
    except Refusal as refusal:
        answer = _refused(refusal)
    assert isinstance(answer, ApiResponse)
    requestlog.report(cluster, request, answer)
    return answer


def _refused(refusal: Refusal) -> ApiResponse:
    answer = ApiResponse.of(refusal.code, refusal.status, refusal.warnings)
    answer.headers.update(refusal.headers)
    return answer


def _handle(cluster: ClusterHandle, request: ApiRequest, target: Target | None = None) -> Answer:
    """The answer. `target`: what the path leads to, where that is known already."""
    request = access.authenticated(request)
    check_timeout(request)
    if target is None:
        found = _answer_or_target(request)
        if not isinstance(found, Target):
            return found
        target = found
    access.check(request, target)
    if problems := path_segment_name(target.name):
        raise bad_request(f"Name parameter invalid: {go_quote(target.name)}: {';'.join(problems)}")
    warnings = [told] if (told := DEPRECATED_KINDS.get(target.resource.kind)) else []
    try:
        return _verb(request, target)(cluster, request, target, warnings)
    except Refusal as refusal:
        refusal.warnings = [*warnings, *refusal.warnings]
        raise


def _answer_or_target(request: ApiRequest) -> ApiResponse | Target:
    """What the server tells of itself under a path, or the resource that it leads to."""
    if (told := discovery.answer(request)) is not None:
        return told
    if request.path.startswith("/openapi/") and (document := openapi.answer(request)) is not None:
        access.check_discovery(request)
        return document
    try:
        return route(request.path)
    except NotAResource:
        access.check_path(request)
        return ApiResponse.text(404, "404 page not found\n")
    except Refusal:
        access.check_path(request)
        raise


def _verb(request: ApiRequest, target: Target) -> Handler:
    """Who answers this method here. Raises Refusal (405)."""
    if target.subresource is not None:
        return subresources.handler(request, target)
    if target.resource.group.startswith("auth"):
        return reviews.handler(request, target)
    rows = _ON_OBJECT if target.name and not target.watched else _ON_COLLECTION
    verb, handler = rows.get(request.method, ("", None))
    if handler is None or verb not in target.resource.verbs:
        raise method_not_allowed()
    if request.method != "GET" and target.resource.namespaced and not target.namespace:
        raise method_not_allowed()
    return subresources.bind if target.resource.kind == "Binding" else handler
