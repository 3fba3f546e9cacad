"""kubectl's side of the wire: requests to the API server, its warnings and its refusals.

Everything goes through Context.api, as the real client's requests do; nothing here reads the cluster itself.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from svclab.apiserver.dispatch import ApiRequest, Watch
from svclab.apiserver.messages import UNKNOWN, sent_warnings
from svclab.kube.resources import Resource
from svclab.terminal.commands.kubectl import kubeconfig
from svclab.terminal.commands.kubectl.errors import ApiError, KubectlError
from svclab.terminal.commands.kubectl.flags import Parsed
from svclab.terminal.commands.registry import Context

Manifest = dict[str, Any]
Query = Iterable[tuple[str, str]]

JSON = "application/json"
TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,"
    "application/json"
)
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
_NAMESPACED_OBJECT = re.compile(r"/namespaces/([^/]+)/[^/]+/[^/]+$")
_DISCOVERY_ATTEMPTS = 5
USER_AGENT = "kubectl/v1.33.1 (linux/amd64) kubernetes/8adc0f0"


class Client:
    """One kubectl command's connection: its namespace, identity and what the server warned of."""

    def __init__(self, context: Context, flags: Parsed, command: str) -> None:
        self.context = context
        self.flags = flags
        self.command = command
        self.config = kubeconfig.load(context, flags["kubeconfig"])
        settings = kubeconfig.current_context(self.config, flags["context"])
        self.namespace_given = flags.has("namespace") and bool(flags["namespace"])
        self.namespace = flags["namespace"] or settings.get("namespace") or "default"
        self.documents_printed = 0
        self.results: list[Manifest] = []  # objects to show when a command is done
        self.deferred: list[Exception] = []  # what is wrong with files, told when the rest is done
        self.sources: dict[str, str] = {}  # file names by path of the objects read from them
        self._warned: set[str] = set()
        self._connected = False

    def _connect(self) -> None:
        """Raises KubectlError when the kubeconfig leads nowhere, or where nobody answers."""
        if self._connected:
            return
        self._connected = True
        if not re.fullmatch(r"\d+|(\d+\.?\d*(ns|us|µs|ms|s|m|h))+", self.flags["request-timeout"]):
            raise KubectlError(
                "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed "
                "by a corresponding time unit (e.g. 1s | 2m | 3h)"
            )
        if (self.flags["as-group"] or self.flags["as-uid"]) and not self.flags["as"]:
            words = "requesting uid, groups or user-extra for  without impersonating a user"
            raise KubectlError(f"Error in configuration: {words}", bare=True)
        server = kubeconfig.server_of(self.config, self.flags)
        if kubeconfig.is_reachable(server):
            return
        host = urlsplit(server if "//" in server else f"//{server}")
        address = f"{host.hostname}:{host.port or (443 if host.scheme == 'https' else 80)}"
        if not re.fullmatch(r"[\d.]+|localhost", host.hostname or ""):
            raise KubectlError(
                f"Unable to connect to the server: dial tcp: lookup {host.hostname}: no such host", bare=True
            )
        dialled = address.replace("localhost", "127.0.0.1")
        problem = f"dial tcp {dialled}: connect: connection refused"
        asked = f'Get \\"{server}/api?timeout=32s\\": {problem}'
        for _ in range(_DISCOVERY_ATTEMPTS):
            words = f'"Unhandled Error" err="couldn\'t get current server API group list: {asked}"'
            self.log("E", "memcache.go:265", words)
        raise KubectlError(
            f"The connection to the server {host.netloc} was refused - did you specify the right host or "
            "port?",
            bare=True,
        )

    # requests

    def get(self, path: str, query: Query = (), accept: str = JSON) -> Manifest:
        """GET a document. Raises ApiError: about the namespace, when an object is missing because that is."""
        try:
            return self.send("GET", path, query=query, accept=accept)
        except ApiError as refusal:
            shape = _NAMESPACED_OBJECT.search(path)
            if refusal.reason == "NotFound" and shape and shape[1] != "default":
                self.send("GET", f"/api/v1/namespaces/{shape[1]}")
            raise

    def find(self, path: str, query: Query = ()) -> Manifest | None:
        """GET a document, or None where there is none."""
        try:
            return self.get(path, query)
        except ApiError as refusal:
            if refusal.reason == "NotFound":
                return None
            raise

    def list(self, resource: Resource, namespace: str = "", **selectors: str) -> list[Manifest]:
        """The objects of a resource; `namespace` "" means all. Items get their kind and apiVersion."""
        query = [(name, value) for name, value in selectors.items() if value]
        try:
            return items_of(self.get(resource.path(namespace), query), resource)
        except ApiError as refusal:
            labels, fields = selectors.get("labelSelector", ""), selectors.get("fieldSelector", "")
            raise unlisted(refusal, resource, labels, fields) from None

    def create(self, resource: Resource, namespace: str, body: Manifest, query: Query = ()) -> Manifest:
        """POST a new object, without a resourceVersion that it brings from `get -o yaml`, as kubectl does."""
        if body.get("metadata", {}).get("resourceVersion"):
            kept = {name: value for name, value in body["metadata"].items() if name != "resourceVersion"}
            body = {**body, "metadata": kept}
        return self.send("POST", resource.path(namespace), body, query=query)

    def patch(self, path: str, body: Any, kind: str = STRATEGIC, query: Query = ()) -> Manifest:
        """PATCH an object; `kind` is the patch's media type."""
        return self.send("PATCH", path, body, content_type=kind, query=query)

    def delete(self, path: str, options: Manifest | None = None, query: Query = ()) -> Manifest:
        """DELETE an object."""
        return self.send("DELETE", path, options or {"propagationPolicy": "Background"}, query=query)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query = (),
        accept: str = JSON,
        content_type: str = JSON,
    ) -> Manifest:
        """Any request. Raises ApiError with the server's Status."""
        response = self.ask(method, path, body, query=query, accept=accept, content_type=content_type)
        document = json.loads(response.body or b"{}")
        if response.status >= 400:
            raise ApiError(document)
        return document

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query = (),
        accept: str = JSON,
        content_type: str = JSON,
    ) -> Any:
        """Any request; gives the server's whole answer. Its warnings are printed once per command.

        Raises KubectlError where there is no server.
        """
        self._connect()
        problem = segment_problem(self.namespace)
        if problem and f"/namespaces/{self.namespace}/" in path:
            raise KubectlError(f'invalid namespace "{self.namespace}": [{problem}]')
        raw = (
            body
            if isinstance(body, bytes)
            else b""
            if body is None
            else json.dumps(body, sort_keys=True).encode()
        )
        headers = {"Accept": accept, "User-Agent": USER_AGENT, "Kubectl-Command": f"kubectl {self.command}"}
        if raw:
            headers["Content-Type"] = content_type
        headers |= self._identity()
        request = ApiRequest(method, path, list(query), headers, raw)
        if self.flags["token"]:
            request.user = UNKNOWN  # no token is known here: the terminal's own way in needs none
        response = self.context.api(request)
        for warning in sent_warnings(response.warnings):
            self.warn(warning)
        return response

    def watch(
        self, path: str, query: Query = (), *, accept: str = JSON, seconds: float | None = None
    ) -> Iterator[Manifest]:
        """Watch a collection: its events as they come, for so many seconds of the cluster clock (None: ever).

        Raises ApiError when the server refuses, Stopped when the command is cancelled.
        """
        stream = self.ask("GET", path, query=[*query, ("watch", "true")], accept=accept)
        if not isinstance(stream, Watch):
            raise ApiError(json.loads(stream.body))
        cluster, until = self.context.cluster, None
        if seconds is not None:
            until = self.context.now() + timedelta(seconds=seconds)
        news: list[bytes] = []

        def something_happened() -> bool:
            cluster.advance()
            news.extend(stream.news())
            return bool(news) or stream.ended or (until is not None and self.context.now() >= until)

        while True:
            self.context.process.wait(something_happened)
            if not news:
                return
            for line in news:
                yield json.loads(line)
            news.clear()
            if stream.ended:
                return

    def _identity(self) -> dict[str, str]:
        headers = {}
        if self.flags["as"]:
            headers["Impersonate-User"] = self.flags["as"]
        if self.flags["as-group"]:
            headers["Impersonate-Group"] = ",".join(self.flags["as-group"])
        return headers

    # words

    def letters(self, purpose: str) -> str:
        """Five letters that make a name one of its own."""
        return self.context.cluster.dice(f"kubectl {purpose} {self.context.now().isoformat()}").letters(5)

    def change_cause(self) -> str:
        """This command line, as --record keeps it in an annotation: flags last, in order of their names."""
        values = {name: self.flags[name] for name in self.flags.given}
        shown = [f"--{name}={_flag_text(values[name])}" for name in sorted(values)]
        return " ".join(["kubectl", self.command, *self.flags.args, *shown])

    def print(self, text: str) -> None:
        """One line for the learner."""
        self.context.stdout.write(text + "\n")

    def warn(self, text: str) -> None:
        """A warning, once."""
        if text not in self._warned:
            self._warned.add(text)
            self.context.stderr.write(f"Warning: {text}\n")

    def log(self, severity: str, source: str, text: str) -> None:
        """A line of kubectl's logger: severity I, W, E or F, and the place in its source."""
        moment = self.context.now().strftime("%m%d %H:%M:%S.%f")
        self.context.stderr.write(f"{severity}{moment} {self.context.session.pid:>7} {source}] {text}\n")

    def note(self, text: str) -> None:
        """One line on standard error."""
        self.context.stderr.write(text + "\n")


def _flag_text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def items_of(document: Manifest, resource: Resource) -> list[Manifest]:
    """The items of a list, each with kind and apiVersion as kubectl fills them in."""
    head = {"apiVersion": resource.api_version, "kind": resource.kind}
    return [{**head, **item} for item in document.get("items") or []]


def unlisted(refusal: ApiError, resource: Resource, labels: str, fields: str) -> ApiError:
    """A refused list with what was looked for, as kubectl adds it to the server's words."""
    if refusal.reason not in ("BadRequest", "NotFound"):
        return refusal
    name = f"{resource.group}/{resource.version}, Resource={resource.plural}"
    words = f'Unable to list "{name}"'
    if labels or fields:
        words = f'Unable to find "{name}" that match label selector "{labels}", field selector "{fields}"'
    return ApiError({**refusal.status, "message": f"{words}: {refusal.message}"})


def segment_problem(name: str) -> str:
    """Why a name cannot be a part of a URL's path, if it cannot."""
    if name in (".", ".."):
        return f"may not be '{name}'"
    return ", ".join(f"may not contain '{letter}'" for letter in "/%" if letter in name)


class NamespaceMismatch(KubectlError):
    """A manifest names another namespace than the command line."""


def require_namespace_match(client: Client, manifest: Manifest) -> None:
    """A manifest may not name another namespace than `--namespace` does. Raises KubectlError."""
    own = (manifest.get("metadata") or {}).get("namespace")
    if client.namespace_given and own and own != client.namespace:
        raise NamespaceMismatch(
            f'the namespace from the provided object "{own}" does not match the namespace '
            f'"{client.namespace}". '
            f"You must pass '--namespace={own}' to perform this operation."
        )
