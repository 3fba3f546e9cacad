"""The command curl: several URLs, redirects, output files, -w. Source: curl 7.88.1."""

import json
import re
from urllib.parse import urljoin

from svclab.terminal.commands.curl.addresses import BadUrl, globbed
from svclab.terminal.commands.curl.options import Options, read_options
from svclab.terminal.commands.curl.transfer import Connections, Transfer, response_lines, transfer
from svclab.terminal.commands.registry import Context, command
from svclab.terminal.files import FileError

_METER = """\
  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current
                                 Dload  Upload   Total   Spent    Left  Speed
"""
_MAX_REDIRECTS = 50


@command("curl", places={"laptop", "node", "netshoot", "debian-curl", "curl", "dnsutils"})
def curl(context: Context, argv: list[str]) -> int:
    """Transfers URLs."""
    if argv in (["--version"], ["-V"]):
        context.print("curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1\nProtocols: http https")
        return 0
    options = read_options(argv)
    if not options.urls:
        return context.fail("curl: try 'curl --help' or 'curl --manual' for more information", 2)
    status = 0
    connections = Connections()
    outputs = iter(options.lists.get("output", []))
    for url in options.urls:
        output = next(outputs, None)
        try:
            urls = [url] if "globoff" in options.flags else list(globbed(url))
        except BadUrl as bad:
            status = context.fail(f"curl: (3) {bad}", 3)
            continue
        for each in urls:
            status = _one(context, each, options, connections, output)
    return status


def _one(context: Context, url: str, options: Options, connections: Connections, output: str | None) -> int:
    context.check()
    found = transfer(context, url, options, connections)
    redirects = 0
    while "follow" in options.flags and (place := _location(found)) and redirects < _MAX_REDIRECTS:
        if "include" in options.flags and found.response:
            context.stdout.write("\r\n".join(response_lines(found.response)) + "\r\n")
        redirects += 1
        found = transfer(context, urljoin(_absolute(found.url), place), options, connections)
    if found.response is not None and found.response.status >= 400 and "fail" in options.flags:
        found.status = 22
        found.error = f"The requested URL returned error: {found.response.status}"
    status = _deliver(context, found, options, output) or found.status
    if found.response is not None and "verbose" in options.flags and found.target:
        number = next((n for n, s in connections.open.values() if s is found.sent), 0)
        context.stderr.write(f"* Connection #{number} to host {found.target.host} left intact\n")
    if found.status and ("silent" not in options.flags or "show_error" in options.flags):
        context.fail(f"curl: ({found.status}) {found.error}")
    if "write_out" in options.values:
        context.stdout.write(_written_out(options.values["write_out"], found, options, redirects))
    return status


def _absolute(url: str) -> str:
    return url if "://" in url else f"http://{url}"


def _location(found: Transfer) -> str | None:
    if found.response is None or found.response.status not in (301, 302, 303, 307, 308):
        return None
    return next((value for name, value in found.response.headers if name.lower() == "location"), None)


def _deliver(context: Context, found: Transfer, options: Options, output: str | None) -> int:
    """Write headers and body where they are wanted."""
    text = ""
    response = found.response
    if response is not None and found.status == 0:
        if {"include", "head"} & options.flags:
            text = "\r\n".join(response_lines(response)) + "\r\n"
        if "head" not in options.flags and options.method != "HEAD":
            text += response.body.decode(errors="replace")
    if "remote_name" in options.flags and output is None and found.target:
        output = found.target.path.partition("?")[0].rpartition("/")[2]
        if not output:
            return context.fail("curl: Remote file name has no length!", 23)
    piped = output is not None or not context.stdout.isatty()
    quiet = {"silent", "no_progress_meter"} & options.flags
    if piped and not quiet and output != "-":
        _meter(context, found, len(text))
    if output is None or output == "-":
        context.stdout.write(text)
        return 0
    try:
        if output != "/dev/null" and (text or found.status == 0):
            context.files.write(context.path(output), text)
    except FileError as error:
        return context.fail(f"curl: (23) Failure writing output to destination ({output}: {error})", 23)
    return 0


def _meter(context: Context, found: Transfer, size: int) -> None:
    seconds = max(found.duration.total_seconds(), 0.001)
    spent = int(seconds)
    time = "--:--:--" if not spent else f"{spent // 3600:2d}:{spent // 60 % 60:02d}:{spent % 60:02d}"
    context.stderr.write(_METER + _meter_line(0, 0, time))
    if size:
        context.stderr.write("\r" + _meter_line(size, int(size / seconds), time))
    context.stderr.write("\n")


def _meter_line(size: int, speed: int, time: str) -> str:
    share = 100 if size else 0
    counts = f"{share:3d} {size:5d}  {share:3d} {size:5d}    0     0 {speed:6d}      0"
    return f"{counts} --:--:-- {time} --:--:-- {speed:5d}"


def _written_out(template: str, found: Transfer, options: Options, redirects: int) -> str:
    response, sent = found.response, found.sent
    code = f"{response.status:03d}" if response and found.status in (0, 22) else "000"
    local = sent.exchange.log[0][2][1] if sent and sent.exchange and sent.exchange.log else None
    seconds = max(found.duration.total_seconds(), 0.000) + 0.0004
    connected = sent is not None and response is not None
    address, _, port = (
        (sent.address or "", "", str(found.target.port)) if sent and found.target else ("", "", "0")
    )
    headers = {name.lower(): value for name, value in response.headers} if response else {}
    size = len(response.body) if response and options.method != "HEAD" else 0
    known = {
        "http_code": code, "response_code": code, "time_total": f"{seconds:.6f}",
        "time_connect": f"{seconds / 2 if connected else 0:.6f}", "time_namelookup": f"{seconds / 4:.6f}",
        "time_starttransfer": f"{seconds * 0.9 if connected else 0:.6f}",
        "time_pretransfer": f"{seconds / 2:.6f}",
        "time_appconnect": "0.000000", "time_redirect": "0.000000",
        "remote_ip": address if connected else "", "remote_port": port if connected else "0",
        "local_ip": _dotted(local[1]) if local and connected else "",
        "local_port": str(local[2]) if local else "0",
        "size_download": str(size), "size_header": "0", "size_request": "0",
        "speed_download": str(int(size / seconds)),
        "url_effective": _with_path(found), "url": found.url, "num_connects": "0" if found.reused else "1",
        "num_redirects": str(redirects), "content_type": headers.get("content-type", ""),
        "exitcode": str(found.status), "errormsg": found.error, "http_version": "1.1" if response else "0",
        "scheme": (found.target.scheme if found.target else "http").upper(), "method": options.method,
        "redirect_url": "", "ssl_verify_result": "0",
    }  # fmt: skip
    known["json"] = json.dumps({k: v for k, v in known.items() if k != "json"})
    text = re.sub(r"%\{(\w+)\}", lambda m: known.get(m[1], ""), template).replace("%%", "%")
    return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")


def _with_path(found: Transfer) -> str:
    url = _absolute(found.url)
    return url if found.target is None or "/" in url.partition("://")[2] else url + "/"


def _dotted(address: int) -> str:
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))
