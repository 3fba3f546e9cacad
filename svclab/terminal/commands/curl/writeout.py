"""What `curl -w` prints after a transfer. Source: curl 7.88.1, src/tool_writeout.c."""

import json
import re
from typing import Any

from svclab.terminal.commands.curl.options import Options
from svclab.terminal.commands.curl.requests import absolute, request_lines, response_lines, version_of
from svclab.terminal.commands.curl.transfer import Transfer
from svclab.terminal.commands.registry import Context

_VARIABLE = re.compile(r"%(%)|%header\{([^}]*)\}|%\{([^}]*)\}|\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_TIMES = frozenset(
    f"time_{name}"
    for name in ("appconnect", "connect", "namelookup", "pretransfer", "redirect", "starttransfer", "total")
)


def write_out(context: Context, template: str, found: Transfer, options: Options, redirects: int) -> None:
    """Print a template with the transfer's variables; `%{stderr}` sends what follows there."""
    known = _variables(context, found, options, redirects)
    headers = {name.lower(): value for name, value in found.response.headers} if found.response else {}
    stream, done = context.stdout, 0
    for match in _VARIABLE.finditer(template):
        stream.write(template[done : match.start()])
        done = match.end()
        name = match[3]
        if match[1]:
            stream.write("%")
        elif match[4]:
            stream.write(_ESCAPES.get(match[4], match[0]))
        elif match[2] is not None:
            stream.write(headers.get(match[2].lower(), ""))
        elif name in ("stderr", "stdout"):
            stream = context.stderr if name == "stderr" else context.stdout
        elif name == "onerror":
            if not found.status:
                return
        elif name == "json":
            stream.write(_as_json(known))
        elif name == "header_json":
            stream.write(json.dumps({key: [value] for key, value in headers.items()}, separators=(",", ":")))
        elif name in known:
            stream.write(_shown(name, known[name]))
        else:
            context.fail(f"curl: unknown --write-out variable: '{name}'")
    stream.write(template[done:])


def _shown(name: str, value: Any) -> str:
    if name in _TIMES:
        return f"{value:.6f}"
    if name in ("http_code", "response_code", "http_connect"):
        return f"{value:03d}"
    return "" if value is None else str(value)


def _as_json(known: dict[str, Any]) -> str:
    """All variables in one object, times with their six digits, as curl writes it."""
    parts = [
        f'"{name}":{_shown(name, value) if name in _TIMES else json.dumps(value)}'
        for name, value in known.items()
    ]
    return "{" + ",".join(parts) + "}"


def _variables(context: Context, found: Transfer, options: Options, redirects: int) -> dict[str, Any]:
    response, sent = found.response, found.sent
    answered = response is not None and found.status in (0, 22)
    local = sent.exchange.log[0][2][1] if sent and sent.exchange and sent.exchange.log else None
    seconds = max(found.duration.total_seconds(), 0.0) + (0.0 if found.target is None else 0.0004)
    connected = sent is not None and response is not None
    headers = {name.lower(): value for name, value in response.headers} if response else {}
    size = len(response.body) if response and found.method != "HEAD" and found.status != 22 else 0
    code = response.status if response is not None and answered else 0
    sent_bytes = len("\r\n".join(request_lines(context, found, options))) + 2 if connected else 0
    head = response_lines(response) if response else []
    version = version_of(context)
    return {
        "certs": "",
        "content_type": headers.get("content-type"),
        "errormsg": found.error or None,
        "exitcode": found.status,
        "filename_effective": found.output,
        "ftp_entry_path": None,
        "http_code": code,
        "http_connect": 0,
        "http_version": "1.1" if response else "0",
        "local_ip": _dotted(local[1]) if local and connected else "",
        "local_port": local[2] if local and connected else 0,
        "method": found.method,
        "num_certs": 0,
        "num_connects": 0 if found.reused or not connected else 1,
        "num_headers": len(head) - 2 if head else 0,
        "num_redirects": redirects,
        "proxy_ssl_verify_result": 0,
        "redirect_url": _redirect(found, headers),
        "referer": options.values.get("referer"),
        "remote_ip": (sent.address or "") if sent and connected else "",
        "remote_port": found.target.port if found.target and connected else 0,
        "response_code": code,
        "scheme": found.target.scheme.upper() if found.target and connected else None,
        "size_download": size,
        "size_header": len("\r\n".join(head)) + 2 if head else 0,
        "size_request": sent_bytes,
        "size_upload": len(found.data),
        "speed_download": int(size / seconds) if seconds else 0,
        "speed_upload": int(len(found.data) / seconds) if seconds else 0,
        "ssl_verify_result": 20 if found.status == 60 else 0,
        "time_appconnect": 0.0,
        "time_connect": seconds / 2 if connected else 0.0,
        "time_namelookup": seconds / 4 if found.status != 6 else 0.0,
        "time_pretransfer": seconds / 2 if connected else 0.0,
        "time_redirect": 0.0,
        "time_starttransfer": seconds * 0.9 if connected else 0.0,
        "time_total": seconds,
        "url": found.url,
        "url_effective": _effective(found),
        "urlnum": found.number,
        "curl_version": f"libcurl/{version}",
    }


def _redirect(found: Transfer, headers: dict[str, str]) -> str | None:
    return headers.get("location") if found.response and 300 <= found.response.status < 400 else None


def _effective(found: Transfer) -> str:
    scheme, _, rest = absolute(found.url).partition("://")
    if found.target is None:
        return absolute(found.url)
    return f"{scheme}://{re.split('[/?]', rest)[0]}{found.target.path}"


def _dotted(address: int) -> str:
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))
