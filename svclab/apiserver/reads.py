"""GET: one object, a list of them, or a watch; as objects, Tables or metadata alone."""

import contextlib
from collections.abc import Callable
from typing import Any

from svclab.apiserver.messages import JSON_TYPE, ApiRequest, ApiResponse, encoded
from svclab.apiserver.negotiation import (
    PLAIN,
    Format,
    answer,
    answer_format,
    check_stream,
    not_acceptable,
)
from svclab.apiserver.options import ListOptions, continue_token, list_options, too_new, version_number
from svclab.apiserver.routing import Target
from svclab.apiserver.watch import Watch
from svclab.cluster import leases
from svclab.cluster.errors import Expired
from svclab.cluster.store import ClusterHandle
from svclab.kube import printing, selectors
from svclab.kube.decoding import internal_type
from svclab.kube.resources import Resource
from svclab.kube.snapshot import Manifest, key_of
from svclab.kube.status import Refusal, bad_request, expired, invalid, not_found

_META = "meta.k8s.io/v1"
_CONTINUE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new "
    "list without the continue parameter, or use the continue token in this response to retrieve the "
    "remainder of the results. Continuing with the provided token results in an inconsistent list - "
    "objects that were created, modified, or deleted between the time the first chunk was returned and "
    "now may show up in the list."
)
_MOST_TEXTS = 4096
_texts: dict[tuple[int, str, str], tuple[Manifest, bytes]] = {}


def shown(resource: Resource, manifest: Manifest) -> Manifest:
    """An object as the API shows it: kind and apiVersion first, those of the group that was asked."""
    rest = {key: value for key, value in manifest.items() if key not in ("kind", "apiVersion")}
    if resource.kind == "Event" and resource.group:
        rest = _as_new_event(rest)
    return {"kind": resource.kind, "apiVersion": resource.api_version, **rest}


_NEW_EVENT_FIELDS = {
    "involvedObject": "regarding", "message": "note", "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp", "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount", "reportingComponent": "reportingController",
}  # fmt: skip


def _as_new_event(event: Manifest) -> Manifest:
    """A v1 Event in the words of events.k8s.io."""
    return {_NEW_EVENT_FIELDS.get(key, key): value for key, value in event.items()}


# ---- as text ----


def _object_text(resource: Resource, manifest: Manifest) -> bytes:
    return _once(resource, manifest, "object", lambda: encoded(shown(resource, manifest)))


def _list_text(resource: Resource, page: list[Manifest], metadata: dict[str, Any]) -> bytes:
    """A list in JSON, made of its items' texts."""
    kind = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata}
    items = b",".join(_once(resource, m, "item", lambda m=m: encoded(_item(resource, m))[:-1]) for m in page)
    return encoded(kind)[:-2] + b',"items":[' + items + b"]}\n"


def _item(resource: Resource, manifest: Manifest) -> Manifest:
    return {k: v for k, v in shown(resource, manifest).items() if k not in ("kind", "apiVersion")}


def _once(resource: Resource, manifest: Manifest, form: str, encode: Callable[[], bytes]) -> bytes:
    """The text of an object, made once as long as it stays as it is: a stored manifest never changes."""
    key = (id(manifest), resource.api_version, form)
    known = _texts.get(key)
    if known is not None and known[0] is manifest:
        return known[1]
    text = encode()
    _texts[key] = (manifest, text)  # the manifest is kept too, so that its id remains its own
    while len(_texts) > _MOST_TEXTS:
        with contextlib.suppress(KeyError, StopIteration, RuntimeError):  # another thread was first
            del _texts[next(iter(_texts))]
    return text


# ---- answering ----


def find(cluster: ClusterHandle, target: Target) -> Manifest:
    """The object that a target names. Raises Refusal (404)."""
    found = cluster.snapshot().get(target.resource.kind, target.namespace, target.name)
    if found is None:
        raise not_found(target.resource, target.name)
    return found


def get(cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]) -> ApiResponse:
    """GET of one object."""
    format_ = answer_format(request)
    if target.resource.kind == "Lease":
        leases.renew(cluster)
    check_version(cluster, version_number(request.parameter("resourceVersion"), watch=True))
    manifest = find(cluster, target)
    if format_ == PLAIN:
        body = _object_text(target.resource, manifest)
        return ApiResponse(200, {"Content-Type": JSON_TYPE}, body, warnings)
    return answer(format_, 200, in_format(cluster, request, target.resource, manifest, format_), warnings)


def check_version(cluster: ClusterHandle, version: int | None) -> None:
    """What a client has seen cannot be newer than what there is. Raises Refusal (504)."""
    current = cluster.snapshot().resource_version
    if version is not None and version > current:
        raise too_new(version, current)


def in_format(
    cluster: ClusterHandle, request: ApiRequest, resource: Resource, manifest: Manifest, format_: Format
) -> Manifest:
    """One object as the client wants it: itself, its metadata, or a Table of one row."""
    if format_.as_kind == "Table":
        metadata = {"resourceVersion": manifest["metadata"].get("resourceVersion", "")}
        return printing.table(resource, [manifest], cluster.now(), include(request), metadata=metadata)
    if format_.as_kind == "PartialObjectMetadataList":
        raise not_acceptable(format_, f"is not a list (*{internal_type(resource)})")
    if format_.as_kind:
        return partial(manifest)
    return shown(resource, manifest)


def include(request: ApiRequest) -> str:
    """What a Table's rows carry besides cells. Raises Refusal (400)."""
    value = request.parameter("includeObject") or "Metadata"
    if value not in ("Metadata", "Object", "None"):
        error = invalid("includeObject", value, "must be 'Metadata', 'Object', 'None', or empty")
        raise bad_request(f"Unable to convert to Table as requested: {error}")
    return value


def partial(manifest: Manifest) -> Manifest:
    """An object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": manifest["metadata"]}


def collection(
    cluster: ClusterHandle, request: ApiRequest, target: Target, warnings: list[str]
) -> ApiResponse | Watch:
    """GET of a collection: a list, or with `watch` a Watch."""
    format_ = answer_format(request, watchable=True)
    options = list_options(request)
    chosen = selection(target, options)
    if target.resource.kind == "Lease":
        leases.renew(cluster)
    version = version_number(options.resource_version, watch=options.watch)
    if options.watch:
        check_stream(format_)
        return Watch(cluster, request, target.resource, format_, options, version, chosen, warnings)
    check_version(cluster, version)
    state, of = _state(cluster, target.resource.kind, options, version or 0)
    found = sorted(filter(chosen, state), key=_page_key)
    page, metadata = _page(found, options, of)
    if format_ == PLAIN:
        body = _list_text(target.resource, page, metadata)
        return ApiResponse(200, {"Content-Type": JSON_TYPE}, body, warnings)
    return answer(format_, 200, _listed(cluster, request, target.resource, page, metadata, format_), warnings)


def _state(
    cluster: ClusterHandle, kind: str, options: ListOptions, version: int
) -> tuple[list[Manifest], int]:
    """The objects of a kind and the version that they are of: the latest, unless a client wants another.

    Raises Refusal (410) for one that nobody remembers.
    """
    snapshot = cluster.snapshot()
    wanted = options.start_version or (version if options.exact else 0)
    if not 0 < wanted < snapshot.resource_version:
        return list(snapshot.list(kind)), snapshot.resource_version
    try:
        since = cluster.events_since(wanted)
    except Expired:
        raise _too_old(options) from None
    found = {key_of(manifest): manifest for manifest in snapshot.list(kind)}
    for entry in reversed(since):
        if entry.object["kind"] != kind:
            continue
        if entry.type == "ADDED":
            found.pop(key_of(entry.object), None)
        elif entry.previous is None:
            raise _too_old(options)
        else:
            found[key_of(entry.object)] = entry.previous
    return list(found.values()), wanted


def _too_old(options: ListOptions) -> Refusal:
    if not options.start_version:
        return expired("The resourceVersion for the provided list is too old.")
    refusal = expired(_CONTINUE_EXPIRED)
    refusal.status["metadata"] = {"continue": continue_token(-1, options.start)}
    return refusal


def selection(target: Target, options: ListOptions) -> Callable[[Manifest], bool]:
    """Which objects a request is about: by namespace, name and selectors. Raises Refusal (400)."""
    try:
        by_label = selectors.label_selector(options.label_selector)
        by_field = selectors.field_selector(options.field_selector, target.resource.kind)
    except selectors.SelectorError as error:
        raise bad_request(str(error)) from None

    def chosen(manifest: Manifest) -> bool:
        namespace, name = key_of(manifest)
        return (
            target.namespace in ("", namespace)
            and target.name in ("", name)
            and by_label(manifest)
            and by_field(manifest)
        )

    return chosen


def _page(found: list[Manifest], options: ListOptions, version: int) -> tuple[list[Manifest], dict[str, Any]]:
    """The part of a list that `limit` and `continue` ask for, and the list's metadata."""
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if options.start:
        found = [manifest for manifest in found if _page_key(manifest) > options.start]
    if options.limit <= 0 or len(found) <= options.limit:
        return found, metadata
    page = found[: options.limit]
    metadata["continue"] = continue_token(version, _page_key(page[-1]))
    if not options.label_selector and not options.field_selector:
        metadata["remainingItemCount"] = len(found) - len(page)
    return page, metadata


def _page_key(manifest: Manifest) -> str:
    """Where an object stands in lists and pages: etcd's keys, in which "a-b/x" comes before "a/x"."""
    return "/".join(part for part in key_of(manifest) if part)


def _listed(
    cluster: ClusterHandle,
    request: ApiRequest,
    resource: Resource,
    page: list[Manifest],
    metadata: dict[str, Any],
    format_: Format,
) -> Manifest:
    if format_.as_kind == "Table":
        return printing.table(resource, page, cluster.now(), include(request), metadata=metadata)
    if format_.as_kind == "PartialObjectMetadata":
        raise not_acceptable(format_, f"is a list (*{internal_type(resource)}List)")
    if format_.as_kind:
        items = [partial(manifest) for manifest in page]
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": _META,
            "metadata": metadata,
            "items": items,
        }
    kind = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
    items = [_item(resource, manifest) for manifest in page]
    return {**kind, "metadata": metadata, "items": items}
