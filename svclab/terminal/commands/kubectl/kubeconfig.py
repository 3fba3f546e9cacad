"""~/.kube/config in the learner's files: the current context and its namespace.

The file is the learner's own; where there is none, kubectl works as with the one made here.
"""

from typing import Any

from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.yaml_text import to_yaml
from svclab.terminal.commands.registry import Context
from svclab.terminal.files import HOME, FileError
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


def load(context: Context) -> Manifest:
    """The configuration. Raises KubectlError when the file is not one."""
    try:
        text = context.files.read(PATH)
    except FileError:
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
    """The settings of the current context (or of `override`); {} when there is none.

    Raises KubectlError when `override` names a context that is not there.
    """
    found = entry(config, "contexts", override or config.get("current-context", ""))
    if found is None and override:
        raise KubectlError(f'context "{override}" does not exist')
    return (found or {}).get("context") or {}
