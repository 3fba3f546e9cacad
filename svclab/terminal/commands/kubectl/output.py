"""The printers of `-o`: yaml, json, name, jsonpath, go-template, custom columns.

Source: cli-runtime pkg/printers and kubectl pkg/cmd/get.
"""

from typing import Any

from svclab.kube import jsonpath
from svclab.kube.jsonpath import JsonPathError
from svclab.terminal.commands.kubectl import go_template
from svclab.terminal.commands.kubectl.builder import qualified_kind, resource_of_manifest
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.flags import Parsed
from svclab.terminal.commands.kubectl.tabwriter import TableWriter
from svclab.terminal.commands.kubectl.yaml_text import to_json, to_yaml
from svclab.terminal.files import FileError

Manifest = dict[str, Any]

FORMATS = (
    "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,"
    "yaml"
)
FORMATS_OF_GET = f"custom-columns,custom-columns-file,{FORMATS.removesuffix('yaml')}wide,yaml"
_FILE_WORDS = {"custom-columns-file": "template"}
_WITH_ARGUMENT = frozenset(FORMATS_OF_GET.split(",")) - {"json", "name", "wide", "yaml"}


def split_format(output: str, template: str = "", known: str = FORMATS) -> tuple[str, str]:
    """(`jsonpath`, `{.x}`) for `jsonpath={.x}`; ("", "") for the default.

    Raises KubectlError for a format that is not among the `known` ones of the command.
    """
    form, equals, argument = (output or ("go-template" if template else "")).partition("=")
    if form.lower() in ("json", "yaml", "name"):  # only these may be written in capitals
        form = form.lower()
    if form and (form not in known.split(",") or (equals and form not in _WITH_ARGUMENT)):
        raise KubectlError(
            f'unable to match a printer suitable for the output format "{output}", allowed formats '
            f"are: {known}"
        )
    if form in ("template", "templatefile"):
        form = "go-" + form.replace("templatefile", "template-file")
    argument = argument if equals else template
    if form in _WITH_ARGUMENT and not argument:
        raise KubectlError(_no_template(form))
    return form, argument


def _no_template(form: str) -> str:
    if form.startswith("custom-columns"):
        return f"{form} format specified but no custom columns given"
    return "template format specified but no template given"


def print_document(
    client: Client, document: Manifest, output: str, template: str = "", *, sort_keys: bool = True
) -> None:
    """Print one object or one List in a format other than a table.

    JSON keeps the order of keys without `sort_keys`, as for objects that a typed client holds.
    """
    form, argument = split_format(output, template, FORMATS_OF_GET)
    write = client.context.stdout.write
    match form:
        case "yaml":
            write(to_yaml(shown(client, document)))
        case "json":
            write(to_json(shown(client, document), sort_keys=sort_keys))
        case "name":
            for item in _items(document):
                write(_name(item) + "\n")
        case "jsonpath" | "jsonpath-file":
            write(render_jsonpath(_template(client, form, argument), document, client.flags))
        case "jsonpath-as-json":
            for found in jsonpath.results(_parsed(argument), document):
                write(to_json(found))
        case "go-template" | "go-template-file":
            write(go_template.render(_template(client, form, argument), document))
        case "custom-columns" | "custom-columns-file":
            _write_columns(client, _template(client, form, argument), form, _items(document))
        case _:
            raise KubectlError(f"the output format {form} is not for this command")


def _template(client: Client, form: str, argument: str) -> str:
    if not form.endswith("-file"):
        return argument
    try:
        return client.context.files.read(client.context.path(argument))
    except FileError as problem:
        raise KubectlError(
            f"error reading {_FILE_WORDS.get(form, '--template')} {argument}, open {argument}: "
            f"{str(problem).lower()}\n"
        ) from None


def _items(document: Manifest) -> list[Manifest]:
    return document["items"] if document.get("kind") == "List" else [document]


def _name(manifest: Manifest) -> str:
    return f"{qualified_kind(resource_of_manifest(manifest, ''))}/{manifest['metadata'].get('name', '')}"


def _parsed(template: str) -> tuple[Any, ...]:
    try:
        return jsonpath.parse(template)
    except JsonPathError as problem:
        raise KubectlError(f"error parsing jsonpath {template}, {problem}") from None


def render_jsonpath(template: str, document: Manifest, flags: Parsed) -> str:
    """A JSONPath template's text. Raises KubectlError with kubectl's explanation."""
    nodes = _parsed(template)
    allow_missing = flags.values.get("allow-missing-template-keys", True)
    try:
        return jsonpath.render(nodes, document, allow_missing=allow_missing)
    except JsonPathError as problem:
        raise KubectlError(
            f"error executing jsonpath {go_quoted(template)}: Error executing template: {problem}. Printing "
            f"more information for debugging the template:\n\ttemplate was:\n\t\t{template}\n\tobject given "
            f"to jsonpath engine was:\n\t\t{go_syntax(document)}\n\n\n"
        ) from None


def go_syntax(value: Any) -> str:
    """A document as Go's %#v prints it."""
    match value:
        case None:
            return "interface {}(nil)"
        case bool():
            return str(value).lower()
        case dict():
            inner = ", ".join(f"{go_syntax(key)}:{go_syntax(value[key])}" for key in sorted(value))
            return "map[string]interface {}{" + inner + "}"
        case list():
            return "[]interface {}{" + ", ".join(go_syntax(item) for item in value) + "}"
        case str():
            return go_quoted(value)
    return str(value)


def go_quoted(text: str) -> str:
    """A text as Go's %q prints it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _write_columns(client: Client, spec: str, form: str, items: list[Manifest]) -> None:
    """The table of `-o custom-columns=NAME:.path,...`; what comes before an error is shown all the same.

    Raises KubectlError for a bad specification or a path that fails.
    """
    columns = _columns_of_file(spec) if form.endswith("-file") else _columns(spec)
    rows = [] if client.flags.values.get("no-headers") else [[header for header, _ in columns]]
    try:
        for item in items:
            rows.append([_column_value(path, item) for _, path in columns])
    finally:
        client.context.stdout.write(TableWriter().format(rows))


def _columns(spec: str) -> list[tuple[str, str]]:
    columns = []
    for part in spec.split(","):
        header, colon, path = part.partition(":")
        if not colon:
            raise KubectlError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        columns.append((header, path))
    return columns


def _columns_of_file(text: str) -> list[tuple[str, str]]:
    headers, paths = ([*text.splitlines(), "", ""])[:2]
    if len(headers.split()) != len(paths.split()):
        raise KubectlError(
            f"number of columns header: {len(headers.split())} and template specs: {len(paths.split())} "
            "does not match"
        )
    return list(zip(headers.split(), paths.split(), strict=True))


def _column_value(path: str, item: Manifest) -> str:
    try:
        found = jsonpath.find(path, item)
    except JsonPathError as problem:
        raise KubectlError(str(problem)) from None
    return ",".join(_plain(value) for value in found) or "<none>"


def _plain(value: Any) -> str:
    return "<none>" if value is None else jsonpath.printed(value)


def shown(client: Client, document: Manifest) -> Manifest:
    """A document as yaml and json show it: without managed fields, unless they are asked for."""
    if client.flags.values.get("show-managed-fields"):
        return document
    if document.get("kind") == "List":
        return {**document, "items": [without_managed_fields(item) for item in document["items"]]}
    return without_managed_fields(document)


def without_managed_fields(manifest: Manifest) -> Manifest:
    """An object without metadata.managedFields."""
    if "metadata" not in manifest:
        return manifest
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    return {**manifest, "metadata": metadata}


def as_list(items: list[Manifest]) -> Manifest:
    """A List of objects, as `get` wraps several."""
    return {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
