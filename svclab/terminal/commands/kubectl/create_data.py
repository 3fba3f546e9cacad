"""`kubectl create configmap` and `create secret`: data from literals, files and files of variables."""

import hashlib
import re
from typing import Any

from svclab.kube.jsonpath import go_json
from svclab.terminal.commands.kubectl import generators
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.create import COMMON, create_typed, name_of, own_namespace
from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed
from svclab.terminal.commands.kubectl.verbs import group, verb
from svclab.terminal.files import FileError

Manifest = dict[str, Any]

_FROM = (
    Flag("from-literal", "array", help="key=value"),
    Flag("from-file", "array", help="file, or key=file"),
    Flag("from-env-file", "array", help="file with lines key=value"),
    Flag("append-hash", "bool", help="append a hash of the data to the name"),
)
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
VARIABLE_RULE = (
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and "
    "must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for "
    "validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')"
)
_HASH_LETTERS = str.maketrans({"0": "g", "1": "h", "3": "k", "a": "m", "e": "t"})


@verb(
    "create configmap",
    flags=(*COMMON, *_FROM),
    usage="create configmap NAME [--from-literal=key1=value1] [options]",
    summary="Create a config map from files or literals",
    aliases=("create cm",),
)
def create_configmap(client: Client, flags: Parsed) -> int:
    """Create a config map."""
    name = name_of(flags, "configmap")
    made = generators.config_map(name, own_namespace(client), _data(client, flags, name, "ConfigMap"))
    return create_typed(client, flags, _hashed(flags, made), "configmap: ")


group(
    "create secret",
    "Create a secret with specified type",
    usage="(docker-registry | generic | tls) [options]",
)


@verb(
    "create secret generic",
    flags=(*COMMON, *_FROM, Flag("type", help="the secret's type")),
    usage="create secret generic NAME [--type=string] [--from-literal=key1=value1] [options]",
    summary="Create a secret from a local file, directory, or literal value",
)
def create_secret(client: Client, flags: Parsed) -> int:
    """Create an opaque secret."""
    name = name_of(flags, "secret generic")
    data = _data(client, flags, name, "Secret")
    made = generators.secret(name, own_namespace(client), data, flags["type"])
    return create_typed(client, flags, _hashed(flags, made), "secret ")


@verb(
    "create secret tls",
    flags=(*COMMON, Flag("cert", help="file of the certificate"), Flag("key", help="of the key")),
    usage="create secret tls NAME --cert=path/to/cert/file --key=path/to/key/file [options]",
    summary="Create a TLS secret",
)
def create_tls_secret(client: Client, flags: Parsed) -> int:
    """Create a TLS secret."""
    name = name_of(flags, "secret tls")
    if not flags["cert"] or not flags["key"]:
        raise KubectlError("key and cert must be specified")
    failed = "Cannot read file {0}, open {0}: {1}"
    data = {
        "tls.crt": _file(client, flags["cert"], failed),
        "tls.key": _file(client, flags["key"], failed),
    }
    for part, text in zip(("certificate", "key"), data.values(), strict=True):
        if "-----BEGIN " not in text:
            raise KubectlError(f"tls: failed to find any PEM data in {part} input")
    made = generators.secret(name, own_namespace(client), data, "kubernetes.io/tls")
    return create_typed(client, flags, made, "secret ")


@verb(
    "create secret docker-registry",
    flags=(
        *COMMON,
        Flag("docker-server", default="https://index.docker.io/v1/", help="the registry"),
        Flag("docker-username", help="user"),
        Flag("docker-password", help="password"),
        Flag("docker-email", help="mail address"),
        *(flag for flag in _FROM if flag.name in ("from-file", "append-hash")),
    ),
    usage="create secret docker-registry NAME --docker-username=user --docker-password=password [options]",
    summary="Create a secret for use with a Docker registry",
)
def create_registry_secret(client: Client, flags: Parsed) -> int:
    """Create a registry secret."""
    name = name_of(flags, "secret docker-registry")
    given = [flags[f"docker-{part}"] for part in ("server", "username", "password")]
    if not flags["from-file"] and not all(given):
        raise KubectlError(
            "either --from-file or the combination of --docker-username, --docker-password and "
            "--docker-server is required"
        )
    data = {".dockerconfigjson": ""}
    if flags["from-file"]:
        for source in flags["from-file"]:
            data[".dockerconfigjson"] = _file(client, _file_source(source)[1])
    else:
        data[".dockerconfigjson"] = generators.registry_secret(*given, flags["docker-email"])
    made = generators.secret(name, own_namespace(client), data, "kubernetes.io/dockerconfigjson")
    return create_typed(client, flags, _hashed(flags, made), "secret ")


class _Data(dict[str, str]):
    """Keys and values of a ConfigMap or a Secret while they are collected."""

    def __init__(self, name: str, kind: str) -> None:
        super().__init__()
        self._name, self._kind = name, kind

    def add(self, key: str, value: str) -> None:
        """One more. Raises KubectlError for a bad key or one that is there."""
        if not _KEY.fullmatch(key):
            rule = f"not valid key name for a Secret {_KEY_RULE}"
            if self._kind == "ConfigMap":
                rule = f"not a valid key name for a ConfigMap: {_KEY_RULE}"
            raise KubectlError(f'"{key}" is {rule}')
        if key in self and self._kind == "Secret":
            raise KubectlError(f"cannot add key {key}, another key by that name already exists")
        if key in self:
            raise KubectlError(
                f'cannot add key "{key}", another key by that name already exists in Data for ConfigMap '
                f'"{self._name}"'
            )
        self[key] = value


def _data(client: Client, flags: Parsed, name: str, kind: str) -> dict[str, str]:
    if flags["from-env-file"] and (flags["from-file"] or flags["from-literal"]):
        raise KubectlError("from-env-file cannot be combined with from-file or from-literal")
    data = _Data(name, kind)
    for literal in flags["from-literal"]:
        key, equals, value = literal.partition("=")
        if not equals or not key:
            raise KubectlError(f"invalid literal source {literal}, expected key=value")
        data.add(key, value)
    for source in flags["from-file"]:
        key, path = _file_source(source)
        if key and client.context.files.is_directory(client.context.path(path)):
            raise KubectlError("cannot give a key name for a directory path")
        for found, text in _sources(client, path):
            data.add(key or found, text)
    for source in flags["from-env-file"]:
        for line in _file(client, source).splitlines():
            _add_variable(client, data, line.lstrip())
    return data


def _add_variable(client: Client, data: _Data, line: str) -> None:
    if not line or line.startswith("#"):
        return
    key, equals, value = line.partition("=")
    if not VARIABLE.fullmatch(key):
        raise KubectlError(f'"{key}" is not a valid key name: {VARIABLE_RULE}')
    data.add(key, value if equals else client.context.env.get(key, ""))


def _file_source(source: str) -> tuple[str, str]:
    """(key or "", path) of `--from-file`. Raises KubectlError."""
    key, equals, path = source.partition("=")
    if not equals:
        return "", source
    if not key:
        raise KubectlError(f"key name for file path {path} missing")
    if not path:
        raise KubectlError(f"file path for key name {key} missing")
    if "=" in path:
        raise KubectlError("key names or file paths cannot contain '='")
    return key, path


def _sources(client: Client, name: str) -> list[tuple[str, str]]:
    files, path = client.context.files, client.context.path(name)
    if not files.is_directory(path):
        return [(name.rpartition("/")[2], _file(client, name))]
    inside = [entry for entry in files.names(path) if not files.is_directory(f"{path}/{entry}")]
    return [(entry, files.read(f"{path}/{entry}")) for entry in inside]


def _file(client: Client, name: str, failed: str = "error reading {0}: {1}") -> str:
    try:
        return client.context.files.read(client.context.path(name))
    except FileError:
        raise KubectlError(failed.format(name, "no such file or directory")) from None


def _hashed(flags: Parsed, manifest: Manifest) -> Manifest:
    """The object, with --append-hash named after its data. Source: kubectl pkg/util/hash."""
    if not flags["append-hash"]:
        return manifest
    name, kind = manifest["metadata"]["name"], manifest["kind"]
    parts = {"kind": kind, "name": name, "data": manifest.get("data")}
    if kind == "Secret":
        parts["type"] = manifest.get("type", "")
    digest = hashlib.sha256(go_json(parts).encode()).hexdigest()[:10].translate(_HASH_LETTERS)
    return {**manifest, "metadata": {**manifest["metadata"], "name": f"{name}-{digest}"}}
