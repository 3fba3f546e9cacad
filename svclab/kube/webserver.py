"""What a pod's web server answers: the files that its command and its volumes put into the web root.

The commands are those of the tutorial and of what learners write after it: `echo` and `printf` into files,
`mkdir`, `cp`, `rm`, then `exec nginx`. Source: nginx 1.25 (headers, error pages), dash, Debian's hostname and
date.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache, lru_cache
from json import dumps

from svclab.kube.listeners import image_name, listeners_of
from svclab.kube.poddns import hostname
from svclab.kube.podenv import environment, expand
from svclab.kube.snapshot import Manifest, Snapshot
from svclab.linux.packet import Protocol

WEB_ROOT = "/usr/share/nginx/html"
NGINX_VERSIONS = {"1.25": "1.25.5", "1.26": "1.26.3", "1.27": "1.27.5", "1.28": "1.28.0", "1.29": "1.29.0"}
LATEST_NGINX = "1.29.0"
REASONS = {200: "OK", 301: "Moved Permanently", 403: "Forbidden", 404: "Not Found", 405: "Not Allowed",
           503: "Service Unavailable"}  # fmt: skip
TYPES = {
    "html": "text/html",
    "htm": "text/html",
    "txt": "text/plain",
    "css": "text/css",
    "js": "application/javascript",
    "json": "application/json",
    "xml": "text/xml",
}
WELCOME = """\
<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>This is the page of a web server that nobody has given pages yet.</p>
</body>
</html>
"""


FoundAtStart = Callable[[Manifest, str], list[Manifest] | None]  # (pod, container) -> Services


def not_known(pod: Manifest, container: str) -> None:
    """What a container found at its start, where nobody has noted it."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Status, headers in order, and the body's bytes."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def reason(self) -> str:
        """The words after the status."""
        return REASONS.get(self.status, "")


def web_response(
    snapshot: Snapshot,
    server_host: str,
    path: str,
    *,
    port: int = 80,
    now: datetime | None = None,
    method: str = "GET",
    found: FoundAtStart = not_known,
) -> HttpResponse:
    """The answer of whatever listens on `port` of a host (`pod/NS/NAME` or `node/NAME`) to a request for
    `path`.

    `now` is what `date` and the Date header say; without it the container's start. `found` tells the Services
    that a container has found at its start.
    """
    if server_host.startswith("pod/"):
        _, namespace, name = server_host.split("/")
        pod = snapshot.get("Pod", namespace, name)
        return _pod_response(snapshot, pod, path, port, now, method, found) if pod else HttpResponse(404)
    node = server_host.partition("/")[2]
    for pod in snapshot.list("Pod"):
        spec = pod["spec"]
        if spec.get("hostNetwork") and spec.get("nodeName") == node and _serves(pod, port):
            return _pod_response(snapshot, pod, path, port, now, method, found)
    return _node_response(snapshot, node, port)


def _serves(pod: Manifest, port: int) -> bool:
    listening = listeners_of(pod)
    return (Protocol.TCP, port) in listening or any(
        each.get("containerPort") == port for c in pod["spec"]["containers"] for each in c.get("ports") or ()
    )


def _node_response(snapshot: Snapshot, node: str, port: int) -> HttpResponse:
    """kube-proxy's health check of a Service: are there ready endpoints on this node."""
    for service in snapshot.list("Service"):
        if service["spec"].get("healthCheckNodePort") == port:
            metadata = service["metadata"]
            local = _local_endpoints(snapshot, metadata["namespace"], metadata["name"], node)
            service_name = {"namespace": metadata["namespace"], "name": metadata["name"]}
            answer = {"service": service_name, "localEndpoints": local, "serviceProxyHealthy": True}
            headers = (("Content-Type", "application/json"), ("X-Load-Balancing-Endpoint-Weight", str(local)))
            return HttpResponse(200 if local else 503, headers, dumps(answer, indent="\t").encode())
    return HttpResponse(200, (("Content-Type", "text/plain; charset=utf-8"),), b"ok")


def _local_endpoints(snapshot: Snapshot, namespace: str, name: str, node: str) -> int:
    slices = (
        s
        for s in snapshot.list("EndpointSlice", namespace)
        if (s["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
    )
    ready = {
        endpoint["addresses"][0]
        for each in slices
        for endpoint in each.get("endpoints") or ()
        if endpoint.get("nodeName") == node and (endpoint.get("conditions") or {}).get("ready", True)
    }
    return len(ready)


def _pod_response(
    snapshot: Snapshot,
    pod: Manifest,
    path: str,
    port: int,
    now: datetime | None,
    method: str,
    found: FoundAtStart,
) -> HttpResponse:
    container = _server_container(pod, port)
    started = _started(pod, container) or now or datetime(1970, 1, 1, tzinfo=UTC)
    server = _Server(f"nginx/{_nginx_version(container.get('image', ''))}", started, now or started)
    if "nginx" not in image_name(container.get("image", "")):
        body = f"{pod['metadata']['name']}\n".encode()
        return server.page(200, body, "text/plain")
    files = web_files(snapshot, pod, container, started, found)
    return server.answer(path.partition("?")[0], files, method)


def _server_container(pod: Manifest, port: int) -> Manifest:
    """The container that serves the port: the one that declares it, else the first web server."""
    containers: list[Manifest] = pod["spec"]["containers"]
    for container in containers:
        if any(each.get("containerPort") == port for each in container.get("ports") or ()):
            return container
    return next((c for c in containers if "nginx" in c.get("image", "")), containers[0])


def _started(pod: Manifest, container: Manifest) -> datetime | None:
    status = pod.get("status") or {}
    texts = [
        ((each.get("state") or {}).get("running") or {}).get("startedAt")
        for each in status.get("containerStatuses") or ()
        if each["name"] == container["name"]
    ]
    text = next((t for t in texts if t), status.get("startTime"))
    return datetime.fromisoformat(text) if text else None


def _nginx_version(image: str) -> str:
    tag = image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else ""
    number = re.match(r"\d+\.\d+(\.\d+)?", tag)
    if not number:
        return LATEST_NGINX
    return number[0] if number[1] else NGINX_VERSIONS.get(number[0], f"{number[0]}.0")


@dataclass(frozen=True, slots=True)
class _Server:
    """nginx with its name in the headers, its files' time and the time now."""

    name: str
    modified: datetime
    now: datetime

    def answer(self, path: str, files: Mapping[str, str], method: str) -> HttpResponse:
        wanted = WEB_ROOT + (path if path.startswith("/") else f"/{path}")
        if method not in ("GET", "HEAD"):
            return self.error(405)
        if wanted.endswith("/"):
            if wanted + "index.html" in files:
                return self.file(files[wanted + "index.html"], "index.html")
            return self.error(403 if _is_directory(wanted, files) else 404)
        if wanted in files:
            return self.file(files[wanted], path)
        return self.error(301 if _is_directory(wanted + "/", files) else 404, path)

    def file(self, text: str, name: str) -> HttpResponse:
        body = text.encode()
        kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        etag = f'"{int(self.modified.timestamp()):x}-{len(body):x}"'
        return self.page(
            200,
            body,
            kind,
            (("Last-Modified", _http_date(self.modified)),),
            (("ETag", etag), ("Accept-Ranges", "bytes")),
        )

    def error(self, status: int, path: str = "") -> HttpResponse:
        title = f"{status} {REASONS[status]}"
        body = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
            f"<hr><center>{self.name}</center>\r\n</body>\r\n</html>\r\n"
        )
        extra = (("Location", f"{path}/"),) if status == 301 else ()
        return self.page(status, body.encode(), "text/html", extra)

    def page(
        self,
        status: int,
        body: bytes,
        kind: str,
        before: tuple[tuple[str, str], ...] = (),
        after: tuple[tuple[str, str], ...] = (),
    ) -> HttpResponse:
        headers = (
            ("Server", self.name),
            ("Date", _http_date(self.now)),
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            *before,
            ("Connection", "keep-alive"),
            *after,
        )
        return HttpResponse(status, headers, body)


def _http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _is_directory(path: str, files: Mapping[str, str]) -> bool:
    return path == WEB_ROOT + "/" or any(name.startswith(path) for name in files)


def web_files(
    snapshot: Snapshot, pod: Manifest, container: Manifest, started: datetime, found: FoundAtStart = not_known
) -> dict[str, str]:
    """Path -> text of everything under the container's web root, once its command has run."""
    files = {f"{WEB_ROOT}/index.html": WELCOME}
    for path, contents in _mounted(snapshot, pod, container).items():
        if contents is not None:
            files = {name: text for name, text in files.items() if not name.startswith(path + "/")}
            files |= contents

    @cache
    def variables() -> Mapping[str, str]:
        return environment(pod, container["name"], snapshot, found(pod, container["name"]))

    script = _Script(pod, variables, started, files)
    for each in (*_init_containers(pod, container), container):
        script.run_command([*(each.get("command") or ()), *(each.get("args") or ())])
    return script.files


def _init_containers(pod: Manifest, container: Manifest) -> list[Manifest]:
    """Init containers that write into a volume which the server mounts as its web root."""
    mounts = {m["name"]: m["mountPath"].rstrip("/") for m in container.get("volumeMounts") or ()}
    roots = {name for name, path in mounts.items() if path == WEB_ROOT}
    return [
        each
        for each in pod["spec"].get("initContainers") or ()
        if any(
            m["name"] in roots and m["mountPath"].rstrip("/") == WEB_ROOT
            for m in each.get("volumeMounts") or ()
        )
    ]


def _mounted(snapshot: Snapshot, pod: Manifest, container: Manifest) -> dict[str, dict[str, str] | None]:
    """Mount path -> files, for the ConfigMaps and empty directories mounted at or below the web root."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    found: dict[str, dict[str, str] | None] = {}
    for mount in container.get("volumeMounts") or ():
        path = mount["mountPath"].rstrip("/")
        volume = volumes.get(mount["name"], {})
        if not path.startswith(WEB_ROOT):
            continue
        data: Mapping[str, str] = {}
        if "configMap" in volume:
            name = volume["configMap"]["name"]
            data = (snapshot.get("ConfigMap", pod["metadata"]["namespace"], name) or {}).get("data") or {}
        if mount.get("subPath"):
            found[path] = {path: data[mount["subPath"]]} if mount["subPath"] in data else None
        else:
            found[path] = {f"{path}/{key}": text for key, text in data.items()}
    return found


_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)|`([^`]*)`|\$\{(\w+)\}|\$(\w+)")


@lru_cache(maxsize=512)
def _split(line: str) -> tuple[str, ...]:
    """Words with their quotes. Pods of one template are asked again and again, and run the same lines."""
    lexer = shlex.shlex(line, posix=False, punctuation_chars=">")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return tuple(lexer)
    except ValueError:
        return ()


@dataclass
class _Script:
    """The few shell commands that fill a web root."""

    pod: Manifest
    variables: Callable[[], Mapping[str, str]]
    started: datetime
    files: dict[str, str] = field(default_factory=dict)

    def run_command(self, command: list[str]) -> None:
        """Run what `sh -c` is given; other commands write no files."""
        if "-c" in command[:-1]:
            text = command[command.index("-c") + 1]
            if "$(" in text or "$$" in text:  # the kubelet replaces these before the shell sees them
                text = expand(text, self.variables())
            for line in re.split(r"\n|;(?=(?:[^\"']|\"[^\"]*\"|'[^']*')*$)|&&", text.replace("\\\n", " ")):
                self.run_line(line.strip())

    def run_line(self, line: str) -> None:
        words = self.words(line)
        if not words or words[0].startswith("#"):
            return
        match words:
            case ["echo" | "printf" as name, *rest] if ">" in rest or ">>" in rest:
                self.write(name, rest)
            case ["cp", source, target] if source in self.files:
                self.files[target] = self.files[source]
            case ["rm", *names]:
                for name in names:
                    self.files.pop(name, None)
            case _:
                pass

    def words(self, line: str) -> list[str]:
        """Words as the shell makes them; text in single quotes is left alone."""
        return [self.expanded(word) for word in _split(line)]

    def expanded(self, word: str) -> str:
        parts = re.findall(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|[^'\"]+", word)
        return "".join(
            part[1:-1]
            if part.startswith("'")
            else self.substituted(part.strip('"') if part[0] == '"' else part)
            for part in parts
        )

    def substituted(self, text: str) -> str:
        text = _SUBSTITUTION.sub(self.value, text)
        return re.sub(r'\\(["\\$`])', r"\1", text)

    def value(self, found: re.Match[str]) -> str:
        command, older, braced, name = found.groups()
        if braced or name:
            return self.variables().get(braced or name, "")
        return self.output((command or older).split())

    def output(self, command: list[str]) -> str:
        """What a command inside `$( )` prints."""
        match command:
            case ["hostname", "-i" | "-I"]:
                return (self.pod.get("status") or {}).get("podIP", "")
            case ["hostname"]:
                return hostname(self.pod)
            case ["date"]:
                return self.started.astimezone(UTC).strftime("%a %b %e %H:%M:%S UTC %Y")
            case ["cat", path]:
                return self.files.get(path, "").rstrip("\n")
            case _:
                return ""

    def write(self, name: str, words: list[str]) -> None:
        at = next(i for i, word in enumerate(words) if word in (">", ">>"))
        text, path = words[:at], words[at + 1] if at + 1 < len(words) else ""
        newline = name == "echo"
        if text and text[0] in ("-n", "-e"):
            newline = newline and text[0] != "-n"
            text = text[1:]
        body = " ".join(text) + ("\n" if newline else "")
        if name == "printf":
            body = body.replace("\\n", "\n")
        self.files[path] = (self.files.get(path, "") if words[at] == ">>" else "") + body
