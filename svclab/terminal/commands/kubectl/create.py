"""`kubectl create`: from files, and from flags (namespace, deployment, service, configmap, secret ...)."""

import json
import re
from typing import Any

from svclab.terminal.commands.kubectl import generators, verbs
from svclab.terminal.commands.kubectl.builder import Target, file_objects, resource_of_manifest
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, UsageError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import dry_run_of, group, verb, write_query
from svclab.terminal.commands.kubectl.writing import LAST_APPLIED, report, with_last_applied

Manifest = dict[str, Any]

_HOST_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
COMMON = (
    verbs.OUTPUT,
    verbs.DRY_RUN,
    verbs.FIELD_MANAGER,
    verbs.VALIDATE,
    verbs.TEMPLATE,
    verbs.ALLOW_MISSING,
    verbs.SHOW_MANAGED_FIELDS,
    verbs.SAVE_CONFIG,
)
_TCP = Flag("tcp", "strings", help="port and target port, such as 80:8080")


@verb(
    "create",
    flags=(
        *COMMON,
        verbs.FILENAME,
        verbs.RECURSIVE,
        verbs.KUSTOMIZE,
        verbs.SELECTOR,
        Flag("edit", "bool", help="edit the object before it is created"),
        Flag("raw", help="POST to this path"),
    ),
    usage="create -f FILENAME [options]",
    summary="Create an object from a file or from standard input",
    examples=("kubectl create -f pod.yaml", "kubectl create deployment web --image=nginx --replicas=3"),
)
def create(client: Client, flags: Parsed) -> int:
    """Create objects from files."""
    if flags.args:
        raise UsageError(f"Unexpected args: [{' '.join(flags.args)}]", "create")
    if flags["kustomize"] and flags["filename"]:
        raise KubectlError("only one of -f or -k can be specified")
    if flags["kustomize"]:
        raise no_kustomize(client, flags["kustomize"])
    if not flags["filename"]:
        raise KubectlError("must specify one of -f and -k")
    dry_run = dry_run_of(flags)
    errors: list[Exception] = []
    for found in file_objects(client, flags["filename"], recursive=flags["recursive"]):
        manifest = with_last_applied(found.manifest) if flags["save-config"] else found.manifest
        try:
            if dry_run != "client":
                query = write_query(client, "kubectl-create", dry_run, strict=True)
                manifest = client.create(found.target.resource, found.target.namespace, manifest, query)
            report(client, found.target, manifest, "created", dry_run)
        except ApiError as refusal:
            errors.append(refusal.while_doing("creating", found.source))
    raise_all(errors)
    return 0


def no_kustomize(client: Client, directory: str) -> KubectlError:
    """Why -k does not work here."""
    path = client.context.path(directory)
    files = client.context.files
    names = ("kustomization.yaml", "kustomization.yml", "Kustomization")
    if not files.exists(path):
        return KubectlError(
            f"must build at directory: not a valid directory: evalsymlink failure on '{directory}' : lstat "
            f"{path}: no such file or directory"
        )
    if not any(files.exists(f"{path}/{name}") for name in names):
        return KubectlError(
            "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory "
            f"'{path}'"
        )
    return KubectlError("kustomizations are not available in this terminal; apply the manifests with -f")


def create_typed(
    client: Client, flags: Parsed, manifest: Manifest, failed_to: str = "", manager: str = "kubectl-create"
) -> int:
    """Create an object made from flags; `failed_to` begins the message when the server refuses."""
    dry_run = dry_run_of(flags)
    resource = resource_of_manifest(manifest, "")
    namespace = client.namespace if resource.namespaced else ""
    name = manifest["metadata"]["name"]
    if flags["save-config"]:
        manifest = _with_configuration(manifest)
    if dry_run != "client":
        query = write_query(client, manager, dry_run, strict=True)
        try:
            manifest = client.create(resource, namespace, generators.without_nulls(manifest), query)
        except ApiError as refusal:
            if failed_to:
                raise KubectlError(f"failed to create {failed_to}{refusal.message}") from None
            raise
    report(client, Target(resource, namespace, name), manifest, "created", dry_run, typed=True)
    return 0


def _with_configuration(manifest: Manifest) -> Manifest:
    """A generated object with itself in the annotation for `apply`, as a typed client encodes it."""
    text = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False) + "\n"
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "creationTimestamp"}
    return {**manifest, "metadata": {**metadata, "annotations": {LAST_APPLIED: text}}}


def own_namespace(client: Client) -> str:
    """The namespace that a generated object names: only one that was asked for."""
    return client.namespace if client.namespace_given else _configured(client)


def _configured(client: Client) -> str:
    return client.namespace if client.namespace != "default" else ""


def name_of(flags: Parsed, command: str) -> str:
    names = flags.args[: flags.dash] if flags.dash is not None else flags.args
    if len(names) != 1:
        raise UsageError(f"exactly one NAME is required, got {len(names)}", f"create {command}")
    return names[0]


@verb(
    "create namespace",
    flags=COMMON,
    usage="create namespace NAME [options]",
    summary="Create a namespace",
    aliases=("create ns",),
)
def create_namespace(client: Client, flags: Parsed) -> int:
    """Create a namespace."""
    return create_typed(client, flags, generators.namespace_object(name_of(flags, "namespace")))


@verb(
    "create deployment",
    flags=(
        *COMMON,
        Flag("image", "strings", help="image of a container; may be repeated"),
        Flag("replicas", "int", default=1, short="r", help="number of pods"),
        Flag("port", "int", default=-1, help="port that the container opens"),
    ),
    usage="create deployment NAME --image=image -- [COMMAND] [args...] [options]",
    summary="Create a deployment",
    aliases=("create deploy", "create dep"),
)
def create_deployment(client: Client, flags: Parsed) -> int:
    """Create a deployment."""
    if not flags.has("image"):
        raise KubectlError('required flag(s) "image" not set')
    name = name_of(flags, "deployment")
    command = flags.args[flags.dash :] if flags.dash is not None else []
    if command and len(flags["image"]) > 1:
        raise KubectlError("cannot specify multiple --image options and command")
    port = flags["port"] if flags["port"] != -1 else None
    suffix = client.letters("container name")
    made = generators.deployment(
        name, own_namespace(client), flags["image"], flags["replicas"], port, command, suffix
    )
    return create_typed(client, flags, made, "deployment: ")


group(
    "create service",
    "Create a service using a specified subcommand",
    aliases=("create svc",),
    usage="[flags] [options]",
)


def _ports(flags: Parsed, node_port: int = 0, *, needed: bool = True) -> list[Manifest]:
    if needed and not flags["tcp"]:
        raise KubectlError("at least one tcp port specifier must be provided")
    return generators.service_ports(flags["tcp"], node_port)


@verb(
    "create service clusterip",
    flags=(*COMMON, _TCP, Flag("clusterip", help="the address, or None for headless")),
    usage="create service clusterip NAME [--tcp=<port>:<targetPort>] [options]",
    summary="Create a ClusterIP service",
)
def create_clusterip(client: Client, flags: Parsed) -> int:
    """Create a ClusterIP service."""
    name, address = name_of(flags, "service clusterip"), flags["clusterip"]
    ports = _ports(flags, needed=address != "None")
    made = generators.service(name, own_namespace(client), "ClusterIP", ports=ports, cluster_ip=address)
    return create_typed(client, flags, made, "ClusterIP service: ")


@verb(
    "create service nodeport",
    flags=(*COMMON, _TCP, Flag("node-port", "int", help="the port on every node")),
    usage="create service nodeport NAME [--tcp=port:targetPort] [options]",
    summary="Create a NodePort service",
)
def create_nodeport(client: Client, flags: Parsed) -> int:
    """Create a NodePort service."""
    name, ports = name_of(flags, "service nodeport"), _ports(flags, flags["node-port"])
    made = generators.service(name, own_namespace(client), "NodePort", ports=ports)
    return create_typed(client, flags, made, "NodePort service: ")


@verb(
    "create service loadbalancer",
    flags=(*COMMON, _TCP),
    usage="create service loadbalancer NAME [--tcp=port:targetPort] [options]",
    summary="Create a LoadBalancer service",
)
def create_loadbalancer(client: Client, flags: Parsed) -> int:
    """Create a LoadBalancer service."""
    name, ports = name_of(flags, "service loadbalancer"), _ports(flags)
    made = generators.service(name, own_namespace(client), "LoadBalancer", ports=ports)
    return create_typed(client, flags, made, "LoadBalancer service: ")


@verb(
    "create service externalname",
    flags=(*COMMON, _TCP, Flag("external-name", help="the name it stands for")),
    usage="create service externalname NAME --external-name external.name [options]",
    summary="Create an ExternalName service",
)
def create_externalname(client: Client, flags: Parsed) -> int:
    """Create an ExternalName service."""
    if not flags.has("external-name"):
        raise KubectlError('required flag(s) "external-name" not set')
    name, ports = name_of(flags, "service externalname"), _ports(flags, needed=False)
    if not _HOST_NAME.fullmatch(flags["external-name"]):
        raise KubectlError(f"invalid service external name {flags['external-name']}")
    made = generators.service(
        name, own_namespace(client), "ExternalName", ports=ports, external_name=flags["external-name"]
    )
    return create_typed(client, flags, made, "ExternalName service: ")


@verb(
    "create serviceaccount",
    flags=COMMON,
    usage="create serviceaccount NAME [options]",
    summary="Create a service account",
    aliases=("create sa",),
)
def create_serviceaccount(client: Client, flags: Parsed) -> int:
    """Create a service account."""
    made = generators.service_account(name_of(flags, "serviceaccount"), own_namespace(client))
    return create_typed(client, flags, made, "serviceaccount: ")


@verb(
    "create ingress",
    flags=(
        *COMMON,
        Flag("rule", "array", help="host/path=service:port[,tls[=secret]]"),
        Flag("class", help="the ingress class"),
        Flag("default-backend", help="service:port"),
        Flag("annotation", "array", help="annotation=value"),
    ),
    usage="create ingress NAME --rule=host/path=service:port[,tls[=secret]] [options]",
    summary="Create an ingress with the specified name",
    aliases=("create ing",),
)
def create_ingress(client: Client, flags: Parsed) -> int:
    """Create an ingress."""
    name = name_of(flags, "ingress")
    if not flags["rule"] and not flags["default-backend"]:
        raise KubectlError(
            "not enough information provided: every ingress has to either specify a default-backend "
            "(which catches all traffic) or a list of rules (which catch specific paths)"
        )
    made = generators.ingress(
        name,
        own_namespace(client),
        flags["rule"],
        ingress_class=flags["class"],
        default_backend=flags["default-backend"],
        annotations=dict(_annotation(entry) for entry in flags["annotation"]),
    )
    return create_typed(client, flags, made, "ingress: ")


def _annotation(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise KubectlError(f"annotation {text} is invalid and should be in format key=[value]")
    return key, value
