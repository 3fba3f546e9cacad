"""The command curl: several URLs, redirects, output files, -w. Source: curl 7.88.1."""

from urllib.parse import urljoin

from svclab.terminal.commands.curl import meter
from svclab.terminal.commands.curl.addresses import BadUrl, globbed
from svclab.terminal.commands.curl.options import Options, read_options
from svclab.terminal.commands.curl.requests import absolute, is_modern, response_lines, version_of
from svclab.terminal.commands.curl.transfer import Connections, Transfer, transfer
from svclab.terminal.commands.curl.writeout import write_out
from svclab.terminal.commands.registry import Context, command
from svclab.terminal.files import FileError

_TRY = "curl: try 'curl --help' or 'curl --manual' for more information"
_USAGE = """\
Usage: curl [options...] <url>
 -d DATA     send it by POST           -o FILE   write the body there
 -f          fail on HTTP errors       -s        no meter, no errors
 -H HEADER   one more header           -S        errors all the same
 -i          headers too               -v        tell all
 -I          headers only              -w FORMAT what to print at the end
 -m SECONDS  at most so long           -X METHOD another method"""
_RELEASED = {"7.88.1": "2023-02-20", "8.7.1": "2024-03-27", "8.9.1": "2024-07-31"}
_LONGEST_WAIT = 600.0
_MAX_REDIRECTS = 50


@command("curl", places={"laptop", "node", "netshoot", "debian-curl", "curl", "dnsutils"})
def curl(context: Context, argv: list[str]) -> int:
    """Transfers URLs."""
    options = read_options(argv)
    if {"version", "help"} & options.flags:
        return _about(context, version="version" in options.flags)
    if not options.urls:
        if argv and not is_modern(context):
            context.fail("curl: no URL specified!")
        elif argv:
            context.fail("curl: (2) no URL specified")
        return context.fail(_TRY, 2)
    status = 0
    connections = Connections()
    outputs = iter(options.lists.get("output", []))
    _warn_of_method(context, options)
    number = 0
    for url in options.urls:
        output = next(outputs, None)
        try:
            urls = [url] if "globoff" in options.flags else list(globbed(url))
        except BadUrl as bad:
            status = context.fail(f"curl: (3) {bad}", 3)
            continue
        for each in urls:
            status = _tried(context, each, options, connections, output, number)
            number += 1
    return status


def _about(context: Context, *, version: bool) -> int:
    number = version_of(context)
    if not version:
        return context.print(_USAGE) or 0
    system = "alpine-linux-musl" if is_modern(context) else "pc-linux-gnu"
    context.print(f"curl {number} (x86_64-{system}) libcurl/{number}")
    context.print(f"Release-Date: {_RELEASED[number]}\nProtocols: http https\nFeatures: IPv6 Largefile")
    return 0


def _warn_of_method(context: Context, options: Options) -> None:
    """What curl notes of a -X that says what it would have done anyway."""
    given = options.values.get("request", "").upper()
    if "verbose" in options.flags and given and given == options.inferred_method:
        context.stderr.write(f"Note: Unnecessary use of -X or --request, {given} is already inferred.\n")


def _tried(
    context: Context, url: str, options: Options, connections: Connections, output: str | None, number: int
) -> int:
    """One URL, with as many tries as --retry gives it."""
    left = int(options.seconds("retry") or 0)
    delay = options.seconds("retry_delay")
    wait = delay or 1.0
    while True:
        found = Transfer(url, output=output, number=number)
        status = _one(context, found, options, connections)
        why = _passing_problem(found, options) if left else ""
        if not why:
            return status
        colon = ":" if is_modern(context) else " :"
        unit = "second" if is_modern(context) and wait == 1 else "seconds"
        tries = "retry" if is_modern(context) and left == 1 else "retries"
        if "silent" not in options.flags:
            words = f"Problem{colon} {why}. Will retry in {wait:.0f} {unit}. {left} {tries} left."
            context.stderr.write(_wrapped(words))
        context.sleep(wait)
        left -= 1
        wait = delay or min(wait * 2, _LONGEST_WAIT)


def _wrapped(words: str) -> str:
    """A warning as curl breaks it, before 79 characters."""
    text = "Warning: "
    lines = []
    while len(text) + len(words) > 79:
        cut = words.rfind(" ", 0, 79 - len(text)) + 1
        lines.append(text + words[:cut])
        words = words[cut:]
    return "\n".join([*lines, text + words]) + "\n"


def _passing_problem(found: Transfer, options: Options) -> str:
    """Why a transfer that went wrong is worth another try, in curl's words; "" where it is not."""
    if found.status in (5, 6, 28):
        return "timeout"
    if found.status == 7 and {"retry_refused", "retry_all"} & options.flags:
        return "connection refused"
    status = found.response.status if found.response else 0
    if found.status in (0, 22) and status in (408, 429, 500, 502, 503, 504):
        return "HTTP error"
    return "(retrying all errors)" if found.status and "retry_all" in options.flags else ""


def _one(context: Context, found: Transfer, options: Options, connections: Connections) -> int:
    context.check()
    quiet = {"silent", "no_progress_meter"} & options.flags
    output = found.output
    is_file = output not in (None, "-") or "remote_name" in options.flags
    to_terminal = not is_file and context.stdout.isatty()
    if not (to_terminal or quiet):
        meter.begin(context)
    transfer(context, found, options, connections)
    heads = [_head(found)]
    redirects = 0
    while "follow" in options.flags and (place := _location(found)) and redirects < _MAX_REDIRECTS:
        if "include" in options.flags and found.response:
            context.stdout.write(heads[-1])
        redirects += 1
        following = Transfer(urljoin(absolute(found.url), place), output=output, number=found.number)
        found = transfer(context, following, options, connections)
        heads.append(_head(found))
    failing = {"fail", "fail_with_body"} & options.flags
    if found.response is not None and found.response.status >= 400 and failing and not found.status:
        found.status = 22
        found.error = f"The requested URL returned error: {found.response.status}"
    if not (to_terminal or quiet):
        meter.end(context, found)
    dumped = _dump(context, "".join(heads), options)
    status = _deliver(context, found, options) or dumped or found.status
    if "verbose" in options.flags and found.response is not None and found.target:
        context.stderr.write(_ending(context, found, options, connections))
    if found.status and ("silent" not in options.flags or "show_error" in options.flags):
        context.fail(f"curl: ({found.status}) {found.error}")
    if "write_out" in options.values:
        write_out(context, options.values["write_out"], found, options, redirects)
    return status


def _ending(context: Context, found: Transfer, options: Options, connections: Connections) -> str:
    """What -v says of the connection at the end."""
    number = next((n for n, s in connections.open.values() if s is found.sent), 0)
    assert found.target is not None
    if found.status == 22 and "fail" in options.flags:
        return "* Closing connection" + ("" if is_modern(context) else f" {number}") + "\n"
    return f"* Connection #{number} to host {found.target.host} left intact\n"


def _head(found: Transfer) -> str:
    """Status line and headers of the response, as they came; nothing without one."""
    return "\r\n".join(response_lines(found.response)) + "\r\n" if found.response is not None else ""


def _dump(context: Context, text: str, options: Options) -> int:
    """What -D wants to have of all responses."""
    name = options.values.get("dump_header")
    if name == "-":
        context.stdout.write(text)
    elif name and name != "/dev/null":
        try:
            context.files.write(context.path(name), text)
        except FileError:
            return context.fail("curl: (23) Failed writing received data to disk/application", 23)
    return 0


def _location(found: Transfer) -> str | None:
    if found.response is None or found.response.status not in (301, 302, 303, 307, 308):
        return None
    return next((value for name, value in found.response.headers if name.lower() == "location"), None)


def _deliver(context: Context, found: Transfer, options: Options) -> int:
    """Write headers and body where they are wanted."""
    text = ""
    response, output = found.response, found.output
    if response is not None and (found.status == 0 or "fail_with_body" in options.flags):
        if {"include", "head"} & options.flags:
            text = _head(found)
        if found.method != "HEAD":
            text += response.body.decode(errors="replace")
    if "remote_name" in options.flags and output is None and found.target:
        output = found.target.path.partition("?")[0].rpartition("/")[2]
        if not output:
            shows = "silent" not in options.flags or "show_error" in options.flags
            if shows and (is_modern(context) or "silent" not in options.flags):
                context.fail("curl: Remote file name has no length!")
            if shows:
                context.fail("curl: (23) Failed writing received data to disk/application")
            return 23
    if output is None or output == "-":
        context.stdout.write(text)
        return 0
    try:
        if output != "/dev/null" and (text or found.status == 0):
            context.files.write(context.path(output), text)
    except FileError as error:
        context.stderr.write(f"Warning: Failed to open the file {output}: {error}\n")
        return context.fail("curl: (23) Failure writing output to destination", 23)
    return 0
