"""`kubectl config set`, `unset` and what makes, renames and deletes entries of the kubeconfig."""

from typing import Any

from svclab.terminal.commands.kubectl import help_text, kubeconfig
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.config import require_arguments
from svclab.terminal.commands.kubectl.errors import KubectlError, UsageError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import VERBS, verb

Manifest = dict[str, Any]

_PARTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
_TOP = ("current-context", "preferences")


@verb(
    "config set",
    flags=(Flag("set-raw-bytes", "bool", help="do not decode base64"),),
    usage="config set PROPERTY_NAME PROPERTY_VALUE [options]",
    summary="Set an individual value in a kubeconfig file",
)
def set_property(client: Client, flags: Parsed) -> int:
    """Set `current-context` or `contexts.NAME.namespace`."""
    require_arguments(client, flags, 2)
    name, value = flags.args
    _save_changed(client, name, {"true": True, "false": False}.get(value, value))
    client.print(f'Property "{name}" set.')
    return 0


@verb(
    "config unset",
    usage="config unset PROPERTY_NAME [options]",
    summary="Unset an individual value in a kubeconfig file",
)
def unset_property(client: Client, flags: Parsed) -> int:
    """Remove a value or an entry."""
    require_arguments(client, flags, 1)
    _save_changed(client, flags.args[0], None)
    client.print(f'Property "{flags.args[0]}" unset.')
    return 0


def _save_changed(client: Client, name: str, value: Any) -> None:
    """Save the configuration with one property changed, or removed with None. Raises KubectlError."""
    part, *steps = name.split(".")
    config = dict(client.config)
    if part in _PARTS:
        config[part] = _entries(config.get(part) or [], _PARTS[part], steps, value)
    elif part == "preferences" and steps:
        config[part] = {**(config.get(part) or {}), steps[0]: value}
    elif part in _TOP and not steps:
        config[part] = value if value is not None else "" if part == "current-context" else {}
    else:
        raise KubectlError(f"unable to parse {name} after [] at api.Config")
    kubeconfig.save(client.context, config)


def _entries(entries: list[Manifest], key: str, steps: list[str], value: Any) -> list[Manifest]:
    if not steps:
        return []
    others = [entry for entry in entries if entry["name"] != steps[0]]
    found = next((entry for entry in entries if entry["name"] == steps[0]), {"name": steps[0], key: {}})
    if len(steps) == 1 or (value is None and found not in entries):
        return others
    settings = {**(found.get(key) or {}), steps[1]: value}
    settings = {name: setting for name, setting in settings.items() if setting is not None}
    return sorted([*others, {"name": steps[0], key: settings}], key=lambda entry: entry["name"])


@verb(
    "config set-cluster",
    flags=(
        Flag("insecure-skip-tls-verify", "bool", help="do not check the server's certificate"),
        Flag("certificate-authority", help="file of the authority's certificate"),
        Flag("embed-certs", "bool", help="copy the certificate into the file"),
        Flag("tls-server-name", help="the name in the server's certificate"),
        Flag("proxy-url", help="a proxy to go through"),
    ),
    usage="config set-cluster NAME [--server=server] [options]",
    summary="Set a cluster entry in kubeconfig",
)
def set_cluster(client: Client, flags: Parsed) -> int:
    """Change or make a cluster entry."""
    names = ("server", "insecure-skip-tls-verify", "certificate-authority", "tls-server-name", "proxy-url")
    _set_entry(client, flags, "clusters", names)
    client.print(f'Cluster "{flags.args[0]}" set.')
    return 0


@verb(
    "config set-credentials",
    flags=(
        Flag("username", help="user name for basic authentication"),
        Flag("password", help="password for basic authentication"),
        Flag("client-certificate", help="file of the user's certificate"),
        Flag("client-key", help="file of its key"),
        Flag("embed-certs", "bool", help="copy the certificate into the file"),
    ),
    usage="config set-credentials NAME [--token=bearer_token] [options]",
    summary="Set a user entry in kubeconfig",
)
def set_credentials(client: Client, flags: Parsed) -> int:
    """Change or make a user entry."""
    _set_entry(client, flags, "users", ("token", "username", "password", "client-certificate", "client-key"))
    client.print(f'User "{flags.args[0]}" set.')
    return 0


def _set_entry(client: Client, flags: Parsed, part: str, names: tuple[str, ...]) -> None:
    require_arguments(client, flags, 1)
    entries, key = client.config.get(part) or [], _PARTS[part]
    found = kubeconfig.entry(client.config, part, flags.args[0]) or {}
    settings = {**(found.get(key) or {}), **{name: flags[name] for name in names if flags.has(name)}}
    if part == "clusters":
        settings = {"server": "", **settings}
    others = [entry for entry in entries if entry is not found]
    changed = sorted([*others, {"name": flags.args[0], key: settings}], key=lambda entry: entry["name"])
    kubeconfig.save(client.context, {**client.config, part: changed})


@verb(
    "config rename-context",
    usage="config rename-context CONTEXT_NAME NEW_NAME [options]",
    summary="Rename a context from the kubeconfig file",
)
def rename_context(client: Client, flags: Parsed) -> int:
    """Give a context another name."""
    require_arguments(client, flags, 2)
    old, new = flags.args
    found = kubeconfig.entry(client.config, "contexts", old)
    if found is None:
        raise KubectlError(f'cannot rename the context "{old}", it\'s not in {kubeconfig.PATH}')
    if kubeconfig.entry(client.config, "contexts", new) is not None:
        raise KubectlError(
            f'cannot rename the context "{old}", the context "{new}" already exists in {kubeconfig.PATH}'
        )
    others = [entry for entry in client.config["contexts"] if entry is not found]
    config = {**client.config, "contexts": sorted([*others, {**found, "name": new}], key=lambda e: e["name"])}
    if config.get("current-context") == old:
        config["current-context"] = new
    kubeconfig.save(client.context, config)
    client.print(f'Context "{old}" renamed to "{new}".')
    return 0


@verb(
    "config delete-cluster",
    usage="config delete-cluster NAME [options]",
    summary="Delete the specified cluster from the kubeconfig",
)
def delete_cluster(client: Client, flags: Parsed) -> int:
    """Forget a cluster entry."""
    if not flags.args:
        client.context.stdout.write(help_text.of_command(VERBS[client.command]))
        return 0
    return _delete(client, "clusters", flags.args[0])


@verb(
    "config delete-user",
    usage="config delete-user NAME [options]",
    summary="Delete the specified user from the kubeconfig",
)
def delete_user(client: Client, flags: Parsed) -> int:
    """Forget a user entry."""
    if len(flags.args) != 1:
        raise UsageError("user to delete is required", "config delete-user")
    return _delete(client, "users", flags.args[0])


def _delete(client: Client, part: str, name: str) -> int:
    word = _PARTS[part]
    if kubeconfig.entry(client.config, part, name) is None:
        raise KubectlError(f"cannot delete {word} {name}, not in {kubeconfig.PATH}")
    kept = [entry for entry in client.config[part] if entry["name"] != name]
    kubeconfig.save(client.context, {**client.config, part: kept})
    client.print(f"deleted {word} {name} from {kubeconfig.PATH}")
    return 0
