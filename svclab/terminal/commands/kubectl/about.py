"""`kubectl version`, `cluster-info`, `top`, `options`, `help` and what is not available here."""

import json
from typing import Any

from svclab.terminal.commands.kubectl import help_text, kubeconfig, verbs
from svclab.terminal.commands.kubectl.builder import resource_of
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.create import no_kustomize
from svclab.terminal.commands.kubectl.errors import KubectlError, UsageError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import group, resolve, verb
from svclab.terminal.commands.kubectl.yaml_text import to_yaml

Manifest = dict[str, Any]

CLIENT_VERSION = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.1",
    "gitCommit": "8adc0f041b8e7ad1d30e29cc59c6ae7a15e19828",
    "gitTreeState": "clean",
    "buildDate": "2025-05-15T08:27:33Z",
    "goVersion": "go1.24.2",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_KUSTOMIZE_VERSION = "v5.6.0"


@verb(
    "version",
    flags=(verbs.OUTPUT, Flag("client", "bool", help="only the client's version")),
    usage="version [options]",
    summary="Print the client and server version information",
)
def version(client: Client, flags: Parsed) -> int:
    """Print versions."""
    if flags.args:
        raise KubectlError(f"extra arguments: [{' '.join(flags.args)}]")
    found: Manifest = {"clientVersion": CLIENT_VERSION, "kustomizeVersion": _KUSTOMIZE_VERSION}
    if not flags["client"]:
        found["serverVersion"] = client.get("/version", [("timeout", "32s")])
    match flags["output"]:
        case "json":
            client.context.stdout.write(json.dumps(found, indent=2) + "\n")
        case "yaml":
            client.context.stdout.write(to_yaml(found) + "\n")
        case "":
            client.print(
                f"Client Version: {CLIENT_VERSION['gitVersion']}\nKustomize Version: {_KUSTOMIZE_VERSION}"
            )
            if "serverVersion" in found:
                client.print(f"Server Version: {found['serverVersion']['gitVersion']}")
        case _:
            raise KubectlError("--output must be 'yaml' or 'json'")
    if "serverVersion" in found:
        _warn_of_skew(client, found["serverVersion"])
    return 0


def _warn_of_skew(client: Client, server: Manifest) -> None:
    ours, theirs = int(CLIENT_VERSION["minor"]), int(server.get("minor", "0").rstrip("+") or 0)
    if abs(ours - theirs) > 1:
        client.note(
            f"WARNING: version difference between client (1.{ours}) and server (1.{theirs}) exceeds the "
            "supported minor "
            "version skew of +/-1"
        )


@verb("cluster-info", usage="cluster-info [flags] [options]", summary="Display cluster information")
def cluster_info(client: Client, flags: Parsed) -> int:
    """Say where the API server is."""
    cluster = kubeconfig.current_context(client.config).get("cluster", "")
    entry = kubeconfig.entry(client.config, "clusters", cluster) or {}
    server = flags["server"] or (entry.get("cluster") or {}).get("server", kubeconfig.SERVER)
    query = [("labelSelector", "kubernetes.io/cluster-service=true")]
    services = client.get("/api/v1/namespaces/kube-system/services", query).get("items") or []
    green, yellow, plain = (
        ("\x1b[0;32m", "\x1b[0;33m", "\x1b[0m") if client.context.stdout.isatty() else ("", "", "")
    )
    client.print(f"{green}Kubernetes control plane{plain} is running at {yellow}{server}{plain}")
    for service in services:
        metadata = service["metadata"]
        name = (metadata.get("labels") or {}).get("kubernetes.io/name") or metadata["name"]
        port = next((p.get("name") for p in service["spec"].get("ports") or [] if p.get("name")), "")
        suffix = f":{port}" if port else ""
        path = f"/api/v1/namespaces/{metadata['namespace']}/services/{metadata['name']}{suffix}/proxy"
        client.print(f"{green}{name}{plain} is running at {yellow}{server}{path}{plain}")
    client.print("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.")
    return 0


@verb("cluster-info dump", usage="cluster-info dump", summary="Not available here: dump everything")
def cluster_info_dump(client: Client, flags: Parsed) -> int:
    """Refused: too long for a screen."""
    raise KubectlError("cluster-info dump is not available in this terminal; see kubectl get all -A -o yaml")


group("top", "Display resource (CPU/memory) usage", usage="[flags] [options]")
_TOP_FLAGS = (
    verbs.SELECTOR,
    verbs.FIELD_SELECTOR,
    verbs.ALL_NAMESPACES,
    Flag("containers", "bool"),
    Flag("sort-by"),
    Flag("no-headers", "bool"),
    Flag("sum", "bool"),
    Flag("use-protocol-buffers", "bool", default=True),
    Flag("show-capacity", "bool"),
)


@verb(
    "top pod",
    flags=_TOP_FLAGS,
    usage="top pod [NAME | -l label] [options]",
    summary="Display resource (CPU/memory) usage of pods",
    aliases=("top pods", "top po"),
)
def top_pod(client: Client, flags: Parsed) -> int:
    """As in a cluster without metrics-server."""
    return _no_metrics(client, flags)


@verb(
    "top node",
    flags=_TOP_FLAGS,
    usage="top node [NAME | -l label] [options]",
    summary="Display resource (CPU/memory) usage of nodes",
    aliases=("top nodes", "top no"),
)
def top_node(client: Client, flags: Parsed) -> int:
    """As in a cluster without metrics-server."""
    return _no_metrics(client, flags)


def _no_metrics(client: Client, flags: Parsed) -> int:
    if flags["sort-by"] not in ("", "cpu", "memory"):
        raise KubectlError("--sort-by accepts only cpu or memory")
    if flags.args and flags["selector"]:
        raise KubectlError("only one of NAME or selector can be provided")
    client.get("/api")
    groups = client.get("/apis").get("groups") or []
    if not any(found.get("name") == "metrics.k8s.io" for found in groups):
        raise KubectlError("Metrics API not available")
    raise KubectlError("metrics not available yet")


@verb("options", usage="options", summary="Print the list of flags inherited by all commands")
def options(client: Client, flags: Parsed) -> int:
    """Print the global flags."""
    client.context.stdout.write(help_text.options())
    return 0


@verb(
    "cp",
    flags=(Flag("container", short="c"), Flag("no-preserve", "bool"), Flag("retries", "int")),
    usage="cp <file-spec-src> <file-spec-dest> [options]",
    summary="Not available here: copy files to and from containers",
)
def cp(client: Client, flags: Parsed) -> int:
    """Refused: simulated containers have no tar."""
    if len(flags.args) != 2:
        raise KubectlError("source and destination are required")
    remote = [":" in spec for spec in flags.args]
    if not any(remote):
        raise KubectlError("one of src or dest must be a remote file specification")
    if all(remote):
        raise KubectlError("one of src or dest must be a local file specification")
    source = flags.args[0]
    if not remote[0] and not client.context.files.exists(client.context.path(source)):
        raise KubectlError(f"{source} doesn't exist in local filesystem")
    place = next(spec for spec in flags.args if ":" in spec).partition(":")[0]
    namespace, _, pod = place.rpartition("/")
    client.get(resource_of("pods").path(namespace or client.namespace, pod))
    raise KubectlError(
        "cp is not available in this terminal: it needs tar in the container; use kubectl exec POD -- "
        "cat FILE > FILE"
    )


@verb("kustomize", usage="kustomize DIR", summary="Not available here: build a kustomization")
def kustomize(client: Client, flags: Parsed) -> int:
    """Refused."""
    raise no_kustomize(client, flags.args[0] if flags.args else ".")


@verb(
    "proxy",
    flags=(Flag("port", "int", default=8001, short="p"),),
    usage="proxy",
    summary="Not available here: run a proxy to the API server",
)
def proxy(client: Client, flags: Parsed) -> int:
    """Refused."""
    raise KubectlError(
        "proxy is not available in this terminal; kubectl get --raw PATH asks the API server directly"
    )


@verb(
    "completion", usage="completion SHELL", summary="Print shell completion code (the Tab key works already)"
)
def completion(client: Client, flags: Parsed) -> int:
    """Nothing to load: completion is built in."""
    if not flags.args:
        raise UsageError("Shell not specified.", "completion")
    if len(flags.args) > 1:
        raise UsageError("Too many arguments. Expected only the shell type.", "completion")
    if flags.args[0] not in ("bash", "zsh", "fish", "powershell"):
        raise UsageError(f'Unsupported shell type "{flags.args[0]}".', "completion")
    client.print("# completion is built into this terminal")
    return 0


@verb("help", usage="help [command]", summary="Help about any command")
def help_(client: Client, flags: Parsed) -> int:
    """Print the help of a command, or of all."""
    found, _ = resolve(flags.args)
    if flags.args and found is None:
        client.note(f"Unknown help topic [`{'` `'.join(flags.args)}`]")
        client.context.stderr.write(help_text.overview())
        return 0
    client.context.stdout.write(help_text.of_command(found) if found else help_text.overview())
    return 0


group("plugin", "Provides utilities for interacting with plugins", usage="[flags] [options]")


@verb("plugin list", usage="plugin list", summary="List all visible plugin executables on a user's PATH")
def plugin_list(client: Client, flags: Parsed) -> int:
    """There are none."""
    raise KubectlError("unable to find any kubectl plugins in your PATH")


@verb("alpha", usage="alpha", summary="Commands for features in alpha")
def alpha(client: Client, flags: Parsed) -> int:
    """There are none."""
    client.note("No alpha commands are available in this version of kubectl")
    return 0


group("certificate", "Modify certificate resources")


def _decide(client: Client, flags: Parsed) -> int:
    """Certificate signing requests cannot be made in this cluster, so none is found."""
    if not flags.args:
        raise KubectlError("one or more CSRs must be specified as <name> or -f <filename>")
    for name in flags.args:
        client.get(resource_of("certificatesigningrequests").path(name=name))
    return 0


verb(
    "certificate approve", usage="certificate approve NAME", summary="Approve a certificate signing request"
)(_decide)
verb("certificate deny", usage="certificate deny NAME", summary="Deny a certificate signing request")(_decide)
