"""curl's requests and responses as text: what goes over the wire, and with -v. Source: curl 7.88.1."""

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

from svclab.kube.webserver import HttpResponse
from svclab.terminal.commands.curl.options import Options
from svclab.terminal.commands.registry import Context
from svclab.terminal.files import FileError

if TYPE_CHECKING:
    from svclab.terminal.commands.curl.transfer import Transfer

VERSIONS = {"netshoot": "8.7.1", "alpine": "8.9.1", "curl": "8.9.1"}
_BOUNDARY = "------------------------4ebf00fbcf09a1c8"


def version_of(context: Context) -> str:
    """The version of the curl that is installed here."""
    return VERSIONS.get(context.location.toolset, "7.88.1")


def is_modern(context: Context) -> bool:
    """Whether it is an 8.x, whose words differ a little from those of 7.88."""
    return context.location.toolset in VERSIONS


def absolute(url: str) -> str:
    """The URL with its scheme."""
    return url if "://" in url else f"http://{url}"


def posted(context: Context, options: Options) -> str:
    """The request's body: of -d and its like, of a form, or of the file that -T uploads."""
    if name := options.values.get("upload"):
        return _file(context, name) or ""
    if "form" in options.values:
        name, _, value = options.values["form"].partition("=")
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        return head + f"--{_BOUNDARY}--\r\n"
    quiet = "silent" in options.flags
    parts = [_data(context, kind, text, quiet=quiet) for kind, text in options.data]
    return "&".join(parts) if parts else options.values.get("json", "")


def _data(context: Context, kind: str, text: str, *, quiet: bool) -> str:
    if kind == "data-raw":
        return text
    if kind == "data-urlencode":
        name, equals, value = text.partition("=")
        return f"{name}{'=' if name and equals else ''}{quote(value if equals else name, safe='')}"
    if not text.startswith("@"):
        return text
    found = _file(context, text[1:])
    if found is None:
        shown = f'Couldn\'t read data from file "{text[1:]}", this makes an empty POST.'
        if not quiet:
            context.fail(f"Warning: {shown}")
        return ""
    return found if kind == "data-binary" else found.replace("\n", "").replace("\r", "")


def _file(context: Context, name: str) -> str | None:
    if name == "-":
        return context.stdin.read()
    try:
        text: str = context.files.read(context.path(name))
    except FileError:
        return None
    return text


def request_lines(context: Context, found: "Transfer", options: Options) -> list[str]:
    """The request as it goes over the wire, an empty line at its end."""
    target = found.target
    assert target is not None
    default = {"http": 80, "https": 443}[target.scheme]
    headers = {"Host": target.host if target.port == default else f"{target.host}:{target.port}"}
    if user := options.values.get("user"):
        headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
    if wanted := options.values.get("range"):
        headers["Range"] = f"bytes={wanted}"
    headers["User-Agent"] = options.values.get("agent", f"curl/{version_of(context)}")
    headers["Accept"] = "*/*"
    if "compressed" in options.flags:
        headers["Accept-Encoding"] = "deflate, gzip, br, zstd"
    if referer := options.values.get("referer"):
        headers["Referer"] = referer
    if cookie := options.values.get("cookie"):
        headers["Cookie"] = cookie
    own = [header.partition(":") for header in options.lists.get("header", [])]
    headers = _merged(headers, [(name.strip(), value.strip()) for name, _, value in own])
    for name, value in _content_headers(found, options).items():
        headers.setdefault(next((key for key in headers if key.lower() == name.lower()), name), value)
    version = "HTTP/1.0" if "http10" in options.flags else "HTTP/1.1"
    return [f"{found.method} {target.path} {version}", *(f"{n}: {v}" for n, v in headers.items() if v), ""]


def _merged(headers: dict[str, str], own: list[tuple[str, str]]) -> dict[str, str]:
    """-H replaces what curl would send (and takes it out where it has no value), and adds at the end."""
    found = dict(headers)
    for name, value in own:
        known = next((key for key in found if key.lower() == name.lower()), name)
        found[known] = value
    return found


def _content_headers(found: "Transfer", options: Options) -> dict[str, str]:
    if not found.data and found.method not in ("POST", "PUT"):
        return {}
    length = {"Content-Length": str(len(found.data.encode()))}
    if "upload" in options.values:
        return length | {"Expect": "100-continue"}
    if "json" in options.values:
        return {"Content-Type": "application/json", **length}
    if "form" in options.values:
        return length | {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return length | ({"Content-Type": "application/x-www-form-urlencoded"} if options.data else {})


def response_lines(response: HttpResponse) -> list[str]:
    """Status line and headers, an empty line at their end."""
    return [
        f"HTTP/1.1 {response.status} {response.reason}".rstrip(),
        *(f"{name}: {value}" for name, value in response.headers),
        "",
    ]
