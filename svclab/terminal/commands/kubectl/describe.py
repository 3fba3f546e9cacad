"""`kubectl describe`: which objects, and who writes about each kind."""

import re
from base64 import b64decode
from typing import Any

from svclab.terminal.commands.kubectl import verbs
from svclab.terminal.commands.kubectl.builder import Target, file_objects, named_files, resource_of, targets
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.describe_network import (
    write_endpoints,
    write_ingress,
    write_networkpolicy,
    write_service,
    write_slice,
)
from svclab.terminal.commands.kubectl.describe_node import write_node
from svclab.terminal.commands.kubectl.describe_pod import write_pod
from svclab.terminal.commands.kubectl.describe_workloads import (
    write_daemonset,
    write_deployment,
    write_replicaset,
    write_statefulset,
)
from svclab.terminal.commands.kubectl.describe_writer import Description, events_of
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import verb

Manifest = dict[str, Any]

_ACRONYMS = frozenset({"api", "uid", "id", "ip", "url", "dns", "cidr", "uuid", "os", "cpu", "tls", "http"})

_FLAGS = (
    verbs.FILENAME,
    verbs.RECURSIVE,
    verbs.KUSTOMIZE,
    verbs.SELECTOR,
    verbs.ALL_NAMESPACES,
    Flag("show-events", "bool", default=True, help="show the events about each object"),
    Flag("chunk-size", "int", default=500, help="objects in one answer of the server"),
)


@verb(
    "describe",
    flags=_FLAGS,
    usage="describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME) [options]",
    summary="Show details of one object or of several",
    examples=("kubectl describe service web", "kubectl describe pods -l app=web"),
)
def describe(client: Client, flags: Parsed) -> int:
    """Describe objects."""
    if not flags.args and not flags["filename"]:
        raise KubectlError(
            'You must specify the type of resource to describe. Use "kubectl api-resources" for a '
            "complete list of "
            "supported resources."
        )
    if named_files(flags):
        found = [f.target for f in file_objects(client, flags["filename"], recursive=flags["recursive"])]
    else:
        found = targets(client, flags.args, selecting=bool(flags["selector"]))
    if flags["all-namespaces"]:
        found = [Target(target.resource, "", target.name) for target in found]
    return _describe_all(client, flags, found)


def _describe_all(client: Client, flags: Parsed, found: list[Target]) -> int:
    errors: list[Exception] = []
    texts, matched = [], False
    for target in found:
        try:
            objects, by_prefix = _objects(client, flags, target)
            for manifest in objects:
                text = text_of(client, manifest, with_events=flags["show-events"])
                if by_prefix:
                    client.context.stdout.write(text + "\n")
                    matched = True
                else:
                    texts.append(text)
        except ApiError as refusal:
            errors.append(refusal)
    client.context.stdout.write("\n\n".join(texts))
    if not texts and not errors and not matched:
        where = "" if flags["all-namespaces"] else f" in {client.namespace} namespace."
        client.note(f"No resources found{where}")
    raise_all(errors)
    return 0


# kubectl looks for these in a beta version, too, which the server no longer knows.
_ONCE_BETA = ("EndpointSlice", "Ingress", "IngressClass")


def _objects(client: Client, flags: Parsed, target: Target) -> tuple[list[Manifest], bool]:
    """The objects meant, and whether they are those whose names begin with the target's."""
    if not target.name and not target.one:
        items = client.list(target.resource, target.namespace, labelSelector=flags["selector"], limit="500")
        return items, False
    try:
        live = client.send("GET", target.path) if target.one else client.get(target.path)
        return [live], False
    except ApiError as refusal:
        if refusal.reason == "NotFound" and target.one and target.resource.kind in _ONCE_BETA:
            raise ApiError(
                {**refusal.status, "message": "the server could not find the requested resource"}
            ) from None
        if refusal.reason != "NotFound" or target.one:
            raise
        items = client.list(target.resource, target.namespace)
        matching = [item for item in items if item["metadata"]["name"].startswith(target.name)]
        if not matching:
            raise
        return matching, True


def text_of(client: Client, manifest: Manifest, *, with_events: bool = True) -> str:
    """What `describe` prints about one object."""
    out = Description(client.context.now())
    kind = manifest["kind"]
    events = events_of(client, manifest, with_kind=kind != "Pod") if with_events else None
    match kind:
        case "Pod":
            write_pod(out, manifest, events)
        case "Service":
            write_service(out, manifest, _slices(client, manifest), events)
        case "Endpoints":
            write_endpoints(out, manifest, events)
        case "EndpointSlice":
            write_slice(out, manifest, events)
        case "Deployment":
            write_deployment(out, client, manifest, events)
        case "ReplicaSet":
            write_replicaset(out, client, manifest, events)
        case "StatefulSet":
            write_statefulset(out, client, manifest, events)
        case "DaemonSet":
            write_daemonset(out, client, manifest, events)
        case "Node":
            write_node(out, client, manifest, events)
        case "Ingress":
            write_ingress(out, client, manifest, events)
        case "NetworkPolicy":
            write_networkpolicy(out, manifest)
        case "Namespace":
            _write_namespace(out, client, manifest)
        case "ConfigMap":
            _write_configmap(out, manifest, events)
        case "Secret":
            _write_secret(out, manifest)
        case "ServiceAccount":
            _write_serviceaccount(out, client, manifest, events)
        case "IngressClass":
            _write_ingressclass(out, manifest, events)
        case _:
            _write_any(out, manifest, events)
    return out.text()


def _slices(client: Client, service: Manifest) -> list[Manifest]:
    metadata = service["metadata"]
    path = f"/apis/discovery.k8s.io/v1/namespaces/{metadata.get('namespace', '')}/endpointslices"
    query = [("labelSelector", f"kubernetes.io/service-name={metadata['name']}")]
    return client.get(path, query).get("items") or []


def _write_namespace(out: Description, client: Client, namespace: Manifest) -> None:
    name = namespace["metadata"]["name"]
    out.field("Name", name)
    out.labels(namespace["metadata"].get("labels"))
    out.annotations(namespace["metadata"].get("annotations"))
    out.field("Status", (namespace.get("status") or {}).get("phase", ""))
    conditions = (namespace.get("status") or {}).get("conditions") or []
    if conditions:
        out.line("Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage")
        out.line("----\t------\t------------------\t------\t-------", 1)
        for found in conditions:
            cells = [
                found.get(key, "") for key in ("type", "status", "lastTransitionTime", "reason", "message")
            ]
            out.line("\t".join(cells), 1)
    for words, plural in (
        ("No resource quota.", "resourcequotas"),
        ("No LimitRange resource.", "limitranges"),
    ):
        client.get(f"/api/v1/namespaces/{name}/{plural}", [("limit", "500")])
        out.line(f"\n{words}")


def _write_configmap(out: Description, configmap: Manifest, events: list[Manifest] | None) -> None:
    out.head(configmap)
    out.labels(configmap["metadata"].get("labels"))
    out.annotations(configmap["metadata"].get("annotations"))
    out.write("\nData\n====\n")
    for key, value in sorted((configmap.get("data") or {}).items()):
        out.write(f"{key}:\n----\n{value}\n\n")
    out.write("\nBinaryData\n====\n")
    for key, value in sorted((configmap.get("binaryData") or {}).items()):
        out.line(f"{key}: {len(b64decode(value))} bytes")
    out.line()
    out.events(events)


def _write_secret(out: Description, secret: Manifest) -> None:
    out.head(secret)
    out.labels(secret["metadata"].get("labels"))
    out.annotations(secret["metadata"].get("annotations"))
    out.line(f"\nType:\t{secret.get('type', '')}")
    out.write("\nData\n====\n")
    for key, value in sorted((secret.get("data") or {}).items()):
        out.line(f"{key}:\t{len(b64decode(value))} bytes")


def _write_serviceaccount(
    out: Description, client: Client, account: Manifest, events: list[Manifest] | None
) -> None:
    out.head(account)
    out.labels(account["metadata"].get("labels"))
    out.annotations(account["metadata"].get("annotations"))
    secrets = client.list(resource_of("secrets"), account["metadata"].get("namespace", ""))
    known = {secret["metadata"]["name"] for secret in secrets}
    for title, key in (("Image pull secrets", "imagePullSecrets"), ("Mountable secrets", "secrets")):
        names = [entry.get("name", "") for entry in account.get(key) or []]
        shown = [name if name in known else f"{name} (not found)" for name in names] or ["<none>"]
        out.line(f"{title}:\t" + "\n\t".join(shown))
    out.line("Tokens:\t<none>")
    out.events(events)


def _write_ingressclass(out: Description, found: Manifest, events: list[Manifest] | None) -> None:
    spec = found.get("spec") or {}
    out.field("Name", found["metadata"]["name"])
    out.labels(found["metadata"].get("labels"))
    out.annotations(found["metadata"].get("annotations"))
    out.field("Controller", spec.get("controller", ""))
    parameters = spec.get("parameters")
    if parameters:
        out.line("Parameters:")
        for title, key in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")):
            if parameters.get(key):
                out.field(title, parameters[key], 1)
    out.events(events)


def _write_any(out: Description, manifest: Manifest, events: list[Manifest] | None) -> None:
    """A kind without a describer of its own: its fields, one after the other."""
    out.head(manifest)
    out.labels(manifest["metadata"].get("labels"))
    out.annotations(manifest["metadata"].get("annotations"))
    hidden = ("name", "namespace", "labels", "annotations", "managedFields")
    metadata = {k: v for k, v in manifest["metadata"].items() if k not in hidden}
    _write_fields(out, {**manifest, "metadata": metadata}, 0)
    out.events(events)


def _write_fields(out: Description, fields: Manifest, level: int) -> None:
    for key in sorted(fields):
        title, value = _spaced(key), fields[key]
        if isinstance(value, dict):
            out.line(f"{title}:", level)
            _write_fields(out, value, level + 1)
        elif isinstance(value, list):
            out.line(f"{title}:", level)
            for item in value:
                if isinstance(item, dict):
                    _write_fields(out, item, level + 1)
                else:
                    out.line(str(item), level + 1)
        else:
            shown = "<nil>" if value is None else str(value).lower() if isinstance(value, bool) else value
            out.field(title, shown, level)


def _spaced(name: str) -> str:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]", name) or [name]
    return " ".join(w.upper() if w.lower() in _ACRONYMS else w[:1].upper() + w[1:] for w in words)
