"""`kubectl events`: what happened, the latest last."""

from datetime import UTC, datetime
from typing import Any

from svclab.kube.meta import age, moment
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import resource_of, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.describe_writer import last_seen
from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.go_sort import go_sorted
from svclab.terminal.commands.kubectl.output import print_document, split_format, without_managed_fields
from svclab.terminal.commands.kubectl.tabwriter import TableWriter
from svclab.terminal.commands.kubectl.typed import as_typed
from svclab.terminal.commands.kubectl.verbs import verb

Manifest = dict[str, Any]

_EVER = datetime.min.replace(tzinfo=UTC)


@verb(
    "events",
    flags=(
        verbs.ALL_NAMESPACES,
        verbs.OUTPUT,
        verbs.TEMPLATE,
        verbs.ALLOW_MISSING,
        verbs.SHOW_MANAGED_FIELDS,
        Flag("for", help="only about this object, kind/name"),
        Flag("types", "strings", help="Normal or Warning"),
        Flag("watch", "bool", short="w", help="go on as events come"),
        Flag("no-headers", "bool", help="leave the line with column names out"),
        Flag("chunk-size", "int", default=500, help="objects in one answer of the server"),
    ),
    usage="events [(-o|--output=)json|yaml|...] [--for TYPE/NAME] [--watch] [options]",
    summary="List events",
)
def events(client: Client, flags: Parsed) -> int:
    """Show events, oldest first."""
    path, query = _collection(client, flags)
    listed = client.get(path, [*query, ("limit", "500")])
    found = [event for event in listed.get("items") or [] if _is_wanted(event, flags["types"])]
    found = go_sorted(found, lambda one, other: _time(one) < _time(other))
    if flags["output"]:
        _print_list(client, flags, found)
        return 0
    if not found and not flags["watch"]:
        where = "" if flags["all-namespaces"] else f" in {client.namespace} namespace"
        client.note(f"No events found{where}.")
        return 0
    writer, headers = TableWriter(), [] if flags["no-headers"] else [_headers(flags)]
    client.context.stdout.write(
        writer.format(headers + [_event_row(client, flags, event) for event in found])
    )
    if flags["watch"]:
        version = listed["metadata"].get("resourceVersion", "")
        for news in client.watch(path, [*query, ("resourceVersion", version)]):
            if news["type"] in ("ADDED", "MODIFIED") and _is_wanted(news["object"], flags["types"]):
                client.context.stdout.write(writer.format([_event_row(client, flags, news["object"])]))
    return 0


def _collection(client: Client, flags: Parsed) -> tuple[str, list[tuple[str, str]]]:
    """Where the events are, and the query for those about one object."""
    if flags["for"] and "/" not in flags["for"]:
        raise KubectlError("--for must be in resource/name form")
    if any(name.lower() not in ("normal", "warning") for name in flags["types"]):
        raise KubectlError("valid --types are Normal or Warning")
    path = resource_of("events").path("" if flags["all-namespaces"] else client.namespace)
    if not flags["for"]:
        return path, []
    try:
        about = targets(client, [flags["for"]])[0]
    except KubectlError as problem:
        raise KubectlError(problem.text, bare=True) from None
    fields = f"involvedObject.kind={about.resource.kind},involvedObject.name={about.name}"
    return path, [("fieldSelector", fields)]


def _print_list(client: Client, flags: Parsed, found: list[Manifest]) -> None:
    head = {"apiVersion": "v1", "kind": "Event"}
    items = [without_managed_fields({**head, **event}) for event in found]
    whole = {"apiVersion": "v1", "items": items, "kind": "EventList", "metadata": {}}
    form, _ = split_format(flags["output"], flags["template"])
    if form == "name":
        return  # the list itself has no name, and the printer does not look into it
    print_document(client, as_typed(whole), flags["output"], flags["template"], sort_keys=False)


def _time(event: Manifest) -> datetime:
    return moment(last_seen(event) or None) or _EVER


def _is_wanted(event: Manifest, types: list[str]) -> bool:
    return not types or event.get("type", "").lower() in [name.lower() for name in types]


def _headers(flags: Parsed) -> list[str]:
    before = ["NAMESPACE"] if flags["all-namespaces"] else []
    return [*before, "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]


def _event_row(client: Client, flags: Parsed, event: Manifest) -> list[str]:
    involved = event.get("involvedObject") or {}
    now, first = client.context.now(), event.get("firstTimestamp") or event.get("eventTime")
    seen = age(last_seen(event) or first, now)
    count = (event.get("series") or {}).get("count") or event.get("count") or 1
    if count > 1:
        seen = f"{seen} (x{count} over {age(first, now)})"
    before = [event["metadata"].get("namespace", "")] if flags["all-namespaces"] else []
    subject = f"{involved.get('kind', '')}/{involved.get('name', '')}"
    return [
        *before,
        seen,
        event.get("type", ""),
        event.get("reason", ""),
        subject,
        event.get("message", "").strip(),
    ]
