"""`kubectl create`: from files, and from flags (namespace, deployment, service, configmap, secret ...)."""

import re
from typing import Any

from svclab.terminal.commands.kubectl import generators, verbs
from svclab.terminal.commands.kubectl.builder import Target, file_objects, resource_of_manifest
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError, UsageError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import dry_run_of, group, verb, write_query
from svclab.terminal.commands.kubectl.writing import report, with_last_applied
from svclab.terminal.files import FileError

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
_FROM = (
    Flag("from-literal", "array", help="key=value"),
    Flag("from-file", "array", help="file, or key=file"),
    Flag("from-env-file", "array", help="file with lines key=value"),
    Flag("append-hash", "bool", help="not available here: append a hash to the name"),
)


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
        return KubectlError(f"evalsymlink failure on '{directory}' : lstat {path}: no such file or directory")
    if not any(files.exists(f"{path}/{name}") for name in names):
        return KubectlError(
            "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory "
            f"'{path}'"
        )
    return KubectlError("kustomizations are not available in this terminal; apply the manifests with -f")


def _create_typed(
    client: Client, flags: Parsed, manifest: Manifest, failed_to: str = "", manager: str = "kubectl-create"
) -> int:
    """Create an object made from flags; `failed_to` begins the message when the server refuses."""
    dry_run = dry_run_of(flags)
    resource = resource_of_manifest(manifest, "")
    namespace = client.namespace if resource.namespaced else ""
    name = manifest["metadata"]["name"]
    if flags["save-config"]:
        manifest = with_last_applied(generators.without_nulls(manifest))
    if dry_run != "client":
        query = write_query(client, manager, dry_run, strict=True)
        try:
            manifest = client.create(resource, namespace, generators.without_nulls(manifest), query)
        except ApiError as refusal:
            if failed_to:
                raise KubectlError(f"failed to create {failed_to}{refusal.message}") from None
            raise
    report(client, Target(resource, namespace, name), manifest, "created", dry_run)
    return 0


def own_namespace(client: Client) -> str:
    """The namespace that a generated object names: only one that was asked for."""
    return client.namespace if client.namespace_given else _configured(client)


def _configured(client: Client) -> str:
    return client.namespace if client.namespace != "default" else ""


def _name(flags: Parsed, command: str) -> str:
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
    return _create_typed(client, flags, generators.namespace_object(_name(flags, "namespace")))


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
    if not flags["image"]:
        raise KubectlError('required flag(s) "image" not set')
    name = _name(flags, "deployment")
    command = flags.args[flags.dash :] if flags.dash is not None else []
    if command and len(flags["image"]) > 1:
        raise KubectlError("cannot specify multiple --image options and command")
    port = flags["port"] if flags["port"] != -1 else None
    made = generators.deployment(
        name, own_namespace(client), flags["image"], flags["replicas"], port, command
    )
    return _create_typed(client, flags, made, "deployment: ")


group("create service", "Create a service using a specified subcommand", aliases=("create svc",))


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
    name, address = _name(flags, "service clusterip"), flags["clusterip"]
    ports = _ports(flags, needed=address != "None")
    made = generators.service(name, own_namespace(client), "ClusterIP", ports=ports, cluster_ip=address)
    return _create_typed(client, flags, made, "ClusterIP service: ")


@verb(
    "create service nodeport",
    flags=(*COMMON, _TCP, Flag("node-port", "int", help="the port on every node")),
    usage="create service nodeport NAME [--tcp=port:targetPort] [options]",
    summary="Create a NodePort service",
)
def create_nodeport(client: Client, flags: Parsed) -> int:
    """Create a NodePort service."""
    name, ports = _name(flags, "service nodeport"), _ports(flags, flags["node-port"])
    made = generators.service(name, own_namespace(client), "NodePort", ports=ports)
    return _create_typed(client, flags, made, "NodePort service: ")


@verb(
    "create service loadbalancer",
    flags=(*COMMON, _TCP),
    usage="create service loadbalancer NAME [--tcp=port:targetPort] [options]",
    summary="Create a LoadBalancer service",
)
def create_loadbalancer(client: Client, flags: Parsed) -> int:
    """Create a LoadBalancer service."""
    name, ports = _name(flags, "service loadbalancer"), _ports(flags)
    made = generators.service(name, own_namespace(client), "LoadBalancer", ports=ports)
    return _create_typed(client, flags, made, "LoadBalancer service: ")


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
    name, ports = _name(flags, "service externalname"), _ports(flags, needed=False)
    if not _HOST_NAME.fullmatch(flags["external-name"]):
        raise KubectlError(f"invalid service external name {flags['external-name']}")
    made = generators.service(
        name, own_namespace(client), "ExternalName", ports=ports, external_name=flags["external-name"]
    )
    return _create_typed(client, flags, made, "ExternalName service: ")


@verb(
    "create configmap",
    flags=(*COMMON, *_FROM),
    usage="create configmap NAME [--from-literal=key1=value1] [options]",
    summary="Create a config map from files or literals",
    aliases=("create cm",),
)
def create_configmap(client: Client, flags: Parsed) -> int:
    """Create a config map."""
    made = generators.config_map(_name(flags, "configmap"), own_namespace(client), _data(client, flags))
    return _create_typed(client, flags, made, "configmap: ")


group("create secret", "Create a secret with specified type")


@verb(
    "create secret generic",
    flags=(*COMMON, *_FROM, Flag("type", help="the secret's type")),
    usage="create secret generic NAME [--type=string] [--from-literal=key1=value1] [options]",
    summary="Create a secret from a local file, directory, or literal value",
)
def create_secret(client: Client, flags: Parsed) -> int:
    """Create an opaque secret."""
    name, data = _name(flags, "secret generic"), _data(client, flags)
    return _create_typed(
        client, flags, generators.secret(name, own_namespace(client), data, flags["type"]), "secret "
    )


@verb(
    "create secret tls",
    flags=(*COMMON, Flag("cert", help="file of the certificate"), Flag("key", help="of the key")),
    usage="create secret tls NAME --cert=path/to/cert/file --key=path/to/key/file [options]",
    summary="Create a TLS secret",
)
def create_tls_secret(client: Client, flags: Parsed) -> int:
    """Create a TLS secret."""
    name = _name(flags, "secret tls")
    if not flags["cert"] or not flags["key"]:
        raise KubectlError("key and cert must be specified")
    data = {"tls.crt": _file(client, flags["cert"]), "tls.key": _file(client, flags["key"])}
    for part, text in zip(("certificate", "key"), data.values(), strict=True):
        if "-----BEGIN " not in text:
            raise KubectlError(f"tls: failed to find any PEM data in {part} input")
    made = generators.secret(name, own_namespace(client), data, "kubernetes.io/tls")
    return _create_typed(client, flags, made, "secret ")


@verb(
    "create secret docker-registry",
    flags=(
        *COMMON,
        Flag("docker-server", default="https://index.docker.io/v1/", help="the registry"),
        Flag("docker-username", help="user"),
        Flag("docker-password", help="password"),
        Flag("docker-email", help="mail address"),
    ),
    usage="create secret docker-registry NAME --docker-username=user --docker-password=password [options]",
    summary="Create a secret for use with a Docker registry",
)
def create_registry_secret(client: Client, flags: Parsed) -> int:
    """Create a registry secret."""
    name = _name(flags, "secret docker-registry")
    credentials = generators.registry_secret(
        flags["docker-server"], flags["docker-username"], flags["docker-password"], flags["docker-email"]
    )
    kind = "kubernetes.io/dockerconfigjson"
    made = generators.secret(name, own_namespace(client), {".dockerconfigjson": credentials}, kind)
    return _create_typed(client, flags, made, "secret ")


@verb(
    "create serviceaccount",
    flags=COMMON,
    usage="create serviceaccount NAME [options]",
    summary="Create a service account",
    aliases=("create sa",),
)
def create_serviceaccount(client: Client, flags: Parsed) -> int:
    """Create a service account."""
    made = generators.service_account(_name(flags, "serviceaccount"), own_namespace(client))
    return _create_typed(client, flags, made, "serviceaccount: ")


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
    name = _name(flags, "ingress")
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
        annotations=dict(entry.split("=", 1) for entry in flags["annotation"] if "=" in entry),
    )
    return _create_typed(client, flags, made, "ingress: ")


def _data(client: Client, flags: Parsed) -> dict[str, str]:
    data: dict[str, str] = {}
    for literal in flags["from-literal"]:
        key, equals, value = literal.partition("=")
        if not equals or not key:
            raise KubectlError(f"invalid literal source {literal}, expected key=value")
        _add(flags.args[0], data, key, value)
    for source in flags["from-file"]:
        key, equals, path = source.rpartition("=")
        path = path if equals else source
        for found, text in _sources(client, path):
            _add(flags.args[0], data, key or found, text)
    for source in flags["from-env-file"]:
        for line in _file(client, source).splitlines():
            key, _, value = line.strip().partition("=")
            if key and not key.startswith("#"):
                _add(flags.args[0], data, key, value)
    return data


def _add(name: str, data: dict[str, str], key: str, value: str) -> None:
    if key in data:
        raise KubectlError(
            f'cannot add key "{key}", another key by that name already exists in Data for ConfigMap "{name}"'
        )
    data[key] = value


def _sources(client: Client, name: str) -> list[tuple[str, str]]:
    files, path = client.context.files, client.context.path(name)
    if not files.is_directory(path):
        return [(name.rpartition("/")[2], _file(client, name))]
    inside = [entry for entry in files.names(path) if not files.is_directory(f"{path}/{entry}")]
    return [(entry, files.read(f"{path}/{entry}")) for entry in inside]


def _file(client: Client, name: str) -> str:
    try:
        return client.context.files.read(client.context.path(name))
    except FileError:
        raise KubectlError(f"error reading {name}: no such file or directory") from None
