"""Which objects a command line means: `svc,deploy NAME`, `pod/x`, `-l app=x`, `--all`, `-f FILE`.

Source: cli-runtime's resource.Builder and its error texts. Resources are resolved from the registry of
discovery, as the real client does from its cache on disk.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as slot
from typing import Any

from svclab.kube.resources import RESOURCES, Resource
from svclab.kube.selectors import label_selector
from svclab.terminal.commands.kubectl.client import Client, require_namespace_match, segment_problem
from svclab.terminal.commands.kubectl.errors import KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Parsed
from svclab.terminal.files import FileError
from svclab.terminal.manifests import ManifestError, read_manifests
from svclab.terminal.shell.patterns import glob

Manifest = dict[str, Any]

_ENDINGS = (".json", ".yaml", ".yml")
NOTHING_GIVEN = (
    "You must provide one or more resources by argument or filename.\n"
    "Example resource specifications include:\n"
    "   '-f rsrc.yaml'\n"
    "   '--filename=rsrc.json'\n"
    "   '<resource> <name>'\n"
    "   '<resource>'"
)
_CATEGORY_ORDER = (
    "pods",
    "replicationcontrollers",
    "services",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
    "horizontalpodautoscalers",
    "cronjobs",
    "jobs",
)


_NEED_OBJECTS = frozenset(
    {"apply", "create", "patch", "scale"}
)  # the others do nothing with no file's objects


_CANNOT_WARN = (
    "cannot perform warn validation if server-side field validation is unsupported, skipping validation"
)


class NoMatch(KubectlError):
    """The server has no such kind."""

    def __init__(self, metadata: Manifest, source: str, kind: str) -> None:
        self.words = f"no matches for {kind}"
        name, namespace = metadata.get("name", ""), metadata.get("namespace", "")
        super().__init__(
            f'resource mapping not found for name: "{name}" namespace: "{namespace}" from "{source}": '
            f"{self.words}\nensure CRDs are installed first"
        )


@dataclass(frozen=True, slots=True)
class Target:
    """One object that is meant (by name), or with `name` "" a whole collection."""

    resource: Resource
    namespace: str
    name: str = ""
    one: bool = slot(default=False, compare=False)  # an object of a file, never a collection

    @property
    def path(self) -> str:
        """Its URL. Raises KubectlError for an object of a file without a name."""
        if self.one and not self.name:
            raise KubectlError("resource name may not be empty")
        return self.resource.path(self.namespace, self.name)

    @property
    def printed(self) -> str:
        """`service/web`, `deployment.apps/web`."""
        return f"{qualified_kind(self.resource)}/{self.name}"

    @property
    def quoted(self) -> str:
        """`service "web"`, `deployment.apps "web"`: how `delete` names it."""
        return f'{qualified_kind(self.resource)} "{self.name}"'


@dataclass(frozen=True, slots=True)
class FileObject:
    """One object read from a file, with the file's name for messages."""

    target: Target
    manifest: Manifest
    source: str


def qualified_kind(resource: Resource) -> str:
    """`service`, `deployment.apps`: the kind in lower case with its group."""
    return f"{resource.kind.lower()}.{resource.group}" if resource.group else resource.kind.lower()


# names of resources


def resources_of(text: str) -> list[Resource]:
    """The resources that `svc`, `deployments.apps` or the category `all` name. Raises KubectlError."""
    if text == "all":
        found = [
            r for r in RESOURCES if ("all" in r.categories and r.version != "v1") or "all" in r.categories
        ]
        distinct = {r.plural: r for r in reversed(found)}
        return [distinct[plural] for plural in _CATEGORY_ORDER if plural in distinct]
    return [resource_of(text)]


def resource_of(text: str) -> Resource:
    """The resource of a name: plural, singular, kind or short name, with or without group and version.

    Raises KubectlError: the server doesn't have a resource type.
    """
    word, _, qualifier = text.partition(".")
    named = word.lower()
    for resource in RESOURCES:
        if named in (resource.plural, resource.singular, *resource.short_names) and (
            not qualifier or _is_qualified(resource, named, qualifier)
        ):
            return resource
    raise KubectlError(f'the server doesn\'t have a resource type "{word}"')


def _is_qualified(resource: Resource, word: str, qualifier: str) -> bool:
    """Whether `GROUP`, its beginning, or `VERSION.GROUP` is a resource's; short names have no version."""
    if qualifier == resource.group or resource.group.startswith(qualifier + "."):
        return True
    version, dot, group = qualifier.partition(".")
    return (
        bool(dot)
        and group == resource.group
        and (word in resource.short_names or version == resource.version)
    )


def resource_of_manifest(manifest: Manifest, source: str) -> Resource:
    """The resource of an object's apiVersion and kind. Raises KubectlError: no matches for kind."""
    api_version, kind = manifest.get("apiVersion", ""), manifest.get("kind", "")
    for resource in RESOURCES:
        if resource.api_version == api_version and resource.kind == kind:
            return resource
    for resource in RESOURCES:
        if resource.api_version == api_version and resource.kind.lower() == str(kind).lower():
            return resource  # the server will refuse it in its own words
    raise NoMatch(manifest.get("metadata") or {}, source, f'kind "{kind}" in version "{api_version}"')


# arguments


def targets(client: Client, args: list[str], *, selecting: bool = False) -> list[Target]:
    """What `TYPE NAME ...`, `TYPE/NAME ...` or `TYPE` mean. `selecting`: a selector or --all was given.

    Raises KubectlError with the builder's words.
    """
    if not args:
        raise KubectlError(NOTHING_GIVEN)
    words = list(dict.fromkeys(args[0].split(",")))
    if len(words) > 1 and len(args) > 1:
        args = [f"{word}/{name}" for word in words for name in args[1:]]
    if any("/" in arg for arg in args):
        return _slashed(client, args, selecting=selecting)
    kinds = list(dict.fromkeys(resource for word in words for resource in resources_of(word)))
    for resource in kinds:
        _warn_of_ambiguity(client, args[0], resource)
    names = args[1:]
    if not names:
        return [Target(resource, _namespace(client, resource)) for resource in kinds]
    if selecting:
        raise KubectlError("name cannot be provided when a selector is specified")
    if len(kinds) > 1:
        raise KubectlError("you must specify only one resource")
    if not all(names):
        raise KubectlError("resource name may not be empty")
    return [Target(kinds[0], _namespace(client, kinds[0]), _possible(name)) for name in names]


def _possible(name: str) -> str:
    """A name that can stand in a URL. Raises KubectlError for others."""
    if problem := segment_problem(name):
        raise KubectlError(f'invalid resource name "{name}": [{problem}]')
    return name


def _warn_of_ambiguity(client: Client, word: str, resource: Resource) -> None:
    """A short name that two groups use means the first; kubectl says so."""
    if word in resource.short_names:
        for other in RESOURCES:
            if (
                word in other.short_names
                and other.plural == resource.plural
                and other.group != resource.group
            ):
                client.warn(f'short name "{word}" could also match lower priority resource {other.qualified}')
                return


def _slashed(client: Client, args: list[str], *, selecting: bool) -> list[Target]:
    pairs = [_kind_and_name(arg) for arg in args]
    found = [(resource_of(kind), name) for kind, name in pairs]
    if selecting:
        raise KubectlError("selectors and the all flag cannot be used when passing resource/name arguments")
    return [Target(resource, _namespace(client, resource), _possible(name)) for resource, name in found]


def _kind_and_name(arg: str) -> tuple[str, str]:
    kind, slash, name = arg.partition("/")
    if not slash:
        raise KubectlError(
            "there is no need to specify a resource type as a separate argument when passing arguments in "
            "resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get "
            "resource "
            "resource/<resource_name>'"
        )
    if "/" in name:
        raise KubectlError("arguments in resource/name form may not have more than one slash")
    if not kind or not name or "," in kind:
        raise KubectlError("arguments in resource/name form must have a single resource and name")
    return kind, name


def _namespace(client: Client, resource: Resource) -> str:
    return client.namespace if resource.namespaced else ""


def expand(client: Client, found: list[Target], *, selector: str = "", fields: str = "") -> list[Target]:
    """Collections replaced by the objects in them."""
    result = []
    for target in found:
        if target.name:
            result.append(target)
            continue
        items = client.list(target.resource, target.namespace, labelSelector=selector, fieldSelector=fields)
        for item in items:
            metadata = item["metadata"]
            result.append(Target(target.resource, metadata.get("namespace", ""), metadata["name"]))
    return result


# files


def named_files(flags: Parsed) -> list[str]:
    """The files of -f, where no objects may be named as well. Raises KubectlError."""
    if flags["filename"] and flags.args:
        raise KubectlError(
            "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
        )
    return flags["filename"]


def file_objects(
    client: Client, names: Iterable[str], *, recursive: bool = False, complete: bool = True
) -> list[FileObject]:
    """The objects in files, directories and standard input (`-`) that -l selects, Lists taken apart.

    They get the namespace that they are meant for, unless they are not to be `complete`.

    Raises KubectlError for a missing file, text that is not YAML, an object without kind.
    """
    objects: list[FileObject] = []
    for name, text in read_files(client, names, recursive=recursive):
        objects += _objects_of(client, text, name, complete=complete)
    if selector := client.flags.values.get("selector"):
        selects = label_selector(selector)
        objects = [found for found in objects if selects(found.manifest)]
    if not objects:
        raise_all(client.deferred)
        if client.command in _NEED_OBJECTS:
            raise KubectlError(f"no objects passed to {client.command}")
    return objects


def _objects_of(client: Client, text: str, source: str, *, complete: bool) -> list[FileObject]:
    """The objects of one file, up to the first text that cannot be read.

    What is wrong with a later object does not keep kubectl from the earlier ones: it is told at the end.
    """
    objects: list[FileObject] = []
    problem: ManifestError | None = None
    try:
        documents = read_manifests(text, source)
    except ManifestError as found:
        documents, problem = list(found.before), found
    for document in documents:
        try:
            objects += _file_object(client, document.manifest, source, complete=complete)
        except KubectlError as refused:
            _defer(client, refused)
            if refused.text.startswith("error validating"):
                return objects
    if problem is not None:
        _defer(client, KubectlError(problem.message))
    return objects


def _defer(client: Client, error: KubectlError) -> None:
    """Commands that only look collect errors, and show even a single one as one of several."""
    error.bare = client.command in ("get", "describe")
    client.deferred.append(error)


def read_files(client: Client, names: Iterable[str], *, recursive: bool = False) -> list[tuple[str, str]]:
    """(name for messages, text) of each file meant. Raises KubectlError."""
    found: list[tuple[str, str]] = []
    for name in names:
        if name == "-":
            found.append(("STDIN", client.context.stdin.read()))
        elif name.startswith(("http://", "https://")):
            raise KubectlError(f'unable to read URL "{name}": this laptop has no way to the Internet')
        else:
            found += _read_path(client, name, recursive=recursive)
    return found


def _read_path(client: Client, name: str, *, recursive: bool) -> list[tuple[str, str]]:
    files, path = client.context.files, client.context.path(name)
    if files.is_directory(path):
        inside = files.tree(path) if recursive else [f"{path}/{entry}" for entry in files.names(path)]
        chosen = [entry for entry in inside if entry.endswith(_ENDINGS) and not files.is_directory(entry)]
        if not chosen:
            raise KubectlError(f"error reading [{name}]: recognized file extensions are [.json .yaml .yml]")
        return [(name.rstrip("/") + entry[len(path.rstrip("/")) :], files.read(entry)) for entry in chosen]
    matching = glob(name, client.context.cwd, files.names) if set(name) & set("*?[") else []
    if matching and not files.exists(path):
        return [entry for found in matching for entry in _read_path(client, found, recursive=recursive)]
    try:
        return [(name, files.read(path))]
    except FileError:
        raise KubectlError(f'the path "{name}" does not exist') from None


def _file_object(client: Client, manifest: Any, source: str, *, complete: bool) -> list[FileObject]:
    _require_head(client, manifest, source)
    if manifest["kind"] == "List" or (manifest["kind"].endswith("List") and "items" in manifest):
        objects: list[FileObject] = []
        for item in manifest.get("items") or []:
            try:
                objects += _file_object(client, item, source, complete=complete)
            except NoMatch as unknown:
                client.deferred.append(KubectlError(f"unable to recognize {unknown.words}", bare=True))
        return objects
    _require_metadata(manifest, source)
    try:
        resource = resource_of_manifest(manifest, source)
    except NoMatch:
        if client.flags.values.get("validate") == "warn":
            client.log("W", "schema.go:145", _CANNOT_WARN)
        raise
    require_namespace_match(client, manifest)
    metadata = dict(manifest.get("metadata") or {})
    namespace = (metadata.get("namespace") or client.namespace) if resource.namespaced else ""
    if namespace and complete:
        metadata["namespace"] = namespace
    manifest = {**manifest, "metadata": metadata}
    target = Target(resource, namespace, metadata.get("name") or "", one=True)
    return [FileObject(target, manifest, source)]


def _require_head(client: Client, manifest: Any, source: str) -> None:
    """A manifest says what it is. Commands that validate say more about one that does not."""
    validates = client.flags.values.get("validate", "false") not in ("false", "ignore")
    problems = _head_problems(manifest)
    if validates and problems:
        advice = "if you choose to ignore these errors, turn validation off with --validate=false"
        words = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise KubectlError(f'error validating "{source}": error validating data: {words}; {advice}')
    if not isinstance(manifest, dict):
        kind = {list: "array", str: "string", bool: "bool"}.get(type(manifest), "number")
        raise KubectlError(
            f'unable to decode "{source}": json: cannot unmarshal {kind} into Go value of type '
            "unstructured.detector"
        )
    if not isinstance(manifest.get("kind"), str) or not manifest["kind"]:
        raise KubectlError(
            f"unable to decode \"{source}\": Object 'Kind' is missing in '{compact(manifest)}'"
        )


def _head_problems(manifest: Any) -> list[str]:
    if not isinstance(manifest, dict):
        return ["invalid object to validate"]
    problems = []
    for name in ("apiVersion", "kind"):
        value = manifest.get(name)
        if value is None or value == "":
            problems.append(f"{name} not set")
        elif not isinstance(value, str):
            problems.append(f"{name} isn't string type")
    return problems


def _require_metadata(manifest: Manifest, source: str) -> None:
    """Labels and annotations are read by the client itself, which wants text in them."""
    metadata = manifest.get("metadata")
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        raise KubectlError(_unmarshal(source, metadata, "metadataOnlyObject.metadata", "v1.ObjectMeta"))
    for field in ("name", "namespace", "generateName", "resourceVersion", "uid"):
        if not isinstance(metadata.get(field) or "", str):
            raise KubectlError(_unmarshal(source, metadata[field], f"ObjectMeta.metadata.{field}", "string"))
    for field in ("labels", "annotations"):
        for value in (metadata.get(field) or {}).values():
            if not isinstance(value, str) and value is not None:
                raise KubectlError(_unmarshal(source, value, f"ObjectMeta.metadata.{field}", "string"))


def _unmarshal(source: str, value: Any, field: str, wanted: str) -> str:
    names = {bool: "bool", int: "number", float: "number", dict: "object", list: "array", str: "string"}
    return (
        f'unable to decode "{source}": json: cannot unmarshal {names.get(type(value), "number")} into '
        "Go struct "
        f"field {field} of type {wanted}"
    )


def compact(document: Any) -> str:
    """Compact JSON with sorted keys, as the last-applied annotation holds it."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
