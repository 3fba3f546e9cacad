"""`kubectl get`: tables and documents of objects, once or as they change."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from svclab.kube import jsonpath
from svclab.kube.meta import age
from svclab.kube.resources import Resource
from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import Target, file_objects, named_files, targets
from svclab.terminal.commands.kubectl.client import JSON, TABLE, Client, unlisted
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all, status_in
from svclab.terminal.commands.kubectl.flags import Flag, Parsed, duration
from svclab.terminal.commands.kubectl.output import (
    FORMATS_OF_GET,
    as_list,
    go_quoted,
    print_document,
    split_format,
)
from svclab.terminal.commands.kubectl.sorting import Unsortable, sorted_by
from svclab.terminal.commands.kubectl.table import TablePrinter, TableStyle
from svclab.terminal.commands.kubectl.verbs import verb

Manifest = dict[str, Any]

_NO_RESOURCE = (
    'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of '
    "supported "
    'resources.\n\nerror: Required resource not specified.\nUse "kubectl explain <resource>" for a detailed '
    "description of that resource (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples"
)
_FLAGS = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.KUSTOMIZE,
    verbs.OUTPUT,
    verbs.SELECTOR,
    verbs.FIELD_SELECTOR,
    verbs.ALL_NAMESPACES,
    verbs.TEMPLATE,
    verbs.ALLOW_MISSING,
    verbs.SHOW_MANAGED_FIELDS,
    Flag("watch", "bool", short="w", help="after listing, watch for changes"),
    Flag("watch-only", "bool", help="watch for changes without listing first"),
    Flag("output-watch-events", "bool", help="with -w, show what happened to each object"),
    Flag("no-headers", "bool", help="leave the line with column names out"),
    Flag("show-labels", "bool", help="show all labels in a last column"),
    Flag("show-kind", "bool", help="show the kind with each name"),
    Flag("label-columns", "strings", short="L", help="labels to show as columns"),
    Flag("sort-by", help="order by this field, a JSONPath such as .metadata.name"),
    Flag("ignore-not-found", "bool", help="a missing object is no error"),
    Flag("chunk-size", "int", default=500, help="objects in one answer of the server"),
    Flag("server-print", "bool", default=True, help="let the server make the table"),
    Flag("subresource", help="read this subresource: status or scale"),
    Flag("raw", help="read this path and print it as it is"),
)


@verb(
    "get",
    flags=_FLAGS,
    usage="get [(-o|--output=)FORMAT] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE/NAME ...) [options]",
    summary="Show one or many objects",
    examples=(
        "kubectl get pods -o wide",
        "kubectl get svc,endpoints web",
        "kubectl get pods -A -l app=web -w",
    ),
)
def get(client: Client, flags: Parsed) -> int:
    """Show objects."""
    if flags["raw"]:
        _refuse_beside_raw(flags)
        response = client.ask("GET", flags["raw"])
        text = response.body.decode()
        if response.status >= 400:
            raise ApiError(status_in(text))
        client.context.stdout.write(text)
        return 0
    form, _ = split_format(flags["output"], flags["template"], FORMATS_OF_GET)
    watching = flags["watch"] or flags["watch-only"]
    if flags["show-labels"] and flags["output"] not in ("", "wide"):
        raise KubectlError(f"--show-labels option cannot be used with {flags['output']} printer")
    if flags["output-watch-events"] and not watching:
        raise KubectlError("--output-watch-events option can only be used with --watch or --watch-only")
    found = _targets(client, flags)
    if flags["subresource"] and any(not target.name for target in found):
        raise KubectlError("subresource cannot be used when bulk resources are specified")
    try:
        if watching:
            return _watch(client, flags, found, form)
        if form in ("", "wide"):
            return _print_tables(client, flags, found, wide=form == "wide")
        return _print_documents(client, flags, found)
    except Unsortable as problem:
        client.log("F", "sorter.go:375" if form in ("", "wide") else "sorter.go:329", str(problem))
        return 1


def _refuse_beside_raw(flags: Parsed) -> None:
    """A path says all: no kind, format, selector or file goes with it. Raises KubectlError."""
    if flags.args:
        raise KubectlError("arguments may not be passed when --raw is specified")
    if flags["watch"] or flags["watch-only"] or flags["selector"]:
        raise KubectlError(
            "--raw may not be specified with other flags that filter the server request or alter the output"
        )
    if flags["output"]:
        raise KubectlError("--raw and --output are mutually exclusive")
    if not flags["raw"].startswith("/"):
        shown = go_quoted(flags["raw"])
        raise KubectlError(f"--raw must be a valid URL path: parse {shown}: invalid URI for request")


def _targets(client: Client, flags: Parsed) -> list[Target]:
    if named_files(flags):
        read = file_objects(client, flags["filename"], recursive=flags["recursive"])
        return [found.target for found in read if found.target.path]
    if not flags.args:
        raise KubectlError(_NO_RESOURCE, bare=True)
    found = targets(client, flags.args, selecting=bool(flags["selector"] or flags["field-selector"]))
    if not flags["all-namespaces"]:
        return found
    if any(target.name and target.resource.namespaced for target in found):
        raise KubectlError("a resource cannot be retrieved by name across all namespaces")
    return [Target(target.resource, "", target.name) for target in found]


def _query(flags: Parsed, target: Target) -> list[tuple[str, str]]:
    query = []
    if not target.name:
        query += [("labelSelector", flags["selector"]), ("fieldSelector", flags["field-selector"])]
        if not flags["sort-by"]:
            query.append(("limit", str(flags["chunk-size"])))
    if flags["sort-by"]:
        query.append(("includeObject", "Object"))
    return [(name, value) for name, value in query if value and value != "0"]


def _path(flags: Parsed, target: Target) -> str:
    return target.resource.path(target.namespace, target.name, flags["subresource"])


def _fetch(client: Client, flags: Parsed, target: Target, accept: str) -> Manifest:
    """A Table or a document; the pages of a long list put together."""
    query = _query(flags, target)
    if accept == TABLE and not flags["server-print"]:
        accept = JSON
    try:
        found = client.get(_path(flags, target), query, accept)
    except ApiError as refusal:
        if target.name:
            raise
        raise unlisted(refusal, target.resource, flags["selector"], flags["field-selector"]) from None
    page = found
    while following := (page.get("metadata") or {}).get("continue") if not target.name else None:
        page = client.get(_path(flags, target), [*query, ("continue", following)], accept)
        for part in ("rows", "items"):
            if page.get(part):
                found[part] = (found.get(part) or []) + page[part]
    return found


def _fetch_table(client: Client, flags: Parsed, target: Target) -> Manifest:
    found = _fetch(client, flags, target, TABLE)
    return found if found.get("kind") == "Table" else _plain_table(client, target, found)


def _plain_table(client: Client, target: Target, document: Manifest) -> Manifest:
    """Names and ages of objects of which the server makes no Table."""
    columns = [{"name": "Name", "format": "name", "priority": 0}, {"name": "Age", "priority": 0}]
    rows = []
    for item in [document] if target.name else document.get("items") or []:
        metadata = item["metadata"]
        cells = [metadata["name"], age(metadata.get("creationTimestamp"), client.context.now())]
        rows.append({"cells": cells, "object": item})
    return {"kind": "Table", "metadata": document["metadata"], "columnDefinitions": columns, "rows": rows}


def _style(flags: Parsed, *, wide: bool, kinds: bool, namespaces: bool) -> TableStyle:
    """How the flags want tables shown."""
    return TableStyle(
        wide=wide,
        headers=not flags["no-headers"],
        namespaces=namespaces,
        kinds=kinds or flags["show-kind"],
        show_labels=flags["show-labels"],
        label_columns=tuple(flags["label-columns"]),
    )


def _print_tables(client: Client, flags: Parsed, found: list[Target], *, wide: bool) -> int:
    errors: list[Exception] = []
    tables: list[tuple[Resource, Manifest]] = []
    for target in found:
        try:
            tables.append((target.resource, _fetch_table(client, flags, target)))
        except ApiError as refusal:
            if not (flags["ignore-not-found"] and refusal.reason == "NotFound"):
                errors.append(refusal)
    _sort_rows(flags, tables)
    texts = _table_texts(flags, tables, wide=wide)
    client.context.stdout.write(("" if flags["no-headers"] else "\n").join(texts))
    if not texts and not errors and not flags["ignore-not-found"]:
        client.note(_nothing_found(client, flags, found))
    raise_all(errors)
    return 0


def _sort_rows(flags: Parsed, tables: list[tuple[Resource, Manifest]]) -> None:
    """The rows of the one table in the order of --sort-by.

    kubectl cannot sort several; it drops all rows when the path is wrong, or no object has the field.
    """
    if not flags["sort-by"]:
        return
    if len(tables) > 1:
        path = jsonpath.relaxed(flags["sort-by"])
        raise KubectlError(f'couldn\'t find any field with path "{path}" in the list of objects')
    for _, table in tables:
        rows = table.get("rows") or []
        if len(rows) < 2:
            continue
        try:
            order = sorted_by([row["object"] for row in rows], flags["sort-by"], "[][][]reflect.Value")
        except KubectlError:
            order = []
        table["rows"] = [rows[at] for at in order]


def _table_texts(flags: Parsed, tables: list[tuple[Resource, Manifest]], *, wide: bool) -> list[str]:
    """One text for each run of tables of one kind. The column for namespaces, once shown, stays."""
    kinds = len({resource.qualified for resource, _ in tables}) > 1
    namespaces, texts = False, []
    for resource, run in groupby(tables, key=lambda pair: pair[0]):
        namespaces = flags["all-namespaces"] and (namespaces or resource.namespaced)
        style = _style(flags, wide=wide, kinds=kinds, namespaces=namespaces)
        printer, parts = TablePrinter(resource, style), [table for _, table in run]
        merged = {**parts[0], "rows": [row for table in parts for row in table.get("rows") or []]}
        if merged["rows"]:
            texts.append(printer.format(merged))
    return texts


def _nothing_found(client: Client, flags: Parsed, found: list[Target]) -> str:
    namespaced = all(target.resource.namespaced for target in found)
    if flags["all-namespaces"] or not namespaced:
        return "No resources found"
    return f"No resources found in {client.namespace} namespace."


def _print_documents(client: Client, flags: Parsed, found: list[Target]) -> int:
    errors: list[Exception] = []
    items: list[Manifest] = []
    for target in found:
        try:
            document = _fetch(client, flags, target, JSON)
        except ApiError as refusal:
            if not (flags["ignore-not-found"] and refusal.reason == "NotFound"):
                errors.append(refusal)
            continue
        head = {"apiVersion": target.resource.api_version, "kind": target.resource.kind}
        items += [document] if target.name else [{**head, **item} for item in document.get("items") or []]
    if flags["sort-by"] and items:
        order = sorted_by(items, flags["sort-by"], "*unstructured.Unstructured")
        items = [items[at] for at in order]
    single = len(found) == 1 and bool(found[0].name)
    if (items or not errors) and not (single and not items):
        print_document(client, items[0] if single else as_list(items), flags["output"], flags["template"])
    raise_all(errors)
    return 0


# watching


def _watch(client: Client, flags: Parsed, found: list[Target], form: str) -> int:
    if len({target.resource.qualified for target in found}) > 1:
        raise KubectlError("you may only specify a single resource type")
    if flags["sort-by"]:
        client.note("warning: --watch requested, --sort-by will be ignored for watch events received")
    if len(found) > 1:
        _print_tables(client, flags, found, wide=form == "wide")
        raise KubectlError("you may only watch a single resource or type of resource at a time")
    target = found[0]
    selector = f"metadata.name={target.name}" if target.name else flags["field-selector"]
    as_table = form in ("", "wide")
    namespaces = flags["all-namespaces"] and target.resource.namespaced
    printer = TablePrinter(
        target.resource, _style(flags, wide=form == "wide", kinds=False, namespaces=namespaces)
    )
    first = _fetch(client, flags, target, TABLE if as_table else JSON)
    version = (first.get("metadata") or {}).get("resourceVersion", "0")
    if not flags["watch-only"]:
        _show_first(client, flags, printer, first, target, as_table=as_table)
    query = [("fieldSelector", selector), ("labelSelector", flags["selector"]), ("resourceVersion", version)]
    path = target.resource.path(target.namespace, "")
    accept = TABLE if as_table else JSON
    for event in _events(client, flags, path, query, accept):
        if event["type"] == "ERROR":
            raise ApiError(event["object"])
        if as_table:
            names = [event["type"]] * len(event["object"].get("rows") or [])
            shown = printer.format(event["object"], names if flags["output-watch-events"] else None)
            client.context.stdout.write(shown)
        else:
            _show(client, flags, target, event["object"], event["type"])
    return 0


def _events(
    client: Client, flags: Parsed, path: str, query: list[tuple[str, str]], accept: str
) -> Iterator[Manifest]:
    given = [(name, value) for name, value in query if value]
    timeout = flags["request-timeout"]
    seconds = float(timeout) if timeout.isdigit() else duration(timeout)
    return client.watch(path, given, accept=accept, seconds=seconds or None)


def _show_first(
    client: Client, flags: Parsed, printer: TablePrinter, first: Manifest, target: Target, *, as_table: bool
) -> None:
    if as_table:
        first_events = ["ADDED"] * len(first.get("rows") or [])
        shown = printer.format(first, first_events if flags["output-watch-events"] else None)
        client.context.stdout.write(shown)
        return
    for item in [first] if target.name else first.get("items") or []:
        _show(client, flags, target, item, "ADDED")


def _show(client: Client, flags: Parsed, target: Target, item: Manifest, event: str) -> None:
    document = {"apiVersion": target.resource.api_version, "kind": target.resource.kind, **item}
    form = flags["output"]
    if form == "yaml" and client.documents_printed:
        client.context.stdout.write("---\n")
    client.documents_printed += 1
    if flags["output-watch-events"] and form == "json":
        client.print(f'{{"type":"{event}","object":{jsonpath.go_json(document)}}}')
        return
    if flags["output-watch-events"] and form != "name":
        document = {"type": event, "object": document}
    print_document(client, document, form, flags["template"])
