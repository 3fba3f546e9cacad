"""~/.kube/config in the learner's files: the current context and its namespace.

The file is the learner's own; where there is none, kubectl works as with the one made here.
"""

from typing import Any
from urllib.parse import urlsplit

from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.flags import Parsed
from svclab.terminal.commands.kubectl.yaml_text import to_yaml
from svclab.terminal.commands.registry import Context
from svclab.terminal.files import HOME
from svclab.terminal.manifests import ManifestError, read_one

Manifest = dict[str, Any]

PATH = f"{HOME}/.kube/config"
CONTEXT_NAME = "svclab"
SERVER = "http://svclab/k8s"


def fresh() -> Manifest:
    """The configuration that a new learner has."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "current-context": CONTEXT_NAME,
        "clusters": [{"name": CONTEXT_NAME, "cluster": {"server": SERVER}}],
        "contexts": [{"name": CONTEXT_NAME, "context": {"cluster": CONTEXT_NAME, "user": CONTEXT_NAME}}],
        "users": [{"name": CONTEXT_NAME, "user": {}}],
    }


def load(context: Context, name: str = "") -> Manifest:
    """The configuration, of another file when it is named. Raises KubectlError when the file is not one."""
    text = context.files.find(context.path(name) if name else PATH)
    if text is None:
        if name:
            raise KubectlError(f"stat {name}: no such file or directory")
        return fresh()
    try:
        found = read_one(text) or {}
    except ManifestError as problem:
        raise KubectlError(f'error loading config file "{PATH}": {problem}') from None
    if not isinstance(found, dict):
        raise KubectlError(
            f'error loading config file "{PATH}": json: cannot unmarshal into Go value of type v1.Config'
        )
    return {**fresh(), **found}


def save(context: Context, config: Manifest) -> None:
    """Write the configuration to the learner's files."""
    directory = PATH.rpartition("/")[0]
    if not context.files.is_directory(directory):
        context.files.make_directory(directory)
    context.files.write(PATH, to_yaml(config))


def entry(config: Manifest, part: str, name: str) -> Manifest | None:
    """A named entry of `contexts`, `clusters` or `users`, or None."""
    return next((found for found in config.get(part) or [] if found.get("name") == name), None)


def current_context(config: Manifest, override: str = "") -> Manifest:
    """The settings of the current context (or of `override`); {} when there is none."""
    found = entry(config, "contexts", override or config.get("current-context", ""))
    return (found or {}).get("context") or {}


def server_of(config: Manifest, flags: Parsed) -> str:
    """The API server's address that the configuration and the flags lead to.

    Raises KubectlError when they name a context, a cluster or a user that is not there.
    """
    name = flags["context"] or config.get("current-context") or ""
    if name and entry(config, "contexts", name) is None:
        raise KubectlError(
            f"Error in configuration: context was not found for specified context: {name}", bare=True
        )
    settings = current_context(config, name)
    if flags["user"] and isinstance(flags["user"], str) and entry(config, "users", flags["user"]) is None:
        raise KubectlError(f'auth info "{flags["user"]}" does not exist')
    if flags["server"]:
        return flags["server"]
    cluster = entry(config, "clusters", flags["cluster"] or settings.get("cluster", ""))
    if cluster is None and flags["cluster"]:
        raise KubectlError(f'no server found for cluster "{flags["cluster"]}"')
    return ((cluster or {}).get("cluster") or {}).get("server") or "http://localhost:8080"


def is_reachable(server: str) -> bool:
    """Whether an address is that of the learner's API server: nothing else answers on this laptop."""
    return urlsplit(server).path.startswith("/k8s")
