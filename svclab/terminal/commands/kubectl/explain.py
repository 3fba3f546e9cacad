"""`kubectl explain`: fields of a kind, from the server's OpenAPI v3 documents.

Source: kubectl 1.33 pkg/explain/v2 (plaintext template).
"""

from typing import Any

from svclab.kube.resources import RESOURCES, Resource
from svclab.terminal.commands.kubectl.builder import resource_of
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import verb

Schema = dict[str, Any]

_WIDTH = 76
_ENUM_SHOWN = 4
_FORMATS = ("", "plaintext", "plaintext-openapiv2")
_PRIMITIVE = ("string", "integer", "boolean", "number")


@verb(
    "explain",
    flags=(
        Flag("recursive", "bool", help="all fields below, without their descriptions"),
        Flag("api-version", help="the group and version meant"),
        Flag("output", default="plaintext", help="plaintext or plaintext-openapiv2"),
    ),
    usage="explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [options]",
    summary="Get documentation for a resource",
    examples=("kubectl explain service.spec.ports", "kubectl explain pod --recursive"),
)
def explain(client: Client, flags: Parsed) -> int:
    """Explain a kind, or a field of it."""
    if not flags.args:
        raise KubectlError(
            'You must specify the type of resource to explain. Use "kubectl api-resources" for a '
            "complete list of "
            "supported resources."
        )
    if len(flags.args) > 1:
        raise KubectlError("We accept only this format: explain RESOURCE")
    if flags.args[0].startswith("."):
        raise KubectlError("invalid jsonpath syntax, first node must be field node")
    resource, path = _resource(flags.args[0], flags["api-version"])
    if flags["output"] not in _FORMATS:
        raise KubectlError(f"unrecognized format: {flags['output']}")
    document = _document(client, resource)
    schemas = document["components"]["schemas"]
    schema = _schema_of_kind(schemas, resource)
    client.context.stdout.write(_head(resource))
    field: Schema = schema
    for name in path:
        inside = _resolved(schemas, _element(_resolved(schemas, field)))
        if name not in (inside.get("properties") or {}):
            raise KubectlError(f'field "{path[-1]}" does not exist')
        field = inside["properties"][name]
    client.context.stdout.write(_Explanation(schemas, recursive=flags["recursive"]).text(field, path))
    return 0


def _resource(text: str, api_version: str) -> tuple[Resource, list[str]]:
    """The kind and the path of fields of `service.spec.ports`."""
    parts = [part for part in text.strip().split(".") if part]
    try:
        resource = resource_of(parts[0])
    except KubectlError as problem:
        raise KubectlError(problem.text, bare=True) from None
    if api_version and api_version != resource.api_version:
        other = next(
            (r for r in RESOURCES if r.plural == resource.plural and r.api_version == api_version), None
        )
        if other is None:
            group_version = api_version if "/" in api_version else f"/{api_version}"
            raise KubectlError(f'couldn\'t find resource for "{group_version}, Resource={resource.plural}"')
        resource = other
    if text.startswith(f"{resource.qualified}.") or text == resource.qualified:
        parts = text.removeprefix(resource.qualified).split(".")
    return resource, [part for part in parts[1:] if part]


def _head(resource: Resource) -> str:
    group = f"GROUP:      {resource.group}\n" if resource.group else ""
    return f"{group}KIND:       {resource.kind}\nVERSION:    {resource.version}\n\n"


def _document(client: Client, resource: Resource) -> Schema:
    key = f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"
    paths = client.get("/openapi/v3", [("timeout", "32s")])["paths"]
    if key not in paths:
        raise KubectlError(
            f'couldn\'t find resource for "{resource.api_version}, Resource={resource.plural}"'
        )
    return client.get(paths[key]["serverRelativeURL"])


def _schema_of_kind(schemas: dict[str, Schema], resource: Resource) -> Schema:
    wanted = {"group": resource.group, "kind": resource.kind, "version": resource.version}
    for name, schema in schemas.items():
        if wanted in (schema.get("x-kubernetes-group-version-kind") or []):
            return {"$ref": f"#/components/schemas/{name}"}
    group_version = f"{resource.group}/{resource.version}"
    raise KubectlError(f"GVR ({group_version}, Resource={resource.plural}) not found in OpenAPI schema")


def _reference(schema: Schema) -> str:
    """The name of the schema that one refers to, or ""."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    joined = schema.get("allOf") or []
    return joined[0]["$ref"].rpartition("/")[2] if len(joined) == 1 and "$ref" in joined[0] else ""


def _resolved(schemas: dict[str, Schema], schema: Schema) -> Schema:
    name = _reference(schema)
    return schemas.get(name, {}) if name else schema


def _element(schema: Schema) -> Schema:
    """What is inside a list (of lists)."""
    return _element(schema["items"]) if schema.get("type") == "array" else schema


class _Explanation:
    """Writes about one field with the fields below it."""

    def __init__(self, schemas: dict[str, Schema], *, recursive: bool) -> None:
        self._schemas = schemas
        self._recursive = recursive

    def text(self, field: Schema, path: list[str]) -> str:
        inside = _resolved(self._schemas, _element(_resolved(self._schemas, field)))
        parts = []
        if path:
            parts.append(f"FIELD: {path[-1]} <{self._type(field)}>\n{self._long_enum(field)}\n")
        parts.append("DESCRIPTION:\n" + self._description(field, inside))
        if inside.get("properties"):
            parts.append("FIELDS:\n" + "".join(self._fields(inside, 1)))
        return "".join(parts) + "\n"

    def _description(self, field: Schema, inside: Schema) -> str:
        texts = [schema["description"] for schema in (field, inside) if schema.get("description")]
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return "    <empty>\n"
        return "".join(_indented(_wrapped(text), 4) for text in distinct) + "    \n"

    def _fields(self, schema: Schema, level: int) -> list[str]:
        required = schema.get("required") or []
        lines, indent = [], "  " * level
        for name, field in sorted((schema.get("properties") or {}).items()):
            mark = " -required-" if name in required else ""
            lines.append(f"{indent}{name}\t<{self._type(field)}>{mark}\n")
            values = field.get("enum") or _resolved(self._schemas, field).get("enum") or []
            if values:
                shown = [value or '""' for value in values[:_ENUM_SHOWN]] + (
                    ["...."] if len(values) > _ENUM_SHOWN else []
                )
                lines.append(f"{indent}enum: {', '.join(shown)}\n")
            if self._recursive:
                inside = _resolved(self._schemas, _element(_resolved(self._schemas, field)))
                lines += self._fields(inside, level + 1)
            else:
                text = field.get("description")
                lines.append(_indented(_wrapped(text), 4) if text else "    <no description>\n")
                lines.append("\n")
        return lines

    def _type(self, field: Schema) -> str:
        name = _reference(field)
        if name:
            schema = self._schemas.get(name, {})
            plain = schema.get("type") in _PRIMITIVE and schema.get("format") != "int-or-string"
            return schema["type"] if plain else name.rpartition(".")[2]
        if field.get("type") == "array":
            return f"[]{self._type(field['items'])}"
        if "additionalProperties" in field:
            return f"map[string]{self._type(field['additionalProperties'])}"
        kind = field.get("type", "Object")
        return "Object" if kind == "object" else kind

    def _long_enum(self, field: Schema) -> str:
        values = field.get("enum") or []
        return "ENUM:\n" + "".join(f"    {value}\n" for value in values) if values else "\n"


def _indented(text: str, spaces: int) -> str:
    return "".join(" " * spaces + line + "\n" for line in text.split("\n"))


def _wrapped(text: str) -> str:
    """Lines of at most 76 characters, broken at spaces, as go-wordwrap breaks them."""
    return "\n".join(_wrapped_line(line) for line in text.split("\n"))


def _wrapped_line(line: str) -> str:
    done: list[str] = []
    current = spaces = word = ""
    for character in line + "\0":
        if character not in (" ", "\0"):
            word += character
            continue
        if word:
            if current and len(current) + len(spaces) + len(word) > _WIDTH:
                done.append(current)
                current, spaces = "", ""
            current += spaces + word
            spaces = word = ""
        spaces += "" if character == "\0" else " "
    return "\n".join([*done, current + spaces])
