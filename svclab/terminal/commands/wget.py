"""wget: busybox's (and Alpine's), and GNU's on the laptop and the nodes. Source: BusyBox 1.36, GNU Wget
1.21.
"""

import re

from svclab.kube.request import BadTarget, Sent, read_target
from svclab.kube.webserver import HttpResponse
from svclab.linux.trace import Outcome
from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.connecting import LOOKUP_FAILURES, REFUSALS, SILENCES, ask, seconds_of
from svclab.terminal.commands.registry import BadOption, Context, Usage, command
from svclab.terminal.files import FileError

_GNU_USAGE = "Usage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options."
_LINKS = """\
Remote file exists and could contain further links,
but recursion is disabled -- not retrieving.
"""
_SHORT = "qO:T:t:ScY:U:P:"
_LONG = ("spider", "header=", "timeout=", "no-check-certificate", "output-document=", "quiet", "tries=",
         "post-data=",          "server-response", "method=", "no-verbose", "content-on-error")  # fmt: skip


def _settings(argv: list[str]) -> tuple[dict[str, str], list[str]]:
    argv = ["-q" if word == "-nv" else word for word in argv]
    given, urls = options(argv, _SHORT, _LONG)
    names = {
        "--timeout": "-T",
        "--output-document": "-O",
        "--quiet": "-q",
        "--tries": "-t",
        "--server-response": "-S",
    }
    return {names.get(name, name): value for name, value in given}, urls


@command("wget", places={"busybox", "alpine", "netshoot"})
def busybox_wget(context: Context, argv: list[str]) -> int:
    """Fetches one URL."""
    settings, urls = _settings(argv)
    if not urls:
        raise Usage("missing URL", 1)
    url = urls[0] if "://" in urls[0] else f"http://{urls[0]}"
    quiet = "-q" in settings
    try:
        target = read_target(url)
        sent = ask(context, url, timeout_seconds=seconds_of(settings.get("-T", "")) or 900)
    except BadTarget:
        raise Usage(f"bad address '{url}'", 1) from None
    code = sent.trace.end.code
    if code in LOOKUP_FAILURES:
        raise Usage(f"bad address '{target.host}'", 1)
    if not quiet:
        context.fail(f"Connecting to {target.host}{_port(urls[0])} ({sent.address}:{target.port})")
    if code in SILENCES:
        raise Usage("download timed out", 1)
    if code is not Outcome.OK:
        why = "Connection refused" if code in REFUSALS else "Network unreachable"
        raise Usage(f"can't connect to remote host ({sent.address}): {why}", 1)
    response = sent.response or HttpResponse(200)
    if "-S" in settings:
        context.fail(_headers(response))
    if response.status >= 400:
        raise Usage(f"server returned error: HTTP/1.1 {response.status} {response.reason}", 1)
    if "--spider" in settings:
        if not quiet:
            context.fail("remote file exists")
        return 0
    return _busybox_save(context, response, settings.get("-O") or _file_name(target.path), quiet)


def _port(typed: str) -> str:
    """`:80` where the URL as typed names a port."""
    host = typed.partition("://")[2] or typed
    _, colon, port = host.partition("/")[0].partition(":")
    return colon + port


def _headers(response: HttpResponse) -> str:
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{n}: {v}" for n, v in response.headers)]
    return "\n".join(f"  {line}" for line in lines)


def _file_name(path: str) -> str:
    return path.partition("?")[0].rpartition("/")[2] or "index.html"


def _busybox_save(context: Context, response: HttpResponse, name: str, quiet: bool) -> int:
    text = response.body.decode(errors="replace")
    bar = f"{name if name != '-' else '-':<20} 100% |{'*' * 32}| {len(response.body):5d}  0:00:00 ETA"
    if name == "-":
        if not quiet:
            context.fail("writing to stdout")
        context.stdout.write(text)
        if not quiet:
            context.fail(f"{bar}\nwritten to stdout")
        return 0
    if not quiet:
        context.fail(f"saving to '{name}'")
    try:
        context.files.write(context.path(name), text)
    except FileError as error:
        raise Usage(f"can't open '{name}': {error}", 1) from None
    if not quiet:
        context.fail(f"{bar}\n'{name}' saved")
    return 0


@command("wget", places={"laptop", "node"})
def gnu_wget(context: Context, argv: list[str]) -> int:
    """Fetches URLs."""
    try:
        settings, urls = _settings(argv)
    except BadOption as wrong:
        raise Usage(f"{wrong}\n{_GNU_USAGE}", 2) from None
    if not urls:
        raise Usage(f"missing URL\n{_GNU_USAGE}", 1)
    if not re.fullmatch(r"[\d.]+[smhdw]?|", settings.get("-T", "")):
        raise Usage(f"--timeout: Invalid time period '{settings['-T']}'", 2)
    status = 0
    for url in urls:
        status = _gnu_one(context, url if "://" in url else f"http://{url}", settings) or status
    return status


def _gnu_one(context: Context, url: str, settings: dict[str, str]) -> int:
    def say(text: str, end: str = "\n") -> None:
        if "-q" not in settings:
            context.stderr.write(text + end)

    scheme = url.partition("://")[0]
    if scheme not in ("http", "https", "ftp"):
        say(f"{url}: Unsupported scheme '{scheme}'.")
        return 1
    try:
        target = read_target(url)
        sent = ask(context, url, timeout_seconds=seconds_of(settings.get("-T", "")))
    except BadTarget:
        return context.fail(f"{url}: Invalid host name.", 1)
    if "--spider" in settings:
        say("Spider mode enabled. Check if remote file exists.")
    slash = "" if "/" in url.partition("://")[2] else "/"
    say(f"--{context.now().strftime('%Y-%m-%d %H:%M:%S')}--  {url}{slash}")
    shown = f"{target.host}|{sent.address}|" if target.host != sent.address else target.host
    code = sent.trace.end.code
    if code in LOOKUP_FAILURES:
        say(f"Resolving {target.host} ({target.host})... failed: Name or service not known.")
        say(f"wget: unable to resolve host address '{target.host}'")
        return 4
    if target.host != sent.address:
        say(f"Resolving {target.host} ({target.host})... {sent.address}")
        shown = f"{target.host} ({target.host})|{sent.address}|"
    say(f"Connecting to {shown}:{target.port}... ", "")
    if code is not Outcome.OK:
        why = "Connection timed out" if code in SILENCES else "Network is unreachable"
        say(f"failed: {'Connection refused' if code in REFUSALS else why}.")
        return 4
    say("connected.")
    return _gnu_save(context, sent, settings, _file_name(target.path), say)


def _gnu_save(context: Context, sent: Sent, settings: dict[str, str], name: str, say: object) -> int:
    response = sent.response or HttpResponse(200)
    size = len(response.body)
    say("HTTP request sent, awaiting response... ", "")  # type: ignore[operator]
    if "-S" in settings:
        context.stderr.write(f"{_headers(response)}\n" if "-q" in settings else f"\n{_headers(response)}\n")
    else:
        say(f"{response.status} {response.reason}")  # type: ignore[operator]
    time = context.now().strftime("%Y-%m-%d %H:%M:%S")
    if response.status >= 400:
        if "--spider" in settings:
            say("Remote file does not exist -- broken link!!!\n")  # type: ignore[operator]
            return 8
        say(f"{time} ERROR {response.status}: {response.reason}.\n")  # type: ignore[operator]
        return 8
    name = settings.get("-O", name)
    kind = next((value for header, value in response.headers if header == "Content-Type"), "text/html")
    say(f"Length: {size} [{kind}]")  # type: ignore[operator]
    if "--spider" in settings:
        say(_LINKS if kind.startswith("text/html") else "Remote file exists.\n")  # type: ignore[operator]
        return 0
    say(f"Saving to: '{name if name != '-' else 'STDOUT'}'\n")  # type: ignore[operator]
    text = response.body.decode(errors="replace")
    if name == "-":
        context.stdout.write(text)
    else:
        context.files.write(context.path(name), text)
    say(f"{name:<20}100%[===================>] {size:7d}  --.-KB/s    in 0s\n")  # type: ignore[operator]
    say(f"{time} (12.3 MB/s) - '{name}' saved [{size}/{size}]\n")  # type: ignore[operator]
    return 0
