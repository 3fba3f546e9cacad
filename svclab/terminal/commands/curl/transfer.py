"""One transfer of curl: the request, what is told of it with -v, and how it ends. Source: curl 7.88.1."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from svclab.apiserver.messages import ANONYMOUS, ApiRequest
from svclab.kube.portforward import Forwarded
from svclab.kube.request import Sent, Target, read_target
from svclab.kube.webserver import HttpResponse
from svclab.linux.trace import Outcome
from svclab.terminal.commands.connecting import (
    LOOKUP_FAILURES,
    REFUSALS,
    SILENCES,
    BadTarget,
    ask,
    milliseconds,
)
from svclab.terminal.commands.curl.addresses import connected_to, malformed, resolved
from svclab.terminal.commands.curl.options import Options
from svclab.terminal.commands.curl.requests import absolute, is_modern, posted, request_lines, response_lines
from svclab.terminal.commands.registry import Context

_API_LISTENER = "kube-apiserver"
ALPINE_TOOLSETS = ("netshoot", "alpine")  # Alpine's curl resolves with c-ares
_CERTIFICATE_WORDS = """\
SSL certificate problem: unable to get local issuer certificate
More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the web page mentioned above."""


@dataclass(slots=True)
class Transfer:
    """What one URL came to. `status` is curl's exit code, `error` its words."""

    url: str
    target: Target | None = None
    sent: Sent | None = None
    response: HttpResponse | None = None
    status: int = 0
    error: str = ""
    reused: bool = False
    duration: timedelta = timedelta()
    method: str = "GET"
    data: str = ""  # the request's body
    output: str | None = None  # the file that the body goes to
    number: int = 0  # of the URL on the command line


@dataclass(slots=True)
class Connections:
    """The connections that this curl keeps open, by scheme, host and port: (number, how it was made)."""

    open: dict[tuple[str, str, int], tuple[int, Sent]] = field(default_factory=dict)
    made: int = 0


def transfer(context: Context, found: Transfer, options: Options, connections: Connections) -> Transfer:
    """Make one request."""
    scheme, separator, _ = found.url.partition("://")
    if separator and scheme not in ("http", "https"):
        return _failed(found, 1, f'Protocol "{scheme}" not supported or disabled in libcurl')
    if wrong := malformed(options.lists.get("resolve", [])):
        return _failed(found, 49, f"Couldn't parse CURLOPT_RESOLVE entry '{wrong}'")
    found.method, found.data = options.method, posted(context, options)
    url = found.url
    if "get" in options.flags and found.data:
        url, found.data = url + ("&" if "?" in url else "?") + found.data, ""
        url = url if "/" in absolute(found.url).partition("://")[2] else url.replace("?", "/?", 1)
    try:
        found.target = target = read_target(url)
    except BadTarget:
        return _failed(found, 3, _bad_url(context, url))
    key = (target.scheme, target.host, target.port)
    if key in connections.open:
        _reuse(context, found, options, connections.open[key])
    elif target.host in ("localhost", "127.0.0.1") and target.port in context.session.listeners:
        _forward(context, found, options, context.session.listeners[target.port])
    else:
        _connect(context, found, options, connections)
    if found.status == 0:
        _told_exchange(context, found, options, connections)
    return found


def _bad_url(context: Context, url: str) -> str:
    if not is_modern(context):
        return "URL using bad/illegal format or missing URL"
    host = absolute(url).partition("://")[2].partition("/")[0]
    if not host.partition(":")[0]:
        return "URL rejected: No host part in the URL"
    if " " in host:
        return "URL rejected: Malformed input to a URL function"
    return "URL rejected: Port number was not a decimal number between 0 and 65535"


def _failed(found: Transfer, status: int, error: str) -> Transfer:
    found.status, found.error = status, error
    return found


def _closing(context: Context, options: Options, number: int) -> None:
    _tell(context, options, "Closing connection" + ("" if is_modern(context) else f" {number}"))


def _tell(context: Context, options: Options, text: str, mark: str = "*") -> None:
    if "verbose" in options.flags:
        context.stderr.write(f"{mark} {text}\n")


def _forward(context: Context, found: Transfer, options: Options, forward: Any) -> None:
    """Over a `kubectl port-forward` that listens on the laptop."""
    assert found.target is not None
    _tell(context, options, f"  Trying 127.0.0.1:{found.target.port}...")
    _tell(context, options, f"Connected to {found.target.host} (127.0.0.1) port {found.target.port} (#0)")
    request = Forwarded(forward.namespace, forward.pod, forward.port, found.target.path, found.method)
    found.sent = context.send(request, "port-forward").sent
    found.response = found.sent.response if found.sent else None
    if found.response is None:
        found.status, found.error = 52, "Empty reply from server"


def _reuse(context: Context, found: Transfer, options: Options, kept: tuple[int, Sent]) -> None:
    """A second request on a connection that is open: no new packet is asked about NAT."""
    number, sent = kept
    assert found.target is not None
    found.sent, found.reused = sent, True
    _tell(context, options, f"Found bundle for host: {hex(id(sent) & 0xFFFFFFFFFFFF)} [serially]")
    _tell(context, options, f"Re-using existing connection #{number} with host {found.target.host}")
    exchange = sent.exchange
    assert exchange is not None
    assert exchange.server_host is not None
    port = int((exchange.endpoint or ":80").rpartition(":")[2])
    found.response = context.served(exchange.server_host, found.target.path, port, found.method)


def _connect(context: Context, found: Transfer, options: Options, connections: Connections) -> None:
    target = found.target
    assert target is not None
    host, port = connected_to(options.lists.get("connect_to", []), target.host, target.port)
    if proxy := options.values.get("proxy"):
        through = read_target(proxy)
        host, port = through.host, through.port if ":" in proxy.rpartition("/")[2] else 1080
    entries = options.lists.get("resolve", [])
    address = resolved(entries, host, port)
    for entry in entries:
        _tell(context, options, f"Added {entry} to DNS cache")
    if address is not None:
        _tell(context, options, f"Hostname {host} was found in DNS cache")
    limits = [s for s in (options.seconds("max_time"), options.seconds("connect_timeout")) if s]
    shown = f"{target.scheme}://{host}{target.path}"
    sent = ask(
        context, shown, port=port, method=found.method, address=address,
        timeout_seconds=min(limits, default=None), limits_lookup=True, wait=False,
        resolver="c-ares" if context.location.toolset in ALPINE_TOOLSETS else None,
    )  # fmt: skip
    found.sent, found.duration = sent, sent.duration
    code = sent.trace.end.code
    if code in LOOKUP_FAILURES:
        _wait(context, sent)
        what = "proxy" if proxy else "host"
        found.status, found.error = 5 if proxy else 6, f"Could not resolve {what}: {host}"
        if sent.trace.end.words.startswith("curl: (28)"):
            found.status, found.error = 28, sent.trace.end.words.partition(") ")[2]
        if "verbose" in options.flags:
            _tell(context, options, found.error)
            _closing(context, options, connections.made)
        return
    if "ipv6" in options.flags:  # there are IPv4 addresses only
        found.status, found.error = 6, f"Could not resolve host: {host}"
        if host == sent.address:
            found.status, found.error = 7, "Couldn't connect to server"
        return
    if is_modern(context) and host != sent.address and address is None:
        for line in (f"Host {host}:{port} was resolved.", "IPv6: (none)", f"IPv4: {sent.address}"):
            _tell(context, options, line)
    _tell(context, options, f"  Trying {sent.address}:{port}...")
    _wait(context, sent)
    if code is not Outcome.OK:
        _not_connected(context, found, options, connections, host, port)
        return
    number, connections.made = connections.made, connections.made + 1
    _tell(
        context,
        options,
        f"Connected to {host} ({sent.address}) port {port}" + ("" if is_modern(context) else f" (#{number})"),
    )
    if target.scheme == "https" and not _secured(context, found, options, number):
        return
    is_api = sent.exchange is not None and sent.exchange.listener == _API_LISTENER
    found.response = _api_response(context, target.path) if is_api else sent.response
    connections.open[(target.scheme, target.host, target.port)] = (number, sent)


def _wait(context: Context, sent: Sent) -> None:
    if sent.duration.total_seconds() > 0.01:
        context.sleep(sent.duration.total_seconds())


def _not_connected(
    context: Context, found: Transfer, options: Options, connections: Connections, host: str, port: int
) -> None:
    sent = found.sent
    assert sent is not None
    code = sent.trace.end.code
    found.status = 28 if code in SILENCES else 7
    found.error = sent.trace.end.words.partition(") ")[2] or sent.trace.end.words
    limits = (options.seconds("connect_timeout"), options.seconds("max_time"))
    after = f"port {port} after {milliseconds(sent)} ms"
    if code in SILENCES and limits[0] and limits[0] < (limits[1] or limits[0] + 1):
        _tell(context, options, f"ipv4 connect timeout after {limits[0] * 1000:.0f}ms, move on!")
        found.error = f"Failed to connect to {host} {after}: Timeout was reached"
    elif not (code in SILENCES and limits[1]):
        why = "Connection refused" if code in REFUSALS else "Network is unreachable"
        why = "Connection timed out" if code in SILENCES else why
        _tell(context, options, f"connect to {sent.address} port {port} failed: {why}")
        found.error = f"Failed to connect to {host} {after}: Couldn't connect to server"
    _tell(context, options, found.error)
    _closing(context, options, connections.made)


def _secured(context: Context, found: Transfer, options: Options, number: int) -> bool:
    """TLS: only the API server speaks it, with a certificate that no system trusts."""
    sent = found.sent
    assert sent is not None
    assert sent.exchange is not None
    if sent.exchange.listener != _API_LISTENER:
        found.error = "OpenSSL/3.0.15: error:0A00010B:SSL routines::wrong version number"
        found.status = 35
        _tell(context, options, found.error)
        _closing(context, options, number)
        return False
    _tell(context, options, "ALPN: offers h2,http/1.1")
    if "insecure" not in options.flags and "cacert" not in options.values:
        found.status, found.error = 60, _CERTIFICATE_WORDS
        _tell(context, options, "SSL certificate problem: unable to get local issuer certificate")
        _closing(context, options, number)
        return False
    return True


def _api_response(context: Context, path: str) -> HttpResponse:
    """What the API server says to somebody without credentials."""
    answer = context.api(ApiRequest("GET", path, user=ANONYMOUS))
    headers = tuple((name.title(), value) for name, value in answer.headers.items())
    return HttpResponse(answer.status, headers, answer.body)


def _told_exchange(context: Context, found: Transfer, options: Options, connections: Connections) -> None:
    """With -v: the request's and the response's headers, and how much of a body went by."""
    if found.response is None or "verbose" not in options.flags:
        return
    if user := options.values.get("user"):
        _tell(context, options, f"Server auth using Basic with user '{user.partition(':')[0]}'")
    for line in request_lines(context, found, options):
        _tell(context, options, line, ">")
    size = len(found.data.encode())
    if size and is_modern(context):
        _tell(context, options, f"upload completely sent off: {size} bytes")
    elif size and not context.stderr.isatty():
        _tell(context, options, f"[{size} bytes data]", "}")
    lines = response_lines(found.response)
    if found.response.status >= 400 and "fail" in options.flags:
        for line in lines[:-1]:
            _tell(context, options, line, "<")
        _tell(context, options, f"The requested URL returned error: {found.response.status}")
        return
    for line in lines:
        _tell(context, options, line, "<")
    body = len(found.response.body)
    if body and found.method != "HEAD" and (found.output or not context.stdout.isatty()):
        _tell(context, options, f"[{body} bytes data]", "{")
