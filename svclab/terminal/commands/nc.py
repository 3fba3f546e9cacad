"""nc and telnet. Source: OpenBSD netcat 1.219 (Debian), BusyBox 1.36."""

import re

from svclab.kube.request import BadTarget, Sent
from svclab.linux.packet import Protocol
from svclab.linux.trace import Outcome
from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.connecting import (
    LOOKUP_FAILURES,
    REFUSALS,
    SILENCES,
    ask,
    seconds_of,
)
from svclab.terminal.commands.curl.transfer import response_lines
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.commands.service_names import SERVICE_NAMES

_MAX_PORTS = 100
_NUMBERS = {name: port for (port, _), name in SERVICE_NAMES.items()}
_USAGE = """\
usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]
\t  [-m minttl] [-O length] [-P proxy_username] [-p source_port]
\t  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
\t  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]
\t  [destination] [port]"""


def _ports(text: str) -> list[int]:
    first, dash, last = str(_NUMBERS.get(text, text)).partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        raise Usage(f"port number invalid: {text}", 1)
    found = list(range(int(first), int(last if dash else first) + 1))
    if not found or found[-1] > 65535 or found[0] < 1:
        raise Usage(f"port number too large: {text}", 1)
    if len(found) > _MAX_PORTS:
        raise Usage(f"svclab scans {_MAX_PORTS} ports at a time", 1)
    return found


@command("nc", "netcat", "ncat", places={"laptop", "node", "netshoot", "busybox", "alpine"})
def nc(context: Context, argv: list[str]) -> int:
    """Connects to a port: -z only tries, -v says what happened, -u UDP, -w seconds to wait."""
    given, words = options(argv, "zvuw:nl46p:q:kNi:hs:")
    settings = dict(given)
    openbsd = context.location.toolset not in ("busybox", "alpine")
    if openbsd and "-h" in settings:
        return context.fail(f"OpenBSD netcat (Debian patchlevel 1.219-1)\n{_USAGE}", 0)
    if openbsd and not words:
        return context.fail(_USAGE)
    if "-l" in settings:
        return context.fail(
            f"{context.name}: listening is not available in this terminal; a pod's image decides what listens"
        )
    if len(words) < 2:
        raise Usage("missing port number" if words else "usage: nc [-46uvz] [-w timeout] destination port", 1)
    if "-n" in settings and not re.fullmatch(r"[\d.]+", words[0]):
        what = f'getaddrinfo for host "{words[0]}" port {words[1]}: {_unknown_name(context)}'
        raise Usage(what, 1)
    ports = [port for text in words[1:] for port in _ports(text)]
    return min([_try(context, words[0], port, settings) for port in ports])


def _try(context: Context, host: str, port: int, settings: dict[str, str]) -> int:
    protocol = Protocol.UDP if "-u" in settings else Protocol.TCP
    name = protocol.value.lower()
    try:
        sent = ask(
            context, host, port=port, protocol=protocol, timeout_seconds=seconds_of(settings.get("-w", ""))
        )
    except BadTarget:
        raise Usage(f'getaddrinfo for host "{host}" port {port}: Name or service not known', 1) from None
    code = sent.trace.end.code
    verbose = "-v" in settings
    if code in LOOKUP_FAILURES:
        if context.location.toolset in ("busybox", "alpine"):
            raise Usage(f"bad address '{host}'", 1)
        raise Usage(f'getaddrinfo for host "{host}" port {port}: {_unknown_name(context)}', 1)
    if protocol is Protocol.UDP and "-z" in settings and code in SILENCES:
        code = Outcome.OK  # nobody said no
    shown = f"{host} ({sent.address})" if host != sent.address else host
    if code is not Outcome.OK:
        if protocol is Protocol.UDP and "-z" in settings and code in REFUSALS:
            return 1  # its test datagrams fail without a word
        if verbose or context.location.toolset in ("busybox", "alpine"):
            _complain(context, shown, port, name, code)
        return 1
    if verbose:
        service = SERVICE_NAMES.get((port, name), "*")
        if context.location.toolset in ("busybox", "alpine"):
            context.fail(
                f"{shown.replace(' (', ' (').rstrip(')')}:{port}) open"
                if "(" in shown
                else f"{host} ({host}:{port}) open"
            )
        else:
            context.fail(f"Connection to {shown} {port} port [{name}/{service}] succeeded!")
    return 0 if "-z" in settings else _talk(context, sent)


def _unknown_name(context: Context) -> str:
    """The C library's words: musl's in netshoot, glibc's elsewhere."""
    return "Name does not resolve" if context.location.toolset == "netshoot" else "Name or service not known"


def _complain(context: Context, shown: str, port: int, name: str, code: Outcome) -> None:
    why = "Connection refused" if code in REFUSALS else "Network is unreachable"
    if context.location.toolset in ("busybox", "alpine"):
        why = "Connection timed out" if code in SILENCES else why
        address = shown.rpartition("(")[2].rstrip(")")
        context.fail(f"nc: {shown.partition(' ')[0]} ({address}:{port}): {why}")
    elif code in SILENCES:
        context.fail(f"nc: connect to {shown} port {port} ({name}) timed out: Operation now in progress")
    else:
        context.fail(f"nc: connect to {shown} port {port} ({name}) failed: {why}")


def _talk(context: Context, sent: Sent) -> int:
    """Send what is typed, print what the server answers to an HTTP request."""
    text = context.stdin.read()
    first = text.split("\n")[0].split()
    exchange = sent.exchange
    if len(first) < 2 or exchange is None or not exchange.server_host:
        return 0
    port = int((exchange.endpoint or ":80").rpartition(":")[2])
    response = context.served(exchange.server_host, first[1], port, first[0])
    body = "" if first[0] == "HEAD" else response.body.decode(errors="replace")
    context.stdout.write("\r\n".join(response_lines(response)) + "\r\n" + body)
    return 0


@command("telnet", places={"laptop", "node", "netshoot", "busybox"})
def telnet(context: Context, argv: list[str]) -> int:
    """Tries a TCP port and closes the connection again."""
    if len(argv) < 1:
        raise Usage("usage: telnet host [port]", 1)
    sent = ask(context, argv[0], port=int(argv[1]) if len(argv) > 1 and argv[1].isdigit() else 23)
    code = sent.trace.end.code
    if code in LOOKUP_FAILURES:
        return context.fail(f"telnet: could not resolve {argv[0]}: Name or service not known")
    context.print(f"Trying {sent.address}...")
    if code is not Outcome.OK:
        why = "Connection timed out" if code in SILENCES else "Connection refused"
        return context.fail(f"telnet: Unable to connect to remote host: {why}")
    context.print(f"Connected to {argv[0]}.\nEscape character is '^]'.\nConnection closed by foreign host.")
    return 0
