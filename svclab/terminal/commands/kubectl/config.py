"""`kubectl config`: the learner's kubeconfig file."""

from typing import Any

from svclab.terminal.commands.kubectl import help_text, kubeconfig, verbs
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError, UsageError, raise_all
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.output import print_document, split_format
from svclab.terminal.commands.kubectl.tabwriter import align
from svclab.terminal.commands.kubectl.verbs import VERBS, group, verb

Manifest = dict[str, Any]

group("config", "Modify kubeconfig files")


@verb("config current-context", usage="config current-context", summary="Display the current-context")
def current_context(client: Client, flags: Parsed) -> int:
    """Print the current context's name."""
    name = client.config.get("current-context")
    if not name:
        raise KubectlError("current-context is not set")
    client.print(name)
    return 0


@verb(
    "config view",
    flags=(
        verbs.OUTPUT,
        Flag("minify", "bool", help="only what the current context uses"),
        Flag("raw", "bool", help="show secrets as they are"),
        Flag("flatten", "bool"),
        verbs.TEMPLATE,
    ),
    usage="config view [flags] [options]",
    summary="Display merged kubeconfig settings or a specified kubeconfig file",
)
def view(client: Client, flags: Parsed) -> int:
    """Print the configuration."""
    if flags.args:
        raise UsageError(f"unexpected arguments: [{' '.join(flags.args)}]", "config view")
    if flags["minify"] and flags["context"]:
        if kubeconfig.entry(client.config, "contexts", flags["context"]) is None:
            raise KubectlError(f"cannot locate context {flags['context']}")
        client.config = {**client.config, "current-context": flags["context"]}
    config = _ordered(_minified(client.config) if flags["minify"] else client.config)
    if not flags["raw"]:
        config = {**config, "users": [_redacted(user) for user in config.get("users") or []]}
    form, _ = split_format(flags["output"] or "yaml", flags["template"])
    if form == "name":
        client.print("config/<unknown>")
    else:
        print_document(client, config, flags["output"] or "yaml", flags["template"], sort_keys=False)
    return 0


def _ordered(config: Manifest) -> Manifest:
    order = ("kind", "apiVersion", "preferences", "clusters", "users", "contexts", "current-context")
    return {key: config.get(key) for key in order}


def _minified(config: Manifest) -> Manifest:
    name = config.get("current-context", "")
    context = kubeconfig.current_context(config)
    keep = {"contexts": name, "clusters": context.get("cluster"), "users": context.get("user")}
    return {
        **config,
        **{part: [e for e in config.get(part) or [] if e["name"] == keep[part]] for part in keep},
    }


def _redacted(user: Manifest) -> Manifest:
    hidden = ("token", "password", "client-key-data")
    settings = {
        key: "REDACTED" if key in hidden else value for key, value in (user.get("user") or {}).items()
    }
    return {**user, "user": settings}


@verb(
    "config get-contexts",
    flags=(verbs.OUTPUT, Flag("no-headers", "bool", help="leave the line with column names out")),
    usage="config get-contexts [(-o|--output=)name)] [options]",
    summary="Describe one or many contexts",
)
def get_contexts(client: Client, flags: Parsed) -> int:
    """List contexts."""
    contexts = client.config.get("contexts") or []
    chosen = [c for c in contexts if not flags.args or c["name"] in flags.args]
    missing = [name for name in flags.args if not any(context["name"] == name for context in contexts)]
    if flags["output"] not in ("", "name"):
        raise KubectlError(
            f"--output {flags['output']} is not available in kubectl config get-contexts; resetting to "
            "default output format"
        )
    if flags["output"] == "name":
        for context in chosen:
            client.print(context["name"])
    else:
        _print_contexts(client, flags, chosen)
    raise_all([KubectlError(f"context {name} not found") for name in missing])
    return 0


def _print_contexts(client: Client, flags: Parsed, chosen: list[Manifest]) -> None:
    lines = [] if flags["no-headers"] else ["CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE"]
    for entry in chosen:
        settings = entry.get("context") or {}
        mark = "*" if entry["name"] == client.config.get("current-context") else ""
        cells = [mark, entry["name"], settings.get("cluster", ""), settings.get("user", "")]
        lines.append("\t".join([*cells, settings.get("namespace", "")]))
    if lines:
        client.context.stdout.write(align("\n".join(lines), min_width=6, padding=3) + "\n")


@verb(
    "config get-clusters", usage="config get-clusters", summary="Display clusters defined in the kubeconfig"
)
def get_clusters(client: Client, flags: Parsed) -> int:
    """List clusters."""
    client.print("NAME")
    for entry in client.config.get("clusters") or []:
        client.print(entry["name"])
    return 0


@verb("config get-users", usage="config get-users", summary="Display users defined in the kubeconfig")
def get_users(client: Client, flags: Parsed) -> int:
    """List users."""
    client.print("NAME")
    for entry in client.config.get("users") or []:
        client.print(entry["name"])
    return 0


@verb(
    "config use-context",
    usage="config use-context CONTEXT_NAME [options]",
    summary="Set the current-context in a kubeconfig file",
    aliases=("config use",),
)
def use_context(client: Client, flags: Parsed) -> int:
    """Choose a context."""
    require_arguments(client, flags, 1)
    name = flags.args[0]
    if kubeconfig.entry(client.config, "contexts", name) is None:
        raise KubectlError(f'no context exists with the name: "{name}"')
    kubeconfig.save(client.context, {**client.config, "current-context": name})
    client.print(f'Switched to context "{name}".')
    return 0


@verb(
    "config set-context",
    flags=(Flag("current", "bool", help="change the current context"),),
    usage="config set-context [NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] "
    "[--namespace=namespace] [options]",
    summary="Set a context entry in kubeconfig",
)
def set_context(client: Client, flags: Parsed) -> int:
    """Change or make a context."""
    if flags["current"] and flags.args:
        raise KubectlError("you cannot specify both a context name and --current")
    if not flags["current"] and not flags.args:
        raise KubectlError("you must specify a non-empty context name or --current")
    if flags.args:
        require_arguments(client, flags, 1)
    name = client.config.get("current-context") if flags["current"] else flags.args[0]
    if not name:
        raise KubectlError("no current context is set")
    found = kubeconfig.entry(client.config, "contexts", name)
    settings = dict((found or {}).get("context") or {})
    for field in ("cluster", "user", "namespace"):
        if flags.has(field):
            settings[field] = flags[field]
    others = [entry for entry in client.config.get("contexts") or [] if entry is not found]
    contexts = sorted([*others, {"name": name, "context": settings}], key=lambda entry: entry["name"])
    kubeconfig.save(client.context, {**client.config, "contexts": contexts})
    client.print(f'Context "{name}" {"modified" if found else "created"}.')
    return 0


def require_arguments(client: Client, flags: Parsed, count: int) -> None:
    """Raises KubectlError for another number of arguments, after the command's help."""
    if len(flags.args) != count:
        client.context.stdout.write(help_text.of_command(VERBS[client.command]))
        word = "unexpected" if client.command == "config set-credentials" else "Unexpected"
        raise KubectlError(f"{word} args: [{' '.join(flags.args)}]")


@verb(
    "config delete-context",
    usage="config delete-context NAME [options]",
    summary="Delete the specified context from the kubeconfig",
)
def delete_context(client: Client, flags: Parsed) -> int:
    """Forget a context."""
    if not flags.args:
        client.context.stdout.write(help_text.of_command(VERBS[client.command]))
        return 0
    name = flags.args[0]
    if kubeconfig.entry(client.config, "contexts", name) is None:
        raise KubectlError(f"cannot delete context {name}, not in {kubeconfig.PATH}")
    kept = [entry for entry in client.config["contexts"] if entry["name"] != name]
    if client.config.get("current-context") == name:
        client.note(
            'warning: this removed your active context, use "kubectl config use-context" to select a '
            "different one"
        )
    kubeconfig.save(client.context, {**client.config, "contexts": kept})
    client.print(f"deleted context {name} from {kubeconfig.PATH}")
    return 0
